"""How much longer does a training take with shuffled batches than with batches of similar lengths?

    python benchmarks/batches.py --backbone resources/miniature/mini-w2v2-b
    python benchmarks/batches.py --backbone DIR --index results/paper/audio/msp-podcast/clean/train/index.parquet

Trains on the same utterances by both rules of `recipes.<name>.batches`, the steps of one rule and of the other in turn,
so that other load on the machine slows both equally. Prints two ratios, shuffled to by-length: of the padded frames and
of the CPU seconds of whole epochs.

Lengths are those of a pack (--index), or are drawn: 2.75 to 11 s, as MSP-Podcast cuts its turns, with a mean of 5.86 s,
that of its test set (21 hours, 12,902 utterances; section III-C). The inputs are noise instead of stem features.
"""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.loading import build
from valence_gap.models.sizes import size_of_source
from valence_gap.prediction.inputs import pad
from valence_gap.runtime.heap import keep_freed_memory
from valence_gap.runtime.precision import autocast, resolve
from valence_gap.training.batching import Rows, epoch_batches, sorting_lengths
from valence_gap.training.losses import ccc_loss
from valence_gap.training.optimizers import build_optimizer

RULES: tuple[Literal["by-length", "shuffled"], ...] = ("by-length", "shuffled")
SHORTEST_S, LONGEST_S, MEAN_S = 2.75, 11.0, 5.86
CONCENTRATION = 4.0  # of the beta distribution between them: one peak, near the short end
WARM_UP = 3  # steps that prepare kernels
CPU = torch.device("cpu")

Lengths = npt.NDArray[np.int64]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", type=Path, required=True, help="wav2vec 2.0 or HuBERT in Hugging Face format")
    parser.add_argument("--index", type=Path, help="index of a pack, for the lengths of its utterances")
    parser.add_argument("--utterances", type=int, default=2560, help="number of utterances of an epoch")
    parser.add_argument("--batch-size", type=int, default=32, help="utterances in a batch")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    keep_freed_memory()
    frames_per_s = size_of_source(None, args.backbone).frames_per_s
    lengths = (lengths_of(args.index, args.utterances) * frames_per_s).astype(np.int64)
    spent, padded = measure(args.backbone, lengths, args.batch_size)
    real = int(lengths.sum())
    print(
        f"{len(lengths)} utterances of {lengths.mean() / frames_per_s:.2f} s on average, batches of {args.batch_size}"
    )
    for rule in RULES:
        print(f"{rule}: {padded[rule] / real - 1:.0%} of padding, {spent[rule]:.0f} CPU seconds")
    print(f"shuffled / by-length: {padded['shuffled'] / padded['by-length']:.2f} times the frames")
    print(f"shuffled / by-length: {spent['shuffled'] / spent['by-length']:.2f} times the CPU seconds")


def lengths_of(index: Path | None, count: int) -> npt.NDArray[np.float64]:
    """Seconds of each utterance: of a sample of a pack, or drawn."""
    random = np.random.default_rng(0)
    if index is not None:
        samples = pd.read_parquet(index, columns=["samples"])["samples"].to_numpy(np.int64)
        return random.permutation(samples)[:count] / SAMPLE_RATE_HZ
    share = (MEAN_S - SHORTEST_S) / (LONGEST_S - SHORTEST_S)
    drawn = random.beta(CONCENTRATION * share, CONCENTRATION * (1 - share), count)
    return SHORTEST_S + (LONGEST_S - SHORTEST_S) * drawn


def measure(backbone: Path, lengths: Lengths, batch_size: int) -> tuple[dict[str, float], dict[str, int]]:
    """CPU seconds of one epoch and its padded frames, by rule."""
    step = Step(backbone)
    plans = {
        rule: epoch_batches(
            sorting_lengths(lengths, Recipe(batches=rule), head_only=False), batch_size, seed=0, epoch=1
        )
        for rule in RULES
    }
    spent = dict.fromkeys(RULES, 0.0)
    padded = {rule: sum(len(rows) * int(lengths[rows].max()) for rows in plan) for rule, plan in plans.items()}
    for rows in plans["shuffled"][:WARM_UP]:
        step(lengths[rows])
    for rule, rows in in_turn(plans):
        started = time.process_time()
        step(lengths[rows])
        spent[rule] += time.process_time() - started
    return {str(rule): seconds for rule, seconds in spent.items()}, {str(rule): each for rule, each in padded.items()}


def in_turn(
    plans: dict[Literal["by-length", "shuffled"], list[Rows]],
) -> Iterator[tuple[Literal["by-length", "shuffled"], Rows]]:
    """Yield a batch of each rule in turn."""
    for batches in zip(*plans.values(), strict=True):
        yield from zip(plans, batches, strict=True)


class Step:
    """One training step, on noise instead of stem features."""

    def __init__(self, backbone: Path) -> None:
        torch.manual_seed(0)
        recipe = Recipe()
        definition = Backbone(source=str(backbone))
        training = Training(
            backbone=definition, recipe=recipe, frozen=False, pretrained=True, layers=None, fraction=1.0, seed=0
        )
        self.model: Any = build(training, backbone)
        self.model.train()
        self.channels = self.model.backbone.config.conv_dim[-1]
        self.optimizer = build_optimizer(recipe, [each for each in self.model.parameters() if each.requires_grad])

    def __call__(self, frames: Lengths) -> None:
        """Train on a batch of utterances with these lengths."""
        inputs, lengths = pad([torch.randn(int(each), self.channels) for each in frames])
        with autocast(resolve("auto", CPU), CPU):
            predictions = self.model(inputs, lengths).predictions
        ccc_loss(predictions, torch.rand(len(frames), 3)).backward()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)


if __name__ == "__main__":
    main()
