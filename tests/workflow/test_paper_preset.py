"""The paper's preset from end to end, on small corpora in the real formats.

All is as in the preset but the paths, the size of the corpora and of both models, one epoch, and fewer models in
Figures 2 and 6. The study runs with the preflight that the preset asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Workflow, copy_workflow
from paper_corpora import MSP_SPLITS, Truth, write_corpora

PAPER = "workflow/presets/paper.yaml"
MODELS = {"cnn14", "w2v2-L-robust"}
CORPORA = {"msp-podcast", "iemocap", "cmu-mosi"}


@dataclass(frozen=True)
class Ran:
    """The study after its run."""

    results: Path
    output: str
    truth: Truth


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    workflow: Workflow = copy_workflow(tmp_path_factory.mktemp("paper"))
    truth = write_corpora(workflow.root)
    output = workflow.snakemake(configfiles=(PAPER, "my-corpora.yaml"))
    return Ran(workflow.root / "results/paper", output, truth)


def test_the_preflight_comes_first_and_compares_with_the_paper(paper: Ran) -> None:
    checked, started = paper.output.index("status   subject"), paper.output.index("Select jobs to execute")
    assert checked < started
    table = paper.output[checked:started]
    assert f"{MSP_SPLITS['Test1']} utterances; the paper: 12,902" in table
    assert "24 utterances; the paper: 10,039" in table
    assert "12 utterances; the paper: 685" in table
    assert "ESC-50 has 400 clips of each major class." in table
    assert ", 0 wrong, " in table
    assert (paper.results / "preflight.json").is_file()


def test_no_miniature_leaks_in(paper: Ran) -> None:
    assert "make_miniature" not in paper.output
    assert not (paper.results / "raw").exists()
    assert {path.name for path in (paper.results / "models").iterdir()} == MODELS


def test_figures_and_tables_show_every_model_and_corpus(paper: Ran) -> None:
    for figure, models in (("figure_02", MODELS), ("figure_06", {"w2v2-L-robust"})):
        shown = pd.read_csv(paper.results / f"figures/{figure}.csv")
        assert set(shown["model"]) >= models
        assert set(shown["corpus"]) == CORPORA
    assert (paper.results / "figures/figure_02.pdf").read_bytes().startswith(b"%PDF")
    assert len(pd.read_csv(paper.results / "tables/table_3.csv"))


@pytest.mark.parametrize("model", sorted(MODELS))
def test_scores_are_those_of_the_label_files(paper: Ran, model: str) -> None:
    for corpus, dimension, labels in (
        ("msp-podcast", "valence", paper.truth.msp_valence),
        ("iemocap", "arousal", paper.truth.iemocap_arousal),
        ("cmu-mosi", "valence", paper.truth.mosi_sentiment),
    ):
        scored = pd.read_csv(paper.results / f"scores/{model}/seed-42/{corpus}/clean.csv")
        (row,) = scored[(scored["group_by"] == "all") & (scored["dimension"] == dimension)].to_dict("records")
        assert row["samples"] == len(labels)
        predictions = pd.read_parquet(paper.results / f"predictions/{model}/seed-42/{corpus}/clean.parquet")
        assert row["ccc"] == pytest.approx(ccc_on_unit_scale(corpus, labels, predictions, dimension), abs=1e-6)


def ccc_on_unit_scale(corpus: str, labels: Mapping[str, float], predictions: pd.DataFrame, dimension: str) -> float:
    low, high = {"msp-podcast": (1, 7), "iemocap": (1, 5), "cmu-mosi": (-3, 3)}[corpus]
    truth = np.array([(labels[name] - low) / (high - low) for name in predictions["id"]])
    given = predictions[dimension].to_numpy(np.float64)
    covariance = np.mean((truth - truth.mean()) * (given - given.mean()))
    return float(2 * covariance / (truth.var() + given.var() + (truth.mean() - given.mean()) ** 2))


def test_all_conditions_of_the_preset_are_tested(paper: Ran) -> None:
    predicted = pd.read_parquet(paper.results / "predictions/w2v2-L-robust/seed-42/iemocap/augmented.parquet")
    noises = {f"{kind}-{snr}db" for kind in ("natural", "human", "interior") for snr in (0, 10, 20)}
    assert set(predicted["condition"]) == noises | {"speed", "fade"}
    assert (predicted.groupby("condition").size() == len(paper.truth.iemocap_arousal)).all()


def test_stem_features_are_thrown_away_in_the_end(paper: Ran) -> None:
    assert not list(paper.results.glob("features/**/features.npy"))
