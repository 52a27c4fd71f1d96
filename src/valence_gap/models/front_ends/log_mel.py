"""Log-Mel spectrograms, the input of CNN14.

The filters are those of PANNs (Kong et al. 2020) and librosa: triangles on Slaney's Mel scale (linear below 1 kHz,
logarithmic above) from 50 Hz to 8 kHz, each divided by its width in Hz. Window and hop are the paper's (section III-B).
"""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from valence_gap.definitions.values import SAMPLE_RATE_HZ

LOWEST_HZ = 50.0
HIGHEST_HZ = SAMPLE_RATE_HZ / 2
FLOOR = 1e-10  # lower power counts as silence: -100 dB

_LINEAR_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ_PER_MEL
_LOG_STEP = math.log(6.4) / 27  # 27 Mels from 1 kHz to 6.4 kHz


@dataclass(frozen=True)
class LogMel:
    """A log-Mel spectrogram in dB.

    Attributes:
        bins: number of Mel bins.
        window_s: length of the Hann window in seconds.
        hop_s: hop in seconds.
        min_frames: minimum number of frames; shorter utterances are padded with silence.
    """

    bins: int
    window_s: float
    hop_s: float
    min_frames: int

    @property
    def window(self) -> int:
        """Window in samples."""
        return round(self.window_s * SAMPLE_RATE_HZ)

    @property
    def hop(self) -> int:
        """Hop in samples."""
        return round(self.hop_s * SAMPLE_RATE_HZ)

    @cached_property
    def filters(self) -> Tensor:
        """Filters, float32 (frequencies, bins)."""
        return mel_filters(self.bins, self.window).to(torch.float32)

    def frames(self, samples: int) -> int:
        """Frames of an utterance of ``samples``."""
        return 1 + max(samples, self._min_samples) // self.hop

    def __call__(self, waveform: Tensor) -> Tensor:
        """Compute the spectrogram of one utterance.

        Args:
            waveform: float32 (samples,) in -1..1 at 16 kHz, not normalised, because this input keeps the loudness.

        Returns:
            float32 (frames, bins) in dB; frames are centred on multiples of the hop.
        """
        waveform = F.pad(waveform, (0, max(0, self._min_samples - waveform.numel())))
        spectrum = torch.stft(
            waveform, self.window, self.hop, window=torch.hann_window(self.window), center=True, return_complex=True
        )
        power = spectrum.real.square() + spectrum.imag.square()
        return 10 * torch.log10((power.T @ self.filters).clamp(min=FLOOR))

    @property
    def _min_samples(self) -> int:
        # Reflection fills the window of the first frame. It needs more samples than half a window.
        return max((self.min_frames - 1) * self.hop, self.window // 2 + 1)


def mel_filters(bins: int, window: int) -> Tensor:
    """Compute triangular filters on Slaney's Mel scale, each of unit area.

    Args:
        bins: number of filters between ``LOWEST_HZ`` and ``HIGHEST_HZ``.
        window: samples of the Fourier transform.

    Returns:
        float64 (window // 2 + 1, bins): gain of each frequency in each filter.
    """
    frequencies = torch.linspace(0, SAMPLE_RATE_HZ / 2, window // 2 + 1, dtype=torch.float64)[:, None]
    mels = torch.linspace(_mel(LOWEST_HZ), _mel(HIGHEST_HZ), bins + 2, dtype=torch.float64)
    edges = torch.tensor([_hertz(float(mel)) for mel in mels], dtype=torch.float64)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (frequencies - low) / (centre - low)
    falling = (high - frequencies) / (high - centre)
    return torch.minimum(rising, falling).clamp(min=0) * 2 / (high - low)


def _mel(hertz: float) -> float:
    if hertz < _BREAK_HZ:
        return hertz / _LINEAR_HZ_PER_MEL
    return _BREAK_MEL + math.log(hertz / _BREAK_HZ) / _LOG_STEP


def _hertz(mel: float) -> float:
    if mel < _BREAK_MEL:
        return mel * _LINEAR_HZ_PER_MEL
    return _BREAK_HZ * math.exp((mel - _BREAK_MEL) * _LOG_STEP)
