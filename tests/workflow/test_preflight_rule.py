"""The preflight as the first step of a run, and as a rule."""

import json
import shutil
from pathlib import Path

import pytest
import yaml
from test_presets import MY_CORPORA, PAPER
from working_copy import Workflow

CHECKED = ("tiny.yaml", "checked.yaml")


@pytest.fixture
def nowhere(workflow: Workflow) -> tuple[str, ...]:
    (workflow.root / "my-corpora.yaml").write_text(MY_CORPORA)
    return (PAPER, "my-corpora.yaml")


@pytest.fixture
def checked(finished: Workflow, tmp_path: Path) -> Workflow:
    """A private copy of the finished study whose configuration requires the preflight."""
    root = tmp_path / "checked"
    shutil.copytree(finished.root, root, symlinks=True)
    (root / "checked.yaml").write_text("preflight: true\n")
    return Workflow(root)


def test_a_run_that_would_fail_stops_before_its_first_job(workflow: Workflow, nowhere: tuple[str, ...]) -> None:
    output = workflow.snakemake(configfiles=nowhere, check=False)
    assert "\nwrong    iemocap  " in output
    assert "no folder /nowhere/iemocap" in output
    assert "error: paper cannot be run as it is.\n  - msp-podcast: place: " in output
    assert "Traceback" not in output
    logs = workflow.root / "results/paper/logs"
    assert not logs.exists() or not any(logs.rglob("*.log"))
    assert workflow.planned(configfiles=nowhere)["pack_audio"] == 5  # the folder is not locked, and nothing was done


def test_a_run_that_can_correct_the_problem_is_not_stopped(workflow: Workflow, nowhere: tuple[str, ...]) -> None:
    output = workflow.snakemake("fetch", configfiles=nowhere, check=False)
    assert "error: paper cannot be run" not in output
    assert "\nerror: fetch_pretrained w2v2-" in output  # the rule starts, and reports itself what is missing


def test_a_run_can_skip_the_preflight(workflow: Workflow, nowhere: tuple[str, ...]) -> None:
    arguments = ("results/paper/audio/iemocap/clean/test/audio.npy", "--config", "preflight=False")
    output = workflow.snakemake(*arguments, configfiles=nowhere, check=False)
    assert "error: paper cannot be run" not in output
    assert "\nerror: inventory iemocap failed\n  The corpus is not where its paths say.\n" in output


def test_the_rule_shows_its_table_and_fails(workflow: Workflow, nowhere: tuple[str, ...]) -> None:
    output = workflow.snakemake("preflight", configfiles=nowhere, check=False)
    assert "no folder /nowhere/iemocap" in output
    assert "error: paper cannot be run as it is." in output
    found = json.loads((workflow.root / "results/paper/preflight.json").read_text())["findings"]
    assert ("iemocap", "place", "wrong") in {(one["subject"], one["check"], one["status"]) for one in found}


def test_the_preflight_runs_on_request_and_causes_no_other_job(checked: Workflow) -> None:
    assert checked.planned(configfiles=CHECKED) == {}
    assert checked.planned("preflight", configfiles=CHECKED) == {"preflight": 1}
    output = checked.snakemake("preflight", configfiles=CHECKED)
    assert "hours on " in output
    assert checked.planned(configfiles=CHECKED) == {}


def test_a_run_is_checked_once_for_each_configuration(checked: Workflow) -> None:
    path = checked.root / "checked.yaml"

    def run(rate: float, *targets: str) -> str:
        models = {"w2v2-b": {"overrides": {"learning_rate": rate}}}
        path.write_text(yaml.safe_dump({"preflight": True, "models": models}))
        return checked.snakemake(*targets, configfiles=CHECKED)

    model = "results/tiny/models/w2v2-b/seed-42/model.safetensors"
    assert "hours on " in run(1e-4, model)
    prediction = "results/tiny/predictions/w2v2-b/seed-42/iemocap/clean.parquet"
    assert "no corpus was read again" in run(1e-4, prediction)
    assert "hours on " in run(2e-4, prediction)
