"""Sub-commands that pack audio: the clean corpora and their augmented test sets."""

import argparse

from valence_gap.commands.options import Command, Subparsers, positive
from valence_gap.definitions.corpora import Corpus
from valence_gap.definitions.evaluation import Condition
from valence_gap.definitions.values import from_json


def register(subparsers: Subparsers) -> None:
    """Add ``pack-audio`` and ``apply-conditions``."""
    command = Command(subparsers, "pack-audio", _pack_audio, "decode the audio of a split into one pack")
    command.add("--name", default="the corpus", help="name of the corpus in the study, for messages")
    command.path("--utterances", "utterance table of the split (parquet)")
    command.path("--root", "audio folder of the corpus; repeat in their order", action="append")
    command.add("--corpus", required=True, help="definition of the corpus (JSON)")
    command.add("--workers", type=int, default=1, help="files decoded at once; does not change the result")
    command.path("--output", "folder of the pack")

    command = Command(subparsers, "apply-conditions", _apply_conditions, "write the augmented variants of a test set")
    command.path("--audio", "folder of the clean pack")
    command.path("--noise", "root folder of ESC-50")
    command.add(
        "--condition",
        type=_named,
        action="append",
        required=True,
        metavar="NAME=JSON",
        help="name and definition; repeat",
    )
    command.add("--seed", type=int, default=0, help="seed of the draws")
    number = "how many utterances are drawn, the same ones under all conditions; by default all"
    command.add("--utterances", type=positive, metavar="N", help=number)
    command.path("--output-root", "folder of the corpus' packs")


def _named(text: str) -> tuple[str, str]:
    name, equals, definition = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"NAME=JSON expected, not {text!r}")
    return name, definition


def _pack_audio(args: argparse.Namespace) -> None:
    """Decode every audio file of an utterance table to 16 kHz mono PCM16 and write them into one memory-mapped array
    (audio.npy) with the position of each utterance (index.parquet) and counts of irregular files (report.json). All bad
    files are listed.
    """
    from valence_gap.audio.packing import pack_audio

    corpus = from_json(Corpus, args.corpus).named(args.name)
    pack_audio(args.utterances, tuple(args.root), corpus, args.output, args.workers)


def _apply_conditions(args: argparse.Namespace) -> None:
    """Write one pack per condition to OUTPUT_ROOT/NAME/test: noise of an ESC-50 class at a signal-to-noise ratio, a
    segment sped up, or a fade. The random draws for an utterance depend only on the seed, the kind of condition and the
    id of the utterance, and so does the place of an utterance in the draw of a subset.
    """
    from valence_gap.audio.conditions import apply_conditions
    from valence_gap.corpora import esc50

    conditions = {name: from_json(Condition, definition) for name, definition in args.condition}
    clips = esc50.clips(args.noise)
    apply_conditions(args.audio, clips, conditions, args.seed, args.output_root, utterances=args.utterances)
