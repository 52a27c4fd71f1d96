"""Audio files whose header gives a wrong length, or none, with the length that they really have.

Each file is written by libsndfile from samples that are known, and then changed in its bytes. So the right length is
that of the samples, and no decoder is asked for it.
"""

import io
import struct

import numpy as np
import soundfile

RATE_HZ = 16_000


def speech_like(seconds, seed, rate_hz=RATE_HZ, start="noise"):
    """Return noise, or silence, for a quarter and a tone after it: int16 (samples,); the bit rate varies."""
    count = round(seconds * rate_hz)
    generator = np.random.default_rng(seed)
    tone = 0.3 * np.sin(2 * np.pi * 220 * np.arange(count) / rate_hz) + 1e-3 * generator.standard_normal(count)
    first = 0.1 * generator.standard_normal(count) if start == "noise" else np.zeros(count)
    return np.rint(32_767 * np.where(np.arange(count) < count // 4, first, tone)).astype(np.int16)


def encode(container, samples, rate_hz=RATE_HZ, subtype=None, **options):
    """Return the bytes of a file in one of libsndfile's formats."""
    stream = io.BytesIO()
    subtype = subtype or soundfile.default_subtype(container)
    soundfile.write(stream, samples, rate_hz, format=container, subtype=subtype, **options)
    return stream.getvalue()


def with_bytes(content, place, value):
    """Return the content with some bytes replaced."""
    return content[:place] + value + content[place + len(value) :]


def id3(size):
    """Return an ID3v2 tag with a picture of that many bytes in it."""
    packed = bytes(size >> 7 * shift & 0x7F for shift in (3, 2, 1, 0))
    return b"ID3\x04\0\0" + packed + np.random.default_rng(0).bytes(size)


ID3V1 = b"TAG" + b"title".ljust(125, b"\0")


def ape(size=400):
    """Return an APE tag without a header."""
    return bytes(range(256)) * (size // 256) + b"APETAGEX" + struct.pack("<IIII8x", 2000, size // 256 * 256 + 32, 1, 0)


# MP3


def mp3(samples, rate_hz=RATE_HZ, mode="VARIABLE"):
    """Return an MP3 file with a Xing frame."""
    return encode("MP3", samples, rate_hz, "MPEG_LAYER_III", bitrate_mode=mode)


def xing_bytes(content):
    """Return the size of the first frame, which has the count of the frames."""
    mark = content[:2]
    return next(place for place in range(24, 4000) if content[place : place + 2] == mark)


def without_xing(content):
    """Return an MP3 file without its first frame."""
    return content[xing_bytes(content) :]


def with_xing_frames(content, factor):
    """Return an MP3 file whose Xing frame gives another number of frames."""
    place = content.index(b"Xing") + 8
    (frames,) = struct.unpack(">I", content[place : place + 4])
    return with_bytes(content, place, struct.pack(">I", round(frames * factor)))


def with_vbri(content):
    """Return an MP3 file with the header of another encoder in place of the Xing frame."""
    size, place = xing_bytes(content), content.index(b"Xing") + 8
    frames = content[place : place + 4]
    head = content[:4] + bytes(32) + b"VBRI" + bytes(10) + frames
    return head + bytes(size - len(head)) + content[size:]


# FLAC


def with_flac_total(content, total):
    """Return a FLAC file with another number of samples in STREAMINFO."""
    packed = int.from_bytes(content[18:26])
    return with_bytes(content, 18, (packed >> 36 << 36 | total).to_bytes(8))


# Files of chunks


LENGTH = {  # container: mark, bytes from the mark to the length, its format, and what the length contains besides audio
    "WAV": (b"data", 4, "<I", 0),
    "WAVEX": (b"data", 4, "<I", 0),
    "RF64": (b"ds64", 16, "<Q", 0),
    "W64": (b"data", 16, "<Q", 24),
    "AIFF": (b"SSND", 4, ">I", 8),
    "AU": (b".snd", 8, ">I", 0),
    "CAF": (b"data", 4, ">Q", 4),
}
SUFFIX = {
    "WAV": "wav",
    "WAVEX": "wav",
    "RF64": "wav",
    "W64": "w64",
    "AIFF": "aiff",
    "AU": "au",
    "CAF": "caf",
    "FLAC": "flac",
    "OGG": "ogg",
    "MP3": "mp3",
    "NIST": "sph",
    "VOC": "voc",
    "SVX": "svx",
    "AVR": "avr",
    "MPC2K": "mpc",
    "MAT4": "mat",
    "MAT5": "mat",
}
CHUNK = {
    "WAV": b"LIST" + struct.pack("<I", 12_000) + b"INFOISFT" + bytes(range(1, 250)) * 48 + bytes(40),
    "AIFF": b"APPL" + struct.pack(">I", 11_952) + bytes(range(1, 250)) * 48,
    "CAF": b"info" + struct.pack(">Q", 11_952) + bytes(range(1, 250)) * 48,
    "W64": b"list\x2f\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\0\0"
    + struct.pack("<Q", 11_952 + 24)
    + bytes(range(1, 250)) * 48,
}
CHUNK["WAVEX"] = CHUNK["RF64"] = CHUNK["WAV"]


def audio_bytes(container, content):
    """Return where the length is and the number of bytes of audio that it gives."""
    mark, offset, form, more = LENGTH[container]
    place = content.index(mark) + offset
    (given,) = struct.unpack(form, content[place : place + struct.calcsize(form)])
    return place, given - more


def with_length(container, content, share=None, value=None):
    """Return a file whose header gives a share of its bytes of audio, or a value."""
    _, _, form, more = LENGTH[container]
    place, given = audio_bytes(container, content)
    if value is None:
        value = round(share * given) // 4 * 4 + more
    return with_bytes(content, place, struct.pack(form, value))


# Ogg


def pages(content):
    """Return where each page of an Ogg file begins."""
    found, place = [], content.find(b"OggS")
    while place >= 0:
        found.append(place)
        place = content.find(b"OggS", place + 4)
    return found


def without_end_mark(content):
    """Return an Ogg file whose last page has no end mark; its checksum is corrected."""
    place = pages(content)[-1]
    page = bytearray(content[place:])
    page[5] &= ~4
    page[22:26] = bytes(4)
    page[22:26] = struct.pack("<I", ogg_checksum(page))
    return content[:place] + bytes(page)


def ogg_checksum(page):
    """Return the checksum of an Ogg page (polynomial 0x04c11db7, no reflection)."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x8000_0000 else 0)) & 0xFFFF_FFFF
    return value
