"""The rows and files that a reader of a corpus skipped, or used although they are unusual: counted, with examples."""

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
    """How often a finding occurred and its first examples, in all and by split."""

    count: int = 0
    splits: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    examples_by_split: dict[str, list[str]] = field(default_factory=dict)

    def add(self, examples: Iterable[str], count: int | None = None) -> None:
        """Add occurrences: by default as many as there are examples."""
        examples_list = list(examples)
        self.count += len(examples_list) if count is None else count
        self.examples += [printable(each[:LONGEST]) for each in examples_list[: EXAMPLES - len(self.examples)]]

    def add_split(self, split: str, examples: Iterable[str], count: int) -> None:
        """Record for one split what `add` counts over all splits."""
        self.splits[split] = self.splits.get(split, 0) + count
        first = self.examples_by_split.setdefault(split, [])
        first += [printable(each[:LONGEST]) for each in list(examples)[: LOGGED - len(first)]]

    def summary(self, reason: str, split: str | None = None) -> str:
        """Return one line, such as ``12 row without audio: table.csv:3 a.wav, ...``; by default over all splits."""
        count = self.count if split is None else self.splits[split]
        examples = self.examples if split is None else self.examples_by_split[split]
        return f"{count:,} {reason}: {', '.join(examples[:LOGGED])}{', ...' if count > LOGGED else ''}"


@dataclass
class Report:
    """The findings while one corpus is read.

    ``skipped`` counts what the tables do not contain. ``noted`` counts what they contain although it is unusual, and
    what does not concern an utterance. Both are by reason. ``shown`` are the reasons of ``noted`` that a user should
    see: values that were interpreted. ``warnings`` say why little can be learnt from the corpus.
    """

    skipped: dict[str, Occurrences] = field(default_factory=dict)
    noted: dict[str, Occurrences] = field(default_factory=dict)
    shown: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)

    def skip(self, reason: str, examples: Iterable[str]) -> None:
        """Count what is left out."""
        _add(self.skipped, reason, examples)

    def note(self, reason: str, examples: Iterable[str], *, shown: bool = False) -> None:
        """Count what is unusual and still used; ``shown``: also where the user looks."""
        _add(self.noted, reason, examples)
        self.shown |= {reason} if shown and reason in self.noted else set()

    def skip_rows(self, reason: str, rows: pd.DataFrame) -> None:
        """Count rows of the table of entries that are left out; also by split, if the table has the split."""
        _add_rows(self.skipped, reason, rows)

    def note_rows(self, reason: str, rows: pd.DataFrame, *, shown: bool = False) -> None:
        """Count rows of the table of entries that are unusual and still used; ``shown`` as in `note`."""
        _add_rows(self.noted, reason, rows)
        self.shown |= {reason} if shown and reason in self.noted else set()

    def lost(self, split: str) -> dict[str, str]:
        """Return by reason how many rows of one split of the study were left out, with examples."""
        return {reason: found.summary(reason, split) for reason, found in self.skipped.items() if split in found.splits}

    def log(self, corpus: str) -> None:
        """Log the findings, one line per reason."""
        for kind, findings in (("skipped", self.skipped), ("noted", self.noted)):
            for reason, found in findings.items():
                more = ", ..." if found.count > LOGGED else ""
                examples = ", ".join(found.examples[:LOGGED])
                log_line(f"{corpus}: {kind} {found.count} ({printable(reason)}): {examples}{more}")
        for warning in self.warnings:
            log_line(f"{corpus}: warning: {printable(warning)}")

    def lines(self) -> list[str]:
        """Return one line for each finding that a user should see: what is left out or interpreted, and warnings."""
        left_out = [f"left out: {printable(found.summary(reason))}" for reason, found in self.skipped.items()]
        noted = [f"note: {printable(self.noted[reason].summary(reason))}" for reason in sorted(self.shown)]
        return [*left_out, *noted, *(f"warning: {printable(each)}" for each in self.warnings)]

    def as_json(self) -> dict[str, Any]:
        """Return the findings as a JSON value."""
        return {
            kind: {
                reason: {"count": found.count, "examples": found.examples}
                | ({"splits": found.splits} if found.splits else {})
                for reason, found in findings.items()
            }
            for kind, findings in (("skipped", self.skipped), ("noted", self.noted))
        } | {"warnings": self.warnings}


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
