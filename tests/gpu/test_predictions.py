"""Predictions and stem features of a GPU against those of the CPU."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import KINDS, Case

from valence_gap.prediction.inference import predict
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
