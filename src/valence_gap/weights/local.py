"""What the ``config.json`` of a model folder says; quick, since Snakemake reads it whenever it parses the workflow."""

from pathlib import Path
from typing import Any

from valence_gap.definitions.models import is_local
from valence_gap.runtime.files import read_json

SPECTROGRAM_MODEL_TYPES = ("wav2vec2-bert", "whisper")
"""Encoders (``model_type`` of their configuration) that receive no waveform: none of their output can be cached."""


def local_source(source: str | None) -> Path | None:
    """The folder of a backbone's source, or None if it is a hub id."""
    return Path(source).expanduser() if source and is_local(source) else None


def looks_like_folder(source: str | None, revision: str | None) -> bool:
    """Whether a source that is written like a hub id is a folder: too many slashes, or it exists and is not pinned."""
    if not source or is_local(source):
        return False
    return source.count("/") > 1 or (revision is None and Path(source).is_dir())


def model_type_of(folder: Path) -> str | None:
    """The ``model_type`` of the model in a folder; None if it cannot be read."""
    return _read_config(folder).get("model_type")


def num_layers_of(folder: Path) -> int | None:
    """The number of transformer layers of the model in a folder; None if it cannot be read."""
    content = _read_config(folder)
    layers = content.get("num_hidden_layers", content.get("encoder_layers"))
    return layers if isinstance(layers, int) else None


def _read_config(folder: Path) -> dict[str, Any]:
    try:
        content = read_json(folder / "config.json")
    except (OSError, ValueError, RecursionError):
        return {}  # the job that fetches the model reports what is wrong
    return content if isinstance(content, dict) else {}
