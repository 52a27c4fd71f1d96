"""The kinds of Hugging Face speech encoders that can be a backbone; ``model_type`` in ``config.json`` selects one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from pydantic import ValidationError

from valence_gap.definitions.validation import explain
from valence_gap.models.encoder_config import EncoderConfig
from valence_gap.models.front_ends.spectrograms import FilterBank, FrontEnd, WhisperLogMel
from valence_gap.models.hidden_states import (
    HiddenStatesFunction,
    data2vec_states,
    transformer_states,
    wav2vec2_states,
    whisper_states,
)
from valence_gap.models.wav2vec2 import SpeechEncoder
from valence_gap.runtime import files, precision
from valence_gap.runtime.errors import UserError, valid_names
from valence_gap.weights import folders
from valence_gap.weights.model_types import CONFIG

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    Config = EncoderConfig | PreTrainedConfig
    Encoder = SpeechEncoder | PreTrainedModel

PREPROCESSOR = "preprocessor_config.json"
FINAL_DROPOUT = 0.1  # of an encoder without this key (Whisper): the default of all others in transformers


@dataclass(frozen=True)
class EncoderFamily:
    """A kind of encoder.

    Attributes:
        prefix: prefix of its weight names in models that have a head.
        name: prefix of its class names in transformers.
        own_implementation: ``SpeechEncoder`` computes it, not transformers.
        states: function that computes its last hidden states.
        front_end: builds the front end that computes its input spectrogram; None: it has a convolutional stem on the
            waveform.
        parts: first parts of its weight names, such as ``encoder``.
        layers: prefix of the names of its transformer layers.
        outer_prefix: prefix that weight names on the hub may have before ``prefix``.
        frozen: modules that the paper's recipe does not train, in addition to a convolutional stem on the waveform.
        configurable_attention: its attention implementation can be selected (WavLM's gated bias allows only one).
    """

    prefix: str
    name: str
    own_implementation: bool = False
    states: HiddenStatesFunction = transformer_states
    front_end: Callable[[Any], FrontEnd] | None = None
    parts: tuple[str, ...] = ("feature_extractor", "feature_projection", "encoder", "masked_spec_embed")
    layers: str = "encoder.layers"
    outer_prefix: str = ""
    frozen: tuple[str, ...] = ()
    configurable_attention: bool = True

    def weight_name(self, stored: str, layers: int) -> str | None:
        """Return the name of a stored weight in the encoder with ``layers`` layers; None for pruned layers and heads.

        Encoders on the hub have names with or without the prefix. Some also contain weights of their own training: the
        quantiser, or the head that predicts letters.
        """
        name = stored.removeprefix(self.outer_prefix).removeprefix(f"{self.prefix}.")
        if name.partition(".")[0] not in self.parts:
            return None
        inside = name.removeprefix(f"{self.layers}.")
        pruned = inside != name and int(inside.partition(".")[0]) >= layers
        return None if pruned else name


FAMILIES = {
    "wav2vec2": EncoderFamily("wav2vec2", "Wav2Vec2", own_implementation=True, states=wav2vec2_states),
    "hubert": EncoderFamily("hubert", "Hubert", own_implementation=True, states=wav2vec2_states),
    "wavlm": EncoderFamily("wavlm", "WavLM", configurable_attention=False),
    "data2vec-audio": EncoderFamily("data2vec_audio", "Data2VecAudio", states=data2vec_states),
    # Its attention adds a position bias, which only its own implementation supports.
    "wav2vec2-bert": EncoderFamily(
        "wav2vec2_bert", "Wav2Vec2Bert", front_end=lambda config: FilterBank(), configurable_attention=False
    ),
    "whisper": EncoderFamily(
        "encoder",
        "Whisper",
        states=whisper_states,
        front_end=lambda config: WhisperLogMel(config.num_mel_bins),
        parts=("conv1", "conv2", "embed_positions", "layers", "layer_norm"),
        layers="layers",
        outer_prefix="model.",
        frozen=("conv1", "conv2"),
    ),
}

# Settings that change the computation of an encoder and are not implemented here.
UNSUPPORTED_SETTINGS = (
    "conv_pos_batch_norm",
    "add_adapter",
    "adapter_attn_dim",
    "use_intermediate_ffn_before_adapter",
)


def family_of(folder: Path) -> "tuple[EncoderFamily, Config]":
    """Return the kind of the encoder in ``folder`` and its configuration.

    Raises:
        UserError: ``config.json`` is missing, invalid, or describes another kind of model.
    """
    content = folders.read_config(folder)
    path = folder / CONFIG
    kind = content.get("model_type")
    if kind not in FAMILIES:
        raise UserError(
            "this model is not a speech encoder that can be a backbone",
            [f"{path}: model_type {kind!r}"],
            valid_names(FAMILIES),
        )
    family = FAMILIES[kind]
    config = _parsed(family, content, path)
    if unsupported := [*_unsupported_settings(config, path), *_other_inputs(family, config, folder)]:
        raise UserError(
            "this variant of the architecture is not supported", unsupported, "Use a backbone without these settings."
        )
    return family, config


def final_dropout(config: "Config") -> float:
    """Dropout in a head on an encoder with this configuration: ``final_dropout``, or transformers' default of 0.1."""
    return float(getattr(config, "final_dropout", FINAL_DROPOUT))


def _unsupported_settings(config: Any, path: Path) -> Iterator[str]:
    for key in UNSUPPORTED_SETTINGS:
        if getattr(config, key, None):
            yield f"{path}: {key} {getattr(config, key)!r}"
    if config.model_type == "whisper" and getattr(config, "apply_spec_augment", False):
        yield f"{path}: apply_spec_augment True"
    if config.model_type == "wav2vec2-bert":
        bank = FilterBank()
        if (found := getattr(config, "feature_projection_input_dim", None)) != bank.bins * bank.stride:
            yield f"{path}: feature_projection_input_dim {found}, not {bank.bins * bank.stride}"


def _other_inputs(family: EncoderFamily, config: Any, folder: Path) -> Iterator[str]:
    """Settings in ``preprocessor_config.json`` that differ from the spectrogram computed here."""
    path = folder / PREPROCESSOR
    if family.front_end is None or not path.is_file():
        return
    content = files.read_json(path)
    for key, value in family.front_end(config).settings.items():
        if isinstance(content, dict) and content.get(key, value) != value:
            yield f"{path}: {key} {content[key]!r}, not {value!r}"


def reads_normalised(folder: Path) -> bool:
    """Whether an encoder was pre-trained on waveforms of zero mean and unit variance: ``do_normalize``, or true.

    Raises:
        UserError: ``preprocessor_config.json`` cannot be read.
    """
    path = folder / PREPROCESSOR
    if not path.is_file():
        return True
    try:
        content = files.read_json(path)
    except (OSError, ValueError, RecursionError) as error:
        remedy = "Fetch the folder again."
        raise UserError("the configuration of a model's input cannot be read", [f"{path}: {error}"], remedy) from error
    return not isinstance(content, dict) or bool(content.get("do_normalize", True))


def _parsed(family: EncoderFamily, content: dict[str, Any], path: Path) -> "Config":
    remedy = "Fetch or create the folder again. Do not edit its files by hand."
    try:
        if family.own_implementation:
            return EncoderConfig.model_validate(content)
        from valence_gap.models.hub_encoders import build_config

        return build_config(family.name, content)
    except ValidationError as error:
        wrong = [f"{path}: {explain(cast(Any, each), EncoderConfig)}" for each in error.errors()]
        raise UserError("the configuration of a model is not valid", wrong, remedy) from error
    except Exception as error:  # transformers and its validators raise many types of errors
        raise UserError("the configuration of a model is not valid", [f"{path}: {error}"], remedy) from error


def new_encoder(family: EncoderFamily, config: "Config") -> "Encoder":
    """Build an encoder with random weights from PyTorch's generator."""
    if isinstance(config, EncoderConfig):
        return SpeechEncoder(config)
    from valence_gap.models.hub_encoders import attention_implementation, build_encoder

    return build_encoder(
        family.name, config, attention_implementation(precision.device()) if family.configurable_attention else "eager"
    )
