"""How a sub-command is defined, and the options that several of them have."""

import argparse
import json
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from valence_gap.commands.examples import epilog
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.paths import user_path

Subparsers: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
BY_RUN, BY_MODEL_AND_SEED, BY_CORPUS = "MODEL:SEED:CORPUS=FILE", "MODEL:SEED=FILE", "CORPUS=FILE"

EXIT_INTERRUPTED = 75  # EX_TEMPFAIL of sysexits.h: a temporary failure, run the command again


class HelpFormatter(argparse.HelpFormatter):
    """Wraps a text of one paragraph; one with lines stays as it is."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        if "\n" not in text.strip():
            return super()._fill_text(text, width, indent)
        return "\n".join(indent + line for line in text.splitlines())


class Command:
    """A sub-command and its options.

    Args:
        subparsers: the sub-commands that it is added to.
        name: what a user types.
        run: called with the parsed arguments; it may return an exit status. Its docstring is the description that
            ``--help`` shows.
        summary: one line for the list of all sub-commands.
    """

    def __init__(
        self, subparsers: Subparsers, name: str, run: Callable[[argparse.Namespace], int | None], summary: str
    ) -> None:
        description = " ".join((run.__doc__ or "").split())
        # Without `help`, argparse does not list the command; the overview does, by group.
        self.parser = subparsers.add_parser(
            name, description=description, epilog=epilog(name), formatter_class=HelpFormatter
        )
        self.parser.set_defaults(run=run, summary=summary)
        self.add = self.parser.add_argument

    def path(
        self, option: str, text: str, metavar: str | None = None, *, required: bool = True, **settings: Any
    ) -> None:
        """Add an option that takes a path."""
        self.add(option, type=user_path, required=required, metavar=metavar, help=text, **settings)

    def keyed(self, option: str, metavar: str, text: str, *, nargs: str = "+", required: bool = False) -> None:
        """Add an option that takes several texts KEY=FILE; they are not split yet."""
        default: list[str] | None = None if required else []
        self.add(option, nargs=nargs, default=default, required=required, metavar=metavar, help=text)

    def definition(self, what: str) -> None:
        """Add ``--name``, ``--definition`` and ``--output``: options to make a model from a definition."""
        self.add("--name", required=True, help="name of the model in the study, and in its model card")
        self.add("--definition", required=True, metavar="JSON", help=f"definition of the {what}")
        self.path("--output", "folder that is written", "DIR")

    def pack_indexes(self) -> None:
        """Add ``--packed``: pack indexes, from which the utterances skipped for bad audio are known."""
        text = "index of the clean pack of a corpus whose bad audio is skipped: other utterances are left out"
        self.keyed("--packed", BY_CORPUS, text)

    def augmented_utterances(self) -> None:
        """Add ``--augmented-utterances``: the corpora of which a subset of the test set is augmented."""
        text = "how many utterances of a corpus' test set are augmented, where that is not all"
        self.add("--augmented-utterances", nargs="+", default=[], metavar="CORPUS=N", help=text)

    def threads(self, text: str = "CPU threads (default: 1)") -> None:
        """Add ``--threads``: number of CPU threads."""
        self.add("--threads", type=int, default=1, metavar="N", help=text)

    def measured_precision(self) -> None:
        """Add ``--measured-precision``: the file that ``precision: auto`` follows on a CPU."""
        text = (
            "what precision: auto means on a CPU; measured and written if there is no such file (default: by the CPU)"
        )
        self.path("--measured-precision", text, "FILE.json", required=False)

    def record(self) -> None:
        """Add ``--record``: path of the run record."""
        text = "write a record of inputs, software and machine; not written by default"
        self.path("--record", text, "FILE.run.json", required=False)


@contextmanager
def resumable(scratch: Path | None) -> Iterator[None]:
    """End the command with ``EXIT_INTERRUPTED`` if a signal stops the training inside.

    Args:
        scratch: folder of its saved state, which the message names; None: it has none.
    """
    from valence_gap.training.checkpoints import TrainingInterrupted

    try:
        yield
    except TrainingInterrupted as signal:
        remark = f"the same command resumes from {scratch}" if scratch else "it begins again"
        print(f"stopped by {signal}; {remark}", file=sys.stderr)
        sys.exit(EXIT_INTERRUPTED)


def positive(text: str) -> int:
    """A number of things, at least one: the type of an argument."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"at least 1 expected, not {number}")
    return number


def numbers_by_corpus(texts: Sequence[str], option: str) -> dict[str, int]:
    """Split the texts CORPUS=N of an option.

    Raises:
        UserError: every text that has another form.
    """
    pairs = [text.rpartition("=") for text in texts]
    wrong = [text for text, (name, _, number) in zip(texts, pairs, strict=True) if not (name and number.isdecimal())]
    if wrong:
        raise UserError(f"{option} takes CORPUS=N", wrong)
    return {name: int(number) for name, _, number in pairs}


def given_configuration(text: str) -> dict[str, Any]:
    """The configuration that an option gives as JSON; its keys are not checked yet.

    Raises:
        UserError: it is no JSON, or no mapping.
    """
    try:
        config = json.loads(text)
    except ValueError as error:
        raise UserError("--configuration is no JSON", [str(error)]) from None
    if not isinstance(config, dict):
        raise UserError("--configuration is no mapping", [type(config).__name__])
    return config


def paths_by_name(
    texts: Iterable[str], option: str, form: str, what: str, *, given: Collection[str] = ()
) -> dict[str, Path]:
    """Split the texts NAME=PATH of an option.

    Args:
        texts: values of the option.
        option: the option, for messages.
        form: such as ``NAME=DIR``, for messages.
        what: what is named, such as ``condition``, for messages.
        given: names that are given by other options.

    Raises:
        UserError: every text that has another form, and every name that is given twice.
    """
    found: dict[str, Path] = {}
    offenders = []
    for text in texts:
        name, _, path = text.partition("=")
        if not (name and path):
            offenders.append(f"{text!r} is not {form}")
        elif name in found or name in given:
            offenders.append(f"{name!r} is given twice")
        else:
            found[name] = Path(path)
    if offenders:
        raise UserError(f"{option} is not understood", dict.fromkeys(offenders), f"Give each {what} once, as {form}.")
    return found
