"""The memory of the GPU: whether an error means that it is full, and what fills it. PyTorch is not imported here."""

import os
import re
import subprocess
import sys
from collections.abc import MutableMapping
from typing import Any

FULL = re.compile(r"(CUDA|HIP).*out of memory|(CUBLAS|CUDNN|HIPBLAS|ROCBLAS|MIOPEN)\w*ALLOC\w*FAILED", re.DOTALL)
ALLOCATOR = "PYTORCH_ALLOC_CONF"
EARLIER_ALLOCATOR = "PYTORCH_CUDA_ALLOC_CONF"  # its name before PyTorch 2.9, which is still read
REMEDY = (
    "Run fewer jobs on this GPU at once (a name that VALENCE_GAP_GPUS repeats is shared), end other processes on it, "
    "or use a GPU with more memory."
)


def is_full(error: Exception) -> bool:
    """Whether an error means that the memory of a GPU ran out, in PyTorch's allocator or in a library that it calls."""
    # Compare the name of torch's class: importing torch would slow down every command.
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError) and FULL.search(str(error)) is not None
    )


def use_growing_segments(environment: MutableMapping[str, str] = os.environ) -> None:
    """Make PyTorch's memory on a GPU grow in place; call it before the GPU is first used.

    Batches of speech have a hundred shapes. With segments of fixed sizes, PyTorch then reserves half as much again as
    it uses. A setting of the user stays.
    """
    if EARLIER_ALLOCATOR not in environment:
        environment.setdefault(ALLOCATOR, "expandable_segments:True")


def peak() -> dict[str, int]:
    """The largest numbers of bytes on the GPU that tensors of this process used, and that PyTorch reserved for them."""
    torch = _torch_with_gpu()
    if torch is None:
        return {}
    return {"allocated": torch.cuda.max_memory_allocated(), "reserved": torch.cuda.max_memory_reserved()}


def occupancy() -> list[str]:
    """What is known of the use of this process's GPU, one line each: free memory, and other processes."""
    torch = _torch_with_gpu()
    if torch is None:
        return []
    try:
        free, total = torch.cuda.mem_get_info()
        uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
    except (RuntimeError, AttributeError):  # after some errors, CUDA answers nothing
        return []
    return [f"{free / 1e9:.1f} of {total / 1e9:.1f} GB of the GPU are free", *_others(uuid)]


def _others(uuid: str) -> list[str]:
    command = ["nvidia-smi", "--query-compute-apps=gpu_uuid,pid,used_memory", "--format=csv,noheader"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    except (OSError, subprocess.SubprocessError):
        return []
    rows = [[cell.strip() for cell in line.split(",")] for line in done.stdout.splitlines()]
    others = [row for row in rows if len(row) == 3 and row[0].endswith(uuid) and row[1] != str(os.getpid())]
    return [f"process {pid} uses {used} of it" for _, pid, used in others]


def _torch_with_gpu() -> Any:
    """PyTorch, if this process has imported it and used a GPU; else None."""
    torch = sys.modules.get("torch")
    return torch if torch is not None and torch.cuda.is_initialized() else None
