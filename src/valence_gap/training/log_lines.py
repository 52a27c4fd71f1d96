"""Log lines of a training: its speed during the steps, and the results of its evaluations."""

import time

from valence_gap.definitions.models import Recipe
from valence_gap.runtime.progress import LINE_EVERY_S, log_line
from valence_gap.training.checkpoints import LogRow, TrainerState


def describe(row: LogRow, recipe: Recipe) -> str:
    """Return the line of an evaluation; it has the step if an epoch has several evaluations."""
    step = "" if recipe.evaluate_every is None else f", step {row['step']}"
    return (
        f"epoch {row['epoch']}{step}: loss {row['loss']:.3f}, dev CCC arousal {row['dev_arousal']:.3f}, "
        f"dominance {row['dev_dominance']:.3f}, valence {row['dev_valence']:.3f}, mean {row['dev_mean']:.3f}"
    )


def describe_resumed(journal: TrainerState, recipe: Recipe) -> str:
    """Return the line of a training that goes on from its saved state, and whether its device has changed."""
    line = f"resuming in epoch {journal.epoch}, after step {journal.step}"
    names = dict.fromkeys(journal.devices)
    if recipe.deterministic and len(names) > 1:
        line += (
            f"; deterministic: true gives the same bits on one kind of device, and this training ran on {len(names)}"
        )
    return line


class StepLogger:
    """Log lines during the steps between two evaluations."""

    def __init__(self, recipe: Recipe, journal: TrainerState, steps: int) -> None:
        self._journal, self._first, self._steps, self._epochs = journal, journal.step, steps, recipe.epochs
        self._utterances = 0
        self._start = self._last = time.monotonic()

    def step(self, loss: float | None, utterances: int) -> None:
        """Log the progress every few seconds, with the last loss that is known; without one there is no line."""
        now = time.monotonic()
        self._utterances += utterances
        if loss is None or now - self._last < LINE_EVERY_S:
            return
        self._last = now
        epoch, step, spent_s = self._journal.epoch, self._journal.step, now - self._start
        left = self._steps * (self._epochs - epoch + 1) - step
        log_line(
            f"epoch {epoch} of {self._epochs}, step {step} of {self._steps}, loss {loss:.3f}, "
            f"{self._utterances / spent_s:.1f} utterances/s, {left * spent_s / (step - self._first):.0f} s left"
        )
