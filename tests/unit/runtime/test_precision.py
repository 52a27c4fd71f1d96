import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from valence_gap.prediction import model as prediction_model
from valence_gap.runtime import precision

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_bf16": True}, torch.bfloat16),
        ({"avx2": True, "avx512_bf16": False}, torch.float32),
        ({}, torch.float32),
    ],
)
def test_auto_follows_the_processor(monkeypatch, capabilities, expected):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert precision.resolve("auto", CPU) == expected


def test_a_named_precision_is_used_on_every_processor(monkeypatch):
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert precision.resolve("bf16", CPU) == torch.bfloat16
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    assert precision.resolve("fp32", CPU) == torch.float32


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_multiplies_in_the_format(dtype):
    layer = torch.nn.Linear(4, 4)
    with precision.autocast(dtype, CPU):
        assert layer(torch.ones(2, 4)).dtype == dtype
    assert layer.weight.dtype == torch.float32


def test_the_device_is_the_gpu_if_there_is_one(monkeypatch):
    monkeypatch.setattr(precision.gpu_check, "problem", lambda: "")
    assert precision.device().type == "cuda"
    monkeypatch.setattr(precision.gpu_check, "problem", lambda: "PyTorch finds no GPU")
    assert precision.device().type == "cpu"


@pytest.mark.parametrize(("requested", "inside"), [("fp32", False), ("bf16", True), ("auto", True)])
def test_float32_products_are_not_rounded_to_tf32(requested: precision.Precision, inside: bool) -> None:
    assert torch.backends.cudnn.allow_tf32  # PyTorch's default
    with precision.products_of(requested):
        assert torch.backends.cudnn.allow_tf32 == inside
    assert torch.backends.cudnn.allow_tf32


def test_the_number_of_threads_is_restored_even_after_an_error() -> None:
    before = torch.get_num_threads()

    def fail() -> None:
        assert torch.get_num_threads() == before + 1
        raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"), precision.cpu_threads(before + 1):
        fail()
    assert torch.get_num_threads() == before


@pytest.fixture
def cudnn_attention() -> Iterator[None]:
    torch.backends.cuda.enable_cudnn_sdp(True)
    yield
    torch.backends.cuda.enable_cudnn_sdp(True)


@pytest.mark.usefixtures("cudnn_attention")
@pytest.mark.parametrize(("problem", "device"), [("", "cuda"), ("no GPU", "cpu")])
def test_attention_on_a_gpu_has_no_plan_for_each_length(
    monkeypatch: pytest.MonkeyPatch, problem: str, device: str
) -> None:
    monkeypatch.setattr(precision.gpu_check, "problem", lambda: problem)
    assert precision.device().type == device
    assert torch.backends.cuda.cudnn_sdp_enabled() == (device == "cpu")


@pytest.mark.usefixtures("cudnn_attention")
def test_a_model_that_is_loaded_on_a_named_gpu_has_no_plans_either(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    loaded = SimpleNamespace(to=lambda on: on)
    monkeypatch.setattr(prediction_model, "load", lambda place, requested: loaded)
    assert prediction_model.load_model(tmp_path, on="cpu").network == CPU
    assert torch.backends.cuda.cudnn_sdp_enabled()
    assert prediction_model.load_model(tmp_path, on="cuda:1").network == torch.device("cuda:1")
    assert not torch.backends.cuda.cudnn_sdp_enabled()


def test_compiled_kernels_are_deterministic_too() -> None:
    code = (
        "from valence_gap.runtime.precision import deterministic_kernels\n"
        "with deterministic_kernels({}):\n    import torch._inductor.config as compiler\n"
        "print(compiler.deterministic)"
    )
    environment = {name: value for name, value in os.environ.items() if name != precision.COMPILED_KERNELS[0]}
    for asked in (True, False):
        command = [sys.executable, "-c", code.format(asked)]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        assert done.stdout == f"{asked}\n"
