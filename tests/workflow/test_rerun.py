"""What runs again after a change, on a finished tiny study."""

import os
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import Workflow

NOTHING: dict[str, int] = {}


@pytest.fixture
def changed(finished: Workflow, tmp_path: Path) -> Workflow:
    """A private copy of the finished study, times of all files kept."""
    root = tmp_path / "changed"
    shutil.copytree(finished.root, root, symlinks=True)
    return Workflow(root)


def configure(workflow: Workflow, **changes: object) -> None:
    path = workflow.root / "tiny.yaml"
    config = yaml.safe_load(path.read_text())
    for key, value in changes.items():
        config[key] = (config.get(key) or {}) | value if isinstance(value, dict) else value
    path.write_text(yaml.safe_dump(config))


def test_the_tiny_study_ends_with_a_figure(finished: Workflow) -> None:
    figures = finished.root / "results/tiny/figures"
    assert (figures / "figure_02.pdf").stat().st_size > 0
    assert (figures / "figure_02.png").stat().st_size > 0
    table = pd.read_csv(figures / "figure_02.csv")
    assert set(table["model"]) == {"cnn14", "hubert-b", "w2v2-b"}
    assert table["ccc"].between(-1, 1).all()


def test_a_second_run_does_nothing(finished: Workflow) -> None:
    assert finished.planned() == NOTHING


def test_touched_sources_and_reordered_keys_do_nothing(changed: Workflow) -> None:
    for path in (changed.root / "src").rglob("*.py"):
        os.utime(path)
    path = changed.root / "config.yaml"
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(dict(reversed(config.items())), sort_keys=True))
    assert changed.planned() == NOTHING


def test_an_edited_figure_is_one_job(changed: Workflow) -> None:
    source = changed.root / "src/valence_gap/figures/figure_02.py"
    source.write_text(source.read_text() + "\n# edited\n")
    assert changed.planned() == {"all": 1, "figure_02": 1}


def test_another_colour_is_one_job(changed: Workflow) -> None:
    configure(changed, models={"w2v2-b": {"colour": "#000000"}})
    assert changed.planned() == {"all": 1, "figure_02": 1}


def test_another_learning_rate_is_that_chain_only(changed: Workflow) -> None:
    configure(changed, models={"w2v2-b": {"overrides": {"learning_rate": 1.0e-4}}})
    assert changed.planned() == {"all": 1, "finetune": 1, "predict": 3, "score": 3, "figure_02": 1}


def test_a_moved_corpus_does_nothing(changed: Workflow) -> None:
    shutil.move(changed.root / "results/tiny/raw/CMU-MOSI", changed.root / "elsewhere")
    configure(
        changed, paths={"cmu-mosi": {"labels": "{miniature}/../../../elsewhere/Labels/OpinionLevelSentiment.csv"}}
    )
    assert changed.planned() == NOTHING
