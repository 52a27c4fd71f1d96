"""Copies that the host does not wait for, where there is no GPU to wait for."""

import pytest
import torch

from valence_gap.runtime.transfers import Fetched, sent


def test_a_tensor_that_is_there_already_is_not_copied() -> None:
    tensor = torch.arange(3)
    assert sent(tensor, torch.device("cpu")) is tensor


def test_a_tensor_is_sent_to_another_device() -> None:
    assert sent(torch.arange(3), torch.device("meta")).device.type == "meta"


def test_a_copy_to_a_gpu_is_pinned_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(torch.Tensor, "pin_memory", lambda self: asked.append(("pinned",)) or self)
    monkeypatch.setattr(torch.Tensor, "to", lambda self, *to, **how: asked.append((*to, how)) or self)
    sent(torch.arange(3), torch.device("cuda"))
    assert asked == [("pinned",), (torch.device("cuda"), {"non_blocking": True})]


def test_a_scalar_is_read_without_its_gradient() -> None:
    assert Fetched(torch.tensor(1.5, requires_grad=True) * 2).item() == 3.0
