"""Every figure, every table and the claims, from the raw corpora, in the smallest size."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import Workflow, copy_workflow

FIGURES = [f"figure_{number:02d}" for number in range(2, 14)]
TABLES = ["table_1", "table_2", "table_3"]
CONFIGURATION = ("tiny.yaml", "everything.yaml")


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    workflow = copy_workflow(tmp_path_factory.mktemp("everything"))
    workflow.snakemake(configfiles=CONFIGURATION)
    return workflow


@pytest.fixture(scope="module")
def results(everything: Workflow) -> Path:
    return everything.root / "results/tiny"


@pytest.mark.parametrize("figure", FIGURES)
def test_each_figure_is_a_vector_a_picture_and_its_numbers(results: Path, figure: str) -> None:
    stem = results / "figures" / figure
    assert stem.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert stem.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert len(pd.read_csv(stem.with_suffix(".csv")))


@pytest.mark.parametrize("table", TABLES)
def test_each_table_is_csv_markdown_and_tex(results: Path, table: str) -> None:
    stem = results / "tables" / table
    assert len(pd.read_csv(stem.with_suffix(".csv")))
    assert "|" in stem.with_suffix(".md").read_text()
    assert r"\toprule" in stem.with_suffix(".tex").read_text()


def test_claims_have_verdicts(results: Path) -> None:
    verdicts = pd.read_csv(results / "claims.csv")["verdict"]
    assert set(verdicts) <= {"holds", "does not hold", "cannot be told"}
    assert (verdicts != "cannot be told").any()
    assert json.loads((results / "claims.json").read_text())


def test_augmented_test_sets_hold_the_clean_utterances(results: Path) -> None:
    clean = pd.read_parquet(results / "audio/iemocap/clean/test/index.parquet")
    noisy = pd.read_parquet(results / "audio/iemocap/human-0db/test/index.parquet")
    pd.testing.assert_frame_equal(clean, noisy)
    predicted = pd.read_parquet(results / "predictions/w2v2-b/seed-42/iemocap/augmented.parquet")
    assert set(predicted["condition"]) == {"human-0db", "speed", "fade"}
    assert predicted.groupby("condition")["id"].apply(list).map(lambda ids: ids == list(clean["id"])).all()


def test_a_model_says_where_it_came_from(results: Path) -> None:
    record = json.loads((results / "models/w2v2-b/seed-43/run.json").read_text())
    assert record["definition"]["seed"] == 43
    assert record["inputs"]
    assert record["versions"]["torch"]


def test_seeds_make_different_models_of_equal_shape(results: Path) -> None:
    one, two = (np.load(results / f"predictions/w2v2-b/seed-{seed}/iemocap/clean.embeddings.npy") for seed in (42, 43))
    assert one.shape == two.shape
    assert not np.array_equal(one, two)


def test_a_second_run_does_nothing(everything: Workflow) -> None:
    assert everything.planned(configfiles=CONFIGURATION) == {}
