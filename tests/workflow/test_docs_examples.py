"""The examples of the documentation that start a study, run on the tiny study."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from small_models import make_backbone
from working_copy import ROOT, Workflow

from valence_gap.preflight.run import merge, merged

EXAMPLES = ROOT / "docs/examples"


@pytest.fixture(scope="module")
def trained(finished: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A copy of the finished study with the examples, in which it is the default study under the default name."""
    workflow = finished.copy(tmp_path_factory.mktemp("examples") / "study")
    shutil.copytree(EXAMPLES, workflow.root / "docs/examples")
    config = merge(merged([workflow.root / "config.yaml", workflow.root / "tiny.yaml"]), {"study": "miniature"})
    (workflow.root / "config.yaml").write_text(yaml.safe_dump(config))
    (workflow.root / "results/tiny").rename(workflow.root / "results/miniature")
    shutil.rmtree(workflow.root / ".snakemake")
    workflow.snakemake("--touch", configfiles=("config.yaml",))
    workflow.snakemake("--forcerun", "figure_02", configfiles=("config.yaml",))  # records what it was drawn from
    return Workflow(workflow.root, own_sources=True)


def example(name: str) -> str:
    return f"docs/examples/{name}.yaml"


def models_of(workflow: Workflow, study: str = "miniature") -> set[str]:
    return set(pd.read_csv(workflow.root / f"results/{study}/figures/figure_02.csv")["model"])


def test_wavlm_is_trained_and_shown_beside_the_models_that_are_there(trained: Workflow) -> None:
    assert trained.planned(configfiles=(example("wavlm"),))["finetune"] == 1
    make_backbone(trained.root / "wavlm", "wavlm")
    local = {
        "backbones": {"wavlm-b": {"source": "./wavlm", "revision": None}},  # in place of the hub's
        "figures": {"figure_02": {"corpora": ["iemocap"]}},
    }
    (trained.root / "local.yaml").write_text(yaml.safe_dump(local))
    jobs = trained.ran(configfiles=(example("wavlm"), "local.yaml"))
    assert (jobs["fetch_pretrained"], jobs["finetune"]) == (1, 1)
    assert models_of(trained) == {"cnn14", "w2v2-b", "wavlm-b"}


def test_a_finished_model_is_trained_on(trained: Workflow) -> None:
    jobs = trained.ran(configfiles=(example("continue"),))
    assert (jobs["fetch_pretrained"], jobs["finetune"]) == (1, 1)
    assert models_of(trained) == {"w2v2-b", "continued"}


def test_a_finished_model_is_evaluated_and_nothing_is_trained(trained: Workflow) -> None:
    jobs = trained.ran(configfiles=(example("evaluate"),))
    assert jobs["fetch_checkpoint"] == 1
    assert not {"finetune", "train_cnn14", "extract_stem_features"} & set(jobs)
    assert models_of(trained, "evaluated") == {"finished"}
    assert (trained.root / "results/evaluated/figures/figure_07.pdf").is_file()


def test_a_figure_is_added_by_three_files(trained: Workflow) -> None:
    environment = trained.environment | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["bash", "-euo", "pipefail", "docs/examples/figure_14.sh"]
    done = subprocess.run(command, cwd=trained.root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(trained.root / "results/miniature/figures/figure_14.csv")
    assert list(table.columns) == ["corpus", "model", "arousal", "dominance", "valence"]
    assert len(table) == 6
    assert (trained.root / "results/miniature/figures/figure_14.pdf").read_bytes().startswith(b"%PDF")
    assert "finetune" not in done.stderr
