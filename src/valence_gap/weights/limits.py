"""What a folder of a model from elsewhere may ask for: no more memory than its weights need, and no traceback."""

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from valence_gap.runtime.errors import UserError
from valence_gap.weights import folders

MOST_VALUES = 10_000_000_000  # of a model without weights to compare with
REMEDY = "Fetch or make the folder anew; config.json and model.safetensors must come from the same model, unedited."


@contextmanager
def user_errors(folder: Path) -> Iterator[None]:
    """Build a model from a folder, or tell what is wrong with the folder.

    Args:
        folder: a folder in Hugging Face format.

    Raises:
        UserError: its configuration describes far more than its weights hold, before memory is taken for it; or its
            numbers contradict one another.
    """
    config = folder / folders.CONFIG
    weights = folder / folders.WEIGHTS
    most = weights.stat().st_size if weights.is_file() else MOST_VALUES
    values = min_parameters(folders.read_config(folder))
    if values > most:
        raise UserError(
            f"{weights} does not hold the model that {config} describes",
            [f"{config}: more than {values:,} values; there is room for {most:,} at most"],
            REMEDY,
        )
    try:
        yield
    except (UserError, KeyboardInterrupt):
        raise
    except Exception as error:  # whatever numbers that make no sense lead transformers and torch to raise
        raise UserError(
            "no model can be made from its folder", [f"{config}: {type(error).__name__}: {error}"], REMEDY
        ) from error


def min_parameters(config: Mapping[str, Any]) -> int:
    """Fewer values than a model of this configuration has, by its largest matrices; any absurd number makes it large.

    Args:
        config: the content of ``config.json``, of any family; what is no whole number counts as nothing.
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
