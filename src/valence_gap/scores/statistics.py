"""Bootstrap intervals of the CCC, paired differences, and agreement between models.

Resamples depend on a seed and on names of *data* (corpus, group), never on a model: two models are evaluated on
the same resamples of a corpus, and adding a model does not change the interval of another model.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.definitions.evaluation import Evaluation
from valence_gap.scores.metrics import Floats, cccs, weighted_cccs

Group = tuple[npt.ArrayLike, npt.ArrayLike]
"""Labels (samples,) and predictions (samples, series) of a group of utterances."""

# Elements of one block of resamples: 32 MiB of float64.
BLOCK_ELEMENTS = 2**22


@dataclass(frozen=True)
class Estimate:
    """Statistics with percentile intervals, one per series.

    Attributes:
        value: (series,)
        low: lower end of the interval, (series,)
        high: upper end of the interval, (series,)
        se: standard error over utterances: the standard deviation of the resamples, (series,)
    """

    value: Floats
    low: Floats
    high: Floats
    se: Floats

    @classmethod
    def of(cls, value: Floats, resampled: Floats, confidence: float) -> "Estimate":
        """An estimate (series,) with the interval and the standard error of its resamples (resamples, series)."""
        return cls(value, *interval(resampled, confidence), standard_error(resampled))

    def first(self, value: str) -> dict[str, float]:
        """The numbers of the first series by name; ``value`` is the name of the statistic."""
        return {value: self.value[0], "low": self.low[0], "high": self.high[0]}


def generator(seed: int, *names: str) -> np.random.Generator:
    """Random numbers that depend only on a seed and on names, not on the order of calls."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed % 2**63, *np.frombuffer(digest, dtype="<u4").tolist()])


def resample_counts(
    samples: int, *, resamples: int, rng: np.random.Generator, sample_size: int | None = None
) -> Iterator[Floats]:
    """How often each sample is drawn in each resample, in blocks that fit in memory.

    Args:
        samples: number of samples.
        resamples: number of resamples.
        rng: random numbers.
        sample_size: number of samples drawn with replacement for one resample; ``samples`` by default.

    Yields:
        Counts, (resamples of the block, samples).
    """
    sample_size = samples if sample_size is None else sample_size
    block = max(1, BLOCK_ELEMENTS // max(samples, sample_size, 1))
    for start in range(0, resamples, block):
        rows = min(block, resamples - start)
        drawn = rng.integers(0, samples, (rows, sample_size)) + samples * np.arange(rows)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=rows * samples).reshape(rows, samples)
        yield counts.astype(np.float64)


