"""``extract-features`` and ``predict-conditions``."""

import argparse
from collections.abc import Collection
from pathlib import Path

from valence_gap.commands.options import Command, Subparsers, paths_by_name
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.runtime.errors import UserError


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands."""
    summary = "compute the output of a backbone's frozen convolutional stem"
    command = Command(subparsers, "extract-features", _extract_features, summary)
    command.path("--backbone", "backbone, Hugging Face format", "DIR")
    command.path("--audio", "pack of the audio", "DIR", nargs="+")
    command.path("--output", "folder that is written, for each pack one", "DIR", nargs="+")
    stored = "number format on disk; models with precision: fp32 need float32, in twice the space (default: bfloat16)"
    command.add("--format", choices=["bfloat16", "float32"], default="bfloat16", help=stored)
    _add_computation(command)

    summary = "predict arousal, dominance and valence under a set of conditions"
    command = Command(subparsers, "predict-conditions", _predict, summary)
    command.path("--model", "folder of the finished model", "DIR")
    command.path("--audio", f"pack of the {CLEAN} audio", "DIR", required=False)
    features = f"stored stem features of the {CLEAN} audio; computed if not given"
    command.path("--features", features, "DIR", required=False)
    condition = "pack of the audio under a condition; may be given several times"
    command.add("--condition", action="append", default=[], metavar="NAME=DIR", help=condition)
    stored = "stored stem features of the audio under a condition, in place of its pack; may be given several times"
    command.add("--condition-features", action="append", default=[], metavar="NAME=DIR", help=stored)
    command.path("--output", "predictions", "FILE.parquet")
    embeddings = "pooled states of all rows; without it they are neither kept nor stored"
    command.path("--embeddings", embeddings, "FILE.npy", required=False)
    command.record()
    command.measured_precision()
    _add_computation(command)


def _add_computation(command: Command) -> None:
    command.threads()
    deterministic = "use kernels that give identical results in every run, on a GPU too; slower"
    command.add("--deterministic", action="store_true", help=deterministic)


def _extract_features(args: argparse.Namespace) -> None:
    """Compute the output of a backbone's frozen convolutional stem for packs of audio, one utterance at a time on a
    CPU, several of similar length on a GPU, and store it. Every model on that backbone shares it.
    """
    if len(args.audio) != len(args.output):
        raise UserError(
            f"{len(args.audio)} packs and {len(args.output)} folders for their features are given",
            remedy="Give --output one folder for each pack of --audio, in the same order.",
        )

    import torch

    from valence_gap.prediction.stem_features import extract_features

    torch.set_num_threads(args.threads)
    rounded = args.format == "bfloat16"
    for audio, output in zip(args.audio, args.output, strict=True):
        extract_features(args.backbone, audio, output, rounded=rounded, deterministic=args.deterministic)


def _predict(args: argparse.Namespace) -> None:
    """Predict arousal, dominance and valence of every utterance under one or more conditions. With --embeddings, also
    store the pooled states of the same pass.
    """
    import torch

    from valence_gap.prediction.inference import predict_conditions
    from valence_gap.runtime.product_rates import following

    torch.set_num_threads(args.threads)
    with following(args.measured_precision, args.threads):
        predict_conditions(
            args.model,
            _conditions(args),
            args.output,
            embeddings=args.embeddings,
            features=_features(args),
            deterministic=args.deterministic,
            record=args.record,
        )


def _conditions(args: argparse.Namespace) -> "dict[str, Path | None]":
    """The packs by condition, clean first; features can replace a pack."""
    clean: dict[str, Path | None] = {CLEAN: args.audio} if args.audio or args.features else {}
    given = clean | paths_by_name(args.condition, "--condition", "NAME=DIR", "condition", given=clean)
    return given | dict.fromkeys(_stored(args, given))


def _features(args: argparse.Namespace) -> dict[str, Path]:
    """The stored stem features by condition."""
    clean = {CLEAN: args.features} if args.features else {}
    return clean | _stored(args, clean)


def _stored(args: argparse.Namespace, given: Collection[str]) -> dict[str, Path]:
    return paths_by_name(args.condition_features, "--condition-features", "NAME=DIR", "condition", given=given)
