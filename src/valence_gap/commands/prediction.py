"""``extract-features`` and ``predict-conditions``."""

import argparse
from pathlib import Path

from valence_gap.commands.options import add_record, add_threads
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.runtime.errors import UserError


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands."""
    _register_features(subparsers)
    _register_predict(subparsers)


def _register_features(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "extract-features",
        help="compute the output of a backbone's frozen convolutional stem",
        description="Compute the output of a backbone's frozen convolutional stem for a pack of audio, one utterance "
        "at a time and without padding, and store it. Every model on that backbone shares it.",
    )
    parser.add_argument("--backbone", type=Path, required=True, metavar="DIR", help="backbone, Hugging Face format")
    parser.add_argument("--audio", type=Path, required=True, metavar="DIR", help="pack of the audio")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder that is written")
    parser.add_argument(
        "--format",
        choices=["bfloat16", "float32"],
        default="bfloat16",
        help="number format on disk; models with precision: fp32 need float32, in twice the space (default: bfloat16)",
    )
    _add_computation(parser)
    parser.set_defaults(run=_extract_features)


def _register_predict(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "predict-conditions",
        help="predict arousal, dominance and valence under a set of conditions",
        description="Predict arousal, dominance and valence of every utterance under one or more conditions, and store "
        "the pooled states of the same pass.",
    )
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="folder of the finished model")
    parser.add_argument("--audio", type=Path, metavar="DIR", help=f"pack of the {CLEAN} audio")
    parser.add_argument(
        "--features", type=Path, metavar="DIR", help=f"stored stem features of the {CLEAN} audio; computed if not given"
    )
    parser.add_argument(
        "--condition",
        action="append",
        default=[],
        metavar="NAME=DIR",
        help="pack of the audio under a condition; may be given several times",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.parquet", help="predictions")
    parser.add_argument("--embeddings", type=Path, required=True, metavar="FILE.npy", help="pooled states")
    add_record(parser)
    _add_computation(parser)
    parser.set_defaults(run=_predict)


def _add_computation(parser: argparse.ArgumentParser) -> None:
    add_threads(parser)
    parser.add_argument(
        "--deterministic",
        action="store_true",
        help="use kernels that give identical results in every run, on a GPU too; slower",
    )


def _extract_features(args: argparse.Namespace) -> None:
    import torch

    from valence_gap.prediction.stem_features import extract_features

    torch.set_num_threads(args.threads)
    rounded = args.format == "bfloat16"
    extract_features(args.backbone, args.audio, args.output, rounded=rounded, deterministic=args.deterministic)


def _predict(args: argparse.Namespace) -> None:
    import torch

    from valence_gap.prediction.inference import predict_conditions

    torch.set_num_threads(args.threads)
    predict_conditions(
        args.model,
        _conditions(args),
        args.output,
        args.embeddings,
        features=args.features,
        deterministic=args.deterministic,
        record=args.record,
    )


def _conditions(args: argparse.Namespace) -> "dict[str, Path | None]":
    """The packs by condition, clean first; features can replace the clean pack."""
    found: dict[str, Path | None] = {CLEAN: args.audio} if args.audio or args.features else {}
    offenders = []
    for text in args.condition:
        name, equals, folder = text.partition("=")
        if not (name and equals and folder):
            offenders.append(f"{text!r} is not NAME=DIR")
        elif name in found:
            offenders.append(f"{name!r} is given twice")
        else:
            found[name] = Path(folder)
    if offenders:
        raise UserError("--condition is not understood", offenders, "Give each condition once, as NAME=DIR.")
    return found
