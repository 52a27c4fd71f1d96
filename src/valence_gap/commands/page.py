"""Sub-commands ``page-utterances`` and ``page``."""

import argparse

from valence_gap.commands.options import BY_CORPUS, Command, Subparsers
from valence_gap.definitions.figures import keyed_files
from valence_gap.definitions.page import PageDescription
from valence_gap.definitions.values import from_json
from valence_gap.runtime.errors import UserError


def register(subparsers: Subparsers) -> None:
    """Add the sub-commands."""
    command = Command(subparsers, "page-utterances", _utterances, "choose the utterances that the page shows")
    command.add("--model", required=True, help="name of the model whose predictions are shown")
    command.add("--run-seed", required=True, type=int, help="seed of its training")
    command.keyed("--predictions", BY_CORPUS, "predictions (Parquet); a corpus may have several", required=True)
    command.keyed("--labels", BY_CORPUS, "labels (Parquet)", required=True)
    command.keyed("--utterances", BY_CORPUS, "utterances (Parquet)", required=True)
    packs = "packs of audio to listen to; of none if it is left out"
    command.keyed("--packs", "CORPUS/CONDITION=DIR", packs, nargs="*")
    command.add("--seed", required=True, type=int, help="draws the utterances to listen to")
    command.path("--output", "file that is written", "FILE.json")
    command.record()

    command = Command(subparsers, "page", _page, "write the page of a finished study: one file, index.html")
    command.path("--folder", "results of the study", "DIR")
    command.add("--description", required=True, help="what the study is: JSON of definitions.PageDescription")
    command.path("--claims", "the statements (YAML)")
    command.path("--captions", "folder of the captions of the figures (reStructuredText)", "DIR")
    utterances = "what page-utterances wrote (JSON); left out: no utterance is shown"
    command.path("--utterances", utterances, "FILE.json", required=False)
    command.path("--output", "page that is written", "FILE.html")


def _utterances(args: argparse.Namespace) -> None:
    """Choose the utterances that the page of a study shows: a row for each utterance of the test sets with labels and
    predictions of one model, and five utterances of each corpus to listen to under every condition (MP3).
    """
    from valence_gap.page.utterances import UtteranceFiles, by_corpus, write_utterances

    packs = {tuple(key.split("/", 1)): path for key, path in keyed_files(args.packs, "--packs")}
    if wrong := ["/".join(key) for key in packs if len(key) != 2]:
        raise UserError("--packs takes CORPUS/CONDITION=DIR", wrong)
    files = UtteranceFiles(
        predictions=by_corpus(keyed_files(args.predictions, "--predictions")),
        labels=dict(keyed_files(args.labels, "--labels")),
        utterances=dict(keyed_files(args.utterances, "--utterances")),
        packs={(key[0], key[1]): path for key, path in packs.items()},
    )
    write_utterances(
        files, model=args.model, run_seed=args.run_seed, seed=args.seed, output=args.output, record=args.record
    )


def _page(args: argparse.Namespace) -> None:
    """Write the page of a finished study: what was asked and found, what was run, its figures, tables, claims, scores
    and some utterances, in one HTML file that needs no other file and no network.
    """
    from valence_gap.page.make import make_page

    make_page(
        args.folder,
        from_json(PageDescription, args.description),
        claims_file=args.claims,
        captions=args.captions,
        utterances=args.utterances,
        output=args.output,
    )
