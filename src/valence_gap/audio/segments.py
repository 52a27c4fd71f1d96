"""Decode a part of an audio file, as it is in the whole file: only that part is read where the format allows it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from valence_gap.audio.decoding import AudioError, Decoded, Facts, at_16_khz, check_stream, decode_blocks
from valence_gap.audio.levels import Levels
from valence_gap.audio.packs import Waveform
from valence_gap.audio.reading import AudioFile, Block
from valence_gap.definitions.values import SAMPLE_RATE_HZ

SLACK_S = 0.05  # an end that is rounded up by this much is the end of the file


def decode_segment(path: Path, start_s: float, end_s: float | None) -> Decoded:
    """Decode a part of a file to PCM16. It is cut at the file's own sampling rate, then resampled.

    Levels, and with them a float file's scale and the remarks, are those of the part alone.

    Args:
        path: the file; one that is several files joined to one is cut as their sequence.
        start_s: start of the part in seconds.
        end_s: its end; None: the end of the file.

    Raises:
        AudioError: the part is outside the file or has no samples; or as for ``decode``: the file is missing,
            unreadable or truncated before the end of the part, or samples are NaN, infinite or far beyond full scale.
    """

    def part(source: AudioFile, levels: Levels, facts: Facts) -> Iterator[Waveform]:
        return _mono_blocks(source, levels, facts, start_s, end_s)

    return decode_blocks(path, part)


@dataclass
class Cut:
    """A part of a stream.

    Attributes:
        first: its first frame.
        last: the frame after its last one; None: the end of the stream.
        position: the frame up to which the stream was read.
        kept: number of frames of the part that were read.
    """

    first: int
    last: int | None
    position: int = 0
    kept: int = 0

    def of(self, blocks: Iterator[Block]) -> Iterator[Block]:
        """Yield those frames of the blocks that are in the part."""
        for block in blocks:
            before = self.position
            self.position += len(block)
            kept = block[max(self.first - before, 0) : None if self.last is None else max(self.last - before, 0)]
            self.kept += len(kept)
            if len(kept):
                yield kept


def _mono_blocks(
    source: AudioFile, levels: Levels, facts: Facts, start_s: float, end_s: float | None
) -> Iterator[Waveform]:
    """Yield a part of a file as float32 blocks of 16 kHz mono."""
    passed_s, kept_s = 0.0, 0.0
    for stream in source.streams:
        if end_s is not None and end_s <= passed_s:
            break
        file, _ = source.open(stream)
        with file:
            rate_hz = file.samplerate
            check_stream(stream, file, source.promised(stream, file), source.size)
        first = max(round((start_s - passed_s) * rate_hz), 0)
        cut = Cut(first, None if end_s is None else round((end_s - passed_s) * rate_hz))
        # The length of a stream that others follow must be known, so that it is read from its start.
        file, window, cut.position = source.seek(stream, first if len(source.streams) == 1 else 0)
        with file:
            blocks = source.blocks(stream, file, window, first=cut.position, last=cut.last)
            yield from at_16_khz(cut.of(blocks), rate_hz, levels)
            if cut.kept:
                facts.rate_hz, facts.channels = facts.rate_hz or rate_hz, facts.channels or file.channels
                levels.formats.add(file.subtype)
        passed_s += cut.position / rate_hz
        kept_s += cut.kept / rate_hz
    if not kept_s or (end_s is not None and end_s > passed_s + SLACK_S):
        end = "the end" if end_s is None else f"{end_s:g}"
        found = f"{kept_s:g} s of them could be read"
        raise AudioError("outside", f"the segment {start_s:g} to {end} s is outside the file: {found}")
    if kept_s * SAMPLE_RATE_HZ < 0.5:
        raise AudioError("empty", "it is shorter than one sample at 16 kHz")
