"""Outputs appear whole or not at all."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.runtime import files
from valence_gap.runtime.data_files import read_array, write_array, write_blocks
from valence_gap.runtime.files import atomic_file, atomic_folder, canonical_json


def test_an_error_leaves_the_old_file_and_no_scratch(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("old")

    def write_half() -> None:
        with atomic_file(path) as scratch:
            scratch.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_old_folder_and_no_scratch(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()

    def write_half() -> None:
        with atomic_folder(folder) as scratch:
            (scratch / "half").touch()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "old"]


def test_a_folder_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "old").touch()
    with atomic_folder(folder) as scratch:
        (scratch / "new").touch()
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_a_written_array_is_read_back_memory_mapped(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.int16).reshape(2, 3)
    write_array(tmp_path / "array.npy", array)
    back = read_array(tmp_path / "array.npy")
    assert isinstance(back, np.memmap)
    np.testing.assert_array_equal(back, array)


@pytest.mark.parametrize("shape", [(10_001, 3), (5,), (0, 4), (0, 0)])
@pytest.mark.parametrize("dtype", [np.uint16, np.float16, np.float32])
def test_an_array_is_written_as_numpy_writes_it(tmp_path: Path, shape: tuple[int, ...], dtype: type) -> None:
    array = np.random.default_rng(0).integers(0, 99, shape).astype(dtype)
    np.save(tmp_path / "numpy.npy", array)
    write_array(tmp_path / "ours.npy", array)
    write_blocks(tmp_path / "blocks.npy", dtype, shape, (array[row : row + 7] for row in range(0, len(array), 7)))
    expected = (tmp_path / "numpy.npy").read_bytes()
    assert (tmp_path / "ours.npy").read_bytes() == expected
    assert (tmp_path / "blocks.npy").read_bytes() == expected


def test_blocks_of_another_shape_or_dtype_are_refused(tmp_path: Path) -> None:
    blocks = [np.zeros((2, 3), np.uint16)]
    for shape, dtype in (((3, 3), np.uint16), ((2, 4), np.uint16), ((2, 3), np.int32)):
        with pytest.raises(ValueError, match=r"rows were written|does not fit"):
            write_blocks(tmp_path / "array.npy", dtype, shape, blocks)
    assert not any(tmp_path.iterdir())


KILLED = """
import os, pathlib, signal, sys
from valence_gap.runtime.files import scratch_folder, atomic_file, atomic_folder
root = pathlib.Path(sys.argv[1])
with atomic_file(root / "state.safetensors") as file, atomic_folder(root / "train") as folder:
    file.write_text("half")
    (folder / "deep").mkdir()
    (folder / "deep" / "half").touch()
    print("writing", flush=True)
    sys.stdin.read()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def write_both(root: Path) -> None:
    with atomic_file(root / "state.safetensors") as file, atomic_folder(root / "train"):
        file.write_text("whole")


def names(root: Path) -> list[str]:
    return sorted(path.name for path in root.iterdir())


def test_the_next_writer_removes_the_remains_of_a_killed_process_but_not_of_a_running_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        assert other.stdout.readline() == "writing\n"
        write_both(tmp_path)
        hidden = [name for name in names(tmp_path) if name.startswith(".")]
        assert [name.split(".")[1] for name in hidden] == [
            "state",
            "train",
        ]  # of the other process, which still writes them
        other.stdin.close()
    assert other.returncode == -9
    assert [name for name in names(tmp_path) if name.startswith(".")] == hidden
    neighbour = tmp_path / hidden[0].replace("state", "status", 1)
    neighbour.touch()  # of another output
    write_both(tmp_path)
    assert names(tmp_path) == sorted([neighbour.name, "state.safetensors", "train"])


WRITER = """
import pathlib, sys
from valence_gap.runtime.files import atomic_folder
for number in range(100):
    with atomic_folder(pathlib.Path(sys.argv[1])) as folder:
        for name in ("audio.npy", "index.parquet"):
            (folder / name).write_text(f"{sys.argv[2]} {number}")
"""


