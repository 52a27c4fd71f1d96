"""What is in a folder that is given as a model and is not one that this project reads, by the names of its files."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json
from valence_gap.weights.model_types import CONFIG, PICKLED, WEIGHTS

INDEX = {".safetensors": f"{WEIGHTS}.index.json", ".bin": f"{PICKLED}.index.json"}
"""The file that lists the shards of weights that are stored in several files, by the suffix of these files."""
LFS = b"version https://git-lfs.github.com/spec/"
OTHER_FORMATS = {
    "adapter_model.safetensors": "an adapter (PEFT), which is only the difference to another model",
    "adapter_model.bin": "an adapter (PEFT), which is only the difference to another model",
    "tf_model.h5": "weights for TensorFlow",
    "flax_model.msgpack": "weights for Flax",
    "*.onnx": "an ONNX file",
    "*.gguf": "a GGUF file",
    "*.pt": "a checkpoint of PyTorch or fairseq",
    "*.pth": "a checkpoint of PyTorch",
    "*.ckpt": "a checkpoint of a training",
    "*.safetensors": "safetensors under another name",
    "*.bin": "a pickle under another name",
}
NOT_WEIGHTS = ("training_args.bin", "optimizer.bin", "scheduler.bin", "optimizer.pt", "scheduler.pt", "scaler.pt")
_HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")
FETCH = (
    "Make a readable folder of it with `valence-gap fetch-checkpoint` for a finished model, or `valence-gap "
    "fetch-pretrained` for an encoder:\n"
    "  valence-gap fetch-checkpoint --name NAME --definition '{definition}' --output DIR\nThen give DIR."
)


def is_lfs_pointer(path: Path) -> bool:
    """Whether a file is a pointer of Git LFS: a clone without the content of its large files."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(LFS)) == LFS
    except OSError:
        return False


def is_sharded(folder: Path) -> bool:
    """Whether the weights of a folder are in several files."""
    return any((folder / name).is_file() for name in INDEX.values())


def shards(what: str, index: Path) -> Mapping[str, str]:
    """The shard of each tensor, by its name, from the index of the shards.

    Raises:
        UserError: the index cannot be read, or names a file outside of its folder.
    """
    try:
        listed = {str(name): str(shard) for name, shard in read_json(index)["weight_map"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{what}: {index} cannot be read.", [str(error)], "Fetch it again.") from error
    if wrong := sorted(name for name in set(listed.values()) if Path(name).name != name):
        raise UserError(f"{what}: {index} names files outside of its folder.", wrong, "Check its source.")
    return listed


def unreadable(folder: Path) -> UserError | None:
    """Why a folder is not a model in Hugging Face format with ``model.safetensors``; None if it seems to be one.

    Args:
        folder: what a user gave as the folder of a model.

    Returns:
        The error, with what is there instead and how to make a folder of it that can be read.
    """
    if not folder.is_dir():
        return _no_folder(folder)
    if snapshots := sorted(path for path in folder.glob("snapshots/*") if path.is_dir()):
        return UserError(
            "this is the hub's cache of a model, not its folder",
            [str(folder)],
            f"Give one of its snapshots: {', '.join(map(str, snapshots))}",
        )
    if pointers := [str(path) for path in map(folder.joinpath, (CONFIG, WEIGHTS, PICKLED)) if is_lfs_pointer(path)]:
        return pointer_error(pointers)
    if (folder / WEIGHTS).is_file():
        return None
    found = [f"{folder / name}" for name in (PICKLED, *INDEX.values()) if (folder / name).is_file()]
    if found:
        definition = f'{{"source": "{folder.resolve()}"}}'
        return UserError(
            f"the weights of this model are not in {WEIGHTS}", found, FETCH.replace("{definition}", definition)
        )
    return no_weights(folder)


def pointer_error(pointers: list[str]) -> UserError:
    """The error for files that are pointers of Git LFS."""
    return UserError(
        "these files are pointers of Git LFS: their content is not here",
        pointers,
        "Get it with `git lfs install` and `git lfs pull` in that folder, or download the model with `hf download`.",
    )


def no_weights(folder: Path) -> UserError:
    """The error for a folder without weights that can be read; it names what is there in other formats."""
    if models := sorted(str(path.parent) for path in folder.glob(f"*/{CONFIG}")):
        return UserError("this folder is not a model, but contains models", models, "Give one of them.")
    others = list(_others(folder))
    return UserError(
        f"{folder} has no weights that can be read: neither {WEIGHTS} nor {PICKLED}",
        others,
        "Save the model with save_pretrained of transformers, and give that folder."
        if others
        else f"Give a folder with {CONFIG} and {WEIGHTS}, in Hugging Face format.",
    )


def _others(folder: Path) -> Iterator[str]:
    named: set[Path] = set()
    for pattern, what in OTHER_FORMATS.items():
        for path in sorted(folder.glob(pattern)):
            if path.name not in (*NOT_WEIGHTS, WEIGHTS, PICKLED) and path not in named:
                named.add(path)
                yield f"{path}: {what}"


def _no_folder(folder: Path) -> UserError:
    if folder.is_file():
        return UserError("this is a file, not the folder of a model", [str(folder)], f"Give {folder.parent}")
    if _HUB_ID.fullmatch(str(folder)):
        definition = f'{{"source": "{folder}", "revision": "<commit>"}}'
        return UserError(
            "there is no such folder; a model on the hub has to be fetched first",
            [f"{folder}: its commits are at https://huggingface.co/{folder}/commits/main"],
            FETCH.replace("{definition}", definition),
        )
    return UserError(
        "there is no such folder",
        [str(folder)],
        "Give the folder of a model, such as results/<study>/models/<model>/seed-42.",
    )
