"""Measure the cost of `deterministic: true` on a GPU: training steps and predictions with and without it.

    python benchmarks/deterministic.py --backbone resources/pretrained/w2v2-b

Each kind runs in separate processes, because cuBLAS reads its setting only once per process. The processes take turns
on the same GPU, so that other load on it slows both kinds equally. Each batch has another shape. Prints the ratios, and
whether the turns of each kind gave the same bits. Without a GPU there is nothing to compare: on a CPU, deterministic
kernels are always used.
"""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import torch

from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.models.encoder import load_stem
from valence_gap.models.loading import build
from valence_gap.models.sizes import size_of_source
from valence_gap.runtime.precision import autocast, deterministic_kernels, resolve
from valence_gap.training.losses import ccc_loss
from valence_gap.training.seeding import seed_everything

KINDS = {"fast": False, "deterministic": True}


def main() -> None:
    """Time both kinds in turn and print their ratios."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", type=Path, required=True, help="backbone in Hugging Face format")
    parser.add_argument("--seconds", type=float, default=5.0, help="duration of the longest utterance of any batch")
    parser.add_argument("--batch", type=int, default=32, help="utterances in a batch")
    parser.add_argument("--steps", type=int, default=20, help="training steps, and predictions, per turn")
    parser.add_argument("--turns", type=int, default=3, help="number of turns of each kind")
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if not torch.cuda.is_available():
        sys.exit("error: no GPU found, and a CPU always uses deterministic kernels: run this on a machine with a GPU")
    if args.kind:
        print(json.dumps(turn(args, deterministic=KINDS[args.kind])))
        return
    found: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
    for _ in range(args.turns):
        for kind, turns in found.items():
            command = [sys.executable, __file__, *sys.argv[1:], "--kind", kind]
            turns.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    report(found)


def report(found: dict[str, list[dict[str, Any]]]) -> None:
    """Print the ratios of the fastest turns, and whether all turns gave the same bits."""
    print(f"{torch.cuda.get_device_name()}, torch {torch.__version__}")
    for what in ("training", "prediction"):
        quickest = {kind: min(turn[what]["s"] for turn in turns) for kind, turns in found.items()}
        ratio = quickest["deterministic"] / quickest["fast"]
        print(f"{what}: deterministic kernels take {ratio:.2f} times as long")
        for kind, turns in found.items():
            same = len({turn[what]["bits"] for turn in turns}) == 1
            print(f"  {kind}: {'the same bits' if same else 'different bits'} in {len(turns)} turns")


def turn(args: argparse.Namespace, *, deterministic: bool) -> dict[str, Any]:
    """Measure the seconds and bits of training steps and of predictions."""
    gpu = torch.device("cuda")
    with deterministic_kernels(deterministic):
        seed_everything(0)
        model = build(training_of(args.backbone, deterministic), args.backbone).to(gpu)
        longest = round(args.seconds * size_of_source(None, args.backbone).frames_per_s)
        features = torch.randn((args.batch, longest, channels_of(args.backbone)), device=gpu)
        targets = torch.rand(args.batch, 3, device=gpu)
        lengths = cycle(lengths_of_batches(args.batch, longest, args.steps))
        optimizer = torch.optim.SGD([each for each in model.parameters() if each.requires_grad], 1e-4)
        products = resolve("auto", gpu)

        def compute() -> torch.Tensor:
            own = next(lengths)
            with autocast(products, gpu):
                predictions: torch.Tensor = model(features[:, : int(own.max())], own.to(gpu)).predictions.float()
            return predictions

        def learn() -> torch.Tensor:
            optimizer.zero_grad(set_to_none=True)
            predictions = compute()
            ccc_loss(predictions, targets).backward()
            optimizer.step()
            return predictions

        predict = torch.inference_mode()(compute)
        model.train()
        found = {"training": timed(learn, args.steps)}
        model.eval()
        return found | {"prediction": timed(predict, args.steps)}


def lengths_of_batches(batch: int, longest: int, steps: int) -> list[torch.Tensor]:
    """Return the frames of each utterance of each batch, (batch,): no two batches have the same longest utterance.

    In training and prediction nearly every batch has another shape, and kernels are prepared for each.
    """
    longest_of = torch.linspace(longest // 2, longest, steps).long()
    return [torch.linspace(int(most) // 2, int(most), batch).long() for most in longest_of]


def training_of(backbone: Path, deterministic: bool) -> Training:
    """Return the definition of a fine-tuning of the backbone with the default recipe."""
    return Training(
        backbone=Backbone(source=str(backbone)),
        recipe=Recipe(deterministic=deterministic),
        frozen=False,
        pretrained=True,
        layers=None,
        fraction=1.0,
        seed=0,
    )


def channels_of(backbone: Path) -> int:
    """Return the number of features per frame of the backbone's stem."""
    stem = load_stem(backbone)
    return stem(torch.zeros(stem.receptive_field)).shape[1]


def timed(work: Callable[[], torch.Tensor], steps: int) -> dict[str, Any]:
    """Return the seconds of the steps, after three that prepare kernels, and the bits of the last predictions."""
    for _ in range(3):
        work()
    torch.cuda.synchronize()
    started = time.perf_counter()
    for _ in range(steps):
        predictions = work()
    torch.cuda.synchronize()
    spent = time.perf_counter() - started
    return {"s": spent, "bits": predictions.detach().cpu().numpy().tobytes().hex()}


if __name__ == "__main__":
    main()
