"""Weights that were published as a pickle: read without trusting it, and written as safetensors."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from valence_gap.runtime.errors import UserError
from valence_gap.weights.hub import PICKLED, first_line


def convert(what: str, pickled: Path, target: Path) -> None:
    """Write the tensors of a ``pytorch_model.bin`` as safetensors; nothing but tensors is ever unpickled.

    Args:
        what: what it belongs to, at the start of messages.
        pickled: the file.
        target: the safetensors file.

    Raises:
        UserError: it is damaged, compressed, or holds something else than a state dict.
    """
    try:
        _refuse_compressed(pickled)
        state = torch.load(pickled, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever unpickling damaged or hostile bytes raises
        why = first_line(error)
        raise UserError(
            f"{what}: {pickled} cannot be read as plain tensors.", [why], "Use a source that has safetensors."
        ) from error
    save_file(_independent(what, state), target, metadata={"format": "pt"})


def _refuse_compressed(archive: Path) -> None:
    """PyTorch stores its archives as they are; a compressed one could unfold to any size.

    Raises:
        ValueError: a part of the archive is compressed.
    """
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as opened:
            if any(part.compress_type != zipfile.ZIP_STORED for part in opened.infolist()):
                raise ValueError("the archive is compressed, which PyTorch's never are")


def _independent(what: str, state: Any) -> dict[str, torch.Tensor]:
    """The tensors of a state dict, each with memory of its own: safetensors holds no shared ones."""
    if not isinstance(state, Mapping) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise UserError(f"{what}: {PICKLED} is not a state dict.", remedy="Check its source.")
    return {key: value.detach().clone().contiguous() for key, value in state.items()}
