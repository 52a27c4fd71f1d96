"""Encoders that transformers computes: those that are not wav2vec 2.0 or HuBERT, and whatever is pre-trained here.

Imported where one is asked for, and not before: importing transformers takes longer than many a job.
"""

from collections.abc import Mapping
from typing import Any, cast

import torch
import transformers
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface, PreTrainedConfig, PreTrainedModel
from transformers.masking_utils import eager_mask
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from valence_gap.models.layers import attention

EAGER = "valence_gap_plain"
SDPA = "sdpa"


def attention_implementation(device: torch.device) -> str:
    """The attention implementation that is the faster one to train with on ``device``."""
    return EAGER if device.type == "cpu" else SDPA


def build_config(name: str, content: Mapping[str, Any]) -> PreTrainedConfig:
    """The configuration of an encoder.

    Args:
        name: what the names of its classes begin with, such as ``WavLM``.
        content: of ``config.json``.
    """
    return cast(PreTrainedConfig, getattr(transformers, f"{name}Config").from_dict(dict(content)))


def encoder_class(name: str) -> type[PreTrainedModel]:
    """The class of an encoder without a head, by what the names of its classes begin with."""
    return WhisperEncoder if name == "Whisper" else cast(type[PreTrainedModel], getattr(transformers, f"{name}Model"))


def build_encoder(name: str, config: PreTrainedConfig, attention_of: str) -> PreTrainedModel:
    """An encoder with random weights; ``attention_of`` names the implementation of its attention."""
    return cast(PreTrainedModel, cast(Any, encoder_class(name))._from_config(config, attn_implementation=attention_of))


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
    """Scaled dot-product attention by plain products, with the interface of transformers.

    Args:
        module: the attention layer; not used.
        query: (batch, heads, frames, width); ``key`` and ``value`` likewise.
        key: see ``query``.
        value: see ``query``.
        attention_mask: added to the scores, (batch, 1, frames, frames); very negative where a frame is padding.
        scaling: factor of the scores; by default one over the root of the width.
        dropout: probability with which weights are dropped; zero outside training.

    Returns:
        (batch, frames, heads, width), and None in place of the weights.
    """
    scale = query.size(-1) ** -0.5 if scaling is None else scaling
    attn_output = attention.eager_attention(query, key, value, attention_mask, scale=scale, rate=dropout)
    return attn_output.transpose(1, 2).contiguous(), None


AttentionInterface.register(EAGER, eager_attention_forward)
AttentionMaskInterface.register(EAGER, eager_mask)
