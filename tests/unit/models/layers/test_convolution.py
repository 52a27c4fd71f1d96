"""Convolution as matrix products, compared with PyTorch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.models.layers.convolution import convolve


@settings(max_examples=60, deadline=None)
@given(
    kernel=st.integers(1, 11),
    stride=st.integers(1, 6),
    blocks=st.integers(1, 30),
    channels=st.integers(1, 4),
    biased=st.booleans(),
    seed=st.integers(0, 2**16),
)
def test_values_and_gradients_are_those_of_conv1d(
    kernel: int, stride: int, blocks: int, channels: int, biased: bool, seed: int
) -> None:
    rows = blocks * stride
    if rows < kernel:
        return
    draw = torch.Generator().manual_seed(seed)
    states, weight, bias = (
        torch.randn(shape, generator=draw, dtype=torch.float64, requires_grad=True)
        for shape in ((rows, channels), (3, channels, kernel), (3,))
    )
    given_bias = bias if biased else None
    expected = torch.nn.functional.conv1d(states.T[None], weight, given_bias, stride)[0].T
    found = convolve(states, weight, given_bias, stride)
    assert found.shape == (blocks, 3)
    torch.testing.assert_close(found[: len(expected)], expected)
    variables = [states, weight, bias] if biased else [states, weight]
    share = torch.randn(expected.shape, generator=draw, dtype=torch.float64)
    torch.testing.assert_close(
        torch.autograd.grad((found[: len(expected)] * share).sum(), variables),
        torch.autograd.grad((expected * share).sum(), variables),
    )


def test_consecutive_utterances_do_not_affect_each_other() -> None:
    first, second, weight = torch.randn(12, 2), torch.randn(12, 2), torch.randn(5, 2, 3)
    together = convolve(torch.cat([first, second]), weight, None, 2)
    alone = convolve(first, weight, None, 2)
    torch.testing.assert_close(together[:5], alone[:5])
    torch.testing.assert_close(together[6:11], convolve(second, weight, None, 2)[:5])


def test_a_part_of_a_block_is_refused() -> None:
    with pytest.raises(RuntimeError):
        convolve(torch.zeros(5, 1), torch.zeros(1, 1, 2), None, 2)
