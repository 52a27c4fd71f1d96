"""Weights that were published as pickles or in several files: read without running code, written as one safetensors."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from valence_gap.runtime.errors import UserError
from valence_gap.weights.contents import INDEX, shards
from valence_gap.weights.hub import first_line
from valence_gap.weights.model_types import PICKLED


def convert(what: str, pickled: Path, target: Path) -> None:
    """Write the tensors of a ``pytorch_model.bin`` as safetensors; only tensors are unpickled.

    Args:
        what: name of the model, at the start of messages.
        pickled: the file.
        target: the safetensors file.

    Raises:
        UserError: it is damaged, compressed, or contains something other than a state dict.
    """
    save_file(_independent(what, _read(what, pickled)), target, metadata={"format": "pt"})


def merge(what: str, folder: Path, target: Path) -> None:
    """Write the tensors of all shards of a folder, safetensors or pickles, as one safetensors file.

    Args:
        what: name of the model, at the start of messages.
        folder: contains ``model.safetensors.index.json`` or ``pytorch_model.bin.index.json``, and the shards.
        target: the safetensors file.

    Raises:
        UserError: shards are missing or damaged, or do not contain the tensors that the index lists.
    """
    suffix, index = next((suffix, folder / name) for suffix, name in INDEX.items() if (folder / name).is_file())
    listed = shards(what, index)
    files = sorted(set(listed.values()))
    if missing := [f"{folder / name} is missing" for name in files if not (folder / name).is_file()]:
        raise UserError(f"{what}: its weights are not complete.", missing, "Download the whole folder again.")
    state: dict[str, Any] = {}
    for name in files:
        state |= _read_safetensors(what, folder / name) if suffix == ".safetensors" else _read(what, folder / name)
    if absent := [f"{name}: not in {listed[name]}" for name in listed if name not in state]:
        raise UserError(f"{what}: its shards and {index.name} do not belong together.", absent, "Fetch both again.")
    save_file(_independent(what, {name: state[name] for name in listed}), target, metadata={"format": "pt"})


def _read_safetensors(what: str, shard: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(shard)
    except Exception as error:  # damaged bytes can raise any error
        raise UserError(f"{what}: {shard} is cut off or damaged.", [first_line(error)], "Fetch it again.") from error


def _read(what: str, pickled: Path) -> Any:
    try:
        _refuse_compressed(pickled)
        return torch.load(pickled, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged or hostile bytes can raise any error
        why = first_line(error)
        raise UserError(
            f"{what}: {pickled} cannot be read as plain tensors.", [why], "Use a source that has safetensors."
        ) from error


def _refuse_compressed(archive: Path) -> None:
    """Refuse a compressed archive: PyTorch does not compress its own, and a compressed one can expand to any size.

    Raises:
        ValueError: a part of the archive is compressed.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            if any(part.compress_type != zipfile.ZIP_STORED for part in opened.infolist()):
                raise ValueError("the archive is compressed, which archives of PyTorch never are")


def _independent(what: str, state: Any) -> dict[str, torch.Tensor]:
    """Copies of the tensors of a state dict: safetensors does not accept tensors that share memory."""
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"{what}: {PICKLED} is not a state dict.", remedy="Check its source.")
    return {key: value.detach().clone().contiguous() for key, value in state.items()}
