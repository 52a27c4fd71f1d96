"""Models of transformers in local folders, for text and speech synthesis: their kind, and how they are loaded."""

from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers.utils import logging

from valence_gap.runtime.errors import UserError, valid_names
from valence_gap.weights import folders


def model_type(folder: Path, valid: Collection[str], problem: str) -> str:
    """The ``model_type`` of the model in a folder.

    Args:
        folder: contains ``config.json``.
        valid: the kinds that can be used.
        problem: what is wrong if it is of another kind.

    Raises:
        UserError: there is no model, or it is of another kind.
    """
    kind = str(folders.read_config(folder).get("model_type"))
    if kind not in valid:
        raise UserError(problem, [f"{folder}: model_type {kind!r}"], valid_names(valid))
    return kind


@contextmanager
def loading(what: str, folder: Path, remedy: str = "Fetch the folder again.") -> Iterator[None]:
    """While a model is loaded, raise a UserError if its folder is incomplete or damaged."""
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    try:
        yield
    except (OSError, ValueError, RuntimeError, ImportError) as error:
        raise UserError(f"{what} cannot be loaded", [f"{folder}: {error}"], remedy) from error


def load_pretrained(kind: Any, folder: Path, *, optional: Iterable[str] = (), **settings: Any) -> Any:
    """A model of a class of transformers in float32, from safetensors, without the network.

    Args:
        kind: the class.
        folder: contains ``config.json`` and ``model.safetensors``.
        optional: ends of the names of weights that may be missing.
        settings: more arguments of ``from_pretrained``.

    Raises:
        UserError: weights are missing; transformers would start them at random.
    """
    model, info = kind.from_pretrained(
        folder,
        local_files_only=True,
        use_safetensors=True,
        dtype=torch.float32,
        output_loading_info=True,
        **settings,
    )
    folders.refuse_random(info, folder, optional=optional)
    return model
