"""The GPUs of this machine: what the driver reports, and whether PyTorch can use them."""

import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache

from valence_gap.runtime.gpus import given_gpu, has_gpu, is_cpu_required

ASK_S = 120.0  # the import of PyTorch from a slow file system


@dataclass(frozen=True)
class Card:
    """A GPU.

    Attributes:
        name: its name.
        memory: in bytes.
        multiplies_in_bf16: its hardware has products in bfloat16; None: not known.
    """

    name: str
    memory: float
    multiplies_in_bf16: bool | None = None


@dataclass(frozen=True)
class Cards:
    """The GPUs of this machine.

    Attributes:
        cards: those that PyTorch can use; if it can use none, those that the driver reports.
        problem: why PyTorch cannot use them; empty if it can, or if there are none.
        given: the variable that gave them to the jobs, with its value; empty if none did. Such jobs do not compute on
            the CPU instead.
    """

    cards: tuple[Card, ...] = ()
    problem: str = ""
    given: str = ""


@cache
def find_cards() -> Cards:
    """Find the GPUs; PyTorch is asked, in another process, if a file, the driver or a variable shows one."""
    if is_cpu_required():
        return Cards()
    reported, given = _reported(), given_gpu()
    if not (reported or given or has_gpu()):
        return Cards()
    usable, problem = _ask_pytorch()
    return Cards(reported if problem else usable, problem, given)


def largest_name() -> str:
    """Name of the largest GPU of this machine; empty if there is none, or PyTorch cannot use it."""
    here = find_cards()
    return "" if here.problem else max(here.cards, key=lambda each: each.memory, default=Card("", 0.0)).name


def _reported() -> tuple[Card, ...]:
    """The NVIDIA GPUs that the driver reports."""
    command = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
        rows = [line.rpartition(",") for line in done.stdout.strip().splitlines()]
        return tuple(Card(name.strip(), float(size) * 2**20) for name, _, size in rows)
    except (OSError, subprocess.SubprocessError, ValueError):
        return ()


def _ask_pytorch() -> tuple[tuple[Card, ...], str]:
    """The GPUs that PyTorch finds, and why it cannot use them."""
    command = [sys.executable, "-m", "valence_gap.runtime.gpu_check"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=ASK_S)
        found = json.loads(done.stdout.strip().splitlines()[-1])
        return tuple(Card(**each) for each in found["gpus"]), str(found["problem"])
    except subprocess.CalledProcessError as error:
        last = (error.stderr.strip().splitlines() or ["no message"])[-1]
        return (), f"PyTorch could not be asked: {last}"
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError) as error:
        return (), f"PyTorch could not be asked: {type(error).__name__}"
