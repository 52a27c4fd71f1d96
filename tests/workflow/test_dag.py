"""What a run would do, by dry run."""

import subprocess
import sys
from pathlib import Path

from conftest import Workflow

ROOT = Path(__file__).parents[2]


def test_figure_02_of_the_miniature_counts_its_jobs(workflow: Workflow) -> None:
    planned = workflow.planned("figure_02", "--configfile", "config.yaml")
    models, backbones, corpora = 7, 6, 3
    assert planned == {
        "make_miniature": 1,
        "inventory": corpora,
        "prepare_corpus": corpora,
        "pack_audio": corpora + 2,
        "fetch_pretrained": backbones,
        "extract_stem_features": backbones * 2,
        "finetune": backbones,
        "train_cnn14": 1,
        "predict": models * corpora,
        "score": models * corpora,
        "figure_02": 1,
    }


def test_fetch_fetches_and_does_nothing_else(workflow: Workflow) -> None:
    assert workflow.planned("fetch") == {"fetch_pretrained": 2, "fetch": 1}


def test_pretrain_miniature_leaves_the_shipped_backbones_alone(workflow: Workflow) -> None:
    output = workflow.snakemake("--dry-run", "pretrain_miniature", "--configfile", "config.yaml")
    assert "pretrain_backbone" in output
    assert "resources/miniature" not in output


def test_keep_features_false_marks_them_as_temporary(workflow: Workflow) -> None:
    output = workflow.snakemake("--dry-run", "--config", "keep_features=False")
    assert "will be removed" in output or "temporary" in output.lower()


def test_parsing_imports_no_torch() -> None:
    code = "import sys, valence_gap.study, valence_gap.cli; valence_gap.cli.parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_wrong_configuration_is_one_line(workflow: Workflow) -> None:
    (workflow.root / "wrong.yaml").write_text("models:\n  w2v2-b: {backbone: w2v2-x}\n")
    output = workflow.snakemake("--dry-run", "--configfile", "tiny.yaml", "wrong.yaml", check=False)
    assert "models.w2v2-b.backbone: 'w2v2-x' is not a backbone; valid: mini-cnn14, " in output
    assert "Traceback" not in output
