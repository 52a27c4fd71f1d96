"""Windows of real training steps: the project's own loop over its own loader, on the material of the benchmark."""

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from gpu_material import Material
from gpu_profile import wait_for

from valence_gap.definitions.models import Training
from valence_gap.models import loading
from valence_gap.models.base import SpeechModel
from valence_gap.training.batching import Rows, epoch_batches
from valence_gap.training.checkpoints import TrainerState
from valence_gap.training.learners import Learner, build_learner
from valence_gap.training.optimizers import build_optimizer
from valence_gap.training.seeding import seed_everything
from valence_gap.training.train import training_steps

try:
    from valence_gap.training.kept_inputs import keeping_in
except ImportError:  # an earlier commit, which computes spectrograms in each epoch
    keeping_in = None

SKIPPED = 2  # steps until the loader is ahead
LEAST = 2  # measured steps


@dataclass(frozen=True)
class Steps:
    """What a window of steps took.

    Attributes:
        count: steps of the window, without the first ones, which are not measured.
        whole: all steps that were made.
        seconds: of the measured steps, until the GPU had finished.
        waited_s: the part of it in which they waited for the loader; None where it is not known.
        durations_s: of the utterances that they were trained on, float64 (utterances,).
    """

    count: int
    whole: int
    seconds: float
    waited_s: float | None
    durations_s: npt.NDArray[np.float64]

    @property
    def audio_s_per_s(self) -> float:
        """Seconds of audio per second."""
        return float(self.durations_s.sum()) / self.seconds

    @property
    def step_ms(self) -> float:
        """Milliseconds of a step, on average."""
        return 1e3 * self.seconds / self.count


class TrainingRun:
    """A training of the study, up to its first step: model, data, optimiser.

    Args:
        material: the data and the definitions.
        kind: large, base, random weights or CNN14.
        device: of the computation.
    """

    def __init__(self, material: Material, kind: str, device: torch.device) -> None:
        self.kind, self.device = kind, device
        self.training = material.training(kind)
        seed_everything(self.training.seed)
        self.model = _build(self.training, material.backbone(kind)).to(device)
        splits = (material.train, material.dev)
        if self.model.input_kind != "stem":
            splits = tuple(replace(each, features=None) for each in splits)
        self._kept = ExitStack()
        keep = [] if keeping_in is None else [self._kept.enter_context(keeping_in(material.folder / "scratch"))]
        self.learner: Learner = build_learner(self.training, self.model, *splits, material.utterances, device, *keep)
        trained = [each for each in self.learner.module.parameters() if each.requires_grad]
        self.optimizer = build_optimizer(self.training.recipe, trained)

    def close(self) -> None:
        """Remove the files of the training."""
        self._kept.close()

    def plan(self, epoch: int) -> Sequence[Rows]:
        """The batches of an epoch, as the loop makes them."""
        recipe = self.training.recipe
        return epoch_batches(self.learner.lengths, recipe.batch_size, seed=self.training.seed, epoch=epoch)

    def steps(
        self,
        epoch: int,
        *,
        count: int | None = None,
        seconds: float = float("inf"),
        around: AbstractContextManager[object] | None = None,
    ) -> Steps:
        """Train on the first batches of an epoch.

        Args:
            epoch: which selects the batches.
            count: steps, with those that are not measured; None: the whole epoch.
            seconds: after which no further step is made, unless too few were.
            around: entered before the measured steps, and left when the GPU has finished them.
        """
        plan = self.plan(epoch)
        last = min(count or len(plan), len(plan))
        skipped = max(0, min(SKIPPED, last - LEAST))
        journal = TrainerState(epoch=epoch)
        begun = started = time.perf_counter()
        waited, done = 0.0, 0
        with (
            closing(training_steps(self.training, self.learner, self.optimizer, journal, self.device)) as loop,
            ExitStack() as measured,
        ):
            for done, _ in enumerate(loop, 1):
                if done == skipped:
                    wait_for(self.device)
                    measured.enter_context(around or nullcontext())
                    waited, started = journal.waited_s, time.perf_counter()
                if done == last or (time.perf_counter() - begun > seconds and done >= skipped + LEAST):
                    break
            wait_for(self.device)
            ended = time.perf_counter()
        durations_s = self.learner.train.durations_s[np.concatenate(plan[skipped:done])]
        return Steps(done - skipped, done, ended - started, journal.waited_s - waited, durations_s)


def _build(training: Training, backbone: Path | None) -> SpeechModel:
    """The model with random weights, since no backbone is fetched; its frozen stem stays frozen."""
    if backbone is None:
        return loading.build(training, None)
    return loading.build(replace(training, pretrained=False), backbone)
