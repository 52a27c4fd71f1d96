import json
import tracemalloc
from dataclasses import replace

import audio_lengths
import numpy as np
import pandas as pd
import pytest
import soundfile

from valence_gap.audio.decoding import AudioError, decode, decode_waveform
from valence_gap.audio.packing import open_pack, pack_audio
from valence_gap.audio.packs import quantise
from valence_gap.cli import main
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.values import to_json
from valence_gap.runtime.errors import UserError

FAIL = Corpus(adapter="table", label="Test corpus", splits={"test": "test"})
SKIP = Corpus(adapter="table", label="Test corpus", splits={"test": "test"}, on_bad_audio="skip")


def tone(rate_hz, duration_s=0.5, frequency_hz=440.0, level=0.5):
    return level * np.sin(2 * np.pi * frequency_hz * np.arange(round(rate_hz * duration_s)) / rate_hz)


def utterances(folder, names, duration_s=0.5):
    table = pd.DataFrame({"id": [f"id-{name}" for name in names], "file": list(names), "audio_root": 0})
    table["duration_s"] = duration_s
    path = folder / "utterances.test.parquet"
    table.to_parquet(path, index=False)
    return path


# Decoding


@pytest.mark.parametrize(
    ("name", "rate_hz", "subtype", "tolerance"),
    [
        ("pcm16.wav", 16000, "PCM_16", 1),
        ("pcm24.wav", 44100, "PCM_24", 40),
        ("float.wav", 48000, "FLOAT", 40),
        ("double.wav", 192000, "DOUBLE", 40),
        ("low.wav", 8000, "PCM_16", 40),
        ("telephone.wav", 16000, "ALAW", 600),
        ("lossless.flac", 22050, "PCM_16", 40),
        ("apple.aiff", 32000, "PCM_16", 40),
        ("lossy.ogg", 44100, "VORBIS", 1000),
        ("lossy.mp3", 44100, "MPEG_LAYER_III", 1000),
    ],
)
def test_every_format_gives_the_same_tone(tmp_path, name, rate_hz, subtype, tolerance):
    soundfile.write(tmp_path / name, tone(rate_hz), rate_hz, subtype=subtype)
    decoded = decode(tmp_path / name)
    assert decoded.samples.dtype == np.int16
    assert decoded.samples.size == 8000
    assert decoded.rate_hz == rate_hz
    middle = slice(1000, 7000)  # the ends ring
    assert np.abs(decoded.samples - 32768 * tone(16000))[middle].max() < tolerance


def test_pcm16_at_16_khz_is_untouched(tmp_path):
    audio = np.random.default_rng(0).integers(-32768, 32768, 200_000, dtype=np.int16)  # several blocks
    soundfile.write(tmp_path / "a.wav", audio, 16000)
    decoded = decode(tmp_path / "a.wav")
    np.testing.assert_array_equal(decoded.samples, audio)
    assert decoded.clipped == 0


def test_channels_are_averaged(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([[0.5, 0.25], [-0.5, 0.5]]), 16000)
    assert decode(tmp_path / "a.wav").samples.tolist() == [12288, 0]


def test_quantise_clips_and_counts_samples_beyond_full_scale():
    samples, clipped = quantise(np.array([0.5, 1.5, -3.0, 1.0, -1.0]))
    assert samples.tolist() == [16384, 32767, -32768, 32767, -32768]
    assert clipped == 2


