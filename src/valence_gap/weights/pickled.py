"""Weights that were published as a pickle: read without running its code, and written as safetensors."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from valence_gap.runtime.errors import UserError
from valence_gap.weights.hub import PICKLED, first_line


def convert(what: str, pickled: Path, target: Path) -> None:
    """Write the tensors of a ``pytorch_model.bin`` as safetensors; only tensors are unpickled.

    Args:
        what: name of the model, at the start of messages.
        pickled: the file.
        target: the safetensors file.

    Raises:
        UserError: it is damaged, compressed, or contains something other than a state dict.
    """
    try:
        _refuse_compressed(pickled)
        state = torch.load(pickled, map_location="cpu", weights_only=True)
    except Exception as error:  # damaged or hostile bytes can raise any error
        why = first_line(error)
        raise UserError(
            f"{what}: {pickled} cannot be read as plain tensors.", [why], "Use a source that has safetensors."
        ) from error
    save_file(_independent(what, state), target, metadata={"format": "pt"})


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
