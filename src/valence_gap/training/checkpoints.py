"""The saved state of a training, from which it resumes, and the signals on which it is saved.

The state is one safetensors file with the scalars as JSON in its header, so it cannot contain code that runs. It does
not contain the state of the random generators, because every step seeds them from its number.
"""

import json
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Protocol, TypedDict, TypeVar

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
    """One evaluation of the dev set.

    Attributes:
        epoch: the epoch that was being trained, from 1.
        step: number of finished optimiser steps of the whole training.
        epoch_end: whether the epoch was finished.
        loss: mean training loss of the epoch so far.
        dev_arousal: CCC on the dev set; likewise for the other dimensions.
        dev_mean: mean CCC over the dimensions.
    """

    epoch: int
    step: int
    epoch_end: bool
    loss: float
    dev_arousal: float
    dev_dominance: float
    dev_valence: float
    dev_mean: float


@dataclass
class TrainerState:
    """The progress of a training.

    Attributes:
        epoch: the epoch that is being trained, from 1.
        step: number of finished steps of this epoch.
        loss_sum: sum of the losses of these steps, each multiplied by the number of utterances of its batch.
        rows: one row of the training log per evaluation of the dev set.
        train_s: time in seconds of all training steps and of the loading that they waited for, over all runs.
        waited_s: the part of it in which they waited for their batches.
        audio_s: seconds of audio used for training, over all runs.
        resumes: number of times that the training was resumed.
        devices: name of the GPU or CPU of each run.
    """

    epoch: int = 1
    step: int = 0
    loss_sum: float = 0.0
    rows: list[LogRow] = field(default_factory=list)
    train_s: float = 0.0
    waited_s: float = 0.0
    audio_s: float = 0.0
    resumes: int = 0
    devices: list[str] = field(default_factory=list)

    @property
    def best(self) -> int:
        """Index of the evaluation with the best mean dev CCC, the earliest of several; -1 before the first one."""
        return max(range(len(self.rows)), key=lambda index: self.rows[index]["dev_mean"], default=-1)


class Journal(Protocol):
    """The progress of a training: a data class of JSON values."""

    __dataclass_fields__: ClassVar[dict[str, Any]]
    resumes: int


J = TypeVar("J", bound=Journal)


def state_key(definition: Any, checksums: dict[str, str], products: str | None = None) -> str:
    """Return a key of the definition of a training, its input data, the version of torch and the number format.

    Args:
        definition: the JSON value of the definition.
        checksums: checksum of every input, by name.
        products: number format of the matrix products, which ``precision: auto`` leaves to the device; None: the key
            of a state that does not say it.
    """
    identity = {"definition": definition, "inputs": checksums, "torch": torch.__version__}
    identity |= {} if products is None else {"products": products}
    return sha256(canonical_json(identity).encode()).hexdigest()


def copy_weights(module: nn.Module) -> Weights:
    """Copy all weights and buffers to the CPU."""
    return {name: tensor.detach().to("cpu", copy=True) for name, tensor in module.state_dict().items()}


def save(
    folder: Path, key: str, journal: Journal, module: nn.Module, optimizer: torch.optim.Optimizer, best: Weights
) -> None:
    """Write the state of a training atomically; it replaces the previous state.

    Args:
        folder: scratch folder of this training only.
        key: key of the training; see :func:`state_key`.
        journal: progress of the training.
        module: the module that is trained.
        optimizer: its optimiser.
        best: weights of the best evaluation; empty before the first evaluation.
    """
    tensors = {f"model/{name}": tensor for name, tensor in copy_weights(module).items()}
    tensors |= {f"best/{name}": tensor for name, tensor in best.items()}
    for index, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{name}": tensor.cpu() for name, tensor in moments.items() if tensor is not None}
    header = {"key": key, "journal": json.dumps(asdict(journal))}
    with atomic_file(folder / STATE) as scratch:
        save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, scratch, metadata=header)


def load(
    folder: Path, keys: Sequence[str], module: nn.Module, optimizer: torch.optim.Optimizer, kind: type[J]
) -> tuple[J, Weights] | None:
    """Restore a training from its saved state.

    Args:
        folder: scratch folder of this training.
        keys: the state must have one of these keys.
        module: the module that is trained; receives the weights of the state.
        optimizer: its optimiser; receives the moments of the state.
        kind: type of its progress.

    Returns:
        The progress of the training and the weights of its best evaluation. None if there is no state, or if it is
        damaged or belongs to another definition, other data, another number format or another version of torch: such a
        state is never used.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        with safe_open(path, framework="pt", device="cpu") as stored:
            header = stored.metadata() or {}
            if header.get("key") not in keys:
                log_line(
                    f"{path} belongs to another definition, other data, another number format or another torch: "
                    "training starts again"
                )
                return None
            tensors = {name: stored.get_tensor(name).clone() for name in stored.keys()}  # noqa: SIM118
        journal = kind(**json.loads(header["journal"]))
        moments = _moments(_under("optimizer/", tensors), optimizer)
        _check_shapes(module, _under("model/", tensors))
    except (SafetensorError, OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        log_line(f"{path} cannot be read ({error}): training starts again")
        return None
    module.load_state_dict(_under("model/", tensors))
    optimizer.load_state_dict({"state": moments, "param_groups": optimizer.state_dict()["param_groups"]})
    journal.resumes += 1
    return journal, _under("best/", tensors)


def _moments(tensors: Weights, optimizer: torch.optim.Optimizer) -> dict[int, Weights]:
    """The moments of each weight, with its strides: a fused optimiser steps through memory, whatever the strides say.

    The file has the moments in rows. The weights of CNN14 have their channels last.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    moments: dict[int, Weights] = {}
    for name, tensor in tensors.items():
        index, moment = name.split("/")
        weight = weights[int(index)]
        if tensor.shape == weight.shape:
            tensor = torch.empty_like(weight, dtype=tensor.dtype, device="cpu", requires_grad=False).copy_(tensor)
        moments.setdefault(int(index), {})[moment] = tensor
    return moments


def _check_shapes(module: nn.Module, weights: Weights) -> None:
    """Refuse weights that do not fit the module, before any of them is copied.

    Raises:
        ValueError: names, shapes or types differ.
    """
    expected = {name: (tensor.shape, tensor.dtype) for name, tensor in module.state_dict().items()}
    if expected != {name: (tensor.shape, tensor.dtype) for name, tensor in weights.items()}:
        raise ValueError("names, shapes or types of its weights differ from those of the model")


def _under(prefix: str, tensors: Weights) -> Weights:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def remove(folder: Path) -> None:
    """Remove the state of a finished training, and its folder if it is empty then."""
    (folder / STATE).unlink(missing_ok=True)
    remove_orphans(folder / STATE)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


class TrainingInterrupted(Exception):  # noqa: N818 - not an error: a scheduler requested it
    """A signal stopped the training; it can be resumed."""


class StopSignals:
    """Handlers of SIGTERM and SIGUSR1, which schedulers send before they end a job.

    Inside the context, a signal raises :class:`TrainingInterrupted` immediately. Inside :meth:`deferred`, it is stored
    in ``received`` and raises at the end of that block, so that the current step can finish and its state be saved.
    """

    def __init__(self) -> None:
        self.received: str | None = None
        self._hold = False
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is threading.main_thread():  # Python allows handlers only there
            self._before = {each: signal.signal(each, self._handle) for each in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for each, handler in self._before.items():
            signal.signal(each, handler)

    def were_received(self) -> bool:
        """Whether one of the signals has come."""
        return self.received is not None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Delay a signal until the end of the block."""
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
