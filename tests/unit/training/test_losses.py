import audmetric
import numpy as np
import pytest
import torch

from valence_gap.training.losses import ccc_loss


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.3, 1.0), (0.0, 0.1), (5.0, -2.0)])
def test_the_value_is_that_of_audmetric(shift: float, scale: float) -> None:
    random = np.random.default_rng(0)
    targets = random.random((32, 3))
    predictions = shift + scale * (targets + 0.2 * random.standard_normal((32, 3)))
    expected = np.mean([1 - audmetric.concordance_cc(targets[:, i], predictions[:, i]) for i in range(3)])
    assert ccc_loss(torch.tensor(predictions), torch.tensor(targets)).item() == pytest.approx(expected, abs=1e-12)


def test_the_gradient_is_right() -> None:
    generator = torch.Generator().manual_seed(0)
    predictions = torch.rand(7, 3, dtype=torch.float64, generator=generator, requires_grad=True)
    targets = torch.rand(7, 3, dtype=torch.float64, generator=generator)
    assert torch.autograd.gradcheck(lambda x: ccc_loss(x, targets), (predictions,))


def test_half_precision_is_computed_in_float32() -> None:
    targets = torch.rand(32, 3, generator=torch.Generator().manual_seed(0))
    loss = ccc_loss(targets.bfloat16(), targets)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(ccc_loss(targets.bfloat16().float(), targets).item(), abs=0)


def test_an_undefined_dimension_counts_as_one_and_gives_no_gradient() -> None:
    targets = torch.tensor([[0.1, 0.5], [0.9, 0.5]])
    predictions = torch.tensor([[0.2, 0.5], [0.7, 0.5]], requires_grad=True)
    loss = ccc_loss(predictions, targets)
    loss.backward()
    assert loss.item() == pytest.approx((ccc_loss(predictions[:, :1], targets[:, :1]).item() + 1) / 2)
    assert predictions.grad is not None
    assert predictions.grad[:, 1].tolist() == [0, 0]
    assert predictions.grad[:, 0].abs().min() > 0