def test_two_writers_of_one_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "pack")]
    writers = [subprocess.Popen([*command, name], stderr=subprocess.PIPE, text=True) for name in ("one", "other")]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0)] * 2
    assert names(tmp_path) == ["pack"]
    (content,) = {file.read_text() for file in (tmp_path / "pack").iterdir()}
    assert names(tmp_path / "pack") == ["audio.npy", "index.parquet"]
    assert content in ("one 99", "other 99")


KILLED_BETWEEN = """
import os, pathlib, shutil, signal, sys
from valence_gap.runtime import files
replace = pathlib.Path.replace
def killed_after(self, target):
    replace(self, target)
    if self.name == "pack" and sys.argv[2] == "moved aside":
        os.kill(os.getpid(), signal.SIGKILL)
pathlib.Path.replace = killed_after
def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)
shutil.rmtree = killed
with files.atomic_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "new").touch()
"""


@pytest.mark.parametrize(("when", "left"), [("moved aside", None), ("in place", ["new"])])
def test_a_kill_during_the_replacement_leaves_no_incomplete_folder(
    tmp_path: Path, when: str, left: list[str] | None
) -> None:
    folder = tmp_path / "pack"
    folder.mkdir()
    for name in ("old", "older"):
        (folder / name).touch()
    done = subprocess.run([sys.executable, "-c", KILLED_BETWEEN, str(folder), when])
    assert done.returncode == -9
    assert (names(folder) if folder.exists() else None) == left
    hidden = [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert ["old", "older"] in map(names, hidden)  # complete, and with a name that is recognised as scratch
    with atomic_folder(folder) as scratch:
        (scratch / "again").touch()
    assert names(tmp_path) == ["pack"]
    assert names(folder) == ["again"]


def test_what_another_machine_writes_is_left_alone_for_a_day(tmp_path: Path) -> None:
    file, folder = tmp_path / ".a.csv.0123abcd-1-abcd_123.csv", tmp_path / ".b.0123abcd-1-abcd_123"
    file.touch()
    folder.mkdir()
    (folder / "half").touch()
    long_ago = time.time() - files.LEFT_ALONE_S - 60
    os.utime(folder, (long_ago, long_ago))  # but its content has just been written
    for name in ("a.csv", "b"):
        files.remove_orphans(tmp_path / name)
    assert names(tmp_path) == [file.name, folder.name]
    for path in (file, folder / "half", folder):
        os.utime(path, (long_ago, long_ago))
    for name in ("a.csv", "b"):
        files.remove_orphans(tmp_path / name)
    assert names(tmp_path) == []


def test_a_path_is_scratch_if_any_of_its_parts_is_hidden() -> None:
    assert files.is_scratch(Path(".train.0123abcd-1-abcd_123/audio.npy"))
    assert not files.is_scratch(Path("w2v2-b.robust/model.safetensors"))


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_order_of_keys_does_not_change_canonical_json(value: dict[str, object]) -> None:
    assert canonical_json(value) == canonical_json(dict(reversed(value.items())))


@pytest.mark.parametrize(
    "refusal", [PermissionError(errno.EPERM, "refused"), OSError(errno.ENOTSUP, "refused"), OSError(errno.EIO, "lost")]
)
def test_outputs_are_written_where_the_file_system_refuses_chmod(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refusal: OSError
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise refusal

    for module in (os, Path):
        monkeypatch.setattr(module, "chmod", refuse)
    with atomic_file(tmp_path / "scores.csv") as scratch:
        scratch.write_text("whole")
    with atomic_folder(tmp_path / "model") as folder:
        (folder / "weights").write_text("whole")
        (folder / "config").write_text("whole")
        files.copy_mode(folder / "config", folder / "weights")
    assert (tmp_path / "scores.csv").read_text() == "whole"
    assert (tmp_path / "model/weights").read_text() == "whole"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "scores.csv"]


def test_a_copied_mode_is_that_of_the_other_file(tmp_path: Path) -> None:
    for name, mode in (("shared", 0o640), ("private", 0o600)):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(mode)
    files.copy_mode(tmp_path / "shared", tmp_path / "private")
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o640
