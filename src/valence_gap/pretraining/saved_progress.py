"""The progress of a pre-training, and its saved state, from which it resumes."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from valence_gap.pretraining.curve import Point
from valence_gap.training import checkpoints


@dataclass
class Progress:
    """The progress of a pre-training.

    Attributes:
        step: number of finished steps.
        points: (step, loss, masked accuracy) of each hundred steps.
        window: (loss, masked accuracy) of the steps since then.
        train_s: seconds of all steps, over all runs.
        resumes: number of times that it was resumed.
    """

    step: int = 0
    points: list[Point] = field(default_factory=list)
    window: list[tuple[float, ...]] = field(default_factory=list)
    train_s: float = 0.0
    resumes: int = 0


class SavedProgress:
    """Saves a pre-training, and restores it.

    Args:
        folder: its scratch folder; None: nothing is saved.
        key: key of the definition; a state with another key is not used.
    """

    def __init__(self, folder: Path | None = None, key: str = "") -> None:
        self._folder, self._key = folder, key

    def save(self, progress: Progress, module: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        """Save the state."""
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            checkpoints.save(self._folder, self._key, progress, module, optimizer, {})

    def load(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> Progress | None:
        """Restore the state, if there is one."""
        if self._folder is None:
            return None
        restored = checkpoints.load(self._folder, [self._key], module, optimizer, Progress)
        return restored[0] if restored else None

    def remove(self) -> None:
        """Remove the state of a finished pre-training."""
        if self._folder is not None:
            checkpoints.remove(self._folder)
