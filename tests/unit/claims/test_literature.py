import numpy as np
import pytest
from claims_data import BY_ID, MappedEvidence, paper_claims

from valence_gap.claims.cases import cases_of
from valence_gap.claims.literature import recall_gains, table_1
from valence_gap.claims.resolved_statements import ResolvedStatement


def test_gains_named_by_the_paper_are_among_the_pairs():
    assert recall_gains("speech-recognition")["row 15", "row 19"] == pytest.approx(-0.032)
    assert recall_gains("large")["row 20", "row 19"] == pytest.approx(0.005)
    assert recall_gains("hubert")["row 22", "row 20"] == pytest.approx(0.021)
    assert recall_gains("large")["row 22", "row 17"] == pytest.approx(0.030)


def test_fine_tuned_rows_are_compared_with_the_frozen_rows_of_the_same_work_and_model():
    expected = {
        ("row 19", "row 3"): 0.136,
        ("row 17", "row 6"): 0.117,
        ("row 20", "row 8"): 0.119,
        ("row 22", "row 11"): 0.120,
    }
    assert recall_gains("fine-tuned") == pytest.approx(expected)


def test_the_best_of_the_works_with_fine_tuned_layers_are_compared():
    assert recall_gains("average-pooling") == pytest.approx({("row 22", "row 16"): 0.796 - 0.743})


def test_the_rows_of_a_pair_differ_in_nothing_else():
    rows = {f"row {row['row']}": row for row in table_1()}
    for one, two in recall_gains("hubert"):
        differing = {name for name in rows[one] if rows[one][name] != rows[two][name]}
        assert differing <= {"row", "model", "family", "uar", "war", "reconstructed"}


def test_gains_have_no_resamples_of_their_own():
    question = ResolvedStatement(BY_ID["large-was-mostly-better"], paper_claims(), MappedEvidence(resamples=5))
    cases = cases_of(question)
    assert len(cases) == 7
    assert all(rows.shape == (6,) and np.ptp(rows) == 0 for rows in cases.values())
