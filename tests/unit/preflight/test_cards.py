"""What the preflight finds out about GPUs, with faked drivers."""

import json
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from valence_gap.preflight import cards
from valence_gap.preflight.cards import Card, Cards, find_cards
from valence_gap.runtime.gpus import GIVEN_BY

GPU = {"name": "NVIDIA X", "memory": 8e10, "multiplies_in_bf16": True}


class Machine:
    """A machine whose programs answer what is set here; ``asked`` lists the programs that ran."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.driver: str | None = None
        self.torch: Any = {"problem": "", "gpus": [GPU]}

    def run(self, command: list[str], **_: object) -> SimpleNamespace:
        self.asked.append(command[0] if command[0] == "nvidia-smi" else command[-1])
        if command[0] == "nvidia-smi":
            if self.driver is None:
                raise FileNotFoundError(command[0])
            return SimpleNamespace(stdout=self.driver)
        if isinstance(self.torch, Exception):
            raise self.torch
        return SimpleNamespace(stdout=f"a warning\n{json.dumps(self.torch)}\n")


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    found = Machine()
    for name in (*GIVEN_BY, "VALENCE_GAP_DEVICE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(cards.subprocess, "run", found.run)
    monkeypatch.setattr(cards, "has_gpu", lambda: False)
    return found


def test_without_a_sign_of_a_gpu_pytorch_is_not_imported(machine: Machine) -> None:
    assert find_cards.__wrapped__() == Cards()
    assert machine.asked == ["nvidia-smi"]


def test_pytorch_is_asked_if_the_driver_reports_a_gpu(machine: Machine) -> None:
    machine.driver = "NVIDIA X, 81920\n"
    assert find_cards.__wrapped__() == Cards((Card(**GPU),))
    assert machine.asked == ["nvidia-smi", "valence_gap.runtime.gpu_check"]


def test_pytorch_is_asked_if_a_file_or_a_variable_shows_a_gpu(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On WSL 2 and with AMD's driver, ``nvidia-smi`` may be missing."""
    monkeypatch.setattr(cards, "has_gpu", lambda: True)
    assert find_cards.__wrapped__() == Cards((Card(**GPU),))
    monkeypatch.setattr(cards, "has_gpu", lambda: False)
    monkeypatch.setenv("SLURM_JOB_GPUS", "0")
    machine.torch = {"problem": "PyTorch finds no GPU", "gpus": []}
    assert find_cards.__wrapped__() == Cards((), "PyTorch finds no GPU", "SLURM_JOB_GPUS=0")


def test_a_driver_that_is_too_old_is_seen(machine: Machine) -> None:
    machine.driver, machine.torch = "NVIDIA X, 1024\n", {"problem": "too old", "gpus": []}
    assert find_cards.__wrapped__() == Cards((Card("NVIDIA X", 2**30),), "too old")


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (subprocess.CalledProcessError(1, "python", stderr="Traceback\nImportError: libcuda"), "ImportError: libcuda"),
        (subprocess.TimeoutExpired("python", 1), "TimeoutExpired"),
        ([], "TypeError"),
    ],
)
def test_a_pytorch_that_does_not_answer_is_no_usable_gpu(machine: Machine, failure: Any, said: str) -> None:
    machine.driver, machine.torch = "NVIDIA X, 1024\n", failure
    assert find_cards.__wrapped__().problem == f"PyTorch could not be asked: {said}"


def test_nothing_is_asked_if_the_cpu_is_required(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VALENCE_GAP_DEVICE", "cpu")
    machine.driver = "NVIDIA X, 81920\n"
    assert find_cards.__wrapped__() == Cards()
    assert machine.asked == []
