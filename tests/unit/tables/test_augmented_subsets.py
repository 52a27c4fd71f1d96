"""Table III and Figure 6 where a fixed subset of a test set is augmented."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from figure_study import CORPORA, EVALUATION, described, write_figure_study

from valence_gap.figures.drawing import style
from valence_gap.figures.make import make_figure
from valence_gap.runtime.errors import UserError
from valence_gap.scores.metrics import ccc
from valence_gap.scores.scoring import score
from valence_gap.tables.make import make_table

DRAWN = 30
CONDITIONS = [
    {"name": "natural-0db", "label": "Natural", "kind": "noise", "noise_class": "natural", "snr_db": 0},
    {"name": "fade", "label": "Fade", "kind": "fade"},
]


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """The study of the figures, in which 30 of the 48 utterances of MSP-Podcast are augmented."""
    folder = tmp_path_factory.mktemp("study")
    found = write_figure_study(folder)
    scores = list(found.scores)
    for run, path in found.predictions:
        if run.corpus == "msp-podcast" and path.stem.endswith("augmented"):
            table = pd.read_parquet(path)
            table[table["id"].str[1:].astype(int) < DRAWN].to_parquet(path)
            clean = path.with_name(path.name.replace("augmented", "clean"))
            named = {"model": run.model, "seed": run.seed, "corpus": run.corpus}
            subset = {"clean": clean, "augmented_utterances": DRAWN}
            tables = (found.labels[run.corpus], found.utterances[run.corpus], path.with_suffix(".csv"))
            score(path, *tables, **named, **subset, dimensions=CORPORA[run.corpus], evaluation=EVALUATION)
    return replace(found, scores=tuple(scores), augmented_utterances={"msp-podcast": DRAWN})


def by_hand(study, condition, drawn=DRAWN, model="w2v2-b"):
    """CCC of valence of the first utterances of MSP-Podcast."""
    truth = pd.read_parquet(study.labels["msp-podcast"]).set_index("id")["valence"][:drawn]
    for run, path in study.predictions:
        if (run.model, run.corpus) == (model, "msp-podcast"):
            table = pd.read_parquet(path)
            if len(rows := table[table["condition"] == condition]):
                return ccc(truth, rows.set_index("id").loc[truth.index, "valence"])
    raise AssertionError(condition)


def test_figure_06_marks_the_recordings_of_the_augmented_utterances_and_says_so(study, tmp_path, monkeypatch):
    monkeypatch.setitem(style.PARAMETERS, "savefig.dpi", 40)
    make_figure("figure_06", study, described(), tmp_path / "figure_06")
    table = pd.read_csv(tmp_path / "figure_06.csv").set_index(["corpus", "dimension", "model"])
    row = table.loc[("msp-podcast", "valence", "w2v2-b")]
    mean = np.mean([by_hand(study, name["name"]) for name in CONDITIONS])
    assert (row.ccc, row.clean) == (pytest.approx(mean), pytest.approx(by_hand(study, "clean")))
    assert row.clean != pytest.approx(by_hand(study, "clean", 48))
    words = json.loads((tmp_path / "figure_06.json").read_text())["subtitle"]
    assert "the same utterances as recorded" in words
    assert "30 of 48 utterances of MSP-PODCAST and all 48 of CMU-MOSI" in words


def test_table_3_changes_are_from_the_recordings_of_the_augmented_utterances(study, tmp_path):
    description = json.dumps(
        {
            "models": [{"name": "w2v2-b", "label": "w2v2-b", "colour": "#009e73"}],
            "corpora": [{"name": name, "label": name.upper(), "dimensions": own} for name, own in CORPORA.items()],
            "conditions": CONDITIONS,
            "evaluation": {"bootstrap": 60},
        }
    )
    make_table("table_3", study, description, tmp_path / "table_3")
    cells = pd.read_csv(tmp_path / "table_3.csv").set_index(["condition", "corpus", "dimension"])
    row = cells.loc[("fade", "msp-podcast", "valence")]
    assert row.change == pytest.approx(by_hand(study, "fade") - by_hand(study, "clean"))
    assert np.isfinite(row.se_utterances)
    part = "30 of 48 utterances of MSP-PODCAST and all 48 of CMU-MOSI"
    assert f"Augmented and clean: fixed subsets of the test sets, {part}." in (tmp_path / "table_3.md").read_text()
    for number in ({}, {"msp-podcast": 29}):  # other utterances than those that the study augments
        with pytest.raises(UserError):
            make_table("table_3", replace(study, augmented_utterances=number), description, tmp_path / "other")


def test_scores_of_other_utterances_are_not_compared(study, tmp_path):
    scores = pd.concat([pd.read_csv(path, dtype={"group": str}) for path in study.scores])
    scores[scores["condition"] != "clean of augmented"].to_csv(tmp_path / "stale.csv", index=False)
    with pytest.raises(UserError, match="scored on different utterances"):
        make_figure("figure_06", replace(study, scores=(tmp_path / "stale.csv",)), described(), tmp_path / "x")
