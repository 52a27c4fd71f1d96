"""What a model in a folder tells by its ``config.json``: quick, for the workflow asks whenever it is parsed."""

from pathlib import Path
from typing import Any

from valence_gap.definitions.models import is_local
from valence_gap.runtime.files import read_json

SPECTROGRAM_MODEL_TYPES = ("wav2vec2-bert", "whisper")
"""Kinds of encoders (``model_type`` of their configuration) that hear no waveform: nothing of theirs can be cached."""


def local_source(source: str | None) -> Path | None:
    """The folder of a backbone's source, or None where it is a hub id."""
    return Path(source).expanduser() if source and is_local(source) else None


def looks_like_folder(source: str | None, revision: str | None) -> bool:
    """Whether a source is a folder written like a hub id: with too many slashes, or it is there and not pinned."""
    if not source or is_local(source):
        return False
    return source.count("/") > 1 or (revision is None and Path(source).is_dir())


def model_type_of(folder: Path) -> str | None:
    """What kind of model lies in a folder; None where that cannot be read."""
    return _read_config(folder).get("model_type")


def num_layers_of(folder: Path) -> int | None:
    """Its transformer layers; None where that cannot be read."""
    content = _read_config(folder)
    layers = content.get("num_hidden_layers", content.get("encoder_layers"))
    return layers if isinstance(layers, int) else None


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        content = read_json(folder / "config.json")
    except (OSError, ValueError, RecursionError):
        return {}  # its fetching tells what is wrong with the folder
    return content if isinstance(content, dict) else {}
