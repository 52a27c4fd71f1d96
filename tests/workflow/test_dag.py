"""What a run would do, by dry run."""

import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Workflow

ROOT = Path(__file__).parents[2]


def test_figure_02_of_the_miniature_counts_its_jobs(workflow: Workflow) -> None:
    planned = workflow.planned("figure_02", configfiles=("config.yaml",))
    models, backbones, corpora = 6, 5, 3
    assert planned == {
        "make_miniature": 1,
        "inventory": corpora,
        "prepare_corpus": corpora,
        "pack_audio": corpora + 2,
        "fetch_pretrained": backbones,
        "extract_stem_features": backbones * (corpora + 2),
        "finetune": backbones,
        "train_cnn14": 1,
        "predict": models * corpora,
        "score": models * corpora,
        "figure_02": 1,
    }


@pytest.mark.parametrize(
    ("target", "without"),
    [
        ("figure_02", {"apply_conditions", "transcribe", "synthesise", "train_fusion"}),
        ("figure_03", {"apply_conditions", "synthesise"}),
        ("figure_04", {"apply_conditions", "transcribe", "score", "train_cnn14"}),
        ("figure_05", {"apply_conditions", "transcribe", "synthesise", "score", "train_cnn14"}),
        ("figure_06", {"transcribe", "synthesise"}),
        ("figure_11", {"predict", "score", "apply_conditions", "transcribe"}),
        ("figure_12", {"train_cnn14", "apply_conditions", "transcribe"}),
        ("table_1", {"make_miniature", "finetune", "fetch_pretrained"}),
        ("table_2", {"make_miniature", "finetune"}),
        ("table_3", {"train_cnn14", "transcribe", "synthesise"}),
    ],
)
def test_a_target_needs_only_what_it_shows(workflow: Workflow, target: str, without: set[str]) -> None:
    planned = workflow.planned(target, configfiles=("config.yaml",))
    assert planned[target] == 1
    assert not without & set(planned)
    others = {rule for rule in planned if rule.startswith(("figure_", "table_"))} - {target}
    assert others == set()


def test_fetch_fetches_and_does_nothing_else(workflow: Workflow) -> None:
    assert workflow.planned("fetch") == {"fetch_pretrained": 2, "fetch": 1}


def test_pretrain_miniature_leaves_the_shipped_backbones_alone(workflow: Workflow) -> None:
    output = workflow.snakemake("--dry-run", "pretrain_miniature")
    assert "pretrain_backbone" in output
    outputs = [line for line in output.splitlines() if line.strip().startswith("output:")]
    assert outputs
    assert not any("resources/miniature" in line for line in outputs)


def test_keep_features_false_marks_them_as_temporary(workflow: Workflow) -> None:
    output = workflow.snakemake("--dry-run", "--config", "keep_features=False")
    assert "will be removed" in output or "temporary" in output.lower()


def test_parsing_imports_no_torch() -> None:
    code = "import sys, valence_gap.study, valence_gap.cli; valence_gap.cli.parser(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_a_wrong_configuration_is_one_line(workflow: Workflow) -> None:
    (workflow.root / "wrong.yaml").write_text("models:\n  w2v2-b: {backbone: w2v2-x}\n")
    output = workflow.snakemake("--dry-run", configfiles=("tiny.yaml", "wrong.yaml"), check=False)
    assert "models.w2v2-b.backbone: 'w2v2-x' is not a backbone; valid: mini-asr, mini-bert, " in output
    assert "Traceback" not in output
