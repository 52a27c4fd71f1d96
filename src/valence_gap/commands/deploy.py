"""``predict``, ``export``, ``export-best`` and ``export-audformat``: results for use outside of the study."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from valence_gap.runtime.errors import UserError
from valence_gap.runtime.paths import user_path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands."""
    _register_files(subparsers)
    _register_export(subparsers)
    _register_best(subparsers)
    _register_audformat(subparsers)


def _register_files(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "predict",
        help="predict arousal, dominance and valence of audio files",
        description="Predict arousal, dominance and valence of audio files and of all audio files below folders, as "
        "CSV, with notes on silence, clipping and the like. A long file is cut into equal parts and its scores are "
        "averaged. Files that cannot be used are listed at the end, and the exit code is then 2; all others are "
        "scored.",
    )
    parser.add_argument("audio", type=user_path, nargs="+", metavar="AUDIO", help="audio files or folders")
    parser.add_argument("--model", type=user_path, required=True, metavar="DIR", help="folder of a finished model")
    parser.add_argument(
        "--output",
        type=user_path,
        metavar="FILE.csv",
        help="scores, written as FILE.csv.partial until all are there (default: standard output)",
    )
    parser.add_argument(
        "--chunk-s", type=float, default=10.0, metavar="S", help="longest part in seconds (default: %(default)s)"
    )
    parser.add_argument("--per-chunk", action="store_true", help="one row for each part of a file")
    parser.add_argument(
        "--precision", choices=["auto", "fp32", "bf16"], help="number format (default: that of the model's training)"
    )
    parser.add_argument("--threads", type=int, metavar="N", help="CPU threads (default: as PyTorch chooses)")
    parser.set_defaults(run=_predict_files)


def _register_export(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "export",
        help="write a model in the released layout, with a model card",
        description="Write a finished transformer model as a folder that transformers loads without this project: "
        "weights, configuration, preprocessor, and a model card filled from the run.",
    )
    parser.add_argument("--model", type=user_path, required=True, metavar="DIR", help="folder of the finished model")
    parser.add_argument("--output", type=user_path, required=True, metavar="DIR", help="folder that is written")
    parser.add_argument("--name", required=True, help="name of the model, for the model card")
    parser.add_argument(
        "--trained-on", default="", metavar="TEXT", help="the training data in words, for the model card"
    )
    parser.add_argument("--licence", metavar="ID", help="licence of the weights (default: left open)")
    parser.add_argument(
        "--corpus-licence", metavar="TEXT", help="licence of the training data in words, for the model card"
    )
    parser.add_argument(
        "--backbone",
        type=user_path,
        metavar="DIR",
        help="the fetched backbone, for its source and licence in the model card",
    )
    parser.add_argument(
        "--scores",
        type=user_path,
        nargs="+",
        default=[],
        metavar="FILE.csv",
        help="the model's scores, for the model card",
    )
    parser.add_argument("--onnx", action="store_true", help="write model.onnx too (needs the optional extra onnx)")
    parser.set_defaults(run=_export)


def _register_best(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "export-best",
        help="export the best of a study's models",
        description="Export the model with the highest mean CCC on the development set, as `export` does: with its "
        "scores in the model card, and as ONNX too if the optional extra is installed. A model is named MODEL:SEED.",
    )
    for option, what in (("candidate", "folder of a finished model"), ("scores", "a table of its scores")):
        parser.add_argument(f"--{option}", nargs="*", default=[], metavar="MODEL:SEED=PATH", help=what)
    parser.add_argument("--backbone", nargs="*", default=[], metavar="MODEL=DIR", help="its fetched backbone")
    parser.add_argument("--study", required=True, help="name of the study, at the start of the exported model's name")
    parser.add_argument("--trained-on", default="", metavar="TEXT", help="name of the training corpus")
    parser.add_argument("--report", type=user_path, metavar="FILE", help="report.json of the prepared training corpus")
    parser.add_argument("--licence", metavar="ID", help="licence of the weights (default: left open)")
    parser.add_argument(
        "--corpus-licence", metavar="TEXT", help="licence of the training data in words, for the model card"
    )
    parser.add_argument("--output", type=user_path, required=True, metavar="DIR", help="folder that is written")
    parser.set_defaults(run=_export_best)


