"""What the ``config.json`` of a model folder says; quick, since Snakemake reads it whenever it parses the workflow."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from valence_gap.definitions.models import RESOLVE, Backbone, Checkpoint, is_local
from valence_gap.runtime.files import read_json
from valence_gap.runtime.provenance import checksum

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


def read_record(folder: Path) -> dict[str, Any]:
    """The ``run.json`` of a fetched model; empty if there is none that can be read."""
    return _read(folder / "run.json")


def is_of(record: Mapping[str, Any], definition: Backbone | Checkpoint) -> bool:
    """Whether a fetched model, by its record, is the one of a definition: of its source and revision.

    A local folder has no revision. The revision ``resolve`` accepts the commit that was found.
    """
    source, revision = definition.source, definition.revision
    if source is None or record.get("source") != source:
        return False
    return (
        is_local(source) or revision == record.get("revision") or (revision == RESOLVE and bool(record.get("revision")))
    )


def source_files(folder: Path) -> list[Path]:
    """The files of a local model that determine what is fetched from it: its configuration, weights and vocabulary."""
    names = ("model.safetensors", "pytorch_model.bin", "tokenizer.json", "vocab.json")
    return [folder / "config.json", *filter(Path.is_file, map(folder.joinpath, names))]


def is_current(fetched: Path, definition: Backbone) -> bool:
    """Whether a fetched model is the one of a definition, and its local source is still what was fetched from it.

    Files of the source are compared by time, and if they are newer by checksum. A commit on the hub does not change,
    and a folder that is gone cannot be compared.

    Args:
        fetched: folder of the fetched model.
        definition: of a backbone of the study.
    """
    record = read_record(fetched)
    if not is_of(record, definition):
        return False
    folder = local_source(definition.source)
    if folder is None or not folder.is_dir():
        return True
    sums = {**record.get("sha256", {}), **record.get("verified", {})}
    when = (fetched / "run.json").stat().st_mtime
    newer = [path for path in source_files(folder) if not path.is_file() or path.stat().st_mtime > when]
    return all(path.is_file() and sums.get(path.name) == checksum(path) for path in newer)


def recorded_revision(record: Mapping[str, Any], definition: Backbone | Checkpoint) -> str | None:
    """The revision of a definition, in the words in which the same model was fetched.

    So a study has the same definition before and after a revision that was resolved is pinned, or one is given to a
    local folder, and nothing runs again.

    Args:
        record: ``run.json`` of the fetched model; empty if it is not fetched.
        definition: of the same kind as in the record.
    """
    if not is_of(record, definition):
        return None if is_local(definition.source or "") else definition.revision
    kind = "backbone" if isinstance(definition, Backbone) else "checkpoint"
    found = record.get("definition", {}).get(kind, {}).get("revision", record.get("revision"))
    return None if found is None else str(found)


def _read_config(folder: Path) -> dict[str, Any]:
    return _read(folder / "config.json")  # the job that fetches the model reports what is wrong


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_json(path)
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
