"""Outputs that appear whole or not at all.

An output is first written beside its final path, under a hidden name that contains the machine and the process:
`.model.safetensors.3f2a9c01-4711-k2_x8q1d.safetensors`. So the remains of a killed process can be distinguished from an
output that is still being written. They are removed when the same output is written again.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

LEFT_ALONE_S = 86_400.0  # after this time without a write, a process of another machine is assumed to be gone
TRIES = 100  # attempts to replace a folder that other processes write too


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yield a scratch path beside ``path`` that is renamed to it when the block ends without an error.

    The scratch name is unique, so that two processes that write the same output never share one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_orphans(path)
    handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=path.suffix, dir=path.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        set_mode(scratch, 0o666 & ~_umask())  # mkstemp creates private files; outputs are shared
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yield a scratch folder beside ``path`` that is renamed to it when the block ends without an error.

    At every moment, ``path`` is a complete folder or does not exist. If two processes write the same folder, it has the
    content of the one that ends last.
    """
    with scratch_folder(path) as scratch:
        yield scratch
        set_mode(scratch, 0o777 & ~_umask())
        _take_place(scratch, path)


def _take_place(scratch: Path, path: Path) -> None:
    """Rename a folder to ``path``; first move an existing one aside, and delete it after the renaming."""
    moved: list[Path] = []
    for number in range(TRIES):
        try:
            scratch.replace(path)  # fails if there is a folder that is not empty
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or number == TRIES - 1:
                raise
        aside = scratch.with_name(f"{scratch.name}_{number}")  # a name that remove_orphans recognises
        with suppress(FileNotFoundError):  # another process has moved it
            path.replace(aside)
            moved.append(aside)
    for aside in moved:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """Yield a folder beside ``path`` for temporary files; it is deleted when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_orphans(path)
    scratch = Path(tempfile.mkdtemp(prefix=_prefix(path), dir=path.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remove_orphans(path: Path) -> None:
    """Remove what killed processes left beside ``path`` while they were writing it.

    A process of this machine counts as killed if it does not exist. A process of another machine, on a shared file
    system, counts as killed if it has written nothing for a day.
    """
    named = re.compile(rf"\.{re.escape(path.name)}\.([0-9a-f]{{8}})-(\d{{1,9}})-\w+(?:{re.escape(path.suffix)})?")
    if not path.parent.is_dir():
        return
    for scratch in sorted(path.parent.iterdir()):
        match = named.fullmatch(scratch.name)
        if match is None or not _is_orphan(scratch, match[1], int(match[2])):
            continue
        if scratch.is_dir():
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            with suppress(OSError):  # another process was first, or it belongs to another user
                scratch.unlink()


def is_scratch(path: Path) -> bool:
    """Whether a path below a folder of outputs is, or is in, a scratch file or folder of this module."""
    return any(part.startswith(".") for part in path.parts)


def _prefix(path: Path) -> str:
    return f".{path.name}.{_machine()}-{os.getpid()}-"


@cache
def _machine() -> str:
    """Eight hexadecimal digits for the machine or container; within it, a process number is unique."""
    try:
        processes = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        processes = ""
    return hashlib.sha256(f"{os.uname().nodename} {processes}".encode()).hexdigest()[:8]


def _is_orphan(scratch: Path, machine: str, process: int) -> bool:
    if machine == _machine():
        return not _is_alive(process)
    written = []
    for path in (scratch, *scratch.rglob("*")):
        with suppress(OSError):  # another process writes here: a file may be gone
            written.append(path.stat().st_mtime)
    return bool(written) and time.time() - max(written) > LEFT_ALONE_S


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it belongs to another user
        return True
    return True


def set_mode(path: Path, mode: int) -> None:
    """Set the permissions of an output, if the file system has any.

    Some file systems refuse: FAT, SMB shares, mounted cloud storage. They show every file with the same permissions.
    """
    with suppress(OSError):
        path.chmod(mode)


def copy_mode(source: Path, target: Path) -> None:
    """Give a file the permissions of another one, if the file system has any."""
    set_mode(target, stat.S_IMODE(source.stat().st_mode))


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8."""
    with atomic_file(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def canonical_json(value: Any) -> str:
    """The canonical text of a JSON value: sorted keys, no spaces; equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys."""
    write_text(path, json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
