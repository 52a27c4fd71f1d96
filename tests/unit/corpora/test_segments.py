"""Rows that are a part of a file."""

import audio_lengths as made
import numpy as np
import pandas as pd
import pytest
import soundfile
from corpus_trees import prepare, write, write_audio

from valence_gap.audio.decoding import AudioError, decode
from valence_gap.audio.packing import open_pack, pack_audio
from valence_gap.audio.segments import decode_segment
from valence_gap.definitions.corpora import Corpus
from valence_gap.runtime.errors import UserError

SCALE = {"valence": (1.0, 7.0)}
DEFINITION = {"splits": {"test": "all"}, "dimensions": ("valence",), "scale": SCALE, "on_lost_rows": "fail"}


def ramp(path, seconds, rate=16_000):
    """Write a file whose samples say where they are: the sample at second t is 100 * t."""
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (100 * np.arange(round(seconds * rate)) / rate).astype(np.int16), rate)


def read(tmp_path, text, files=("talk.wav",), seconds=6.0, **definition):
    for file in files:
        ramp(tmp_path / "audio" / file, seconds)
    table = write(tmp_path / "table.csv", text)
    paths = {"audio": [tmp_path / "audio"], "labels": table}
    return prepare(tmp_path / "out", "table", paths, **{**DEFINITION, **definition})


def packed(tmp_path, **how):
    pack_audio(
        tmp_path / "out/utterances.test.parquet",
        [tmp_path / "audio"],
        Corpus(adapter="table", label="", splits={"test": "all"}, **how),
        tmp_path / "pack",
    )
    pack = open_pack(tmp_path / "pack")
    return {
        name: pack.audio[start : start + count]
        for name, start, count in zip(pack.ids, pack.offsets, pack.samples, strict=True)
    }


def test_each_row_is_its_part_of_the_file(tmp_path):
    text = "file,start,end,valence\ntalk.wav,5,5.5,1\ntalk.wav,0,1.25,7\ntalk.wav,4,,3\nwhole.wav,,,4\n"
    found = read(tmp_path, text, ("talk.wav", "whole.wav"))
    table = found.utterances["test"].set_index("id")
    assert table["duration_s"].to_dict() == pytest.approx(
        {"talk.wav#0-1.25": 1.25, "talk.wav#4-": 2.0, "talk.wav#5-5.5": 0.5, "whole.wav": 6.0}
    )
    assert found.skipped() == {}
    audio = packed(tmp_path)
    for name, start, end in (("talk.wav#0-1.25", 0, 1.25), ("talk.wav#4-", 4, 6), ("talk.wav#5-5.5", 5, 5.5)):
        expected = (100 * np.arange(round(start * 16_000), round(end * 16_000)) / 16_000).astype(np.int16)
        np.testing.assert_array_equal(audio[name], expected)
    assert len(audio["whole.wav"]) == 96_000


def test_ids_do_not_depend_on_other_rows(tmp_path):
    one = read(tmp_path, "file,start,end,valence\ntalk.wav,5,5.5,1\n")
    two = read(tmp_path, "file,start,end,valence\ntalk.wav,0.1,0.30,1\ntalk.wav,5.000,5.50,1\n")
    assert one.ids("test") == ["talk.wav#5-5.5"]
    assert two.ids("test") == ["talk.wav#0.1-0.3", "talk.wav#5-5.5"]


@pytest.mark.parametrize(
    ("times", "start_s", "end_s"),
    [('"1,5","2,25"', 1.5, 2.25), ("0:01.5,00:00:02.25", 1.5, 2.25), ("1.5,6.04", 1.5, 6.04), ("0,2", 0.0, 2.0)],
)
def test_spellings_of_times(tmp_path, times, start_s, end_s):
    table = read(tmp_path, f"file,start,end,valence\ntalk.wav,{times},1\n").utterances["test"]
    assert (table["start_s"].item(), table["end_s"].item()) == (start_s, end_s)
    assert table["duration_s"].item() == pytest.approx(min(end_s, 6.0) - start_s)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ("50,55", "the segment 50 to 55 s is outside the file, which has 6 s"),
        ("5,6.2", "the segment 5 to 6.2 s is outside the file, which has 6 s"),
        ("5000,5500", "outside"),  # milliseconds
        ("6,", "outside"),
        ("-1,2", "before the file"),
        ("2,2", "not after start"),
        ("3,2", "not after start"),
        ("soon,2", "start 'soon' is no time in seconds"),
        ('"1,234",3', "no time"),  # a decimal comma, or thousands
    ],
)
def test_a_segment_that_cannot_be_cut_is_named_with_file_and_row(tmp_path, times, message):
    with pytest.raises(UserError) as error:
        read(tmp_path, f"file,start,end,valence\ntalk.wav,0,1,1\ntalk.wav,{times},2\n")
    assert len(error.value.offenders) == 1
    assert error.value.offenders[0].startswith("table.csv:3 talk.wav")
    assert message in error.value.offenders[0]
    assert "in seconds from the start" in error.value.remedy


