"""One GPU for each job, on a machine with several GPUs.

Snakemake counts GPUs but does not assign one to a job. If ``VALENCE_GAP_GPUS`` lists the GPUs of the machine, each
process that computes on a GPU takes a free one. It holds the GPU by a lock on a file. The system releases the lock when
the process ends, however it ends. On a cluster the scheduler assigns the GPU, and the variable is not set.
"""

import os
import platform
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import log_line

VARIABLE = "VALENCE_GAP_GPUS"
VISIBLE = "CUDA_VISIBLE_DEVICES"
ASK_EVERY_S = 1.0

GPU_COMMANDS = frozenset(
    {
        "embed-text",
        "extract-features",
        "predict-conditions",
        "pretrain",
        "train",
        "transcribe",
    }
)
"""The sub-commands that compute on a GPU if there is one: those of the rules with the resource ``gpu``."""


def unused_gpu() -> str:
    """A sentence for the user of a machine whose GPU is not used; empty on other machines.

    Apple's GPUs are not used, because no number of this project has been checked on one.
    """
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple's GPU (MPS) is not used: models are trained and evaluated on the CPU."
    return ""


def has_gpu(devices: Path = Path("/dev")) -> bool:
    """Whether this machine has an NVIDIA or AMD GPU, as far as its device files show; PyTorch is not imported."""
    return any(devices.glob("nvidia[0-9]*")) or (devices / "kfd").exists()


def requested_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs that ``VALENCE_GAP_GPUS`` lists, as indices or UUIDs: ``0,1,3``; none if it is not set.

    Raises:
        UserError: an entry is empty or listed twice.
    """
    text = environment.get(VARIABLE, "").strip()
    names = [name.strip() for name in text.split(",")] if text else []
    if "" in names or len(set(names)) < len(names):
        raise UserError(
            f"{VARIABLE} is not a list of different GPUs",
            [repr(text)],
            remedy="Name each GPU once, as CUDA_VISIBLE_DEVICES does: 0,1,2,3",
        )
    return names


@contextmanager
def acquire_gpu(names: Sequence[str] | None = None, locks: Path | None = None) -> Iterator[str | None]:
    """Hold a free GPU during the block, and make it the only one that PyTorch finds.

    Wait while all GPUs are in use. The block must begin before PyTorch first looks for a GPU.

    Args:
        names: the GPUs; by default those of ``VALENCE_GAP_GPUS``. If there are none, nothing is done.
        locks: the folder of the lock files, the same for all processes that share the GPUs.

    Yields:
        The name of the GPU; None if nothing is done.
    """
    names = requested_gpus() if names is None else names
    if not names:
        yield None
        return
    locks = locks or Path(tempfile.gettempdir()) / f"valence-gap-cards-{os.getuid()}"
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    name, lock = _first_free(names, locks)
    before = os.environ.get(VISIBLE)
    os.environ[VISIBLE] = name
    try:
        yield name
    finally:
        lock.close()
        if before is None:
            del os.environ[VISIBLE]
        else:
            os.environ[VISIBLE] = before


def _first_free(names: Sequence[str], locks: Path) -> tuple[str, IO[str]]:
    """The first GPU that no process holds, and the open lock file that holds it for this one."""
    has_logged = False
    while True:
        for name in names:
            lock = _hold(locks / f"{name}.lock")
            if lock is not None:
                return name, lock
        if not has_logged:
            log_line(f"all GPUs are in use ({', '.join(names)}); waiting for one")
            has_logged = True
        time.sleep(ASK_EVERY_S)


def _hold(path: Path) -> IO[str] | None:
    import fcntl  # absent on Windows, where GPUs cannot be shared this way

    lock = path.open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    except OSError as error:
        lock.close()
        raise UserError(
            f"The file system of {path.parent} has no locks, which keep two jobs from using one GPU.",
            [str(error)],
            remedy="Set TMPDIR to a folder on a local disk.",
        ) from None
    return lock
