"""Limits for a model folder from elsewhere: it causes no traceback, and needs no more memory than its weights."""

import itertools
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from valence_gap.runtime.errors import UserError
from valence_gap.weights import contents, folders
from valence_gap.weights.model_types import CONFIG, WEIGHTS, header

MOST_VALUES = 10_000_000_000  # limit for a model without a file of weights
REMEDY = "Fetch or create the folder again; config.json and model.safetensors must come from the same model, unedited."


@contextmanager
def user_errors(folder: Path) -> Iterator[None]:
    """While a model is built from a folder, raise a UserError for anything that is wrong with the folder.

    Args:
        folder: a folder in Hugging Face format.

    Raises:
        UserError: its configuration describes a far larger model than its weights (this is checked before memory is
            allocated); or its numbers contradict one another.
    """
    config = folder / CONFIG
    weights = folder / WEIGHTS
    if contents.is_lfs_pointer(weights):
        raise contents.pointer_error([str(weights)])
    most = weights.stat().st_size if weights.is_file() else MOST_VALUES  # a value has a byte at least
    values = min_parameters(folders.read_config(folder))
    if values > most:
        raise UserError(
            f"{weights} does not hold the model that {config} describes",
            [f"{config}: more than {values:,} values; there is room for {_stored_values(weights, most):,} at most"],
            REMEDY,
        )
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:  # impossible numbers make transformers and torch raise many kinds
        raise UserError(
            "no model can be built from its folder", [f"{config}: {type(error).__name__}: {error}"], REMEDY
        ) from error


def _stored_values(weights: Path, most: int) -> int:
    """The number of values in a file of weights, by its header; ``most`` if there is no valid header."""
    try:
        found: int = sum(math.prod(entry["shape"]) for entry in header(weights)[0].values())
    except (OSError, ValueError, KeyError, TypeError):
        return most
    return min(found, most)


def min_parameters(config: Mapping[str, Any]) -> int:
    """A lower bound of the number of values in a model, from its largest matrices. An absurd number makes it large.

    Args:
        config: the content of ``config.json``, of any family; a value that is not an integer counts as zero.
    """
    hidden = max(_number(config.get(key)) for key in ("hidden_size", "d_model"))
    wide = max(_number(config.get(key)) for key in ("intermediate_size", "encoder_ffn_dim"))
    layers = max(_number(config.get(key)) for key in ("num_hidden_layers", "encoder_layers"))
    widths = [_number(width) for width in _sequence(config.get("conv_dim"))]
    kernels = [_number(kernel) for kernel in _sequence(config.get("conv_kernel"))]
    channels = [_number(count) for count in _sequence(config.get("channels"))]
    stem = sum(before * after for before, after in itertools.pairwise(widths)) + max([0, *widths, *kernels])
    positions = hidden * _number(config.get("num_conv_pos_embeddings"))
    groups = _number(config.get("num_conv_pos_embedding_groups"))
    blocks = sum(9 * before * after for before, after in itertools.pairwise(channels)) + max([0, *channels])
    layer = 4 * hidden * hidden + 2 * hidden * wide
    return stem + positions // max(1, groups) + blocks + layers * max(1, layer)


def _number(value: Any) -> int:
    return max(0, value) if isinstance(value, int) else 0


def _sequence(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
