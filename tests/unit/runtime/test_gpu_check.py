"""Whether PyTorch can use a GPU, with faked drivers and GPUs."""

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from valence_gap.runtime import gpu_check, precision
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.gpus import GIVEN_BY

WHEEL = ["sm_75", "sm_80", "sm_90", "sm_90a", "sm_120", "compute_120"]


@pytest.mark.parametrize(
    ("kind", "built_for", "expected"),
    [
        ((8, 0), WHEEL, True),
        ((8, 9), WHEEL, True),  # a later minor version
        ((7, 0), WHEEL, False),  # an earlier one: V100
        ((9, 0), ["sm_90a"], True),
        ((9, 1), ["sm_90a"], False),
        ((10, 3), ["sm_100f"], True),
        ((10, 0), WHEEL, False),
        ((12, 1), WHEEL, True),
        ((13, 0), WHEEL, True),  # translated
        ((13, 0), ["compute_120f"], False),
        ((6, 1), [], True),  # not known
        ("gfx90a", ["gfx90a", "gfx942"], True),
        ("gfx1030", ["gfx90a", "gfx942"], False),
    ],
)
def test_which_gpus_have_kernels(kind: str | tuple[int, int], built_for: list[str], expected: bool) -> None:
    assert gpu_check.has_kernels(kind, built_for) == expected


def fake(monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int] | None, failure: str = "") -> None:
    """A machine with a GPU of a compute capability that PyTorch finds; None: it fails in starting CUDA."""
    for name in (*GIVEN_BY, "VALENCE_GAP_DEVICE"):
        monkeypatch.delenv(name, raising=False)

    def init() -> None:
        raise RuntimeError(failure)

    monkeypatch.setattr(torch.cuda, "is_available", lambda: capability is not None)
    monkeypatch.setattr(torch.cuda, "init", init)
    if capability is not None:
        # As PyTorch 2.11 describes an H200: gcnArchName, AMD's name of an architecture, is the name of the card.
        names = {"name": "Some GPU", "gcnArchName": "Some GPU"}
        found = SimpleNamespace(**names, major=capability[0], minor=capability[1], total_memory=2**33)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: found)
        monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: WHEEL)
    precision._report_unused_gpu.cache_clear()


OLD = "The NVIDIA driver on your system is too old (found version 12020).\nUpdate it."


@pytest.mark.parametrize(("architecture", "works"), [("gfx90a:sramecc+:xnack-", True), ("gfx1030", False)])
def test_an_amd_gpu_is_known_by_its_architecture(
    monkeypatch: pytest.MonkeyPatch, architecture: str, works: bool
) -> None:
    fake(monkeypatch, (9, 0))
    found = SimpleNamespace(name="Some GPU", gcnArchName=architecture, major=9, minor=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: found)
    monkeypatch.setattr(torch.cuda, "get_arch_list", lambda: ["gfx90a", "gfx942"])
    monkeypatch.setattr(torch.version, "hip", "7.0")
    assert (gpu_check.problem() == "") == works


def test_a_gpu_with_kernels_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, (8, 6))
    assert gpu_check.problem() == ""
    assert precision.device().type == "cuda"
    monkeypatch.setenv("VALENCE_GAP_DEVICE", "cpu")
    assert precision.device().type == "cpu"


@pytest.mark.parametrize(
    ("capability", "reason"), [(None, "too old (found version 12020)"), ((7, 0), "no kernels for Some GPU (compute")]
)
@pytest.mark.parametrize("given", GIVEN_BY)
def test_a_job_that_cannot_use_the_gpu_that_it_was_given_stops(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int] | None, reason: str, given: str
) -> None:
    fake(monkeypatch, capability, OLD)
    monkeypatch.setenv(given, "0")
    with pytest.raises(UserError) as stopped:
        precision.device()
    assert stopped.value.offenders[0] == f"given by {given}=0"
    assert reason in stopped.value.offenders[1]
    assert f"PyTorch {torch.__version__}" in stopped.value.offenders[1]
    assert "VALENCE_GAP_DEVICE=cpu" in stopped.value.remedy
    monkeypatch.setenv("VALENCE_GAP_DEVICE", "cpu")
    assert precision.device().type == "cpu"


@pytest.mark.parametrize("there", [True, False])
def test_a_job_that_was_given_none_says_once_that_a_gpu_is_not_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], there: bool
) -> None:
    fake(monkeypatch, None, OLD)
    monkeypatch.setattr(precision, "has_gpu", lambda: there)
    assert [precision.device().type for _ in range(2)] == ["cpu", "cpu"]
    shown = capsys.readouterr().err
    assert shown.count("computing on the CPU, although this machine has a GPU") == there
    assert ("too old" in shown) == there


def test_the_driver_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = "NVRM version: NVIDIA UNIX {}x86_64 Kernel Module {} 535.104.05  Release Build\n"
    monkeypatch.setattr(gpu_check, "DRIVER", tmp_path / "version")
    assert gpu_check.driver_version() == ""
    for words in (("", ""), ("Open ", "for x86_64 ")):
        (tmp_path / "version").write_text(line.format(*words))
        assert gpu_check.driver_version() == "535.104.05"
    fake(monkeypatch, None, OLD)
    assert gpu_check.problem().endswith("; driver 535.104.05)")


def test_another_process_can_ask() -> None:
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-m", "valence_gap.runtime.gpu_check"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found = json.loads(done.stdout)
    assert found["gpus"] == []
    assert f"PyTorch {torch.__version__}" in found["problem"]


def test_what_pytorch_finds_is_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    fake(monkeypatch, (8, 6))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    assert gpu_check.usable_gpus() == [gpu_check.UsableGpu("Some GPU", float(2**33), True)]
