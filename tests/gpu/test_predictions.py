"""Predictions and stem features of a GPU against those of the CPU."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cases import KINDS, Case

from valence_gap.models.front_ends.stem import Stem
from valence_gap.prediction.inference import predict
from valence_gap.prediction.inputs import pad, subset
from valence_gap.prediction.stem_features import extract_features
from valence_gap.runtime import precision
from valence_gap.runtime.precision import Precision, products_of


@pytest.mark.parametrize(("products", "tolerance"), [("fp32", 1e-3), ("bf16", 5e-2)])
@pytest.mark.parametrize("kind", KINDS)
def test_predictions_are_those_of_the_cpu_but_for_rounding(
    gpu: torch.device, case_of: Callable[[str], Case], kind: str, products: Precision, tolerance: float
) -> None:
    case = case_of(kind)
    model = case.build()
    expected = np.concatenate(predict(model, case.inputs(model), precision="fp32", what=""), axis=1)
    model = model.to(gpu)
    with products_of(products):
        found = np.concatenate(predict(model, case.inputs(model), precision=products, what=""), axis=1)
    assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected)


def test_stem_features_are_those_of_the_cpu_but_for_rounding(
    gpu: torch.device, case_of: Callable[[str], Case], tmp_path: Path
) -> None:
    case = case_of("streamed")
    model = case.build()
    inputs = case.inputs(model)
    expected = [inputs[row] for row in range(len(inputs))]
    assert model.stem is not None
    model.stem.extractor.to(gpu)
    found = [inputs[row] for row in range(len(inputs))]
    for one, other in zip(found, expected, strict=True):
        assert one.device.type == "cpu"
        torch.testing.assert_close(one, other, atol=1e-2, rtol=1e-2)  # bfloat16 has three digits


def test_utterances_computed_together_have_the_features_of_the_cpu_but_for_rounding(
    gpu: torch.device, case_of: Callable[[str], Case], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of("streamed")
    audio = case.data.train.audio
    assert audio is not None
    for place in (torch.device("cpu"), gpu):
        monkeypatch.setattr(precision, "device", lambda place=place: place)
        extract_features(case.data.backbone, audio, tmp_path / place.type, rounded=False)
    expected, found = (np.load(tmp_path / place / "features.npy") for place in ("cpu", "cuda"))
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


def test_the_stem_computes_a_batch_without_waiting_for_the_gpu(
    gpu: torch.device, case_of: Callable[[str], Case]
) -> None:
    model = case_of("streamed").build().to(gpu)
    assert model.stem is not None
    waveforms, lengths = pad([torch.randn(samples) for samples in (9_000, 8_000, 400)])
    on_gpu = waveforms.to(gpu)
    expected = model.stem.features(on_gpu, lengths)  # the first call loads kernels
    torch.cuda.synchronize()
    before = torch.cuda.get_sync_debug_mode()
    torch.cuda.set_sync_debug_mode("error")
    try:
        found = model.stem.features(on_gpu, lengths)
    finally:
        torch.cuda.set_sync_debug_mode(before)
    assert torch.equal(found, expected)


def test_streamed_predictions_compute_no_utterance_alone(
    gpu: torch.device, case_of: Callable[[str], Case], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of("streamed")
    model = case.build().to(gpu)
    inputs = case.inputs(model)
    monkeypatch.setattr(Stem, "__call__", None)
    order = list(range(len(inputs)))[::-1]
    whole, some = (predict(model, each, precision="fp32", what="")[0] for each in (inputs, subset(inputs, order)))
    np.testing.assert_allclose(some, whole[order], atol=1e-4)
