"""Reasons to doubt a score."""

import json

import numpy as np
import pandas as pd

from valence_gap.definitions.evaluation import Evaluation
from valence_gap.scores.doubts import doubts
from valence_gap.scores.scoring import score

IDS = [f"u{number}" for number in range(40)]


def tables(spread, labels=None, ids=IDS):
    rng = np.random.default_rng(0)
    truth = pd.DataFrame({"id": ids, "valence": rng.uniform(0, 1, len(ids)) if labels is None else labels})
    predictions = pd.DataFrame({"id": ids, "condition": "clean", "valence": 0.5 + spread * (truth["valence"] - 0.5)})
    return predictions, truth


def test_predictions_that_hardly_vary_are_named():
    (line,) = doubts(*tables(0.01), ["valence"])
    assert line.startswith("clean: valence: predictions hardly vary (standard deviation 0.00")
    assert doubts(*tables(0.2), ["valence"]) == []


def test_equal_labels_and_few_utterances_are_named():
    assert doubts(*tables(1.0, labels=0.5), ["valence"]) == ["valence: all labels are equal, so that there is no CCC"]
    (line,) = doubts(*tables(1.0, ids=IDS[:4]), ["valence"])
    assert line.startswith("only 4 utterances")


def test_doubts_are_beside_the_score_and_on_the_terminal(tmp_path, capsys):
    predictions, truth = tables(0.0)
    for name, table in (("predictions", predictions), ("labels", truth)):
        table.assign(arousal=np.nan, dominance=np.nan).to_parquet(tmp_path / f"{name}.parquet")
    pd.DataFrame({"id": IDS, "speaker": None, "gender": None}).to_parquet(tmp_path / "utterances.parquet")
    score(
        *(tmp_path / f"{name}.parquet" for name in ("predictions", "labels", "utterances")),
        tmp_path / "clean.csv",
        model="m",
        seed=1,
        corpus="own",
        dimensions=["valence"],
        evaluation=Evaluation(bootstrap=10),
        record=tmp_path / "clean.run.json",
    )
    (line,) = json.loads((tmp_path / "clean.run.json").read_text())["warnings"]
    assert "hardly vary" in line
    assert f"note: m on own: warning: {line}\n" in capsys.readouterr().err
