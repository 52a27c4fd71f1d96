import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.models.layers.activations import ACTIVATIONS


def every_bfloat16():
    found = torch.arange(2**16, dtype=torch.int32).to(torch.int16).view(torch.bfloat16)
    return found[found.isfinite()]


@settings(deadline=None, max_examples=10)
@given(seed=st.integers(0, 2**16))
def test_the_derivative_of_gelu_in_bfloat16_is_that_in_float32_rounded_once(seed):
    states = every_bfloat16().requires_grad_()
    given_back = torch.randn(len(states), generator=torch.Generator().manual_seed(seed)).bfloat16()
    (found,) = torch.autograd.grad(ACTIVATIONS["gelu"](states), states, given_back)
    exact = states.detach().float().requires_grad_()
    (expected,) = torch.autograd.grad(F.gelu(exact), exact, given_back.float())
    assert torch.equal(found, expected.bfloat16())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_those_of_transformers(name):
    from transformers.activations import ACT2FN

    states = torch.linspace(-6, 6, 1001)
    torch.testing.assert_close(ACTIVATIONS[name](states), ACT2FN[name](states))
