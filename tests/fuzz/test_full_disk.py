"""A full disk: one message reports it, and no incomplete file is left."""

import errno
import os
import resource
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import training_data
from small_models import make_backbone, training
from trees import wav

from valence_gap import cli
from valence_gap.audio.packs import write_pack
from valence_gap.definitions.values import to_json
from valence_gap.models import loading
from valence_gap.runtime import data_files


@pytest.fixture
def small_disk(tmp_path, request):
    """A file system of 256 KiB, or of the size in the test's parameter; skip where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={getattr(request, 'param', 256)}k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def pack_onto(tmp_path, folder):
    (tmp_path / "a.wav").write_bytes(wav(seconds=30))
    rows = pd.DataFrame({"id": ["a"], "file": ["a.wav"], "audio_root": [0], "duration_s": [30.0]})
    rows.to_parquet(tmp_path / "utterances.parquet", index=False)
    corpus = '{"adapter": "table", "label": "Own", "splits": {"test": "all"}}'
    given = ["--utterances", str(tmp_path / "utterances.parquet"), "--root", str(tmp_path), "--corpus", corpus]
    return ["pack-audio", *given, "--output", str(folder / "pack")]


def check_reported(capsys, status, folder, left=()):
    message = capsys.readouterr().err
    assert status == 2
    assert message.count("error: the disk is full") == 1
    assert "Make room" in message
    assert "Traceback" not in message
    # Only complete files are left, and no temporary ones.
    assert [path.name for path in folder.rglob("*") if path.is_file() or path.name.startswith(".")] == list(left)


def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path, small_disk, capsys):
    check_reported(capsys, cli.main(pack_onto(tmp_path, small_disk)), small_disk)


@pytest.mark.parametrize("small_disk", [8], indirect=True)
def test_features_that_do_not_fit_are_reported(tmp_path, small_disk, capsys):
    make_backbone(tmp_path / "backbone")
    samples = np.random.default_rng(0).integers(-999, 999, 30 * 16_000).astype(np.int16)
    write_pack(tmp_path / "audio", [("a", samples)], {})
    given = ["--backbone", str(tmp_path / "backbone"), "--audio", str(tmp_path / "audio")]
    check_reported(capsys, cli.main(["extract-features", *given, "--output", str(small_disk / "features")]), small_disk)


# The first disk is too small for the state of a training, which has 95 KiB; the second has no room for the model too.
@pytest.mark.parametrize(("small_disk", "left"), [(16, []), (112, ["state.safetensors"])], indirect=["small_disk"])
def test_a_training_whose_state_or_model_does_not_fit_is_reported(tmp_path, small_disk, left, capsys):
    data = training_data.make(tmp_path / "data")
    given = ["--backbone", data.backbone, "--train-features", data.train.features, "--dev-features", data.dev.features]
    given += ["--train-labels", data.train.labels, "--dev-labels", data.dev.labels]
    given += ["--train-utterances", data.utterances, "--training", to_json(training_data.with_recipe(epochs=1))]
    given += ["--scratch", small_disk / "scratch", "--output", small_disk / "model"]
    check_reported(capsys, cli.main(["train", *map(str, given)]), small_disk, left)


# The spectrograms of the training split have 164 KB.
@pytest.mark.parametrize("small_disk", [64], indirect=True)
def test_spectrograms_that_do_not_fit_are_reported(tmp_path, small_disk, capsys):
    data = training_data.with_audio(training_data.make(tmp_path / "data"))
    given = ["--train-audio", data.train.audio, "--dev-audio", data.dev.audio]
    given += ["--train-labels", data.train.labels, "--dev-labels", data.dev.labels]
    definition = replace(training_data.TRAINING, backbone=training_data.CNN14)
    given += ["--train-utterances", data.utterances, "--training", to_json(definition)]
    given += ["--scratch", small_disk / "scratch", "--output", small_disk / "model"]
    check_reported(capsys, cli.main(["train", *map(str, given)]), small_disk)
    assert not (small_disk / "scratch").exists()


# The first disk is too small for the embeddings; the second has room for them, but not for the predictions.
@pytest.mark.parametrize("small_disk", [4, 16], indirect=True)
def test_predictions_that_do_not_fit_are_reported(tmp_path, small_disk, capsys):
    make_backbone(tmp_path / "backbone")
    loading.build(training(), tmp_path / "backbone").save(tmp_path / "model")
    source = training_data.split(tmp_path / "test", 400, 3)
    given = ["--model", tmp_path / "model", "--features", source.features]
    written = ["--output", small_disk / "clean.parquet", "--embeddings", small_disk / "clean.npy"]
    check_reported(capsys, cli.main(["predict-conditions", *map(str, [*given, *written])]), small_disk)


def test_a_full_disk_is_reported_whichever_file_fails(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "audio.npy"))

    monkeypatch.setattr(data_files, "write_parquet", full)
    (tmp_path / "disk").mkdir()
    check_reported(capsys, cli.main(pack_onto(tmp_path, tmp_path / "disk")), tmp_path / "disk")


def test_a_limit_on_the_size_of_files_is_reported(tmp_path):
    (tmp_path / "disk").mkdir()
    program = [sys.executable, "-m", "valence_gap.cli", *pack_onto(tmp_path, tmp_path / "disk")]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(program, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not any((tmp_path / "disk").iterdir())
