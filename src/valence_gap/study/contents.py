"""Which files still have the content that a result was made from, whatever their times say.

Snakemake compares an input by its checksum up to the size ``max-checksum-file-size``, and above it by its time. A copy
by ``cp -r`` loses the times. The records of results (``run.json``, ``report.json``) contain the checksums of inputs, so
that a large input can be compared with them. Only the standard library is used: every job parses the workflow.
"""

import json
import os
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from valence_gap.runtime.files import write_json
from valence_gap.runtime.provenance import checksum

MEMORY = Path(".snakemake") / "valence-gap-checksums.json"
SETTLED_NS = 2_000_000_000  # a file may be written again within one tick of its time, and then looks unchanged


class Contents:
    """Checksums of files. Each content is read once: they are remembered with the size and the time of the file.

    Args:
        limit_bytes: the size up to which Snakemake compares by content.
        memory: the file in which checksums are remembered.
    """

    def __init__(self, limit_bytes: int, memory: Path = MEMORY) -> None:
        self.limit_bytes = limit_bytes
        self.memory = memory
        self._has_warned = False

    def checksum(self, path: Path) -> str:
        """SHA-256 of a file.

        Raises:
            OSError: the file cannot be read.
        """
        status = path.stat()
        state = [status.st_size, status.st_mtime_ns]
        known = self._known.get(str(path))
        if isinstance(known, list) and known[:2] == state:
            return str(known[2])
        found = checksum(path)
        if time.time_ns() - status.st_mtime_ns > SETTLED_NS:
            self._known[str(path)] = [*state, found]
            with suppress(OSError):  # a folder that cannot be written: the file is read again next time
                write_json(self.memory, self._known)
        return found

    def is_recorded(self, path: Path, record: Path, *benchmarks: Path) -> bool:
        """Whether a large file is newer than a result, but its content is the one that the result was made from.

        Args:
            path: an input of the result.
            record: the record of the result, in the same folder as its other files.
            benchmarks: the benchmark of the result, if there is one: Snakemake takes it for an output.

        Returns:
            False also for files that Snakemake compares by content itself, and for those older than the result.
        """
        try:
            status = path.stat()
            # As Snakemake does, take the later time of a link and of the file that it leads to.
            time_ns = max(status.st_mtime_ns, path.lstat().st_mtime_ns)
            if status.st_size <= self.limit_bytes or time_ns <= _oldest_ns(record.parent, benchmarks):
                return False
            if self.checksum(path) in recorded(record):
                return True
        except (OSError, ValueError):
            return False
        self._warn(path, record)
        return False

    def _warn(self, path: Path, record: Path) -> None:
        if not self._has_warned:
            print(
                f"{path} is newer than results that were made from it, and {record} does not have its checksum: either "
                "it has changed, or it was copied without its time. Copy a study with cp -a, not cp -r; or accept all "
                "files as they are: snakemake --touch",
                file=sys.stderr,
            )
        self._has_warned = True

    @cached_property
    def _known(self) -> dict[str, list[Any]]:
        try:
            found = json.loads(self.memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def recorded(record: Path) -> frozenset[str]:
    """The checksums of the inputs that a record contains.

    Raises:
        OSError, ValueError: the record cannot be read.
    """
    found = json.loads(record.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{record} is no record")
    inputs = found["inputs"] if "inputs" in found else found.get("run", {}).get("inputs", {})
    return frozenset(inputs.values())


def _oldest_ns(folder: Path, others: Iterable[Path]) -> int:
    """The time of the oldest file of a folder and of some other files, in nanoseconds."""
    with os.scandir(folder) as entries:
        times = [entry.stat().st_mtime_ns for entry in entries if entry.is_file()]
    return min(times + [path.stat().st_mtime_ns for path in others if path.is_file()])
