"""Pre-trained models: whether they exist, are complete and pinned."""

import re
from pathlib import Path
from typing import Any

from valence_gap.definitions.models import RESOLVE, Backbone, Checkpoint
from valence_gap.preflight.findings import Finding
from valence_gap.study.study import PRETRAINED
from valence_gap.weights import store
from valence_gap.weights.contents import is_lfs_pointer, is_sharded, unreadable
from valence_gap.weights.local import SPECTROGRAM_MODEL_TYPES, local_source, model_type_of, read_record
from valence_gap.weights.model_types import CONFIG, PICKLED, WEIGHTS, header, model_type_error

STORE = Path(PRETRAINED)

ON_THE_HUB = {"wav2vec2-bert": "facebook/w2v-bert", "whisper": "openai/whisper"}
COMMIT = re.compile(r"[0-9a-f]{40}")


def examine_backbone(name: str, backbone: Backbone, fetched: Path, *, cached: bool = False) -> Finding:
    """Whether a pre-trained model is here or can be fetched.

    Args:
        name: its name in the study.
        backbone: its definition.
        fetched: its folder after it is fetched.
        cached: the output of stems is cached, unless the definition says ``streamed``.
    """
    key = f"backbones.{name}"
    if cached and not backbone.streamed and (kind := _own_front_end(backbone, fetched)):
        found = f"{backbone.source}: {kind} receives a spectrogram and has no stem whose output could be cached"
        return Finding(name, "weights", "wrong", found, (f"Set {key}.streamed: true.",))
    return _examine(name, key, backbone, fetched, backbone.architecture)


def _own_front_end(backbone: Backbone, fetched: Path) -> str | None:
    """Model type of an encoder that receives no waveform: from its configuration, else from its name on the hub."""
    for folder in (fetched, local_source(backbone.source)):
        if folder and (kind := model_type_of(folder)):
            return kind if kind in SPECTROGRAM_MODEL_TYPES else None
    kinds = [kind for kind, source in ON_THE_HUB.items() if (backbone.source or "").startswith(source)]
    return kinds[0] if kinds else None


def examine_checkpoint(name: str, checkpoint: Checkpoint, fetched: Path) -> Finding:
    """Whether a finished model is in ``fetched`` or can be fetched."""
    return _examine(name, f"models.{name}.checkpoint", checkpoint, fetched, "checkpoint")


def _examine(name: str, key: str, definition: Backbone | Checkpoint, fetched: Path, kind: str) -> Finding:
    local = local_source(definition.source)
    if (fetched / CONFIG).is_file() and (fetched / WEIGHTS).is_file():
        status, found, *details = _fetched(key, definition, fetched, kind)
    elif local is not None:
        status, found, *details = _local(key, local, kind)
    else:
        status, found, *details = _on_the_hub(key, definition)
    return Finding(name, "weights", status, found, tuple(details))


def _fetched(key: str, definition: Backbone | Checkpoint, fetched: Path, kind: str) -> tuple[Any, ...]:
    """Status, what was found, and details, for a model that is fetched."""
    if problem := damage(fetched / WEIGHTS):
        return "wrong", f"{fetched / WEIGHTS} {problem}", f"Delete {fetched} and fetch it again."
    local, record = local_source(definition.source), read_record(fetched)
    revision = record.get("revision")
    if local is None and revision != definition.revision and not (definition.revision == RESOLVE and revision):
        found = f"fetched at {revision}, but the study says {definition.revision}"
        return "differs", found, f"It will be fetched again; set {key}.revision: {revision} to keep it."
    # A local folder may have changed since it was fetched; it is then fetched again.
    if wrong := model_type_error(local if local and local.is_dir() else fetched, kind):
        return "wrong", wrong, f"Correct {key}.source."
    found = f"fetched, {_megabytes(fetched / WEIGHTS)}"
    if local is None and definition.revision == RESOLVE:
        return "ok", f"{found}, at commit {revision}", f"To pin it: {key}.revision: {revision}"
    return "ok", found


def _local(key: str, local: Path, kind: str) -> tuple[Any, ...]:
    """The same for a local folder."""
    weights = [file for file in (local / WEIGHTS, local / PICKLED) if file.is_file()]
    is_convertible = (bool(weights) or is_sharded(local)) and not any(map(is_lfs_pointer, [local / CONFIG, *weights]))
    if not is_convertible and (problem := unreadable(local)):
        return "wrong", "; ".join([problem.what, *problem.offenders]), problem.remedy, f"Or correct {key}.source."
    if not (local / CONFIG).is_file():
        return "wrong", f"{local} has no {CONFIG}", f"Correct {key}.source."
    if weights and weights[0].name == WEIGHTS and (damaged := damage(weights[0])):
        return "wrong", f"{weights[0]} {damaged}", "Download the file again."
    if wrong := model_type_error(local, kind):
        return "wrong", wrong, f"Correct {key}.source."
    return "ok", f"local folder, {_megabytes(weights[0])}" if weights else "local folder, its weights in several files"


def _on_the_hub(key: str, definition: Backbone | Checkpoint) -> tuple[Any, ...]:
    """The same for a model that the study has not fetched; another study may have."""
    source, revision = str(definition.source), definition.revision
    commit = store.resolved_commit(STORE, source) if revision == RESOLVE else revision
    if not COMMIT.fullmatch(commit or "") and revision != RESOLVE:
        return (
            "wrong",
            f"{source} is not fetched, and could not be pinned: revision {revision or 'null'}",
            f"Set {key}.revision in your configuration to the 40 hexadecimal digits of a commit, from "
            f"https://huggingface.co/{source}/commits/main.",
        )
    if commit and store.read_record(store.folder_of(STORE, source, commit)):
        return "ok", f"fetched by another study, {source} at {commit[:12]}"
    when = f"at {commit[:12]}" if commit else "at the commit that its main branch then has, which is recorded"
    hub = "The hub was not contacted. `snakemake ... fetch` downloads it, on a node with a network."
    return "unknown", f"to be fetched from {source} {when}", hub


def damage(weights: Path) -> str | None:
    """Why a safetensors file is not complete, by its header and length; None if it seems complete."""
    try:
        _, expected = header(weights)
    except ValueError as error:
        return str(error)
    return None if weights.stat().st_size == expected else "is cut off or damaged"


def _megabytes(file: Path) -> str:
    return f"{file.stat().st_size / 1e6:,.1f} MB"
