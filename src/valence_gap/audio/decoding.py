"""Decode one audio file to 16 kHz mono samples, in blocks: the source is never held in memory as a whole."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
import soxr

from valence_gap.audio.packs import Samples, Waveform, quantise
from valence_gap.definitions.values import SAMPLE_RATE_HZ

BLOCK_FRAMES = 1 << 16
TRUNCATED_S = 0.1  # MP3 headers count whole frames (up to 72 ms), and some writers pad their last block
UNKNOWN_BYTES = 0x7FFF_0000  # programs that cannot seek in their output write the largest number as the length
UNKNOWN_FRAMES = 1 << 62
RATES_HZ = (1_000, 1_000_000)  # outside this range, a header is wrong: at 1 Hz, a megabyte would become 32 GB
LONGEST_S = 4 * 3600.0  # one decoded file is held in memory as a whole: 460 MB at 16 kHz
PROMISED = re.compile(r"^\s*(?:data|SSND|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)

Kind = Literal["missing", "unreadable", "truncated", "empty", "non-finite", "outside"]


class AudioError(Exception):
    """An audio file that cannot be used.

    Args:
        kind: the reason in one word; the report groups files by it.
        detail: the reason in full.
    """

    def __init__(self, kind: Kind, detail: str) -> None:
        self.kind = kind
        self.detail = detail
        super().__init__(f"{kind}, {detail}")


@dataclass(frozen=True)
class Decoded:
    """A decoded file.

    Attributes:
        samples: int16 (samples,), mono at 16 kHz.
        clipped: number of samples beyond +-1 (float formats, or the overshoot of resampling).
        rate_hz: sampling rate of the file.
        channels: number of channels of the file.
    """

    samples: Samples
    clipped: int
    rate_hz: int
    channels: int


def decode(path: Path) -> Decoded:
    """Decode a file to PCM16.

    Raises:
        AudioError: the file is missing, unreadable, truncated, without samples, or has NaN or infinite samples.
    """
    with _open(path) as file:
        blocks = [quantise(block) for block in _mono_blocks(file)]
        return Decoded(
            samples=np.concatenate([samples for samples, _ in blocks]),
            clipped=sum(clipped for _, clipped in blocks),
            rate_hz=file.samplerate,
            channels=file.channels,
        )


def decode_waveform(path: Path) -> Waveform:
    """Decode a file to float32 (samples,), mono at 16 kHz, without rounding or clipping.

    Raises:
        AudioError: as for ``decode``.
    """
    with _open(path) as file:
        return np.concatenate(list(_mono_blocks(file)))


def _open(path: Path) -> soundfile.SoundFile:
    if not path.is_file():
        raise AudioError("missing", "there is no such file")
    try:
        return soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError("unreadable", _reason(error)) from error
    except TypeError as error:  # the extension .raw, for which soundfile requires the format as an argument
        raise AudioError("unreadable", "audio without a header") from error


def _mono_blocks(file: soundfile.SoundFile) -> Iterator[Waveform]:
    """Yield the file as float32 blocks of 16 kHz mono, of which at least one has samples."""
    if problem := header_problem(file.frames, file.samplerate):
        raise AudioError("unreadable", problem)
    if cut := truncation(file.frames, file.samplerate, file.extra_info):
        raise AudioError("truncated", cut)
    if file.samplerate == SAMPLE_RATE_HZ:
        yield from _source_blocks(file)
        return
    if 2 * file.frames * SAMPLE_RATE_HZ < file.samplerate:
        raise AudioError("empty", "it is shorter than one sample at 16 kHz")
    stream = soxr.ResampleStream(file.samplerate, SAMPLE_RATE_HZ, 1, dtype="float32", quality="VHQ")
    for block in _source_blocks(file):
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def header_problem(frames: int, rate_hz: int) -> str:
    """Return why a header cannot be that of an utterance; empty where it can."""
    if not RATES_HZ[0] <= rate_hz <= RATES_HZ[1]:
        return f"its header gives a sampling rate of {rate_hz} Hz"
    if frames >= UNKNOWN_FRAMES:
        return "its header does not give its length"
    if frames / rate_hz > LONGEST_S:
        return f"it is longer than {LONGEST_S / 3600:g} hours, too long for an utterance"
    return ""


def truncation(frames: int, rate_hz: int, log: str) -> str:
    """Return how many of the bytes that a header announces exist; empty where all do, or none are announced.

    libsndfile corrects a wrong length silently, but its log reports it for WAV, AIFF and AU. Truncated compressed files
    are detected when they are read, except Ogg, which has no length in its header.

    Args:
        frames: length of the file as libsndfile corrects it.
        rate_hz: sampling rate of the file.
        log: libsndfile's log of the file.
    """
    duration_s = frames / rate_hz
    for promised, found in PROMISED.findall(log):
        missing_bytes = int(promised) - int(found)
        if int(promised) < UNKNOWN_BYTES and missing_bytes * duration_s > TRUNCATED_S * int(found):
            return f"the file has {found} of the {promised} bytes that its header announces"
    return ""


def _source_blocks(file: soundfile.SoundFile) -> Iterator[Waveform]:
    """Yield blocks of the file at its own sampling rate, with its channels averaged."""
    frames = 0
    while True:
        try:
            block = file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise AudioError("unreadable", f"after {frames} frames: {_reason(error)}") from error
        if not len(block):
            break
        mono: Waveform = block.mean(axis=1, dtype=np.float32)
        if not np.isfinite(mono).all():
            raise AudioError("non-finite", "it has NaN or infinite samples")
        frames += len(block)
        yield mono
    if frames == 0:
        raise AudioError("empty", "it has no samples")
    if frames + TRUNCATED_S * file.samplerate < file.frames:
        raise AudioError("truncated", f"{frames} of {file.frames} frames could be read")


def _reason(error: Exception) -> str:
    text = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
    return str(text).removeprefix("Error : ").strip().rstrip(".")
