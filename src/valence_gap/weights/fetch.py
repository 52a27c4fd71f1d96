"""Fetches pre-trained encoders and finished models, so that no later step needs the hub."""

import json
import math
import re
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from safetensors import SafetensorError, safe_open

from valence_gap.definitions.models import RESOLVE, Backbone, Checkpoint, is_local
from valence_gap.definitions.values import to_json
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, copy_mode, read_json, scratch_folder, write_json
from valence_gap.runtime.progress import log_line
from valence_gap.runtime.provenance import checksum, run_record
from valence_gap.weights import store as hub_store
from valence_gap.weights.contents import is_lfs_pointer, is_sharded, no_weights, pointer_error, unreadable
from valence_gap.weights.hub import ACCOMPANYING, Origin, download, require_commit, resolve
from valence_gap.weights.model_types import CONFIG, PICKLED, RUN, WEIGHTS, model_type_error


@dataclass(frozen=True)
class Destination:
    """Where a fetched model is written.

    Attributes:
        output: the folder.
        store: folder of the models from the hub, which other studies use too; None: they are only in ``output``.
        link: link the weights in ``output`` to the store; otherwise they are copied, for a folder that is passed on.
    """

    output: Path
    store: Path | None = None
    link: bool = True


def fetch_pretrained(name: str, backbone: Backbone, output: Path, store: Path | None = None) -> None:
    """Copy a pre-trained model to a local folder in Hugging Face format, with safetensors, and record its licence.

    Args:
        name: name of the backbone, for messages.
        backbone: a hub id, pinned to a commit or with the revision ``resolve``, or a local folder.
        output: the folder; its ``run.json`` contains source, revision, licence, SHA-256 and the parameter count.
        store: folder in which a model from the hub is kept for all studies; ``output`` then links to its weights.

    Raises:
        UserError: no source, no pinned commit, no connection, no access, another checksum, or files that are not a
            complete model of its architecture.
    """
    if backbone.source is None:
        raise UserError(
            f"Backbone {name} has no source.", remedy="Set it to a hub id with a revision, or to a local folder."
        )
    definition = {"backbone": json.loads(to_json(backbone))}
    key, sums = f"backbones.{name}", backbone.sha256 or {}
    origin = Origin(f"Backbone {name}", key, backbone.source, backbone.revision, definition, sums)

    def refuse_others(folder: Path) -> None:
        if wrong := model_type_error(folder, backbone.architecture):
            raise UserError(
                f"Backbone {name}: {origin.source} is not the kind of model that is required.",
                [wrong.replace(str(folder), origin.source)],
                f"Correct {origin.key}.source.",
            )

    _fetch(origin, Destination(output, store), refuse_others)


def fetch_checkpoint(
    name: str,
    checkpoint: Checkpoint,
    output: Path,
    load: Callable[[Path], object],
    store: Path | None = None,
    *,
    use: str = "",
) -> None:
    """Copy a finished model to the folder where a study writes a trained one, after a check that it loads.

    Args:
        name: name of the model, for messages.
        checkpoint: a hub id pinned to a commit, or a local folder: in the layout of the authors' released model
            (``wav2vec2.*``, ``classifier.dense``, ``classifier.out_proj``), or saved by a study.
        output: the folder, as ``fetch_pretrained`` writes it.
        load: loads a finished model from a folder; its UserError says why a folder contains none.
        store: folder in which a model from the hub is kept for all studies; ``output`` is a copy, to be passed on.
        use: see ``Origin``.

    Raises:
        UserError: as ``fetch_pretrained``; or the model does not predict arousal, dominance and valence.
    """

    def refuse_others(folder: Path) -> None:
        try:
            load(folder)
        except UserError as error:
            found = [text.replace(str(folder), checkpoint.source) for text in (error.what, *error.offenders)]
            raise UserError(
                f"Model {name}: {checkpoint.source} is not a finished model that can be evaluated.",
                found,
                "It must be in the layout of the authors' released model, or a folder that this project saved.",
            ) from error

    definition = {"checkpoint": json.loads(to_json(checkpoint))}
    key, sums = f"models.{name}.checkpoint", checkpoint.sha256 or {}
    origin = Origin(f"Model {name}", key, checkpoint.source, checkpoint.revision, definition, sums, use=use)
    _fetch(origin, Destination(output, store, link=False), refuse_others)


