"""Audio that is in memory already, to 16 kHz mono samples by the same steps as audio in files."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from valence_gap.audio.decoding import (
    NO_SAMPLES,
    AudioError,
    Decoded,
    Facts,
    at_16_khz,
    is_rate,
    refuse_less_than_a_sample,
    to_pcm16,
)
from valence_gap.audio.levels import Levels
from valence_gap.audio.packs import Waveform
from valence_gap.audio.reading import BLOCK_FRAMES, Block

FORMATS = {"float32": "FLOAT", "float64": "DOUBLE", "int16": "PCM_16", "int32": "PCM_32"}
"""The number formats that are read, as libsndfile names them; floats are in -1..1, integers use their whole range."""


def decode_array(samples: npt.ArrayLike, rate_hz: int) -> Decoded:
    """Convert samples to PCM16 at 16 kHz, mono, as ``decode`` does with a file that has these samples.

    Args:
        samples: (frames,) or (frames, channels), in one of ``FORMATS``.
        rate_hz: their sampling rate.

    Raises:
        AudioError: there are no samples, or they are NaN, infinite or far beyond full scale; or their shape, their
            number format or the sampling rate cannot be those of a recording.
    """
    frames = _frames(np.asarray(samples), rate_hz)
    integers = np.iinfo(frames.dtype) if frames.dtype.kind == "i" else None
    scale = np.float32(1.0 if integers is None else -integers.min)

    def blocks() -> Iterator[Block]:
        for start in range(0, len(frames), BLOCK_FRAMES):
            block = frames[start : start + BLOCK_FRAMES].astype(np.float32) / scale
            if not np.isfinite(block).all():
                raise AudioError("non-finite", "it has NaN or infinite samples")
            yield block

    def read(levels: Levels, facts: Facts) -> Iterator[Waveform]:
        facts.rate_hz, facts.channels = rate_hz, frames.shape[1]
        levels.formats.add(FORMATS[frames.dtype.name])
        yield from at_16_khz(blocks(), rate_hz, levels)

    return to_pcm16(read)


def _frames(samples: npt.NDArray[Any], rate_hz: int) -> npt.NDArray[Any]:
    """Return samples as (frames, channels).

    Raises:
        AudioError: they cannot be those of a recording.
    """
    if not is_rate(rate_hz) or int(rate_hz) != rate_hz:
        raise AudioError("unreadable", f"its sampling rate is given as {rate_hz} Hz")
    if samples.dtype.name not in FORMATS:
        raise AudioError("unreadable", f"its samples are {samples.dtype.name}: give one of {', '.join(FORMATS)}")
    if samples.ndim not in (1, 2):
        raise AudioError("unreadable", f"its shape is {samples.shape}: give (samples,) or (samples, channels)")
    frames = samples if samples.ndim == 2 else samples[:, None]
    if not frames.size:
        raise AudioError("empty", NO_SAMPLES)
    if frames.shape[1] > len(frames):
        found = f"its shape is {samples.shape}, with more channels than samples: give it transposed"
        raise AudioError("unreadable", found)
    refuse_less_than_a_sample(len(frames), rate_hz)
    return frames
