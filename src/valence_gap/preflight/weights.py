"""Pre-trained models: whether they exist, are complete and pinned, and how large they are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valence_gap.definitions.models import Backbone, Checkpoint
from valence_gap.preflight.findings import Finding
from valence_gap.runtime.files import read_json
from valence_gap.weights.local import SPECTROGRAM_MODEL_TYPES, local_source, model_type_of
from valence_gap.weights.model_types import CONFIG, WEIGHTS, header, model_type_error

FOLDER = Path("resources/pretrained")
PICKLED, RUN = "pytorch_model.bin", "run.json"
STEM_KERNELS = (10, 3, 3, 3, 3, 2, 2)
STEM_STRIDES = (5, 2, 2, 2, 2, 2, 2)
ON_THE_HUB = {"wav2vec2-bert": "facebook/w2v-bert", "whisper": "openai/whisper"}
COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True)
class Size:
    """Size of a transformer encoder.

    Args:
        layers: transformer layers.
        hidden: hidden units.
        intermediate: units of the feed-forward module.
        stem: channels of each layer of the convolutional stem; for spectrograms, zeros and the number of bins.
        padded_s: seconds that every utterance is padded to.
        assumed: its configuration was not available.
        kernels: kernel of each layer of the stem.
        strides: stride of each.
    """

    layers: int
    hidden: int
    intermediate: int
    stem: tuple[int, ...] = (512,) * 7
    padded_s: float = 0.0
    assumed: bool = False
    kernels: tuple[int, ...] = STEM_KERNELS
    strides: tuple[int, ...] = STEM_STRIDES

    def parameters(self, layers: int | None = None) -> int:
        """Number of weights, of ``layers`` bottom layers or of all; without biases and norms."""
        per_layer = 4 * self.hidden**2 + 2 * self.hidden * self.intermediate
        positions = 128 * self.hidden**2 // 16
        return (layers or self.layers) * per_layer + positions + self.stem[-1] * self.hidden + _stem_parameters(self)


BASE = Size(layers=12, hidden=768, intermediate=3072)
LARGE = Size(layers=24, hidden=1024, intermediate=4096)
WHISPER_S = 30.0


def _conformer(layers: int, hidden: int, intermediate: int, bins: int) -> Size:
    """A w2v-BERT: its two feed-forward modules and convolutions (three h x h) count as one feed-forward module."""
    return Size(layers, hidden, 2 * intermediate + 3 * hidden // 2, (0,) * 6 + (bins,))


# From their papers and model cards; the configuration of a fetched model takes precedence.
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
    "facebook/data2vec-audio-base": BASE,
    "facebook/data2vec-audio-large": LARGE,
    "facebook/w2v-bert-2.0": _conformer(24, 1024, 4096, 160),
    "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim": Size(layers=12, hidden=1024, intermediate=4096),
}


def _stem_parameters(size: Size) -> int:
    inputs = (1, *size.stem)
    return sum(kernel * before * after for kernel, before, after in zip(size.kernels, inputs, size.stem, strict=False))


def size_of(name: str, backbone: Backbone) -> Size:
    """Size of a backbone; see ``size_of_source``."""
    return size_of_source(backbone.source, FOLDER / name)


def size_of_source(source: str | None, fetched: Path) -> Size:
    """Size of an encoder: from its configuration if it is here, else from its model card, else that of a large one.

    Args:
        source: hub id or local folder.
        fetched: its folder after it is fetched.
    """
    for folder in (fetched, local_source(source)):
        if folder and (folder / CONFIG).is_file():
            return _size_from_config(read_json(folder / CONFIG))
    return KNOWN.get(source or "") or Size(layers=24, hidden=1024, intermediate=4096, assumed=True)


def _size_from_config(config: Mapping[str, Any]) -> Size:
    """Return the size from a ``config.json``."""
    kind, hidden = config.get("model_type"), config.get("hidden_size", config.get("d_model", LARGE.hidden))
    layers = config.get("num_hidden_layers", config.get("encoder_layers", LARGE.layers))
    intermediate = config.get("intermediate_size", config.get("encoder_ffn_dim", 4 * hidden))
    if kind == "wav2vec2-bert":
        return _conformer(layers, hidden, intermediate, config.get("feature_projection_input_dim", 160))
    if kind == "whisper":
        layers = config.get("encoder_layers", layers)
        return Size(layers, hidden, intermediate, (0,) * 6 + (config.get("num_mel_bins", 80),), WHISPER_S)
    return Size(
        layers,
        hidden,
        intermediate,
        tuple(config.get("conv_dim", LARGE.stem)),
        kernels=tuple(config.get("conv_kernel", STEM_KERNELS)),
        strides=tuple(config.get("conv_stride", STEM_STRIDES)),
    )


def examine_backbone(name: str, backbone: Backbone, *, cached: bool = False) -> Finding:
    """Whether a pre-trained model is in ``resources/pretrained`` or can be fetched.

    Args:
        name: its name in the study.
        backbone: its definition.
        cached: the output of stems is cached, unless the definition says ``streamed``.
    """
    key = f"backbones.{name}"
    if cached and not backbone.streamed and (kind := _own_front_end(name, backbone)):
        found = f"{backbone.source}: {kind} receives a spectrogram and has no stem whose output could be cached"
        return Finding(name, "weights", "wrong", found, (f"Set {key}.streamed: true.",))
    return _examine(name, key, backbone, FOLDER / name, backbone.architecture)


def _own_front_end(name: str, backbone: Backbone) -> str | None:
    """Model type of an encoder that receives no waveform: from its configuration, else from its name on the hub."""
    for folder in (FOLDER / name, local_source(backbone.source)):
        if folder and (kind := model_type_of(folder)):
            return kind if kind in SPECTROGRAM_MODEL_TYPES else None
    kinds = [kind for kind, source in ON_THE_HUB.items() if (backbone.source or "").startswith(source)]
    return kinds[0] if kinds else None


def examine_checkpoint(name: str, checkpoint: Checkpoint, fetched: Path) -> Finding:
    """Whether a finished model is in ``fetched`` or can be fetched."""
    return _examine(name, f"models.{name}.checkpoint", checkpoint, fetched, "checkpoint")


def _examine(name: str, key: str, definition: Backbone | Checkpoint, fetched: Path, kind: str) -> Finding:
    source, pinned_revision = definition.source, definition.revision
    local = local_source(source)

    def finding(status: Any, found: str, *details: str) -> Finding:
        return Finding(name, "weights", status, found, details)

    if (fetched / CONFIG).is_file() and (fetched / WEIGHTS).is_file():
        if problem := damage(fetched / WEIGHTS):
            return finding("wrong", f"{fetched / WEIGHTS} {problem}", f"Delete {fetched} and fetch it again.")
        revision = read_json(fetched / RUN).get("revision") if (fetched / RUN).is_file() else None
        if local is None and revision != pinned_revision:
            return finding(
                "differs",
                f"fetched at {revision}, but the study says {pinned_revision}",
                f"It will be fetched again; set {key}.revision: {revision} to keep it.",
            )
        # A local folder may have changed since it was fetched; it is then fetched again.
        if wrong := model_type_error(local if local and local.is_dir() else fetched, kind):
            return finding("wrong", wrong, f"Correct {key}.source.")
        return finding("ok", f"fetched, {_megabytes(fetched / WEIGHTS)}")
    if local is not None:
        weights = [file for file in (local / WEIGHTS, local / PICKLED) if file.is_file()]
        if not (local / CONFIG).is_file() or not weights:
            missing = CONFIG if weights else f"{WEIGHTS} (or {PICKLED})"
            return finding("wrong", f"{local} has no {missing}", f"Correct {key}.source.")
        if weights[0].name == WEIGHTS and (problem := damage(weights[0])):
            return finding("wrong", f"{weights[0]} {problem}", "Download the file again.")
        if wrong := model_type_error(local, kind):
            return finding("wrong", wrong, f"Correct {key}.source.")
        return finding("ok", f"local folder, {_megabytes(weights[0])}")
    if not COMMIT.fullmatch(pinned_revision or ""):
        return finding(
            "wrong",
            f"{source} is not fetched, and could not be pinned: revision {pinned_revision or 'null'}",
            f"Set {key}.revision in your configuration to the 40 hexadecimal digits of a commit, from "
            f"https://huggingface.co/{source}/commits/main.",
        )
    return finding(
        "unknown",
        f"to be fetched from {source} at {str(pinned_revision)[:12]}",
        "The hub was not contacted. `snakemake ... fetch` downloads it, on a node with a network.",
    )


def damage(weights: Path) -> str | None:
    """Why a safetensors file is not complete, by its header and length; None if it seems complete."""
    try:
        _, expected = header(weights)
    except ValueError as error:
        return str(error)
    return None if weights.stat().st_size == expected else "is cut off or damaged"


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:,.1f} MB"
