"""Models from the hub, kept once for all studies of a clone: one folder for each source and commit.

A folder of a study (``results/<study>/pretrained/<name>``) links to the weights of a folder here. Snakemake does not
know the folders here, so it neither locks them for the time of a run nor deletes them when a job fails.
"""

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from valence_gap.weights import local
from valence_gap.weights.model_types import CONFIG, RUN, WEIGHTS, header


def folder_of(store: Path, source: str, commit: str) -> Path:
    """The folder of a model: ``resources/pretrained/facebook--wav2vec2-base@0b5b8e86...``.

    Args:
        store: folder of all models from the hub. Names of backbones have no ``@``, so both can be in the same folder.
        source: hub id.
        commit: 40 hexadecimal digits.
    """
    return store / f"{source.replace('/', '--')}@{commit}"


def read_record(folder: Path) -> Mapping[str, Any]:
    """The ``run.json`` of a complete folder; empty if a file is missing, or the weights are cut off."""
    if not all((folder / name).is_file() for name in (CONFIG, WEIGHTS, RUN)):
        return {}
    try:
        _, expected = header(folder / WEIGHTS)
    except ValueError:
        return {}
    return local.read_record(folder) if (folder / WEIGHTS).stat().st_size == expected else {}


def resolved_commit(store: Path, source: str) -> str | None:
    """The commit that an earlier fetch found for a source without a known revision; None if there was none."""
    for folder in sorted(store.glob(f"{folder_of(store, source, '').name}*")):
        record = read_record(folder)
        if record.get("source") == source and record.get("resolved"):
            return str(record["revision"])
    return None


def known_checksums(record: Mapping[str, Any]) -> Mapping[str, str]:
    """SHA-256 by file name: of the files in a folder, and of those that were verified and then converted."""
    return {**record.get("sha256", {}), **record.get("verified", {})}


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """While the block runs, other processes that would fetch the same model wait.

    The system releases the lock when the process ends, however it ends. On a file system without locks nobody waits:
    both fetch, and the folder is that of the one that ends last.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f".{folder.name}.lock").open("w", encoding="utf-8") as lock:
        with suppress(OSError, ImportError):
            import fcntl  # absent on Windows

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def place(file: Path, target: Path, *, link: bool) -> None:
    """Link ``target`` to a file by a relative path, or copy the file where that is not wanted or not possible."""
    if link:
        with suppress(OSError, NotImplementedError):
            real = target.parent.resolve()  # of a linked folder, '..' is the parent of the place that it links to
            target.symlink_to(os.path.relpath(file.resolve(), real))
            if target.is_file():
                return
        target.unlink(missing_ok=True)
    shutil.copyfile(file, target)
