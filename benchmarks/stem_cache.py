"""Measure the time that stored stem features save: training steps on stored features and on audio, side by side.

    python benchmarks/stem_cache.py --backbone resources/miniature/mini-w2v2-L --seconds 3 --batch 8

Both kinds of step run in turn on the same random waveforms, so that other load on the machine slows both equally.
Prints the ratio. Absolute times have no meaning on a shared machine.
"""

import argparse
import time
from pathlib import Path

import torch

from valence_gap.definitions.models import Backbone, Recipe, Training
from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.encoder import TransformerModel
from valence_gap.models.loading import build
from valence_gap.training.losses import ccc_loss


def main() -> None:
    """Time both kinds of step and print their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", type=Path, required=True, help="backbone in Hugging Face format")
    parser.add_argument("--seconds", type=float, default=3.0, help="duration of each utterance")
    parser.add_argument("--batch", type=int, default=8, help="utterances in a batch")
    parser.add_argument("--steps", type=int, default=10, help="number of steps of each kind")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    training = Training(
        backbone=Backbone(source=str(args.backbone)),
        recipe=Recipe(),
        frozen=False,
        pretrained=True,
        layers=None,
        fraction=1.0,
        seed=0,
    )
    model = build(training, args.backbone).train()
    assert isinstance(model, TransformerModel)
    waves = torch.randn(args.batch, int(args.seconds * SAMPLE_RATE_HZ))
    targets = torch.rand(args.batch, 3)
    with torch.no_grad():
        cached = torch.stack([model.stem(wave) for wave in waves])  # (batch, frames, channels)
    lengths = torch.full((args.batch,), cached.shape[1])

    def step(features: torch.Tensor) -> None:
        ccc_loss(model(features, lengths).predictions, targets).backward()
        model.zero_grad(set_to_none=True)

    spent = {"cached": 0.0, "streamed": 0.0}
    for turn in range(args.steps + 2):
        for kind in spent:
            started = time.perf_counter()
            if kind == "streamed":
                with torch.no_grad():
                    features = torch.stack([model.stem(wave) for wave in waves])
                step(features)
            else:
                step(cached)
            spent[kind] += (time.perf_counter() - started) if turn >= 2 else 0.0  # the first steps prepare kernels
    print(f"a step on audio takes {spent['streamed'] / spent['cached']:.2f} times as long as one on stored features")


if __name__ == "__main__":
    main()
