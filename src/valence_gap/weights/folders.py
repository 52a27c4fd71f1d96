"""Reading and writing of folders in Hugging Face format: ``config.json`` and ``model.safetensors``."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from valence_gap.runtime import files
from valence_gap.runtime.errors import UserError
from valence_gap.weights import contents
from valence_gap.weights.model_types import CONFIG, WEIGHTS

OWN = "valence_gap"
NAMED = 10  # weights that a message lists

# Weight normalisation is stored under its older names, which every version of transformers reads.
_NEWER_NAMES = {
    ".parametrizations.weight.original0": ".weight_g",
    ".parametrizations.weight.original1": ".weight_v",
}


def read_config(folder: Path) -> dict[str, Any]:
    """The content of ``config.json``.

    Raises:
        UserError: it is missing, or is not a JSON object.
    """
    path = folder / CONFIG
    remedy = (
        "Fetch or create the folder again; it must contain config.json and model.safetensors in Hugging Face format."
    )
    try:
        config = files.read_json(path)
    except (FileNotFoundError, NotADirectoryError) as error:
        missing = UserError("there is no model to load", [f"{path} is missing"], remedy)
        raise (contents.unreadable(folder) or missing) from error
    except (ValueError, OSError, RecursionError) as error:
        if contents.is_lfs_pointer(path):
            raise contents.pointer_error([str(path)]) from error
        raise UserError("the configuration of a model cannot be read", [f"{path}: {error}"], remedy) from error
    if not isinstance(config, dict):
        raise UserError("the configuration of a model cannot be read", [f"{path}: not a JSON object"], remedy)
    return config


def read_weights(folder: Path, rename: Callable[[str], str | None]) -> dict[str, Tensor]:
    """Read weights from ``model.safetensors`` as float32, only those that are required.

    Args:
        folder: contains the file.
        rename: maps a stored name to its name in the result, or to None for a weight that is not required.

    Raises:
        UserError: the file is missing, truncated or not in safetensors format.
    """
    path = folder / WEIGHTS
    remedy = "Delete the folder and fetch or create it again."
    if unreadable := contents.unreadable(folder):
        raise unreadable
    weights: dict[str, Tensor] = {}
    try:
        with safe_open(path, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118 - it is not a mapping
                new_name = rename(_newer(name))
                if new_name is not None:
                    weights[new_name] = stored.get_tensor(name).float()
    except (SafetensorError, OSError) as error:
        raise UserError("the weights of a model cannot be read: damaged file", [f"{path}: {error}"], remedy) from error
    return weights


def load_state(module: nn.Module, weights: Mapping[str, Tensor], folder: Path, *, optional: Iterable[str] = ()) -> None:
    """Copy weights into a module; their names must be exactly those of the module.

    Args:
        module: receives the weights.
        weights: by name.
        folder: the folder they were read from, for the message.
        optional: names that may be missing.

    Raises:
        UserError: weights are missing, unknown, or of another shape than ``config.json`` says.
    """
    expected = module.state_dict()
    offenders = [f"{name} is missing" for name in expected if name not in weights and name not in set(optional)]
    for name, weight in weights.items():
        if name not in expected:
            offenders.append(f"{name} is unknown to this architecture")
        elif weight.shape != expected[name].shape:
            offenders.append(f"{name} is {tuple(weight.shape)}, expected {tuple(expected[name].shape)}")
    if offenders:
        more = len(offenders) - NAMED
        offenders[NAMED:] = [f"and {more:,} more weights"] if more > 0 else []
        raise UserError(
            f"{folder / WEIGHTS} does not hold the model that {folder / CONFIG} describes",
            offenders,
            "Fetch or create the folder again; both files must come from the same model.",
        )
    module.load_state_dict(dict(weights), strict=False)


def refuse_random(info: Mapping[str, Any], folder: Path, *, optional: Iterable[str] = ()) -> None:
    """Refuse a model of transformers that it has built from a folder without some of its weights: they would be random.

    Args:
        info: the loading report of ``from_pretrained``.
        folder: the folder, for the message.
        optional: ends of the names of weights that may be missing.

    Raises:
        UserError: weights are missing.
    """
    missing = sorted(name for name in info["missing_keys"] if not name.endswith(tuple(optional)))
    if missing:
        more = [f"and {len(missing) - NAMED:,} more weights"] if len(missing) > NAMED else []
        raise UserError(
            f"{folder / WEIGHTS} does not hold the model that {folder / CONFIG} describes",
            [*(f"{name} is missing" for name in missing[:NAMED]), *more],
            "Fetch or create the folder again; both files must come from the same model.",
        )


def write(folder: Path, config: Mapping[str, Any], weights: Mapping[str, Tensor]) -> None:
    """Write ``config.json`` and ``model.safetensors``; float32, on the CPU."""
    folder.mkdir(parents=True, exist_ok=True)
    stored = {_older(name): _stored(weight) for name, weight in weights.items()}
    with files.atomic_file(folder / WEIGHTS) as scratch:
        save_file(stored, scratch, metadata={"format": "pt"})
    files.write_json(folder / CONFIG, config)


def _stored(weight: Tensor) -> Tensor:
    weight = weight.detach().to("cpu", copy=True).contiguous()
    return weight.to(torch.float32) if weight.is_floating_point() else weight


def _newer(name: str) -> str:
    for newer, older in _NEWER_NAMES.items():
        if name.endswith(older):
            return name.removesuffix(older) + newer
    return name


def _older(name: str) -> str:
    for newer, older in _NEWER_NAMES.items():
        if name.endswith(newer):
            return name.removesuffix(newer) + older
    return name
