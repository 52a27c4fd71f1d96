"""Gradients of a GPU against those of the CPU, without dropout; and that no plan is built for a length."""

from collections.abc import Callable

import pytest
import torch
from cases import KINDS, Case
from torch.profiler import ProfilerActivity, profile

from valence_gap.models.base import SpeechModel
from valence_gap.prediction.inputs import pad
from valence_gap.runtime import precision
from valence_gap.runtime.precision import Precision, products_of
from valence_gap.training.losses import ccc_loss

ROWS = range(8)


def loss_of(case: Case, model: SpeechModel, place: torch.device, products: Precision) -> torch.Tensor:
    inputs = case.inputs(model)
    padded, lengths = pad([inputs[row] for row in ROWS])
    targets = torch.rand(len(ROWS), 3, generator=torch.Generator().manual_seed(0))
    with precision.autocast(precision.resolve(products, place), place):
        predictions = model(padded.to(place), lengths.to(place)).predictions
    return ccc_loss(predictions.float(), targets.to(place))


def gradients(case: Case, model: SpeechModel, place: torch.device, products: Precision) -> torch.Tensor:
    loss_of(case, model, place, products).backward()
    found = [each.grad.flatten().cpu() for each in model.parameters() if each.grad is not None]
    model.zero_grad()
    return torch.cat(found)


@pytest.mark.parametrize(("products", "tolerance"), [("fp32", 5e-3), ("bf16", 0.4)])
@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_the_cpu_but_for_rounding(
    gpu: torch.device, case_of: Callable[[str], Case], kind: str, products: Precision, tolerance: float
) -> None:
    case = case_of(kind)
    model = case.build().eval()
    expected = gradients(case, model, torch.device("cpu"), "fp32")
    with products_of(products):
        found = gradients(case, model.to(gpu), gpu, products)
    assert found.shape == expected.shape
    assert (found - expected).norm() < tolerance * expected.norm()


def test_a_training_step_uses_no_attention_of_cudnn(gpu: torch.device, case_of: Callable[[str], Case]) -> None:
    """It would build a plan for each pair of batch size and frames, in the forward and in the backward pass."""
    assert precision.device() == gpu
    case = case_of("stored")
    model = case.build().to(gpu).train()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        loss_of(case, model, gpu, "auto").backward()
        torch.cuda.synchronize()
    names = {each.name for each in found.events()}
    assert any("attention" in name for name in names)
    assert not [name for name in names if "cudnn_attention" in name]
