"""Intervals that hold several cases at once."""

import numpy as np

from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats


def simultaneous_interval(values: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Percentile intervals, stretched about their medians by the one factor with which they hold all cases at once.

    The factor is a quantile of the largest deviation over the cases, each in units of its own interval: max-t (Westfall
    and Young 1993; sup-t bands of Montiel Olea and Plagborg-Møller 2019), but with each half of an interval as its own
    unit, for percentile intervals need not be symmetric. It needs no resamples further out than one interval does,
    whereas the tails that Bonferroni's inequality asks for soon hold less than one resample; and cases that go together
    are widened less. Of one case it is the percentile interval itself; a half without width gets none.

    Args:
        values: resampled statistics, (resamples, cases); undefined ones are left out.
        confidence: share of the resamples of which all cases are inside, such as 0.95.

    Returns:
        The intervals' lower and upper ends, (cases,) each.
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
