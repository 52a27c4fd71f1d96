"""Export of a finished model as one ONNX file whose input is raw waveforms."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from valence_gap.models.head import RegressionHead
from valence_gap.models.hub_encoders import encoder_class
from valence_gap.runtime.errors import UserError

OPSET = 18
INPUT, OUTPUTS = "signal", ("hidden_states", "logits")  # names of the authors' released ONNX model
TOLERANCE = 1e-4
CHECKED = ((2, 16_000), (1, 9_999))  # (batch, samples) that the export is checked with; the first is traced
KINDS = ("wav2vec2", "hubert")  # model_type of the encoders that the export is tested with
REMEDY = "Install the optional packages: pip install 'valence-gap[onnx]'"


class WaveformModel(nn.Module):
    """The model as a function of unpadded waveforms of one length.

    Args:
        backbone: the encoder, a transformers model.
        head: its regression head.
    """

    def __init__(self, backbone: PreTrainedModel, head: RegressionHead) -> None:
        super().__init__()
        self.backbone, self.dense, self.out_proj = backbone, head.dense, head.out_proj

    def forward(self, signal: Tensor) -> tuple[Tensor, Tensor]:
        """Pooled states (batch, hidden) and scores (batch, 3) of float32 (batch, samples)."""
        pooled = cast(Any, self.backbone)(signal)[0].mean(dim=1)
        return pooled, self.out_proj(torch.tanh(self.dense(pooled)))


def missing_packages() -> list[str]:
    """The packages of the optional extra that are not installed."""
    missing = []
    for package in ("onnx", "onnxscript", "onnxruntime"):
        try:
            __import__(package)
        except ImportError:
            missing.append(package)
    return missing


def require_onnx() -> None:
    """Check that the packages for ONNX are installed.

    Raises:
        UserError: packages are missing; the error names all of them.
    """
    if missing := missing_packages():
        raise UserError("an ONNX file cannot be written", [f"{name} is not installed" for name in missing], REMEDY)


def export_onnx(folder: Path, family: str, head: RegressionHead, output: Path) -> None:
    """Write the ONNX file, and compare its outputs with those of the model.

    Args:
        folder: the model in the released layout.
        family: start of the name of its encoder's class in transformers, such as Wav2Vec2.
        head: its head.
        output: the file; its input may have any batch size and number of samples.

    Raises:
        UserError: a package is missing, or the outputs of the file differ from those of the model.
    """
    require_onnx()
    backbone = cast(
        PreTrainedModel, cast(Any, encoder_class(family)).from_pretrained(folder, attn_implementation="eager")
    )
    model = WaveformModel(backbone, head.cpu()).eval()
    generator = torch.Generator().manual_seed(0)
    signals = [torch.randn(shape, generator=generator) for shape in CHECKED]
    program = torch.onnx.export(
        model,
        (signals[0],),
        input_names=[INPUT],
        output_names=list(OUTPUTS),
        dynamic_shapes={INPUT: {0: torch.export.Dim("batch"), 1: torch.export.Dim("samples")}},
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise UserError("PyTorch returned no ONNX program", remedy="Omit --onnx.")
    program.save(output, external_data=False)
    _compare(model, output, signals)


@torch.no_grad()
def _compare(model: nn.Module, file: Path, signals: list[Tensor]) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    worst = 0.0
    for signal in signals:
        found = session.run(list(OUTPUTS), {INPUT: signal.numpy()})
        for one, other in zip(model(signal), found, strict=True):
            worst = max(worst, float(np.abs(one.numpy() - other).max()))
    if not worst <= TOLERANCE:
        raise UserError(
            "the outputs of the ONNX file differ from those of the model",
            [f"they differ by {worst:g}, more than {TOLERANCE:g}"],
            "Omit --onnx, or try other versions of torch and onnxruntime.",
        )
