"""Scores of the user's own audio files."""

import itertools
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from small_models import make_backbone, make_cnn14, training

from valence_gap.audio.packs import write_pack
from valence_gap.cli import main
from valence_gap.models import loading
from valence_gap.prediction.inference import predict_conditions
from valence_gap.prediction.recordings import chunk_bounds, predict_files
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
    predict_conditions(model, {"clean": folder / "pack"}, folder / "p.parquet", folder / "e.npy")
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
    assert table.columns.tolist() == ["file", "duration_s", *DIMENSIONS]
    assert table["file"].tolist() == [str(file) for file in files]
    assert table["duration_s"].tolist() == [0.4, 1.1, 0.02]
    assert np.allclose(table[DIMENSIONS], as_in_the_study(tmp_path, model, samples), atol=2e-6)


def test_long_files_are_cut_into_equal_parts_and_averaged_by_duration(tmp_path, model):
    samples = noise(1.00005, 3)  # 16001 samples: the parts are not exactly equal
    cuts = [0, 5_333, 10_667, 16_001]
    file = write(tmp_path / "long.flac", samples)
    expected = as_in_the_study(tmp_path, model, [samples[a:b] for a, b in itertools.pairwise(cuts)])
    predict_files(model, [file], tmp_path / "chunks.csv", chunk_s=0.4, per_chunk=True)
    chunks = pd.read_csv(tmp_path / "chunks.csv")
    assert chunks.columns.tolist() == ["file", "start_s", "end_s", *DIMENSIONS]
    assert chunks["start_s"].tolist() == [0.0, 0.333, 0.667]
    assert chunks["end_s"].tolist() == [0.333, 0.667, 1.0]
    assert np.allclose(chunks[DIMENSIONS], expected, atol=2e-6)
    predict_files(model, [file], tmp_path / "whole.csv", chunk_s=0.4)
    (whole,) = pd.read_csv(tmp_path / "whole.csv")[DIMENSIONS].to_numpy()
    assert np.allclose(whole, np.diff(cuts) @ expected / 16_001, atol=2e-6)


@given(samples=st.integers(0, 200_000), longest=st.integers(1, 50_000))
def test_parts_are_equal_and_not_too_long(samples, longest):
    bounds = chunk_bounds(samples, longest)
    parts = np.diff(bounds)
    assert (bounds[0], bounds[-1]) == (0, samples)
    assert parts.max() - parts.min() <= 1
    assert parts.max() <= longest
    assert (len(parts) - 1) * longest < max(samples, 1)  # no more parts than needed


def test_folders_are_searched_and_no_file_is_listed_twice(tmp_path, model, capsys):
    write(tmp_path / "audio/b.wav", noise(0.1, 0))
    write(tmp_path / "audio/deep/er/a.flac", noise(0.1, 1))
    write(tmp_path / "audio/._b.wav", noise(0.1, 1))
    (tmp_path / "audio/notes.txt").write_text("none")
    arguments = [str(tmp_path / "audio"), str(tmp_path / "audio/deep"), str(tmp_path / "audio/b.wav")]
    assert main(["predict", *arguments, "--model", str(model)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert lines[0] == "file,duration_s,arousal,dominance,valence"
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
    with pytest.raises(UserError, match="chunks cannot have this length"):
        predict_files(model, [tmp_path], chunk_s=0.0)


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
