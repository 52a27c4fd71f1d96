"""Whether a folder contains the required kind of model, from its configuration and the names of its weights.

No weights are loaded, so that the preflight can check a folder before anything is fetched.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valence_gap.runtime.errors import valid_names
from valence_gap.weights.local import model_type_of

CONFIG, WEIGHTS, PICKLED, RUN = "config.json", "model.safetensors", "pytorch_model.bin", "run.json"
SPEECH_MODEL_TYPES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "wav2vec2-bert", "whisper")
"""The model types of ``models.families``; they are repeated here because that module is slow to import."""
CNN14_MODEL_TYPE = "valence-gap-cnn14"
"""The model type of ``models.cnn14``."""


@dataclass(frozen=True)
class ModelRequirement:
    """What a model must be for one purpose.

    Args:
        what: the required kind of model, in words.
        kinds: the accepted values of ``model_type``.
        head: the start of the names of weights that it must have; None: no particular weights.
        lacking: what a model without these weights is.
        tokenizer: files with the tokens of its texts, one of which it must have; empty: it has no texts.
    """

    what: str
    kinds: tuple[str, ...]
    head: str | None = None
    lacking: str = ""
    tokenizer: tuple[str, ...] = ()


MODEL_REQUIREMENTS: Mapping[str, ModelRequirement] = {
    "transformer": ModelRequirement("a speech encoder", SPEECH_MODEL_TYPES),
    "recogniser": ModelRequirement(
        "a speech recogniser",
        ("wav2vec2", "hubert"),
        "lm_head.",
        "an encoder without a head for letters",
        tokenizer=("vocab.json",),
    ),
    "text": ModelRequirement("a text encoder", ("bert",), tokenizer=("tokenizer.json", "vocab.txt")),
    "checkpoint": ModelRequirement(
        "a finished model",
        (*SPEECH_MODEL_TYPES, CNN14_MODEL_TYPE),
        "classifier.",
        "an encoder without a regression head; a finished one is results/<study>/models/<model>/seed-<seed>",
    ),
}
"""By the architecture of a backbone; and for checkpoints."""


def model_type_error(folder: Path, purpose: str) -> str | None:
    """Why the model in a folder is not of the required kind; None if it is, or if its weights cannot be read.

    Args:
        folder: with ``config.json``; the names of the weights are checked if they are in safetensors format.
        purpose: a key of :data:`MODEL_REQUIREMENTS`.
    """
    requirement = MODEL_REQUIREMENTS[purpose]
    kind = model_type_of(folder)
    if kind is None:
        return f"{folder / CONFIG} has no model_type; {requirement.what} is required, {valid_names(requirement.kinds)}"
    if kind not in requirement.kinds:
        return (
            f"{folder / CONFIG} has model_type '{kind}'; {requirement.what} is required, "
            f"{valid_names(requirement.kinds)}"
        )
    without_head = None if kind == CNN14_MODEL_TYPE else _head_error(folder, requirement)
    tokenizer = [name for name in requirement.tokenizer if (folder / name).is_file()]
    if requirement.tokenizer and not tokenizer and not without_head:
        return f"{folder} has no {' or '.join(requirement.tokenizer)}: it is {requirement.what} without its tokenizer"
    return without_head


def _head_error(folder: Path, requirement: ModelRequirement) -> str | None:
    if requirement.head is None or not (folder / WEIGHTS).is_file():
        return None
    try:
        names = header(folder / WEIGHTS)[0]
    except ValueError:
        return None  # another check reports a damaged file
    if any(name.startswith(requirement.head) for name in names):
        return None
    return f"{folder / WEIGHTS} has no {requirement.head}*: it is {requirement.lacking}"


def header(weights: Path) -> tuple[Mapping[str, Any], int]:
    """The entries of a safetensors file by name, and the size in bytes that the file must have.

    Raises:
        ValueError: it is not a safetensors file.
    """
    try:
        with weights.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            found = json.loads(stream.read(length))
        entries = {name: entry for name, entry in found.items() if name != "__metadata__"}
        ends = [entry["data_offsets"][1] for entry in entries.values()]
        return entries, 8 + length + int(max(ends, default=0))
    except (struct.error, ValueError, OverflowError, KeyError, TypeError, AttributeError, MemoryError) as error:
        raise ValueError("is no safetensors file") from error
