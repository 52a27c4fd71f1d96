"""Sub-commands for pre-trained models: ``fetch-pretrained``, ``fetch-checkpoint`` and ``pretrain``."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from valence_gap.commands.options import add_definition
from valence_gap.runtime.errors import UserError

if TYPE_CHECKING:
    from valence_gap.definitions.models import Backbone, Checkpoint

SHA256 = re.compile(r"[0-9a-f]{64}")
T = TypeVar("T", "Backbone", "Checkpoint")


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the sub-commands of this topic."""
    fetch = subparsers.add_parser(
        "fetch-pretrained",
        help="fetch a pre-trained model into a local folder",
        description="Fetch a pre-trained model, from the hub at a pinned commit or from a local folder, into a folder "
        "in Hugging Face format: safetensors, its licence and checksums in run.json. No later step uses the hub.",
    )
    add_definition(fetch, "backbone")
    _add_source(fetch)
    fetch.set_defaults(run=_fetch)

    checkpoint = subparsers.add_parser(
        "fetch-checkpoint",
        help="fetch a finished model into the folder of a trained one",
        description="Fetch a finished model, from the hub at a pinned commit or from a local folder, into a folder "
        "that later steps use like that of a trained model. The model is loaded once as a check. It must be in the "
        "layout of the authors' released model, or saved by this project. Source, revision, licence and checksums are "
        "in run.json.",
    )
    add_definition(checkpoint, "checkpoint")
    _add_source(checkpoint)
    checkpoint.set_defaults(run=_fetch_checkpoint)

    pretrain = subparsers.add_parser(
        "pretrain",
        help="pre-train a backbone of the miniature",
        description="Synthesise unlabelled speech and pre-train a miniature backbone on it by masked prediction of "
        "k-means targets. The result is an ordinary Hugging Face folder with a model card.",
    )
    add_definition(pretrain, "pre-training")
    pretrain.add_argument("--speech", required=True, metavar="JSON", help="definition of the unlabelled speech")
    pretrain.add_argument(
        "--start", type=Path, metavar="DIR", help="folder of the backbone whose pre-training is continued"
    )
    pretrain.add_argument(
        "--threads",
        type=int,
        default=1,
        help="processes that synthesise the speech; training uses the threads of its definition (default: 1)",
    )
    pretrain.set_defaults(run=_pretrain)


def _add_source(parser: argparse.ArgumentParser) -> None:
    """Options that say nothing about the model itself, so that a rule need not run again when they change."""
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="keep a model from the hub here, for all studies (default: do not)"
    )
    parser.add_argument(
        "--sha256", nargs="*", default=[], metavar="FILE=SUM", help="checksums that files at the source must have"
    )


def _fetch(args: argparse.Namespace) -> None:
    from valence_gap.definitions.models import Backbone
    from valence_gap.definitions.values import from_json
    from valence_gap.weights.fetch import fetch_pretrained

    backbone = _with_checksums(from_json(Backbone, args.definition), args.sha256)
    fetch_pretrained(args.name, backbone, args.output, args.store)


def _fetch_checkpoint(args: argparse.Namespace) -> None:
    from valence_gap.definitions.models import Checkpoint
    from valence_gap.definitions.values import from_json
    from valence_gap.models.loading import load
    from valence_gap.weights.fetch import fetch_checkpoint

    checkpoint = _with_checksums(from_json(Checkpoint, args.definition), args.sha256)
    fetch_checkpoint(args.name, checkpoint, args.output, load, args.store)


def _with_checksums(definition: T, texts: Sequence[str]) -> T:
    """A definition with the checksums of the option --sha256.

    Raises:
        UserError: a text has another form.
    """
    pairs = [text.partition("=") for text in texts]
    wrong = [text for text, (name, _, sum_) in zip(texts, pairs, strict=True) if not (name and SHA256.fullmatch(sum_))]
    if wrong:
        raise UserError("--sha256 is not understood", wrong, "Give each as FILE=SUM, with 64 hexadecimal digits.")
    return replace(definition, sha256={name: sum_ for name, _, sum_ in pairs}) if pairs else definition


def _pretrain(args: argparse.Namespace) -> None:
    from valence_gap.definitions.miniature import Pretraining, Speech
    from valence_gap.definitions.values import from_json
    from valence_gap.pretraining.masked_prediction import pretrain

    definition, speech = from_json(Pretraining, args.definition), from_json(Speech, args.speech)
    pretrain(args.name, definition, speech, args.output, start=args.start, workers=args.threads)
