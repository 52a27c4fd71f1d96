"""Number format and device of a computation, its memory, and whether it gives the same bits every time."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch

CUBLAS_WORKSPACE = ("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS gives the same bits with workspaces of fixed sizes
# oneDNN keeps 1,024 kernels with their buffers. A stem that is trained needs others for every length, and seldom the
# same again: 64 take as long and, over the training of a few hundred steps, 1.5 GB less.
FEW_KERNELS = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")

Precision = Literal["auto", "fp32", "bf16"]


def device() -> torch.device:
    """The GPU where PyTorch sees one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def resolve(precision: Precision, on: torch.device | None = None) -> torch.dtype:
    """The number format of the matrix products.

    Args:
        precision: ``auto`` is bfloat16 where the hardware multiplies in it, else float32: without such units bfloat16
            is emulated, and slower than float32.
        on: where it is computed; by default ``device()``.

    Returns:
        ``torch.bfloat16`` or ``torch.float32``.
    """
    if precision == "auto":
        return torch.bfloat16 if multiplies_in_bf16(on or device()) else torch.float32
    return torch.bfloat16 if precision == "bf16" else torch.float32


def multiplies_in_bf16(on: torch.device) -> bool:
    """Whether the hardware has bfloat16 products: AMX or AVX512-BF16 on CPUs, tensor cores on GPUs."""
    if on.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.cpu.get_capabilities()
    return bool(capabilities.get("amx_bf16") or capabilities.get("avx512_bf16"))


def autocast(dtype: torch.dtype, on: torch.device | str) -> torch.autocast:
    """The context in which matrix products are computed in ``dtype``; the weights stay float32.

    Args:
        dtype: what ``resolve`` gave; float32 switches autocast off.
        on: where it is computed.
    """
    kind = on if isinstance(on, str) else on.type
    return torch.autocast(kind, dtype=torch.bfloat16, enabled=dtype != torch.float32)


def product_dtype(on: torch.device | str) -> torch.dtype:
    """The number format in which autocast, where it is on, has matrix products computed."""
    kind = on if isinstance(on, str) else on.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else torch.float32


def keep_few_kernels() -> None:
    """Have oneDNN, which computes on CPUs, forget its kernels soon; before the first product, for the whole process."""
    os.environ.setdefault(*FEW_KERNELS)


@contextmanager
def deterministic_kernels(deterministic: bool) -> Iterator[None]:
    """Kernels that give the same bits every time: on a CPU always, on a GPU where they are wanted; then as before.

    Args:
        deterministic: on a GPU too, where such kernels are slower.
    """
    # By its debug mode, of which "error" is the same switch: torch.use_deterministic_algorithms first imports the
    # compiler, which takes as long as all of PyTorch and which nothing here uses.
    before = torch.get_deterministic_debug_mode()
    fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    if deterministic or device().type == "cpu":
        torch.set_deterministic_debug_mode("error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if deterministic:
        os.environ.setdefault(*CUBLAS_WORKSPACE)  # for the whole process: it is read when a card is first used
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
        torch.utils.deterministic.fill_uninitialized_memory = fill  # type: ignore[attr-defined]
