"""Sub-commands that pack audio: the clean corpora and their augmented test sets."""

import argparse
from pathlib import Path


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``pack-audio`` and ``apply-conditions``."""
    pack = subparsers.add_parser(
        "pack-audio",
        help="decode the audio of a split into one pack",
        description="Decode every audio file of an utterance table to 16 kHz mono PCM16 and write them into one "
        "memory-mapped array (audio.npy) with the position of each utterance (index.parquet) and counts of "
        "irregular files (report.json). All bad files are listed.",
    )
    pack.add_argument("--name", default="the corpus", help="name of the corpus in the study, for messages")
    pack.add_argument("--utterances", type=Path, required=True, help="utterance table of the split (parquet)")
    pack.add_argument(
        "--root", type=Path, action="append", required=True, help="audio folder of the corpus; repeat in their order"
    )
    pack.add_argument("--corpus", required=True, help="definition of the corpus (JSON)")
    pack.add_argument("--workers", type=int, default=1, help="files decoded at once; does not change the result")
    pack.add_argument("--output", type=Path, required=True, help="folder of the pack")
    pack.set_defaults(run=run_pack_audio)

    conditions = subparsers.add_parser(
        "apply-conditions",
        help="write the augmented variants of a test set",
        description="Write one pack per condition to OUTPUT_ROOT/NAME/test: noise of an ESC-50 class at a "
        "signal-to-noise ratio, a segment sped up, or a fade. The random draws for an utterance depend only on the "
        "seed, the kind of condition and the id of the utterance.",
    )
    conditions.add_argument("--audio", type=Path, required=True, help="folder of the clean pack")
    conditions.add_argument("--noise", type=Path, required=True, help="root folder of ESC-50")
    conditions.add_argument(
        "--condition",
        type=_named,
        action="append",
        required=True,
        metavar="NAME=JSON",
        help="name and definition; repeat",
    )
    conditions.add_argument("--seed", type=int, default=0, help="seed of the draws")
    conditions.add_argument("--output-root", type=Path, required=True, help="folder of the corpus' packs")
    conditions.set_defaults(run=run_apply_conditions)


def _named(text: str) -> tuple[str, str]:
    name, equals, definition = text.partition("=")
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"NAME=JSON expected, not {text!r}")
    return name, definition


def run_pack_audio(args: argparse.Namespace) -> None:
    """Run ``pack-audio``."""
    from valence_gap.audio.packing import pack_audio
    from valence_gap.definitions.corpora import Corpus
    from valence_gap.definitions.values import from_json

    corpus = from_json(Corpus, args.corpus).named(args.name)
    pack_audio(args.utterances, tuple(args.root), corpus, args.output, args.workers)


def run_apply_conditions(args: argparse.Namespace) -> None:
    """Run ``apply-conditions``."""
    from valence_gap.audio.conditions import apply_conditions
    from valence_gap.corpora import esc50
    from valence_gap.definitions.evaluation import Condition
    from valence_gap.definitions.values import from_json

    conditions = {name: from_json(Condition, definition) for name, definition in args.condition}
    apply_conditions(args.audio, esc50.clips(args.noise), conditions, args.seed, args.output_root)
