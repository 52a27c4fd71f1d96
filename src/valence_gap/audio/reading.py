"""Read the streams of an audio file to their ends, whatever length their headers give."""

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import soundfile

from valence_gap.audio.containers import ID3V1_BYTES, Stream, find_streams, foreign_format
from valence_gap.runtime.paths import shown_name

BLOCK_FRAMES = 1 << 16
TRUNCATED_S = 0.1  # MP3 headers count whole frames (up to 72 ms), and some writers pad their last block
FRAME = 576  # an error loses the block in which it occurs: half a frame of MP3, or one of its lower sampling rates
DECODER_DELAY = (
    529  # samples that every decoder of MP3 gives before the first; libmpg123 drops them if frames are counted
)
UNKNOWN_FRAMES = 1 << 62
FROM_START = frozenset({"VORBIS", "MPEG_LAYER_I", "MPEG_LAYER_II", "MPEG_LAYER_III"})
UNDECODED_BYTES = 4096  # an MP3 stream may end with a part of a frame

Kind = Literal["missing", "unreadable", "truncated", "empty", "non-finite", "out of range", "outside"]
Block = npt.NDArray[np.float32]


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


class Window(io.RawIOBase):
    """A part of a file, some bytes of which are replaced, and which can be said to be longer than it is.

    libsndfile estimates the length of an MP3 stream without a count of its frames from its size in bytes, and stops
    there. So the size must be too large, never too small.

    Args:
        path: the file.
        start: its first byte.
        end: the byte after its last one.
        patches: position in the file -> bytes to read there.
        claimed: the size in bytes that is reported; 0: the true one.
    """

    def __init__(self, path: Path, start: int, end: int, patches: Mapping[int, bytes], claimed: int = 0) -> None:
        super().__init__()
        self._file = path.open("rb")
        self._start, self._end, self._patches = start, end, patches
        self._size = claimed or end - start
        self._position = 0
        self.furthest = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, which may be beyond the true end."""
        position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = min(max(position, 0), UNKNOWN_FRAMES)  # a wrong header can lead anywhere
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read bytes; those of a tag at the claimed end, which libmpg123 looks for, are zeros."""
        view = memoryview(buffer).cast("B")
        left = max(0, self._end - self._start - self._position)
        if not left and self._position >= self._size - ID3V1_BYTES:
            content = bytes(min(len(view), max(0, self._size - self._position)))
        else:
            self._file.seek(self._start + self._position)
            content = self._patched(self._file.read(min(len(view), left)))
            self.furthest = max(self.furthest, self._position + len(content))
        view[: len(content)] = content
        self._position += len(content)
        return len(content)

    def unread(self) -> int:
        """Return the number of bytes after the last one that was read."""
        return self._end - self._start - self.furthest

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _patched(self, content: bytes) -> bytes:
        first = self._start + self._position
        for place, patch in self._patches.items():
            for index, value in enumerate(patch, start=place - first):
                if 0 <= index < len(content):
                    content = content[:index] + bytes([value]) + content[index + 1 :]
        return content


class SequentialFile(soundfile.SoundFile):  # type: ignore[misc]  # soundfile has no types
    """An audio file that is read from its beginning to its end.

    soundfile seeks after each read of a file that can seek, which fails at the end of a FLAC stream of unknown length.
    """

    def seekable(self) -> bool:
        """Return False."""
        return False


