"""The quantities that statements are about, each computed for the estimate and for every resample at once."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from valence_gap.claims.evidence import MissingError
from valence_gap.claims.questions import Cell, Question
from valence_gap.definitions import CLEAN
from valence_gap.metrics import Floats

# An epoch that comes so near to the best one has converged: the loss that the paper calls none (section V-C).
CONVERGED = 0.02
GENDERS = ("female", "male")


def ccc(question: Question, cell: Cell) -> Floats:
    """CCC."""
    return question.evidence.ccc(cell.model, cell.corpus, cell.dimension, cell.condition)


def change(question: Question, cell: Cell) -> Floats:
    """CCC under a condition minus that of the clean recordings."""
    return ccc(question, cell) - ccc(question, replace(cell, condition=CLEAN))


def gain_of_fusion(question: Question, cell: Cell) -> Floats:
    """CCC of the fusion with text minus that of the audio alone."""
    return ccc(question, replace(cell, model=question.counterpart(cell.model, "fusion"))) - ccc(question, cell)


def gain_of_tuning(question: Question, cell: Cell) -> Floats:
    """CCC with fine-tuned minus that with frozen transformer layers."""
    return ccc(question, cell) - ccc(question, replace(cell, model=question.counterpart(cell.model, "frozen")))


def lead(question: Question, cell: Cell) -> Floats:
    """CCC minus the mean of the rivals'."""
    rivals = [ccc(question, replace(cell, model=rival)) for rival in question.rivals()]
    led: Floats = ccc(question, cell) - np.mean(rivals, axis=0)
    return led


def relative_drop(question: Question, cell: Cell) -> Floats:
    """Share of the in-domain CCC that is lost on another corpus."""
    inside = ccc(question, replace(cell, corpus=question.in_domain()))
    outside = ccc(question, cell)
    if not np.nanpercentile(inside, 1) > 0:
        raise MissingError(f"a share of a CCC that is not above 0 ({cell.model}, {cell.dimension}) means nothing")
    return 1 - outside / inside


def gender_gap(question: Question, cell: Cell) -> Floats:
    """CCC of female minus that of male speakers (section III-D)."""
    groups = [
        question.evidence.ccc(cell.model, cell.corpus, cell.dimension, cell.condition, group) for group in GENDERS
    ]
    return groups[0] - groups[1]


def absolute_gender_gap(question: Question, cell: Cell) -> Floats:
    """The gap, whoever it favours."""
    return np.abs(gender_gap(question, cell))


def speakers_of(question: Question, cell: Cell) -> Mapping[str, Floats]:
    """CCC by speaker.

    Raises:
        MissingError: if there are fewer than two to compare.
    """
    found = question.evidence.speakers(cell.model, cell.corpus, cell.dimension)
    if not found:
        raise MissingError(f"no speaker of {cell.corpus} has enough utterances")
    return found


def speaker_deviation(question: Question, cell: Cell) -> Floats:
    """CCC of a speaker minus the median over the speakers."""
    by_speaker = speakers_of(question, cell)
    deviation: Floats = by_speaker[cell.speaker] - np.median(list(by_speaker.values()), axis=0)
    return deviation


def speakers_near_median(question: Question, cell: Cell) -> Floats:
    """Share of the speakers whose CCC is within the tolerance of the median speaker's."""
    values = np.stack(list(speakers_of(question, cell).values()))
    near: Floats = (np.abs(values - np.median(values, axis=0)) <= (question.statement.tolerance or 0)).mean(axis=0)
    return near


def speaker_agreement(question: Question, cell: Cell) -> Floats:
    """Mean rank correlation of the speakers' CCCs with those of the other models of the side."""
    own = speakers_of(question, cell)
    others = [name for name in question.models(question.statement.first) if name != cell.model]
    if not others:
        raise MissingError("it takes several models")
    correlations = []
    for other in others:
        theirs = speakers_of(question, replace(cell, model=other))
        correlations.append(rank_correlations(*(np.stack([rows[name] for name in own]) for rows in (own, theirs))))
    agreement: Floats = np.mean(correlations, axis=0)
    return agreement


def separation(question: Question, cell: Cell) -> Floats:
    """How well an attribute is told from the model's embeddings (section IV-K)."""
    return question.evidence.separation(cell.model, str(question.statement.attribute))


def epochs_to_converge(question: Question, cell: Cell) -> Floats:
    """Epochs until the dev CCC first comes near its best, the mean over the seeds; rows after the first: Student's t.

    Three seeds are too few to resample: the bootstrap's interval of their mean would be far too narrow.
    """
    curves = _several_seeds(question, cell)
    epochs = np.array([converged(curve) for curve in curves], dtype=np.float64)
    draws = question.evidence.generator("seeds", cell.model).standard_t(len(epochs) - 1, question.evidence.resamples)
    error = epochs.std(ddof=1) / np.sqrt(len(epochs))
    rows: Floats = epochs.mean() + error * np.concatenate([[0.0], draws])
    return rows


def spread_over_seeds(question: Question, cell: Cell) -> Floats:
    """Standard deviation of the dev CCC over the seeds, root mean square over the epochs, which are resampled."""
    curves = _several_seeds(question, cell)
    shortest = min(len(curve) for curve in curves)
    variances = np.stack([curve[:shortest] for curve in curves]).var(axis=0, ddof=1)  # (epochs,)
    rng = question.evidence.generator("epochs", cell.model)
    drawn = rng.integers(0, shortest, (question.evidence.resamples, shortest))
    rows: Floats = np.sqrt(np.concatenate([[variances.mean()], variances[drawn].mean(axis=1)]))
    return rows


def _several_seeds(question: Question, cell: Cell) -> list[Floats]:
    curves = question.evidence.dev_curves(cell.model)
    if len(curves) < 2:
        raise MissingError(f"{cell.model} was trained with one seed")
    return curves


def converged(curve: npt.ArrayLike) -> int:
    """Number of epochs until the dev CCC is first within :data:`CONVERGED` of its best.

    Args:
        curve: dev CCC by epoch, (epochs,).
    """
    curve = np.asarray(curve, dtype=np.float64)
    return int(np.argmax(curve >= np.nanmax(curve) - CONVERGED)) + 1


def rank_correlations(first: Floats, second: Floats) -> Floats:
    """Spearman's rank correlation in each resample; NaN where one side is constant.

    Args:
        first: (models or speakers, resamples).
        second: the same.

    Returns:
        (resamples,).
    """
    from scipy.stats import rankdata  # slow to import, and the workflow reads what claims need whenever it is parsed

    one, two = (rankdata(values, axis=0) - (len(values) + 1) / 2 for values in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations: Floats = (one * two).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (two**2).sum(axis=0))
    return correlations


MEASURES: Mapping[str, Callable[[Question, Cell], Floats]] = {
    "ccc": ccc,
    "change": change,
    "gain_of_fusion": gain_of_fusion,
    "gain_of_tuning": gain_of_tuning,
    "lead": lead,
    "relative_drop": relative_drop,
    "gender_gap": gender_gap,
    "absolute_gender_gap": absolute_gender_gap,
    "speaker_deviation": speaker_deviation,
    "speakers_near_median": speakers_near_median,
    "speaker_agreement": speaker_agreement,
    "spread_over_models": ccc,
    "correlation_over_models": ccc,
    "epochs_to_converge": epochs_to_converge,
    "spread_over_seeds": spread_over_seeds,
    "separation": separation,
}
"""What is computed of one model, corpus, dimension and condition, by the name that statements use."""
