"""The sub-command ``train``."""

import argparse

from valence_gap.commands.options import Command, Subparsers, resumable
from valence_gap.definitions.models import Training
from valence_gap.definitions.values import from_json


def register(subparsers: Subparsers) -> None:
    """Add ``train``."""
    summary = "fine-tune a speech transformer, train the head of a frozen one, or train the CNN14 baseline"
    command = Command(subparsers, "train", run, summary)
    command.add("--training", required=True, metavar="JSON", help="definition of the training")
    command.path("--backbone", "pre-trained backbone in Hugging Face format", "DIR", required=False)
    command.path("--train-features", "cached stem features of the training split", "DIR", required=False)
    command.path("--dev-features", "cached stem features of the development split", "DIR", required=False)
    audio = "packed audio of the training split (where no features are used)"
    command.path("--train-audio", audio, "DIR", required=False)
    command.path("--dev-audio", "packed audio of the development split", "DIR", required=False)
    command.path("--train-labels", "labels of the training split", "FILE")
    command.path("--dev-labels", "labels of the development split", "FILE")
    command.path("--train-utterances", "utterance table of the training split", "FILE")
    command.measured_precision()
    command.path("--scratch", "folder for the state of this training alone", "DIR")
    command.path("--output", "folder of the model", "DIR")


def run(args: argparse.Namespace) -> None:
    """Train the model of a definition by its recipe: fine-tune a speech transformer, train the head of a frozen one, or
    train the CNN14 baseline. Writes the checkpoint with the best mean dev CCC (model.safetensors, config.json),
    training.csv and run.json. A training that was killed resumes from its scratch folder when the same command runs
    again, and gives the same weights. SIGTERM and SIGUSR1 make it finish its step, save its state and exit with 75.
    """
    from valence_gap.runtime.product_rates import following
    from valence_gap.training.learners import TrainingSplit
    from valence_gap.training.train import train

    training = from_json(Training, args.training)
    with resumable(args.scratch), following(args.measured_precision, training.recipe.threads):
        train(
            training,
            backbone=args.backbone,
            train_split=TrainingSplit(args.train_labels, args.train_features, args.train_audio),
            dev_split=TrainingSplit(args.dev_labels, args.dev_features, args.dev_audio),
            train_utterances=args.train_utterances,
            scratch=args.scratch,
            output=args.output,
        )
