"""Analyse the time of a training step on this CPU: matrix products, and memory that is kept or returned to the system.

    python benchmarks/training_step.py --backbone resources/miniature/mini-w2v2-L

Prints five values:

- the share of the matrix products in the CPU time of a step;
- their speed in bfloat16 on this CPU, relative to float32;
- the time of a step with faster products, as with AMX (``--amx``: 7 times the float32 speed, measured on another CPU);
- the time of a step if freed memory returns to the system, relative to a step if the process keeps it;
- the time of a step, and the peak memory, if oneDNN keeps 1,024 kernels, its default, relative to the few that
  trainings of base size keep.

The last two come from processes that take turns, so that other load on the machine slows all equally. All times are
ratios of CPU seconds, because absolute times have no meaning on a shared machine.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
import torch.nn.functional as F

from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.models.kernels import FEW_KERNELS
from valence_gap.models.loading import build
from valence_gap.models.sizes import size_of_source
from valence_gap.runtime.heap import keep_freed_memory
from valence_gap.runtime.precision import autocast, resolve
from valence_gap.runtime.provenance import peak_memory_mb
from valence_gap.training.losses import ccc_loss
from valence_gap.training.optimizers import build_optimizer

WARM_UP = 5  # steps that prepare kernels
KINDS = ("keep", "return", "all kernels")
PRODUCTS = ("aten::mm", "aten::addmm", "aten::addmm_", "aten::bmm")
CPU = torch.device("cpu")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", type=Path, required=True, help="wav2vec 2.0 or HuBERT in Hugging Face format")
    parser.add_argument("--steps", type=int, default=40, help="number of steps, with utterances of 2 to 4 s")
    parser.add_argument("--batch-size", type=int, default=8, help="utterances in a batch")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each kind")
    parser.add_argument("--amx", type=float, default=7.0, help="speed of faster products, relative to float32 here")
    parser.add_argument("--alone", choices=KINDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    if args.alone in ("keep", "return"):
        os.environ.setdefault(*FEW_KERNELS)
    if args.alone != "return":
        keep_freed_memory()
    step = stepper(args.backbone, args.batch_size)
    if args.alone:
        seconds = seconds_of(step, args.steps)
        print(json.dumps([seconds, peak_memory_mb() or math.nan]))
        return
    share, gain = share_of_products(step, args.steps), gain_of_bfloat16(args.backbone, args.batch_size)
    print(f"matrix products in {resolve('auto', CPU)} take {100 * share:.0f} % of the CPU time of a step")
    print(f"in bfloat16 they are {gain:.1f} times as fast as in float32")
    faster = args.amx / (gain if resolve("auto", CPU) == torch.bfloat16 else 1.0)
    left = 1 - share * (1 - 1 / faster)
    print(f"with products {args.amx:g} times as fast as in float32, a step would take {left:.2f} times as long")
    measured: dict[str, list[list[float]]] = {kind: [] for kind in KINDS}
    for _ in range(args.rounds):
        for kind, found in measured.items():
            command = [sys.executable, __file__, "--backbone", str(args.backbone), "--steps", str(args.steps)]
            command += ["--batch-size", str(args.batch_size), "--alone", kind]
            found.append(json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    (kept, few), (returned, _), (all_s, all_mb) = (map(median, zip(*measured[kind], strict=True)) for kind in KINDS)
    print(f"if freed memory returns to the system, a step takes {returned / kept:.2f} times as long")
    print(f"if oneDNN keeps 1,024 kernels, {all_s / kept:.2f} times as long, with {all_mb / few:.2f} times the memory")


def stepper(backbone: Path, batch_size: int) -> Callable[[], None]:
    """Return a function that runs one training step, on noise instead of stem features."""
    torch.manual_seed(0)
    definition = Backbone(source=str(backbone))
    recipe = Recipe()
    training = Training(
        backbone=definition, recipe=recipe, frozen=False, pretrained=True, layers=None, fraction=1.0, seed=0
    )
    model: Any = build(training, backbone)
    model.train()
    channels, second = model.backbone.config.conv_dim[-1], int(size_of_source(None, backbone).frames_per_s)
    optimizer = build_optimizer(recipe, [each for each in model.parameters() if each.requires_grad])

    def step() -> None:
        lengths = torch.randint(2 * second, 4 * second, (batch_size,))
        inputs = torch.randn(batch_size, int(lengths.max()), channels)
        with autocast(resolve("auto", CPU), CPU):
            predictions = model(inputs, lengths).predictions
        ccc_loss(predictions, torch.rand(batch_size, 3)).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    return step


def seconds_of(step: Callable[[], None], steps: int) -> float:
    """Return the CPU seconds of the steps, after a few steps that do not count."""
    for _ in range(WARM_UP):
        step()
    started = time.process_time()
    for _ in range(steps):
        step()
    return time.process_time() - started


def share_of_products(step: Callable[[], None], steps: int) -> float:
    """Return the share of matrix products in the CPU time of the steps."""
    seconds_of(step, 1)
    with torch.profiler.profile() as profile:
        for _ in range(steps):
            step()
    events = profile.key_averages()
    products = sum(event.self_cpu_time_total for event in events if event.key in PRODUCTS)
    return float(products / sum(event.self_cpu_time_total for event in events))


def gain_of_bfloat16(backbone: Path, batch_size: int) -> float:
    """Return the speed of a feed-forward product in bfloat16 relative to float32, from medians of runs in turn."""
    config = json.loads((backbone / "config.json").read_text())
    frames = int(3 * size_of_source(None, backbone).frames_per_s) * batch_size
    spent: dict[torch.dtype, list[float]] = {torch.bfloat16: [], torch.float32: []}
    for _ in range(50):
        for dtype, found in spent.items():
            states = torch.ones(frames, config["hidden_size"], dtype=dtype)
            weight = torch.ones(config["intermediate_size"], config["hidden_size"], dtype=dtype)
            F.linear(states, weight)  # one run without timing, because the caches contain the other format
            started = time.process_time()
            F.linear(states, weight)
            found.append(time.process_time() - started)
    return median(spent[torch.float32]) / median(spent[torch.bfloat16])


if __name__ == "__main__":
    main()
