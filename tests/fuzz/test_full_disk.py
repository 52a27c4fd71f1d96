"""A disk without room: told in one message, and nothing half-written is left."""

import errno
import os
import resource
import subprocess
import sys

import pandas as pd
import pytest
from trees import wav

from valence_gap import cli, files


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 256 KiB, where one can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
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


def check_told(capsys, status, folder):
    said = capsys.readouterr().err
    assert status == 2
    assert "error: the disk is full" in said
    assert "Make room" in said
    assert not any(folder.iterdir())  # nothing half-written is left


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, small_disk, capsys):
    check_told(capsys, cli.main(pack_onto(tmp_path, small_disk)), small_disk)


def test_no_more_room_is_told_wherever_it_ends(tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(tmp_path / "audio.npy"))

    monkeypatch.setattr(files, "write_parquet", full)
    (tmp_path / "disk").mkdir()
    check_told(capsys, cli.main(pack_onto(tmp_path, tmp_path / "disk")), tmp_path / "disk")


def test_a_limit_on_the_size_of_files_is_told(tmp_path):
    (tmp_path / "disk").mkdir()
    program = [sys.executable, "-m", "valence_gap.cli", *pack_onto(tmp_path, tmp_path / "disk")]

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(program, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not any((tmp_path / "disk").iterdir())
