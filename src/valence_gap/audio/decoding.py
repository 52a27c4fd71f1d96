"""Decode one audio file to 16 kHz mono samples, in blocks: the source is never held in memory as a whole."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import soxr

from valence_gap.audio.chunks import UNKNOWN_BYTES
from valence_gap.audio.containers import Stream
from valence_gap.audio.levels import Levels, RemarkKind
from valence_gap.audio.packs import Samples, Waveform, quantise
from valence_gap.audio.reading import (
    TRUNCATED_S,
    UNDECODED_BYTES,
    UNKNOWN_FRAMES,
    AudioError,
    AudioFile,
    Block,
    SequentialFile,
)
from valence_gap.definitions.values import SAMPLE_RATE_HZ

__all__ = [
    "AudioError",
    "Decoded",
    "Facts",
    "Header",
    "at_16_khz",
    "check_stream",
    "decode",
    "decode_blocks",
    "decode_waveform",
    "is_rate",
    "read_header",
    "refuse_less_than_a_sample",
    "to_pcm16",
]

T = TypeVar("T")

RATES_HZ = (1_000, 1_000_000)  # outside this range, a header is wrong: at 1 Hz, a megabyte would become 32 GB
LONGEST_S = 4 * 3600.0  # one decoded file is held in memory as a whole: 460 MB at 16 kHz
PROMISED = re.compile(r"^\s*(?:data|SSND|BODY|Data Size)\s*: (\d+) \(should be (\d+)\)", re.MULTILINE)
COUNTED = re.compile(r"(?:Frames|Cols)\s*: (\d+)")
COUNTING = ("AVR", "MPC2K", "MAT4", "MAT5")  # formats whose frames libsndfile notes without looking at them
SDS_PACKET, SDS_BYTES = {"PCM_S8": 60, "PCM_16": 40, "PCM_24": 30}, 127  # frames and bytes of a packet of SDS
CUT = re.compile(r"Seems to be a truncated file|File seems to be truncated")


@dataclass(frozen=True)
class Header:
    """What the header of an audio file says.

    Attributes:
        seconds: its length; None where the header does not give it.
        rate_hz: its sampling rate.
        is_whole: the length is that of the audio; otherwise, the file may have more audio than its header gives.
    """

    seconds: float | None
    rate_hz: int
    is_whole: bool


@dataclass(frozen=True)
class Decoded:
    """A decoded file.

    Attributes:
        samples: int16 (samples,), mono at 16 kHz.
        clipped: number of samples beyond +-1 (the overshoot of lossy formats or of resampling).
        rate_hz: sampling rate of the file.
        channels: number of channels of the file.
        remarks: what is unusual about the file, by its kind.
    """

    samples: Samples
    clipped: int
    rate_hz: int
    channels: int
    remarks: Mapping[RemarkKind, str] = field(default_factory=dict)


@dataclass
class Facts:
    """What is found while a file is decoded: sampling rate and channels of its first stream, and remarks."""

    rate_hz: int = 0
    channels: int = 0
    remarks: dict[RemarkKind, str] = field(default_factory=dict)


Read = Callable[[Levels, Facts], Iterator[Waveform]]
"""Yields float32 blocks of 16 kHz mono, adds them to the levels, and notes facts."""
MonoBlocks = Callable[[AudioFile, Levels, Facts], Iterator[Waveform]]
"""Does so for a file."""


def decode(path: Path) -> Decoded:
    """Decode a file to PCM16, to its end, whatever length its header gives.

    A float file that is slightly too loud (up to 1.5) is scaled to full scale.

    Raises:
        AudioError: the file is missing, unreadable, truncated or without samples, or it has samples that are NaN,
            infinite, or far beyond full scale.
    """
    return decode_blocks(path, _mono_blocks)


def decode_blocks(path: Path, read: MonoBlocks) -> Decoded:
    """Decode what ``read`` yields of a file, as ``decode`` does the whole file.

    Args:
        path: the file.
        read: yields the blocks; it is called again where they must be scaled.

    Raises:
        AudioError: as for ``decode``, or as ``read`` does.
    """
    return _to_the_end(path, lambda source: to_pcm16(lambda levels, facts: read(source, levels, facts)))


def decode_waveform(path: Path) -> Waveform:
    """Decode a file to float32 (samples,), mono at 16 kHz, without rounding, scaling or clipping.

    Raises:
        AudioError: as for ``decode``, except for the range of the samples.
    """
    return _to_the_end(path, lambda source: np.concatenate(list(_mono_blocks(source, Levels(), Facts()))))


def read_header(path: Path) -> Header:
    """Return the length and the sampling rate of a file as its header gives them; no audio is decoded.

    Raises:
        AudioError: the header cannot be read, cannot be that of an utterance, or announces more than the file has.
    """
    source = AudioFile(path)
    seconds: float | None = 0.0
    rate_hz, is_whole = 0, True
    for stream in source.streams:
        file, _ = source.open(stream)
        with file:
            frames = source.header_frames(stream) if stream.slack or stream.claimed else source.promised(stream, file)
            rate_hz = rate_hz or file.samplerate
            check_stream(stream, file, frames, source.size)
            is_whole &= frames is not None and not (stream.slack or stream.claimed or stream.promised)
            seconds = None if frames is None or seconds is None else seconds + frames / file.samplerate
    return Header(seconds, rate_hz, is_whole)


def _to_the_end(path: Path, read: Callable[[AudioFile], T]) -> T:
    """Read a file to its end, or, if what follows the frames of its header is not audio, those frames.

    Raises:
        AudioError: as ``read`` does: a file that is damaged within those frames fails again.
    """
    source = AudioFile(path)
    try:
        return read(source)
    except AudioError as error:
        (stream, *others) = source.streams
        refusable = others or source.is_longer or not stream.patches or not (stream.slack or stream.promised)
        if error.kind != "unreadable" or refusable:
            raise
    return read(AudioFile(path, by_header=True))


def to_pcm16(read: Read) -> Decoded:
    """Round what is read to PCM16; if samples of floats are slightly too large, read again and scale.

    Raises:
        AudioError: samples are far beyond full scale; or as ``read`` does.
    """
    levels, facts = Levels(), Facts()
    blocks = [quantise(block) for block in read(levels, facts)]
    if problem := levels.out_of_range():
        raise AudioError("out of range", problem)
    if (gain := levels.gain()) != 1:
        blocks = [quantise(np.float32(gain) * block) for block in read(Levels(), Facts())]
    return Decoded(
        samples=np.concatenate([samples for samples, _ in blocks]),
        clipped=sum(clipped for _, clipped in blocks),
        rate_hz=facts.rate_hz,
        channels=facts.channels,
        remarks={**levels.remarks(), **facts.remarks},
    )


def _mono_blocks(source: AudioFile, levels: Levels, facts: Facts) -> Iterator[Waveform]:
    """Yield the streams of a file as float32 blocks of 16 kHz mono, of which at least one has samples."""
    seconds, by_header = 0.0, 0.0
    for stream in source.streams:
        before = levels.frames
        file, window = source.open(stream)
        with file:
            rate_hz = file.samplerate
            frames = source.promised(stream, file)
            check_stream(stream, file, frames, source.size)
            facts.rate_hz, facts.channels = facts.rate_hz or rate_hz, facts.channels or file.channels
            levels.formats.add(file.subtype)
            yield from at_16_khz(source.blocks(stream, file, window), rate_hz, levels)
        decoded = levels.frames - before
        seconds += decoded / rate_hz
        if stream.patches:
            frames = source.header_frames(stream)
        by_header += (decoded if frames is None else frames) / rate_hz
        if len(source.streams) == 1:
            refuse_less_than_a_sample(levels.frames, rate_hz)
        if stream.junk > UNDECODED_BYTES:
            facts.remarks["undecoded"] = f"{stream.junk} bytes of it are neither audio nor a tag"
        if stream.remark:
            facts.remarks["unterminated"] = stream.remark
    if not levels.frames:
        raise AudioError("empty", NO_SAMPLES)
    if len(source.streams) > 1:
        facts.remarks["longer"] = f"{len(source.streams)} files joined to one: {seconds:.1f} s in all"
    elif source.by_header:
        facts.remarks["undecoded"] = "what follows the audio that its header gives cannot be decoded"
    elif seconds > by_header + TRUNCATED_S:
        facts.remarks["longer"] = f"{seconds:.1f} s, although its header gives {by_header:.1f} s"


def at_16_khz(blocks: Iterator[Block], rate_hz: int, levels: Levels) -> Iterator[Waveform]:
    """Yield blocks of a stream with its channels averaged, resampled, and add them to the levels.

    Args:
        blocks: float32 (frames, channels).
        rate_hz: their sampling rate.
        levels: receives the blocks.

    Yields:
        float32 (samples,) at 16 kHz.

    Raises:
        AudioError: they are longer than an utterance can be.
    """
    stream = None
    if rate_hz != SAMPLE_RATE_HZ:
        stream = soxr.ResampleStream(rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="VHQ")
    for block in blocks:
        mono: Waveform = block.mean(axis=1, dtype=np.float32)
        levels.add(block, mono)
        if levels.frames > LONGEST_S * rate_hz:
            raise AudioError("unreadable", TOO_LONG)
        yield mono if stream is None else stream.resample_chunk(mono)
    if stream is not None:
        yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def refuse_less_than_a_sample(frames: int, rate_hz: int) -> None:
    """Refuse audio that has frames, but none at 16 kHz.

    Raises:
        AudioError: there is less than half a sample at 16 kHz.
    """
    if 0 < 2 * frames * SAMPLE_RATE_HZ < rate_hz:
        raise AudioError("empty", "it is shorter than one sample at 16 kHz")


NO_SAMPLES = "it has no samples"
TOO_LONG = f"it is longer than {LONGEST_S / 3600:g} hours, too long for an utterance"


def check_stream(stream: Stream, file: SequentialFile, frames: int | None, size: int) -> None:
    """Check the header of a stream.

    Args:
        stream: the stream.
        file: the stream, opened.
        frames: its length as its header gives it; None where it does not.
        size: bytes of the file.

    Raises:
        AudioError: the header cannot be that of an utterance, or announces more than the file has.
    """
    if problem := header_problem(frames, file.samplerate):
        raise AudioError("unreadable", problem)
    found = file.frames if frames is None or file.frames < UNKNOWN_FRAMES else frames
    missing_s = (stream.announced - stream.held) * found / max(stream.held, 1) / file.samplerate
    if stream.announced and missing_s > TRUNCATED_S:
        what = f"the file has {stream.held} of the {stream.announced} bytes that its header announces"
        raise AudioError("truncated", what)
    if not stream.patches and (cut := _truncation(file, size)):
        raise AudioError("truncated", cut)


def is_rate(rate_hz: float) -> bool:
    """Return whether audio can have this sampling rate."""
    return RATES_HZ[0] <= rate_hz <= RATES_HZ[1]


def header_problem(frames: int | None, rate_hz: int) -> str:
    """Return why a header cannot be that of an utterance; empty where it can. ``frames`` may be unknown: None."""
    if not is_rate(rate_hz):
        return f"its header gives a sampling rate of {rate_hz} Hz"
    if frames is not None and frames / rate_hz > LONGEST_S:
        return TOO_LONG
    return ""


def _truncation(file: SequentialFile, size: int) -> str:
    """Return how much of what a header announces exists; empty where all does, or nothing is announced.

    libsndfile corrects a wrong length silently, but its log reports it; where a file in SDS ends, it reads zeros.
    Truncated compressed files are detected when they are read.

    Args:
        file: the file, opened.
        size: its size in bytes.
    """
    for promised, found in PROMISED.findall(file.extra_info):
        missing_bytes = int(promised) - int(found)
        if int(promised) < UNKNOWN_BYTES and missing_bytes * file.frames > TRUNCATED_S * int(found) * file.samplerate:
            return f"the file has {found} of the {promised} bytes that its header announces"
    if file.format in COUNTING:
        counted = max((int(count) for count in COUNTED.findall(file.extra_info)), default=0)
        if counted - file.frames > TRUNCATED_S * file.samplerate:
            return f"the file has {file.frames} of the {counted} frames that its header announces"
    if file.format == "SDS":
        packets = -(-file.frames // SDS_PACKET[file.subtype])
        if size < SDS_BYTES * packets:
            return f"the file has {size // SDS_BYTES} of the {packets} packets that its header announces"
    return "the file is shorter than its header announces" if CUT.search(file.extra_info) else ""
