"""Simultaneous intervals: they hold for several cases at once."""

import numpy as np

from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats


def simultaneous_interval(values: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Percentile intervals, widened about their medians by one common factor so that they hold for all cases at once.

    The factor is a quantile of the largest deviation over the cases, each in units of its own interval. This is max-t
    (Westfall and Young 1993; sup-t bands of Montiel Olea and Plagborg-Møller 2019), except that each half of an
    interval is a unit of its own, because percentile intervals need not be symmetric. The factor needs no resamples
    further out than a single interval does. The tails that Bonferroni's inequality requires soon contain less than one
    resample. Intervals of correlated cases are widened less. The result for one case is its percentile interval. A half
    of zero width keeps zero width.

    Args:
        values: resampled statistics, (resamples, cases); undefined ones are left out.
        confidence: share of the resamples whose cases are all inside, such as 0.95.

    Returns:
        Lower and upper ends of the intervals, (cases,) each.
    """
    low, high = statistics.interval(values, confidence)
    if values.shape[1] == 1:
        return low, high
    middle, _ = statistics.interval(values, 0.0)
    below, above = middle - low, high - middle
    deviation = values - middle
    half = np.where(deviation < 0, below, above)
    scaled = np.divide(np.abs(deviation), half, out=np.zeros_like(deviation), where=half > 0)
    factor = max(1.0, float(np.percentile(np.nan_to_num(scaled).max(axis=1), 100 * confidence)))
    return middle - factor * below, middle + factor * above
