"""What the records of finished jobs say: their time on this kind of machine, and memory on the GPU."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from valence_gap.preflight.rates import Machine
from valence_gap.preflight.work import Kind, Work
from valence_gap.runtime.files import read_json
from valence_gap.study.study import Study


@dataclass(frozen=True)
class Finished:
    """The record of a finished job.

    Attributes:
        work: the job.
        device: name of the GPU, or of the CPU, that it computed on.
        is_gpu: whether that is a GPU.
        seconds: to its end, with waiting; None: not known, as of a resumed training.
        is_whole: they begin with its process; else with its first computation.
        share: its operations relative to those that are planned: less than 1 if a training was stopped early.
        reserved: bytes that PyTorch reserved on the GPU at most; 0: not known.
    """

    work: Work
    device: str
    is_gpu: bool
    seconds: float | None
    is_whole: bool = True
    share: float = 1.0
    reserved: int = 0


def finished_jobs(study: Study, work: Iterable[Work]) -> list[Finished]:
    """The jobs of a study that are finished and left a record.

    Args:
        study: the study.
        work: its jobs.
    """
    return [found for one in work if one.record and (found := _read(one, Path(study.results) / one.record))]


def _read(work: Work, path: Path) -> Finished | None:
    try:
        content = read_json(path)
        record = content.get("run", content)
        hardware = record.get("hardware") or {}
        is_gpu = str(record.get("device", "cpu")).startswith("cuda")
        device = str(hardware.get("gpu" if is_gpu else "cpu") or "unknown")
        moved = set(record.get("devices", ())) - {device}
        is_whole = record.get("process_s") is not None
        seconds = None if record.get("resumes") else record.get("process_s" if is_whole else "wall_s")
        share = float(record["flop"]) / work.flop if record.get("flop") and work.flop else 1.0
        reserved = int((record.get("gpu_memory_bytes") or {}).get("reserved", 0))
    except (OSError, ValueError, TypeError, AttributeError):  # none, or a file of another kind
        return None
    return None if moved else Finished(work, device, is_gpu, seconds, is_whole, share, reserved)


@dataclass(frozen=True)
class Measured:
    """What finished jobs on machines of one kind say.

    Attributes:
        device: name of the GPU or CPU; empty if there are none.
        factors: measured time over the time that the rates give, by kind of job.
        memory: bytes that PyTorch reserved on the GPU at most, by model.
    """

    device: str = ""
    factors: Mapping[Kind, float] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)


def measured(found: Sequence[Finished], machine: Machine, *, gpu: bool, here: str = "") -> Measured:
    """Compare the times of finished jobs with those that a machine's rates give.

    Jobs on different devices are not mixed: those of this machine's count, if there are any; else, of GPUs, those of
    the GPU that most jobs used.

    Args:
        found: the finished jobs.
        machine: whose rates they are compared with.
        gpu: jobs on GPUs count; else those on CPUs.
        here: name of the GPU or CPU of this machine; empty if it has none.
    """
    by_device: dict[str, list[Finished]] = {}
    for one in found:
        if one.is_gpu == gpu:
            by_device.setdefault(one.device, []).append(one)
    if not by_device or (not gpu and here not in by_device):
        return Measured()
    device = here if here in by_device else max(sorted(by_device), key=lambda name: len(by_device[name]))
    ratios: dict[Kind, list[float]] = {}
    memory: dict[str, int] = {}
    for one in by_device[device]:
        planned = one.share * estimated_s(machine, one.work)
        if one.seconds and planned:
            seconds = one.seconds + (0.0 if one.is_whole else machine.start_s(one.work))
            ratios.setdefault(one.work.kind, []).append(seconds / planned)
        if one.reserved:
            model = one.work.name.rpartition(" seed ")[0]
            memory[model] = max(one.reserved, memory.get(model, 0))
    return Measured(device, {kind: statistics.median(each) for kind, each in ratios.items()}, memory)


def estimated_s(machine: Machine, work: Work) -> float:
    """The time of a job by the rates of a machine."""
    return machine.start_s(work) + machine.seconds(work, (*work.amounts, *work.evaluations))
