"""Pre-training of the miniature's backbones by masked prediction of k-means targets (Hsu et al. 2021, HuBERT).

Both architectures are pre-trained in this way: wav2vec 2.0's contrastive task needs far more speech and steps than a
miniature can afford. So a miniature wav2vec 2.0 has the architecture but not the task; its card says so.
"""

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn
from transformers import PreTrainedModel

from valence_gap.definitions.miniature import Pretraining, Speech
from valence_gap.definitions.values import SAMPLE_RATE_HZ, to_json
from valence_gap.pretraining.backbone import build, check
from valence_gap.pretraining.card import save
from valence_gap.pretraining.crops import batches
from valence_gap.pretraining.curve import REPORT_EVERY, LearningCurve
from valence_gap.pretraining.framing import Framing, framing
from valence_gap.pretraining.saved_progress import Progress, SavedProgress
from valence_gap.pretraining.targets import Samples, Targets, mfcc_targets, normalise_level
from valence_gap.pretraining.updates import Updates, adamw
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import log_line, progress
from valence_gap.training import checkpoints
from valence_gap.training.checkpoints import StopSignals

Offsets = npt.NDArray[np.int64]

FALLING = 0.2  # share of the steps in which the weight of the unmasked frames falls to its last value
SAVE_EVERY = 5 * REPORT_EVERY  # steps


@dataclass(frozen=True)
class PretrainingResult:
    """A pre-trained model, on the CPU, and how it was trained."""

    model: PreTrainedModel
    progress: Progress