def test_the_overshoot_of_resampling_is_clipped_and_counted(tmp_path):
    square = np.where(np.arange(44_100) // 100 % 2, 32_767, -32_768).astype(np.int16)
    soundfile.write(tmp_path / "a.wav", square, 44_100)
    decoded = decode(tmp_path / "a.wav")
    assert decoded.clipped == np.count_nonzero(np.abs(decode_waveform(tmp_path / "a.wav")) > 1) > 100
    assert (decoded.samples.min(), decoded.samples.max()) == (-32_768, 32_767)


def test_a_waveform_is_neither_scaled_nor_clipped(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.array([0.5, 1.5, -3.0, 1.0, -1.0]), 16000, subtype="FLOAT")
    assert decode_waveform(tmp_path / "a.wav").tolist() == [0.5, 1.5, -3.0, 1.0, -1.0]


@pytest.mark.parametrize("frames", [1, 2, 3, 65_536, 65_537, 150_001])
@pytest.mark.parametrize("rate_hz", [8000, 16000, 44100])
def test_length_is_that_of_the_duration(tmp_path, frames, rate_hz):
    soundfile.write(tmp_path / "a.wav", np.full(frames, 0.1), rate_hz)
    expected = frames * 16000 / rate_hz
    if expected < 0.5:
        with pytest.raises(AudioError, match="shorter than one sample"):
            decode(tmp_path / "a.wav")
    else:
        assert abs(decode(tmp_path / "a.wav").samples.size - expected) <= 0.5


def test_blocks_leave_no_seam(tmp_path):
    audio = tone(44100, duration_s=4.0, frequency_hz=1000.0)
    soundfile.write(tmp_path / "a.wav", audio, 44100, subtype="FLOAT")
    difference = decode_waveform(tmp_path / "a.wav") - tone(16000, duration_s=4.0, frequency_hz=1000.0)
    assert np.abs(difference[500:-500]).max() < 1e-4


def test_long_file_is_not_held_at_its_own_rate(tmp_path):
    with soundfile.SoundFile(tmp_path / "a.wav", "w", 96000, 2, "PCM_16") as file:
        for _ in range(60):
            file.write(np.full((96000, 2), 0.1))
    tracemalloc.start()
    decoded = decode(tmp_path / "a.wav")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert decoded.samples.size == 60 * 16000
    assert peak < 3 * decoded.samples.nbytes + 4_000_000  # the whole source in float32 has 46 MB


# Bad files


def bad_files(folder):
    soundfile.write(folder / "whole.wav", tone(16000), 16000)
    whole = (folder / "whole.wav").read_bytes()
    (folder / "cut.wav").write_bytes(whole[: len(whole) // 2])
    soundfile.write(folder / "whole.flac", np.random.default_rng(0).uniform(-0.5, 0.5, 80_000), 16000)
    lossless = (folder / "whole.flac").read_bytes()
    (folder / "cut.flac").write_bytes(lossless[: len(lossless) // 2])
    (folder / "text.wav").write_text("not audio" * 100)
    (folder / "nothing.wav").write_bytes(b"")
    (folder / "headerless.raw").write_bytes(bytes(100))
    soundfile.write(folder / "no_samples.wav", np.zeros(0), 16000)
    soundfile.write(folder / "nan.wav", np.array([0.1, np.nan, 0.1]), 16000, subtype="FLOAT")
    soundfile.write(folder / "infinite.wav", np.array([0.1, np.inf, 0.1]), 44100, subtype="FLOAT")
    (folder / "rate.wav").write_bytes(whole[:24] + bytes(4) + whole[28:])
    (folder / "folder.wav").mkdir()
    return {
        "cut.wav": "truncated",
        "cut.flac": "unreadable",
        "text.wav": "unreadable",
        "nothing.wav": "unreadable",
        "headerless.raw": "unreadable",
        "no_samples.wav": "empty",
        "nan.wav": "non-finite",
        "infinite.wav": "non-finite",
        "rate.wav": "unreadable",
        "folder.wav": "missing",
        "absent.wav": "missing",
    }


def test_every_bad_file_is_reported_with_its_reason(tmp_path):
    for name, kind in bad_files(tmp_path).items():
        with pytest.raises(AudioError) as caught:
            decode(tmp_path / name)
        assert caught.value.kind == kind, name


def test_streamed_wav_without_a_length_is_whole(tmp_path):
    soundfile.write(tmp_path / "a.wav", tone(16000), 16000, subtype="PCM_16")
    audio = bytearray((tmp_path / "a.wav").read_bytes())
    place = audio.index(b"data") + 4
    audio[4:8] = audio[place : place + 4] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(audio)
    assert decode(tmp_path / "a.wav").samples.size == 8000


# The pack


def test_bad_files_all_stop_the_run(tmp_path):
    bad = bad_files(tmp_path)
    table = utterances(tmp_path, ["whole.wav", *bad])
    with pytest.raises(UserError) as caught:
        pack_audio(table, (tmp_path,), FAIL, tmp_path / "pack", workers=2)
    assert caught.value.what == f"{len(bad)} of {len(bad) + 1} audio files are bad"
    for name, kind in bad.items():
        assert any(line.startswith(f"{name} (utterance id-{name}): {kind}") for line in caught.value.offenders)
    assert not (tmp_path / "pack").exists()


def test_the_error_of_a_job_names_its_corpus(tmp_path, capsys):
    """A rule passes a definition without a label."""
    (tmp_path / "bad.wav").write_bytes(b"no audio")
    arguments = ["--utterances", str(utterances(tmp_path, ["bad.wav"])), "--root", str(tmp_path)]
    definition = to_json(replace(FAIL, label=""))
    assert (
        main(["pack-audio", "--name", "mine", *arguments, "--corpus", definition, "--output", str(tmp_path / "p")]) == 2
    )
    assert "on_bad_audio: skip for 'mine'" in capsys.readouterr().err


def test_bad_files_are_skipped_and_reported(tmp_path):
    bad = bad_files(tmp_path)
    table = utterances(tmp_path, ["whole.wav", *bad, "whole.flac"])
    pack_audio(table, (tmp_path,), SKIP, tmp_path / "pack", workers=2)
    pack = open_pack(tmp_path / "pack")
    assert pack.ids == ["id-whole.wav", "id-whole.flac"]
    assert pack.samples.tolist() == [8000, 80_000]
    skipped = json.loads((tmp_path / "pack" / "report.json").read_text())["skipped"]
    assert sum(entry["count"] for entry in skipped.values()) == len(bad)
    assert skipped["empty"]["files"] == ["no_samples.wav (utterance id-no_samples.wav): empty, it has no samples"]


def test_only_bad_files_stop_the_run_even_where_they_are_skipped(tmp_path):
    with pytest.raises(UserError, match="all audio files are bad"):
        pack_audio(utterances(tmp_path, ["a.wav"]), (tmp_path,), SKIP, tmp_path / "pack")


def test_unusual_files_are_kept_and_counted(tmp_path, capsys):
    soundfile.write(tmp_path / "silent.wav", np.zeros(100), 16000)
    soundfile.write(tmp_path / "short.wav", np.full(1, 0.5), 16000)
    soundfile.write(tmp_path / "loud.wav", np.array([[1.25, 1.25], [0.1, 0.1]]), 16000, subtype="FLOAT")
    soundfile.write(tmp_path / "opposed.wav", np.array([[0.5, -0.5], [0.1, -0.1]]), 16000)
    overshoot = np.tile(np.repeat([32_767, -32_768], 50), 5)
    soundfile.write(tmp_path / "square.wav", overshoot.astype(np.int16), 48_000)
    content = audio_lengths.encode("FLAC", audio_lengths.speech_like(1.0, 0))
    (tmp_path / "wrong.flac").write_bytes(audio_lengths.with_flac_total(content, 100))
    table = utterances(tmp_path, ["silent.wav", "short.wav", "loud.wav", "opposed.wav", "square.wav", "wrong.flac"])
    pack_audio(table, (tmp_path,), FAIL, tmp_path / "pack")
    report = json.loads((tmp_path / "pack" / "report.json").read_text())
    assert report["silent"] == {"count": 2, "ids": ["id-silent.wav", "id-opposed.wav"]}
    assert (report["clipped"]["count"], report["clipped"]["ids"]) == (1, ["id-square.wav"])
    assert report["channels"] == {"1": 4, "2": 2}
    assert report["rates_hz"] == {"16000": 5, "48000": 1}
    assert {kind: found["count"] for kind, found in report["remarks"].items()} == {
        "cancelled": 1,
        "full-scale": 1,
        "longer": 1,
        "scaled": 1,
        "silent": 1,
    }
    assert report["remarks"]["scaled"]["files"] == [
        "loud.wav (utterance id-loud.wav): scaled by 0.800, since its peak is 1.250"
    ]
    assert open_pack(tmp_path / "pack").samples.tolist() == [100, 1, 2, 2, 167, 16_000]
    (note,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("note: ")]
    assert "of 6 files, 1 silent; 1 with channels that cancel in the mono mix; 1 clipped" in note
    assert "1 longer than their headers give" in note


def test_usual_files_have_no_remarks(tmp_path, capsys):
    soundfile.write(tmp_path / "a.wav", tone(16_000), 16_000)
    pack_audio(utterances(tmp_path, ["a.wav"]), (tmp_path,), FAIL, tmp_path / "pack")
    assert json.loads((tmp_path / "pack" / "report.json").read_text())["remarks"] == {}
    assert "note: " not in capsys.readouterr().err


def test_workers_do_not_change_the_pack(tmp_path):
    generator = np.random.default_rng(0)
    names = [f"{n}.wav" for n in range(40)]
    for name in names:
        rate_hz = int(generator.choice([8000, 16000, 44100]))
        soundfile.write(tmp_path / name, generator.uniform(-0.5, 0.5, generator.integers(10, 50_000)), rate_hz)
    table = utterances(tmp_path, names, duration_s=1000.0)  # so long that few files may wait at once
    for workers in (1, 4):
        pack_audio(table, (tmp_path,), FAIL, tmp_path / f"pack-{workers}", workers)
    assert open_pack(tmp_path / "pack-1").ids == [f"id-{name}" for name in names]
    for name in ("audio.npy", "index.parquet"):
        assert (tmp_path / "pack-1" / name).read_bytes() == (tmp_path / "pack-4" / name).read_bytes()


def test_second_root(tmp_path):
    for root, level in (("one", 0.25), ("two", 0.5)):
        (tmp_path / root).mkdir()
        soundfile.write(tmp_path / root / "a.wav", np.full(10, level), 16000)
    table = pd.DataFrame({"id": ["b", "a"], "file": "a.wav", "audio_root": [1, 0], "duration_s": [np.nan, 1.0]})
    table.to_parquet(tmp_path / "utterances.parquet")
    roots = (tmp_path / "one", tmp_path / "two")
    pack_audio(tmp_path / "utterances.parquet", roots, FAIL, tmp_path / "pack")
    pack = open_pack(tmp_path / "pack")
    assert [pack.read(row)[0] for row in range(2)] == [0.5, 0.25]
    with pytest.raises(UserError, match="audio-1 is not given"):
        pack_audio(tmp_path / "utterances.parquet", roots[:1], FAIL, tmp_path / "pack")
    with pytest.raises(UserError, match="gone is not a folder"):
        pack_audio(tmp_path / "utterances.parquet", (tmp_path / "gone", roots[1]), FAIL, tmp_path / "pack")


def test_split_without_utterances_gives_an_empty_pack(tmp_path):
    table = pd.DataFrame({"id": ["a"], "file": ["a.wav"], "audio_root": [0], "duration_s": [1.0]}).iloc[:0]
    table.to_parquet(tmp_path / "utterances.parquet")
    pack_audio(tmp_path / "utterances.parquet", (tmp_path,), FAIL, tmp_path / "pack")
    assert len(open_pack(tmp_path / "pack")) == 0
