"""Simultaneous intervals, which hold for several cases at once, and the p-values that belong to intervals."""

from dataclasses import dataclass

import numpy as np

from valence_gap.scores import statistics
from valence_gap.scores.metrics import Floats


@dataclass(frozen=True)
class Intervals:
    """Percentile intervals of several cases, and those that hold for all cases at once.

    The simultaneous intervals are widened about their medians by one common factor. The factor is a quantile of the
    largest deviation over the cases, each in units of its own interval. This is max-t (Westfall and Young 1993; sup-t
    bands of Montiel Olea and Plagborg-Møller 2019), except that each half of an interval is a unit of its own, because
    percentile intervals need not be symmetric. The factor needs no resamples further out than a single interval does.
    The tails that Bonferroni's inequality requires soon contain less than one resample. Intervals of correlated cases
    are widened less. The result for one case is its percentile interval. A half of zero width keeps zero width.

    Attributes:
        values: resampled statistics, (resamples, cases); undefined ones are left out.
        confidence: of one interval, and share of the resamples whose cases are all inside, such as 0.95.
        pointwise: lower and upper ends of the percentile intervals, (cases,) each.
        joint: lower and upper ends of the simultaneous intervals, (cases,) each.
        middle: medians, (cases,).
        largest: the largest deviation from the median in each resample, in units of half intervals, (resamples,).
    """

    values: Floats
    confidence: float
    pointwise: tuple[Floats, Floats]
    joint: tuple[Floats, Floats]
    middle: Floats
    largest: Floats

    @classmethod
    def of(cls, values: Floats, confidence: float) -> "Intervals":
        """Compute the intervals of resampled statistics, (resamples, cases)."""
        low, high = statistics.interval(values, confidence)
        middle, _ = statistics.interval(values, 0.0)
        below, above = middle - low, high - middle
        deviation = values - middle
        half = np.where(deviation < 0, below, above)
        scaled = np.divide(np.abs(deviation), half, out=np.zeros_like(deviation), where=half > 0)
        largest = np.nan_to_num(scaled).max(axis=1)
        if values.shape[1] == 1:
            return cls(values, confidence, (low, high), (low, high), middle, largest)
        factor = max(1.0, float(np.percentile(largest, 100 * confidence)))
        joint = (middle - factor * below, middle + factor * above)
        return cls(values, confidence, (low, high), joint, middle, largest)

    def pointwise_p(self, sign: int, limits: Floats) -> tuple[Floats, Floats]:
        """Two-sided p-values of each case: at most 1 - confidence just if the percentile interval is on one side.

        Args:
            sign: 1 if values are claimed to be above their limits, -1 if below.
            limits: (cases,).

        Returns:
            For a whole interval on the claimed side, and for one on the other side, (cases,) each.
        """
        tails = [
            share_at_most(sign * column, sign * limit) for column, limit in zip(self.values.T, limits, strict=True)
        ]
        return self._above_least(2 * np.array(tails)), self._above_least(2 * (1 - np.array(tails)))

    def joint_p(self, sign: int, limits: Floats) -> tuple[Floats, Floats]:
        """The same for the simultaneous intervals: the share of resamples whose largest deviation reaches a limit."""
        pointwise = self.pointwise_p(sign, limits)
        if self.values.shape[1] == 1:
            return pointwise
        below, above = self.middle - self.pointwise[0], self.pointwise[1] - self.middle
        distance = limits - self.middle
        half = np.where(distance < 0, below, above)
        with np.errstate(divide="ignore", invalid="ignore"):
            reached = np.where(half > 0, np.abs(distance) / half, np.inf)
        claimed = sign * distance < 0
        found = [
            np.where(claimed, [share_at_most(-self.largest, -one) for one in reached], 1.0),
            np.where(claimed, 1.0, [1 - share_at_most(self.largest, one) for one in reached]),
        ]
        return np.maximum(found[0], pointwise[0]), np.maximum(found[1], pointwise[1])

    def _above_least(self, p_values: Floats) -> Floats:
        """Raise p-values to the smallest that this number of resamples can show; an undefined case has 1."""
        least = 2 / (len(self.values) + 1)
        return np.clip(np.nan_to_num(p_values, nan=1.0), least, 1.0)


def share_at_most(values: Floats, limit: float) -> float:
    """The largest share q whose quantile (linear interpolation, as NumPy's) is at most the limit; NaN if undefined.

    So a percentile interval is above a limit just if the share of its lower tail is larger than this.
    """
    known = np.sort(values[~np.isnan(values)])
    if not len(known):
        return float("nan")
    count = int(np.searchsorted(known, limit, side="right"))
    if count == 0:
        return 0.0
    if count == len(known):
        return 1.0
    step = (limit - known[count - 1]) / (known[count] - known[count - 1])
    return float((count - 1 + step) / (len(known) - 1))
