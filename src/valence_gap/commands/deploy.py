"""Results for others: ``fetch-model``, ``predict``, ``export``, ``export-best``, ``export-audformat``, ``crate``."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from valence_gap.commands.options import Command, Subparsers, given_configuration, paths_by_name
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.paths import user_path


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands."""
    _register_fetch(subparsers)
    _register_files(subparsers)
    _register_export(subparsers)
    _register_best(subparsers)
    _register_audformat(subparsers)
    _register_crate(subparsers)


def _register_fetch(subparsers: Subparsers) -> None:
    command = Command(subparsers, "fetch-model", _fetch_model, "fetch the authors' released model, for `predict`")
    place = "folder that is written (default: in the user's cache, where `predict` looks for it)"
    command.path("--output", place, "DIR", required=False)


def _register_files(subparsers: Subparsers) -> None:
    summary = "predict arousal, dominance and valence of audio files"
    command = Command(subparsers, "predict", _predict_files, summary)
    command.add("audio", type=user_path, nargs="*", metavar="AUDIO", help="audio files or folders")
    listed = "text file that names audio files or folders, one a line"
    command.path("--list", listed, "FILE.txt", required=False, dest="listed")
    segments = "CSV file with the columns file, start and end (seconds): score these segments, not whole files"
    command.path("--segments", segments, "FILE.csv", required=False)
    model = "folder of a finished model (default: the released one, where `fetch-model` puts it)"
    command.path("--model", model, "DIR", required=False)
    output = "scores, written as FILE.csv.partial until all are there (default: standard output)"
    command.path("--output", output, "FILE.csv", required=False)
    embeddings = "pooled states too, one row for each row of the scores; FILE.npy, or FILE.parquet with file names"
    command.path("--embeddings", embeddings, "FILE", required=False)
    scale = "write the scores in the units of labels from LOW to HIGH, such as 1 7 (default: 0 1)"
    command.add("--scale", type=float, nargs=2, default=(0.0, 1.0), metavar=("LOW", "HIGH"), help=scale)
    chunk = "longest part in seconds; a longer recording is cut (default: %(default)s)"
    command.add("--chunk-s", type=float, default=10.0, metavar="S", help=chunk)
    hop = "cut a long recording into parts of --chunk-s that start every S seconds and overlap (default: equal parts)"
    command.add("--hop-s", type=float, metavar="S", help=hop)
    command.add("--per-chunk", action="store_true", help="one row for each part, with its start and end")
    precision = "number format (default: that of the model's training)"
    command.add("--precision", choices=["auto", "fp32", "bf16"], help=precision)
    command.add("--threads", type=int, metavar="N", help="CPU threads (default: as PyTorch chooses)")


def _register_export(subparsers: Subparsers) -> None:
    command = Command(subparsers, "export", _export, "write a model in the released layout, with a model card")
    command.path("--model", "folder of the finished model", "DIR")
    command.path("--output", "folder that is written", "DIR")
    command.add("--name", required=True, help="name of the model, for the model card")
    _add_training_data(command, "the training data in words, for the model card")
    _add_licences(command)
    backbone = "the fetched backbone, for its source and licence in the model card"
    command.path("--backbone", backbone, "DIR", required=False)
    scores = "the model's scores, for the model card"
    command.path("--scores", scores, "FILE.csv", required=False, nargs="+", default=[])
    command.add("--onnx", action="store_true", help="write model.onnx too (needs the optional extra onnx)")


def _register_best(subparsers: Subparsers) -> None:
    command = Command(subparsers, "export-best", _export_best, "export the best of a study's models")
    command.keyed("--candidate", "MODEL:SEED=PATH", "folder of a finished model", nargs="*")
    command.keyed("--scores", "MODEL:SEED=PATH", "a table of its scores", nargs="*")
    command.keyed("--backbone", "MODEL=DIR", "its fetched backbone", nargs="*")
    command.add("--study", required=True, help="name of the study, at the start of the exported model's name")
    _add_training_data(command, "name of the training corpus")
    command.path("--report", "report.json of the prepared training corpus", "FILE", required=False)
    _add_licences(command)
    command.path("--output", "folder that is written", "DIR")


