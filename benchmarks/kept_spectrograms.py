"""Measure what keeping the log-Mel spectrograms of CNN14 saves: epochs that compute them and that read them, in turn.

    python benchmarks/kept_spectrograms.py --results results/miniature

Both kinds of epoch train the same model of a study's miniature with one thread and evaluate its dev set. They take
turns, so that other load on the machine slows both. Prints the CPU seconds of each and the ratio with its spread, and
what the first epoch pays to write the file.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch

from valence_gap.definitions.models import Training
from valence_gap.definitions.values import from_json
from valence_gap.models import loading
from valence_gap.runtime.precision import cpu_threads
from valence_gap.training.checkpoints import TrainerState
from valence_gap.training.kept_inputs import Keep, keeping_in
from valence_gap.training.learners import TrainingSplit, build_learner
from valence_gap.training.optimizers import build_optimizer
from valence_gap.training.train import evaluate, training_steps

CPU = torch.device("cpu")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="folder of a study with a trained CNN14")
    parser.add_argument("--model", default="cnn14", help="its name")
    parser.add_argument("--corpus", default="msp-podcast", help="the training corpus")
    parser.add_argument("--rounds", type=int, default=3, help="epochs of each kind")
    args = parser.parse_args()
    record = next((args.results / "models" / args.model).glob("seed-*/run.json"))
    training = from_json(Training, json.dumps(json.loads(record.read_text())["definition"]))
    corpus, audio = args.results / "corpora" / args.corpus, args.results / "audio" / args.corpus / "clean"
    splits = [TrainingSplit(corpus / f"labels.{name}.parquet", None, audio / name) for name in ("train", "dev")]
    utterances = corpus / "utterances.train.parquet"
    with tempfile.TemporaryDirectory() as folder, cpu_threads(1), keeping_in(Path(folder) / "scratch") as keep:
        given = {"computed": None, "kept": keep}
        kinds = {name: epoch_of(training, splits, utterances, each) for name, each in given.items()}
        first = {name: epoch() for name, epoch in kinds.items()}
        spent = [{name: epoch() for name, epoch in kinds.items()} for _ in range(args.rounds)]
    for name in kinds:
        print(
            f"{name}: {', '.join(f'{one[name]:.2f}' for one in spent)} CPU s an epoch, the first one {first[name]:.2f}"
        )
    ratios = sorted(one["kept"] / one["computed"] for one in spent)
    print(f"an epoch takes {median(ratios):.3f} times the CPU time ({ratios[0]:.3f} to {ratios[-1]:.3f})")


def epoch_of(
    training: Training, splits: list[TrainingSplit], utterances: Path, keep: Keep | None
) -> Callable[[], float]:
    """Return a function that trains an epoch, evaluates the dev set and returns the CPU seconds of both."""
    torch.manual_seed(training.seed)
    learner = build_learner(training, loading.build(training, None), *splits, utterances, CPU, keep)
    optimizer = build_optimizer(training.recipe, list(learner.module.parameters()))
    journal = TrainerState()

    def epoch() -> float:
        started = time.process_time()
        for _ in training_steps(training, learner, optimizer, journal, CPU):
            pass
        journal.rows.append(evaluate(training, learner, journal))
        journal.epoch, journal.step, journal.loss_sum = journal.epoch + 1, 0, 0.0
        return time.process_time() - started

    return epoch


if __name__ == "__main__":
    main()
