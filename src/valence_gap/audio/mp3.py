"""Where the MP3 streams of a file begin: files can be joined, and libmpg123 stops where the sampling rate changes."""

import re
from collections.abc import Iterator

from valence_gap.audio.chunks import Read

BITRATES_KBPS = {
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
RATES_HZ = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
HEAD_BYTES = 48  # the header of a frame, and the mark of a frame that counts the others
COUNTING = re.compile(rb"....(?:..)?\0{9,32}(?:Xing|Info|VBRI)", re.DOTALL)
SYNC = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")  # layer III of MPEG 2.5, 2 and 1
BLOCK = 1 << 16

Format = tuple[int, int, bool]
"""Version, index of the sampling rate, and whether there is one channel."""


def mp3_streams(read: Read, start: int, end: int) -> list[int]:
    """Return where the MP3 streams begin.

    A stream begins at a frame that counts the frames after it, and where the format of the frames changes. Other layers
    than III, and streams of free format, are taken as one.

    Args:
        read: reads the file.
        start: the first frame.
        end: where the last frame ends.
    """
    found = [start]
    current: Format | None = None
    for position, form, counts in _frames(read, start, end):
        if position > start and (counts or form != current):
            found.append(position)
        current = form
    return found


def _frames(read: Read, start: int, end: int) -> Iterator[tuple[int, Format, bool]]:
    """Yield each frame: where it begins, its format, and whether it counts the others."""
    position = start
    known: Format | None = None
    while position + 4 <= end:
        head = read(position, HEAD_BYTES)
        frame = _frame(head)
        # A format other than that of the frame before is taken for one only if another such frame follows.
        if frame is None or (frame[0] != known and not _is_followed(read, position, end, frame)):
            position = _next_sync(read, position + 1, end)
            continue
        known = frame[0]
        yield position, frame[0], COUNTING.match(head) is not None
        position += frame[1]


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


def _next_sync(read: Read, position: int, end: int) -> int:
    """Return where the next frame may begin, or ``end``."""
    while position < end:
        block = read(position, min(BLOCK, end - position))
        if found := SYNC.search(block):
            return position + found.start()
        position += max(1, len(block) - 1)
    return end
