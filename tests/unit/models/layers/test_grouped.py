import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import HubertConfig, HubertModel

from valence_gap.models.layers import grouped
from valence_gap.models.layers.grouped import (
    BLOCK,
    MAX_BANDED_CHANNELS,
    WIDE,
    block_of,
    convolve_groups,
    is_banded,
    keep_in_float32,
)
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
    width=st.one_of(st.integers(1, WIDE + 1), st.sampled_from([MAX_BANDED_CHANNELS, MAX_BANDED_CHANNELS + 1])),
    groups=st.integers(1, 3),
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


@pytest.mark.parametrize("width", [WIDE - 6, WIDE, MAX_BANDED_CHANNELS + 1])
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
        ("cpu", torch.bfloat16, 48, True),
        ("cpu", torch.float32, 64, True),
        ("cpu", torch.bfloat16, 80, False),
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


@pytest.mark.parametrize(("width", "blocks"), [(1, BLOCK), (WIDE - 1, BLOCK), (WIDE, 8), (MAX_BANDED_CHANNELS, 8)])
def test_wide_groups_have_short_blocks_on_a_cpu(width, blocks):
    assert block_of(torch.empty(2 * width, width, 5)) == blocks
    assert block_of(torch.empty(2 * width, width, 5, device="meta")) == BLOCK


@pytest.mark.parametrize("block", [1, 2, 8, 16])
def test_the_length_of_a_block_changes_only_the_rounding(monkeypatch, block):
    states, weight, bias = drawn(2, 21, 16, 2, 6)
    monkeypatch.setattr(grouped, "BLOCK_IF_WIDE", block)
    found, expected = convolve_groups(states, weight, bias, 2), by_pytorch(states, weight, bias, 2)
    assert torch.allclose(found, expected)
    gradients = (torch.autograd.grad(each.square().sum(), (states, weight, bias)) for each in (found, expected))
    assert all(torch.allclose(one, other) for one, other in zip(*gradients, strict=True))


def test_grouped_convolutions_of_transformers_are_not_rounded_under_autocast() -> None:
    config = HubertConfig(
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=64,
        num_conv_pos_embeddings=16,
        num_conv_pos_embedding_groups=4,
    )
    positional = HubertModel(config).encoder.pos_conv_embed
    states = torch.randn(2, 20, 32)
    expected = positional(states)
    keep_in_float32(positional)
    with torch.autocast("cpu", torch.bfloat16):
        found = positional(states)
    assert torch.equal(found, expected)
    (gradient,) = torch.autograd.grad(found.square().sum(), positional.conv.bias)
    assert torch.equal(gradient, torch.autograd.grad(expected.square().sum(), positional.conv.bias)[0])


@pytest.mark.parametrize("width", [8, 10, 48])
@pytest.mark.parametrize("kernel", [16, 32])
def test_rounded_products_are_right_on_this_processor(width: int, kernel: int) -> None:
    states = torch.randn(2, 50, 4 * width).bfloat16()
    weight = (torch.randn(4 * width, width, kernel) / (width * kernel) ** 0.5).bfloat16()
    bias = torch.randn(4 * width).bfloat16()
    found = convolve_groups(states, weight, bias, 4).float()
    expected = convolve_groups(states.float(), weight.float(), bias.float(), 4)
    assert (found - expected).norm() < 0.02 * expected.norm()
