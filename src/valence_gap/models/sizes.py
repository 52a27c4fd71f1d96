"""Sizes of transformer encoders: from their configuration, or from their papers and model cards."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.runtime.files import read_json
from valence_gap.weights.local import local_source
from valence_gap.weights.model_types import CONFIG

STEM_KERNELS = (10, 3, 3, 3, 3, 2, 2)
STEM_STRIDES = (5, 2, 2, 2, 2, 2, 2)


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
        position_kernel: frames of the positional convolution's kernel, before the layers.
        position_groups: groups of its channels.
    """

    layers: int
    hidden: int
    intermediate: int
    stem: tuple[int, ...] = (512,) * 7
    padded_s: float = 0.0
    assumed: bool = False
    kernels: tuple[int, ...] = STEM_KERNELS
    strides: tuple[int, ...] = STEM_STRIDES
    position_kernel: int = 128
    position_groups: int = 16

    @property
    def frames_per_s(self) -> float:
        """Frames of the transformer per second of audio: 50 in every model of the paper."""
        return SAMPLE_RATE_HZ / prod(self.strides)

    def parameters(self, layers: int | None = None) -> int:
        """Number of weights, of ``layers`` bottom layers or of all; without biases and norms."""
        per_layer = 4 * self.hidden**2 + 2 * self.hidden * self.intermediate
        inputs = self.position_weights + self.stem[-1] * self.hidden + _stem_parameters(self)
        return (layers or self.layers) * per_layer + inputs

    @property
    def position_weights(self) -> int:
        """Weights of the positional convolution."""
        return self.position_kernel * self.hidden**2 // self.position_groups


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


def size_of_source(source: str | None, fetched: Path) -> Size:
    """Size of an encoder: from its configuration if it is here, else from its model card, else that of a large one.

    Args:
        source: hub id or local folder.
        fetched: its folder after it is fetched.
    """
    for folder in (fetched, local_source(source)):
        if folder and (folder / CONFIG).is_file():
            return size_from_config(read_json(folder / CONFIG))
    return KNOWN.get(source or "") or Size(layers=24, hidden=1024, intermediate=4096, assumed=True)


def size_from_config(config: Mapping[str, Any]) -> Size:
    """The size of an encoder from the content of its ``config.json``."""
    kind, hidden = config.get("model_type"), config.get("hidden_size", config.get("d_model", LARGE.hidden))
    layers = config.get("num_hidden_layers", config.get("encoder_layers", LARGE.layers))
    intermediate = config.get("intermediate_size", config.get("encoder_ffn_dim", 4 * hidden))
    if kind == "wav2vec2-bert":
        return _conformer(layers, hidden, intermediate, config.get("feature_projection_input_dim", 160))
    if kind == "whisper":
        layers = config.get("encoder_layers", layers)
        return Size(layers, hidden, intermediate, (0,) * 6 + (config.get("num_mel_bins", 80),), WHISPER_S)
    positions = config.get("num_conv_pos_embeddings", LARGE.position_kernel)
    return Size(
        layers,
        hidden,
        intermediate,
        tuple(config.get("conv_dim", LARGE.stem)),
        kernels=tuple(config.get("conv_kernel", STEM_KERNELS)),
        strides=tuple(config.get("conv_stride", STEM_STRIDES)),
        # data2vec has several positional convolutions, each with this kernel.
        position_kernel=positions * config.get("conv_pos_kernel_size", 1),
        position_groups=config.get("num_conv_pos_embedding_groups", LARGE.position_groups),
    )