class AudioFile:
    """The streams of an audio file.

    Args:
        path: the file.
        by_header: read no more than the headers give.

    Raises:
        AudioError: the file is missing, or its container cannot be read.
    """

    def __init__(self, path: Path, *, by_header: bool = False) -> None:
        self.path = path
        self.by_header = by_header
        self.size = 0
        self.is_longer = False  # audio after that of its header was decoded
        if not path.is_file():
            raise AudioError("missing", "there is no such file")
        try:
            self.size = path.stat().st_size
            self.streams = find_streams(path)
        except OSError as error:
            raise AudioError("unreadable", _reason(error)) from error
        except ValueError as error:
            raise AudioError("truncated", str(error)) from error

    def open(self, stream: Stream, *, by_header: bool = False) -> tuple[SequentialFile, Window | None]:
        """Open a stream, and the window that it is read through, if the file is not read as it is.

        Args:
            stream: one of the streams.
            by_header: with the length of its own header.

        Raises:
            AudioError: it cannot be read.
        """
        window = None
        source: Any = os.fsencode(self.path)  # soundfile cannot encode a name that is not UTF-8
        if stream.patches or stream.claimed or (stream.start, stream.end) != (0, self.size):
            by_header = by_header or self.by_header
            patches, claimed = ({}, 0) if by_header else (stream.patches, stream.claimed)
            source = window = Window(self.path, stream.start, stream.end, patches, claimed)
        try:
            return SequentialFile(source), window
        except (soundfile.LibsndfileError, OSError) as error:
            foreign = foreign_format(self.path)
            name, stem = shown_name(self.path.name), shown_name(self.path.stem)
            remedy = f"ffmpeg -i {name} {stem}.wav"
            what = f"it is {foreign}, which libsndfile does not read. Convert it, for example: {remedy}"
            raise AudioError("unreadable", what if foreign else _reason(error)) from error
        except TypeError as error:  # the extension .raw, for which soundfile requires the format as an argument
            raise AudioError("unreadable", "audio without a header") from error

    def blocks(
        self,
        stream: Stream,
        file: SequentialFile,
        window: Window | None,
        *,
        first: int = 0,
        last: int | None = None,
    ) -> Iterator[Block]:
        """Yield a stream as float32 (frames, channels), at its own sampling rate.

        Args:
            stream: the stream.
            file: the stream, opened.
            window: the window that it is read through.
            first: the frame at which ``file`` is; other than 0 only where `seek` moved it.
            last: the frame up to which the stream is needed; None: its end. The last block may end some frames later.

        Raises:
            AudioError: it cannot be decoded, or the file has less audio than its header announces.
        """
        promised = self.promised(stream, file)
        whole = promised if stream.slack and not self.by_header else None
        surplus: list[Block] = []
        frames = first
        if stream.claimed:
            self._read(stream, file, window, 0, DECODER_DELAY)
        # Whether frames after those of the header are padding is known some frames later, even if ``last`` is before.
        while last is None or frames < last or surplus:
            count = self._count(stream, frames, promised)
            count = count if last is None or frames >= last else min(count, last - frames)
            block = self._read(stream, file, window, frames, count)
            if not len(block):
                break
            frames += len(block)
            self.is_longer |= promised is not None and frames > promised + TRUNCATED_S * file.samplerate
            if whole is None or frames <= whole:
                yield block
                continue
            known = max(0, len(block) - (frames - whole))
            if known:
                yield block[:known]
            surplus.append(block[known:])
            if frames > whole + TRUNCATED_S * file.samplerate:  # more than the padding of the encoder
                yield from surplus
                surplus, whole = [], None
        if last is not None and frames >= last:
            return
        if promised is not None and frames + TRUNCATED_S * file.samplerate < promised:
            raise AudioError("truncated", f"{frames} of {promised} frames could be read")
        if stream.claimed and promised is None and window is not None and window.unread() > UNDECODED_BYTES:
            raise AudioError("truncated", f"its last {window.unread()} bytes cannot be decoded")

    def seek(self, stream: Stream, first: int) -> tuple[SequentialFile, Window | None, int]:
        """Open a stream at a frame, or at its start where its decoder does not find each frame exactly.

        Args:
            stream: one of the streams.
            first: the frame.

        Returns:
            The stream, opened, its window, and the frame at which it is: ``first`` or 0.

        Raises:
            AudioError: it cannot be read.
        """
        file, window = self.open(stream)
        # MP3 frames use bytes of those before them; libsndfile loses its place in the last page of a Vorbis stream.
        if first == 0 or stream.slack or stream.claimed or file.subtype in FROM_START:
            return file, window, 0
        try:
            found = file.seek(first)
        except soundfile.LibsndfileError:  # beyond the end, or an encoding in which it cannot move
            found = None
        if found == first:
            return file, window, first
        file.close()
        return *self.open(stream), 0

    def promised(self, stream: Stream, file: SequentialFile) -> int | None:
        """Return the frames that the header of a stream gives; None where it does not give them."""
        if stream.promised != 0:
            return stream.promised
        if not stream.slack or self.by_header:
            return _frames(file)
        return self.header_frames(stream)

    def header_frames(self, stream: Stream) -> int | None:
        """Return the frames that libsndfile reads from the header of a stream; None where there are none."""
        if stream.promised:
            return stream.promised
        try:
            file, _ = self.open(stream, by_header=True)
        except AudioError:  # a length that libsndfile refuses
            return None
        with file:
            return _frames(file)

    def _count(self, stream: Stream, frames: int, promised: int | None) -> int:
        """Return how many frames to read at once: an error loses those of the block in which it occurs."""
        if stream.claimed:
            return FRAME
        if promised is None or not (self.by_header or stream.patches):
            return BLOCK_FRAMES
        # Beyond the frames of its header, a decoder may meet what is not audio.
        return min(BLOCK_FRAMES, promised - frames) if frames < promised or self.by_header else FRAME

    def _read(self, stream: Stream, file: SequentialFile, window: Window | None, frames: int, count: int) -> Block:
        """Return the next block of ``count`` frames, after ``frames``; at the end of the stream, an empty one."""
        try:
            block: Block = file.read(count, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            # libmpg123 misses the rest of a frame that is cut where the size is claimed to be larger.
            if stream.claimed and window is not None and window.unread() <= UNDECODED_BYTES:
                return np.zeros((0, file.channels), dtype=np.float32)
            raise AudioError("unreadable", f"after {frames} frames: {_reason(error)}") from error
        if not np.isfinite(block).all():
            raise AudioError("non-finite", "it has NaN or infinite samples")
        return block


def _frames(file: SequentialFile) -> int | None:
    return int(file.frames) if file.frames < UNKNOWN_FRAMES else None


def _reason(error: Exception) -> str:
    text = error.error_string if isinstance(error, soundfile.LibsndfileError) else str(error)
    return str(text).removeprefix("Error : ").strip().rstrip(".")
