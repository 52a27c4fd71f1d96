"""The stopping rule on made-up curves."""

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores.stopping_rule import DOUBLED_GAIN, LATE_GAIN, PLATEAU, Convergence, judge, measure

FLAT = [0.2, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6]


def curves(valence: dict[int, list[float]], arousal: list[float] | None = None) -> pd.DataFrame:
    """Curves of a model: valence by seed; arousal and dominance have converged."""
    rows = []
    for seed, values in valence.items():
        others = arousal or FLAT[-1:] * len(values)
        for epoch, (one, other) in enumerate(zip(values, others, strict=True), 1):
            rows.append(("m", seed, epoch, 0.5, other, other, one))
    return pd.DataFrame(rows, columns=["model", "seed", "epoch", "loss", *(f"dev_{name}" for name in DIMENSIONS)])


def judged(valence: dict[int, list[float]], twice: dict[int, list[float]] | None = None) -> Convergence:
    return judge("m", measure(curves(valence)), measure(curves(twice)) if twice else None, "m-doubled" if twice else "")


def test_the_last_quarter_is_compared_with_the_epochs_before_it() -> None:
    row = measure(curves({42: [0.1, 0.5, 0.3, 0.2, 0.4, 0.45, 0.52, 0.51]})).iloc[2]
    assert (row["dimension"], row["epochs"]) == ("valence", 8)
    assert row[["best_before", "best_late", "best"]].tolist() == [0.5, 0.52, 0.52]
    assert row["late_gain"] == pytest.approx(0.02)


@pytest.mark.parametrize(("epochs", "late"), [(2, 1), (3, 1), (4, 1), (5, 2), (8, 2), (9, 3)])
def test_the_last_quarter_is_rounded_up(epochs: int, late: int) -> None:
    rising = [k / 100 for k in range(epochs)]
    assert measure(curves({42: rising}, [0.6] * epochs)).iloc[2]["late_gain"] == pytest.approx(late / 100)


def test_a_model_that_meets_all_three_conditions_has_converged() -> None:
    found = judged({42: FLAT, 43: FLAT}, {42: FLAT + FLAT, 43: FLAT + FLAT})
    assert (found.late, found.doubled, found.left_plateau) == ("yes", "yes", "yes")
    assert (found.converged, found.mark, found.why) == ("yes", "", ())
    assert (found.seeds, found.epochs) == ((42, 43), (8, 8))


def test_one_seed_that_improves_late_is_enough_to_fail() -> None:
    late = [*FLAT[:-1], 0.6 + LATE_GAIN + 0.001]
    found = judged({42: FLAT, 43: late}, {42: FLAT, 43: FLAT})
    assert (found.late, found.converged, found.mark) == ("no", "no", "not converged")
    assert found.why == ("(a) valence, seed 43: still improves in the last quarter of 8 epochs, by 0.011",)


def test_a_training_on_its_plateau_fails_although_it_no_longer_improves() -> None:
    found = judged({42: FLAT, 43: [0.001] * 8}, {42: FLAT, 43: [0.001] * 16})
    assert (found.late, found.doubled, found.left_plateau, found.converged) == ("yes", "yes", "no", "no")
    assert found.why == ("(c) valence, seed 43: never left its first plateau; best dev CCC 0.001",)


def test_twice_as_many_epochs_are_compared_in_the_mean_over_the_seeds() -> None:
    up, down = [*FLAT, *[0.6 + 2 * DOUBLED_GAIN - 0.002] * 8], [*FLAT, *[0.55] * 8]
    assert judged({42: FLAT, 43: FLAT}, {42: up, 43: down}).doubled == "yes"
    more = [*FLAT, *[0.6 + 2 * DOUBLED_GAIN + 0.002] * 8]
    found = judged({42: FLAT, 43: FLAT}, {42: more, 43: down})
    assert (found.doubled, found.converged) == ("no", "no")
    assert found.why == ("(b) valence: twice as many epochs raise the best dev CCC by 0.021",)


def test_without_twice_as_many_epochs_it_is_unknown_and_comparisons_are_marked() -> None:
    found = judged({42: FLAT})
    assert (found.late, found.doubled, found.converged, found.mark) == ("yes", "unknown", "unknown", "not converged")
    assert judged({42: FLAT, 43: FLAT}, {42: FLAT}).why == ("(b): seeds 43 were not trained for twice as many epochs",)


def test_trainings_that_would_stop_at_the_same_epoch_meet_the_second_condition() -> None:
    assert judge("m", measure(curves({42: FLAT})), None, same_twice=True).converged == "yes"


def test_what_is_not_defined_is_unknown() -> None:
    found = judged({42: [0.4]}, {42: [0.4, 0.4]})
    assert (found.late, found.converged) == ("unknown", "unknown")
    nothing = judged({42: [math.nan] * 8}, {42: [math.nan] * 16})
    assert (nothing.late, nothing.doubled, nothing.left_plateau) == ("unknown", "unknown", "unknown")


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=40))
def test_a_curve_and_its_longer_copy_keep_the_rule_consistent(values: list[float]) -> None:
    """Whatever the curve: the gain is that of its parts, and a model compared with itself meets (b)."""
    measured = measure(curves({42: values}, [0.6] * len(values)))
    row = measured.iloc[2]
    assert row["best"] == max(row["best_before"], row["best_late"]) == max(values)
    found = judge("m", measured, measured)
    assert found.doubled == "yes"
    assert (found.late == "no") == (row["late_gain"] > LATE_GAIN)
    assert (found.left_plateau == "no") == (max(values) <= PLATEAU)
