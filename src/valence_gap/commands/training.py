"""The sub-command ``train``."""

import argparse
import sys
from pathlib import Path

from valence_gap.definitions.models import Training
from valence_gap.definitions.values import from_json

EXIT_INTERRUPTED = 75  # EX_TEMPFAIL of sysexits.h: a temporary failure, run the command again


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``train``."""
    parser = subparsers.add_parser(
        "train",
        help="fine-tune a speech transformer, train the head of a frozen one, or train the CNN14 baseline",
        description="Train the model of a definition by its recipe: fine-tune a speech transformer, train the head of "
        "a frozen one, or train the CNN14 baseline. Writes the checkpoint with the best mean dev CCC "
        "(model.safetensors, config.json), training.csv and run.json. A training that was killed resumes from its "
        "scratch folder when the same command runs again, and gives the same weights. SIGTERM and SIGUSR1 make it "
        f"finish its step, save its state and exit with {EXIT_INTERRUPTED}.",
    )
    add = parser.add_argument
    add("--training", required=True, metavar="JSON", help="definition of the training")
    add("--backbone", type=Path, metavar="DIR", help="pre-trained backbone in Hugging Face format")
    add("--train-features", type=Path, metavar="DIR", help="cached stem features of the training split")
    add("--dev-features", type=Path, metavar="DIR", help="cached stem features of the development split")
    add(
        "--train-audio",
        type=Path,
        metavar="DIR",
        help="packed audio of the training split (where no features are used)",
    )
    add("--dev-audio", type=Path, metavar="DIR", help="packed audio of the development split")
    add("--train-labels", type=Path, required=True, metavar="FILE", help="labels of the training split")
    add("--dev-labels", type=Path, required=True, metavar="FILE", help="labels of the development split")
    add("--train-utterances", type=Path, required=True, metavar="FILE", help="utterance table of the training split")
    add("--scratch", type=Path, required=True, metavar="DIR", help="folder for the state of this training alone")
    add("--output", type=Path, required=True, metavar="DIR", help="folder of the model")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Train the model that the arguments define."""
    from valence_gap.training.checkpoints import TrainingInterrupted
    from valence_gap.training.learners import TrainingSplit
    from valence_gap.training.train import train

    try:
        train(
            from_json(Training, args.training),
            backbone=args.backbone,
            train_split=TrainingSplit(args.train_labels, args.train_features, args.train_audio),
            dev_split=TrainingSplit(args.dev_labels, args.dev_features, args.dev_audio),
            train_utterances=args.train_utterances,
            scratch=args.scratch,
            output=args.output,
        )
    except TrainingInterrupted as signal:
        print(f"stopped by {signal}; the same command resumes from {args.scratch}", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)