def _fetch(origin: Origin, destination: Destination, check: Callable[[Path], None]) -> None:
    started = time.monotonic()
    if is_local(origin.source):
        folder = Path(origin.source).expanduser()
        if not folder.is_dir():
            raise UserError(f"{origin.what}: there is no folder {folder}.", remedy="Correct its source.")
        _adopt(origin, folder, destination.output, check, started)
        return
    if origin.revision == RESOLVE:
        known = hub_store.resolved_commit(destination.store, origin.source) if destination.store else None
        origin = replace(origin, revision=known or resolve(origin), resolved=True)
    require_commit(origin)
    if destination.store is None:
        _download(origin, destination.output, check, started)
        return
    stored = hub_store.folder_of(destination.store, origin.source, str(origin.revision))
    with hub_store.held(stored):
        if not _is_stored(origin, stored):
            _download(origin, stored, lambda _: None, started)
        if origin.resolved:
            write_json(stored / RUN, dict(hub_store.read_record(stored)) | {"resolved": True})
    _take(origin, stored, destination, check)


def _download(origin: Origin, output: Path, check: Callable[[Path], None], started: float) -> None:
    with scratch_folder(output.with_name(f"{output.name}.download")) as scratch:
        _adopt(origin, download(origin, scratch), output, check, started)


def _is_stored(origin: Origin, stored: Path) -> bool:
    """Whether the store has a model, with the checksums that are asked for; one that it does not know is not enough."""
    record = hub_store.read_record(stored)
    known = hub_store.known_checksums(record)
    _refuse_mismatches(origin, {name: known[name] for name in origin.sha256 if name in known})
    return bool(record) and set(origin.sha256) <= set(known)


def _take(origin: Origin, stored: Path, destination: Destination, check: Callable[[Path], None]) -> None:
    """Write the folder of a study from one of the store: links or copies, and a record of its own."""
    with atomic_folder(destination.output) as scratch:
        for file in sorted(path for path in stored.iterdir() if path.name not in (WEIGHTS, RUN)):
            shutil.copyfile(file, scratch / file.name)
        hub_store.place(stored / WEIGHTS, scratch / WEIGHTS, link=destination.link)
        parameters(origin.what, scratch / WEIGHTS)
        check(scratch)
        write_json(scratch / RUN, dict(hub_store.read_record(stored)) | {"definition": origin.definition})


def _adopt(origin: Origin, folder: Path, output: Path, check: Callable[[Path], None], started: float) -> None:
    """Copy the required files of ``folder`` to ``output``, with its weights as safetensors and its record."""
    config = folder / CONFIG
    if is_lfs_pointer(config) or (not config.is_file() and (folder / "snapshots").is_dir()):
        raise unreadable(folder) or pointer_error([str(config)])
    if not config.is_file():
        raise UserError(
            f"{origin.what}: {folder} has no {CONFIG}.", remedy="Its source must be a folder in Hugging Face format."
        )
    verified = _verified(origin, folder)
    with atomic_folder(output) as scratch:
        shutil.copyfile(config, scratch / CONFIG)
        for file in ACCOMPANYING:
            if (folder / file).is_file():
                shutil.copyfile(folder / file, scratch / file)
        _weights(origin, folder, scratch / WEIGHTS)
        copy_mode(scratch / CONFIG, scratch / WEIGHTS)  # safetensors creates private files
        check(scratch)
        record = run_record(origin.definition, started=started)
        record |= {
            "source": origin.source,
            "revision": origin.revision,
            "licence": licence(folder / "README.md"),
            "parameters": parameters(origin.what, scratch / WEIGHTS),
            "sha256": {path.name: checksum(path) for path in sorted(scratch.iterdir())},
        }
        record |= {"verified": dict(verified)} if verified else {}
        record |= {"resolved": True} if origin.resolved else {}
        earlier = folder / RUN
        if earlier.is_file():
            record["made_by"] = read_json(earlier)
        write_json(scratch / RUN, record)


