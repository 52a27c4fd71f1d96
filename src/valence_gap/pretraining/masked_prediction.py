"""Pre-training of the miniature's backbones by masked prediction of k-means targets (Hsu et al. 2021, HuBERT).

Both architectures are pre-trained in this way: wav2vec 2.0's contrastive task needs far more speech and steps than a
miniature can afford. So a miniature wav2vec 2.0 has the architecture but not the task; its card says so.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import nn
from transformers import HubertConfig, HubertModel, PreTrainedModel, Wav2Vec2Config, Wav2Vec2Model

from valence_gap.definitions.miniature import Pretraining, Speech
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.pretraining.card import save
from valence_gap.pretraining.curve import LearningCurve, Point
from valence_gap.pretraining.mfcc import HOP, frames_of, samples_of
from valence_gap.pretraining.targets import Samples, Targets, hidden_targets, mfcc_targets, normalise_level, normalised
from valence_gap.pretraining.updates import Updates, adamw
from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import log_line, progress

CROP_FRAMES = (50, 75, 100, 125, 150)  # 1 s to 3 s; few lengths, since a CPU prepares kernels for each
# A third of the frames are masked, in shorter spans than HuBERT's (8 % and 10 frames, half of all frames): with only a
# few hours of speech, a model learns little from the frames between HuBERT's spans.
MASK_START = 0.05  # share of the frames at which a masked span begins
MASK_SPAN = 8  # frames
CONV_KERNEL, CONV_STRIDE = (10, 3, 3, 3, 3, 2, 2), (5, 2, 2, 2, 2, 2, 2)
POSITION_KERNEL, POSITION_GROUPS = 32, 16


@dataclass(frozen=True)
class PretrainingResult:
    """A pre-trained model and its learning curve."""

    model: PreTrainedModel
    curve: tuple[Point, ...]
    """(step, loss, masked accuracy) of each hundred steps, all iterations."""


def pretrain(
    name: str, definition: Pretraining, speech: Speech, output: Path, *, start: Path | None = None, workers: int = 1
) -> None:
    """Pre-train a miniature backbone and write it as a Hugging Face folder.

    Args:
        name: name of the backbone, for its card.
        definition: what is trained and how.
        speech: the unlabelled speech.
        output: the folder: ``config.json``, ``model.safetensors`` (bfloat16), ``preprocessor_config.json``,
            ``README.md`` and ``run.json``.
        start: folder of the backbone that training continues from, if the definition names one.
        workers: number of processes that synthesise the speech; it does not change the speech.

    Raises:
        UserError: no model can be built from the definition, or the backbone that it continues is missing or of another
            shape.
    """
    from valence_gap.miniature.unlabelled import unlabelled_speech

    check(definition)
    if (start is None) != (definition.continues is None):
        raise UserError(
            f"{name} continues {definition.continues}, but --start is {start}.", remedy="Give both or neither."
        )
    started = time.monotonic()
    samples, offsets = unlabelled_speech(speech, definition.hours, workers=workers)
    result = pretrain_on(samples, offsets, definition, start=start)
    hours = len(samples) / SAMPLE_RATE_HZ / 3600
    save(output, result.model, name, definition, speech, hours=hours, curve=result.curve, started=started)


def pretrain_on(
    samples: Samples, offsets: npt.NDArray[np.int64], definition: Pretraining, *, start: Path | None = None
) -> PretrainingResult:
    """Pre-train on the given speech. On a CPU the same seed, threads and machine give the same result on every run.

    Args:
        samples: (samples,) of all utterances at 16 kHz.
        offsets: (utterances + 1,), the start of each utterance, and the end of the last.
        definition: what is trained and how.
        start: folder whose weights the first iteration starts from.

    Returns:
        The model, on the CPU, and its curve.
    """
    before = torch.get_float32_matmul_precision()
    # bfloat16 inside matrix products only: autocast loses the small updates of training from scratch.
    torch.set_float32_matmul_precision("medium")
    try:
        with precision.cpu_threads(definition.threads):
            return _iterations(normalise_level(samples, offsets), definition, start)
    finally:
        torch.set_float32_matmul_precision(before)


def _iterations(samples: Samples, definition: Pretraining, start: Path | None) -> PretrainingResult:
    if frames_of(len(samples)) < max(CROP_FRAMES):
        raise UserError(
            "There is less unlabelled speech than one crop needs (3 s).", remedy="Increase hours in its definition."
        )
    log_line(f"clustering MFCCs of {len(samples) / SAMPLE_RATE_HZ / 3600:.2f} h")
    targets = mfcc_targets(samples, clusters=definition.clusters, seed=definition.seed)
    curve: list[Point] = []
    device = precision.device()
    for iteration in range(definition.iterations):
        torch.manual_seed(definition.seed + iteration)
        model = build(definition)
        if start is not None and iteration == 0:
            load_start(model, start)
        cast(nn.Module, model).to(device)
        curve += train(model, samples, targets, definition, seed=definition.seed + iteration)
        if iteration + 1 < definition.iterations:
            targets = hidden_targets(samples, model, clusters=definition.clusters, seed=definition.seed)
    cast(nn.Module, model).to("cpu")
    return PretrainingResult(model, tuple(curve))


def check(definition: Pretraining) -> None:
    """Check that the layers can be built.

    Raises:
        UserError: the number of hidden units is not a multiple of the number of heads, or of the number of groups of
            the positional convolution.
    """
    wrong = [
        f"{definition.hidden} hidden units are not a multiple of {count} {what}"
        for count, what in ((definition.heads, "heads"), (POSITION_GROUPS, "groups of the positional convolution"))
        if definition.hidden % count
    ]
    if wrong:
        raise UserError(
            "A backbone cannot be built from its definition.", wrong, "Change pretraining: hidden or heads."
        )


def load_start(model: PreTrainedModel, start: Path) -> None:
    """Load the weights of another backbone of the same shape into a model.

    Raises:
        UserError: the weights are missing, or of another shape.
    """
    try:
        donor = type(model).from_pretrained(start, dtype=torch.float32, local_files_only=True)
        model.load_state_dict(donor.state_dict())
    except (OSError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"{start} cannot be continued", [reason], "Name a backbone of the same shape.") from error


def build(definition: Pretraining) -> PreTrainedModel:
    """The encoder with random initialisation, without dropout: a miniature trains for too few steps to over-fit."""
    stable = definition.stem == "layer"
    shape: dict[str, Any] = {
        "hidden_size": definition.hidden,
        "num_hidden_layers": definition.layers,
        "num_attention_heads": definition.heads,
        "intermediate_size": 4 * definition.hidden,
        "conv_dim": list(definition.stem_channels),
        "conv_kernel": list(CONV_KERNEL),
        "conv_stride": list(CONV_STRIDE),
        "num_feat_extract_layers": len(CONV_KERNEL),
        "feat_extract_norm": definition.stem,
        "conv_bias": stable,
        "do_stable_layer_norm": stable,
        "num_conv_pos_embeddings": POSITION_KERNEL,
        "num_conv_pos_embedding_groups": POSITION_GROUPS,
        "mask_time_prob": 0.05,
        "mask_time_length": MASK_SPAN,
        "apply_spec_augment": True,  # without it transformers ignores the mask
        "layerdrop": 0.0,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "feat_proj_dropout": 0.0,
        "attn_implementation": "eager",  # on a CPU the backward pass of the fused kernel is slower
    }
    if definition.architecture == "hubert":
        return HubertModel(HubertConfig(**shape))
    return Wav2Vec2Model(Wav2Vec2Config(**shape))


def train(
    model: PreTrainedModel, samples: Samples, targets: Targets, definition: Pretraining, *, seed: int
) -> list[Point]:
    """Train to predict the targets of frames; return (step, masked loss, masked accuracy) of each hundred steps.

    It computes on the device of the model. The weights of the head are drawn on the CPU, whatever that device is.
    """
    device = next(model.parameters()).device
    head = nn.Linear(definition.hidden, definition.clusters).to(device)
    parameters = [*model.parameters(), *head.parameters()]
    updates = Updates([adamw(parameters, definition.learning_rate)], parameters, definition)
    model.train()
    curve = LearningCurve(definition.steps)
    crops = batches(samples, targets, definition, seed=seed)
    for step, crop in enumerate(progress(crops, "pre-training", total=definition.steps), start=1):
        waves, labels, mask = (each.to(device) for each in crop)
        hidden = model(waves, mask_time_indices=mask).last_hidden_state  # (batch, frames, hidden)
        logits = head(hidden)  # (batch, frames, clusters)
        masked_loss = F.cross_entropy(logits[mask], labels[mask])
        # HuBERT's loss of unmasked frames (its 1 - alpha): the stem learns from them within a few dozen steps. With
        # masked frames alone, the accuracy is still near chance after two hundred steps.
        loss = masked_loss + F.cross_entropy(logits[~mask], labels[~mask])
        updates.step(loss)
        correct = logits[mask].argmax(-1) == labels[mask]
        curve.add(step, masked_loss.item(), correct.float().mean().item())
    return curve.points


def batches(
    samples: Samples, targets: Targets, definition: Pretraining, *, seed: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor, torch.Tensor]]:
    """Crops of one random length per step, so that nothing is padded; a crop may extend into the next utterance.

    Yields:
        normalised waves (batch, samples), targets (batch, frames), mask (batch, frames).
    """
    generator = np.random.default_rng(seed)
    for _ in range(definition.steps):
        frames = int(generator.choice(CROP_FRAMES))
        starts = generator.integers(0, len(targets) - frames + 1, definition.batch_size)
        waves = np.stack([samples[start * HOP : start * HOP + samples_of(frames)] for start in starts])
        labels = np.stack([targets[start : start + frames] for start in starts])
        mask = span_mask(definition.batch_size, frames, generator)
        yield normalised(waves), torch.from_numpy(labels), torch.from_numpy(mask)


def span_mask(batch: int, frames: int, generator: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Spans of eight frames that begin at 5 % of the frames and may overlap, about a third of all. (batch, frames)."""
    mask = np.zeros((batch, frames), dtype=bool)
    spans = max(1, round(MASK_START * frames))
    for row in mask:
        starts = generator.choice(max(1, frames - MASK_SPAN + 1), min(spans, frames), replace=False)
        for start in starts:
            row[start : start + MASK_SPAN] = True
    return mask