def test_all_segments_outside_their_files_are_named_at_once(tmp_path):
    rows = "".join(f"talk.wav,{start},{start + 1},1\n" for start in range(4, 9))
    with pytest.raises(UserError) as error:
        read(tmp_path, f"file,start,end,valence\n{rows}")
    assert len(error.value.offenders) == 3


def test_one_of_the_two_columns_alone_is_an_error_unless_it_is_not_read(tmp_path):
    text = "file,start,valence\ntalk.wav,1,1\n"
    with pytest.raises(UserError, match="no column end") as error:
        read(tmp_path, text)
    assert 'columns: {start: "", end: ""}' in error.value.remedy
    assert read(tmp_path, text, columns={"start": "", "end": ""}).ids("test") == ["talk.wav"]


def test_files_that_were_cut_already_can_be_read_whole(tmp_path):
    text = "file,start,end,valence\ntalk.wav,50,56,1\n"
    table = read(tmp_path, text, columns={"start": "", "end": ""}).utterances["test"]
    assert "start_s" not in table
    assert table["duration_s"].item() == 6.0


def test_a_corpus_without_segments_has_no_columns_of_times(tmp_path):
    plain = read(tmp_path, "file,valence\ntalk.wav,1\n").utterances["test"]
    empty = read(tmp_path, "file,start,end,valence\ntalk.wav,0,,1\n").utterances["test"]
    columns = ["id", "file", "audio_root", "speaker", "gender", "transcript", "duration_s", "sha256"]
    assert plain.columns.tolist() == empty.columns.tolist() == columns
    assert plain.equals(empty)


def test_an_id_for_several_segments_is_an_error_and_own_ids_are_kept(tmp_path):
    text = "id,file,start,end,valence\n{0},talk.wav,0,1,1\n{1},talk.wav,1,2,2\n"
    assert read(tmp_path, text.format("x", "y")).ids("test") == ["x", "y"]
    with pytest.raises(UserError, match=r"id x names 2 audio files: table\.csv:2 talk\.wav, table\.csv:3 talk\.wav"):
        read(tmp_path, text.format("x", "x"))


def test_the_same_segment_twice_is_a_contradiction_if_labels_differ(tmp_path):
    text = "file,start,end,valence\ntalk.wav,0,1,1\ntalk.wav,0,1,{}\n"
    assert read(tmp_path, text.format(1)).skipped() == {"duplicate id": 1}
    with pytest.raises(UserError, match="duplicate id with other values"):
        read(tmp_path, text.format(2), on_lost_rows="fail")


def test_segments_of_a_file_in_two_splits_are_noted(tmp_path):
    text = "file,start,end,split,valence\ntalk.wav,0,1,dev,1\ntalk.wav,1,2,test,2\nb.wav,1,2,test,2\n"
    found = read(tmp_path, text, ("talk.wav", "b.wav"), splits={"dev": "dev", "test": "test"})
    assert found.noted()["file with segments in several splits"] == 2


# Decoding


@pytest.mark.parametrize(
    ("name", "subtype"),
    [("a.wav", "PCM_16"), ("a.flac", "PCM_16"), ("a.ogg", "VORBIS"), ("a.ogg", "OPUS"), ("a.mp3", "MPEG_LAYER_III")],
)
@pytest.mark.parametrize(("start_s", "end_s"), [(0.0, 1.0), (1.0, 2.5), (2.0, None)])
def test_a_segment_is_a_slice_of_the_whole_in_every_format(tmp_path, name, subtype, start_s, end_s):
    rng = np.random.default_rng(0)
    soundfile.write(tmp_path / name, rng.uniform(-0.3, 0.3, 48_000), 16_000, subtype=subtype)
    whole = decode(tmp_path / name).samples
    part = decode_segment(tmp_path / name, start_s, end_s).samples
    expected = whole[round(start_s * 16_000) : None if end_s is None else round(end_s * 16_000)]
    assert len(part) == len(expected)
    correlation = np.corrcoef(part.astype(float), expected.astype(float))[0, 1]
    assert correlation > (0.9999 if subtype != "OPUS" else 0.99)  # Opus starts anew at a seek