def _add_training_data(command: Command, text: str) -> None:
    command.add("--trained-on", default="", metavar="TEXT", help=text)


def _add_licences(command: Command) -> None:
    command.add("--licence", metavar="ID", help="licence of the weights (default: left open)")
    corpus = "licence of the training data in words, for the model card"
    command.add("--corpus-licence", metavar="TEXT", help=corpus)


def _register_audformat(subparsers: Subparsers) -> None:
    summary = "write a prepared corpus and predictions for it as a database in audformat"
    command = Command(subparsers, "export-audformat", _export_audformat, summary)
    command.add("--name", required=True, help="name of the database")
    command.path("--corpus", "folder of the prepared corpus", "DIR")
    command.keyed("--predictions", "MODEL=FILE.parquet", "predictions for the corpus, by the name of their model")
    audio = "the corpus' audio folders, to link the audio"
    command.path("--audio", audio, "DIR", required=False, nargs="+", default=[])
    command.add("--licence", metavar="ID", help="licence of the corpus")
    command.path("--output", "folder that is written", "DIR")


def _register_crate(subparsers: Subparsers) -> None:
    command = Command(subparsers, "crate", _crate, "describe a finished study as a Workflow Run RO-Crate")
    command.path("--project", "folder of the Snakefile", "DIR")
    command.add("--configuration", required=True, metavar="JSON", help="the whole merged configuration")
    command.path("--output", "folder that is written", "DIR")


def _fetch_model(args: argparse.Namespace) -> None:
    """Fetch the authors' released model, audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim, from the hub at a
    pinned commit (0.7 GB). After that, `predict` needs no network. Its licence (CC BY-NC-SA 4.0) permits no commercial
    use.
    """
    from valence_gap.models.loading import load
    from valence_gap.weights.released import fetch_model

    fetch_model(load, args.output)


def _predict_files(args: argparse.Namespace) -> None:
    """Predict arousal, dominance and valence of audio files and of all audio files below folders, as CSV, with notes on
    silence, clipping and the like. A long file is cut into equal parts and its scores are averaged. Files that cannot
    be used are listed at the end, and the exit code is then 2; all others are scored.
    """
    import torch

    from valence_gap.prediction.parts import Cutting
    from valence_gap.prediction.recordings import predict_files
    from valence_gap.weights.released import fetched_model

    if args.threads is not None:
        torch.set_num_threads(args.threads)
    predict_files(
        args.model if args.model is not None else fetched_model(),
        args.audio,
        args.output,
        listed=args.listed,
        segments=args.segments,
        cutting=Cutting(args.chunk_s, args.hop_s),
        per_chunk=args.per_chunk,
        scale=tuple(args.scale),
        embeddings=args.embeddings,
        precision=args.precision,
    )


def _export(args: argparse.Namespace) -> None:
    """Write a finished transformer model as a folder that transformers loads without this project: weights,
    configuration, preprocessor, and a model card filled from the run.
    """
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
    """Export the model with the highest mean CCC on the development set, as `export` does: with its scores in the model
    card, and as ONNX too if the optional extra is installed. A model is named MODEL:SEED.
    """
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
    """Write the utterances and labels of a prepared corpus, and predictions for it, as a database in audformat (needs
    the optional extra audformat).
    """
    from valence_gap.export.to_audformat import export_audformat

    predictions = paths_by_name(args.predictions, "--predictions", "MODEL=FILE", "model")
    export_audformat(
        args.name, args.corpus, args.output, predictions=predictions, audio=args.audio, licence=args.licence
    )


def _crate(args: argparse.Namespace) -> None:
    """Write a folder with the workflow, its configuration, the figures, tables and claims of a study, and
    ro-crate-metadata.json, which says what each job read, wrote and ran on (Provenance Run Crate 0.5). Audio, labels
    and weights are not copied, but named by their checksums.
    """
    from valence_gap.export.to_crate import write_crate
    from valence_gap.study.study import load

    config = given_configuration(args.configuration)
    results = Path(load(config, project=args.project).results)
    print(write_crate(results, args.project, config, args.output))
