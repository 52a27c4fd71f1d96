"""Scores of the user's own audio files."""

import itertools
import json
import os
import shutil

import audio_lengths
import numpy as np
import pandas as pd
import pytest
import soundfile
from small_models import make_backbone, make_cnn14, training

from valence_gap import load_model
from valence_gap.audio.packs import write_pack
from valence_gap.cli import main
from valence_gap.models import loading
from valence_gap.prediction import inference, recordings
from valence_gap.prediction.inference import predict, predict_conditions
from valence_gap.prediction.parts import Cutting
from valence_gap.prediction.recordings import predict_files
from valence_gap.runtime.errors import UserError

DIMENSIONS = ["arousal", "dominance", "valence"]
RATE = 16_000


@pytest.fixture
def model(tmp_path):
    make_backbone(tmp_path / "backbone")
    loading.build(training(precision="fp32"), tmp_path / "backbone").save(tmp_path / "model")
    return tmp_path / "model"


def noise(seconds, seed):
    return np.random.default_rng(seed).integers(-9_000, 9_000, round(seconds * RATE)).astype(np.int16)


def write(path, samples):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    return path


def as_in_the_study(folder, model, utterances):
    """Predictions computed as in the study, float32 (utterances, 3)."""
    write_pack(folder / "pack", [(str(row), samples) for row, samples in enumerate(utterances)], {})
    predict_conditions(model, {"clean": folder / "pack"}, folder / "p.parquet")
    return pd.read_parquet(folder / "p.parquet")[DIMENSIONS].to_numpy()


@pytest.mark.parametrize("kind", ["transformer", "cnn14"])
def test_files_have_the_same_scores_as_in_the_study(tmp_path, model, kind):
    if kind == "cnn14":
        model = tmp_path / "cnn14"
        make_cnn14().save(model)
    samples = [noise(0.4, 0), noise(1.1, 1), noise(0.02, 2)]
    files = [write(tmp_path / f"{row}.wav", each) for row, each in enumerate(samples)]
    predict_files(model, files, tmp_path / "scores.csv")
    table = pd.read_csv(tmp_path / "scores.csv")
    assert table.columns.tolist() == ["file", "duration_s", *DIMENSIONS, "notes"]
    assert table["file"].tolist() == [str(file) for file in files]
    assert table["duration_s"].tolist() == [0.4, 1.1, 0.02]
    assert np.allclose(table[DIMENSIONS], as_in_the_study(tmp_path, model, samples), atol=2e-6)


def test_the_kernels_that_are_kept_depend_on_the_model(tmp_path, monkeypatch, model):
    found = []
    for module in (recordings, inference):
        monkeypatch.setattr(module, "limit_kernels", found.append)
    predict_files(model, [write(tmp_path / "a.wav", noise(0.4, 0))], tmp_path / "scores.csv")
    as_in_the_study(tmp_path, model, [noise(0.4, 0)])
    assert found == [loading.load(model).shape] * 2


def test_long_files_are_cut_into_equal_parts_and_averaged_by_duration(tmp_path, model):
    samples = noise(1.00005, 3)  # 16001 samples: the parts are not exactly equal
    cuts = [0, 5_333, 10_667, 16_001]
    file = write(tmp_path / "long.flac", samples)
    expected = as_in_the_study(tmp_path, model, [samples[a:b] for a, b in itertools.pairwise(cuts)])
    predict_files(model, [file], tmp_path / "chunks.csv", cutting=Cutting(0.4), per_chunk=True)
    chunks = pd.read_csv(tmp_path / "chunks.csv")
    assert chunks.columns.tolist() == ["file", "start_s", "end_s", *DIMENSIONS, "notes"]
    assert chunks["start_s"].tolist() == [0.0, 0.333, 0.667]
    assert chunks["end_s"].tolist() == [0.333, 0.667, 1.0]
    assert np.allclose(chunks[DIMENSIONS], expected, atol=2e-6)
    for scores, notes in zip(expected, chunks["notes"].fillna(""), strict=True):
        far = [name for name, score in zip(DIMENSIONS, scores, strict=True) if not -0.2 <= score <= 1.2]
        assert [name for name in DIMENSIONS if name in notes] == far
        assert ("far outside 0..1" in notes) == bool(far)
    predict_files(model, [file], tmp_path / "whole.csv", cutting=Cutting(0.4))
    (whole,) = pd.read_csv(tmp_path / "whole.csv")[DIMENSIONS].to_numpy()
    assert np.allclose(whole, np.diff(cuts) @ expected / 16_001, atol=2e-6)


