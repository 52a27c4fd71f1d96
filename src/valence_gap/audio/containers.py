"""Where the audio of a file begins and ends, read from its container: the length in its header may be wrong.

libsndfile never reads more frames than a header gives. So each stream that is found here has, where its header gives
less than the container holds, the bytes that a correct header would have.
"""

import itertools
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from valence_gap.audio.chunks import CHUNKED, Found, Read, find_data, is_blank, is_known_rest
from valence_gap.audio.mp3 import ID3_BYTES, id3_bytes, mp3_streams

UNKNOWN_XING = b"\x0f\xff\xff\xff"  # more frames than any MP3 file has, and few enough for every product of them
LONGER = 1000  # an MP3 stream may have 40 times as many bytes per second at its start as on average
ZEROS_KEPT = 1000  # zeros at the end that can belong to the last frame; libmpg123 gives up after 1024
BLOCK = 1 << 20
XING = re.compile(rb"\xff[\xe2-\xff]..(?:..)?\0{9,32}(?:Xing|Info)\0\0\0[\x01-\x0f](....)", re.DOTALL)
VBRI = re.compile(rb"\xff([\xe2-\xff])..\0{32}VBRI.{10}(....)", re.DOTALL)
FLAC = re.compile(rb"fLaC[\0\x80]\0\0\x22")
ID3V1_BYTES, APE_BYTES = 128, 32

