"""Lengths of the utterances of the benchmarks, like those of MSP-Podcast. Only NumPy is needed."""

import numpy as np
import numpy.typing as npt

# MSP-Podcast cuts turns to 2.75..11 s, and its test set has 21 hours in 12,902 utterances (III-C).
SHORTEST_S, LONGEST_S, MEAN_S = 2.75, 11.0, 5.8
CONCENTRATION = 4.0  # of the beta distribution between them: one peak, near the short end
GRID = 100_001  # points at which its density is summed


def draw_seconds(count: int, random: np.random.Generator) -> npt.NDArray[np.float64]:
    """Lengths in seconds, (count,): evenly spaced quantiles, so that few utterances have the same mean as many."""
    share = (MEAN_S - SHORTEST_S) / (LONGEST_S - SHORTEST_S)
    places = (np.arange(count) + 0.5) / count
    return SHORTEST_S + (LONGEST_S - SHORTEST_S) * random.permutation(_quantiles(places, share))


def _quantiles(places: npt.NDArray[np.float64], mean: float) -> npt.NDArray[np.float64]:
    """Quantiles of the beta distribution with this mean, (count,)."""
    middles = (np.arange(GRID) + 0.5) / GRID
    density = middles ** (CONCENTRATION * mean - 1) * (1 - middles) ** (CONCENTRATION * (1 - mean) - 1)
    below = np.concatenate([[0.0], np.cumsum(density)])
    return np.interp(places, below / below[-1], np.arange(GRID + 1) / GRID)
