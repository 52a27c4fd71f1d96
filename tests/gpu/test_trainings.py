"""Trainings on a GPU: gradients of micro-batches, and equal bits where `deterministic: true` promises them."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from cases import KINDS, Case
from safetensors.torch import load_file

from valence_gap.prediction.inputs import pad
from valence_gap.runtime import precision
from valence_gap.runtime.precision import products_of
from valence_gap.training import train
from valence_gap.training.checkpoints import TrainingInterrupted
from valence_gap.training.examples import Batch

SIZES = (3, 3, 2)
TRANSFORMERS = ("stored", "waveform")  # batch normalisation needs the whole batch


def batches(case: Case, model: Any, device: torch.device) -> tuple[Batch, Batch]:
    """The same batch in one part and in several."""
    inputs = case.inputs(model)
    rows = [list(range(sum(SIZES[:number]), sum(SIZES[: number + 1]))) for number in range(len(SIZES))]
    parts = [pad([inputs[row] for row in part]) for part in rows]
    whole = pad([inputs[row] for part in rows for row in part])
    targets = torch.rand(sum(SIZES), 3, generator=torch.Generator().manual_seed(0)).to(device)

    def batch(*of: tuple[torch.Tensor, torch.Tensor]) -> Batch:
        return Batch(tuple((x.to(device), n) for x, n in of), targets, torch.arange(sum(SIZES)).numpy())

    return batch(whole), batch(*parts)


def gradients(model: torch.nn.Module) -> torch.Tensor:
    found = torch.cat([each.grad.flatten() for each in model.parameters() if each.grad is not None])
    model.zero_grad()
    return found


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_micro_batches_give_the_gradients_of_the_batch(
    gpu: torch.device, case_of: Callable[[str], Case], kind: str
) -> None:
    case = case_of(kind)
    model = case.build().to(gpu).eval()  # without dropout
    found = []
    with products_of("fp32"):
        for batch in batches(case, model, gpu):
            train.backward(lambda x, n: model(x, n).predictions, batch, (1, 1, 1))
            found.append(gradients(model))
    assert (found[0] - found[1]).norm() < 1e-3 * found[0].norm()


@pytest.mark.parametrize("kind", TRANSFORMERS)
def test_both_passes_of_a_part_draw_the_same_dropout(
    gpu: torch.device, case_of: Callable[[str], Case], kind: str
) -> None:
    case = case_of(kind)
    model = case.build().to(gpu).train()
    seen: list[torch.Tensor] = []

    def forward(inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        with precision.autocast(precision.resolve("auto", gpu), gpu):
            predictions: torch.Tensor = model(inputs, lengths).predictions
        seen.append(predictions.detach().clone())
        return predictions

    _, parted = batches(case, model, gpu)
    train.backward(forward, parted, (1, 1, 1))
    first, second = seen[: len(SIZES)], seen[len(SIZES) :]
    assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))
    train.backward(forward, parted, (1, 1, 2))
    assert not torch.equal(seen[-1], second[-1])  # another step draws another


def stopped_in_the_second_epoch(definition: Any, given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    calls, backward = [], train.backward

    def stopping(*arguments: Any) -> torch.Tensor:
        calls.append(None)
        if len(calls) == 8:
            os.kill(os.getpid(), signal.SIGUSR1)
        return backward(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(train, "backward", stopping)
        with pytest.raises(TrainingInterrupted):
            train.train(definition, **given)


@pytest.mark.parametrize("kind", KINDS)
def test_deterministic_trainings_have_equal_bits_also_if_one_is_resumed(
    gpu: torch.device, case_of: Callable[[str], Case], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(kind)
    definition = case.with_recipe(deterministic=True, precision="auto", epochs=2)
    monkeypatch.setattr(precision, "device", lambda: gpu)
    found = []
    for name in ("one", "other", "resumed"):
        given = case.arguments(tmp_path / name)
        if name == "resumed":
            stopped_in_the_second_epoch(definition, given, monkeypatch)
        train.train(definition, **given)
        found.append(load_file(given["output"] / "model.safetensors"))
    for other in found[1:]:
        assert all(torch.equal(found[0][name], other[name]) for name in found[0])
