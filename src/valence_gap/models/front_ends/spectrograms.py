"""Input spectrograms of the encoders that do not read a waveform, each computed as by the encoder's authors.

The waveform is not normalised before, because both spectrograms are normalised after the logarithm.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from valence_gap.definitions.values import SAMPLE_RATE_HZ

WINDOW, HOP = 400, 160  # samples: 25 and 10 ms
EPSILON = 1e-7


class FrontEnd(Protocol):
    """The input of an encoder as a function of one utterance."""

    @property
    def rate_hz(self) -> float:
        """Frames per second."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Its settings, with the key names of ``preprocessor_config.json``."""

    def frames(self, samples: int) -> int:
        """Frames of an utterance of ``samples``."""

    def __call__(self, waveform: Tensor) -> Tensor:
        """Map float32 (samples,) at 16 kHz in -1..1 to float32 (frames, channels)."""


@dataclass(frozen=True)
class FilterBank:
    """Kaldi's log filter bank, normalised per bin over the utterance, frames stacked: the input of w2v-BERT 2.0.

    Attributes:
        bins: number of Mel bins.
        stride: number of frames that are stacked into one; left-over frames at the end are dropped.
    """

    bins: int = 80
    stride: int = 2

    PREEMPHASIS = 0.97
    FLOOR = 1.192092955078125e-07
    FFT = 512
    SCALE = 2**15  # Kaldi uses the values of 16-bit integer samples

    @property
    def rate_hz(self) -> float:
        """Stacked frames per second."""
        return SAMPLE_RATE_HZ / HOP / self.stride

    @property
    def settings(self) -> Mapping[str, object]:
        """See ``FrontEnd``."""
        return {"sampling_rate": SAMPLE_RATE_HZ, "num_mel_bins": self.bins, "stride": self.stride}

    @cached_property
    def filters(self) -> Tensor:
        """Float64 (frequencies, bins)."""
        return _filters(self.FFT, self.bins, lowest_hz=20.0, norm=None, mel_scale="kaldi", in_mel_space=True)

    @cached_property
    def window(self) -> Tensor:
        """Povey's window, float64 (samples,)."""
        return torch.hann_window(WINDOW, periodic=False, dtype=torch.float64).pow(0.85)

    def frames(self, samples: int) -> int:
        """Stacked frames of an utterance; an utterance shorter than one stacked frame is padded with silence."""
        return (1 + (max(samples, self._min_samples) - WINDOW) // HOP) // self.stride

    @property
    def _min_samples(self) -> int:
        return WINDOW + (self.stride - 1) * HOP

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute features (frames, bins * stride)."""
        exact = F.pad(waveform.double(), (0, max(0, self._min_samples - waveform.numel()))) * self.SCALE
        pieces = exact.unfold(0, WINDOW, HOP)
        pieces = pieces - pieces.mean(dim=1, keepdim=True)
        before = torch.cat([pieces[:, :1], pieces[:, :-1]], dim=1)
        power = torch.fft.rfft((pieces - self.PREEMPHASIS * before) * self.window, n=self.FFT).abs().square()
        logarithm = (power @ self.filters).clamp(min=self.FLOOR).log()
        centred = logarithm - logarithm.mean(dim=0)
        normalised: Tensor = centred / torch.sqrt(logarithm.var(dim=0) + EPSILON)
        count = len(normalised) // self.stride
        return normalised[: count * self.stride].reshape(count, self.bins * self.stride).float()


@dataclass(frozen=True)
class WhisperLogMel:
    """Whisper's log-Mel spectrogram, without the silence that fills its window: ``whisper_states`` appends it.

    Attributes:
        bins: number of Mel bins.
    """

    bins: int = 80

    FLOOR = 1e-10
    RANGE = 8.0  # decades below the loudest bin, the lowest value that is kept
    TAIL = 2  # frames after the end of an utterance whose window still contains samples of it

    @property
    def rate_hz(self) -> float:
        """Frames per second."""
        return SAMPLE_RATE_HZ / HOP

    @property
    def settings(self) -> Mapping[str, object]:
        """See ``FrontEnd``."""
        return {"sampling_rate": SAMPLE_RATE_HZ, "feature_size": self.bins, "hop_length": HOP, "n_fft": WINDOW}

    @cached_property
    def filters(self) -> Tensor:
        """Float64 (frequencies, bins)."""
        return _filters(WINDOW, self.bins, lowest_hz=0.0, norm="slaney", mel_scale="slaney")

    @cached_property
    def window(self) -> Tensor:
        """Float64 (samples,)."""
        return torch.hann_window(WINDOW, dtype=torch.float64)

    def frames(self, samples: int) -> int:
        """Frames of an utterance, including the tail."""
        return -(-max(samples, 1) // HOP) + self.TAIL

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute features (frames, bins)."""
        frames = self.frames(waveform.numel())
        exact = F.pad(waveform.double(), (0, (frames + 3) * HOP - waveform.numel()))
        spectrum = torch.stft(exact, WINDOW, HOP, window=self.window, return_complex=True)[:, :frames]
        logarithm = (spectrum.abs().square().T @ self.filters).clamp(min=self.FLOOR).log10()
        clipped = torch.maximum(logarithm, logarithm.max() - self.RANGE).float()
        return (clipped + 4) / 4

    @classmethod
    def silence(cls, highest: Tensor) -> Tensor:
        """The value of silent frames in an utterance with the maximum value ``highest``; any shape."""
        lowest = (torch.log10(torch.tensor(cls.FLOOR)).item() + 4) / 4
        return (highest - cls.RANGE / 4).clamp(min=lowest)


def _filters(
    fft: int, bins: int, *, lowest_hz: float, norm: str | None, mel_scale: str, in_mel_space: bool = False
) -> Tensor:
    from transformers.audio_utils import mel_filter_bank  # slow import, which most models do not need

    filters: npt.NDArray[np.float64] = mel_filter_bank(
        num_frequency_bins=fft // 2 + 1,
        num_mel_filters=bins,
        min_frequency=lowest_hz,
        max_frequency=SAMPLE_RATE_HZ / 2,
        sampling_rate=SAMPLE_RATE_HZ,
        norm=norm,
        mel_scale=mel_scale,
        triangularize_in_mel_space=in_mel_space,
    )
    return torch.from_numpy(filters).double()
