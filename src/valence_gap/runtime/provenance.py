"""The record of how an artefact was made."""

import hashlib
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from functools import cache
from importlib import metadata
from pathlib import Path
from threading import Thread
from typing import Any

from valence_gap import __version__

PROCESS_STATUS = Path("/proc/self/status")
PROCESS_TIMES = Path("/proc/self/stat")
UPTIME = Path("/proc/uptime")
PACKAGES = (
    *("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy", "pandas", "pyarrow"),
    *("soundfile", "soxr", "scikit-learn", "snakemake"),
)


def checksum(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def checksum_of_all(paths: Iterable[Path]) -> str:
    """One SHA-256 of the names and contents of several files: that of the output of ``sha256sum *`` in their folder."""
    lines = [f"{checksum(path)}  {path.name}\n" for path in sorted(paths, key=lambda path: path.name)]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def checksums(files: Mapping[str, Path], *, in_background: bool) -> Callable[[], dict[str, str]]:
    """SHA-256 of several files by their names, computed when they are asked for, or before by a thread.

    Args:
        files: the files by name; a training reads up to 14 GB, a set of predictions twice as much.
        in_background: begin at once, beside other work. For work on a GPU, which would be idle for a minute otherwise.

    Returns:
        A function that returns the checksums, sorted by name, and waits for them.
    """

    def compute() -> dict[str, str]:
        return {name: checksum(path) for name, path in sorted(files.items())}

    if not in_background:
        return cache(compute)
    found: Future[dict[str, str]] = Future()

    def work() -> None:
        try:
            found.set_result(compute())
        except Exception as error:  # raised where the checksums are needed
            found.set_exception(error)

    Thread(target=work, daemon=True).start()  # an interrupted job does not wait for it
    return found.result


def run_record(
    definition: Any,
    *,
    inputs: dict[str, Path] | None = None,
    started: float | None = None,
    device: str = "cpu",
    audio_s: float | None = None,
    flop: float | None = None,
) -> dict[str, Any]:
    """The content of a ``run.json``: everything needed to reproduce the numbers.

    Args:
        definition: the JSON value that defines the artefact.
        inputs: the data files it was made from, by name; their checksums are recorded.
        started: ``time.monotonic()`` at the start of the work; gives ``wall_s``.
        device: on which the work was computed.
        audio_s: seconds of audio that were processed; None: the work has no audio.
        flop: operations of its matrix products and convolutions, as in ``models.operations``; None: it has none.

    Returns:
        ``definition``, ``inputs`` (SHA-256), ``versions``, ``git_commit``, ``hardware``, ``ended`` (UTC), ``wall_s``,
        ``process_s`` since the start of the process (so with the import of its modules), ``cpu_s`` of its threads,
        ``peak_memory_mb`` of the process until now, ``device``, ``audio_s``, ``flop``, ``command``. All seconds
        contain waiting, except those of the CPU.
    """
    amounts = {
        "audio_s": None if audio_s is None else round(audio_s, 3),
        "flop": None if flop is None else round(flop),
    }
    return {
        "definition": definition,
        "inputs": {name: checksum(path) for name, path in sorted((inputs or {}).items())},
        "versions": versions(),
        "git_commit": git_commit(),
        "hardware": hardware(),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "wall_s": None if started is None else round(time.monotonic() - started, 3),
        "process_s": process_seconds(),
        "cpu_s": round(time.process_time(), 3),
        "peak_memory_mb": peak_memory_mb(),
        "device": device,
        **{name: amount for name, amount in amounts.items() if amount is not None},
        "command": [Path(sys.argv[0]).name, *sys.argv[1:2]],
    }


def versions() -> dict[str, str]:
    """Versions of Python, this project and the packages that influence its numbers."""
    found = {"python": platform.python_version(), "valence-gap": __version__}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def git_commit() -> str | None:
    """The commit of the source tree, with ``-dirty`` where it has uncommitted changes; None outside git."""
    here = Path(__file__).resolve().parent
    command = ["git", "-C", str(here), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None


def hardware() -> dict[str, Any]:
    """Processor, cores, threads of torch and the GPU's name, as far as they are known."""
    found: dict[str, Any] = {"machine": platform.machine(), "cores": os.cpu_count(), "cpu": cpu_model()}
    torch = sys.modules.get("torch")  # only if the work has imported it, since the import is slow
    if torch is not None:
        found["threads"] = torch.get_num_threads()
        found["gpu"] = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return found


def peak_memory_mb() -> int | None:
    """Peak memory of this process in MB (1e6 bytes); None where the system does not say, as outside Linux.

    Not that of ``resource.getrusage``: it can include the memory of the process that started this one.
    """
    try:
        lines = PROCESS_STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    peaks = [int(line.split()[1]) for line in lines if line.startswith("VmHWM:")]  # in KiB
    return round(peaks[0] * 1024 / 1e6) if peaks else None


def process_seconds() -> float | None:
    """Seconds since this process was started; None where the system does not say, as outside Linux."""
    try:
        started = int(PROCESS_TIMES.read_text(encoding="utf-8").rpartition(")")[2].split()[19])  # ticks after the boot
        running = float(UPTIME.read_text(encoding="utf-8").split()[0]) - started / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return None
    return round(running, 2) if running >= 0 else None


def cpu_model() -> str:
    """Name of the processor, as far as it is known."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor()
