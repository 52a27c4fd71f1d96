"""Audio files with wrong headers or data: each is packed, or skipped with a reason; memory and time stay bounded."""

import json
import struct
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from corruption import byte_step, corrupt
from harness import attempt, fuzz_settings
from hypothesis import given
from hypothesis import strategies as st
from trees import wav

from valence_gap.audio.decoding import LONGEST_S, AudioError, decode
from valence_gap.audio.packing import open_pack, pack_audio
from valence_gap.corpora.audio_files import UNREADABLE, read_headers
from valence_gap.definitions.corpora import Corpus

SKIP = Corpus(adapter="table", label="Test corpus", splits={"test": "test"}, on_bad_audio="skip")
SUFFIXES = {"WAV": "wav", "FLAC": "flac", "OGG": "ogg", "AIFF": "aiff", "MP3": "mp3", "AU": "au"}
EXTREME_16 = st.one_of(
    st.sampled_from([0, 1, 2, 3, 6, 7, 8, 24, 32, 64, 255, 0x7FFF, 0xFFFE, 0xFFFF]), st.integers(0, 0xFFFF)
)
EXTREME_32 = st.one_of(
    st.sampled_from([0, 1, 7, 999, 8_000, 16_000, 16_001, 192_000, 0x7FFF_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF]),
    st.integers(0, 0xFFFF_FFFF),
)


def riff(tag=1, channels=1, rate_hz=16_000, bits=16, block=None, byte_rate=None, size=None, riff_size=None, data=b""):
    """Return a WAV file with any header."""
    block = channels * bits // 8 & 0xFFFF if block is None else block
    byte_rate = rate_hz * block & 0xFFFF_FFFF if byte_rate is None else byte_rate
    size = len(data) if size is None else size
    riff_size = (36 + len(data)) & 0xFFFF_FFFF if riff_size is None else riff_size
    head = struct.pack("<HHIIHH", tag, channels, rate_hz, byte_rate, block, bits)
    return (
        b"RIFF" + struct.pack("<I", riff_size) + b"WAVEfmt \x10\0\0\0" + head + b"data" + struct.pack("<I", size) + data
    )


def samples(values):
    """Return a WAV file of floats; libsndfile would write the time of day into it."""
    return riff(tag=3, bits=32, data=np.array(values, dtype="<f4").tobytes())


# These bytes are the same in every run. Ogg is left out, because its streams have a random number.
SOUND = {
    ("WAV", "PCM_16"): wav(),
    ("WAV", "PCM_24"): wav(subtype="PCM_24", rate_hz=44_100, channels=2),
    ("WAV", "FLOAT"): samples(0.5 * np.sin(np.arange(800) / 6)),
    ("WAV", "ALAW"): wav(subtype="ALAW", rate_hz=8_000),
    ("WAV", "IMA_ADPCM"): wav(subtype="IMA_ADPCM"),
    ("FLAC", "PCM_16"): wav(container="FLAC"),
    ("AIFF", "PCM_16"): wav(container="AIFF"),
    ("MP3", "MPEG_LAYER_III"): wav(container="MP3", subtype="MPEG_LAYER_III"),
    ("AU", "PCM_16"): wav(container="AU"),
}
HEADERS = st.fixed_dictionaries(
    {"data": st.one_of(st.just(bytes(2000)), st.just(b""), st.binary(max_size=200), st.just(b"\xff\x7f" * 500))},
    optional={
        "tag": EXTREME_16,
        "channels": EXTREME_16,
        "rate_hz": EXTREME_32,
        "bits": EXTREME_16,
        "block": EXTREME_16,
        "byte_rate": EXTREME_32,
        "size": EXTREME_32,
        "riff_size": EXTREME_32,
    },
)
FILES = st.one_of(
    HEADERS.map(lambda header: ("WAV", riff(**header))),
    st.tuples(
        st.sampled_from(list(SOUND)), st.lists(byte_step.filter(lambda step: step[0] != "encode"), max_size=3)
    ).map(lambda chosen: (chosen[0][0], corrupt(SOUND[chosen[0]], chosen[1]))),
    st.tuples(st.sampled_from(list(SUFFIXES)), st.one_of(st.binary(max_size=100), st.just(b"text, not audio\n"))),
    st.tuples(st.just("WAV"), st.lists(st.sampled_from([0.0, 0.5, 1e30, np.nan, np.inf, -np.inf]), min_size=1)).map(
        lambda chosen: ("WAV", samples(chosen[1]))
    ),
)


