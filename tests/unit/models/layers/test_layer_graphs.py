"""Graphs of layers give the numbers and gradients of the layers; their recordings are faked by plain calls."""

from collections.abc import Callable

import pytest
import torch
from small_encoders import LENGTHS, computed, encoder_of

from valence_gap.models import wav2vec2
from valence_gap.models.layers import layer_graphs, packing
from valence_gap.models.layers.layer_graphs import shapes_that_fit
from valence_gap.models.layers.packing import filled_shape, packing_of
from valence_gap.models.wav2vec2 import SpeechEncoder
from valence_gap.runtime import precision

OTHER = torch.tensor([12, 12])
MEMORY = 1e9


class Repeated:
    """A recording that calls its function again and writes the result into the place of the first one."""

    def __init__(self, work: Callable[[], torch.Tensor], pool: object) -> None:
        self.work, self.calls = work, 0
        self.result = work()

    def repeat(self) -> None:
        self.calls += 1
        with torch.enable_grad():
            found = self.work()
        with torch.no_grad():
            self.result.copy_(found)


@pytest.fixture(autouse=True)
def faked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav2vec2, "is_packed", lambda device, head_width: True)
    monkeypatch.setattr(layer_graphs, "Recording", Repeated)
    monkeypatch.setattr(packing, "CAPACITY", 64)


def with_graphs(encoder: SpeechEncoder, *batches: torch.Tensor) -> SpeechEncoder:
    with precision.autocast(torch.bfloat16, "cpu"):
        encoder.capture_graphs(list(batches), MEMORY)
    return encoder


def step(encoder: SpeechEncoder, lengths: torch.Tensor) -> list[torch.Tensor]:
    with precision.autocast(torch.bfloat16, "cpu"):
        return computed(encoder, lengths)


def repetitions(encoder: SpeechEncoder) -> int:
    assert encoder.encoder.graphs is not None
    units = [unit for each in encoder.encoder.graphs._units.values() for unit in each]
    return sum(unit.forward.calls for unit in units)  # type: ignore[attr-defined]


@pytest.mark.parametrize("layerdrop", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("stable", [False, True])
def test_graphs_give_the_numbers_and_gradients_of_the_layers(stable: bool, layerdrop: float) -> None:
    encoder = encoder_of(do_stable_layer_norm=stable, layerdrop=layerdrop)
    batches = (LENGTHS, OTHER, LENGTHS)  # one shape, another, and the first one again
    expected = [step(encoder, lengths) for lengths in batches]
    with_graphs(encoder, *batches, *batches)
    for lengths, wanted in zip(batches, expected, strict=True):
        found = step(encoder, lengths)
        assert len(found) == len(wanted)
        for one, other in zip(found, wanted, strict=True):
            assert torch.allclose(one, other, rtol=1e-6, atol=1e-7)
    assert repetitions(encoder) == 9 * (layerdrop == 0) or layerdrop > 0


def test_weights_that_change_are_seen() -> None:
    encoder = with_graphs(encoder_of(), LENGTHS, LENGTHS)
    before = step(encoder, LENGTHS)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight.mul_(1.1)
    found = step(encoder, LENGTHS)
    encoder.encoder.graphs = None
    for one, other in zip(found, step(encoder, LENGTHS), strict=True):
        assert torch.allclose(one, other, rtol=1e-6, atol=1e-7)
    assert not torch.allclose(found[0], before[0])


def test_shapes_of_one_batch_and_evaluations_use_no_graph() -> None:
    encoder = with_graphs(encoder_of(), LENGTHS, LENGTHS, OTHER)
    assert encoder.encoder.graphs is not None
    assert packing_of(LENGTHS, 30, torch.device("cpu"), filled=True) in encoder.encoder.graphs
    assert packing_of(OTHER, 30, torch.device("cpu"), filled=True) not in encoder.encoder.graphs
    step(encoder, OTHER)
    with torch.no_grad():
        encoder(torch.randn(5, 30, 8), LENGTHS)
    step(encoder.eval(), LENGTHS)
    assert repetitions(encoder) == 0
    step(encoder.train(), LENGTHS)
    assert repetitions(encoder) == 3


def test_a_capture_that_fails_is_reported_and_leaves_no_graphs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(work: Callable[[], torch.Tensor], pool: object) -> Repeated:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(layer_graphs, "Recording", failing)
    encoder = encoder_of()
    expected = step(encoder, LENGTHS)
    with_graphs(encoder, LENGTHS, LENGTHS)
    (line,) = capsys.readouterr().err.splitlines()
    assert "without CUDA graphs: operation not permitted" in line
    for one, other in zip(step(encoder, LENGTHS), expected, strict=True):
        assert torch.equal(one, other)


def test_the_shape_is_that_of_the_filled_packing() -> None:
    for lengths in (LENGTHS, OTHER, torch.full((32,), 290)):
        assert filled_shape(lengths) == packing_of(lengths, 300, torch.device("cpu"), filled=True).shape


def test_the_smallest_shapes_get_the_memory() -> None:
    shapes = [(3000, 64, 512), (1000, 64, 512), (2000, 64, 512), (1000, 64, 512)]
    of_1000 = 4 * 2 * 16 * 1000  # bytes of a tensor (1000, 16) for each of two layers
    needed = 4 * 100 + (2 + 2 * 2) * of_1000 + 12 * 2 * of_1000  # weights, two shapes, activations of the larger one
    assert shapes_that_fit(shapes, 2, 16, 100, needed) == [(1000, 64, 512), (2000, 64, 512)]
    assert shapes_that_fit(shapes, 2, 16, 100, needed - 1) == [(1000, 64, 512)]
    assert shapes_that_fit(shapes, 2, 16, 100, 0) == []
