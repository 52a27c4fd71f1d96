"""Compare the project's bootstrap in blocks with a plain loop: Figure 8, by model, dimension and speaker.

    python benchmarks/bootstrap.py

Both compute the same speakers and the same resamples in turn, one model at a time as in the rule `score`, so that other
load on the machine slows both equally. Prints the CPU seconds of the blocks, the ratio, and the largest difference in a
mean or an interval limit.
"""

import argparse
import time

import numpy as np

from valence_gap.definitions.evaluation import Evaluation
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.scores.metrics import Floats, ccc
from valence_gap.scores.statistics import Estimate, resampled_mean


def main() -> None:
    """Time both and print their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=9, help="number of models")
    parser.add_argument("--speakers", type=int, default=10, help="number of speakers with 200 to 1000 utterances")
    args = parser.parse_args()
    evaluation, rng = Evaluation(), np.random.default_rng(0)
    spent = {"blocks": 0.0, "loop": 0.0}
    difference = 0.0
    for seed, samples in enumerate(np.linspace(200, 1000, args.speakers).astype(int)):
        truth = rng.uniform(1, 7, samples)
        for _ in range(args.models * len(DIMENSIONS)):
            prediction = truth + rng.normal(0, 1, samples)
            found = {}
            for kind, estimate in (("blocks", in_blocks), ("loop", in_a_loop)):
                started = time.process_time()
                found[kind] = estimate(truth, prediction, evaluation, np.random.default_rng(seed))
                spent[kind] += time.process_time() - started
            difference = max(difference, apart(found["blocks"], found["loop"]))
    print(
        f"the blocks take {spent['blocks']:.1f} CPU s, a plain loop {spent['loop'] / spent['blocks']:.1f} times as long"
    )
    print(f"the largest difference is {difference:.1e}")


def in_blocks(truth: Floats, prediction: Floats, evaluation: Evaluation, rng: np.random.Generator) -> Estimate:
    """Estimate the mean CCC of one speaker as in the project."""
    return resampled_mean(
        truth,
        prediction[:, None],
        sample_size=evaluation.speaker_draws,
        resamples=evaluation.bootstrap,
        confidence=evaluation.confidence,
        rng=rng,
    )


def in_a_loop(truth: Floats, prediction: Floats, evaluation: Evaluation, rng: np.random.Generator) -> Estimate:
    """Estimate the same mean, one resample at a time."""
    drawn = rng.integers(0, len(truth), (evaluation.bootstrap, evaluation.speaker_draws))
    values = np.array([[ccc(truth[rows], prediction[rows])] for rows in drawn])
    return Estimate.of(values.mean(axis=0), values, evaluation.confidence)


def apart(one: Estimate, other: Estimate) -> float:
    """Return the largest difference between two estimates."""
    return max(float(np.abs(getattr(one, end) - getattr(other, end)).max()) for end in ("value", "low", "high"))


if __name__ == "__main__":
    main()
