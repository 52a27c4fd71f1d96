"""Mel-frequency cepstral coefficients; clusters of them are the first targets of HuBERT's pre-training."""

import math

import numpy as np
import numpy.typing as npt
import torch

from valence_gap.definitions.values import SAMPLE_RATE_HZ

HOP = 320  # 20 ms, the hop of the paper's convolutional stems
WINDOW = 400  # 25 ms, their receptive field
FFT = 512
MEL_BANDS = 26
CEPSTRA = 13
DELTA_REACH = 2
PRE_EMPHASIS = 0.97
BLOCK = 20_000  # frames transformed at once: 40 MB


def frames_of(samples: int) -> int:
    """Number of frames in ``samples`` samples; the stem of wav2vec 2.0 gives the same number."""
    return max(0, (samples - WINDOW) // HOP + 1)


def samples_of(frames: int) -> int:
    """The smallest number of samples that gives ``frames`` frames."""
    return HOP * (frames - 1) + WINDOW


def mfcc(samples: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
    """Thirteen cepstra with their first and second derivatives, every 20 ms.

    Frame ``t`` covers the samples ``[320 t, 320 t + 400)``, as frame ``t`` of the paper's stems does, so that targets
    and hidden states correspond (Hsu et al. 2021, section IV-B: 39 dimensions).

    Args:
        samples: (samples,) at 16 kHz, PCM16.

    Returns:
        (frames, 39).
    """
    count = frames_of(len(samples))
    cepstra = np.empty((count, CEPSTRA), dtype=np.float32)
    window = torch.hamming_window(WINDOW, periodic=False)
    to_mel, to_cepstrum = torch.from_numpy(mel_filters()), torch.from_numpy(_cosines())
    for first in range(0, count, BLOCK):
        block = min(BLOCK, count - first)
        start = first * HOP
        piece = torch.from_numpy(samples[start : start + samples_of(block)].astype(np.float32) / 32_768)
        frames = piece.unfold(0, WINDOW, HOP)  # (block, window)
        frames = torch.cat([frames[:, :1] * (1 - PRE_EMPHASIS), frames[:, 1:] - PRE_EMPHASIS * frames[:, :-1]], dim=1)
        power = torch.fft.rfft(frames * window, FFT).abs().square()  # (block, bins)
        cepstra[first : first + block] = ((power @ to_mel).clamp(min=1e-8).log() @ to_cepstrum).numpy()
    first_delta = deltas(cepstra)
    return np.concatenate([cepstra, first_delta, deltas(first_delta)], axis=1)


def mel_filters() -> npt.NDArray[np.float32]:
    """Triangular filters, evenly spaced on the Mel scale between 20 Hz and 8 kHz: (FFT bins, bands)."""
    edges_mel = np.linspace(_mel(20.0), _mel(SAMPLE_RATE_HZ / 2), MEL_BANDS + 2)
    edges_hz = 700 * np.expm1(edges_mel / 1127)
    bins_hz = np.arange(FFT // 2 + 1) * SAMPLE_RATE_HZ / FFT
    rise = (bins_hz[:, None] - edges_hz[:-2]) / (edges_hz[1:-1] - edges_hz[:-2])
    fall = (edges_hz[2:] - bins_hz[:, None]) / (edges_hz[2:] - edges_hz[1:-1])
    filters: npt.NDArray[np.float32] = np.maximum(0, np.minimum(rise, fall)).astype(np.float32)
    return filters


def deltas(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Slope of each column over two frames to either side; the edges are repeated. (frames, columns)."""
    count = len(values)
    if not count:
        return values
    padded = np.pad(values, ((DELTA_REACH, DELTA_REACH), (0, 0)), mode="edge")
    slope: npt.NDArray[np.float32] = np.zeros_like(values)
    for reach in range(1, DELTA_REACH + 1):
        after = padded[DELTA_REACH + reach : DELTA_REACH + reach + count]
        before = padded[DELTA_REACH - reach : DELTA_REACH - reach + count]
        slope += reach * (after - before)
    slope /= 2 * sum(reach**2 for reach in range(1, DELTA_REACH + 1))
    return slope


def _mel(frequency_hz: float) -> float:
    return 1127 * math.log1p(frequency_hz / 700)


def _cosines() -> npt.NDArray[np.float32]:
    """The orthonormal DCT-II: (bands, cepstra)."""
    band, order = np.arange(MEL_BANDS)[:, None], np.arange(CEPSTRA)[None, :]
    basis = np.cos(np.pi * order * (2 * band + 1) / (2 * MEL_BANDS)) * math.sqrt(2 / MEL_BANDS)
    basis[:, 0] /= math.sqrt(2)
    return basis.astype(np.float32)
