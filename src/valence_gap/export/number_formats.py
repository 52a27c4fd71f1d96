"""How far an exported model, which computes in float32, is from the predictions of the study."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from valence_gap.models.encoder import TransformerModel
from valence_gap.prediction.inputs import normalise
from valence_gap.runtime.precision import autocast, resolve

NOISE_S = (1, 2, 4)  # duration of each signal that both are computed for
RATE_HZ = 16_000
ORDER_OF_SUMS = 1e-5  # transformers and ONNX add in another order, which the comparison here does not contain


@dataclass(frozen=True)
class NumberFormats:
    """The number formats of the study's predictions, and what they change.

    Attributes:
        products: number format of the matrix products, such as bfloat16.
        rounded_stem: the output of the convolutional stem is rounded to bfloat16.
        difference: largest difference of a score from that of the exported model, over three signals of noise, at least
            ``ORDER_OF_SUMS``.
    """

    products: str
    rounded_stem: bool
    difference: float


@torch.inference_mode()
def compare_formats(model: TransformerModel, run: Mapping[str, Any]) -> NumberFormats:
    """Predict noise as the study does, and in float32 without rounding.

    Args:
        model: a finished model on waveforms, in evaluation mode, on the CPU.
        run: its ``run.json``, for the number format of its training; if it has none, that of this machine is used.
    """
    products = str(run.get("precision") or resolve(model.precision)).removeprefix("torch.")
    generator = torch.Generator().manual_seed(0)
    signals = [normalise(torch.randn(seconds * RATE_HZ, generator=generator)) for seconds in NOISE_S]
    differences = [
        (_scores(model, signal, getattr(torch, products), exact=False) - _scores(model, signal, exact=True)).abs().max()
        for signal in signals
    ]
    rounded = model.input_kind == "stem" and model.stem is not None and model.stem.rounded
    return NumberFormats(products, rounded, max(ORDER_OF_SUMS, float(torch.stack(differences).max())))


def _scores(
    model: TransformerModel, signal: torch.Tensor, products: torch.dtype = torch.float32, *, exact: bool
) -> torch.Tensor:
    """Float32 (3,), of a waveform of zero mean and unit variance."""
    stem = model.stem
    if model.input_kind == "stem" and stem is not None:
        signal = (replace(stem, rounded=False) if exact else stem)(signal)
    with autocast(products, "cpu"):
        predictions: torch.Tensor = model(signal[None], torch.tensor([len(signal)])).predictions
    return predictions[0].float()
