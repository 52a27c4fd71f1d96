"""The workflow run from another folder than its own, with results in that folder: one whole figure, twice one model."""

import subprocess
import sys
from pathlib import Path

import pytest
from working_copy import ENVIRONMENT, Workflow

MODULE = """
configfile: "{project}/config.yaml"
configfile: "{project}/tiny.yaml"


module valence_gap:
    snakefile:
        "{project}/Snakefile"
    config:
        config


use rule * from valence_gap
"""
FIGURE = "results/tiny/figures/figure_02.pdf"
MODEL = "results/tiny/models/cnn14/seed-42/model.safetensors"


def run(folder: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=ENVIRONMENT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    assert done.returncode == 0, done.stdout


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("elsewhere")


def test_from_an_empty_folder(workflow: Workflow, folder: Path) -> None:
    workflow.configure(figures={"figure_02": {"models": ["w2v2-b"], "corpora": ["msp-podcast"]}})
    run(folder, "figure_02", "--snakefile", f"{workflow.root}/Snakefile", "--configfile", f"{workflow.root}/tiny.yaml")
    assert (folder / FIGURE).is_file()
    assert not (workflow.root / "results").exists()


def test_with_results_in_another_directory(workflow: Workflow, folder: Path) -> None:
    run(workflow.root, MODEL, "--directory", str(folder), "--configfile", "tiny.yaml")
    assert (folder / MODEL).is_file()
    assert not (workflow.root / "results").exists()


def test_as_a_module_of_another_workflow(workflow: Workflow, folder: Path) -> None:
    (folder / "Snakefile").write_text(MODULE.format(project=workflow.root))
    run(folder, MODEL)
    assert (folder / MODEL).is_file()
    assert not (workflow.root / "results").exists()
