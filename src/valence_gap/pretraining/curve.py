"""The learning curve of a pre-training: kept for the model card, and logged during training."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from valence_gap.runtime.progress import log_line

REPORT_EVERY = 100

Point = tuple[Any, ...]
"""The step, and the mean of each measure over the steps since the last point."""


class LearningCurve:
    """Means over each hundred steps.

    Args:
        steps: number of steps of the whole training.
        points: those of the steps before, of a resumed training.
        window: the measures of the steps since the last of these points.
        measures: their names. A masked accuracy is the share of the masked parts that were predicted correctly.

    Attributes:
        points: (step, mean of each measure).
        window: the measures of each step since the last point.
    """

    def __init__(
        self,
        steps: int,
        measures: Sequence[str] = ("loss", "masked accuracy"),
        *,
        points: Sequence[Point] = (),
        window: Sequence[tuple[float, ...]] = (),
    ) -> None:
        self.points: list[Point] = list(points)
        self._steps, self._measures = steps, measures
        self.window: list[tuple[float, ...]] = list(window)

    def add(self, step: int, *values: float) -> None:
        """Add the measures of a step, counted from 1."""
        self.window.append(values)
        if step % REPORT_EVERY == 0 or step == self._steps:
            means = np.mean(self.window, axis=0).tolist()
            self.points.append((step, *means))
            self.window = []
            shown = ", ".join(f"{name} {mean:.3f}" for name, mean in zip(self._measures, means, strict=True))
            log_line(f"step {step} of {self._steps}: {shown}")