def test_folders_are_searched_and_no_file_is_listed_twice(tmp_path, model, capsys):
    write(tmp_path / "audio/b.wav", noise(0.1, 0))
    write(tmp_path / "audio/deep/er/a.flac", noise(0.1, 1))
    write(tmp_path / "audio/._b.wav", noise(0.1, 1))
    (tmp_path / "audio/notes.txt").write_text("none")
    arguments = [str(tmp_path / "audio"), str(tmp_path / "audio/deep"), str(tmp_path / "audio/b.wav")]
    assert main(["predict", *arguments, "--model", str(model)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == "file,duration_s,arousal,dominance,valence,notes"
    assert [line.split(",")[0] for line in lines[1:]] == [
        str(tmp_path / "audio/b.wav"),
        str(tmp_path / "audio/deep/er/a.flac"),
    ]
    assert "1 files without the extension of an audio file are skipped" in shown.err


def test_bad_files_are_listed_and_the_others_are_kept(tmp_path, model, capsys):
    good = write(tmp_path / "good.wav", noise(0.1, 0))
    (tmp_path / "bad.wav").write_bytes(b"RIFF, and then nothing")
    (tmp_path / "empty").mkdir()
    given_paths = [str(tmp_path / name) for name in ("bad.wav", "good.wav", "absent.wav", "empty")]
    output = tmp_path / "scores.csv"
    assert main(["predict", *given_paths, "--model", str(model), "--output", str(output)]) == 2
    assert pd.read_csv(output)["file"].tolist() == [str(good)]
    message = capsys.readouterr().err
    assert "3 of the files or folders could not be used" in message
    for name in ("bad.wav: unreadable", "absent.wav: missing", "empty: no audio file"):
        assert f"{tmp_path}/{name}" in message


def test_nothing_to_score_is_an_error(tmp_path, model):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no audio to score"):
        predict_files(model, [tmp_path / "empty"])


def test_files_that_do_not_fit_in_memory_together_are_scored_in_groups(tmp_path, model, monkeypatch):
    files = [write(tmp_path / f"{row}.wav", noise(0.3, row)) for row in range(5)]
    predict_files(model, files, tmp_path / "together.csv")
    monkeypatch.setattr("valence_gap.prediction.recordings.GROUP_S", 0.5)
    predict_files(model, files, tmp_path / "apart.csv")
    together, apart = (pd.read_csv(tmp_path / f"{name}.csv") for name in ("together", "apart"))
    assert apart["file"].tolist() == together["file"].tolist()
    assert np.allclose(apart[DIMENSIONS], together[DIMENSIONS], atol=2e-6)


def test_a_released_checkpoint_scores_files_unchanged(tmp_path, model):
    config = json.loads((model / "config.json").read_text())
    del config["valence_gap"]
    (model / "config.json").write_text(json.dumps(config))
    file = write(tmp_path / "a.wav", noise(0.2, 0))
    predict_files(model, [file], tmp_path / "scores.csv", precision="fp32")
    assert len(pd.read_csv(tmp_path / "scores.csv")) == 1


def test_float32_on_request_rounds_nothing(tmp_path, model):
    shutil.copytree(model, tmp_path / "auto")
    config = json.loads((model / "config.json").read_text())
    config["valence_gap"]["precision"] = "auto"
    (tmp_path / "auto" / "config.json").write_text(json.dumps(config))
    file = write(tmp_path / "a.wav", noise(1.0, 0))
    found = {}
    for name, folder, precision in (
        ("exact", model, None),
        ("auto", tmp_path / "auto", None),
        ("asked", tmp_path / "auto", "fp32"),
    ):
        predict_files(folder, [file], tmp_path / "scores.csv", precision=precision)
        found[name] = pd.read_csv(tmp_path / "scores.csv")[DIMENSIONS].to_numpy()
    assert np.array_equal(found["asked"], found["exact"])
    assert not np.array_equal(found["auto"], found["exact"])


def notes_of(tmp_path, model, *files, **options):
    """The notes by the name of the file, without those on scores: the model is random."""
    predict_files(model, files, tmp_path / "scores.csv", **options)
    table = pd.read_csv(tmp_path / "scores.csv", keep_default_na=False)
    return [
        (file, [note for note in notes.split("; ") if note and "far outside" not in note])
        for file, notes in zip(table["file"], table["notes"], strict=True)
    ]


def test_what_is_not_speech_is_named_beside_the_score_and_on_stderr(tmp_path, model, capsys):
    sound = noise(0.5, 0)
    soundfile.write(tmp_path / "silent.wav", np.zeros(8000), RATE)
    soundfile.write(tmp_path / "opposed.wav", np.stack([sound, -sound], axis=1), RATE)
    soundfile.write(tmp_path / "clipped.wav", np.clip(sound.astype(float) / 3_000, -1, 1), RATE)
    soundfile.write(tmp_path / "loud.wav", sound / np.abs(sound).max() * 1.2, RATE, subtype="FLOAT")
    write(tmp_path / "usual.wav", sound)
    names = ["silent", "opposed", "clipped", "loud", "usual"]
    found = dict(notes_of(tmp_path, model, *(tmp_path / f"{name}.wav" for name in names)))
    found = {name: found[str(tmp_path / f"{name}.wav")] for name in names}
    assert found["silent"] == ["silent"]
    assert found["opposed"] == ["its channels cancel in the mono mix"]
    assert found["clipped"][0].startswith("clipped: 6")
    assert found["loud"] == ["scaled by 0.833, since its peak is 1.200"]
    assert found["usual"] == []
    message = capsys.readouterr().err
    assert f"note: 1 of 5 files silent: {tmp_path}/silent.wav" in message
    assert f"note: 1 of 5 files clipped: {tmp_path}/clipped.wav" in message
    assert f"note: 1 of 5 files with channels that cancel in the mono mix: {tmp_path}/opposed.wav" in message


def test_integers_saved_as_floats_are_refused_with_the_factor(tmp_path, model, capsys):
    soundfile.write(tmp_path / "a.wav", noise(0.2, 0) / 32_768 * 20_000, RATE, subtype="FLOAT")
    assert main(["predict", str(tmp_path / "a.wav"), "--model", str(model)]) == 2
    message = capsys.readouterr().err
    assert "too large by a factor of at least 5,49" in message
    assert "None is scored." in message


def test_silent_parts_are_named(tmp_path, model):
    file = write(tmp_path / "a.wav", np.concatenate([noise(0.5, 0), np.zeros(8000, dtype=np.int16)]))
    assert notes_of(tmp_path, model, file, cutting=Cutting(0.25)) == [(str(file), ["2 of 4 parts silent"])]
    parts = notes_of(tmp_path, model, file, cutting=Cutting(0.25), per_chunk=True)
    assert [notes for _, notes in parts] == [[], [], ["silent"], ["silent"]]


def test_a_wrong_header_does_not_shorten_a_recording(tmp_path, model):
    content = audio_lengths.without_xing(audio_lengths.mp3(audio_lengths.speech_like(40.0, 0)))
    (tmp_path / "vbr.mp3").write_bytes(content)
    content = audio_lengths.encode("FLAC", audio_lengths.speech_like(3.0, 0))
    (tmp_path / "piped.flac").write_bytes(audio_lengths.with_flac_total(content, 0))
    (tmp_path / "short.flac").write_bytes(audio_lengths.with_flac_total(content, 16_000))
    predict_files(model, [tmp_path / name for name in ("vbr.mp3", "piped.flac", "short.flac")], tmp_path / "scores.csv")
    table = pd.read_csv(tmp_path / "scores.csv")
    assert np.abs(table["duration_s"] - [40.0, 3.0, 3.0]).max() <= 0.1
    assert "3.0 s, although its header gives 1.0 s" in table["notes"][2]


def test_a_model_trained_on_synthetic_speech_is_named(tmp_path, model, capsys):
    (model / "run.json").write_text(
        json.dumps({"definition": {"backbone": {"source": "./resources/miniature/mini-w2v2-b"}}})
    )
    file = write(tmp_path / "a.wav", noise(0.2, 0))
    assert notes_of(tmp_path, model, file) == [(str(file), ["model trained on synthetic speech"])]
    assert f"note: {model}: model trained on synthetic speech" in capsys.readouterr().err


# Names and places


def test_a_name_that_is_not_utf_8_is_scored(tmp_path, model, capsys):
    folder = tmp_path / "audio"
    write(folder / "a.wav", noise(0.2, 0))
    write(folder / "b.wav", noise(0.2, 1)).rename(folder / os.fsdecode(b"caf\xe9.wav"))
    found = notes_of(tmp_path, model, folder)
    assert found == [
        (str(folder / "a.wav"), []),
        (f"{folder}/caf\\xe9.wav", ["its name is not UTF-8"]),
    ]
    assert main(["predict", str(folder), "--model", str(model)]) == 0
    assert "caf\\xe9.wav" in capsys.readouterr().out
    (folder / os.fsdecode(b"caf\xe9.wav")).write_bytes(b"text")
    assert main(["predict", str(folder), "--model", str(model)]) == 2
    assert "caf\\xe9.wav: unreadable" in capsys.readouterr().err


def test_formats_that_cannot_be_read_are_reported_with_a_remedy_also_in_folders(tmp_path, model, capsys):
    folder = tmp_path / "audio"
    write(folder / "a.wav", noise(0.2, 0))
    (folder / "b.m4a").write_bytes(b"\0\0\0\x1cftypM4A \0\0\0\0" + bytes(100))
    (folder / "c.webm").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(100))
    assert main(["predict", str(folder), "--model", str(model), "--output", str(tmp_path / "s.csv")]) == 2
    message = capsys.readouterr().err
    assert "b.m4a: unreadable, it is MPEG-4" in message
    assert "ffmpeg -i b.m4a b.wav" in message
    assert "c.webm: unreadable, it is Matroska (webm, mkv)" in message
    assert "missing" not in message
    assert "skipped" not in message
    assert len(pd.read_csv(tmp_path / "s.csv")) == 1


def test_names_that_look_like_options_are_files(tmp_path, model, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name in ("-1.wav", "--model.wav", "--output=x.wav", "-rf.wav"):
        write(tmp_path / name, noise(0.1, 0))
    names = sorted(path.name for path in tmp_path.glob("*.wav"))
    assert main(["predict", *names, "--model", str(model)]) == 0
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]] == names
    assert main(["predict", "--model", str(model), "--", *names]) == 0


