"""Scores of augmented speech beside those of clean speech of the same utterances."""

import numpy as np
import pandas as pd
import pytest

from valence_gap.definitions.evaluation import AUGMENTED_MEAN, CLEAN_OF_AUGMENTED, Evaluation
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import ccc
from valence_gap.scores.same_utterances import recordings, subset_text
from valence_gap.scores.scoring import score
from valence_gap.scores.statistics import generator

DIMENSIONS = ["arousal", "dominance", "valence"]
EVALUATION = Evaluation(bootstrap=50, min_samples=20, speaker_draws=15)
COUNT, DRAWN = 60, [row for row in range(60) if row % 3]
CONDITIONS = ("fade", "speed")


@pytest.fixture
def files(tmp_path):
    """Labels, utterances, and predictions: clean ones of all utterances, augmented ones of 40."""
    rng = np.random.default_rng(0)
    ids = [f"u{row:02}" for row in range(COUNT)]
    labels = pd.DataFrame(rng.random((COUNT, 3)), columns=DIMENSIONS).assign(id=ids)
    people = pd.DataFrame({"id": ids, "speaker": [f"s{row % 5}" for row in range(COUNT)], "gender": None})
    tables = {"labels": labels, "utterances": people}
    for name in ("clean", *CONDITIONS):
        tables[name] = labels.assign(condition=name)
        tables[name][DIMENSIONS] += 0.2 * rng.standard_normal((COUNT, 3))
    tables["augmented"] = pd.concat([tables[name].iloc[DRAWN] for name in CONDITIONS])
    for name, table in tables.items():
        table.to_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def scored(files, predictions, **options):
    paths = [files / f"{name}.parquet" for name in (predictions, "labels", "utterances")]
    named = {"model": "m", "seed": 1, "corpus": "iemocap", "dimensions": DIMENSIONS, "evaluation": EVALUATION}
    score(*paths, files / "scores.csv", **named, **options)
    return pd.read_csv(files / "scores.csv").query("group_by == 'all'")


def of_subset(files, number=40):
    return scored(files, "augmented", clean=files / "clean.parquet", augmented_utterances=number)


def test_clean_speech_is_scored_on_the_augmented_utterances_and_their_resamples(files):
    found = of_subset(files).set_index(["condition", "dimension"])
    assert list(found.index.levels[0].sort_values()) == sorted([*CONDITIONS, CLEAN_OF_AUGMENTED, AUGMENTED_MEAN])
    assert set(found["samples"]) == {len(DRAWN)}
    truth, clean = (
        pd.read_parquet(files / f"{name}.parquet")["valence"].to_numpy()[DRAWN] for name in ("labels", "clean")
    )
    row = found.loc[CLEAN_OF_AUGMENTED, "valence"]
    assert row.ccc == pytest.approx(ccc(truth, clean))
    drawn = generator(0, "iemocap", "all").integers(0, len(DRAWN), (50, len(DRAWN)))
    assert row.se_utterances == pytest.approx(np.std([ccc(truth[rows], clean[rows]) for rows in drawn], ddof=1))
    mean = np.mean([found.loc[(name, "valence"), "ccc"] for name in CONDITIONS])
    assert found.loc[(AUGMENTED_MEAN, "valence"), "ccc"] == pytest.approx(mean)


def test_whole_test_sets_are_scored_as_without_a_number(files):
    whole = pd.concat([pd.read_parquet(files / f"{name}.parquet") for name in CONDITIONS])
    whole.to_parquet(files / "augmented.parquet")
    pd.testing.assert_frame_equal(of_subset(files, 500), scored(files, "augmented"))


def test_other_utterances_than_those_that_the_study_augments_are_refused(files):
    with pytest.raises(UserError, match="do not cover the 30 utterances") as caught:
        of_subset(files, 30)
    assert caught.value.offenders == ("fade: 40 utterances", "speed: 40 utterances")
    with pytest.raises(UserError, match="predictions for iemocap are missing"):
        scored(files, "augmented")  # the study names no number
    table = pd.read_parquet(files / "augmented.parquet")
    table.loc[(table["condition"] == "speed") & (table["id"] == "u01"), "id"] = "u00"
    table.to_parquet(files / "augmented.parquet")
    with pytest.raises(UserError) as caught:
        of_subset(files)
    assert caught.value.offenders == ("speed: other utterances than fade",)


def test_changes_are_from_the_recordings_of_the_same_utterances(files):
    clean, augmented = scored(files, "clean"), of_subset(files)
    both = pd.concat([clean, augmented])
    found = recordings(both).set_index("dimension")["ccc"]
    same = augmented[augmented["condition"] == CLEAN_OF_AUGMENTED].set_index("dimension")["ccc"]
    pd.testing.assert_series_equal(found, same)
    assert subset_text(both, {"iemocap": "IEMOCAP"}) == "40 of 60 utterances of IEMOCAP"
    with pytest.raises(UserError, match="different utterances") as caught:
        recordings(both[both["condition"] != CLEAN_OF_AUGMENTED])
    assert caught.value.offenders[0] == "m, seed 1, on iemocap: arousal, 'fade': 40 and 60 utterances"


def test_a_corpus_that_is_augmented_as_a_whole_is_compared_as_a_whole():
    rows = [("a", "clean", 500, 0.5), ("a", "fade", 500, 0.4), ("b", "clean", 1000, 0.3), ("b", "fade", 400, 0.2)]
    rows.append(("b", CLEAN_OF_AUGMENTED, 400, 0.35))
    table = pd.DataFrame(rows, columns=["corpus", "condition", "samples", "ccc"])
    table = table.assign(model="m", seed=1, dimension="valence")
    assert recordings(table).set_index("corpus")["ccc"].to_dict() == {"a": 0.5, "b": 0.35}
    assert subset_text(table, {"b": "B", "a": "A"}) == "400 of 1,000 utterances of B and all 500 of A"
    assert subset_text(table[table["corpus"] == "a"], {"a": "A"}) == ""
