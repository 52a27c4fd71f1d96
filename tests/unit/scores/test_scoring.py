import json
from hashlib import sha256

import numpy as np
import pandas as pd
import pytest

from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.values import to_json
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import ccc
from valence_gap.scores.scoring import AUGMENTED_MEAN, COLUMNS, score, score_table
from valence_gap.scores.statistics import generator

EVALUATION = Evaluation(bootstrap=100, min_samples=20, speaker_draws=15)


def corpus_tables(count=60, seed=0):
    rng = np.random.default_rng(seed)
    ids = [f"u{row:03}" for row in range(count)]
    utterances = pd.DataFrame(
        {
            "id": ids,
            "speaker": [None if row % 10 == 9 else f"s{row % 3 % 2}" for row in range(count)],
            "gender": [("female", "male", None)[row % 3] for row in range(count)],
            "transcript": ["words" if row % 2 else (None, " ")[row % 4 // 2] for row in range(count)],
        }
    )
    labels = pd.DataFrame(rng.random((count, 3)), columns=["arousal", "dominance", "valence"])
    labels.insert(0, "id", ids)
    labels.loc[:4, "valence"] = np.nan
    return utterances, labels


def predict(labels, condition="clean", seed=1):
    rng = np.random.default_rng(seed)
    table = labels.copy()
    noisy = table[["arousal", "dominance", "valence"]].fillna(0.5) + 0.3 * rng.standard_normal((len(table), 3))
    table[noisy.columns] = noisy.astype(np.float32)
    table.insert(1, "condition", condition)
    return table


def table_of(predictions, labels, utterances, dimensions=("arousal", "dominance", "valence"), evaluation=EVALUATION):
    return score_table(predictions, labels, utterances, corpus="iemocap", dimensions=dimensions, evaluation=evaluation)


def row_of(table, dimension, group, condition="clean"):
    found = table[(table.dimension == dimension) & (table.group == group) & (table.condition == condition)]
    assert len(found) == 1
    return found.iloc[0]


def test_scores_by_hand():
    utterances, labels = corpus_tables()
    predictions = predict(labels).sample(frac=1, random_state=0)  # order must not matter
    table = table_of(predictions, labels, utterances)
    together = labels.merge(predictions, on="id").merge(utterances, on="id")
    assert row_of(table, "arousal", "all").ccc == pytest.approx(ccc(together.arousal_x, together.arousal_y))
    parts = {gender: rows.dropna(subset="valence_x") for gender, rows in together.groupby("gender")}
    expected = {gender: ccc(rows.valence_x, rows.valence_y) for gender, rows in parts.items()}
    for gender in ("female", "male"):
        row = row_of(table, "valence", gender)
        assert (row.ccc, row.samples) == (pytest.approx(expected[gender]), len(parts[gender]))
        assert row.low < row.ccc < row.high
        assert row.group_by == "gender"
    fairness = row_of(table, "valence", "female-male")
    assert fairness.ccc == pytest.approx(expected["female"] - expected["male"])
    assert fairness.low < fairness.ccc < fairness.high
    assert fairness.samples == len(parts["female"]) + len(parts["male"])


def test_utterances_skipped_for_their_audio_are_left_out_and_counted(tmp_path, capsys):
    utterances, labels = corpus_tables()
    predictions = predict(labels)
    usable = utterances[utterances.id != "u007"]
    spoken = predict(labels, "synthesised", seed=2)[20:50]  # the engine needs no audio: u007 may be among them
    spoken = pd.concat([spoken, predict(labels, "synthesised", seed=2)[7:8]])
    expected = table_of(
        pd.concat([predictions, spoken]).query("id != 'u007'"),
        labels.query("id != 'u007'").reset_index(drop=True),
        usable.reset_index(drop=True),
    )
    paths = {name: tmp_path / f"{name}.parquet" for name in ("predictions", "labels", "utterances")}
    pd.concat([predictions.query("id != 'u007'"), spoken]).to_parquet(paths["predictions"])
    labels.to_parquet(paths["labels"])
    utterances.to_parquet(paths["utterances"])
    usable[["id"]].to_parquet(tmp_path / "index.parquet")
    named = {"model": "m", "seed": 1, "corpus": "iemocap", "dimensions": ["arousal", "dominance", "valence"]}

    def run():
        score(
            *paths.values(),
            tmp_path / "scores.csv",
            **named,
            evaluation=EVALUATION,
            pack_index=tmp_path / "index.parquet",
        )
        return pd.read_csv(tmp_path / "scores.csv")

    pd.testing.assert_frame_equal(run().drop(columns=["model", "seed"]), expected, check_dtype=False)
    assert "iemocap: 1 of 60 utterances have bad audio and were skipped" in capsys.readouterr().err
    pd.concat([predictions.query("id not in ['u007', 'u008']"), spoken]).to_parquet(paths["predictions"])
    with pytest.raises(UserError, match="1 predictions for iemocap are missing") as caught:  # u008 was not skipped
        run()
    assert caught.value.offenders == ("clean: u008",)


def test_utterances_without_labels_are_left_out_and_counted(capsys):
    utterances, labels = corpus_tables()
    table = table_of(predict(labels), labels, utterances)
    assert row_of(table, "valence", "all").samples == 55
    assert row_of(table, "arousal", "all").samples == 60
    assert "5 of 60 utterances have no label for valence" in capsys.readouterr().err


def test_speakers_need_enough_utterances():
    utterances, labels = corpus_tables()
    counts = utterances.speaker.value_counts()
    table = table_of(predict(labels), labels, utterances, ["arousal"])
    speakers = table[table.group_by == "speaker"]
    assert speakers.group.tolist() == sorted(counts.index[counts >= 20])
    strict = Evaluation(bootstrap=100, min_samples=int(counts.max()), speaker_draws=15)
    table = table_of(predict(labels), labels, utterances, ["arousal"], strict)
    assert table[table.group_by == "speaker"].group.tolist() == [counts.idxmax()]


def test_only_annotated_dimensions_in_the_fixed_order():
    utterances, labels = corpus_tables()
    table = table_of(predict(labels), labels, utterances, ["valence", "arousal"])
    assert table.dimension.unique().tolist() == ["arousal", "valence"]


def test_conditions_share_resamples_and_keep_their_order():
    utterances, labels = corpus_tables()
    clean, noisy = predict(labels), predict(labels, "natural-0db", seed=5)
    both = table_of(pd.concat([noisy, clean]), labels, utterances)
    assert both.condition.unique().tolist() == ["natural-0db", "clean", AUGMENTED_MEAN]
    alone = table_of(clean, labels, utterances)
    pd.testing.assert_frame_equal(both[both.condition == "clean"].reset_index(drop=True), alone)


def test_the_mean_over_augmentations_is_bootstrapped_over_the_same_utterances():
    utterances, labels = corpus_tables(count=40)
    conditions = ["fade", "natural-0db", "speed"]
    parts = [predict(labels, name, seed) for seed, name in enumerate(["clean", *conditions])]
    table = table_of(pd.concat(parts), labels, utterances, ["valence"])
    row = row_of(table, "valence", "all", AUGMENTED_MEAN)
    single = table[(table.group == "all") & table.condition.isin(conditions)]
    assert row.ccc == pytest.approx(single.ccc.mean())
    assert (row.group_by, row.samples) == ("all", 35)
    truth = labels.valence.to_numpy()[5:]
    series = [part.valence.to_numpy(dtype=np.float64)[5:] for part in parts[1:]]
    means = []
    rng = generator(EVALUATION.seed, "iemocap", "all")
    for drawn in rng.integers(0, 35, (EVALUATION.bootstrap, 35)):
        means.append(sum(ccc(truth[drawn], one[drawn]) for one in series) / 3)
    assert [row.low, row.high] == [pytest.approx(end) for end in np.percentile(means, [2.5, 97.5])]
    assert row.high - row.low < (single.high - single.low).mean()


def test_there_is_a_mean_only_over_augmentations():
    utterances, labels = corpus_tables()
    spoken = pd.concat([predict(labels), predict(labels[utterances.transcript == "words"], "synthesised")])
    assert AUGMENTED_MEAN not in set(table_of(spoken, labels, utterances).condition)


def test_synthesised_covers_the_utterances_that_were_spoken_and_counts_them(capsys):
    utterances, labels = corpus_tables()
    spoken = labels[utterances.transcript == "words"]
    predictions = predict(spoken, "synthesised")
    table = table_of(predictions, labels, utterances)
    row = row_of(table, "arousal", "all", "synthesised")
    assert (row.samples, row.ccc) == (30, pytest.approx(ccc(spoken.arousal, predictions.arousal)))
    assert "30 of 60 utterances were synthesised" in capsys.readouterr().err


def test_missing_predictions_are_listed_up_to_twenty():
    utterances, labels = corpus_tables()
    with pytest.raises(UserError) as caught:
        table_of(predict(labels[25:]), labels, utterances)
    assert caught.value.offenders[0] == "clean: u000"
    assert len(caught.value.offenders) == 21
    assert caught.value.offenders[-1] == "... and 5 more"


def test_tables_that_do_not_fit_together_are_refused():
    utterances, labels = corpus_tables()
    predictions = predict(labels)
    with pytest.raises(UserError, match="more than one prediction"):
        table_of(pd.concat([predictions, predictions[:1]]), labels, utterances)
    with pytest.raises(UserError, match="does not have"):
        table_of(predictions.replace({"id": {"u000": "x"}}), labels, utterances)
    with pytest.raises(UserError, match="do not have the same ids"):
        table_of(predictions, labels[1:], utterances)
    with pytest.raises(UserError, match="unknown dimension"):
        table_of(predictions, labels, utterances, ["sentiment"])
    with pytest.raises(UserError, match="no utterance"):
        table_of(predictions, labels.assign(valence=np.nan), utterances)


def test_one_gender_gives_no_fairness():
    utterances, labels = corpus_tables()
    table = table_of(predict(labels), labels, utterances.assign(gender="male", speaker=None), ["arousal"])
    assert table.group.tolist() == ["all", "male"]


def test_a_diverged_model_scores_nan():
    utterances, labels = corpus_tables()
    predictions = predict(labels).assign(arousal=np.float32("nan"))
    table = table_of(predictions, labels, utterances)
    assert np.isnan(row_of(table, "arousal", "all").ccc)
    assert np.isfinite(row_of(table, "dominance", "all").ccc)


def test_csv_is_written_with_the_documented_columns(tmp_path):
    utterances, labels = corpus_tables()
    paths = [tmp_path / f"{name}.parquet" for name in ("predictions", "labels", "utterances")]
    for path, table in zip(paths, (predict(labels), labels, utterances), strict=True):
        table.to_parquet(path)
    options = {"model": "m", "seed": 42, "corpus": "iemocap", "dimensions": ["arousal"], "evaluation": EVALUATION}
    score(*paths, tmp_path / "scores" / "clean.csv", **options)
    first = (tmp_path / "scores" / "clean.csv").read_bytes()
    score(*paths, tmp_path / "scores" / "clean.csv", **options)
    assert (tmp_path / "scores" / "clean.csv").read_bytes() == first
    table = pd.read_csv(tmp_path / "scores" / "clean.csv")
    assert tuple(table.columns) == COLUMNS
    assert set(table.model) == {"m"}
    assert set(table.seed) == {42}
    assert not (tmp_path / "scores/clean.run.json").exists()
    score(*paths, tmp_path / "scores/clean.csv", **options, record=tmp_path / "scores/clean.run.json")
    record = json.loads((tmp_path / "scores/clean.run.json").read_text())
    assert record["definition"] == {
        "model": "m",
        "seed": 42,
        "corpus": "iemocap",
        "dimensions": ["arousal"],
        "evaluation": json.loads(to_json(EVALUATION)),
    }
    assert record["inputs"] == {path.stem: sha256(path.read_bytes()).hexdigest() for path in paths}
