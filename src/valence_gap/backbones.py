"""Fetches pre-trained encoders, so that nothing after it ever asks the hub."""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from valence_gap.definitions import Backbone, is_local, to_json
from valence_gap.errors import UserError
from valence_gap.files import read_json, whole_folder, write_json
from valence_gap.provenance import checksum, run_record

CONFIG, WEIGHTS, PICKLED = "config.json", "model.safetensors", "pytorch_model.bin"
ACCOMPANYING = (
    "preprocessor_config.json",
    "processor_config.json",
    "generation_config.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "tokenizer.json",
    "vocab.json",
    "vocab.txt",
    "merges.txt",
    "normalizer.json",
    "README.md",
    "LICENSE",
    "lexicon.txt",
)
COMMIT = re.compile(r"[0-9a-f]{40}")


def fetch_pretrained(name: str, backbone: Backbone, output: Path) -> None:
    """Bring a pre-trained model to a local folder in Hugging Face format, with safetensors and its licence noted.

    Args:
        name: name of the backbone, for messages.
        backbone: a hub id pinned to a commit, or a local folder.
        output: the folder; ``run.json`` in it holds source, revision, licence, SHA-256 and the parameter count.

    Raises:
        UserError: no source, no pinned commit, no connection, no access, or files that are not a whole model.
    """
    started = time.monotonic()
    if backbone.source is None:
        raise UserError(
            f"Backbone {name} has no source.", remedy="Give it a hub id with a revision, or a local folder."
        )
    if is_local(backbone.source):
        folder = Path(backbone.source).expanduser()
        if not folder.is_dir():
            raise UserError(f"Backbone {name}: there is no folder {folder}.", remedy="Correct its source.")
        _adopt(name, backbone, folder, output, started)
        return
    _require_commit(name, backbone)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}.download.", dir=output.parent) as scratch:
        _adopt(name, backbone, download(name, backbone, Path(scratch), output), output, started)


def download(name: str, backbone: Backbone, scratch: Path, output: Path) -> Path:
    """Download the needed files of a pinned commit into ``scratch``; safetensors where the hub has them.

    Raises:
        UserError: what has to be downloaded by other means and where to put it, or why it cannot be.
    """
    wanted = [CONFIG, WEIGHTS, *ACCOMPANYING]
    _snapshot(name, backbone, wanted, scratch, output)
    if not (scratch / WEIGHTS).is_file():
        _snapshot(name, backbone, [PICKLED], scratch, output)
    return scratch


def _snapshot(name: str, backbone: Backbone, wanted: list[str], scratch: Path, output: Path) -> None:
    source, revision = str(backbone.source), str(backbone.revision)
    try:
        snapshot_download(source, revision=revision, allow_patterns=wanted, local_dir=scratch)
    except GatedRepoError as error:
        raise UserError(
            f"Backbone {name}: {source} is gated.",
            remedy=f"Ask for access at https://huggingface.co/{source}, then log in with `hf auth login`.",
        ) from error
    except RepositoryNotFoundError as error:
        raise UserError(
            f"Backbone {name}: the hub has no model {source}, or it is private.",
            remedy="Correct its source, or log in.",
        ) from error
    except (RevisionNotFoundError, EntryNotFoundError) as error:
        if isinstance(error, LocalEntryNotFoundError):
            raise _offline(name, backbone, output, error) from error
        raise UserError(
            f"Backbone {name}: {source} has no commit {revision}.",
            remedy=f"Choose one at https://huggingface.co/{source}/commits/main.",
        ) from error
    except (OfflineModeIsEnabled, HfHubHTTPError, OSError) as error:
        raise _offline(name, backbone, output, error) from error


def _offline(name: str, backbone: Backbone, output: Path, error: Exception) -> UserError:
    source, revision = backbone.source, backbone.revision
    why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else (str(error) or type(error).__name__).splitlines()[0]
    return UserError(
        f"Backbone {name} cannot be fetched from the hub ({why}). Needed from {source} at commit {revision}:",
        [
            CONFIG,
            f"{WEIGHTS}, or {PICKLED} where there is none",
            "preprocessor_config.json, tokenizer files and README.md, those that exist",
        ],
        f"On a machine with a connection run\n"
        f"  hf download {source} --revision {revision} --local-dir {output.name}\n"
        f"then copy that folder here and name it as the backbone's source (./{output.name}).",
    )


