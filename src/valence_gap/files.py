"""Outputs that appear whole or not at all."""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A scratch path beside ``path`` that is renamed onto it when the block ends without an error.

    The scratch name is unique, so that two processes that write the same output never share one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    scratch = Path(name)
    try:
        yield scratch
        scratch.chmod(0o666 & ~_umask())  # mkstemp makes private files; outputs are shared ones
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """A scratch folder beside ``path`` that takes its place when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        yield scratch
        scratch.chmod(0o777 & ~_umask())
        if path.exists():
            shutil.rmtree(path)
        scratch.replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_text(path: Path, text: str) -> None:
    """Write ``text`` as UTF-8."""
    with whole_file(path) as scratch:
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


def write_csv(path: Path, table: pd.DataFrame) -> None:
    """Write a table as CSV, without its index, numbers in full precision."""
    with whole_file(path) as scratch:
        table.to_csv(scratch, index=False, lineterminator="\n")


def write_parquet(path: Path, table: pd.DataFrame) -> None:
    """Write a table as Parquet, without its index."""
    with whole_file(path) as scratch:
        table.to_parquet(scratch, index=False)


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array as ``.npy``."""
    with whole_file(path) as scratch, scratch.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def read_array(path: Path) -> npt.NDArray[Any]:
    """Map a ``.npy`` file into memory, read-only."""
    array: npt.NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array
