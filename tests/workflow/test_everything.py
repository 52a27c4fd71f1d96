"""Every figure, every table and the claims, from the raw corpora, in the smallest size."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from working_copy import Workflow, copy_workflow

FIGURES = [f"figure_{number:02d}" for number in range(2, 14)]
TABLES = ["table_1", "table_2", "table_3"]
CONFIGURATION = ("tiny.yaml", "everything.yaml")
MSP_PODCAST = "results/tiny/raw/MSP-PODCAST-Publish-1.7"


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    workflow = copy_workflow(tmp_path_factory.mktemp("everything"))
    workflow.snakemake("results/tiny/raw/manifest.json", configfiles=CONFIGURATION)
    corrupt(workflow.root / MSP_PODCAST)
    workflow.snakemake(configfiles=CONFIGURATION)
    return workflow


def transcribed(corpus: Path) -> str:
    """Return a test utterance of MSP-Podcast that has a transcript, so that it is synthesised too."""
    return min(path.stem for path in (corpus / "Transcripts").rglob("*.txt"))


def corrupt(corpus: Path) -> None:
    """Cut the audio file of that utterance, so that it is shorter than its header says."""
    (path,) = (corpus / "Audios").rglob(f"{transcribed(corpus)}.wav")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture(scope="module")
def results(everything: Workflow) -> Path:
    return everything.root / "results/tiny"


@pytest.mark.parametrize("figure", FIGURES)
def test_each_figure_is_written_with_its_numbers_and_words(results: Path, figure: str) -> None:
    stem = results / "figures" / figure
    assert stem.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert stem.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(stem.with_suffix(".csv")))
    words = json.loads(stem.with_suffix(".json").read_text())
    assert all(words[part] for part in ("title", "subtitle", "foot", "alt", "models", "corpora"))
    assert words["published_drawn"] is False


def test_the_stem_output_of_conditions_is_stored_once_for_a_backbone(results: Path) -> None:
    for place in ("iemocap/fade", "msp-podcast/synthesised"):
        assert np.load(results / f"features/mini-w2v2-b/{place}/test/features.npy", mmap_mode="r").size
    record = json.loads((results / "predictions/w2v2-b/seed-42/iemocap/augmented.run.json").read_text())
    assert {"fade/features.npy", "speed/features.npy"} < set(record["inputs"])


def test_figure_3_has_the_word_error_rates_of_all_corpora(results: Path) -> None:
    table = pd.read_csv(results / "figures/figure_03_word_error_rates.csv").set_index("corpus")
    assert list(table.index) == ["msp-podcast", "iemocap", "cmu-mosi"]
    assert (table["compared"] > 0).all()
    assert table["rate"].to_numpy() == pytest.approx((table["errors"] / table["words"]).to_numpy(), abs=1e-4)
    for corpus, row in table.iterrows():
        assert row["utterances"] == len(pd.read_parquet(results / f"text/{corpus}/test/transcripts.parquet"))


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_csv_markdown_and_tex(results: Path, table: str) -> None:
    stem = results / "tables" / table
    assert len(pd.read_csv(stem.with_suffix(".csv")))
    assert "|" in stem.with_suffix(".md").read_text()
    assert r"\toprule" in stem.with_suffix(".tex").read_text()


def test_claims_have_verdicts(results: Path) -> None:
    verdicts = pd.read_csv(results / "claims.csv")["verdict"]
    assert set(verdicts) <= {"supported", "contradicted", "inconclusive"}
    assert (verdicts != "inconclusive").any()
    assert json.loads((results / "claims.json").read_text())


def test_the_stopping_rule_is_applied_to_every_training(results: Path) -> None:
    models = json.loads((results / "convergence.json").read_text())["models"]
    trained = {path.parts[-3] for path in results.glob("models/*/seed-*/training.csv")}
    assert set(models) == trained - {"cnn14-doubled"}
    assert models["cnn14"]["compared_with"] == "cnn14-doubled"
    assert models["cnn14"]["doubled"] in ("yes", "no")
    curves = pd.read_csv(results / "curves.csv").groupby("model")["epoch"].max()
    assert set(curves.index) == trained
    assert curves["cnn14-doubled"] == 2 * curves["cnn14"]
    of_claims = json.loads((results / "convergence_of_claims.json").read_text())["models"]
    assert set(of_claims) <= set(models)


def test_augmented_test_sets_hold_the_clean_utterances(results: Path) -> None:
    clean = pd.read_parquet(results / "audio/iemocap/clean/test/index.parquet")
    noisy = pd.read_parquet(results / "audio/iemocap/human-0db/test/index.parquet")
    pd.testing.assert_frame_equal(clean, noisy)
    predicted = pd.read_parquet(results / "predictions/w2v2-b/seed-42/iemocap/augmented.parquet")
    assert set(predicted["condition"]) == {"human-0db", "speed", "fade"}
    assert predicted.groupby("condition")["id"].apply(list).map(lambda ids: ids == list(clean["id"])).all()


def test_a_damaged_test_file_is_left_out_everywhere_and_counted(everything: Workflow, results: Path) -> None:
    corrupted = transcribed(everything.root / MSP_PODCAST)
    utterances = pd.read_parquet(results / "corpora/msp-podcast/utterances.test.parquet")
    assert corrupted in set(utterances["id"])
    skipped = json.loads((results / "audio/msp-podcast/clean/test/report.json").read_text())["skipped"]
    assert [each["count"] for each in skipped.values()] == [1]
    own = "w2v2-b/seed-42/msp-podcast"
    predicted = {
        name: set(pd.read_parquet(results / f"predictions/{own}/{name}.parquet")["id"])
        for name in ("clean", "augmented", "synthesised")
    }
    assert predicted["clean"] == predicted["augmented"] == set(utterances["id"]) - {corrupted}
    assert (
        corrupted in predicted["synthesised"]
    )  # the synthesiser does not read the audio file, but scores are only of utterances with audio
    scores = pd.read_csv(results / f"scores/{own}/clean.csv")
    assert set(scores.loc[scores["group"] == "all", "samples"]) == {len(utterances) - 1}
    shown = pd.read_csv(results / "figures/figure_10.csv")
    assert set(shown.loc[shown["corpus"] == "msp-podcast", "id"]) == predicted["clean"]
    message = f"msp-podcast: 1 of {len(utterances)} utterances have bad audio and were skipped"
    logs = [f"score/{own}/clean", *(f"figures/figure_0{number}" for number in (3, 4, 5)), "measure_separation"]
    for name in (*logs, "claims"):
        assert message in (results / f"logs/{name}.log").read_text()


def test_a_model_records_its_origin(results: Path) -> None:
    record = json.loads((results / "models/w2v2-b/seed-42/run.json").read_text())
    assert record["definition"]["seed"] == 42
    assert record["inputs"]
    assert record["versions"]["torch"]


def test_a_second_run_does_nothing(everything: Workflow) -> None:
    assert everything.planned(configfiles=CONFIGURATION) == {}
