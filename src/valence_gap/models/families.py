"""The kinds of Hugging Face speech encoders that can be a backbone, chosen by ``model_type`` of their own config."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import (
    HubertConfig,
    HubertModel,
    PreTrainedConfig,
    PreTrainedModel,
    Wav2Vec2Config,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)

from valence_gap.errors import UserError, valid_names
from valence_gap.models import folders


@dataclass(frozen=True)
class Family:
    """A kind of encoder: convolutional stem, projection, positional convolution, transformer.

    Attributes:
        prefix: what its weights' names start with inside models that have a head.
        config: class of its configuration.
        model: class of the encoder without a head.
        chooses_attention: it can be told how to compute attention (WavLM's gated bias has one way only).
    """

    prefix: str
    config: type[PreTrainedConfig]
    model: type[PreTrainedModel]
    chooses_attention: bool = True


FAMILIES = {
    "wav2vec2": Family("wav2vec2", Wav2Vec2Config, Wav2Vec2Model),
    "hubert": Family("hubert", HubertConfig, HubertModel),
    "wavlm": Family("wavlm", WavLMConfig, WavLMModel, chooses_attention=False),
}


def family_of(folder: Path) -> tuple[Family, PreTrainedConfig]:
    """The kind of the encoder in ``folder``, and its configuration.

    Raises:
        UserError: ``config.json`` is missing, broken, or describes another kind of model.
    """
    content = folders.read_config(folder)
    path = folder / folders.CONFIG
    kind = content.get("model_type")
    if kind not in FAMILIES:
        raise UserError(
            "this is no speech encoder that can be a backbone",
            [f"{path}: model_type {kind!r}"],
            valid_names(FAMILIES),
        )
    family = FAMILIES[kind]
    config = _parsed(family, content, path)
    strange = [
        f"{path}: {key} {getattr(config, key)!r}"
        for key in ("conv_pos_batch_norm", "add_adapter", "adapter_attn_dim")
        if getattr(config, key, None)
    ]
    if strange:
        raise UserError(
            "this variant of the architecture is not supported", strange, "Use a backbone without these settings."
        )
    return family, config


def _parsed(family: Family, content: dict[str, Any], path: Path) -> PreTrainedConfig:
    try:
        return family.config.from_dict(content)
    except Exception as error:  # transformers and its validators raise many kinds
        raise UserError(
            "the configuration of a model is not valid",
            [f"{path}: {error}"],
            "Fetch or make the folder anew; nothing in it should be edited by hand.",
        ) from error
