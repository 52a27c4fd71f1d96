import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.models.layers.grouped import BLOCK, MAX_BANDED_CHANNELS, convolve_groups, is_banded
from valence_gap.runtime import precision


def by_pytorch(states, weight, bias, groups):
    result = F.conv1d(states.transpose(1, 2), weight, bias, padding=weight.shape[2] // 2, groups=groups)
    return result.transpose(1, 2)[:, : states.shape[1]]


def drawn(batch, frames, width, groups, kernel, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    shapes = (batch, frames, groups * width), (groups * width, width, kernel), (groups * width,)
    return [torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes]


@settings(deadline=None, max_examples=40)
@given(
    batch=st.integers(1, 3),
    frames=st.integers(1, 3 * BLOCK + 1),
    width=st.integers(1, MAX_BANDED_CHANNELS + 1),
    groups=st.integers(1, 4),
    kernel=st.integers(1, 2 * BLOCK + 3),
)
def test_output_and_gradients_equal_those_of_pytorch(batch, frames, width, groups, kernel):
    given_to = drawn(batch, frames, width, groups, kernel)
    outcome, reference = convolve_groups(*given_to, groups), by_pytorch(*given_to, groups)
    assert torch.allclose(outcome, reference)
    weights = torch.randn_like(reference)
    found = torch.autograd.grad((outcome * weights).sum(), given_to)
    for one, other in zip(found, torch.autograd.grad((reference * weights).sum(), given_to), strict=True):
        assert torch.allclose(one, other)


def test_the_states_need_no_gradient():
    states, weight, bias = drawn(2, 20, 3, 2, 5)
    convolve_groups(states.detach(), weight, bias, 2).sum().backward()
    assert states.grad is None
    assert weight.grad is not None


@pytest.mark.parametrize("width", [MAX_BANDED_CHANNELS - 6, MAX_BANDED_CHANNELS])
def test_bfloat16_is_close(width):
    states, weight, bias = (each.detach() for each in drawn(2, 40, width, 2, 32, dtype=torch.float32))
    exact = convolve_groups(states, weight, bias, 2)
    found = convolve_groups(states.bfloat16(), weight.bfloat16(), bias.bfloat16(), 2)
    assert found.dtype == torch.bfloat16
    assert (found - exact).abs().max() < 0.03 * exact.abs().max()


@pytest.mark.parametrize(
    ("device", "dtype", "width", "expected"),
    [
        ("cpu", torch.float32, 15, True),
        ("cpu", torch.bfloat16, 48, False),
        ("meta", torch.bfloat16, 48, True),  # a device that is no CPU, as a GPU
        ("meta", torch.bfloat16, 64, False),
        ("meta", torch.float32, 48, False),
    ],
)
def test_where_the_product_is_banded(device, dtype, width, expected):
    weight = torch.empty(16 * width, width, 128, dtype=dtype, device=device)
    assert is_banded(weight) == expected
    with precision.deterministic_kernels(True):
        assert is_banded(weight) == (expected and device == "cpu")
