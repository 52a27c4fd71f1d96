"""Outputs that appear whole or not at all.

What is being written lies beside its place under a hidden name, which tells the machine and the process that write it:
`.model.safetensors.3f2a9c01-4711-k2_x8q1d.safetensors`. So what a killed process has left is known from what is still
being written, and is removed when the same output is written again.
"""

import errno
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

LEFT_ALONE_S = 86_400.0  # after so long without a write, another machine's process is taken to be gone
TRIES = 100  # to take the place of a folder that others are writing too


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """A scratch path beside ``path`` that is renamed onto it when the block ends without an error.

    The scratch name is unique, so that two processes that write the same output never share one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_orphans(path)
    handle, name = tempfile.mkstemp(prefix=_prefix(path), suffix=path.suffix, dir=path.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.chmod(0o666 & ~_umask())  # mkstemp makes private files; outputs are shared ones
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """A scratch folder beside ``path`` that takes its place when the block ends without an error.

    At every moment there is a whole folder in that place, or none. Of two processes that write the same one, the last
    to end gives its content.
    """
    with scratch_folder(path) as scratch:
        yield scratch
        scratch.chmod(0o777 & ~_umask())
        _take_place(scratch, path)


def _take_place(scratch: Path, path: Path) -> None:
    """Rename a folder to ``path``; the one that lies there is moved aside, and deleted when the other is in place."""
    moved: list[Path] = []
    for number in range(TRIES):
        try:
            scratch.replace(path)  # over no folder, or an empty one
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or number == TRIES - 1:
                raise
        aside = scratch.with_name(f"{scratch.name}_{number}")  # where an orphan of this process would lie
        with suppress(FileNotFoundError):  # another process has moved it
            path.replace(aside)
            moved.append(aside)
    for aside in moved:
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def scratch_folder(path: Path) -> Iterator[Path]:
    """A folder beside ``path`` for what it is made of; gone when the block ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_orphans(path)
    scratch = Path(tempfile.mkdtemp(prefix=_prefix(path), dir=path.parent))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def remove_orphans(path: Path) -> None:
    """Remove what killed processes have left beside ``path`` when they were writing it.

    Of this machine's processes those are gone that do not exist any more; of others', on a shared file system, those
    that have written nothing for a day.
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
            with suppress(OSError):  # another process was first, or it is another user's
                scratch.unlink()


def is_scratch(path: Path) -> bool:
    """Whether a path below a folder of outputs is, or lies in, something that is being written or was left behind."""
    return any(part.startswith(".") for part in path.parts)


def _prefix(path: Path) -> str:
    return f".{path.name}.{_machine()}-{os.getpid()}-"


@cache
def _machine() -> str:
    """Eight digits for the machine, or the container: where a number means the same process."""
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
        with suppress(OSError):  # it is being written: what was there may be gone
            written.append(path.stat().st_mtime)
    return bool(written) and time.time() - max(written) > LEFT_ALONE_S


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is another user's
        return True
    return True


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8."""
    with atomic_file(path) as scratch:
        scratch.write_text(text, encoding="utf-8")


def canonical_json(value: Any) -> str:
    """The one spelling of a JSON value: sorted keys, no spaces; equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON with sorted keys."""
    write_text(path, json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))
