"""The chunk of audio samples in WAV, RF64, W64, AIFF, AU and CAF files, and what may follow it."""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Read = Callable[[int, int], bytes]
"""Returns up to a number of bytes from a position in a file."""

Kind = Literal["riff", "w64", "aiff", "au", "caf"]

UNKNOWN_BYTES = 0x7FFF_0000  # programs that cannot seek in their output write the largest number as the length
CHUNKED: Mapping[bytes, Kind] = {
    b"RIFF": "riff",
    b"RF64": "riff",
    b"BW64": "riff",
    b"riff": "w64",
    b"FORM": "aiff",
    b".snd": "au",
    b"caff": "caf",
}
"""The first four bytes of a file -> its kind."""

# Chunks that follow the audio; the last chunk of a file is often cut or has a wrong size.
KNOWN = frozenset(
    {b"LIST", b"INFO", b"id3 ", b"ID3 ", b"bext", b"iXML", b"cue ", b"fact", b"smpl", b"inst", b"JUNK", b"junk"}
    | {
        b"PAD ",
        b"FLLR",
        b"free",
        b"afsp",
        b"levl",
        b"axml",
        b"_PMX",
        b"COMT",
        b"ANNO",
        b"NAME",
        b"AUTH",
        b"MARK",
        b"APPL",
    }
)
GUID_TAILS = (bytes.fromhex("f3acd3118cd100c04f8edb8a"), bytes.fromhex("2f91cf11a5d628db04c10000"))
TAGS = (b"TAG", b"ID3", b"APETAGEX", b"3DI")


@dataclass(frozen=True)
class Found:
    """The chunk of audio samples.

    Args:
        kind: the kind of the file.
        start: the first byte of audio.
        declared: bytes of audio that the header gives; None: it does not give them.
        size: the number in the header.
        place: where the header gives their number; None: libsndfile takes the rest of the file as audio, whatever the
            header gives.
        form: the format of that number, for ``struct``.
        counted_too: bytes before the audio that the number contains.
    """

    kind: Kind
    start: int
    declared: int | None
    size: int
    place: int | None
    form: str = ""
    counted_too: int = 0

    @property
    def announced(self) -> int:
        """The bytes that the header gives; 0 where it does not."""
        return self.declared or 0

    def patch(self, held: int) -> Mapping[int, bytes]:
        """Return the bytes of a header that gives ``held`` bytes of audio, by their position."""
        if self.place is None or held + self.counted_too == self.size:
            return {}
        largest = (1 << 8 * struct.calcsize(self.form)) - 1
        return {self.place: struct.pack(self.form, min(held + self.counted_too, largest))}


def _found(kind: Kind, start: int, size: int, place: int | None, form: str, counted_too: int = 0) -> Found:
    """Return the chunk whose header gives ``size`` bytes, those before the audio included."""
    unknown = size >= (UNKNOWN_BYTES if struct.calcsize(form) == 4 else 1 << 62)
    return Found(kind, start, None if unknown else max(size - counted_too, 0), size, place, form, counted_too)


def find_data(read: Read, start: int, end: int) -> Found | None:
    """Return the chunk of audio samples of the file that begins at ``start``; None where there is none."""
    kind = CHUNKED[read(start, 4)]
    if kind == "au":
        return _au(read, start)
    return {"riff": _riff, "w64": _w64, "aiff": _aiff, "caf": _caf}[kind](read, start, end)


def _riff(read: Read, start: int, end: int) -> Found | None:
    sizes = 0
    position = start + 12
    while position + 8 <= end:
        name, size = struct.unpack("<4sI", read(position, 8))
        if name == b"ds64":
            sizes = position + 8
        if name == b"data" and sizes and size >= UNKNOWN_BYTES:
            (size,) = struct.unpack("<Q", read(sizes + 8, 8).ljust(8, b"\0"))
            return _found("riff", position + 8, size, sizes + 8, "<Q")
        if name == b"data":
            if UNKNOWN_BYTES <= size <= end - position - 8:  # a file of more than 2 GB has such a length too
                return Found("riff", position + 8, size, size, position + 4, "<I")
            return _found("riff", position + 8, size, position + 4, "<I")
        position += 8 + size + size % 2
    return None


def _w64(read: Read, start: int, end: int) -> Found | None:
    position = start + 40
    while position + 24 <= end:
        name, size = struct.unpack("<16sQ", read(position, 24))
        if name[:4] == b"data":
            return _found("w64", position + 24, size, None, "<Q", 24)
        position += max(24, size + -size % 8)
    return None


def _aiff(read: Read, start: int, end: int) -> Found | None:
    position = start + 12
    while position + 8 <= end:
        name, size = struct.unpack(">4sI", read(position, 8))
        if name == b"SSND":
            return _found("aiff", position + 16, size, position + 4, ">I", 8)
        position += 8 + size + size % 2
    return None


def _caf(read: Read, start: int, end: int) -> Found | None:
    position = start + 8
    while position + 12 <= end:
        name, size = struct.unpack(">4sQ", read(position, 12))
        if name == b"data":
            return _found("caf", position + 16, size, position + 4, ">Q", 4)
        position += 12 + size
    return None


def _au(read: Read, start: int) -> Found | None:
    head = read(start, 12)
    if len(head) < 12:
        return None
    offset, size = struct.unpack(">II", head[4:])
    return _found("au", start + offset, size, start + 8, ">I")


def is_known_rest(read: Read, kind: Kind, position: int, end: int) -> bool:
    """Return whether what follows the audio is not audio: chunks, tags, zeros or a few bytes."""
    if end - position <= 8 or is_blank(read, position, end):
        return True
    if any(read(position, len(tag)) == tag for tag in TAGS):
        return True
    if kind == "au":
        return False
    position += position % 2 if kind in ("riff", "aiff") else -position % 8 if kind == "w64" else 0
    while end - position > 8:
        name, size, fits = _chunk(read, kind, position)
        if not fits:
            return is_blank(read, position, end) or any(read(position, len(tag)) == tag for tag in TAGS)
        position += size
        if position > end + 8:
            return name in KNOWN
    return True


def _chunk(read: Read, kind: Kind, position: int) -> tuple[bytes, int, bool]:
    """Return a chunk's name, its size with its header, and whether it can be one."""
    if kind == "w64":
        name, size = struct.unpack("<16sQ", read(position, 24).ljust(24, b"\0"))
        return name[:4], size + -size % 8, name[4:] in GUID_TAILS and size >= 24
    if kind == "caf":
        name, size = struct.unpack(">4sQ", read(position, 12).ljust(12, b"\0"))
        return name, 12 + size, _is_name(name)
    name, size = struct.unpack("<4sI" if kind == "riff" else ">4sI", read(position, 8).ljust(8, b"\0"))
    return name, 8 + size + size % 2, _is_name(name)


def _is_name(name: bytes) -> bool:
    return all(0x20 <= byte < 0x7F for byte in name) and name[:1] != b" "


def is_blank(read: Read, position: int, end: int) -> bool:
    """Return whether only zeros follow."""
    while position < end:
        block = read(position, min(1 << 20, end - position))
        if not block or block.strip(b"\0"):
            return not block
        position += len(block)
    return True