def test_a_tilde_in_arguments_is_the_home_folder(tmp_path, model, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.wav", noise(0.1, 0))
    write(tmp_path / "~b.wav", noise(0.1, 0))
    assert main(["predict", "~/a.wav", "~b.wav", "--model=~/model", "--output=~/out/scores.csv"]) == 0
    assert pd.read_csv(tmp_path / "out/scores.csv")["file"].tolist() == [str(tmp_path / "a.wav"), "~b.wav"]


# Lists, segments, windows, scales and pooled states: what the interface for Python gives for the same samples


def values_of(table):
    return table[DIMENSIONS].to_numpy()


def as_in_python(model, parts, **options):
    """Scores (recordings, 3) and pooled states (recordings, hidden), as the interface for Python has them."""
    found = load_model(model).predict(parts, RATE, embeddings=True, **options)
    scores = [[each.arousal, each.dominance, each.valence] for each in found]
    return np.array(scores), np.stack([each.embedding for each in found])


def command(model, *arguments):
    return main(["predict", *map(str, arguments), "--model", str(model)])


def test_pooled_states_of_the_same_pass_have_the_rows_of_the_scores(tmp_path, model, groups_of_one):
    sounds = [noise(0.5, 0), noise(0.9, 1)]
    files = [write(tmp_path / f"{row}.wav", samples) for row, samples in enumerate(sounds)]
    output = ["--output", tmp_path / "scores.csv", "--chunk-s", 0.4]
    for name, options in (("states.npy", []), ("states.parquet", []), ("parts.parquet", ["--per-chunk"])):
        assert command(model, *files, *output, *options, "--embeddings", tmp_path / name) == 0
    expected = np.stack([as_in_python(model, [each], chunk_s=0.4)[1][0] for each in sounds])
    stored = np.load(tmp_path / "states.npy")
    assert stored.dtype == np.float32
    assert np.array_equal(stored, expected)
    table = pd.read_parquet(tmp_path / "states.parquet")
    assert table["file"].tolist() == [str(file) for file in files]
    assert table.columns.tolist()[:3] == ["file", "duration_s", "embedding_0"]
    assert np.array_equal(table.filter(like="embedding_").to_numpy(), expected)
    parts, scores = pd.read_parquet(tmp_path / "parts.parquet"), pd.read_csv(tmp_path / "scores.csv")
    assert parts[["file", "start_s", "end_s"]].equals(scores[["file", "start_s", "end_s"]])


def test_states_in_an_unknown_format_are_refused_before_the_work(tmp_path, model, monkeypatch, capsys):
    monkeypatch.setattr("valence_gap.prediction.recordings.load", None)
    file = write(tmp_path / "a.wav", noise(0.2, 0))
    assert command(model, file, "--embeddings", tmp_path / "states.csv") == 2
    assert "Name a file .npy or .parquet" in capsys.readouterr().err


@pytest.mark.parametrize(("low", "high"), [(1, 7), (-3, 3), (0, 1)])
def test_scores_are_written_in_the_units_of_a_scale(tmp_path, model, low, high):
    sounds = [noise(0.3, seed) for seed in range(3)]
    files = [write(tmp_path / f"{row}.wav", samples) for row, samples in enumerate(sounds)]
    assert command(model, *files, "--scale", low, high, "--output", tmp_path / "scores.csv") == 0
    scores, _ = as_in_python(model, sounds)
    assert np.array_equal(values_of(pd.read_csv(tmp_path / "scores.csv")), (low + (high - low) * scores).round(6))


@pytest.mark.parametrize("scale", [("7", "1"), ("1", "1"), ("nan", "1"), ("0", "inf")])
def test_a_scale_has_its_lowest_label_first(tmp_path, model, scale, capsys):
    assert command(model, write(tmp_path / "a.wav", noise(0.2, 0)), "--scale", *scale) == 2
    assert "Give its lowest label, then its highest" in capsys.readouterr().err


def test_a_list_of_files_is_scored_as_if_they_were_given(tmp_path, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "folder/b.wav", "c.wav"):
        write(tmp_path / name, noise(0.2, 0))
    (tmp_path / "files.txt").write_text("c.wav\nfolder\n")
    assert command(model, "a.wav", "--list", "files.txt", "--output", "listed.csv") == 0
    assert command(model, "a.wav", "c.wav", "folder", "--output", "given.csv") == 0
    assert (tmp_path / "listed.csv").read_text() == (tmp_path / "given.csv").read_text()
    assert pd.read_csv("listed.csv")["file"].tolist() == ["a.wav", "c.wav", "folder/b.wav"]


def test_overlapping_windows_are_scored_each_and_averaged(tmp_path, model):
    samples = noise(1.0, 4)
    file = write(tmp_path / "a.wav", samples)
    cuts = [(0, 8_000), (4_800, 12_800), (8_000, 16_000)]
    expected, _ = as_in_python(model, [samples[start:end] for start, end in cuts])
    options = ["--chunk-s", 0.5, "--hop-s", 0.3, "--output", tmp_path / "scores.csv"]
    assert command(model, file, *options, "--per-chunk") == 0
    table = pd.read_csv(tmp_path / "scores.csv")
    assert table[["start_s", "end_s"]].to_numpy().tolist() == [[0.0, 0.5], [0.3, 0.8], [0.5, 1.0]]
    assert np.array_equal(values_of(table), expected.round(6))
    assert command(model, file, *options) == 0
    assert np.allclose(values_of(pd.read_csv(tmp_path / "scores.csv")), expected.mean(axis=0), atol=2e-6)


def test_segments_are_scored_as_recordings_of_their_own(tmp_path, model, monkeypatch):
    monkeypatch.chdir(tmp_path)
    samples = noise(2.0, 5)
    write(tmp_path / "talk.wav", samples)
    write(tmp_path / "other.wav", samples[::-1])
    (tmp_path / "segments.csv").write_text("file,start,end\ntalk.wav,0.5,1.25\nother.wav,1.5,\ntalk.wav,0,0:00.3\n")
    expected, states = as_in_python(model, [samples[8_000:20_000], samples[::-1][24_000:], samples[:4_800]])
    options = ["--segments", "segments.csv", "--output", "scores.csv", "--embeddings", "states.npy"]
    assert command(model, *options) == 0
    table = pd.read_csv("scores.csv")
    assert table.columns.tolist() == ["file", "start_s", "end_s", *DIMENSIONS, "notes"]
    assert table["file"].tolist() == ["talk.wav", "other.wav", "talk.wav"]
    assert table[["start_s", "end_s"]].to_numpy().tolist() == [[0.5, 1.25], [1.5, 2.0], [0.0, 0.3]]
    assert np.array_equal(values_of(table), expected.round(6))
    assert np.array_equal(np.load("states.npy"), states)
    assert command(model, *options, "--per-chunk", "--chunk-s", 0.5) == 0
    assert pd.read_csv("scores.csv")["start_s"].tolist() == [0.5, 0.875, 1.5, 0.0]


def test_segments_that_cannot_be_used_are_listed_and_the_others_are_scored(tmp_path, model, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "talk.wav", noise(1.0, 5))
    (tmp_path / "segments.csv").write_text("file,start,end\ntalk.wav,0.5,9\ntalk.wav,0,1\nabsent.wav,0.1,1\n")
    assert command(model, "--segments", "segments.csv", "--output", "scores.csv") == 2
    message = capsys.readouterr().err
    assert "talk.wav, 0.5 to 9 s: outside" in message
    assert "absent.wav, 0.1 to 1 s: missing" in message
    assert len(pd.read_csv("scores.csv")) == 1


def test_segments_and_files_cannot_be_given_together(tmp_path, model, capsys):
    file = write(tmp_path / "a.wav", noise(0.2, 0))
    (tmp_path / "segments.csv").write_text(f"file,start,end\n{file},0,0.1\n")
    assert command(model, file, "--segments", tmp_path / "segments.csv") == 2
    assert "Give --segments alone" in capsys.readouterr().err
    assert command(model) == 2
    assert "there is no audio to score" in capsys.readouterr().err


# The file of scores


@pytest.fixture
def groups_of_one(monkeypatch):
    monkeypatch.setattr("valence_gap.prediction.recordings.GROUP_S", 0.1)


def failing_at(call, error, monkeypatch, seen):
    """Let the prediction of one group fail, and look at the files before it does."""
    calls = itertools.count(1)

    def fail(*arguments, **options):
        if next(calls) == call:
            seen()
            raise error
        return predict(*arguments, **options)

    monkeypatch.setattr("valence_gap.prediction.parts.predict", fail)


@pytest.mark.parametrize(
    "error", [UserError("it failed", ["here"], "Do that."), MemoryError("no memory"), OSError(28, "No space left", "x")]
)
def test_rows_are_kept_and_named_when_an_error_stops_the_work(
    tmp_path, model, groups_of_one, monkeypatch, capsys, error
):
    files = [write(tmp_path / f"{row}.wav", noise(0.2, row)) for row in range(4)]
    partial = tmp_path / "scores.csv.partial"

    def seen():
        assert pd.read_csv(partial)["file"].tolist() == [str(each) for each in files[:2]]

    failing_at(3, error, monkeypatch, seen)
    assert main(["predict", *map(str, files), "--model", str(model), "--output", str(tmp_path / "scores.csv")]) == 2
    message = capsys.readouterr().err
    assert f"The 2 rows so far are in {partial}." in message
    assert "Traceback" not in message
    assert pd.read_csv(partial)["file"].tolist() == [str(each) for each in files[:2]]
    assert not (tmp_path / "scores.csv").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("a defect")])
