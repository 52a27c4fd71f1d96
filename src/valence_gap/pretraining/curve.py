"""The learning curve of pre-training by masked prediction: kept for the model card, and logged during training."""

import numpy as np

from valence_gap.runtime.progress import log_line

REPORT_EVERY = 100


class LearningCurve:
    """Means over each hundred steps.

    Attributes:
        points: (step, loss, share of the masked parts that were predicted correctly).
    """

    def __init__(self, steps: int) -> None:
        self.points: list[tuple[int, float, float]] = []
        self._steps = steps
        self._window: list[tuple[float, float]] = []

    def add(self, step: int, loss: float, accuracy: float) -> None:
        """Add a step, counted from 1."""
        self._window.append((loss, accuracy))
        if step % REPORT_EVERY == 0 or step == self._steps:
            mean_loss, mean_accuracy = np.mean(self._window, axis=0).tolist()
            self.points.append((step, mean_loss, mean_accuracy))
            self._window = []
            log_line(f"step {step} of {self._steps}: loss {mean_loss:.3f}, masked accuracy {mean_accuracy:.3f}")
