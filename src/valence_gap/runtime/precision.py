"""Number format, device and memory of a computation, and whether it gives the same bits every time."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Literal

import torch

from valence_gap.runtime import gpu_check
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.gpus import UNUSABLE, given_gpu, has_gpu, is_cpu_required, unused_gpu
from valence_gap.runtime.progress import log_line
from valence_gap.runtime.provenance import cpu_model

CUBLAS_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS gives the same bits with workspaces of fixed sizes
# Compiled kernels are chosen by rules and not by timing them. The debug mode of deterministic_kernels does not say so.
COMPILED_KERNELS = ("TORCHINDUCTOR_DETERMINISTIC", "1")

Precision = Literal["auto", "fp32", "bf16"]

_chosen_on_cpus: Callable[[], torch.dtype] | None = None


def device() -> torch.device:
    """The NVIDIA or AMD GPU if PyTorch can use one, else the CPU; the log says once that a GPU is not used.

    Raises:
        UserError: this job was given a GPU, and PyTorch cannot use it; ``VALENCE_GAP_DEVICE=cpu`` allows the CPU.
    """
    if is_cpu_required():
        return torch.device("cpu")
    problem = gpu_check.problem()
    if not problem:
        return prepared(torch.device("cuda"))
    if given := given_gpu():
        raise UserError("this job was given a GPU that PyTorch cannot use", [f"given by {given}", problem], UNUSABLE)
    _report_unused_gpu(problem if has_gpu() else "")
    return torch.device("cpu")


def prepared(on: torch.device) -> torch.device:
    """Return a device after PyTorch has been prepared to compute on it, in this whole process.

    On a GPU, attention is never cuDNN's: it builds a plan for each new pair of batch size and frames, forward and
    backward, 60 to 76 ms each on an H200, and keeps them all. Batches of speech have hundreds of such pairs.
    """
    if on.type == "cuda":
        torch.backends.cuda.enable_cudnn_sdp(False)
    return on


def name_of(on: torch.device) -> str:
    """Name of the GPU or of the CPU."""
    return torch.cuda.get_device_name(on) if on.type == "cuda" else cpu_model()


def total_memory(on: torch.device) -> float | None:
    """Total memory of a GPU in bytes; None for the CPU."""
    return float(torch.cuda.get_device_properties(on).total_memory) if on.type == "cuda" else None


@cache
def _report_unused_gpu(problem: str) -> None:
    if sentence := unused_gpu():
        log_line(sentence)
    if problem:
        log_line(f"computing on the CPU, although this machine has a GPU: {problem}. {UNUSABLE}")


def resolve(precision: Precision, on: torch.device | None = None) -> torch.dtype:
    """The number format of the matrix products.

    Args:
        precision: ``auto`` is bfloat16 if the hardware multiplies in it, else float32. Without hardware support,
            bfloat16 is emulated, and slower than float32. On a CPU, ``auto_on_cpus`` can say otherwise.
        on: device of the computation; by default ``device()``.

    Returns:
        ``torch.bfloat16`` or ``torch.float32``.
    """
    if precision == "auto":
        place = on or device()
        if place.type == "cpu" and _chosen_on_cpus is not None:
            return _chosen_on_cpus()
        return torch.bfloat16 if multiplies_in_bf16(place) else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


@contextmanager
def auto_on_cpus(chosen: Callable[[], torch.dtype]) -> Iterator[None]:
    """Within this context, ``precision: auto`` on a CPU is what a function returns."""
    global _chosen_on_cpus
    before, _chosen_on_cpus = _chosen_on_cpus, chosen
    try:
        yield
    finally:
        _chosen_on_cpus = before


def multiplies_in_bf16(on: torch.device) -> bool:
    """Whether the hardware multiplies in bfloat16: AMX or AVX512-BF16 on CPUs, tensor cores on GPUs."""
    if on.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def autocast(dtype: torch.dtype, on: torch.device | str) -> torch.autocast:
    """The context in which matrix products are computed in ``dtype``; the weights stay float32.

    Args:
        dtype: the result of ``resolve``; float32 switches autocast off.
        on: device of the computation.
    """
    kind = on if isinstance(on, str) else on.type
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=dtype != torch.float32)


def product_dtype(on: torch.device | str) -> torch.dtype:
    """The number format of matrix products: that of autocast if it is enabled, else float32."""
    kind = on if isinstance(on, str) else on.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32


@contextmanager
def products_of(precision: Precision) -> Iterator[None]:
    """With ``fp32``, make a GPU multiply in float32 in convolutions too; by default cuDNN rounds their inputs to TF32.

    Args:
        precision: the number format that was asked for; others leave PyTorch's settings as they are.
    """
    before = torch.backends.cudnn.allow_tf32
    if precision == "fp32":
        torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cudnn.allow_tf32 = before


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Compute with a number of CPU threads; restore the earlier number at exit."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def deterministic_kernels(deterministic: bool) -> Iterator[None]:
    """Use kernels that give the same bits every time: on a CPU always, on a GPU if required. Afterwards, restore.

    Args:
        deterministic: use them on a GPU too, where they are slower.
    """
    # The debug mode "error" has the same effect as torch.use_deterministic_algorithms. That function first imports the
    # compiler, which takes as long as importing the rest of PyTorch and which nothing here uses.
    before = torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if deterministic or device().type == "cpu":
        torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if deterministic:
        os.environ.setdefault(*CUBLAS_WORKSPACE)  # for the whole process: it is read when a GPU is first used
        os.environ.setdefault(*COMPILED_KERNELS)  # likewise: it is read when the compiler is imported
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