def test_rows_are_named_also_when_the_work_is_interrupted(tmp_path, model, groups_of_one, monkeypatch, capsys, error):
    files = [write(tmp_path / f"{row}.wav", noise(0.2, row)) for row in range(2)]
    failing_at(2, error, monkeypatch, lambda: None)
    with pytest.raises(type(error)):
        predict_files(model, files, tmp_path / "scores.csv")
    assert f"The 1 rows so far are in {tmp_path}/scores.csv.partial." in capsys.readouterr().err


def test_the_finished_file_replaces_the_one_before_and_no_other_is_left(tmp_path, model, groups_of_one):
    files = [write(tmp_path / f"audio/{row}.wav", noise(0.2, row)) for row in range(3)]
    (tmp_path / "out").mkdir()
    (tmp_path / "out/scores.csv").write_text("of before")
    (tmp_path / "out/scores.csv.partial").write_text("of a run that was killed")
    predict_files(model, files, tmp_path / "out/scores.csv")
    assert pd.read_csv(tmp_path / "out/scores.csv")["file"].tolist() == [str(each) for each in files]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["scores.csv"]


def test_an_output_that_cannot_be_written_is_an_error_before_the_work(tmp_path, model, monkeypatch, capsys):
    file = write(tmp_path / "a.wav", noise(0.2, 0))
    monkeypatch.setattr("valence_gap.prediction.parts.predict", None)
    assert main(["predict", str(file), "--model", str(model), "--output", str(tmp_path)]) == 2
    assert f"{tmp_path} is a folder" in capsys.readouterr().err
    assert main(["predict", str(file), "--model", str(model), "--output", str(file / "scores.csv")]) == 2


def test_no_file_of_scores_is_written_where_none_is_scored(tmp_path, model):
    (tmp_path / "bad.wav").write_bytes(b"text")
    with pytest.raises(UserError, match="None is scored"):
        predict_files(model, [tmp_path / "bad.wav"], tmp_path / "scores.csv")
    assert not list(tmp_path.glob("scores.csv*"))
