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
            features, _ = self.batch(waveform.to(device)[None], torch.tensor([waveform.numel()]))
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
                part, _ = self.batch(some[:, : int(valid.max())], valid)
                parts.append(part.to(torch.bfloat16) if self.rounded else part)
        longest = max(part.shape[1] for part in parts)
        return torch.cat([F.pad(part, (0, 0, 0, longest - part.shape[1])) for part in parts]).float()

    def batch(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the features of a padded batch, with gradients: for a stem that is trained.

        Layer normalisation uses only one frame and the convolutions do not pad, so padding does not affect valid
        frames. Group normalisation computes statistics over time, so it uses only the valid frames.

        Args:
            waveforms: float32 (batch, samples).
            lengths: int64 (batch,), number of valid samples of each row; on the CPU, or the host waits for the GPU.

        Returns:
            (batch, frames, channels), and the number of valid frames of each row, int64 (batch,), on the device of
            ``lengths``.
        """
        count, samples = waveforms.shape
        hop = math.prod(self.strides)
        width = -(-max(samples, self.receptive_field) // hop) * hop  # every layer needs a multiple of its stride
        lengths = lengths.clamp(min=self.receptive_field)
        states = F.pad(waveforms, (0, width - samples)).reshape(-1, 1)
        dtype = precision.product_dtype(waveforms.device)
        layers = cast(Any, self.extractor).conv_layers
        for layer, kernel, stride in zip(layers, self.kernels, self.strides, strict=True):
            lengths = torch.div(lengths - kernel, stride, rounding_mode="floor") + 1
            bias = None if layer.conv.bias is None else layer.conv.bias.to(dtype)
            states = convolve(states.to(dtype), layer.conv.weight.to(dtype), bias, stride)
            norm = getattr(layer, "layer_norm", None)
            if isinstance(norm, nn.GroupNorm):
                parted = states.view(count, -1, states.shape[1])
                states = _group_norm(parted, norm, lengths).view(states.shape)
            elif norm is not None:
                states = norm(states.float())  # in bfloat16, this takes two to three times as long on a CPU
            states = layer.activation(states)
        return states.view(count, -1, states.shape[1])[:, : self.frames(samples)], lengths


def _group_norm(states: Tensor, norm: nn.GroupNorm, lengths: Tensor) -> Tensor:
    """Group normalisation of (batch, frames, channels), one group per channel, over the valid frames of each row."""
    states = states.float()
    parts = [each[:length] for each, length in zip(states, lengths.tolist(), strict=True)]
    mean = torch.stack([part.mean(dim=0, keepdim=True) for part in parts])  # (batch, 1, channels)
    deviations = [part - centre for part, centre in zip(parts, mean, strict=True)]
    variance = torch.stack([part.square().mean(dim=0, keepdim=True) for part in deviations])
    scale = torch.rsqrt(variance + norm.eps) * norm.weight
    return torch.addcmul(norm.bias - mean * scale, states, scale)
