"""Whether PyTorch can compute on the GPU of this machine, and if not, why.

A GPU can be there without being usable: the driver may be too old for PyTorch's CUDA, PyTorch may be a build for CPUs,
or it may contain no kernels for this kind of GPU. Then PyTorch alone would compute on the CPU without a word.

``python -m valence_gap.runtime.gpu_check`` prints what PyTorch finds as JSON: for a process that must not import it.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True)
class UsableGpu:
    """A GPU that PyTorch finds.

    Attributes:
        name: its name.
        memory: in bytes.
        multiplies_in_bf16: its hardware has products in bfloat16.
    """

    name: str
    memory: float
    multiplies_in_bf16: bool


def problem() -> str:
    """Why PyTorch cannot compute on a GPU here, one sentence; empty if it can."""
    if not torch.cuda.is_available():
        return f"{_failure()} ({_versions()})"
    properties = torch.cuda.get_device_properties(0)
    # Of an NVIDIA GPU, gcnArchName is the name of the card.
    kind = properties.gcnArchName.partition(":")[0] if torch.version.hip else (properties.major, properties.minor)
    built_for = torch.cuda.get_arch_list()
    if has_kernels(kind, built_for):
        return ""
    named = kind if isinstance(kind, str) else f"compute capability {kind[0]}.{kind[1]}"
    return f"PyTorch has no kernels for {properties.name} ({named}), only for {', '.join(built_for)} ({_versions()})"


def has_kernels(kind: str | tuple[int, int], built_for: Sequence[str]) -> bool:
    """Whether PyTorch was built for a GPU.

    Args:
        kind: AMD's name of the architecture; or NVIDIA's compute capability, major and minor.
        built_for: architectures of PyTorch's kernels: ``gfx90a``; ``sm_90``, which later minor versions run too;
            ``sm_90a``, which no other version runs; ``compute_90``, which is translated for any later GPU. If there are
            none, it is not known, and the GPU is tried.
    """
    if isinstance(kind, str):
        return not built_for or kind in built_for
    found = [re.fullmatch(r"(sm|compute)_(\d+)(\d)([af]?)", name) for name in built_for]
    known = [(match[1], (int(match[2]), int(match[3])), match[4]) for match in found if match]
    return not known or any(_runs(kind, *each) for each in known)


def _runs(kind: tuple[int, int], form: str, built: tuple[int, int], suffix: str) -> bool:
    if suffix == "a":
        return kind == built
    if form == "compute" and not suffix:
        return kind >= built
    return kind[0] == built[0] and kind[1] >= built[1]


def _failure() -> str:
    """What PyTorch says when it is asked to use a GPU."""
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:
        return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
    return "PyTorch finds no GPU"


def _versions() -> str:
    cuda = torch.version.cuda or torch.version.hip
    built = f"PyTorch {torch.__version__}, built for {cuda}" if cuda else f"PyTorch {torch.__version__}, for CPUs"
    driver = driver_version()
    return f"{built}; driver {driver}" if driver else built


def driver_version() -> str:
    """Version of NVIDIA's driver, as its kernel module says; empty if it is not known."""
    try:
        named = re.search(r"Kernel Module(?: for \S+)?\s+(\d[\d.]*)", DRIVER.read_text(encoding="utf-8"))
    except OSError:
        return ""
    return named[1] if named else ""


def usable_gpus() -> list[UsableGpu]:
    """The GPUs that PyTorch finds."""
    found = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count())]
    in_bf16 = bool(found) and torch.cuda.is_bf16_supported(including_emulation=False)
    return [UsableGpu(each.name, float(each.total_memory), in_bf16) for each in found]


if __name__ == "__main__":
    print(json.dumps({"problem": problem(), "gpus": [asdict(each) for each in usable_gpus()]}))
