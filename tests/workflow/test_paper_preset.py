"""The paper's preset from end to end, on small corpora in the real formats: first the quick look, then the whole study.

Everything is as in the preset, except the paths, the size of the corpora and of all models, and the keys of
small-paper.yaml. The study starts with the preflight, as the preset requires.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from paper_corpora import HUB, MSP_SPLITS, TRANSCRIBED, Truth, write_corpora
from working_copy import ROOT, Workflow, copy_workflow

PAPER, QUICK = "workflow/presets/paper.yaml", "workflow/presets/paper-quick.yaml"
SMALL = str(Path(__file__).parent / "small-paper.yaml")
OWN = ("my-corpora.yaml", SMALL)
LOOKED_AT = {"cnn14", "w2v2-b", "w2v2-L-robust"}  # models of the quick look
MODELS = LOOKED_AT | {
    "hubert-L",
    "w2v-bert",
    "w2v2-b-frozen",
    "w2v2-L-robust-frozen",
    "w2v2-L-random",
    "w2v2-L-robust-12",
    "w2v2-L-robust-12-50.0",
    "w2v2-b-fusion",
    "w2v2-L-robust-fusion",
}
CORPORA = {"msp-podcast", "iemocap", "cmu-mosi"}
FIGURES = {f"figure_{number:02d}" for number in range(2, 14)}
NEVER = {
    "crate",
    "measure_precision",  # the preset fixes the number format
    "page_utterances",  # of licensed corpora no utterance is shown
    "fetch_checkpoint",
    "export",
    "preflight",
    "fetch",
    "corpora",
    "models",
    "scores",
    "all",
    "fetch_deleted_pretrained",
}  # rules that are no part of the study
OF_THE_MINIATURE = {
    "pretrain_miniature",
    "make_miniature",
    "pretrain_backbone",
    "train_recogniser",
    "pretrain_text_encoder",
}
OF_CACHED_CONDITIONS = {"extract_augmented_features", "extract_synthesised_features"}  # test_everything.py runs them


@dataclass(frozen=True)
class Ran:
    """The study after its run.

    Attributes:
        results: its folder.
        planned: the jobs that were left after the quick look: rule -> count.
        output: what Snakemake printed when it ran them.
        truth: the labels on disk.
    """

    results: Path
    planned: dict[str, int]
    output: str
    truth: Truth


@pytest.fixture(scope="module")
def paper(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    workflow: Workflow = copy_workflow(tmp_path_factory.mktemp("paper"))
    truth = write_corpora(workflow.root)
    workflow.snakemake(configfiles=(PAPER, QUICK, *OWN))
    planned = workflow.planned(configfiles=(PAPER, *OWN))
    output = workflow.snakemake(configfiles=(PAPER, *OWN))
    return Ran(workflow.root / "results/paper", planned, output, truth)


def test_what_the_quick_look_trained_is_not_trained_again(paper: Ran) -> None:
    further = {model for model in MODELS - LOOKED_AT if not model.endswith("-fusion")}
    assert paper.planned["train_cnn14"] == 1  # the second seed
    assert paper.planned["finetune"] == 1 + len(further)  # and the second seed of w2v2-b
    assert paper.planned["inventory"] == 1  # of the noise corpus
    assert not {"prepare_corpus", "pack_audio"} & set(paper.planned)


def test_every_rule_has_run(paper: Ran) -> None:
    text = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    rules = set(re.findall(r"^(?:use rule \w+ as|rule) (\w+)(?: with)?:$", text, re.MULTILINE))
    ran = {path.name.removesuffix(".tsv") for path in (paper.results / "benchmarks").iterdir()} - {"figures", "tables"}
    ran |= {path.stem for kind in ("figures", "tables") for path in (paper.results / "benchmarks" / kind).iterdir()}
    assert ran == rules - NEVER - OF_THE_MINIATURE - OF_CACHED_CONDITIONS


def test_the_preflight_comes_first_and_compares_with_the_paper(paper: Ran) -> None:
    checked, started = paper.output.index("status   subject"), paper.output.index("\npaper: ")
    assert checked < started
    table = paper.output[checked:started]
    assert f"{MSP_SPLITS['Test1']} utterances; the paper: 12,902" in table
    assert "24 utterances; the paper: 10,039" in table
    assert "12 utterances; the paper: 685" in table
    assert "ESC-50 has 400 clips of each major class." in table
    assert ", 0 wrong, " in table
    assert (paper.results / "preflight.json").is_file()


def test_nothing_of_the_miniature_is_used(paper: Ran) -> None:
    assert "make_miniature" not in paper.output
    assert not (paper.results / "raw").exists()
    assert {path.name for path in (paper.results / "models").iterdir()} == MODELS


def test_every_figure_table_and_claim_is_written(paper: Ran) -> None:
    for figure in FIGURES:
        assert (paper.results / f"figures/{figure}.pdf").read_bytes().startswith(b"%PDF")
        assert len(pd.read_csv(paper.results / f"figures/{figure}.csv"))
    assert [len(pd.read_csv(paper.results / f"tables/table_{number}.csv")) > 0 for number in (1, 2, 3)] == [True] * 3
    verdicts = pd.read_csv(paper.results / "claims.csv")["verdict"]
    assert len(verdicts) == len(yaml.safe_load((ROOT / "workflow/claims.yaml").read_text())["statements"])
    assert (verdicts != "inconclusive").any()


def test_figure_11_shows_whole_epochs_of_a_model_that_is_evaluated_within_them(paper: Ran) -> None:
    log = pd.read_csv(paper.results / "models/w2v2-b/seed-42/training.csv")
    assert log["step"].tolist() == list(range(1, len(log) + 1))
    assert log["epoch_end"].sum() == 1 < len(log)
    shown = pd.read_csv(paper.results / "figures/figure_11.csv").query("model == 'w2v2-b'")
    assert set(shown["epoch"]) == {1}
    assert set(shown["seeds"]) == {2}


def test_figures_show_every_model_and_corpus(paper: Ran) -> None:
    for figure, models in (("figure_02", LOOKED_AT), ("figure_06", {"w2v2-L-robust"})):
        shown = pd.read_csv(paper.results / f"figures/{figure}.csv")
        assert set(shown["model"]) >= models
        assert set(shown["corpus"]) == CORPORA
    assert set(pd.read_csv(paper.results / "tables/table_2.csv")["model"]) == set(HUB)


def test_exactly_the_utterances_with_a_transcript_are_synthesised(paper: Ran) -> None:
    spoken = pd.read_parquet(paper.results / "predictions/w2v2-b-frozen/seed-42/msp-podcast/synthesised.parquet")
    assert set(spoken["id"]) == {f"MSP-PODCAST_0002_{turn:04d}" for turn in range(TRANSCRIBED)}


@pytest.mark.parametrize("model", sorted(LOOKED_AT))
def test_scores_agree_with_the_label_files(paper: Ran, model: str) -> None:
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


def test_stem_features_are_kept_for_models_that_are_added_later(paper: Ran) -> None:
    kept = {
        path.parent.relative_to(paper.results / "features") for path in paper.results.glob("features/**/features.npy")
    }
    assert {Path("w2v2-L-robust/msp-podcast/train"), Path("w2v2-L-robust/cmu-mosi/test")} <= kept


def test_a_model_on_spectrograms_is_streamed(paper: Ran) -> None:
    assert not (paper.results / "features/w2v-bert").exists()
    assert (
        len(pd.read_parquet(paper.results / "predictions/w2v-bert/seed-42/msp-podcast/clean.parquet"))
        == MSP_SPLITS["Test1"]
    )


def test_seeds_give_different_models_of_equal_shape(paper: Ran) -> None:
    one, two = (
        np.load(paper.results / f"predictions/w2v2-b/seed-{seed}/iemocap/clean.embeddings.npy") for seed in (42, 43)
    )
    assert one.shape == two.shape
    assert not np.array_equal(one, two)