def pack_indexes(folder, names):
    """Pack files of one folder; bad ones are skipped."""
    seconds, _, _, problems = read_headers([str(folder / name) for name in names])
    table = pd.DataFrame({"id": names, "file": names, "audio_root": 0, "duration_s": seconds})
    table.to_parquet(folder / "utterances.parquet", index=False)
    pack_audio(folder / "utterances.parquet", [folder], SKIP, folder / "pack")
    report = json.loads((folder / "pack/report.json").read_text())
    return open_pack(folder / "pack"), report, problems


@fuzz_settings("audio")
@given(file=FILES)
def test_audio(tmp_path_factory, file):
    container, content = file
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as root:
        folder = Path(root)
        (folder / "good.wav").write_bytes(SOUND["WAV", "PCM_16"])
        name = f"corrupted.{SUFFIXES[container]}"
        (folder / name).write_bytes(content)
        pack, report, _ = attempt(
            lambda: pack_indexes(folder, ["good.wav", name]), skips=lambda found: bool(found[1]["skipped"])
        )
        skipped = sum(found["count"] for found in report["skipped"].values())
        assert len(pack) + skipped == 2
        assert pack.ids[0] == "good.wav"
        assert pack.audio.size < 800 + 16 * 16_000 * max(1, len(content) / 1000)  # no small file becomes a large one


def refused(path):
    with pytest.raises(AudioError) as caught:
        decode(path)
    return caught.value


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "unreadable"),
        (b"FileName,EmoAct\n", "unreadable"),
        (riff(rate_hz=0, data=bytes(2000)), "unreadable"),
        (riff(rate_hz=1, data=bytes(2000)), "unreadable"),
        (riff(rate_hz=0xFFFF_FFFF, data=bytes(2000)), "unreadable"),
        (riff(channels=0, data=bytes(2000)), "unreadable"),
        (riff(data=b""), "empty"),
        (riff(size=100_000, data=bytes(2000)), "truncated"),
        (wav(seconds=0.5)[:3000], "truncated"),
        (samples([0.0, np.nan]), "non-finite"),
        (samples([np.inf]), "non-finite"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_a_bad_file_has_its_reason(tmp_path, content, kind):
    (tmp_path / "bad.wav").write_bytes(content)
    assert refused(tmp_path / "bad.wav").kind == kind


def sparse(path, seconds, rate_hz):
    """Write a WAV file of silence that uses no space on disk."""
    size = 2 * rate_hz * seconds
    with path.open("wb") as stream:
        stream.write(riff(rate_hz=rate_hz, size=size, riff_size=size + 36))
        stream.truncate(44 + size)


def test_an_hour_is_packed_in_bounded_memory(tmp_path):
    sparse(tmp_path / "long.wav", 3600, 16_000)
    tracemalloc.start()
    try:
        pack, report, _ = pack_indexes(tmp_path, ["long.wav"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert report["duration_s"] == 3600
    assert len(pack.audio) == 3600 * 16_000
    assert peak < 4 * 115_200_000  # the samples of one file as PCM16, joined and written


def test_a_file_that_is_too_long_for_an_utterance_is_refused_unread(tmp_path):
    sparse(tmp_path / "endless.wav", round(LONGEST_S) + 60, 16_000)
    assert "4 hours" in str(refused(tmp_path / "endless.wav"))
    seconds, _, rates_hz, problems = read_headers([str(tmp_path / "endless.wav")])
    assert rates_hz[0] == 0
    assert np.isnan(seconds[0])
    assert "endless.wav" in problems[UNREADABLE][0]
