"""Sub-commands for pre-trained models: ``fetch-pretrained``, ``fetch-checkpoint`` and ``pretrain``."""

import argparse
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from valence_gap.commands.options import Command, Subparsers, resumable
from valence_gap.definitions.miniature import Pretraining, Speech
from valence_gap.definitions.models import Backbone, Checkpoint
from valence_gap.definitions.values import from_json
from valence_gap.runtime.errors import UserError

SHA256 = re.compile(r"[0-9a-f]{64}")
T = TypeVar("T", Backbone, Checkpoint)


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands of this topic."""
    command = Command(subparsers, "fetch-pretrained", _fetch, "fetch a pre-trained model into a local folder")
    command.definition("backbone")
    _add_source(command)

    summary = "fetch a finished model into the folder of a trained one"
    command = Command(subparsers, "fetch-checkpoint", _fetch_checkpoint, summary)
    command.definition("checkpoint")
    _add_source(command)

    command = Command(subparsers, "pretrain", _pretrain, "pre-train a backbone of the miniature")
    command.definition("pre-training")
    command.add("--speech", required=True, metavar="JSON", help="definition of the unlabelled speech")
    command.path("--scratch", "folder of its saved state, from which it resumes (default: none)", "DIR", required=False)
    threads = "processes that synthesise the speech; training uses the threads of its definition (default: 1)"
    command.add("--threads", type=int, default=1, help=threads)


def _add_source(command: Command) -> None:
    """Options that say nothing about the model itself, so that a rule need not run again when they change."""
    store = "keep a model from the hub here, for all studies (default: do not)"
    command.path("--store", store, "DIR", required=False)
    command.keyed("--sha256", "FILE=SUM", "checksums that files at the source must have", nargs="*")


def _fetch(args: argparse.Namespace) -> None:
    """Fetch a pre-trained model, from the hub at a pinned commit or from a local folder, into a folder in Hugging Face
    format: safetensors, its licence and checksums in run.json. No later step uses the hub.
    """
    from valence_gap.weights.fetch import fetch_pretrained

    backbone = _with_checksums(from_json(Backbone, args.definition), args.sha256)
    fetch_pretrained(args.name, backbone, args.output, args.store)


def _fetch_checkpoint(args: argparse.Namespace) -> None:
    """Fetch a finished model, from the hub at a pinned commit or from a local folder, into a folder that later steps
    use like that of a trained model. The model is loaded once as a check. It must be in the layout of the authors'
    released model, or saved by this project. Source, revision, licence and checksums are in run.json.
    """
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
    """Synthesise unlabelled speech and pre-train a miniature backbone on it by masked prediction of k-means targets.
    The result is an ordinary Hugging Face folder with a model card. With --scratch, the same command resumes a training
    that was killed; SIGTERM and SIGUSR1 make it finish its step, save its state and exit with 75.
    """
    from valence_gap.pretraining.masked_prediction import pretrain

    definition, speech = from_json(Pretraining, args.definition), from_json(Speech, args.speech)
    with resumable(args.scratch):
        pretrain(args.name, definition, speech, args.output, scratch=args.scratch, workers=args.threads)
