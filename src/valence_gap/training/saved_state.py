"""When the state of a training is saved, and which states it may resume."""

import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from torch import nn

from valence_gap.definitions.models import Training
from valence_gap.definitions.values import to_json
from valence_gap.runtime import precision
from valence_gap.training import checkpoints
from valence_gap.training.checkpoints import TrainerState, Weights

CHEAP_S = 1.0  # a state that is saved in less than this is saved at the end of every epoch
SAVE_EVERY_S = 600.0  # otherwise, a killed training repeats about this time and an epoch at most


def state_keys(training: Training, checksums: dict[str, str], device: torch.device) -> tuple[str, ...]:
    """The key of a training's state, then the keys of other states that it may resume.

    The key contains the number format: on another GPU, ``precision: auto`` may mean another one, and the rest of the
    training would be computed in it without a word. On a CPU, a state whose key does not say the format may be resumed
    too, because there the format is that of the study's ``precision.json``.

    Args:
        training: the definition of the trained model.
        checksums: checksum of every input, by name.
        device: on which the training computes.
    """
    definition = json.loads(to_json(training))
    products = str(precision.resolve(training.recipe.precision, device)).removeprefix("torch.")
    key = checkpoints.state_key(definition, checksums, products)
    return (key, checkpoints.state_key(definition, checksums)) if device.type == "cpu" else (key,)


class SavedState:
    """The saved state of a training, and when it is saved.

    The state of a large model has 5 GB. A GPU is idle while they are written, which takes half a minute on a network
    file system. So such a state is not saved at the end of every epoch.

    Args:
        folder: its folder.
        keys: -> the key of the training, then other keys whose states are resumed; it may wait for checksums, so it is
            called only if there is a state, or one is saved.
    """

    def __init__(self, folder: Path, keys: Callable[[], Sequence[str]]) -> None:
        self._folder, self._keys = folder, keys
        self._took_s, self._saved = 0.0, -math.inf

    def is_due(self) -> bool:
        """Whether the state is saved at the end of this epoch."""
        return self._took_s < CHEAP_S or time.monotonic() - self._saved >= SAVE_EVERY_S

    def save(self, journal: TrainerState, module: nn.Module, optimizer: torch.optim.Optimizer, best: Weights) -> None:
        """Save the state; the arguments are those of :func:`valence_gap.training.checkpoints.save`."""
        key = self._keys()[0]
        began = time.monotonic()
        checkpoints.save(self._folder, key, journal, module, optimizer, best)
        self._saved = time.monotonic()
        self._took_s = self._saved - began

    def load(self, module: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[TrainerState, Weights]:
        """Restore the training from its state; without one that it may resume, it begins.

        Returns:
            The progress of the training and the weights of its best evaluation, none before the first one.
        """
        there = (self._folder / checkpoints.STATE).is_file()
        restored = checkpoints.load(self._folder, self._keys(), module, optimizer, TrainerState) if there else None
        return restored or (TrainerState(), {})
