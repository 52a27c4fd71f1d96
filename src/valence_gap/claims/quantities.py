"""The quantities that statements are about, each computed for the estimate and for every resample at once."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from statistics import NormalDist

import numpy as np

from valence_gap.claims.evidence import Cell, MissingEvidenceError, recordings_of
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.claims.seed_quantities import epochs_to_converge, fluctuation_over_epochs, spread_over_seeds
from valence_gap.scores.metrics import Floats

# Quantities that are squares until they are averaged: see signed_root.
SQUARED = ("absolute_gender_gap", "absolute_average_gender_gap", "spread_over_models")
GENDERS = ("female", "male")
# Number of utterances that the paper draws of a speaker (section IV-J); tolerances are given for this number.
PAPER_DRAWS = 200
# The upper end of an interval of 95 %.
OUTER = 0.975


def ccc(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """CCC."""
    return resolved.evidence.ccc(cell.model, cell.corpus, cell.dimension, cell.condition)


def change(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """CCC under a condition minus that of the clean recordings of the same utterances."""
    return ccc(resolved, cell) - ccc(resolved, replace(cell, condition=recordings_of(cell.condition)))


def gain_of_fusion(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """CCC of the fusion with text minus that of the audio alone."""
    return ccc(resolved, replace(cell, model=resolved.counterpart(cell.model, "fusion"))) - ccc(resolved, cell)


def gain_of_tuning(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """CCC with fine-tuned minus that with frozen transformer layers."""
    return ccc(resolved, cell) - ccc(resolved, replace(cell, model=resolved.counterpart(cell.model, "frozen")))


def lead(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """CCC minus the mean CCC of the rivals."""
    rivals = [ccc(resolved, replace(cell, model=rival)) for rival in resolved.rivals()]
    led: Floats = ccc(resolved, cell) - np.mean(rivals, axis=0)
    return led


def relative_drop(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """Share of the in-domain CCC that is lost on another corpus."""
    inside = ccc(resolved, replace(cell, corpus=resolved.in_domain()))
    outside = ccc(resolved, cell)
    if not np.nanpercentile(inside, 1) > 0:
        raise MissingEvidenceError(
            f"the in-domain CCC of {cell.model}, {cell.dimension} is not above 0, so a relative drop is not defined"
        )
    return 1 - outside / inside


def gender_gap(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """CCC of female minus that of male speakers (section III-D)."""
    groups = [
        resolved.evidence.ccc(cell.model, cell.corpus, cell.dimension, cell.condition, group) for group in GENDERS
    ]
    return groups[0] - groups[1]


def squared_gender_gap(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """Square of the gender gap, less the variance that sampling adds to it."""
    return squared_gap(gender_gap(resolved, cell))


def squared_gap(gap: Floats) -> Floats:
    """Square of a gap or of an average of gaps, less the variance that sampling adds to it: (1 + resamples,)."""
    return without_noise(gap**2, (gap[1:] - gap[0]) ** 2)


def variance_over_models(values: Floats) -> Floats:
    """Variance of CCCs over models, less the variance that sampling adds to it.

    Args:
        values: (models, 1 + resamples), the estimates first.

    Returns:
        (1 + resamples,).
    """
    return without_noise(values.var(axis=0, ddof=1), (values[:, 1:] - values[:, :1]).var(axis=0, ddof=1))


def without_noise(squares: Floats, noise: Floats) -> Floats:
    """Squares without the bias that sampling noise adds to them; they can be negative.

    On average, the square of an estimate is too large by the variance of its error. Without this correction, the
    noisier of two sides would be the larger one even if both are truly zero. Resamples vary around an estimate that
    already has an error, so their squares are too large by twice that variance (Efron and Tibshirani 1993, chapter 10).
    If the true value is small compared with the noise, the spread of the resamples is too large as well: the interval
    is then wider than necessary, never narrower.

    Args:
        squares: of the estimate and the resamples, (1 + resamples,).
        noise: squared deviations of the resamples from the estimate, (resamples,); without resamples, nothing is
            subtracted.
    """
    defined = noise[~np.isnan(noise)]
    variance = defined.mean() if defined.size else 0.0
    return np.concatenate([squares[:1] - variance, squares[1:] - 2 * variance])


def signed_root(squares: Floats) -> Floats:
    """Root of a mean of squares, in the unit of the squared values; negative if the mean is below chance level.

    The function is increasing, so the side with the larger mean of squares also has the larger root.
    """
    roots: Floats = np.sign(squares) * np.sqrt(np.abs(squares))
    return roots


def speakers_of(resolved: ResolvedStatement, cell: Cell) -> Mapping[str, Floats]:
    """CCC by speaker.

    Raises:
        MissingEvidenceError: if no speaker has enough utterances.
    """
    found = resolved.evidence.speakers(cell.model, cell.corpus, cell.dimension)
    if not found:
        raise MissingEvidenceError(f"no speaker of {cell.corpus} has enough utterances")
    return found


def speaker_deviation(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """CCC of a speaker minus the median over the speakers."""
    by_speaker = speakers_of(resolved, cell)
    deviation: Floats = by_speaker[cell.speaker] - np.median(list(by_speaker.values()), axis=0)
    return deviation


def lowest_speaker(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """CCC of the speaker who is recognised worst, with an interval that does not rely on who this is.

    By chance alone, the lowest of several estimates is too low. So the upper half width is the quantile of the largest
    error of all speakers above the lowest estimate: every speaker's true CCC is below the estimate plus this error at
    once, also that of the lowest. The lower half width is that of the lowest of all estimates with their errors. The
    rows are normal with the larger of both half widths, which is wider than necessary, never narrower.
    """
    values = np.stack(list(speakers_of(resolved, cell).values()))
    estimates, errors = values[:, :1], values[:, 1:] - values[:, :1]
    lowest = float(estimates.min())
    if not errors.size:
        return np.array([lowest])
    above, below = lowest - errors.min(axis=0), (estimates - errors).min(axis=0)
    if np.isnan(above).all():
        return np.full(values.shape[1], np.nan)
    half = max(np.nanquantile(above, OUTER) - lowest, lowest - np.nanquantile(below, 1 - OUTER))
    grid = (np.arange(len(above)) + 0.5) / len(above)
    normal = np.array([NormalDist().inv_cdf(share) for share in grid]) / NormalDist().inv_cdf(OUTER)
    rows = np.empty(values.shape[1])
    rows[0] = lowest
    rows[1 + np.argsort(above)] = lowest + half * normal
    return rows


def speakers_near_median(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """Share of the speakers whose CCC is within the tolerance of the median speaker's.

    The tolerance is given for :data:`PAPER_DRAWS` utterances. If fewer are drawn, it grows as the sampling error does:
    by the square root of the ratio.
    """
    values = np.stack(list(speakers_of(resolved, cell).values()))
    tolerance = (resolved.statement.tolerance or 0) * np.sqrt(PAPER_DRAWS / resolved.evidence.speaker_draws)
    near = (np.abs(values - np.median(values, axis=0)) <= tolerance).mean(axis=0)
    share: Floats = np.clip(_around_estimate(near), 0, 1)
    return share


def speaker_agreement(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """Mean rank correlation of the speakers' CCCs with those of the other models of the side."""
    own = speakers_of(resolved, cell)
    others = [name for name in resolved.models(resolved.statement.first) if name != cell.model]
    if not others:
        raise MissingEvidenceError("an agreement of models needs at least two models")
    correlations = []
    for other in others:
        theirs = speakers_of(resolved, replace(cell, model=other))
        correlations.append(rank_correlations(*(np.stack([rows[name] for name in own]) for rows in (own, theirs))))
    agreement: Floats = np.clip(_around_estimate(np.mean(correlations, axis=0)), -1, 1)
    return agreement


