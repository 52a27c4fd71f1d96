"""Many verdicts at once: how many false ones are to be expected, and which hold after a correction for their number.

Benjamini-Hochberg is used, not Holm. Readers take the claims one by one from a list, so what matters is how many of the
marked verdicts are false: their expected share is at most 1 - confidence. Holm guards against a single false one among
all claims, which needs p-values below 0.05 / 80, smaller than 1000 resamples can show. The claims are positively
dependent, because they are computed from the same test sets; for such p-values the share is controlled (Benjamini and
Yekutieli 2001), and with two-sided p-values also for the direction of the verdicts (Benjamini and Yekutieli 2005).
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import false_discovery_control


def adjusted(p_values: Sequence[float | None]) -> list[float | None]:
    """Adjust p-values for their number by Benjamini-Hochberg; None stays None and does not count."""
    known = [value for value in p_values if value is not None]
    found = iter(false_discovery_control(known, method="bh") if known else ())
    return [None if value is None else float(next(found)) for value in p_values]


def expected_false(p_values: Sequence[float | None], confidence: float) -> float:
    """The largest number of false verdicts to be expected among those with a p-value.

    A false verdict needs the whole interval on one particular side of the threshold, although the true value is on the
    other side or at the threshold. With a two-sided interval this happens in at most (1 - confidence) / 2 of the cases.
    """
    return (1 - confidence) / 2 * int(np.sum([value is not None for value in p_values]))
