"""One GPU for each job, on a machine with several GPUs.

Snakemake counts GPUs but does not assign one to a job. If ``VALENCE_GAP_GPUS`` lists the GPUs of the machine, each
process that computes on a GPU takes a free one. It holds the GPU by a lock on a file. The system releases the lock when
the process ends, however it ends. On a cluster the scheduler assigns the GPU, and the variable is not set.

A GPU that is listed several times is shared by as many short jobs; a training has all of it.
"""

import os
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import log_line

VARIABLE = "VALENCE_GAP_GPUS"
DEVICE = "VALENCE_GAP_DEVICE"
VISIBLE = "CUDA_VISIBLE_DEVICES"
ORDER = "CUDA_DEVICE_ORDER"
GIVEN_BY = (VARIABLE, VISIBLE, "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS")
"""The variables with which a user or a scheduler gives a GPU to a job."""
NO_GPU = ("", "-1", "NoDevFiles")  # values of these variables that give none
UNUSABLE = (
    "Install a driver that is new enough (for CUDA 13, 580 or newer), or a build of PyTorch for this driver and GPU "
    f"(https://pytorch.org/get-started), or set {DEVICE}=cpu to compute on the CPU."
)
"""What to do about a GPU that PyTorch cannot use."""
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

TRAINING_COMMANDS = frozenset({"pretrain", "train"})
"""Those of them that share their GPU with no other job."""


def unused_gpu() -> str:
    """A sentence for the user of a machine whose GPU is not used; empty on other machines.

    Apple's GPUs are not used, because no number of this project has been checked on one.
    """
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Apple's GPU (MPS) is not used: models are trained and evaluated on the CPU."
    return ""


def idle_gpus(devices: Path = Path("/dev"), environment: Mapping[str, str] = os.environ) -> str:
    """A sentence for the user of a machine with several NVIDIA GPUs, only one of which is used; empty on others."""
    visible = environment.get(VISIBLE, "").strip()
    names = [str(number) for number in range(len(list(devices.glob("nvidia[0-9]*"))))]
    if visible:
        names = [] if visible in NO_GPU else visible.split(",")
    if len(names) < 2 or environment.get(VARIABLE, "").strip() or is_cpu_required(environment):
        return ""
    return (
        f"There are {len(names)} GPUs, and only one is used. For all: "
        f"{VARIABLE}={','.join(names)} snakemake --workflow-profile profiles/workstation"
    )


def has_gpu(
    devices: Path = Path("/dev"),
    wsl: Path = Path("/usr/lib/wsl/lib"),
    environment: Mapping[str, str] = os.environ,
) -> bool:
    """Whether this machine has an NVIDIA or AMD GPU for its jobs, as far as files show; PyTorch is not imported.

    Args:
        devices: folder of the device files. AMD's driver has one file for all GPUs.
        wsl: folder of the driver that Windows gives to WSL 2, where no GPU has a device file of its own.
        environment: with ``VALENCE_GAP_DEVICE=cpu``, no GPU is used.

    Raises:
        UserError: ``VALENCE_GAP_DEVICE`` has another value.
    """
    if is_cpu_required(environment):
        return False
    through_windows = (devices / "dxg").exists() and (wsl / "libcuda.so.1").exists()
    return any(devices.glob("nvidia[0-9]*")) or (devices / "kfd").exists() or through_windows