def _around_estimate(rows: Floats) -> Floats:
    """Resamples of a statistic over speakers, shifted so that their median is the estimate: (1 + resamples,).

    The CCC of each speaker has a sampling error, and resampling adds an error of the same size. In the resamples,
    speakers therefore differ more than in the estimate, and models with errors on the same utterances agree more. The
    shift removes this bias.
    """
    resampled = rows[1:]
    known = resampled[np.isfinite(resampled)]
    shift = rows[0] - np.median(known) if len(known) else 0.0
    return np.concatenate([rows[:1], resampled + shift])


def separation(resolved: ResolvedStatement, cell: Cell) -> Floats:
    """How far the model's embeddings separate an attribute (section IV-K)."""
    return resolved.evidence.separation(cell.model, str(resolved.statement.attribute))


def rank_correlations(first: Floats, second: Floats) -> Floats:
    """Spearman's rank correlation in each resample; NaN where one side is constant.

    Args:
        first: (models or speakers, resamples).
        second: the same.

    Returns:
        (resamples,).
    """
    one, two = (_ranks(values) - (len(values) + 1) / 2 for values in (first, second))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlations: Floats = (one * two).sum(axis=0) / np.sqrt((one**2).sum(axis=0) * (two**2).sum(axis=0))
    return correlations


def _ranks(values: Floats) -> Floats:
    """Ranks from 1 within each column, ties by their mean; NaN has none.

    scipy.stats and pandas are not used, because they are slow to import and Snakemake imports this module whenever it
    parses the workflow.
    """
    less = (values[None] < values[:, None]).sum(axis=1)
    equal = (values[None] == values[:, None]).sum(axis=1)
    ranks: Floats = np.where(np.isnan(values), np.nan, less + (equal + 1) / 2)
    return ranks


MEASURES: Mapping[str, Callable[[ResolvedStatement, Cell], Floats]] = {
    "ccc": ccc,
    "change": change,
    "gain_of_fusion": gain_of_fusion,
    "gain_of_tuning": gain_of_tuning,
    "lead": lead,
    "relative_drop": relative_drop,
    "gender_gap": gender_gap,
    "absolute_gender_gap": squared_gender_gap,
    "absolute_average_gender_gap": gender_gap,
    "speaker_deviation": speaker_deviation,
    "lowest_speaker": lowest_speaker,
    "speakers_near_median": speakers_near_median,
    "speaker_agreement": speaker_agreement,
    "spread_over_models": ccc,
    "correlation_over_models": ccc,
    "epochs_to_converge": epochs_to_converge,
    "spread_over_seeds": spread_over_seeds,
    "fluctuation_over_epochs": fluctuation_over_epochs,
    "separation": separation,
}
"""The function for each quantity of statements; it computes one model, corpus, dimension and condition."""
