"""Pre-trained models: whether they are there, whole and pinned, and how large they are."""

import json
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valence_gap.definitions import Backbone
from valence_gap.files import read_json
from valence_gap.preflight.findings import Finding
from valence_gap.study import local_source

FOLDER = Path("resources/pretrained")
CONFIG, WEIGHTS, PICKLED, RUN = "config.json", "model.safetensors", "pytorch_model.bin", "run.json"
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Size:
    """Size of a transformer encoder.

    Args:
        layers: transformer layers.
        hidden: hidden units.
        intermediate: units of the feed-forward module.
        stem: channels of each layer of the convolutional stem.
        assumed: nobody could look into its configuration.
    """

    layers: int
    hidden: int
    intermediate: int
    stem: tuple[int, ...] = (512,) * 7
    assumed: bool = False

    def parameters(self, layers: int | None = None) -> int:
        """Number of weights, of the bottom layers alone where told; biases and norms are left out."""
        per_layer = 4 * self.hidden**2 + 2 * self.hidden * self.intermediate
        positions = 128 * self.hidden**2 // 16
        return (layers or self.layers) * per_layer + positions + self.stem[-1] * self.hidden + _stem_parameters(self)


BASE = Size(layers=12, hidden=768, intermediate=3072)
LARGE = Size(layers=24, hidden=1024, intermediate=4096)
# As their papers and cards say; a fetched model's own configuration comes first.
KNOWN: Mapping[str, Size] = {
    "facebook/wav2vec2-base": BASE,
    "facebook/wav2vec2-base-960h": BASE,
    "facebook/hubert-base-ls960": BASE,
    "bert-base-uncased": BASE,
    "facebook/wav2vec2-large": LARGE,
    "facebook/hubert-large-ll60k": LARGE,
    "facebook/wav2vec2-large-robust": LARGE,
    "facebook/wav2vec2-large-100k-voxpopuli": LARGE,
    "facebook/wav2vec2-xls-r-300m": LARGE,
    "microsoft/wavlm-base": BASE,
    "microsoft/wavlm-large": LARGE,
}
STEM_KERNELS = (10, 3, 3, 3, 3, 2, 2)


def _stem_parameters(size: Size) -> int:
    inputs = (1, *size.stem)
    return sum(kernel * before * after for kernel, before, after in zip(STEM_KERNELS, inputs, size.stem, strict=False))


def size_of(name: str, backbone: Backbone) -> Size:
    """Size of a backbone: from its configuration where it lies here, else as its card says, else as a large one."""
    for folder in (FOLDER / name, local_source(backbone.source)):
        if folder and (folder.expanduser() / CONFIG).is_file():
            config: Mapping[str, Any] = read_json(folder.expanduser() / CONFIG)
            hidden = config.get("hidden_size", LARGE.hidden)
            return Size(
                layers=config.get("num_hidden_layers", LARGE.layers),
                hidden=hidden,
                intermediate=config.get("intermediate_size", 4 * hidden),
                stem=tuple(config.get("conv_dim", LARGE.stem)),
            )
    known = KNOWN.get(backbone.source or "")
    return known or Size(layers=24, hidden=1024, intermediate=4096, assumed=True)


def examine_backbone(name: str, backbone: Backbone) -> Finding:
    """Whether a pre-trained model lies in ``resources/pretrained`` or can get there."""
    fetched, local = FOLDER / name, local_source(backbone.source)

    def finding(status: Any, found: str, *details: str) -> Finding:
        return Finding(name, "weights", status, found, details)

    if (fetched / CONFIG).is_file() and (fetched / WEIGHTS).is_file():
        if problem := damage(fetched / WEIGHTS):
            return finding("wrong", f"{fetched / WEIGHTS} {problem}", f"Delete {fetched} and fetch it again.")
        revision = read_json(fetched / RUN).get("revision") if (fetched / RUN).is_file() else None
        if local is None and revision != backbone.revision:
            return finding(
                "differs",
                f"fetched at {revision}, but the study says {backbone.revision}",
                f"It will be fetched again; set backbones.{name}.revision: {revision} to keep it.",
            )
        return finding("ok", f"fetched, {_megabytes(fetched / WEIGHTS)}")
    if local is not None:
        folder = local.expanduser()
        weights = [file for file in (folder / WEIGHTS, folder / PICKLED) if file.is_file()]
        if not (folder / CONFIG).is_file() or not weights:
            missing = CONFIG if weights else f"{WEIGHTS} (or {PICKLED})"
            return finding("wrong", f"{folder} has no {missing}", f"Correct backbones.{name}.source.")
        if weights[0].name == WEIGHTS and (problem := damage(weights[0])):
            return finding("wrong", f"{weights[0]} {problem}", "Get it anew.")
        return finding("ok", f"local folder, {_megabytes(weights[0])}")
    if not COMMIT.fullmatch(backbone.revision or ""):
        return finding(
            "wrong",
            f"{backbone.source} is not fetched, and could not be pinned: revision {backbone.revision or 'null'}",
            f"Set backbones.{name}.revision in your configuration to the 40 hexadecimal digits of a commit, from "
            f"https://huggingface.co/{backbone.source}/commits/main.",
        )
    return finding(
        "unknown",
        f"to be fetched from {backbone.source} at {str(backbone.revision)[:12]}",
        "The hub was not asked. `snakemake ... fetch` gets it, on a node with a network.",
    )


def damage(weights: Path) -> str | None:
    """Why a safetensors file cannot be whole, judged by its header and length; None where it seems so."""
    try:
        with weights.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(length))
        ends = [entry["data_offsets"][1] for key, entry in header.items() if key != "__metadata__"]
    except (struct.error, ValueError, OverflowError, KeyError, TypeError, AttributeError, MemoryError):
        return "is no safetensors file"
    return None if weights.stat().st_size == 8 + length + max(ends, default=0) else "is cut off or damaged"


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:,.1f} MB"
