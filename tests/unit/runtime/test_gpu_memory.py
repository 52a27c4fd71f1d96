"""Full GPUs, with faked errors and drivers."""

import subprocess
from types import SimpleNamespace

import pytest
import torch

from valence_gap.runtime import gpu_memory
from valence_gap.runtime.errors import is_out_of_memory, user_error_from_os_error

FULL = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be reported later"),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    RuntimeError("HIP error: out of memory"),
)


@pytest.mark.parametrize("error", FULL)
def test_a_full_gpu_has_its_own_remedy(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_memory, "occupancy", lambda: ["1.0 of 80.0 GB of the GPU are free"])
    assert is_out_of_memory(error)
    shown = user_error_from_os_error(error)
    assert shown is not None
    assert shown.what == "the memory of the GPU ran out"
    assert shown.offenders[1] == "1.0 of 80.0 GB of the GPU are free"
    assert "Run fewer jobs on this GPU at once" in shown.remedy


@pytest.mark.parametrize(
    "error",
    [RuntimeError("CUDA error: device-side assert triggered"), ValueError("CUDA out of memory"), MemoryError("no")],
)
def test_other_errors_are_none_of_a_full_gpu(error: Exception) -> None:
    assert not gpu_memory.is_full(error)


def fake_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        mem_get_info=lambda: (10**9, 80 * 10**9),
        current_device=lambda: 0,
        get_device_properties=lambda _: SimpleNamespace(uuid="abc-1"),
        max_memory_allocated=lambda: 5,
        max_memory_reserved=lambda: 7,
    )
    monkeypatch.setitem(gpu_memory.sys.modules, "torch", SimpleNamespace(cuda=cuda))


def test_who_else_uses_the_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_gpu(monkeypatch)
    rows = f"GPU-abc-1, 17, 60000 MiB\nGPU-other, 18, 5 MiB\nGPU-abc-1, {gpu_memory.os.getpid()}, 9 MiB\n"
    monkeypatch.setattr(gpu_memory.subprocess, "run", lambda *_, **__: SimpleNamespace(stdout=rows))
    assert gpu_memory.occupancy() == ["1.0 of 80.0 GB of the GPU are free", "process 17 uses 60000 MiB of it"]

    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError("nvidia-smi")

    monkeypatch.setattr(gpu_memory.subprocess, "run", absent)
    assert gpu_memory.occupancy() == ["1.0 of 80.0 GB of the GPU are free"]


def test_the_peak_of_a_gpu_is_known_only_if_it_was_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert gpu_memory.peak() == {}
    assert gpu_memory.occupancy() == []
    fake_gpu(monkeypatch)
    assert gpu_memory.peak() == {"allocated": 5, "reserved": 7}


def test_memory_grows_in_place_unless_the_user_says_otherwise() -> None:
    for given, expected in (
        ({}, {"PYTORCH_ALLOC_CONF": "expandable_segments:True"}),
        ({"PYTORCH_ALLOC_CONF": "x"}, {"PYTORCH_ALLOC_CONF": "x"}),
        ({"PYTORCH_CUDA_ALLOC_CONF": "x"}, {"PYTORCH_CUDA_ALLOC_CONF": "x"}),
    ):
        environment = dict(given)
        gpu_memory.use_growing_segments(environment)
        assert environment == expected


def test_pytorch_reads_that_setting() -> None:
    code = (
        "import os; from valence_gap.runtime.gpu_memory import *; use_growing_segments(); import torch; "
        "print(os.environ[ALLOCATOR], float(torch.ones(2) @ torch.ones(2)))"
    )
    done = subprocess.run([gpu_memory.sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("expandable_segments:True 2.0\n", "")