class MaskedPredictor(nn.Module):
    """An encoder with a head that predicts the targets of each frame.

    Args:
        encoder: the backbone.
        hidden: its hidden units.
        parts: targets of a frame.
        clusters: number of clusters.
    """

    def __init__(self, encoder: PreTrainedModel, hidden: int, parts: int, clusters: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(hidden, parts * clusters)
        self._shape = (parts, clusters)

    def forward(self, waves: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Normalised waves (batch, samples), mask (batch, frames) -> logits (batch, frames, parts, clusters)."""
        hidden = self.encoder(waves, mask_time_indices=mask).last_hidden_state
        logits: torch.Tensor = self.head(hidden)
        return logits.reshape(*logits.shape[:-1], *self._shape)


def pretrain(
    name: str,
    definition: Pretraining,
    speech: Speech,
    output: Path,
    *,
    scratch: Path | None = None,
    workers: int = 1,
) -> None:
    """Pre-train a miniature backbone and write it as a Hugging Face folder.

    Args:
        name: name of the backbone, for its card.
        definition: what is trained and how.
        speech: the unlabelled speech.
        output: the folder: ``config.json``, ``model.safetensors`` (bfloat16), ``preprocessor_config.json``,
            ``README.md`` and ``run.json``.
        scratch: folder of its saved state, from which it resumes; None: no state is saved.
        workers: number of processes that synthesise the speech; it does not change the speech.

    Raises:
        UserError: no model can be built from the definition.
    """
    from valence_gap.miniature.unlabelled import unlabelled_speech

    check(definition)
    started = time.monotonic()
    samples, offsets = unlabelled_speech(speech, definition.hours, workers=workers)
    key = checkpoints.state_key([json.loads(to_json(each)) for each in (definition, speech)], {})
    state = SavedProgress(scratch, key)
    result = pretrain_on(samples, offsets, definition, state=state)
    hours = len(samples) / SAMPLE_RATE_HZ / 3600
    save(output, result.model, name, definition, speech, hours=hours, progress=result.progress, started=started)
    state.remove()


def pretrain_on(
    samples: Samples,
    offsets: Offsets,
    definition: Pretraining,
    *,
    state: SavedProgress | None = None,
) -> PretrainingResult:
    """Pre-train on the given speech. On a CPU the same seed, threads and machine give the same result on every run.

    Args:
        samples: (samples,) of all utterances at 16 kHz; their levels are changed in place.
        offsets: (utterances + 1,), the start of each utterance, and the end of the last.
        definition: what is trained and how.
        state: saved state, from which it resumes.

    Raises:
        UserError: there is less speech than one crop needs.
    """
    before = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("medium")  # bfloat16 inside products
    try:
        with precision.cpu_threads(definition.threads):
            normalise_level(samples, offsets)
            return _pretrain(samples, offsets, definition, state or SavedProgress())
    finally:
        torch.set_float32_matmul_precision(before)


def _pretrain(samples: Samples, offsets: Offsets, definition: Pretraining, state: SavedProgress) -> PretrainingResult:
    frames = framing(definition.stem_kernels, definition.stem_strides)
    longest = max(definition.crop_frames)
    if frames.frames_of(len(samples)) < longest:
        needed_s = frames.samples_of(longest) / SAMPLE_RATE_HZ
        raise UserError(
            f"There is less unlabelled speech than one crop needs ({needed_s:.1f} s).",
            remedy="Increase hours in its definition.",
        )
    log_line(f"clustering MFCCs of {len(samples) / SAMPLE_RATE_HZ / 3600:.2f} h")
    targets = mfcc_targets(
        samples,
        offsets,
        frames,
        clusters=definition.clusters,
        seed=definition.seed,
        weights=definition.target_weights,
    )
    torch.manual_seed(definition.seed)
    encoder = build(definition)
    module = MaskedPredictor(encoder, definition.hidden, frames.parts, definition.clusters)
    module.to(precision.device())
    done = train(module, samples, targets, frames, definition, state=state)
    module.to("cpu")
    return PretrainingResult(encoder, done)


def train(
    module: MaskedPredictor,
    samples: Samples,
    targets: Targets,
    frames: Framing,
    definition: Pretraining,
    *,
    state: SavedProgress,
) -> Progress:
    """Train to predict the targets of frames, from the saved state if there is one.

    It computes on the device of the module. A signal stops it after the current step; its state is saved.

    Raises:
        TrainingInterrupted: a signal stopped the training.
    """
    device = next(module.parameters()).device
    parameters = list(module.parameters())
    optimizer = adamw(parameters, definition.learning_rate)
    done = state.load(module, optimizer) or Progress()
    updates = Updates([optimizer], parameters, definition, first=done.step)
    curve = LearningCurve(definition.steps, points=done.points, window=done.window)
    crops = batches(samples, targets, frames, definition, seed=definition.seed, first=done.step)
    module.train()
    before_s, began = done.train_s, time.monotonic()
    left = progress(crops, "pre-training", total=definition.steps - done.step, unit="steps")
    with StopSignals() as signals:
        for crop in left:
            with signals.deferred():
                batch = [each.to(device) for each in crop]
                loss, masked_loss, accuracy = losses(module, batch, definition, done.step)
                updates.step(loss)
                done.step += 1
                curve.add(done.step, masked_loss.item(), accuracy.item())
                done.points, done.window = curve.points, curve.window
                done.train_s = before_s + time.monotonic() - began
                if signals.were_received() or done.step % SAVE_EVERY == 0:
                    state.save(done, module, optimizer)
    return done


def losses(
    module: MaskedPredictor, batch: Sequence[torch.Tensor], definition: Pretraining, finished: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Compute the loss of a batch, the part of it of the masked frames, and their accuracy.

    Args:
        module: the model.
        batch: see :func:`valence_gap.pretraining.crops.batches`.
        definition: number format, and weight of the unmasked frames.
        finished: number of finished steps, on which that weight depends.
    """
    waves, labels, mask = batch
    in_bf16 = definition.precision == "bf16"
    with torch.autocast(waves.device.type, torch.bfloat16) if in_bf16 else nullcontext():
        logits = module(waves, mask)  # (batch, frames, parts, clusters)
    logits = logits.float()
    masked_loss = F.cross_entropy(logits[mask].flatten(0, 1), labels[mask].flatten())
    # HuBERT's loss of unmasked frames (its 1 - alpha): the stem learns from them within a few dozen steps. With masked
    # frames alone, the accuracy is still near chance after two hundred steps.
    other_loss = F.cross_entropy(logits[~mask].flatten(0, 1), labels[~mask].flatten())
    loss = masked_loss + unmasked_weight(definition, finished) * other_loss
    return loss, masked_loss, (logits[mask].argmax(-1) == labels[mask]).float().mean()


def unmasked_weight(definition: Pretraining, finished: int) -> float:
    """Weight of the loss of the unmasked frames after a number of steps: it falls, and then stays."""
    first, last = definition.unmasked_weight
    return first + (last - first) * min(1.0, finished / max(1.0, FALLING * definition.steps))
