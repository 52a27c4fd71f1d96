"""Intervals from standard errors: the estimate and Student's t times the error, for one case and for all at once."""

from dataclasses import dataclass

import numpy as np

from valence_gap.claims.errors import Errors
from valence_gap.claims.intervals import share_at_most
from valence_gap.scores.metrics import Floats
from valence_gap.scores.seed_variance import critical_values


@dataclass(frozen=True)
class StudentIntervals:
    """Intervals of several cases, and those that hold for all cases at once.

    An interval is the estimate plus and minus a critical value times the standard error. The critical value of one
    case is that of Student's t. For all cases at once it is that of max-t (Westfall and Young 1993): the quantile of
    the largest deviation over the cases, each in standard errors, of joint normal draws. It is taken to the t
    distribution of each case by its tail, so that cases may differ in their degrees of freedom.

    Attributes:
        estimates: (cases,).
        errors: their parts.
        confidence: of one interval, and of all simultaneous intervals together.
        standard_errors: of both parts, (cases,).
        freedom: degrees of freedom, (cases,).
        largest: the largest deviation of each draw, in standard errors, (draws,).
    """

    estimates: Floats
    errors: Errors
    confidence: float
    standard_errors: Floats
    freedom: Floats
    largest: Floats

    @classmethod
    def of(
        cls, estimates: Floats, errors: Errors, confidence: float, *, growth: float = 1.0, seeds: int = 0
    ) -> "StudentIntervals":
        """Compute the intervals of some estimates, (cases,); ``growth`` and ``seeds`` as in :meth:`Errors.total`."""
        standard_errors, freedom = errors.total(growth=growth, seeds=seeds)
        largest = np.abs(errors.deviations).max(axis=1)
        return cls(estimates, errors, confidence, standard_errors, freedom, largest)

    @property
    def pointwise(self) -> tuple[Floats, Floats]:
        """Lower and upper ends of the intervals of single cases, (cases,) each."""
        return self._ends(self.critical)

    @property
    def joint(self) -> tuple[Floats, Floats]:
        """Lower and upper ends of the intervals that hold for all cases at once, (cases,) each."""
        return self._ends(self.joint_critical)

    def _ends(self, critical: Floats) -> tuple[Floats, Floats]:
        half = critical * self.standard_errors
        return self.estimates - half, self.estimates + half

    @property
    def critical(self) -> Floats:
        """Half widths of single intervals in standard errors, (cases,)."""
        return critical_values(self.confidence, self.freedom)

    @property
    def joint_critical(self) -> Floats:
        """Half widths of simultaneous intervals in standard errors, (cases,)."""
        from scipy.special import ndtr

        if len(self.estimates) == 1 or not len(self.largest):
            return self.critical
        quantile = float(np.percentile(self.largest, 100 * self.confidence))
        return np.maximum(critical_values(1 - 2 * ndtr(-quantile), self.freedom), self.critical)

    def pointwise_p(self, sign: int, limits: Floats) -> tuple[Floats, Floats]:
        """Two-sided p-values of each case: at most 1 - confidence just if the whole interval is on one side.

        Args:
            sign: 1 if values are claimed to be above their limits, -1 if below.
            limits: (cases,).

        Returns:
            For a whole interval on the claimed side, and for one on the other side, (cases,) each.
        """
        distance, tails = sign * (self.estimates - limits), self._tails(limits)
        return self._by_side(distance, tails)

    def joint_p(self, sign: int, limits: Floats) -> tuple[Floats, Floats]:
        """The same for the simultaneous intervals: the share of draws whose largest deviation reaches a limit."""
        from scipy.special import ndtri

        pointwise = self.pointwise_p(sign, limits)
        if len(self.estimates) == 1 or not len(self.largest):
            return pointwise
        reached = -ndtri(np.maximum(self._tails(limits) / 2, np.finfo(float).tiny))
        shares = np.array([1 - share_at_most(self.largest, one) for one in np.nan_to_num(reached)])
        found = self._by_side(sign * (self.estimates - limits), shares)
        return np.maximum(found[0], pointwise[0]), np.maximum(found[1], pointwise[1])

    def _tails(self, limits: Floats) -> Floats:
        """Two-sided tails of Student's t beyond the limits, (cases,); 0 without an error, NaN if it is undefined."""
        from scipy.special import ndtr, stdtr

        distance = np.abs(self.estimates - limits)
        with np.errstate(divide="ignore", invalid="ignore"):
            reached = np.where(self.standard_errors > 0, distance / self.standard_errors, np.inf)
        reached = np.where(np.isnan(self.standard_errors), np.nan, reached)
        finite = np.isfinite(self.freedom)
        tails: Floats = 2 * np.where(finite, stdtr(np.where(finite, self.freedom, 1.0), -reached), ndtr(-reached))
        return tails

    @staticmethod
    def _by_side(distance: Floats, p_values: Floats) -> tuple[Floats, Floats]:
        """P-values of the side that the estimate is on, 1 for the other one; a limit belongs to the other side."""
        known = np.nan_to_num(p_values, nan=1.0)
        return np.where(distance > 0, known, 1.0), np.where(distance > 0, 1.0, known)
