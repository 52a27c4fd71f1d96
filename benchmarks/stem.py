"""Compare the stem as matrix products with the stem of transformers, on utterances of many lengths.

    python benchmarks/stem.py --backbone resources/miniature/mini-w2v2-L

Both compute the same utterances in turn, so that other load on the machine slows both equally. Prints the ratio and the
largest difference. Absolute times have no meaning on a shared machine.
"""

import argparse
import time
from pathlib import Path

import torch
from transformers import AutoModel

from valence_gap.definitions.values import SAMPLE_RATE_HZ
from valence_gap.models.encoder import load_stem


def main() -> None:
    """Time both and print their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", type=Path, required=True, help="backbone in Hugging Face format")
    parser.add_argument("--utterances", type=int, default=60, help="number of utterances of 1 to 5 s")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    stem = load_stem(args.backbone)
    theirs = AutoModel.from_pretrained(args.backbone, dtype=torch.float32).feature_extractor.eval()
    samples = torch.linspace(SAMPLE_RATE_HZ, 5 * SAMPLE_RATE_HZ, args.utterances).long().tolist()
    spent = {"products": 0.0, "transformers": 0.0}
    difference = 0.0
    for turn, length in enumerate([SAMPLE_RATE_HZ, SAMPLE_RATE_HZ, *samples]):
        wave = torch.randn(length)
        features = {}
        for kind in spent:
            started = time.perf_counter()
            with torch.no_grad():
                if kind == "products":
                    features[kind] = stem.batch(wave[None], torch.tensor([length]))[0][0]
                else:
                    features[kind] = theirs(wave[None])[0].T
            spent[kind] += (time.perf_counter() - started) if turn >= 2 else 0.0  # the first turns prepare kernels
        difference = max(difference, float((features["products"] - features["transformers"]).abs().max()))
    print(f"transformers' stem takes {spent['transformers'] / spent['products']:.2f} times as long as ours")
    print(f"the largest difference of a feature is {difference:.1e}")


if __name__ == "__main__":
    main()