def test_a_segment_at_another_rate_has_its_length_and_its_mean_of_channels(tmp_path):
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(3 * 44_100) / 44_100)
    soundfile.write(tmp_path / "a.wav", np.stack([tone, 0 * tone], axis=1), 44_100)
    part = decode_segment(tmp_path / "a.wav", 1.0, 2.0)
    assert (part.samples.size, part.rate_hz, part.channels) == (16_000, 44_100, 2)
    expected = 8192 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    assert np.abs(part.samples - expected)[500:-500].max() < 40


def test_only_the_segment_is_read(tmp_path, monkeypatch):
    ramp(tmp_path / "a.wav", 60.0)
    frames = []
    real = soundfile.SoundFile.read

    def counted(self, size=-1, **how):
        block = real(self, size, **how)
        frames.append(len(block))
        return block

    monkeypatch.setattr(soundfile.SoundFile, "read", counted)
    assert decode_segment(tmp_path / "a.wav", 50.0, 51.0).samples[0] == 5000
    assert sum(frames) == 16_000


@pytest.mark.parametrize(("start_s", "end_s"), [(3.0, 4.0), (0.5, 1.5), (1.0, None)])
def test_a_segment_outside_its_file_is_bad_audio(tmp_path, start_s, end_s):
    write_audio(tmp_path / "a.wav", seconds=1.0)
    with pytest.raises(AudioError, match=f"outside, the segment {start_s:g} to"):
        decode_segment(tmp_path / "a.wav", start_s, end_s)


def test_bad_files_are_named(tmp_path):
    write(tmp_path / "text.wav", b"no audio")
    soundfile.write(tmp_path / "nan.wav", np.full(16_000, np.nan), 16_000, subtype="FLOAT")
    for name, kind in (("text.wav", "unreadable"), ("nan.wav", "non-finite"), ("no.wav", "missing")):
        with pytest.raises(AudioError) as error:
            decode_segment(tmp_path / name, 0.0, 0.5)
        assert error.value.kind == kind


def test_parquet_with_times_as_numbers(tmp_path):
    ramp(tmp_path / "audio/talk.wav", 6.0)
    rows = pd.DataFrame({"file": ["talk.wav"] * 2, "start": [0.0, 2.0], "end": [1.0, None], "valence": [1, 2]})
    rows.to_parquet(tmp_path / "table.parquet")
    paths = {"audio": [tmp_path / "audio"], "labels": tmp_path / "table.parquet"}
    assert prepare(tmp_path / "out", "table", paths, **DEFINITION).ids("test") == ["talk.wav#0-1", "talk.wav#2-"]


@pytest.mark.parametrize("total", [0, 16_000])
def test_segments_of_a_file_whose_header_gives_too_little_are_checked_when_packed(tmp_path, total):
    """A FLAC header may give no length, or that of a part."""
    samples = (100 * np.arange(6 * 16_000) / 16_000).astype(np.int16)
    (tmp_path / "audio").mkdir()
    (tmp_path / "audio/talk.flac").write_bytes(made.with_flac_total(made.encode("FLAC", samples), total))
    rows = "talk.flac,4,5,1\ntalk.flac,5,,2\ntalk.flac,7,8,3\n"
    table = write(tmp_path / "table.csv", f"file,start,end,valence\n{rows}")
    found = prepare(tmp_path / "out", "table", {"audio": [tmp_path / "audio"], "labels": table}, **DEFINITION)
    seconds = found.utterances["test"].set_index("id")["duration_s"]
    assert seconds.dropna().to_dict() == {"talk.flac#4-5": 1.0, "talk.flac#7-8": 1.0}
    with pytest.raises(UserError) as error:
        packed(tmp_path)
    (line,) = error.value.offenders
    assert "talk.flac (utterance talk.flac#7-8): outside" in line
    audio = packed(tmp_path, on_bad_audio="skip")
    assert audio.keys() == {"talk.flac#4-5", "talk.flac#5-"}
    np.testing.assert_array_equal(audio["talk.flac#5-"], samples[5 * 16_000 :])
    assert found.noted().get("audio whose header gives no length", 0) == (total == 0)
