"""The authors' released model: where it is on the hub, and where it is kept for use without a study."""

import os
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import yaml

from valence_gap.definitions.models import Checkpoint
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import log_line
from valence_gap.weights import store
from valence_gap.weights.fetch import fetch_checkpoint

# A link to workflow/presets/open.yaml, which defines the model for studies: its commit is written there alone.
PRESET = "released_model.yaml"


def released_model() -> tuple[str, Checkpoint]:
    """Return the name of the released model and where it is on the hub, pinned to a commit."""
    text = (resources.files("valence_gap") / "weights" / PRESET).read_text(encoding="utf-8")
    ((name, model),) = yaml.safe_load(text)["models"].items()
    return str(name), Checkpoint(**model["checkpoint"])


def default_folder() -> Path:
    """Return the folder of the released model in the user's cache (``$XDG_CACHE_HOME``, else ``~/.cache``)."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    _, checkpoint = released_model()
    return store.folder_of(cache / "valence-gap", checkpoint.source, str(checkpoint.revision))


def fetched_model() -> Path:
    """Return the folder of the released model where ``fetch_model`` has put it.

    Raises:
        UserError: it is not there.
    """
    folder = default_folder()
    if not store.read_record(folder):
        remedy = "Fetch it once, on a machine with a network: valence-gap fetch-model. Or name the folder of a model."
        raise UserError("the released model has not been fetched", [f"no model in {folder}"], remedy)
    return folder


def fetch_model(load: Callable[[Path], object], output: Path | None = None) -> Path:
    """Fetch the released model, unless it is there.

    Args:
        load: loads a finished model from a folder, as a check.
        output: the folder; None: that of ``default_folder``.

    Returns:
        The folder.

    Raises:
        UserError: the hub cannot be reached, or the files are not those of the pinned commit.
    """
    name, checkpoint = released_model()
    folder = default_folder() if output is None else output
    record = store.read_record(folder)
    if (record.get("source"), record.get("revision")) == (checkpoint.source, checkpoint.revision):
        log_line(f"{checkpoint.source} is there already: {folder}")
        return folder
    fetch_checkpoint(name, checkpoint, folder, load, use="valence-gap predict AUDIO --model ./{folder}")
    licence = store.read_record(folder).get("licence") or "unknown, see its model card"
    log_line(f"{checkpoint.source} is in {folder}; licence: {licence}")
    return folder
