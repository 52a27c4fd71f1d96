"""What the records of finished trainings say: rates, and memory on the GPU."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from valence_gap.preflight.costs import Work
from valence_gap.runtime.files import read_json
from valence_gap.study.study import Study


@dataclass(frozen=True)
class Measured:
    """What finished trainings on GPUs of one kind say.

    Attributes:
        gpu: name of the GPU; empty if there are none.
        rates: operations per second, by kind of work.
        memory: bytes that PyTorch reserved on the GPU at most, by model.
    """

    gpu: str = ""
    rates: Mapping[str, Sequence[float]] = field(default_factory=dict)
    memory: Mapping[str, int] = field(default_factory=dict)


def measured(study: Study, work: Iterable[Work], here: str = "") -> Measured:
    """Read rates and memory of finished trainings on CUDA GPUs from their ``run.json``.

    Rates of different GPUs are not mixed: if this machine has a GPU that a training used, those of this GPU count, else
    those of the GPU that most trainings used.

    Args:
        study: the study.
        work: its jobs.
        here: name of the GPU of this machine; empty if it has none.
    """
    found: dict[str, list[tuple[str, float | None, str, int]]] = {}
    for one in work:
        model, _, seed = one.name.rpartition(" seed ")
        path = Path(study.results) / "models" / model / f"seed-{seed}" / "run.json"
        record = read_json(path) if model and path.is_file() else {}
        gpu = str((record.get("hardware") or {}).get("gpu") or "unknown")
        if str(record.get("device", "")).startswith("cuda") and set(record.get("devices", ())) <= {gpu}:
            rate = record["audio_s_per_s"] * one.flop_per_s if one.flop_per_s and record.get("audio_s_per_s") else None
            reserved = int((record.get("gpu_memory_bytes") or {}).get("reserved", 0))
            found.setdefault(gpu, []).append((one.kind, rate, model, reserved))
    if not found:
        return Measured()
    gpu = here if here in found else max(sorted(found), key=lambda name: len(found[name]))
    rates: dict[str, list[float]] = {}
    memory: dict[str, int] = {}
    for kind, rate, model, reserved in found[gpu]:
        if rate is not None:
            rates.setdefault(kind, []).append(rate)
        if reserved:
            memory[model] = max(reserved, memory.get(model, 0))
    return Measured(gpu, rates, memory)


def is_done(study: Study, work: Work) -> bool:
    """Whether a training is already finished."""
    model, _, seed = work.name.rpartition(" seed ")
    return bool(model) and (Path(study.results) / "models" / model / f"seed-{seed}" / "run.json").is_file()
