"""The batches of a pre-training: crops of the speech, their targets, and the frames that are masked."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch

from valence_gap.definitions.miniature import Pretraining
from valence_gap.pretraining.framing import Framing
from valence_gap.pretraining.targets import Samples, Targets, normalised

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def batches(
    samples: Samples, targets: Targets, frames: Framing, definition: Pretraining, *, seed: int, first: int = 0
) -> Iterator[Batch]:
    """Crops of one length per step, so that nothing is padded; a crop may extend into the next utterance.

    A batch depends only on the seed and the number of its step.

    Args:
        samples: (samples,) of all utterances.
        targets: (frames, targets of a frame).
        frames: the frames of the stem.
        definition: length of the crops, and how they are masked.
        seed: seed of the training.
        first: number of finished steps.

    Yields:
        normalised waves (batch, samples), targets (batch, frames, targets of a frame), mask (batch, frames).
    """
    size = definition.batch_size
    for step in range(first, definition.steps):
        generator = np.random.default_rng([seed, step])
        count = int(generator.choice(definition.crop_frames))
        starts = generator.integers(0, len(targets) - count + 1, size)
        length = frames.samples_of(count)
        waves = np.stack([samples[start * frames.hop : start * frames.hop + length] for start in starts])
        labels = np.stack([targets[start : start + count] for start in starts])
        mask = span_mask(size, count, generator, starts=definition.mask_starts, span=definition.mask_span)
        yield normalised(waves), torch.from_numpy(labels), torch.from_numpy(mask)


def span_mask(
    batch: int, frames: int, generator: np.random.Generator, *, starts: float, span: int
) -> npt.NDArray[np.bool_]:
    """Spans of masked frames, which may overlap.

    Args:
        batch: number of rows.
        frames: length of a row.
        generator: random numbers.
        starts: share of the frames at which a span begins, at least one in each row.
        span: frames of a span.

    Returns:
        (batch, frames).
    """
    mask = np.zeros((batch, frames), dtype=bool)
    spans = max(1, round(starts * frames))
    for row in mask:
        places = generator.choice(max(1, frames - span + 1), min(spans, max(1, frames - span + 1)), replace=False)
        for place in places:
            row[place : place + span] = True
    return mask