def _verified(origin: Origin, folder: Path) -> Mapping[str, str]:
    """The checksums of the files that the definition gives checksums for, all of them as given.

    A local folder may lack such a file, for example if its weights were saved in another format; this is logged.

    Raises:
        UserError: a file has another checksum, or the hub does not have it.
    """
    missing = [name for name in origin.sha256 if not (folder / name).is_file()]
    if missing and not is_local(origin.source):
        raise UserError(
            f"{origin.what}: {origin.source} at {origin.revision} lacks files of {origin.key}.sha256.",
            missing,
            f"Correct {origin.key}.sha256, or set it to null.",
        )
    for name in missing:
        log_line(f"{origin.what}: not verified, because it is not in {folder}: {name}")
    found = {name: checksum(folder / name) for name in origin.sha256 if name not in missing}
    _refuse_mismatches(origin, found)
    return found


def _refuse_mismatches(origin: Origin, found: Mapping[str, str]) -> None:
    wrong = [
        f"{name} of {origin.source}: {sum_found}, but {origin.key}.sha256 says {origin.sha256[name]}"
        for name, sum_found in found.items()
        if sum_found != origin.sha256[name]
    ]
    if wrong:
        raise UserError(
            f"{origin.what}: fetched files have other checksums (SHA-256) than expected.",
            wrong,
            f"Fetch again. If source or revision were changed on purpose, set {origin.key}.sha256 to null, or to the "
            "checksums of the other files.",
        )


def _weights(origin: Origin, folder: Path, target: Path) -> None:
    """Copy the safetensors, or convert ``pytorch_model.bin`` or shards; only tensors are unpickled.

    Of two formats, the one with a checksum is used.
    """
    weights, pickled = folder / WEIGHTS, folder / PICKLED
    if pointers := [str(path) for path in (weights, pickled) if is_lfs_pointer(path)]:
        raise pointer_error(pointers)
    if PICKLED in origin.sha256 and WEIGHTS not in origin.sha256 and pickled.is_file():
        weights = pickled
    if weights.is_file() and weights.name == WEIGHTS:
        shutil.copyfile(weights, target)
        return
    # PyTorch takes a second to import, and copying safetensors does not need it.
    if pickled.is_file():
        from valence_gap.weights.pickled import convert

        convert(origin.what, pickled, target)
    elif is_sharded(folder):
        from valence_gap.weights.pickled import merge

        merge(origin.what, folder, target)
    else:
        raise no_weights(folder)


def parameters(what: str, weights: Path) -> int:
    """Number of values in a safetensors file.

    Raises:
        UserError: the file is truncated or not in safetensors format.
    """
    try:
        with safe_open(weights, framework="np") as opened:
            shapes = [opened.get_slice(key).get_shape() for key in opened.keys()]  # noqa: SIM118
    except SafetensorError as error:
        raise UserError(f"{what}: its {WEIGHTS} is cut off or damaged.", [str(error)], "Fetch it again.") from error
    return sum(map(math.prod, shapes))


def licence(card: Path) -> str | None:
    """The licence in the metadata at the start of a model card; None if there is none."""
    if not card.is_file():
        return None
    text = card.read_text(encoding="utf-8", errors="replace")
    head = re.match(r"\ufeff?---\s*\n(.*?)\n---\s*(?:\n|$)", text, flags=re.DOTALL)
    found = re.search(r"^license:[ \t]*(.+?)[ \t]*$", head.group(1), flags=re.MULTILINE) if head else None
    return found.group(1).strip("'\"") if found else None