def is_cpu_required(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether ``VALENCE_GAP_DEVICE=cpu`` says that everything is computed on the CPU.

    Raises:
        UserError: the variable has another value.
    """
    value = environment.get(DEVICE, "").strip().lower()
    if value not in ("", "cpu"):
        raise UserError(f"{DEVICE} has a value that is not known", [repr(value)], "Set it to cpu, or unset it.")
    return value == "cpu"


def given_gpu(environment: Mapping[str, str] = os.environ) -> str:
    """The variable that gave a GPU to this job, with its value; empty if none did."""
    for name in GIVEN_BY:
        value = environment.get(name, "").strip()
        if value not in NO_GPU:
            return f"{name}={value}"
    return ""


def requested_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs that ``VALENCE_GAP_GPUS`` lists, as indices or UUIDs: ``0,1,3``; none if it is not set.

    Raises:
        UserError: an entry is empty.
    """
    text = environment.get(VARIABLE, "").strip()
    names = [name.strip() for name in text.split(",")] if text else []
    if "" in names:
        raise UserError(
            f"{VARIABLE} is not a list of GPUs",
            [repr(text)],
            remedy="Name each GPU as CUDA_VISIBLE_DEVICES does: 0,1,2,3. To share each between two short jobs: 0,0,1,1",
        )
    return names


@contextmanager
def acquire_gpu(
    names: Sequence[str] | None = None, locks: Path | None = None, *, whole: bool = True
) -> Iterator[str | None]:
    """Hold a free GPU during the block, and make it the only one that PyTorch finds.

    Wait while all GPUs are in use. The block must begin before PyTorch first looks for a GPU.

    Args:
        names: the GPUs; by default those of ``VALENCE_GAP_GPUS``. If there are none, or the CPU is required, nothing is
            done.
        locks: the folder of the lock files, the same for all processes that share the GPUs.
        whole: share the GPU with no other process. Otherwise as many processes share it as ``names`` repeats it.

    Yields:
        The name of the GPU; None if nothing is done.
    """
    names = requested_gpus() if names is None else names
    if not names or is_cpu_required():
        yield None
        return
    locks = locks or Path(tempfile.gettempdir()) / f"valence-gap-cards-{os.getuid()}"
    locks.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as held:
        name = _wait_for_gpu(names, locks, held, whole=whole)
        # Number the GPUs as nvidia-smi does; by default CUDA numbers them by their speed.
        with _environment({VISIBLE: name, ORDER: os.environ.get(ORDER, "PCI_BUS_ID")}):
            yield name


@contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set variables during the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _wait_for_gpu(names: Sequence[str], locks: Path, held: ExitStack, *, whole: bool) -> str:
    """Wait for a GPU; its locks stay in ``held``.

    Each GPU has a lock for each time that it is named, and one for its queue. A process that shares a GPU takes one of
    the former, a process that has all of it takes all. While the latter waits, it holds the queues, so that no other
    process begins on these GPUs.
    """
    shares = Counter(names)
    with ExitStack() as queues:
        queued: set[str] = set()
        has_logged = False
        while True:
            for name in shares:
                if whole and name not in queued:
                    queue = _hold(locks / f"{name}-queue.lock")
                    if queue is not None:
                        queues.enter_context(queue)
                        queued.add(name)
            taken = _take_whole(shares, queued, locks, held) if whole else _take_share(shares, locks, held)
            if taken is not None:
                return taken
            if not has_logged:
                log_line(f"all GPUs are in use ({', '.join(names)}); waiting for one")
                has_logged = True
            time.sleep(ASK_EVERY_S)


def _take_whole(shares: Mapping[str, int], queued: Collection[str], locks: Path, held: ExitStack) -> str | None:
    for name in (each for each in shares if each in queued):
        with ExitStack() as taken:
            found = [_hold(_share_lock(locks, name, number)) for number in range(shares[name])]
            for lock in found:
                if lock is not None:
                    taken.enter_context(lock)
            if None not in found:
                held.enter_context(taken.pop_all())
                return name
    return None


def _take_share(shares: Mapping[str, int], locks: Path, held: ExitStack) -> str | None:
    for number in range(max(shares.values())):  # a GPU that no process uses comes first
        for name in (each for each, count in shares.items() if number < count):
            queue = _hold(locks / f"{name}-queue.lock", shared=True)
            if queue is None:
                continue
            with queue:
                lock = _hold(_share_lock(locks, name, number))
            if lock is not None:
                held.enter_context(lock)
                return name
    return None


def _share_lock(locks: Path, name: str, number: int) -> Path:
    return locks / (f"{name}-{number + 1}.lock" if number else f"{name}.lock")


def _hold(path: Path, *, shared: bool = False) -> IO[str] | None:
    import fcntl  # absent on Windows, where GPUs cannot be shared this way

    lock = path.open("w", encoding="utf-8")
    try:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
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
