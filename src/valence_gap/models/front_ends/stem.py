"""The convolutional stem: it maps a waveform to a feature vector every 20 ms, as the paper's do, or 40 ms.

In the paper it is frozen, so its output depends only on the utterance. It is computed once per utterance: on a CPU
without padding, on a GPU for several utterances of similar length at once. The features are rounded to bfloat16, which
halves their size on disk, unless the model that reads them asks for ``precision: fp32``. On a CPU, stored features and
computed features are equal in both cases; on a GPU, but for the rounding of the products.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.layers.convolution import convolve
from valence_gap.runtime import precision

# Audio, padding included, whose features are computed at once. Each second needs about 25 MB in float32, most of it for
# the first layer (3,200 frames of 512 channels).
SECONDS_AT_ONCE = 128.0
WHOLE_S = 60.0
"""The features of a longer utterance are computed in blocks of this length, so that they take no more memory."""

Moments = tuple[Tensor, Tensor]
"""Mean and variance over the valid frames, float32 (batch, 1, channels) each."""


@dataclass(frozen=True)
class Stem:
    """The stem as a function of one utterance, or of a batch.

    Attributes:
        extractor: ``feature_extractor`` of a Hugging Face speech encoder.
        kernels: kernel size of each of its layers in samples of that layer.
        strides: stride of each of its layers.
        normalised: its waveforms have zero mean and unit variance; otherwise they are in -1..1 as they are.
        rounded: the features of an utterance are rounded to bfloat16.
    """

    extractor: nn.Module
    kernels: Sequence[int]
    strides: Sequence[int]
    normalised: bool = True
    rounded: bool = True

    @classmethod
    def of(cls, backbone: nn.Module, *, normalised: bool = True, rounded: bool = True) -> "Stem":
        """Return the stem of a Hugging Face speech encoder."""
        config, extractor = cast(Any, backbone.config), cast(nn.Module, backbone.feature_extractor)
        return cls(extractor, tuple(config.conv_kernel), tuple(config.conv_stride), normalised, rounded)

    @property
    def receptive_field(self) -> int:
        """Samples that one frame depends on: the minimum length of an utterance."""
        samples = 1
        for kernel, stride in zip(reversed(self.kernels), reversed(self.strides), strict=True):
            samples = (samples - 1) * stride + kernel
        return samples

    @property
    def frames_per_s(self) -> float:
        """Frames per second of audio."""
        return SAMPLE_RATE_HZ / math.prod(self.strides)

    def frames(self, samples: int) -> int:
        """Frames of an utterance of ``samples``; an utterance shorter than the receptive field is padded to it."""
        frames = max(samples, self.receptive_field)
        for kernel, stride in zip(self.kernels, self.strides, strict=True):
            frames = (frames - kernel) // stride + 1
        return frames

    @torch.no_grad()
    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the features of one utterance.

        Args:
            waveform: float32 (samples,) at 16 kHz, of zero mean and unit variance if ``normalised``.

        Returns:
            float32 (frames, channels) on the CPU, rounded to bfloat16 if ``rounded``.
        """
        device = next(self.extractor.parameters()).device
        with torch.autocast(device.type, enabled=False):
            features = self._of_one(waveform.to(device)[None])
        return (features[0].to(torch.bfloat16) if self.rounded else features[0]).cpu().float()

    @torch.no_grad()
    def features(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Compute the features of a padded batch in float32, ``SECONDS_AT_ONCE`` of audio at a time.

        The features of an utterance differ from those that it has alone by the rounding of the products.

        Args:
            waveforms: float32 (batch, samples), on the device of the stem. Utterances of similar length should be next
                to each other.
            lengths: int64 (batch,), number of valid samples of each row; on the CPU, or the host waits for the GPU.

        Returns:
            float32 (batch, frames, channels) on that device, rounded to bfloat16 if ``rounded``. Frames of padding are
            zero beyond the longest utterance of those computed together, else arbitrary.
        """
        count = max(1, int(SECONDS_AT_ONCE * SAMPLE_RATE_HZ) // max(waveforms.shape[1], self.receptive_field))
        parts = []
        with torch.autocast(waveforms.device.type, enabled=False):
            for some, valid in zip(torch.split(waveforms, count), torch.split(lengths, count), strict=True):
                some = some[:, : int(valid.max())]
                part = self._of_one(some) if len(some) == 1 else self.batch(some, valid)[0]
                parts.append(part.to(torch.bfloat16) if self.rounded else part)
        longest = max(part.shape[1] for part in parts)
        return torch.cat([F.pad(part, (0, 0, 0, longest - part.shape[1])) for part in parts]).float()

    def _of_one(self, waveform: Tensor) -> Tensor:
        """Compute the features of one utterance, (1, samples) -> (1, frames, channels), in blocks if it is long.

        A frame depends on ``receptive_field`` samples only, but for a group normalisation of the first layer, whose
        moments over the whole utterance are therefore computed before.
        """
        samples = waveform.shape[1]
        if samples <= WHOLE_S * SAMPLE_RATE_HZ:
            return self.batch(waveform, torch.tensor([samples]))[0]
        hop, frames, moments = math.prod(self.strides), self.frames(samples), self._moments_of_one(waveform)
        at_once, parts = int(WHOLE_S * self.frames_per_s), []
        for first in range(0, frames, at_once):
            last = min(frames, first + at_once) - 1
            block = waveform[:, first * hop : last * hop + self.receptive_field]
            parts.append(self.batch(block, torch.tensor([block.shape[1]]), moments)[0])
        return torch.cat(parts, dim=1)

    def _moments_of_one(self, waveform: Tensor) -> Moments | None:
        """The moments of a long utterance for the group normalisation of the first layer; None: it has none."""
        layer, kernel, stride = cast(Any, self.extractor).conv_layers[0], self.kernels[0], self.strides[0]
        if not isinstance(getattr(layer, "layer_norm", None), nn.GroupNorm):
            return None
        frames, at_once = (waveform.shape[1] - kernel) // stride + 1, int(WHOLE_S * SAMPLE_RATE_HZ) // stride
        counts, means, variances = [], [], []
        for first in range(0, frames, at_once):
            count = min(frames - first, at_once)
            block = waveform[:, first * stride : (first + count - 1) * stride + kernel]
            states = _convolved(layer, F.pad(block, (0, -block.shape[1] % stride)).reshape(-1, 1), stride)
            mean, variance = _moments(states[None].float(), torch.tensor([count]))
            counts.append(count)
            means.append(mean.double())
            variances.append(variance.double())
        shares = torch.tensor(counts, dtype=torch.float64, device=waveform.device)[:, None, None, None] / frames
        each, inner = torch.stack(means), torch.stack(variances)  # (blocks, 1, 1, channels)
        mean = (shares * each).sum(dim=0)
        return mean.float(), (shares * (inner + (each - mean).square())).sum(dim=0).float()

    def batch(self, waveforms: Tensor, lengths: Tensor, moments: Moments | None = None) -> tuple[Tensor, Tensor]:
        """Compute the features of a padded batch, with gradients: for a stem that is trained.

        Layer normalisation uses only one frame and the convolutions do not pad, so padding does not affect valid
        frames. Group normalisation computes statistics over time, so it uses only the valid frames.

        Args:
            waveforms: float32 (batch, samples).
            lengths: int64 (batch,), number of valid samples of each row; on the CPU, or the host waits for the GPU.
            moments: those of the group normalisation, if the waveforms are blocks of a longer utterance.

        Returns:
            (batch, frames, channels), and the number of valid frames of each row, int64 (batch,), on the device of
            ``lengths``.
        """
        count, samples = waveforms.shape
        hop = math.prod(self.strides)
        width = -(-max(samples, self.receptive_field) // hop) * hop  # every layer needs a multiple of its stride
        lengths = lengths.clamp(min=self.receptive_field)
        states = F.pad(waveforms, (0, width - samples)).reshape(-1, 1)
        layers = cast(Any, self.extractor).conv_layers
        for layer, kernel, stride in zip(layers, self.kernels, self.strides, strict=True):
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
            states = _convolved(layer, states, stride)
            norm = getattr(layer, "layer_norm", None)
            if isinstance(norm, nn.GroupNorm):
                parted = states.view(count, -1, states.shape[1]).float()
                states = _group_norm(parted, norm, moments or _moments(parted, lengths)).view(states.shape)
            elif norm is not None:
                states = norm(states.float())  # in bfloat16, this takes two to three times as long on a CPU
            states = layer.activation(states)
        return states.view(count, -1, states.shape[1])[:, : self.frames(samples)], lengths


def _convolved(layer: Any, states: Tensor, stride: int) -> Tensor:
    """The convolution of one layer in the format of products; (rows, channels), rows a multiple of ``stride``."""
    dtype = precision.product_dtype(states.device)
    bias = None if layer.conv.bias is None else layer.conv.bias.to(dtype)
    return convolve(states.to(dtype), layer.conv.weight.to(dtype), bias, stride)


def _moments(states: Tensor, lengths: Tensor) -> Moments:
    """Mean and variance of float32 (batch, frames, channels) over the valid frames of each row."""
    parts = [each[:length] for each, length in zip(states, lengths.tolist(), strict=True)]
    mean = torch.stack([part.mean(dim=0, keepdim=True) for part in parts])  # (batch, 1, channels)
    deviations = [part - centre for part, centre in zip(parts, mean, strict=True)]
    return mean, torch.stack([part.square().mean(dim=0, keepdim=True) for part in deviations])


def _group_norm(states: Tensor, norm: nn.GroupNorm, moments: Moments) -> Tensor:
    """Group normalisation of float32 (batch, frames, channels), one group per channel, with these moments."""
    mean, variance = moments
    scale = torch.rsqrt(variance + norm.eps) * norm.weight
    return torch.addcmul(norm.bias - mean * scale, states, scale)