# Formats that other programs write and libsndfile cannot read, by their first bytes.
FOREIGN: tuple[tuple[int, bytes, str], ...] = (
    (4, b"ftyp", "MPEG-4 (m4a, mp4, mov)"),
    (0, b"\x1a\x45\xdf\xa3", "Matroska (webm, mkv)"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "Windows Media (wma)"),
    (0, b"#!AMR", "AMR"),
    (0, b"ADIF", "AAC"),
    (0, b"\xff\xf1", "AAC"),
    (0, b"\xff\xf9", "AAC"),
    (8, b"AVI ", "AVI"),
    (0, b"FLV", "Flash video"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
)


@dataclass(frozen=True)
class Stream:
    """One audio stream of a file.

    Args:
        start: its first byte.
        end: the byte after its last one.
        patches: position in the file -> bytes to read there in place of those of the file.
        claimed: number of bytes that the stream is said to have; 0: those that it has.
        promised: frames that the header gives; 0: as libsndfile reads it; None: the header does not give a length.
        announced: bytes of audio that the header gives; 0: they are not known here.
        held: bytes of audio that the file has.
        slack: whether the end may have some frames more than the header gives, which are the encoder's padding.
        junk: bytes of the file that are neither audio nor a tag.
        remark: what is unusual about it.
    """

    start: int
    end: int
    patches: Mapping[int, bytes] = field(default_factory=dict)
    claimed: int = 0
    promised: int | None = 0
    announced: int = 0
    held: int = 0
    slack: bool = False
    junk: int = 0
    remark: str = ""


def find_streams(path: Path) -> list[Stream]:
    """Return the audio streams of a file, in order; more than one where files were joined.

    Raises:
        OSError: the file cannot be read.
        ValueError: the file ends within a block that its container announces; the error says where.
    """
    with path.open("rb") as file:

        def read(position: int, count: int) -> bytes:
            file.seek(position)
            return file.read(count)

        return list(_streams(read, 0, path.stat().st_size))


def foreign_format(path: Path) -> str:
    """Return the name of the format of a file that libsndfile cannot read; empty where it is not known."""
    with path.open("rb") as file:
        head = file.read(16)
    return next((name for place, mark, name in FOREIGN if head[place : place + len(mark)] == mark), "")


def _streams(read: Read, start: int, end: int) -> Iterator[Stream]:
    begin = _after_id3(read, start, end)
    magic = read(begin, 12)
    if magic[:4] in CHUNKED:
        yield from _chunked(read, begin, end)
    elif magic[:4] == b"OggS":
        yield from _ogg(read, begin, end)
    elif magic[:4] == b"fLaC":
        yield from _flac(read, begin, _before_tags(read, begin, end))
    elif magic[:1] == b"\xff" and magic[1:2] >= b"\xe2":
        stop = _before_tags(read, begin, end)
        spans, junk = mp3_streams(read, begin, stop)
        yield from (_mp3(read, *span, junk if span == spans[-1] else 0) for span in spans)
    elif magic[:8] == b"NIST_1A\n":
        count = re.search(rb"sample_count -i (\d+)", read(begin, 1024))
        yield Stream(begin, end, promised=int(count[1]) or None if count else 0)
    else:
        yield Stream(start, end)


def _chunked(read: Read, start: int, end: int) -> Iterator[Stream]:
    """Yield the stream of a WAV, RF64, W64, AIFF, AU or CAF file, and those of a file that follows it."""
    found = find_data(read, start, end)
    if found is None:
        yield Stream(start, end)
        return
    available = max(end - found.start, 0)
    held = available if found.declared is None else min(found.declared, available)
    rest = found.start + held
    joined = next((place for place in (rest, rest + held % 2) if place < end and read(place, 4) in CHUNKED), None)
    if joined is None and held < available and not _is_rest(read, found, rest, end):
        held = available
    stop = found.start + held if found.place is None else end
    stop = stop if joined is None else joined
    yield Stream(start, stop, found.patch(held), announced=found.announced, held=held)
    if joined is not None:
        yield from _streams(read, joined, end)


def _is_rest(read: Read, found: Found, rest: int, end: int) -> bool:
    """Return whether what follows the audio is not audio; zeros after a length of 0 are a recording of silence."""
    known = is_known_rest(read, found.kind, rest, end) or _before_tags(read, rest, end) <= rest + 8
    return known and not (found.declared == 0 and is_blank(read, rest, end))


def _after_id3(read: Read, start: int, end: int) -> int:
    """Return where the file begins after its ID3v2 tags; ``start`` if nothing known follows them."""
    position = start
    while tag := id3_bytes(read(position, ID3_BYTES)):
        position += tag
    follows = read(position, 4)
    is_mp3 = follows[:1] == b"\xff" and len(follows) > 1
    return (
        position
        if (is_mp3 or follows in CHUNKED or follows in (b"OggS", b"fLaC", b"NIST")) and position < end
        else start
    )


def _before_tags(read: Read, start: int, end: int) -> int:
    """Return where the audio ends before ID3v1 and APE tags and zeros."""
    while True:
        before = end
        if end - start > ID3V1_BYTES and read(end - ID3V1_BYTES, 3) == b"TAG":
            end -= ID3V1_BYTES
        footer = read(end - APE_BYTES, APE_BYTES) if end - start > APE_BYTES else b""
        if footer[:8] == b"APETAGEX":
            size, flags = struct.unpack("<I4xI", footer[12:24])
            size += APE_BYTES if flags >> 31 else 0
            end = end - size if 0 < size <= end - start else end
        tail = read(max(start, end - BLOCK), min(BLOCK, end - start))
        zeros = len(tail) - len(tail.rstrip(b"\0"))
        end -= max(0, zeros - ZEROS_KEPT)
        if end == before or end <= start:
            return max(end, start)


def _mp3(read: Read, start: int, end: int, junk: int) -> Stream:
    """An MP3 stream is read to its end, whether it has a count of its frames (Xing, Info, VBRI) or not."""
    head = read(start, 8192)
    if counted := XING.match(head):
        return Stream(start, end, {start + counted.start(1): UNKNOWN_XING}, slack=True, junk=junk)
    frames = 0
    if (counted := VBRI.match(head)) is not None:
        frames = int.from_bytes(counted[2]) * (1152 if counted[1][0] & 0x08 else 576)
    return Stream(start, end, claimed=LONGER * (end - start), promised=frames or None, junk=junk)


def _flac(read: Read, start: int, end: int) -> Iterator[Stream]:
    """Yield the FLAC streams of a file: each is read to its end, whatever total its header gives."""
    marks = [start, *(place for place in _places(read, FLAC, start + 4, end)), end]
    for first, following in itertools.pairwise(marks):
        place = first + 8 + 10  # rate, channels, bits and the 36 bits of the total
        packed = int.from_bytes(read(place, 8))
        total = packed & ((1 << 36) - 1)
        yield Stream(first, following, {place: (packed - total).to_bytes(8)} if total else {}, promised=total or None)


def _places(read: Read, mark: re.Pattern[bytes], start: int, end: int) -> Iterator[int]:
    """Yield where a mark of eight bytes occurs."""
    for position in range(start, end, BLOCK):
        for match in mark.finditer(read(position, min(BLOCK + 7, end - position))):
            yield position + match.start()


def _ogg(read: Read, start: int, end: int) -> Iterator[Stream]:
    """Yield the links of an Ogg file: it can contain several streams, one after the other.

    Raises:
        ValueError: the file ends within a page.
    """
    begin, position, in_header, ended = start, start, True, False
    for position, flags, following in _pages(read, start, end):
        first = bool(flags & 2)
        if first and not in_header:
            yield Stream(begin, position)
            begin = position
        in_header, ended = first, bool(flags & 4)
        if following > end:
            raise ValueError(f"the file ends within a page of its Ogg stream, {following - end} bytes too early")
    remark = "" if ended else "its Ogg stream has no end mark, so that it may have been cut"
    yield Stream(begin, end, remark=remark)


def _pages(read: Read, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield each Ogg page: where it begins, its flags, and where it ends."""
    position = start
    while position < end:
        head = read(position, 27 + 255)
        if head[:4] != b"OggS" or len(head) < 27:
            again = next(_places(read, re.compile(rb"OggS\0[\0-\x07]"), position + 1, end), None)
            if again is None:
                return
            position = again
            continue
        following = position + 27 + head[26] + sum(head[27 : 27 + head[26]])
        yield position, head[5], following
        position = following
