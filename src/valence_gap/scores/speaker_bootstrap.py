"""Bootstrap over speakers: how far a score depends on who was recorded.

Utterances of one speaker are alike, so resampling single utterances understates the error where few people speak. Here
whole speakers are drawn with replacement, each with all utterances (a bootstrap of clusters).
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from valence_gap.scores.metrics import Floats
from valence_gap.scores.statistics import bootstrap_cccs_by_cluster

Codes = npt.NDArray[np.int64]
SpokenGroup = tuple[npt.ArrayLike, npt.ArrayLike, Codes]
"""Labels (samples,), predictions (samples, series) and speakers (samples,) of a group of utterances."""


def speaker_codes(speakers: "pd.Series[str] | npt.NDArray[np.object_] | Sequence[str | None]") -> Codes:
    """Number the speakers of some utterances from 0, (samples,); an unknown speaker is a speaker of its own."""
    codes = pd.factorize(np.asarray(speakers, dtype=object))[0].astype(np.int64)
    unknown = codes < 0
    codes[unknown] = codes.max(initial=-1) + 1 + np.arange(unknown.sum())
    return codes


def speaker_cccs(
    truth: npt.ArrayLike, predictions: npt.ArrayLike, speakers: Codes, *, resamples: int, rng: np.random.Generator
) -> Floats:
    """CCCs of resampled speakers. All series use the same resamples, so their differences are paired.

    Args:
        truth: labels, (samples,).
        predictions: (samples, series).
        speakers: the speaker of each sample, numbered from 0, (samples,).
        resamples: number of resamples.
        rng: random numbers.

    Returns:
        (resamples, series); all NaN if there are fewer than two speakers, whose spread is unknown.
    """
    if len(np.unique(speakers)) < 2:
        return np.full((resamples, np.asarray(predictions).shape[1]), np.nan)
    return bootstrap_cccs_by_cluster(truth, predictions, speakers, resamples=resamples, rng=rng)


def group_resamples(first: SpokenGroup, second: SpokenGroup, *, resamples: int, rng: np.random.Generator) -> Floats:
    """CCC of one group minus that of another, the speakers of each resampled within it.

    Args:
        first: the first group.
        second: the second group, which shares no speakers with the first.
        resamples: number of resamples.
        rng: random numbers.

    Returns:
        (resamples, series); all NaN if a group has fewer than two speakers.
    """
    one, two = (
        speaker_cccs(truth, predictions, speakers, resamples=resamples, rng=rng)
        for truth, predictions, speakers in (first, second)
    )
    return one - two


def paired_resamples(
    truth: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    speakers: Codes,
    *,
    resamples: int,
    rng: np.random.Generator,
) -> Floats:
    """CCC of the first minus CCC of the second, on the same resampled speakers.

    Args:
        truth: labels, (samples,).
        first: predictions, (samples, series).
        second: predictions, (samples, series), or (samples, 1) to subtract the same from all.
        speakers: the speaker of each sample, numbered from 0, (samples,).
        resamples: number of resamples.
        rng: random numbers.

    Returns:
        (resamples, series); all NaN if there are fewer than two speakers.
    """
    first, second = np.asarray(first), np.asarray(second)
    series = np.concatenate([first, second], axis=1)
    both = speaker_cccs(truth, series, speakers, resamples=resamples, rng=rng)
    return both[:, : first.shape[1]] - both[:, first.shape[1] :]
