"""Decode a part of an audio file: only that part is read."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from valence_gap.audio.decoding import BLOCK_FRAMES, AudioError, Decoded, header_problem
from valence_gap.audio.packs import Waveform, quantise
from valence_gap.definitions.values import SAMPLE_RATE_HZ

SLACK_S = 0.05  # an end that is rounded up by this much is the end of the file
# libsndfile estimates the length of an MP3 without an index, and does not seek beyond it: such a file is read from its
# start.
FROM_START = frozenset({"MP3"})


def decode_segment(path: Path, start_s: float, end_s: float | None) -> Decoded:
    """Decode a part of a file to PCM16. It is cut at the file's own sampling rate, then resampled.

    Args:
        path: the file.
        start_s: start of the part in seconds.
        end_s: its end; None: the end of the file.

    Raises:
        AudioError: the file is missing or unreadable, the part is outside it, has no samples, or has NaN or infinite
            samples.
    """
    if not path.is_file():
        raise AudioError("missing", "there is no such file")
    try:
        with soundfile.SoundFile(path) as file:
            return _decode(file, start_s, end_s)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError("unreadable", str(getattr(error, "error_string", error)).strip()) from error


def _decode(file: soundfile.SoundFile, start_s: float, end_s: float | None) -> Decoded:
    rate_hz = file.samplerate
    estimated = file.format in FROM_START
    if (problem := header_problem(file.frames, rate_hz)) and not estimated:
        raise AudioError("unreadable", problem)
    first = round(start_s * rate_hz)
    last = None if end_s is None else round(end_s * rate_hz)
    if not estimated:
        file.seek(min(first, file.frames))
    blocks = list(_blocks(file, first if estimated else 0, None if last is None else last - first))
    frames = sum(map(len, blocks))
    if frames == 0 or (last is not None and frames + SLACK_S * rate_hz < last - first):
        end = "the end" if end_s is None else f"{end_s:g}"
        found = f"{frames / rate_hz:g} s of them could be read"
        raise AudioError("outside", f"the segment {start_s:g} to {end} s is outside the file: {found}")
    if not all(np.isfinite(block).all() for block in blocks):
        raise AudioError("non-finite", "it has NaN or infinite samples")
    resampled = blocks if rate_hz == SAMPLE_RATE_HZ else list(_resample(blocks, rate_hz))
    parts = [quantise(block) for block in resampled]
    samples = np.concatenate([part for part, _ in parts])
    if not len(samples):
        raise AudioError("empty", "it is shorter than one sample at 16 kHz")
    return Decoded(samples, sum(clipped for _, clipped in parts), rate_hz, file.channels)


def _blocks(file: soundfile.SoundFile, skip: int, wanted: int | None) -> Iterator[Waveform]:
    """Yield blocks of the file with its channels averaged: without the first frames, and at most the required ones."""
    while wanted is None or wanted > 0:
        size = BLOCK_FRAMES if wanted is None else min(BLOCK_FRAMES, wanted + skip)
        block = file.read(size, dtype="float32", always_2d=True)
        if not len(block):
            return
        dropped, block = min(skip, len(block)), block[skip:]
        skip -= dropped
        if len(block):
            wanted = None if wanted is None else wanted - len(block)
            yield block.mean(axis=1, dtype=np.float32)


def _resample(blocks: list[Waveform], rate_hz: int) -> Iterator[Waveform]:
    stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="VHQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)