def _require_commit(name: str, backbone: Backbone) -> None:
    if backbone.revision is None or not COMMIT.fullmatch(backbone.revision):
        raise UserError(
            f"Backbone {name}: {backbone.source} is not pinned: {backbone.revision!r} is not a commit hash.",
            remedy="Set revision to the 40 hexadecimal digits of a commit, from "
            f"https://huggingface.co/{backbone.source}/commits/main; a branch or a tag can move.",
        )


def _adopt(name: str, backbone: Backbone, folder: Path, output: Path, started: float) -> None:
    """Copy what is needed of ``folder`` to ``output``, with its weights as safetensors and its record."""
    config = folder / CONFIG
    if not config.is_file():
        raise UserError(
            f"Backbone {name}: {folder} has no {CONFIG}.", remedy="Its source must be a folder in Hugging Face format."
        )
    with whole_folder(output) as scratch:
        shutil.copyfile(config, scratch / CONFIG)
        for file in ACCOMPANYING:
            if (folder / file).is_file():
                shutil.copyfile(folder / file, scratch / file)
        _weights(name, folder, scratch / WEIGHTS)
        shutil.copymode(scratch / CONFIG, scratch / WEIGHTS)  # safetensors makes private files
        earlier = folder / "run.json"
        record = run_record({"backbone": json.loads(to_json(backbone))}, started=started)
        record |= {
            "source": backbone.source,
            "revision": backbone.revision,
            "licence": licence(folder / "README.md"),
            "parameters": parameters(name, scratch / WEIGHTS),
            "sha256": {path.name: checksum(path) for path in sorted(scratch.iterdir())},
        }
        if earlier.is_file():
            record["made_by"] = read_json(earlier)
        write_json(scratch / "run.json", record)


def _weights(name: str, folder: Path, target: Path) -> None:
    """Copy the safetensors, or convert ``pytorch_model.bin``; nothing but tensors is ever unpickled."""
    if (folder / WEIGHTS).is_file():
        shutil.copyfile(folder / WEIGHTS, target)
        return
    pickled = folder / PICKLED
    if not pickled.is_file():
        raise UserError(
            f"Backbone {name}: {folder} has neither {WEIGHTS} nor {PICKLED}.",
            remedy="Weights in several shards have to be merged first (save_pretrained with a larger max_shard_size).",
        )
    try:
        state = torch.load(pickled, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever unpickling damaged or hostile bytes raises
        raise UserError(
            f"Backbone {name}: {pickled} cannot be read as plain tensors.", [str(error).splitlines()[0]]
        ) from error
    save_file(_independent(name, state), target, metadata={"format": "pt"})


def _independent(name: str, state: Any) -> dict[str, torch.Tensor]:
    """The tensors of a state dict, each with memory of its own: safetensors holds no shared ones."""
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"Backbone {name}: {PICKLED} is not a state dict.", remedy="Check its source.")
    return {key: value.detach().clone().contiguous() for key, value in state.items()}


def parameters(name: str, weights: Path) -> int:
    """Number of values in a safetensors file.

    Raises:
        UserError: the file is cut off or no safetensors at all.
    """
    try:
        with safe_open(weights, framework="pt") as opened:
            shapes = [opened.get_slice(key).get_shape() for key in opened.keys()]  # noqa: SIM118
    except SafetensorError as error:
        raise UserError(
            f"Backbone {name}: its {WEIGHTS} is cut off or damaged.", [str(error)], "Fetch it again."
        ) from error
    return sum(torch.Size(shape).numel() for shape in shapes)


def licence(card: Path) -> str | None:
    """The licence that the metadata at the head of a model card name; None where it names none."""
    if not card.is_file():
        return None
    text = card.read_text(encoding="utf-8", errors="replace")
    head = re.match(r"\ufeff?---\s*\n(.*?)\n---\s*(?:\n|$)", text, flags=re.DOTALL)
    found = re.search(r"^license:[ \t]*(.+?)[ \t]*$", head.group(1), flags=re.MULTILINE) if head else None
    return found.group(1).strip("'\"") if found else None
