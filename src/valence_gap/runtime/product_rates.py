"""Which number format a CPU multiplies faster in: measured once for a study, and followed by all its jobs.

That a CPU has instructions for bfloat16 does not say that they are faster: the ratio of the rates was 0.5 on one
such CPU and 4.4 on another. So the rates are measured. The numbers of a study depend on the choice, so it is kept in a
file, and nothing is measured again while there is one.
"""

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch

from valence_gap.runtime import precision
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json, scratch_folder, write_json
from valence_gap.runtime.progress import log_line
from valence_gap.runtime.provenance import cpu_model

Format = Literal["fp32", "bf16"]
FORMATS: dict[Format, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
MARGIN = 1.2  # bfloat16 has to be faster by this factor, since it rounds
FRAMES, HIDDEN, INTERMEDIATE = 1024, 768, 3072  # a feed-forward layer of a base encoder on 20 s of speech
ROUNDS = 7
HOPELESS = 3.0  # emulated bfloat16 is slower by more than this factor; then one round is enough


@dataclass(frozen=True)
class ProductRates:
    """Measured rates of matrix products on a CPU, and the format that follows from them.

    Attributes:
        cpu: name of the CPU.
        threads: threads that computed.
        fp32_gflops: 1e9 operations per second in float32.
        bf16_gflops: 1e9 operations per second in bfloat16.
        choice: the number format that ``precision: auto`` means on a CPU.
    """

    cpu: str
    threads: int
    fp32_gflops: float
    bf16_gflops: float
    choice: Format


def choose(fp32_gflops: float, bf16_gflops: float) -> Format:
    """bfloat16 if its products are faster by ``MARGIN`` or more, else float32."""
    return "bf16" if bf16_gflops >= MARGIN * fp32_gflops else "fp32"


def measure(threads: int) -> ProductRates:
    """Time the products of a feed-forward layer in both formats, in turn.

    Other jobs on the machine can only slow a product down, so the best of several rounds counts.

    Args:
        threads: CPU threads of the jobs that will follow the choice.
    """
    best: dict[Format, float] = dict.fromkeys(FORMATS, math.inf)
    with precision.cpu_threads(threads), torch.inference_mode():
        operands = {name: _operands(dtype) for name, dtype in FORMATS.items()}
        for number in range(ROUNDS + 1):
            for name in FORMATS:
                seconds = _time(*operands[name])
                if number:  # the first product of a shape includes the choice of its kernel
                    best[name] = min(best[name], seconds)
            if number and best["bf16"] > HOPELESS * best["fp32"]:
                break
    rates = {name: round(2 * FRAMES * HIDDEN * INTERMEDIATE / seconds / 1e9, 1) for name, seconds in best.items()}
    return ProductRates(cpu_model(), threads, rates["fp32"], rates["bf16"], choose(rates["fp32"], rates["bf16"]))


def _operands(dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = ((FRAMES, HIDDEN), (INTERMEDIATE, HIDDEN))
    states, weight = (torch.randn(shape, generator=generator).to(dtype) for shape in shapes)
    return states, weight


def _time(states: torch.Tensor, weight: torch.Tensor) -> float:
    started = time.perf_counter()
    torch.nn.functional.linear(states, weight)
    return time.perf_counter() - started


def rates_of(path: Path, threads: int) -> ProductRates:
    """The rates in a file; if there is none, they are measured and written to it.

    If several jobs measure at the same time, all follow the one that writes first.

    Args:
        path: ``results/<study>/precision.json``.
        threads: CPU threads of the jobs.

    Raises:
        UserError: the file is not valid.
    """
    if not path.exists():
        _write_first(path, asdict(measure(threads)))
    return read_rates(path)


def _write_first(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, unless another process has written it meanwhile."""
    with scratch_folder(path) as folder:
        measured = folder / path.name
        write_json(measured, content)
        with suppress(FileExistsError):
            try:
                os.link(measured, path)
            except PermissionError:  # a file system without links
                measured.replace(path)


def read_rates(path: Path) -> ProductRates:
    """Read the rates from a file.

    Raises:
        UserError: the file is not valid.
    """
    try:
        content = read_json(path)
        found = ProductRates(**content)
    except (ValueError, TypeError) as error:
        raise _not_valid(path, str(error)) from error
    if found.choice not in FORMATS:
        raise _not_valid(path, f"choice is {found.choice!r}, not fp32 or bf16")
    return found


def _not_valid(path: Path, reason: str) -> UserError:
    return UserError(
        "the measured rates of matrix products cannot be read",
        [f"{path}: {reason}"],
        "Delete the file, and it is measured again; or copy that of the run that is to be repeated.",
    )


@contextmanager
def following(path: Path | None, threads: int) -> Iterator[None]:
    """Within this context, ``precision: auto`` on a CPU is the format that a file names.

    The file is read, or measured, when a format is first needed. On a GPU it is not used.

    Args:
        path: ``results/<study>/precision.json``; None: the format follows from the CPU's instructions.
        threads: CPU threads of the job.
    """
    if path is None:
        yield
        return
    with precision.auto_on_cpus(cache(lambda: _chosen(path, threads))):
        yield


def _chosen(path: Path, threads: int) -> torch.dtype:
    rates = rates_of(path, threads)
    if rates.cpu != cpu_model():
        log_line(
            f"precision: auto is {rates.choice}, as {path} says, measured on {rates.cpu}; this CPU is {cpu_model()}, "
            "and may be faster in the other format"
        )
    return FORMATS[rates.choice]