def bootstrap_cccs(
    truth: npt.ArrayLike,
    predictions: npt.ArrayLike,
    *,
    resamples: int,
    rng: np.random.Generator,
    sample_size: int | None = None,
) -> Floats:
    """CCCs of resampled utterances. All series use the same resamples, so their differences are paired.

    Args:
        truth: labels, (samples,).
        predictions: predictions of several models or conditions, (samples, series).
        resamples: number of resamples.
        rng: random numbers.
        sample_size: number of utterances in a resample; by default as many as there are labels.

    Returns:
        (resamples, series), NaN if the CCC of a resample is undefined.
    """
    truth, predictions = np.asarray(truth, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    if len(truth) == 0:
        return np.full((resamples, predictions.shape[1]), np.nan)
    blocks = resample_counts(len(truth), resamples=resamples, rng=rng, sample_size=sample_size)
    return np.concatenate([weighted_cccs(truth, predictions, counts) for counts in blocks])


def bootstrap_cccs_by_cluster(
    truth: npt.ArrayLike,
    predictions: npt.ArrayLike,
    clusters: npt.ArrayLike,
    *,
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    """CCCs of resampled speakers, each with all of its utterances (a bootstrap by clusters).

    Utterances of one speaker are alike, so a test set of few speakers says less than its number of utterances suggests.

    Args:
        truth: labels, (samples,).
        predictions: predictions of several models or conditions, (samples, series).
        clusters: the speaker of each utterance, as numbers or names, (samples,).
        resamples: number of resamples; in each, as many speakers are drawn with replacement as there are.
        rng: random numbers.

    Returns:
        (resamples, series), NaN if the CCC of a resample is undefined.
    """
    truth, predictions = np.asarray(truth, dtype=np.float64), np.asarray(predictions, dtype=np.float64)
    if len(truth) == 0:
        return np.full((resamples, predictions.shape[1]), np.nan)
    names, numbers = np.unique(np.asarray(clusters), return_inverse=True)
    rows = max(1, BLOCK_ELEMENTS // len(truth))
    found = []
    for counts in resample_counts(len(names), resamples=resamples, rng=rng):
        for start in range(0, len(counts), rows):
            found.append(weighted_cccs(truth, predictions, counts[start : start + rows, numbers]))
    return np.concatenate(found)


def interval(values: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Percentile interval over the first axis; undefined resamples are left out.

    Args:
        values: resampled statistics, (resamples, ...).
        confidence: share of the resamples inside, such as 0.95.

    Returns:
        Its lower and upper end, (...) each; NaN if no resample is defined.
    """
    tail = 50 * (1 - confidence)
    defined = ~np.isnan(values).all(axis=0)
    ends = np.full((2, *values.shape[1:]), np.nan)
    ends[:, defined] = np.nanpercentile(values[:, defined], [tail, 100 - tail], axis=0)
    return ends[0], ends[1]


def standard_error(values: Floats) -> Floats:
    """Standard deviation over the first axis; undefined resamples are left out.

    Args:
        values: resampled statistics, (resamples, ...).

    Returns:
        (...); NaN if fewer than two resamples are defined.
    """
    defined = np.isfinite(values)
    count = defined.sum(axis=0)
    enough = count > 1
    mean = np.where(defined, values, 0).sum(axis=0) / np.where(enough, count, 1)
    squares = (np.where(defined, values - mean, 0) ** 2).sum(axis=0)
    found: Floats = np.where(enough, np.sqrt(squares / np.where(enough, count - 1, 1)), np.nan)
    return found


def speaker_error(resampled: Floats, speakers: int) -> Floats:
    """Standard error of statistics that are resampled over speakers, (...).

    A bootstrap over few clusters is too narrow: the variance of a mean is too small by (n - 1) / n for n speakers. This
    is corrected.

    Args:
        resampled: (resamples, ...).
        speakers: number of speakers.
    """
    error: Floats = standard_error(resampled) * np.sqrt(speakers / max(speakers - 1, 1))
    return error


class Bootstrap(TypedDict):
    """How an estimate gets its interval.

    Attributes:
        resamples: number of resamples.
        confidence: of the interval.
        rng: random numbers. Two estimates of the same utterances with equal states of it use the same resamples.
    """

    resamples: int
    confidence: float
    rng: np.random.Generator


def bootstrap(evaluation: Evaluation, *names: str) -> Bootstrap:
    """The bootstrap of an evaluation; its resamples depend on the seed of the evaluation and on names of data."""
    rng = generator(evaluation.seed, *names)
    return {"resamples": evaluation.bootstrap, "confidence": evaluation.confidence, "rng": rng}


def ccc_estimate(truth: npt.ArrayLike, predictions: npt.ArrayLike, **options: Unpack[Bootstrap]) -> Estimate:
    """CCC of each series with a bootstrap interval over utterances.

    Args:
        truth: labels, (samples,).
        predictions: (samples, series).
        options: of the bootstrap.
    """
    resampled = bootstrap_cccs(truth, predictions, resamples=options["resamples"], rng=options["rng"])
    return Estimate.of(_cccs(truth, predictions), resampled, options["confidence"])


def mean_ccc_estimate(truth: npt.ArrayLike, predictions: npt.ArrayLike, **options: Unpack[Bootstrap]) -> Estimate:
    """Mean CCC over the series, with the bootstrap interval over utterances of this mean.

    Args:
        truth: labels, (samples,).
        predictions: (samples, series).
        options: of the bootstrap.

    Returns:
        One value, (1,); NaN if the CCC of a series is undefined.
    """
    resampled = bootstrap_cccs(truth, predictions, resamples=options["resamples"], rng=options["rng"])
    means = resampled.mean(axis=1, keepdims=True)
    return Estimate.of(_cccs(truth, predictions).mean(keepdims=True), means, options["confidence"])


def paired_difference(
    truth: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike, **options: Unpack[Bootstrap]
) -> Estimate:
    """CCC of the first minus CCC of the second, on the same resamples.

    The same utterances are hard for both models, so this interval is narrower than the two separate intervals suggest.

    Args:
        truth: labels, (samples,).
        first: predictions, (samples, series).
        second: predictions, (samples, series).
        options: of the bootstrap.
    """
    rows = paired_difference_resamples(truth, first, second, resamples=options["resamples"], rng=options["rng"])
    return Estimate.of(rows[0], rows[1:], options["confidence"])


def paired_difference_resamples(
    truth: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike, *, resamples: int, rng: np.random.Generator
) -> Floats:
    """The resamples behind :func:`paired_difference`, for statistics over several such differences.

    Args:
        truth: labels, (samples,).
        first: predictions, (samples, series).
        second: predictions, (samples, series), or (samples, 1) to subtract the same from all.
        resamples: number of resamples.
        rng: random numbers.

    Returns:
        (1 + resamples, series), the estimate first.
    """
    first, second = np.asarray(first), np.asarray(second)
    series = np.concatenate([first, second], axis=1)
    both = bootstrap_cccs(truth, series, resamples=resamples, rng=rng)
    resampled = both[:, : first.shape[1]] - both[:, first.shape[1] :]
    return np.concatenate([(_cccs(truth, first) - _cccs(truth, second))[None], resampled])


def group_difference(first: Group, second: Group, **options: Unpack[Bootstrap]) -> Estimate:
    """CCC of one group of utterances minus that of another, each resampled within itself (paper, section III-D).

    Args:
        first: labels and predictions of the first group.
        second: labels and predictions of the second group, which shares no samples with the first.
        options: of the bootstrap.
    """
    rows = group_difference_resamples(first, second, resamples=options["resamples"], rng=options["rng"])
    return Estimate.of(rows[0], rows[1:], options["confidence"])


def group_difference_resamples(first: Group, second: Group, *, resamples: int, rng: np.random.Generator) -> Floats:
    """The resamples behind :func:`group_difference`, for statistics over several such differences.

    Args:
        first: labels and predictions of the first group.
        second: labels and predictions of the second group, which shares no samples with the first.
        resamples: number of resamples.
        rng: random numbers.

    Returns:
        (1 + resamples, series), the estimate first.
    """
    resampled = [bootstrap_cccs(*group, resamples=resamples, rng=rng) for group in (first, second)]
    return np.concatenate([(_cccs(*first) - _cccs(*second))[None], resampled[0] - resampled[1]])


def resampled_mean(
    truth: npt.ArrayLike, predictions: npt.ArrayLike, *, sample_size: int, **options: Unpack[Bootstrap]
) -> Estimate:
    """Mean CCC of resamples of a fixed size: speakers with many utterances compare with those of few (section IV-J).

    Args:
        truth: labels of one speaker, (samples,).
        predictions: (samples, series).
        sample_size: utterances drawn with replacement for one resample.
        options: of the bootstrap.
    """
    resamples, rng = options["resamples"], options["rng"]
    resampled = bootstrap_cccs(truth, predictions, resamples=resamples, rng=rng, sample_size=sample_size)
    defined = ~np.isnan(resampled)
    count = defined.sum(axis=0)
    mean = np.where(defined, resampled, 0).sum(axis=0) / np.where(count > 0, count, 1)
    return Estimate.of(np.where(count > 0, mean, np.nan), resampled, options["confidence"])


def spearman(values: npt.ArrayLike) -> Floats:
    """Spearman's rank correlation between the columns.

    Args:
        values: a score of each model for each speaker, (speakers, models).

    Returns:
        (models, models), with ones on its diagonal; NaN for a column that is constant or contains NaN.
    """
    # pandas computes the ranks, since importing scipy.stats takes as long as the rest of scoring.
    ranks = pd.DataFrame(np.asarray(values, dtype=np.float64)).rank().to_numpy()
    centred = ranks - ranks.mean(axis=0)
    norm = np.sqrt((centred**2).sum(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):
        unit = centred / norm
    correlations: Floats = np.clip(unit.T @ unit, -1, 1)
    return correlations


def _cccs(truth: npt.ArrayLike, predictions: npt.ArrayLike) -> Floats:
    """CCC of each series; truth (samples,), predictions (samples, series)."""
    columns = np.asarray(predictions, dtype=np.float64).T
    return cccs(np.broadcast_to(np.asarray(truth, dtype=np.float64), columns.shape), columns)
