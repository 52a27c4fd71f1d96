"""The stopping rule: whether a model was trained long enough to be compared, from its development CCCs.

The rule is the same for every kind of model. Its conditions hold for arousal, dominance and valence each:

(a) in every training seed the best dev CCC of the last quarter of the epochs is at most 0.01 above the best of the
    epochs before;
(b) twice as many epochs, with the schedule of the learning rate stretched, raise the best dev CCC by at most 0.02 in
    the mean over the seeds;
(c) no training stayed on its first plateau, where the predictions do not depend on the audio.

A falling learning rate alone meets (a), and so does a training that never left its plateau.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Literal

import numpy as np
import pandas as pd

from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores.metrics import Floats

Answer = Literal["yes", "no", "unknown"]

FINAL_PART = 0.25
"""The last part of the epochs, as a share."""
LATE_GAIN = 0.01
"""(a): the largest gain of the last quarter."""
DOUBLED_GAIN = 0.02
"""(b): the largest gain of twice as many epochs."""
PLATEAU = 0.05
"""(c): the best dev CCC of a training that is on its plateau.

A constant prediction has a CCC of 0. That of predictions unrelated to n labels has a standard error of at most
1 / sqrt(n), which is 0.05 for the 400 dev utterances of the miniature, and of far less while predictions hardly vary:
trainings of the miniature that stayed on their plateau have a best dev CCC below 0.01, all others above 0.07.
"""


@dataclass(frozen=True)
class Convergence:
    """What the stopping rule says of a model.

    Attributes:
        model: its name.
        seeds: of its trainings.
        epochs: of each training; with early stopping fewer than its recipe allows.
        late: (a).
        doubled: (b).
        left_plateau: (c).
        compared_with: the model of twice as many epochs; empty if there is none.
        why: a line for each condition that is not met or not known.
    """

    model: str
    seeds: tuple[int, ...]
    epochs: tuple[int, ...]
    late: Answer
    doubled: Answer
    left_plateau: Answer
    compared_with: str
    why: tuple[str, ...]

    @property
    def converged(self) -> Answer:
        """Whether the model was trained long enough: yes if all conditions are met, no if one is not."""
        return _all([self.late, self.doubled, self.left_plateau])

    @property
    def mark(self) -> str:
        """How comparisons with the model are marked: also if (b) was not tried, so that nobody knows."""
        return "" if self.converged == "yes" else "not converged"


def _all(answers: Sequence[Answer]) -> Answer:
    """'no' if one answer is no, else 'unknown' if one is unknown."""
    if "no" in answers:
        return "no"
    return "unknown" if "unknown" in answers or not answers else "yes"


def measure(curves: pd.DataFrame) -> pd.DataFrame:
    """The numbers that the rule compares.

    Args:
        curves: a row for each epoch: model, seed, epoch, and the dev CCC in dev_arousal, dev_dominance, dev_valence;
            the epochs of a training in order.

    Returns:
        A row for each training and dimension: model, seed, dimension, epochs, best_before and best_late (the best dev
        CCC before and in the last quarter), late_gain (their difference), best. A number that is not defined is NaN:
        the last quarter of a training of one epoch leaves none before it.
    """
    rows = []
    for (model, seed), run in curves.groupby(["model", "seed"], sort=False):
        for dimension in DIMENSIONS:
            values = run[f"dev_{dimension}"].to_numpy(dtype=np.float64)
            before, late = np.split(values, [len(values) - ceil(FINAL_PART * len(values))])
            first, last, best = map(_best, (before, late, values))
            rows.append((model, seed, dimension, len(values), first, last, last - first, best))
    columns = ["model", "seed", "dimension", "epochs", "best_before", "best_late", "late_gain", "best"]
    return pd.DataFrame(rows, columns=columns)


def _best(values: Floats) -> float:
    """The highest value that is defined; NaN if none is."""
    return float(np.nanmax(values)) if np.isfinite(values).any() else float("nan")


def judge(
    model: str, measured: pd.DataFrame, twice: pd.DataFrame | None, compared_with: str = "", *, same_twice: bool = False
) -> Convergence:
    """Apply the stopping rule to a model.

    Args:
        model: its name.
        measured: its rows of :func:`measure`.
        twice: the rows of the model that was trained for twice as many epochs; None: there is none.
        compared_with: the name of that model.
        same_twice: twice as many epochs would be the same trainings, because all were stopped early at a constant
            learning rate.
    """
    late = list(_late(measured))
    plateau = list(_plateau(measured))
    doubled: list[tuple[Answer, str]] = [("yes", "")] if same_twice else list(_doubled(measured, twice))
    runs = measured.drop_duplicates("seed")
    return Convergence(
        model=model,
        seeds=tuple(int(seed) for seed in runs["seed"]),
        epochs=tuple(int(count) for count in runs["epochs"]),
        late=_all([answer for answer, _ in late]),
        doubled=_all([answer for answer, _ in doubled]),
        left_plateau=_all([answer for answer, _ in plateau]),
        compared_with=compared_with,
        why=tuple(text for _, text in (*plateau, *late, *doubled) if text),
    )


def _late(measured: pd.DataFrame) -> Iterator[tuple[Answer, str]]:
    columns = ["seed", "dimension", "epochs", "late_gain"]
    for seed, dimension, epochs, gain in measured[columns].itertuples(index=False, name=None):
        place = f"(a) {dimension}, seed {seed}"
        if np.isnan(gain):
            yield "unknown", f"{place}: too few epochs with a dev CCC ({epochs})"
        elif gain > LATE_GAIN:
            yield "no", f"{place}: still improves in the last quarter of {epochs} epochs, by {gain:.3f}"
        else:
            yield "yes", ""


def _plateau(measured: pd.DataFrame) -> Iterator[tuple[Answer, str]]:
    for seed, dimension, best in measured[["seed", "dimension", "best"]].itertuples(index=False, name=None):
        place = f"(c) {dimension}, seed {seed}"
        if np.isnan(best):
            yield "unknown", f"{place}: no dev CCC"
        elif best <= PLATEAU:
            yield "no", f"{place}: never left its first plateau; best dev CCC {best:.3f}"
        else:
            yield "yes", ""


def _doubled(measured: pd.DataFrame, twice: pd.DataFrame | None) -> Iterator[tuple[Answer, str]]:
    if twice is None:
        yield "unknown", "(b): not trained for twice as many epochs"
        return
    missing = sorted(set(measured["seed"]) - set(twice["seed"]))
    if missing:
        yield "unknown", f"(b): seeds {', '.join(map(str, missing))} were not trained for twice as many epochs"
        return
    for dimension, gain in doubled_gains(measured, twice).items():
        if np.isnan(gain):
            yield "unknown", f"(b) {dimension}: no dev CCC"
        elif gain > DOUBLED_GAIN:
            yield "no", f"(b) {dimension}: twice as many epochs raise the best dev CCC by {gain:.3f}"
        else:
            yield "yes", ""


def doubled_gains(measured: pd.DataFrame, twice: pd.DataFrame) -> dict[str, float]:
    """The gain of the best dev CCC with twice as many epochs by dimension, the mean over the seeds of the first."""
    pairs = measured.merge(twice, on=["seed", "dimension"], suffixes=("", "_twice"))
    gains = (pairs["best_twice"] - pairs["best"]).groupby(pairs["dimension"], sort=False)
    return {str(dimension): float(gain.mean(skipna=False)) for dimension, gain in gains}
