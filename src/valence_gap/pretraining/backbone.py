"""The miniature's backbones before they are pre-trained: their layers, and the weights that they start from."""

from typing import Any

from transformers import HubertConfig, HubertModel, PreTrainedModel, Wav2Vec2Config, Wav2Vec2Model

from valence_gap.definitions.miniature import Pretraining
from valence_gap.models.layers import grouped
from valence_gap.pretraining.framing import framing
from valence_gap.runtime.errors import UserError

POSITION_GROUPS = 16


def check(definition: Pretraining) -> None:
    """Check that the layers can be built.

    Raises:
        UserError: the number of hidden units is not a multiple of the number of heads, or of the number of groups of
            the positional convolution; or the frames of the stem cannot have targets.
    """
    wrong = [
        f"{definition.hidden} hidden units are not a multiple of {count} {what}"
        for count, what in ((definition.heads, "heads"), (POSITION_GROUPS, "groups of the positional convolution"))
        if definition.hidden % count
    ]
    if wrong:
        raise UserError(
            "A backbone cannot be built from its definition.", wrong, "Change pretraining: hidden or heads."
        )
    framing(definition.stem_kernels, definition.stem_strides)


def build(definition: Pretraining) -> PreTrainedModel:
    """The encoder with random initialisation, without dropout: a miniature trains for too few steps to over-fit."""
    stable = definition.stem == "layer"
    shape: dict[str, Any] = {
        "hidden_size": definition.hidden,
        "num_hidden_layers": definition.layers,
        "num_attention_heads": definition.heads,
        "intermediate_size": 4 * definition.hidden,
        "conv_dim": list(definition.stem_channels),
        "conv_kernel": list(definition.stem_kernels),
        "conv_stride": list(definition.stem_strides),
        "num_feat_extract_layers": len(definition.stem_kernels),
        "feat_extract_norm": definition.stem,
        "conv_bias": stable,
        "do_stable_layer_norm": stable,
        "num_conv_pos_embeddings": definition.position_kernel,
        "num_conv_pos_embedding_groups": POSITION_GROUPS,
        "mask_time_prob": 0.05,
        "mask_time_length": definition.mask_span,
        "apply_spec_augment": True,  # without it transformers ignores the mask
        "layerdrop": 0.0,
        "hidden_dropout": 0.0,
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "feat_proj_dropout": 0.0,
        "attn_implementation": "eager",  # on a CPU the backward pass of the fused kernel is slower
    }
    hubert = definition.architecture == "hubert"
    model = HubertModel(HubertConfig(**shape)) if hubert else Wav2Vec2Model(Wav2Vec2Config(**shape))
    grouped.keep_in_float32(model)
    return model
