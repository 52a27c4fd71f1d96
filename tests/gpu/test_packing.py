"""Packed frames on a GPU, and CUDA graphs of layers on them, give the numbers and gradients of padded frames."""

from typing import Any

import pytest
import torch
from small_encoders import LENGTHS, computed, encoder_of

from valence_gap.models import wav2vec2
from valence_gap.models.layers.attention import attend
from valence_gap.models.layers.layer_graphs import LayerGraphs
from valence_gap.models.layers.packed_attention import attend_packed, is_packed
from valence_gap.models.layers.packing import packing_of
from valence_gap.runtime import precision


def flat(found: list[torch.Tensor]) -> torch.Tensor:
    return torch.cat([each.float().flatten() for each in found])


@pytest.fixture
def packing_gpu(gpu: torch.device) -> torch.device:
    with precision.autocast(torch.bfloat16, gpu):
        if not is_packed(gpu, 64):
            pytest.skip("this GPU has no flash attention over packed frames")
    return gpu


@pytest.mark.parametrize("layerdrop", [0.0, 0.5])
@pytest.mark.parametrize("stable", [False, True])
def test_packed_frames_give_the_numbers_and_gradients_of_padded_ones(
    packing_gpu: torch.device, monkeypatch: pytest.MonkeyPatch, stable: bool, layerdrop: float
) -> None:
    encoder = encoder_of(hidden_size=128, do_stable_layer_norm=stable, layerdrop=layerdrop).to(packing_gpu)
    exact = computed(encoder, LENGTHS)
    with precision.autocast(torch.bfloat16, packing_gpu):
        packed = computed(encoder, LENGTHS)
        monkeypatch.setattr(wav2vec2, "is_packed", lambda device, head_width: False)
        padded = computed(encoder, LENGTHS)
    for found in (packed, padded):
        assert (found[0] - exact[0]).norm() < 0.02 * exact[0].norm()
        assert (flat(found[1:]) - flat(exact[1:])).norm() < 0.05 * flat(exact[1:]).norm()


@pytest.mark.parametrize("dropout", [0.0, 0.1])
@pytest.mark.parametrize("layerdrop", [0.0, 0.5])
@pytest.mark.parametrize("stable", [False, True])
def test_graphs_give_the_numbers_and_gradients_of_the_layers(
    packing_gpu: torch.device, stable: bool, layerdrop: float, dropout: float
) -> None:
    rates = dict.fromkeys(("hidden_dropout", "attention_dropout", "activation_dropout"), dropout)
    encoder = encoder_of(hidden_size=128, do_stable_layer_norm=stable, layerdrop=layerdrop, **rates).to(packing_gpu)
    batches = (LENGTHS, torch.full((40,), 60), LENGTHS)  # one shape, a larger one, and the first one again
    with precision.autocast(torch.bfloat16, packing_gpu):
        expected = [computed(encoder, lengths) for lengths in batches]
    with precision.autocast(torch.bfloat16, packing_gpu):
        encoder.capture_graphs([*batches, *batches], 1e9)
        assert encoder.encoder.graphs is not None
        assert all(packing_of(each, 60, packing_gpu, filled=True) in encoder.encoder.graphs for each in batches)
        for lengths, wanted in zip(batches, expected, strict=True):
            found = computed(encoder, lengths)  # with the same seed, the same dropout
            assert (found[0] - wanted[0]).norm() < 1e-3 * wanted[0].norm()
            assert (flat(found[1:]) - flat(wanted[1:])).norm() < 0.01 * flat(wanted[1:]).norm()


def test_a_training_goes_on_after_a_capture_that_fails(
    packing_gpu: torch.device, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    encoder = encoder_of(hidden_size=128, hidden_dropout=0.1, attention_dropout=0.1).to(packing_gpu)
    compute = LayerGraphs._compute

    def waiting(*given: Any) -> torch.Tensor:
        states = compute(*given)
        if torch.cuda.is_current_stream_capturing():
            torch.cuda.synchronize()  # not allowed within a capture
        return states

    with precision.autocast(torch.bfloat16, packing_gpu):
        expected = computed(encoder, LENGTHS)
    monkeypatch.setattr(LayerGraphs, "_compute", waiting)
    with precision.autocast(torch.bfloat16, packing_gpu):
        encoder.capture_graphs([LENGTHS, LENGTHS], 1e9)
        assert "without CUDA graphs" in capsys.readouterr().err
        found = computed(encoder, LENGTHS)
    assert (flat(found) - flat(expected)).norm() < 0.01 * flat(expected).norm()


@pytest.mark.parametrize("width", [8, 64, 80, 128])
def test_flash_attention_stays_within_each_sequence(packing_gpu: torch.device, width: int) -> None:
    torch.manual_seed(0)
    packed = torch.randn(3, 300, 2, width, dtype=torch.bfloat16, device=packing_gpu, requires_grad=True)
    share = torch.randn(300, 2, width, device=packing_gpu)
    starts = torch.tensor([0, 200, 200, 201, 300, 300], dtype=torch.int32, device=packing_gpu)
    found = attend_packed(*packed, starts, 512)
    (gradient,) = torch.autograd.grad((found.float() * share).sum(), packed)
    exact = packed.detach().cpu().float().requires_grad_()
    spans = [exact[:, start:end].transpose(1, 2)[:, None] for start, end in ((0, 200), (200, 201), (201, 300))]
    expected = torch.cat([attend(*span, None)[0].transpose(0, 1) for span in spans])
    (of_exact,) = torch.autograd.grad((expected * share.cpu()).sum(), exact)
    assert (found.cpu().float() - expected).norm() < 0.01 * expected.norm()
    assert (gradient.cpu().float() - of_exact).norm() < 0.02 * of_exact.norm()


def test_flash_attention_drops_weights_at_the_rate_and_draws_the_same_with_one_seed(packing_gpu: torch.device) -> None:
    frames, rate = 64, 0.25
    same = torch.zeros(frames, 1, frames, dtype=torch.bfloat16, device=packing_gpu)
    value = torch.eye(frames, dtype=torch.bfloat16, device=packing_gpu)[:, None]
    starts = torch.tensor([0, frames], dtype=torch.int32, device=packing_gpu)
    found = []
    for seed in (1, 1, 2):
        torch.cuda.manual_seed(seed)
        found.append(attend_packed(same, same, value, starts, frames, rate)[:, 0].float() * frames)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert float((found[0] == 0).float().mean()) == pytest.approx(rate, abs=0.03)
    assert float(found[0].max()) == pytest.approx(1 / (1 - rate), rel=0.02)
