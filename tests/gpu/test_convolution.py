"""The banded product on a GPU gives the numbers and gradients of cuDNN's convolution."""

import pytest
import torch
import torch.nn.functional as F

from valence_gap.models.layers.grouped import convolve_groups, is_banded
from valence_gap.runtime import precision


@pytest.mark.parametrize("frames", [1, 137, 290])
def test_the_banded_product_of_a_base_model_is_close_to_float32(gpu: torch.device, frames: int) -> None:
    torch.manual_seed(0)
    states, weight, bias = (
        torch.randn(shape, device=gpu) * scale
        for shape, scale in (((4, frames, 768), 1.0), ((768, 48, 128), 0.02), ((768,), 1.0))
    )
    share = torch.randn(4, frames, 768, device=gpu)
    rounded = [each.bfloat16().requires_grad_() for each in (states, weight, bias)]
    assert is_banded(rounded[1])
    found = convolve_groups(*rounded, 16)
    gradients = torch.autograd.grad((found.float() * share).sum(), rounded)
    exact = [each.detach().float().requires_grad_() for each in rounded]
    with precision.products_of("fp32"):
        reference = F.conv1d(exact[0].transpose(1, 2), *exact[1:], padding=64, groups=16)[:, :, :frames].transpose(1, 2)
        expected = torch.autograd.grad((reference * share).sum(), exact)
    for one, other in zip((found, *gradients), (reference, *expected), strict=True):
        assert (one.float() - other).norm() < 0.02 * other.norm()
