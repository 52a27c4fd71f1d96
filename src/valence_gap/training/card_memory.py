"""GPU memory that a training needs: an estimate, and the part of a batch that a GPU holds."""

from dataclasses import dataclass

from valence_gap.definitions.models import Backbone, Recipe

# Bytes that the backward pass of a transformer layer keeps for each frame and hidden unit (feed-forward 4 h), where
# products are bfloat16, normalisation is float32 and attention is fused: inputs of products 16; queries, keys and
# values 6; inputs of GELU 8 and of normalisation 8; masks of dropout 6.
ACTIVATIONS = 44
# In float32: products 32, queries, keys and values 12, GELU 16, normalisation 8, masks 6.
FLOAT32_ACTIVATIONS = 74
KEPT = 2  # only the input of the layer, if activations are recomputed
RUNTIME_BYTES = 1.5e9  # of PyTorch and its kernels
TRAINED, FROZEN = 16.0, 4.0  # bytes for each weight: itself; if it is trained, also its gradient and two moments
STEM_BYTES_PER_S = 4e7  # of a stem with 512 channels that is trained
USABLE = 0.9  # of a GPU's memory: the rest is for fragmentation, and for what the estimate leaves out


@dataclass(frozen=True)
class TrainedSize:
    """What the memory of a training depends on, beside its recipe.

    Attributes:
        parameters: number of weights of the model.
        frozen: only the head is trained.
        longest_s: seconds of the longest training utterance, as the model pads it.
        layers: transformer layers.
        hidden: hidden units.
        stem_channels: channels of the stem's output.
        frames_per_s: of the transformer.
        cnn14: the definition of a CNN14, which has none of the three.
    """

    parameters: int
    frozen: bool
    longest_s: float
    layers: int = 0
    hidden: int = 0
    stem_channels: int = 0
    frames_per_s: float = 50.0
    cnn14: Backbone | None = None


def needed_bytes(size: TrainedSize, recipe: Recipe, utterances: int, *, bf16: bool = True) -> float:
    """Estimate the GPU memory of a training in bytes.

    16 bytes for each trained weight (itself, its gradient, two moments); for each frame of the longest utterances and
    each layer ``ACTIVATIONS`` h bytes (in float32 ``FLOAT32_ACTIVATIONS`` h), or ``KEPT`` h if they are recomputed; if
    the stem is trained, 40 MB for each second of audio; and 1.5 GB for the runtime.

    Args:
        size: of the model and its data.
        recipe: with ``max_duration_s``, ``activation_checkpointing`` and ``train_stem``.
        utterances: on the GPU at once.
        bf16: the GPU multiplies in bfloat16; otherwise ``precision: auto`` is float32.
    """
    longest_s = min(size.longest_s, recipe.max_duration_s) if recipe.max_duration_s else size.longest_s
    held = (FROZEN if size.frozen else TRAINED) * size.parameters + RUNTIME_BYTES
    in_float32 = recipe.precision == "fp32" or (recipe.precision == "auto" and not bf16)
    kept = FLOAT32_ACTIVATIONS if in_float32 else ACTIVATIONS
    per_s = _cnn14_bytes_per_s(size.cnn14) if size.cnn14 else _transformer_bytes_per_s(size, recipe, kept)
    return held + per_s * longest_s * utterances


def _transformer_bytes_per_s(size: TrainedSize, recipe: Recipe, kept: int) -> float:
    recomputed = recipe.activation_checkpointing or size.frozen
    layers = KEPT * size.layers + kept if recomputed else kept * size.layers
    stem = STEM_BYTES_PER_S * size.stem_channels / 512 if recipe.train_stem else 0.0
    return layers * size.hidden * size.frames_per_s + stem


def _cnn14_bytes_per_s(backbone: Backbone) -> float:
    cells, per_s = backbone.mel_bins / backbone.hop_s, 0.0
    for channels in backbone.channels:
        per_s += 6 * 2.0 * channels * cells  # two convolutions, each with normalisation and activation
        cells /= 4
    return per_s


def part_that_fits(size: TrainedSize, recipe: Recipe, capacity: float, *, bf16: bool = True) -> int:
    """The largest part of a batch that is estimated to fit a GPU: the batch size, its half, a quarter, ... or 1.

    Args:
        size: of the model and its data.
        recipe: with ``batch_size``.
        capacity: total memory of the GPU in bytes.
        bf16: the GPU multiplies in bfloat16.
    """
    part = recipe.batch_size
    while part > 1 and needed_bytes(size, recipe, part, bf16=bf16) > USABLE * capacity:
        part //= 2
    return part
