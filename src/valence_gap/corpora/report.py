"""What a reader of a corpus could not use, or used with a reservation: counted, with examples, never silently lost."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from valence_gap.runtime.errors import printable
from valence_gap.runtime.progress import log_line

EXAMPLES = 20
LOGGED = 3
LONGEST = 500  # characters of one example


@dataclass
class Occurrences:
    """How often something was met, in which splits, and where for the first times, in all and by split."""

    count: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    examples_by_split: dict[str, list[str]] = field(default_factory=dict)

    def add(self, examples: Iterable[str], count: int | None = None) -> None:
        """Count more of it: as many as there are examples, unless told."""
        examples_list = list(examples)
        self.count += len(examples_list) if count is None else count
        self.examples += [printable(each[:LONGEST]) for each in examples_list[: EXAMPLES - len(self.examples)]]

    def add_split(self, split: str, examples: Iterable[str], count: int) -> None:
        """Tell of one split what `add` counts over all of them."""
        self.splits[split] = self.splits.get(split, 0) + count
        first = self.examples_by_split.setdefault(split, [])
        first += [printable(each[:LONGEST]) for each in list(examples)[: LOGGED - len(first)]]

    def summary(self, reason: str, split: str | None = None) -> str:
        """It in one line, as ``12 row without audio: table.csv:3 a.wav, ...``; of one split, if wanted."""
        count = self.count if split is None else self.splits[split]
        examples = self.examples if split is None else self.examples_by_split[split]
        return f"{count:,} {reason}: {', '.join(examples[:LOGGED])}{', ...' if count > LOGGED else ''}"


@dataclass
class Report:
    """The findings of one reading.

    ``skipped`` is what did not get into the tables, ``noted`` what did, or what concerns no utterance; both by reason.
    """

    skipped: dict[str, Occurrences] = field(default_factory=dict)
    noted: dict[str, Occurrences] = field(default_factory=dict)

    def skip(self, reason: str, examples: Iterable[str]) -> None:
        """Count what is left out."""
        _add(self.skipped, reason, examples)

    def note(self, reason: str, examples: Iterable[str]) -> None:
        """Count what is odd and yet used."""
        _add(self.noted, reason, examples)

    def skip_rows(self, reason: str, rows: pd.DataFrame) -> None:
        """Count rows of the table of entries that are left out; by split where their split is known already."""
        _add_rows(self.skipped, reason, rows)

    def note_rows(self, reason: str, rows: pd.DataFrame) -> None:
        """Count rows of the table of entries that are odd and yet used."""
        _add_rows(self.noted, reason, rows)

    def lost(self, split: str) -> dict[str, str]:
        """By reason, how many rows of one of our splits were left out, with examples."""
        return {reason: found.summary(reason, split) for reason, found in self.skipped.items() if split in found.splits}

    def log(self, corpus: str) -> None:
        """Say the findings, one line per reason."""
        for kind, findings in (("skipped", self.skipped), ("noted", self.noted)):
            for reason, found in findings.items():
                more = ", ..." if found.count > LOGGED else ""
                examples = ", ".join(found.examples[:LOGGED])
                log_line(f"{corpus}: {kind} {found.count} ({printable(reason)}): {examples}{more}")

    def as_json(self) -> dict[str, Any]:
        """The findings as a JSON value."""
        return {
            kind: {
                reason: {"count": found.count, "examples": found.examples}
                | ({"splits": found.splits} if found.splits else {})
                for reason, found in findings.items()
            }
            for kind, findings in (("skipped", self.skipped), ("noted", self.noted))
        }


def _add(findings: dict[str, Occurrences], reason: str, examples: Iterable[str]) -> None:
    examples_list = list(examples)
    if examples_list:
        findings.setdefault(reason, Occurrences()).add(examples_list)


def _add_rows(findings: dict[str, Occurrences], reason: str, rows: pd.DataFrame) -> None:
    if rows.empty:
        return
    found = findings.setdefault(reason, Occurrences())
    found.add(_examples(rows, EXAMPLES), count=len(rows))
    if "our_split" in rows:
        for split, part in rows.groupby("our_split"):
            found.add_split(str(split), _examples(part, LOGGED), count=len(part))


def _examples(rows: pd.DataFrame, most: int) -> list[str]:
    first = rows.head(most)
    return [f"{place} {name}" for place, name in zip(first["provenance"], first["id"], strict=True)]
