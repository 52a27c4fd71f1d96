"""What a training resumes from: its whole state in one file; and the signals that ask for it.

The state is a safetensors file, with the scalars as JSON in its header: nothing in it can run code. It needs no state
of random generators, since every step seeds them from its own number.
"""

import json
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any, TypedDict

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from valence_gap.runtime.files import atomic_file, canonical_json, remove_orphans
from valence_gap.runtime.progress import log_line

STATE = "state.safetensors"
SIGNALS = (signal.SIGTERM, signal.SIGUSR1)

Weights = dict[str, torch.Tensor]


class LogRow(TypedDict):
    """One row of the training log."""

    epoch: int
    loss: float
    dev_arousal: float
    dev_dominance: float
    dev_valence: float
    dev_mean: float


@dataclass
class TrainerState:
    """How far a training is.

    Attributes:
        epoch: the epoch that is being trained, from 1.
        step: steps of it that are done.
        loss_sum: sum of their losses, each times the utterances of its batch.
        rows: one row of the training log per finished epoch.
        train_s: time spent in training steps, over all runs.
        audio_s: seconds of audio trained on, over all runs.
        resumes: how often it was resumed.
    """

    epoch: int = 1
    step: int = 0
    loss_sum: float = 0.0
    rows: list[LogRow] = field(default_factory=list)
    train_s: float = 0.0
    audio_s: float = 0.0
    resumes: int = 0

    @property
    def best_epoch(self) -> int:
        """The epoch of the best mean dev CCC, the earliest where several are; 0 before the first has finished."""
        return max(self.rows, key=lambda row: row["dev_mean"])["epoch"] if self.rows else 0


def state_key(definition: Any, checksums: dict[str, str]) -> str:
    """What a state belongs to: the definition of the training, the data it reads and the library that computes.

    Args:
        definition: the JSON value of the definition.
        checksums: checksum of every input, by name.
    """
    identity = {"definition": definition, "inputs": checksums, "torch": torch.__version__}
    return sha256(canonical_json(identity).encode()).hexdigest()


def copy_weights(module: nn.Module) -> Weights:
    """A copy of all weights and buffers, on the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in module.state_dict().items()}


def save(
    folder: Path, key: str, journal: TrainerState, module: nn.Module, optimizer: torch.optim.Optimizer, best: Weights
) -> None:
    """Write the state of a training whole, in place of the one before.

    Args:
        folder: scratch folder of this training alone.
        key: what the state belongs to.
        journal: how far it is.
        module: what is trained.
        optimizer: its optimiser.
        best: weights of the best epoch; empty before the first.
    """
    tensors = {f"model/{name}": tensor for name, tensor in copy_weights(module).items()}
    tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": tensor.cpu() for name, tensor in moments.items() if tensor is not None}
    header = {"key": key, "journal": json.dumps(asdict(journal))}
    with atomic_file(folder / STATE) as scratch:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, scratch, metadata=header)


def load(
    folder: Path, key: str, module: nn.Module, optimizer: torch.optim.Optimizer
) -> tuple[TrainerState, Weights] | None:
    """Put a training where its state left off.

    Args:
        folder: scratch folder of this training.
        key: what the state must belong to.
        module: what is trained; gets the state's weights.
        optimizer: its optimiser; gets the state's moments.

    Returns:
        How far the training is and the weights of its best epoch; None where there is no state, or one that is broken
        or belongs to another definition, other data or another torch: it is never resumed.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as stored:
            header = stored.metadata() or {}
            if header.get("key") != key:
                log_line(f"{path} belongs to another definition or other data: starting from the beginning")
                return None
            tensors = {name: stored.get_tensor(name).clone() for name in stored.keys()}  # noqa: SIM118
        journal = TrainerState(**json.loads(header["journal"]))
        moments = _moments(_under("optimizer/", tensors))
        _check_shapes(module, _under("model/", tensors))
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        log_line(f"{path} cannot be read ({error}): starting from the beginning")
        return None
    module.load_state_dict(_under("model/", tensors))
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    journal.resumes += 1
    return journal, _under("best/", tensors)


def _moments(tensors: Weights) -> dict[int, Weights]:
    moments: dict[int, Weights] = {}
    for name, tensor in tensors.items():
        index, moment = name.split("/")
        moments.setdefault(int(index), {})[moment] = tensor
    return moments


def _check_shapes(module: nn.Module, weights: Weights) -> None:
    """Refuse weights that do not fit before the first is copied.

    Raises:
        ValueError: names, shapes or types differ.
    """
    expected = {name: (tensor.shape, tensor.dtype) for name, tensor in module.state_dict().items()}
    if expected != {name: (tensor.shape, tensor.dtype) for name, tensor in weights.items()}:
        raise ValueError("its weights are not those of the model")


def _under(prefix: str, tensors: Weights) -> Weights:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def remove(folder: Path) -> None:
    """Remove the state of a training that is done, and its folder where nothing else lies in it."""
    (folder / STATE).unlink(missing_ok=True)
    remove_orphans(folder / STATE)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


class TrainingInterrupted(Exception):  # noqa: N818 - it is no error: a scheduler asked for it
    """The training was told to stop; it can be resumed."""


class StopSignals:
    """SIGTERM and SIGUSR1, with which schedulers announce the end of a job.

    Inside the context a signal raises :class:`TrainingInterrupted` at once; inside :meth:`deferred` it is noted in
    ``received`` and raises when that block ends, so that a step can be finished and its state saved.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._hold = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():  # only there may handlers be set
            self._before = {each: signal.signal(each, self._handle) for each in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Let a signal wait until the block has ended."""
        self._hold = True
        try:
            yield
        finally:
            self._hold = False
        if self.received:
            raise TrainingInterrupted(self.received)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self.received = signal.Signals(number).name
        if not self._hold:
            raise TrainingInterrupted(self.received)
