"""Claims about augmented speech where a subset of the test sets is augmented."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from claims_data import BY_ID, write_study

from valence_gap.claims.evidence import Cell
from valence_gap.claims.file_evidence import FileEvidence
from valence_gap.claims.labelled_test_sets import EvidenceFiles
from valence_gap.claims.quantities import change
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.definitions.claims import Claims
from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.figures import keyed_files, runs_of
from valence_gap.runtime.errors import UserError
from valence_gap.scores import statistics
from valence_gap.scores.metrics import ccc

EVALUATION = Evaluation(bootstrap=200, min_samples=15, speaker_draws=15)
CORPORA = {"in-domain": "msp-podcast", "cross-corpus": "iemocap", "sentiment": "cmu-mosi"}


def files_of(options):
    return EvidenceFiles(
        predictions=runs_of(options["--predictions"], "--predictions", parts=3),
        labels=dict(keyed_files(options["--labels"], "--labels")),
        utterances=dict(keyed_files(options["--utterances"], "--utterances")),
    )


def augmented_study(folder, drawn):
    """Predictions of 80 utterances of clean speech, and of the drawn ones under two augmentations."""
    options = write_study(folder, {"a": 0.3, "b": 0.2}, conditions=("clean", "fade", "speed"))
    for path in [*folder.glob("*-fade.parquet"), *folder.glob("*-speed.parquet")]:
        table = pd.read_parquet(path)
        table[table["id"].str[-3:].astype(int).isin(drawn)].to_parquet(path, index=False)
    return options


def test_changes_are_those_of_the_augmented_utterances(tmp_path):
    drawn = [row for row in range(80) if row % 3 == 1]
    files = replace(
        files_of(augmented_study(tmp_path, drawn)), augmented_utterances=dict.fromkeys(CORPORA.values(), 27)
    )
    scores = FileEvidence(files, EVALUATION)
    truth, clean, faded = (
        pd.read_parquet(tmp_path / f"{name}.parquet").set_index("id").sort_index()["valence"].to_numpy(dtype=float)
        for name in ("iemocap--labels", "a-1-iemocap-clean", "a-1-iemocap-fade")
    )
    claims = Claims(
        roles={"best": "a", "transformers": ("a", "b")}, corpora=CORPORA, conditions={"augmented": ("fade",)}
    )
    resolved = ResolvedStatement(BY_ID["reasonably-robust"], claims, scores)
    found = change(resolved, Cell("a", "iemocap", "valence", "fade"))
    own, own_clean = truth[drawn], clean[drawn]
    assert found[0] == pytest.approx(ccc(own, faded) - ccc(own, own_clean))
    resampled = statistics.generator(0, "iemocap", "augmented").integers(0, 27, (200, 27))
    naive = [ccc(own[rows], faded[rows]) - ccc(own[rows], own_clean[rows]) for rows in resampled]
    np.testing.assert_allclose(found[1:], naive, atol=1e-9)
    assert scores.ccc("a", "iemocap", "valence", "clean")[0] == pytest.approx(ccc(truth, clean))  # elsewhere: all of it
    counts = [scores.utterances("iemocap", name) for name in ("clean", "fade", "clean of augmented")]
    assert counts == [80, 27, 27]
    assert [scores.speaker_count("iemocap", name) for name in ("clean", "fade")] == [4, 4]
    assert scores.subsets() == dict.fromkeys(CORPORA.values(), (27, 80))
    over_speakers = change(replace(resolved, evidence=scores.over_speakers()), Cell("a", "iemocap", "valence", "fade"))
    assert over_speakers[0] == found[0]
    assert np.isfinite(over_speakers).all()


def test_augmentations_of_whole_test_sets_are_scored_as_without_a_number(tmp_path):
    files = files_of(augmented_study(tmp_path, range(80)))
    place = ("a", "iemocap", "valence")
    for condition in ("fade", "clean of augmented", "clean"):
        without, large = (
            FileEvidence(replace(files, augmented_utterances=number), EVALUATION).ccc(*place, condition)
            for number in ({}, {"iemocap": 500})
        )
        np.testing.assert_array_equal(without, large)


@pytest.mark.parametrize("number", [None, 26, 28])
def test_augmentations_of_another_number_of_utterances_are_refused(tmp_path, number):
    drawn = {} if number is None else dict.fromkeys(CORPORA.values(), number)
    files = files_of(augmented_study(tmp_path, [row for row in range(80) if row % 3 == 1]))
    with pytest.raises(UserError, match="do not fit the utterances"):
        FileEvidence(replace(files, augmented_utterances=drawn), EVALUATION).ccc("a", "iemocap", "valence", "fade")
