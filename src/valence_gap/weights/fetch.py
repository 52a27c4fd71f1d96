"""Fetches pre-trained encoders and finished models, so that no later step needs the hub."""

import json
import math
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from safetensors import SafetensorError, safe_open

from valence_gap.definitions.models import Backbone, Checkpoint, is_local
from valence_gap.definitions.values import to_json
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, copy_mode, read_json, scratch_folder, write_json
from valence_gap.runtime.provenance import checksum, run_record
from valence_gap.weights.hub import ACCOMPANYING, PICKLED, Origin, download, require_commit
from valence_gap.weights.model_types import CONFIG, WEIGHTS, model_type_error


def fetch_pretrained(name: str, backbone: Backbone, output: Path) -> None:
    """Copy a pre-trained model to a local folder in Hugging Face format, with safetensors, and record its licence.

    Args:
        name: name of the backbone, for messages.
        backbone: a hub id pinned to a commit, or a local folder.
        output: the folder; its ``run.json`` contains source, revision, licence, SHA-256 and the parameter count.

    Raises:
        UserError: no source, no pinned commit, no connection, no access, or files that are not a complete model of its
            architecture.
    """
    if backbone.source is None:
        raise UserError(
            f"Backbone {name} has no source.", remedy="Set it to a hub id with a revision, or to a local folder."
        )
    definition = {"backbone": json.loads(to_json(backbone))}
    origin = Origin(f"Backbone {name}", f"backbones.{name}", backbone.source, backbone.revision, definition)

    def refuse_others(folder: Path) -> None:
        if wrong := model_type_error(folder, backbone.architecture):
            raise UserError(
                f"Backbone {name}: {origin.source} is not the kind of model that is required.",
                [wrong.replace(str(folder), origin.source)],
                f"Correct {origin.key}.source.",
            )

    _fetch(origin, output, refuse_others)


def fetch_checkpoint(name: str, checkpoint: Checkpoint, output: Path, load: Callable[[Path], object]) -> None:
    """Copy a finished model to the folder where a study writes a trained one, after a check that it loads.

    Args:
        name: name of the model, for messages.
        checkpoint: a hub id pinned to a commit, or a local folder: in the layout of the authors' released model
            (``wav2vec2.*``, ``classifier.dense``, ``classifier.out_proj``), or saved by a study.
        output: the folder, as ``fetch_pretrained`` writes it.
        load: loads a finished model from a folder; its UserError says why a folder contains none.

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
    origin = Origin(f"Model {name}", f"models.{name}.checkpoint", checkpoint.source, checkpoint.revision, definition)
    _fetch(origin, output, refuse_others)


def _fetch(origin: Origin, output: Path, check: Callable[[Path], None]) -> None:
    started = time.monotonic()
    if is_local(origin.source):
        folder = Path(origin.source).expanduser()
        if not folder.is_dir():
            raise UserError(f"{origin.what}: there is no folder {folder}.", remedy="Correct its source.")
        _adopt(origin, folder, output, check, started)
        return
    require_commit(origin)
    with scratch_folder(output.with_name(f"{output.name}.download")) as scratch:
        _adopt(origin, download(origin, scratch), output, check, started)


def _adopt(origin: Origin, folder: Path, output: Path, check: Callable[[Path], None], started: float) -> None:
    """Copy the required files of ``folder`` to ``output``, with its weights as safetensors and its record."""
    config = folder / CONFIG
    if not config.is_file():
        raise UserError(
            f"{origin.what}: {folder} has no {CONFIG}.", remedy="Its source must be a folder in Hugging Face format."
        )
    with atomic_folder(output) as scratch:
        shutil.copyfile(config, scratch / CONFIG)
        for file in ACCOMPANYING:
            if (folder / file).is_file():
                shutil.copyfile(folder / file, scratch / file)
        _weights(origin.what, folder, scratch / WEIGHTS)
        copy_mode(scratch / CONFIG, scratch / WEIGHTS)  # safetensors creates private files
        check(scratch)
        earlier = folder / "run.json"
        record = run_record(origin.definition, started=started)
        record |= {
            "source": origin.source,
            "revision": origin.revision,
            "licence": licence(folder / "README.md"),
            "parameters": parameters(origin.what, scratch / WEIGHTS),
            "sha256": {path.name: checksum(path) for path in sorted(scratch.iterdir())},
        }
        if earlier.is_file():
            record["made_by"] = read_json(earlier)
        write_json(scratch / "run.json", record)


def _weights(what: str, folder: Path, target: Path) -> None:
    """Copy the safetensors, or convert ``pytorch_model.bin``; only tensors are unpickled."""
    if (folder / WEIGHTS).is_file():
        shutil.copyfile(folder / WEIGHTS, target)
        return
    pickled = folder / PICKLED
    if not pickled.is_file():
        raise UserError(
            f"{what}: {folder} has neither {WEIGHTS} nor {PICKLED}.",
            remedy="Weights in several shards have to be merged first (save_pretrained with a larger max_shard_size).",
        )
    # PyTorch takes a second to import, and copying safetensors does not need it.
    from valence_gap.weights.pickled import convert

    convert(what, pickled, target)


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