def _register_audformat(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "export-audformat",
        help="write a prepared corpus and predictions for it as a database in audformat",
        description="Write the utterances and labels of a prepared corpus, and predictions for it, as a database in "
        "audformat (needs the optional extra audformat).",
    )
    parser.add_argument("--name", required=True, help="name of the database")
    parser.add_argument("--corpus", type=user_path, required=True, metavar="DIR", help="folder of the prepared corpus")
    parser.add_argument(
        "--predictions",
        nargs="+",
        default=[],
        metavar="MODEL=FILE.parquet",
        help="predictions for the corpus, by the name of their model",
    )
    parser.add_argument(
        "--audio",
        type=user_path,
        nargs="+",
        default=[],
        metavar="DIR",
        help="the corpus' audio folders, to link the audio",
    )
    parser.add_argument("--licence", metavar="ID", help="licence of the corpus")
    parser.add_argument("--output", type=user_path, required=True, metavar="DIR", help="folder that is written")
    parser.set_defaults(run=_export_audformat)


def _predict_files(args: argparse.Namespace) -> None:
    import torch

    from valence_gap.prediction.recordings import predict_files

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    predict_files(
        args.model,
        args.audio,
        args.output,
        chunk_s=args.chunk_s,
        per_chunk=args.per_chunk,
        precision=args.precision,
    )


def _export(args: argparse.Namespace) -> None:
    from valence_gap.export.to_huggingface import CardOptions, export_huggingface

    data = CardOptions(
        name=args.name,
        trained_on=args.trained_on,
        licence=args.licence,
        corpus_licence=args.corpus_licence,
        backbone=args.backbone,
        scores=tuple(args.scores),
    )
    export_huggingface(args.model, args.output, data, onnx=args.onnx)


def _export_best(args: argparse.Namespace) -> None:
    from valence_gap.export.best import export_best

    export_best(
        pairs(args.candidate, "--candidate"),
        args.output,
        scores=pairs(args.scores, "--scores"),
        backbones=dict(pairs(args.backbone, "--backbone")),
        study=args.study,
        trained_on=args.trained_on,
        report=args.report,
        licence=args.licence,
        corpus_licence=args.corpus_licence,
    )


def pairs(texts: Sequence[str], option: str) -> list[tuple[str, Path]]:
    """The name and the path of each text NAME=PATH.

    Raises:
        UserError: if a text has another form; it lists all of them.
    """
    found = [text.partition("=") for text in texts]
    offenders = [f"{text!r}" for text, (name, _, path) in zip(texts, found, strict=True) if not (name and path)]
    if offenders:
        raise UserError(f"{option} is not understood", offenders, "Give each as NAME=PATH.")
    return [(name, user_path(path)) for name, _, path in found]


def _export_audformat(args: argparse.Namespace) -> None:
    from valence_gap.export.to_audformat import export_audformat

    export_audformat(
        args.name,
        args.corpus,
        args.output,
        predictions=_by_model(args.predictions),
        audio=args.audio,
        licence=args.licence,
    )


def _by_model(texts: Sequence[str]) -> dict[str, Path]:
    pairs = [text.partition("=") for text in texts]
    names = [name for name, _, _ in pairs]
    offenders = [
        f"{text!r} is not MODEL=FILE" for text, (name, _, file) in zip(texts, pairs, strict=True) if not (name and file)
    ]
    offenders += [f"{name!r} is given twice" for name in sorted({name for name in names if names.count(name) > 1})]
    if offenders:
        raise UserError("--predictions is not understood", offenders, "Give each model once, as MODEL=FILE.")
    return {name: user_path(file) for name, _, file in pairs}
