"""Where the MP3 streams of a file begin: files can be joined, and libmpg123 stops where the sampling rate changes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from valence_gap.audio.chunks import Read

BITRATES_KBPS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
ID3_BYTES = 10
RESYNC_BYTES = 1000  # libmpg123 skips 1024
HEAD_BYTES = 48  # the header of a frame, and the mark of a frame that counts the others
COUNTING = re.compile(rb"....(?:..)?\0{9,32}(?:Xing|Info|VBRI)", re.DOTALL)
SYNC = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]|ID3[\2-\4]\0")  # layer III of MPEG 2.5, 2 and 1; a tag
BLOCK = 1 << 16

Format = tuple[int, int, bool]
"""Version, index of the sampling rate, and whether there is one channel."""


@dataclass(frozen=True)
class Frame:
    """A frame: its bytes, its format, whether it counts the other frames, and the bytes before it that are no frame."""

    start: int
    end: int
    form: Format
    counts: bool
    junk: int


def mp3_streams(read: Read, start: int, end: int) -> tuple[list[tuple[int, int]], int]:
    """Return the bytes of each MP3 stream, and the number of bytes that are neither a frame nor a tag.

    A stream begins at a frame that counts the frames after it, where the format of the frames changes, and after bytes
    that libmpg123 does not skip. Other layers than III, and streams of free format, are taken as one.

    Args:
        read: reads the file.
        start: the first frame.
        end: where the last frame ends.
    """
    found: list[tuple[int, int]] = []
    form: Format | None = None
    junk = 0
    for frame in _frames(read, start, end):
        junk += frame.junk
        if not found or frame.counts or frame.form != form or frame.start - found[-1][1] > RESYNC_BYTES:
            found.append((frame.start, frame.end))
        else:
            found[-1] = (found[-1][0], frame.end)
        form = frame.form
    if not found:
        return [(start, end)], 0
    found[-1] = (found[-1][0], min(found[-1][1], end))
    return found, junk + end - found[-1][1]


def _frames(read: Read, start: int, end: int) -> Iterator[Frame]:
    position, junk = start, 0
    known: Format | None = None  # of the frame before; None where it is not the frame before that was read
    while position + 4 <= end:
        head = read(position, HEAD_BYTES)
        if tag := id3_bytes(head):
            position, known = position + tag, None
            continue
        frame = _frame(head)
        if frame is None or (frame[0] != known and not _is_followed(read, position, end, frame)):
            following = _next(read, position + 1, end)
            junk += following - position
            position, known = following, None
            continue
        known = frame[0]
        yield Frame(position, position + frame[1], known, COUNTING.match(head) is not None, junk)
        position, junk = position + frame[1], 0


def id3_bytes(head: bytes) -> int:
    """Return the size of the ID3v2 tag that begins with these bytes; 0 where none does."""
    if head[:3] != b"ID3" or len(head) < ID3_BYTES:
        return 0
    size = sum((byte & 0x7F) << 7 * (3 - index) for index, byte in enumerate(head[6:ID3_BYTES]))
    return ID3_BYTES + size + (ID3_BYTES if head[5] & 0x10 else 0)


def _frame(head: bytes) -> tuple[Format, int] | None:
    """Return the format of a frame and its number of bytes; None where there is no frame of layer III."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, kbps, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or kbps in (0, 15) or rate == 3:
        return None
    bits = BITRATES_KBPS[3 if version == 3 else 2][kbps] * 1000
    size = (144 if version == 3 else 72) * bits // RATES_HZ[version][rate] + (head[2] >> 1 & 1)
    return (version, rate, head[3] >> 6 == 3), size


def _is_followed(read: Read, position: int, end: int, frame: tuple[Format, int]) -> bool:
    following = position + frame[1]
    other = _frame(read(following, 4))
    return following + 4 > end or (other is not None and other[0] == frame[0])


def _next(read: Read, position: int, end: int) -> int:
    """Return where the next frame or tag may begin, or ``end``."""
    while position < end:
        block = read(position, min(BLOCK, end - position))
        if found := SYNC.search(block):
            return position + found.start()
        position += max(1, len(block) - 4)
    return end
