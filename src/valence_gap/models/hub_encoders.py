"""Encoders that transformers computes: all except wav2vec 2.0 and HuBERT, and the models that are pre-trained here.

Callers import this module only when they need such an encoder: many jobs take less time than the import of
transformers.
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedConfig, PreTrainedModel
from transformers.masking_utils import eager_mask
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from valence_gap.models.layers import attention, grouped

EAGER = "valence_gap_plain"
SDPA = "sdpa"


def attention_implementation(device: torch.device) -> str:
    """Return the attention implementation with which training is faster on ``device``."""
    return EAGER if device.type == "cpu" else SDPA


def build_config(name: str, content: Mapping[str, Any]) -> PreTrainedConfig:
    """Build the configuration of an encoder.

    Args:
        name: prefix of the encoder's class names in transformers, such as ``WavLM``.
        content: content of ``config.json``.
    """
    return cast(PreTrainedConfig, getattr(transformers, f"{name}Config").from_dict(dict(content)))


def encoder_class(name: str) -> type[PreTrainedModel]:
    """Return the class of an encoder without a head; ``name`` is the prefix of its class names."""
    return WhisperEncoder if name == "Whisper" else cast(type[PreTrainedModel], getattr(transformers, f"{name}Model"))


def build_encoder(name: str, config: PreTrainedConfig, attention_of: str) -> PreTrainedModel:
    """Build an encoder with random weights; ``attention_of`` names its attention implementation."""
    model = cast(PreTrainedModel, cast(Any, encoder_class(name))._from_config(config, attn_implementation=attention_of))
    grouped.keep_in_float32(model)
    return model


def eager_attention_forward(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **_: object,
) -> tuple[Tensor, None]:
    """Scaled dot-product attention with plain matrix products and the interface of transformers.

    Args:
        module: the attention layer; not used.
        query: (batch, heads, frames, width); ``key`` and ``value`` have the same shape.
        key: see ``query``.
        value: see ``query``.
        attention_mask: added to the scores, (batch, 1, frames, frames); very negative for frames of padding.
        scaling: factor of the scores; by default one divided by the square root of the width.
        dropout: dropout probability of the attention weights; zero outside training.

    Returns:
        (batch, frames, heads, width), and None in place of the weights.
    """
    scale = query.size(-1) ** -0.5 if scaling is None else scaling
    attn_output = attention.eager_attention(query, key, value, attention_mask, scale=scale, rate=dropout)
    return attn_output.transpose(1, 2).contiguous(), None


AttentionInterface.register(EAGER, eager_attention_forward)
AttentionMaskInterface.register(EAGER, eager_mask)
