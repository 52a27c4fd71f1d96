"""Audio whose header gives a wrong length, and audio that is not speech: read right, refused, or named; never silent.

The right length is that of the samples that were written; for lossless formats, the samples themselves are compared.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import audio_lengths as made
import numpy as np
import soundfile
from harness import fuzz_settings, judge
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.audio.decoding import AudioError, decode
from valence_gap.audio.segments import decode_segment

RATE = 16_000
TOLERANCE_S = 0.1
MP3_DELAY = 2400  # samples that an encoder adds before and after; only its Xing frame gives their number
MP3_RATES = (8_000, 16_000, 22_050, 44_100, 48_000)
LOSSLESS = ("WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "FLAC", "NIST")


@dataclass(frozen=True)
class Case:
    """A generated file.

    Args:
        kind: container and defect, shown when a test fails.
        content: its bytes.
        samples: int16 (samples,), its right content where it is lossless and at 16 kHz.
        seconds: its right length.
        rate_hz: its sampling rate.
        refusable: a part of its audio is missing.
    """

    kind: str
    content: bytes
    samples: np.ndarray
    seconds: float
    rate_hz: int = RATE
    refusable: bool = False

    def is_right(self, decoded):
        """Whether it was decoded as it was written; a missing part must be named."""
        if self.refusable:
            return "undecoded" in decoded.remarks
        delay_s = MP3_DELAY / self.rate_hz if self.kind.startswith("MP3") else 0.0
        if not -TOLERANCE_S <= decoded.samples.size / RATE - self.seconds <= max(TOLERANCE_S, delay_s):
            return False
        return self.kind.split()[0] not in LOSSLESS or np.array_equal(decoded.samples, self.samples)


seconds = st.sampled_from([1.0, 2.3, 3.9])
seeds = st.integers(0, 99)


@st.composite
def mp3_files(draw):
    rate_hz, length = draw(st.sampled_from(MP3_RATES)), draw(seconds)
    start, mode = draw(st.sampled_from(["noise", "silence"])), draw(st.sampled_from(["CONSTANT", "VARIABLE"]))
    samples = made.speech_like(length, draw(seeds), rate_hz, start)
    whole = made.mp3(np.stack([samples] * draw(st.integers(1, 2)), axis=1), rate_hz, mode)
    before = made.id3(draw(st.sampled_from([0, 700, 200_000])))
    after = draw(st.sampled_from([b"", made.ID3V1, made.ape(), made.ape() + made.ID3V1]))
    change = draw(st.sampled_from(["none", "no count", "no count", "few", "many", "VBRI", "cut", "joined", "joined"]))
    repeats, refusable, content = 1, False, whole
    if change == "no count":
        content = made.without_xing(whole)
    elif change == "few":
        content = made.with_xing_frames(whole, draw(st.floats(0.02, 0.85)))
    elif change == "many":
        content, refusable = made.with_xing_frames(whole, draw(st.floats(1.4, 30))), True
    elif change == "VBRI":
        content = made.with_vbri(whole)
    elif change == "cut":
        content, after, refusable = whole[: round(draw(st.floats(0.3, 0.8)) * len(whole))], b"", True
    elif change == "joined":
        repeats = draw(st.integers(2, 3))
        content = (after + before).join([whole] * repeats)
    return Case(f"MP3 {change}", before + content + after, samples, repeats * length, rate_hz, refusable)


@st.composite
def flac_files(draw):
    length = draw(seconds)
    samples = made.speech_like(length, draw(seeds))
    whole = made.encode("FLAC", samples)
    total = draw(st.one_of(st.just(0), st.integers(1, samples.size), st.integers(samples.size + RATE, 2**30)))
    repeats = draw(st.sampled_from([1, 1, 1, 2]))
    content = made.id3(draw(st.sampled_from([0, 100_000]))) + made.with_flac_total(whole, total)
    content += (repeats - 1) * whole + draw(st.sampled_from([b"", made.ID3V1, made.ape()]))
    refusable = total > samples.size
    if draw(st.integers(0, 4)) == 0:
        content, refusable = content[: -len(whole) // 2], True
    return Case("FLAC", content, np.tile(samples, repeats), repeats * length, refusable=refusable)


@st.composite
def chunked_files(draw):
    container, length = draw(st.sampled_from(list(made.LENGTH))), draw(seconds)
    samples = made.speech_like(length, draw(seeds))
    whole = made.encode(container, samples)
    form = made.LENGTH[container][2]
    largest = 2 ** (63 if form.endswith("Q") else 31)
    change = draw(st.sampled_from(["small", "small", "unknown", "large", "cut", "chunk", "joined", "tag", "zeros"]))
    repeats, refusable, content = 1, False, whole
    if change == "small":
        content = made.with_length(container, whole, draw(st.floats(0, 0.99)))
    elif change == "unknown":
        content = made.with_length(container, whole, value=draw(st.sampled_from([0, largest - 1, 2 * largest - 1])))
    elif change == "large":
        content, refusable = made.with_length(container, whole, draw(st.floats(1.2, 1000))), True
    elif change == "cut":
        content, refusable = whole[: -round(draw(st.floats(0.2, 0.7)) * 2 * samples.size)], True
    elif change == "chunk":
        content = whole + made.CHUNK.get(container, b"")
    elif change == "joined":
        repeats = draw(st.integers(2, 4))
        content = repeats * whole
    elif change == "tag":
        content = made.id3(draw(st.integers(1, 300_000))) + whole + made.ID3V1
    else:
        content = whole + bytes(draw(st.integers(1, 20_000)))
    return Case(f"{container} {change}", content, np.tile(samples, repeats), repeats * length, refusable=refusable)


@st.composite
def ogg_files(draw):
    subtype, length = draw(st.sampled_from(["VORBIS", "OPUS"])), draw(seconds)
    samples = made.speech_like(length, draw(seeds))
    whole = made.encode("OGG", samples, subtype=subtype)
    cut = draw(st.booleans())
    repeats = 1 if cut else draw(st.integers(1, 3))
    content = repeats * whole
    if cut:
        content = whole[: draw(st.sampled_from(made.pages(whole)[2:])) + draw(st.integers(28, 100))]
    return Case(f"OGG {subtype}", content, samples, repeats * length, refusable=cut)


@fuzz_settings("audio lengths")
@given(case=st.one_of(mp3_files(), mp3_files(), flac_files(), chunked_files(), chunked_files(), ogg_files()))
def test_lengths(tmp_path_factory, case):
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as root:
        path = Path(root) / "a.bin"
        path.write_bytes(case.content)
        judge(
            "audio is not as long as its header says",
            lambda: decode(path),
            is_right=case.is_right,
            may_be_refused=case.refusable,
            refusals=(AudioError,),
        )


@fuzz_settings("audio segments")
@given(
    case=st.one_of(mp3_files(), flac_files(), chunked_files(), ogg_files()),
    place=st.tuples(st.floats(0, 0.9), st.one_of(st.none(), st.floats(0.05, 1)), st.sampled_from([0, 0, 0, 30])),
)
def test_segments(tmp_path_factory, case, place):
    """A segment is a slice of what was written, or of what decoding the whole file gives where that is lossy."""
    start_s = round(place[0] * case.seconds, 3) + place[2]
    end_s = None if place[1] is None else round(start_s + max(place[1] * (case.seconds + place[2] - start_s), 0.01), 3)
    is_outside = place[2] > 0
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as root:
        path = Path(root) / "a.bin"
        path.write_bytes(case.content)

        def is_right(part):
            if is_outside or (end_s is None and case.refusable):
                return False
            lossless = case.kind.split()[0] in LOSSLESS
            whole = case.samples if lossless or case.refusable else decode(path).samples
            expected = whole[round(start_s * RATE) : None if end_s is None else round(end_s * RATE)]
            if not lossless and case.refusable:  # the samples before the cut, with the encoder's delay
                return abs(part.samples.size - (end_s - start_s) * RATE) <= 2
            if case.rate_hz != RATE or "OPUS" in case.kind:  # it is resampled, or decoded, from its own start
                return abs(part.samples.size - expected.size) <= 2
            return part.samples.shape == expected.shape and np.abs(part.samples.astype(int) - expected).max() <= 1

        judge(
            "segments of audio",
            lambda: decode_segment(path, start_s, end_s),
            is_right=is_right,
            may_be_refused=case.refusable or is_outside,
            refusals=(AudioError,),
            because="outside" if is_outside and not case.refusable else "",
        )


@fuzz_settings("audio levels")
@given(
    kind=st.sampled_from(["scaled", "scaled", "cancelled", "clipped", "silent", "usual"]),
    factor=st.floats(-2, 5).map(lambda power: float(np.float32(10**power))),
    subtype=st.sampled_from(["FLOAT", "DOUBLE", "PCM_16"]),
    container=st.sampled_from(["WAV", "AIFF", "CAF", "W64"]),
    seed=seeds,
)
def test_levels(tmp_path_factory, kind, factor, subtype, container, seed):
    loud = np.random.default_rng(seed).standard_normal(8000) * np.hanning(8000)
    loud /= np.abs(loud).max()
    subtype = subtype if kind != "scaled" else subtype.replace("PCM_16", "FLOAT")
    peak = {"scaled": factor, "silent": 5e-4}.get(kind, 0.5)
    channels = peak * loud if kind != "cancelled" else np.stack([peak * loud, -peak * loud], axis=1)
    channels = np.clip(5 * loud, -1, 1) if kind == "clipped" else channels
    expected = loud if peak > 1 else peak * loud

    def is_right(decoded):
        remarks = set(decoded.remarks)
        if kind == "cancelled":
            return remarks == {"cancelled"} and not decoded.samples.any()
        if kind == "clipped":
            return remarks == {"full-scale"}
        if kind == "silent":
            return remarks == {"silent"}
        close = np.abs(decoded.samples - 32_768 * expected).max() <= 1.5
        return close and ("scaled" in remarks) == (peak > 1) and peak <= 1.5

    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as root:
        path = Path(root) / "a.bin"
        soundfile.write(path, channels, RATE, format=container, subtype=subtype)
        judge(
            "scored although it is not speech",
            lambda: decode(path),
            is_right=is_right,
            may_be_refused=peak > 1.5,
            refusals=(AudioError,),
        )
