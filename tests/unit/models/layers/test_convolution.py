"""Convolution as matrix products, compared with PyTorch: of blocks, and of windows as on a GPU."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from valence_gap.models.layers import convolution
from valence_gap.models.layers.convolution import convolve


@settings(max_examples=60, deadline=None)
@given(
    kernel=st.integers(1, 11),
    stride=st.integers(1, 6),
    blocks=st.integers(1, 30),
    channels=st.integers(1, 4),
    biased=st.booleans(),
    windows=st.booleans(),
    chunks=st.sampled_from([1, 3, 64]),
    seed=st.integers(0, 2**16),
)
def test_values_and_gradients_are_those_of_conv1d(
    kernel: int, stride: int, blocks: int, channels: int, biased: bool, windows: bool, chunks: int, seed: int
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
    variables = [states, weight, bias] if biased else [states, weight]
    share = torch.randn(expected.shape, generator=draw, dtype=torch.float64)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(convolution, "needs_windows", lambda states, stride: windows)
        patched.setattr(convolution, "CHUNKS", chunks)
        found = convolve(states, weight, given_bias, stride)
        gradients = torch.autograd.grad((found[: len(expected)] * share).sum(), variables)
    assert found.shape == (blocks, 3)
    torch.testing.assert_close(found[: len(expected)], expected)
    torch.testing.assert_close(gradients, torch.autograd.grad((expected * share).sum(), variables))


@pytest.mark.parametrize("seconds", [0.001, 0.37, 2.0])
def test_the_first_layer_of_a_stem_on_a_gpu_is_that_of_conv1d(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    monkeypatch.setattr(convolution, "needs_windows", lambda states, stride: True)
    torch.manual_seed(0)
    layer = torch.nn.Conv1d(1, 32, 10, stride=5)
    waveform = torch.randn(-(-round(seconds * 16_000) // 5) * 5)
    expected = layer(waveform[None]).T
    found = convolve(waveform[:, None], layer.weight, layer.bias, 5)[: len(expected)]
    torch.testing.assert_close(found, expected)
    share = torch.randn_like(expected)
    for one, other in zip(
        *(torch.autograd.grad((each * share).sum(), list(layer.parameters())) for each in (found, expected)),
        strict=True,
    ):
        assert (one - other).norm() < 1e-5 * other.norm()


def test_the_gradient_of_rounded_products_is_as_exact_as_their_factors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "needs_windows", lambda states, stride: True)
    torch.manual_seed(0)
    waveform, weight = torch.randn(50_000, 1).bfloat16(), torch.randn(8, 1, 10).bfloat16().requires_grad_()
    convolve(waveform, weight, None, 5)[:-1].sum().backward()
    exact = waveform[:, 0].double().unfold(0, 10, 5).sum(dim=0)
    assert weight.grad is not None
    assert (weight.grad.double() - exact).abs().max() < 0.01 * exact.abs().max()


@pytest.mark.parametrize(
    ("channels", "stride", "expected"), [(1, 5, True), (512, 2, False), (8, 4, False), (3, 2, True)]
)
def test_only_a_gpu_multiplies_windows_and_only_of_narrow_layers(channels: int, stride: int, expected: bool) -> None:
    assert convolution.needs_windows(torch.empty(10, channels, device="meta"), stride) == expected
    assert not convolution.needs_windows(torch.empty(10, channels), stride)


def test_consecutive_utterances_do_not_affect_each_other() -> None:
    first, second, weight = torch.randn(12, 2), torch.randn(12, 2), torch.randn(5, 2, 3)
    together = convolve(torch.cat([first, second]), weight, None, 2)
    alone = convolve(first, weight, None, 2)
    torch.testing.assert_close(together[:5], alone[:5])
    torch.testing.assert_close(together[6:11], convolve(second, weight, None, 2)[:5])


def test_a_part_of_a_block_is_refused() -> None:
    with pytest.raises(RuntimeError):
        convolve(torch.zeros(5, 1), torch.zeros(1, 1, 2), None, 2)
