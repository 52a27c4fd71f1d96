"""The findings of a preflight, and their table in plain text."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from valence_gap.runtime.files import canonical_json

Status = Literal["ok", "differs", "wrong", "unknown"]
WIDTH = 100
MACHINE = "machine"


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        subject: what it is about: a corpus, a backbone, disk, ...
        check: what was checked.
        status: ok; differs (it runs, but not as in the paper, or not on everything); wrong (it would stop or be
            meaningless); unknown (it could not be checked here).
        found: what was found, in one line.
        details: additional lines: offenders, and what to do.
    """

    subject: str
    check: str
    status: Status
    found: str
    details: tuple[str, ...] = ()


def table(findings: Iterable[Finding], counted: Iterable[Finding] | None = None) -> str:
    """The findings as text: one line each, details below it, and the number of each status at the end.

    Args:
        findings: the findings.
        counted: those that are counted at the end; the same by default.
    """
    found = list(findings)
    subject = max([7, *(len(one.subject) for one in found)])
    check = max([5, *(len(one.check) for one in found)])
    lines = [f"{'status':<7}  {'subject':<{subject}}  {'check':<{check}}  found"]
    for one in found:
        lines.append(f"{one.status:<7}  {one.subject:<{subject}}  {one.check:<{check}}  {one.found}")
        for detail in one.details:
            if detail.startswith("--"):  # an option to copy: not wrapped
                lines.append(" " * 9 + detail)
                continue
            lines += textwrap.wrap(
                detail, WIDTH, initial_indent=" " * 9, subsequent_indent=" " * 11, break_long_words=False
            )
    every = found if counted is None else list(counted)
    counts = {status: sum(one.status == status for one in every) for status in ("ok", "differs", "wrong", "unknown")}
    return "\n".join([*lines, "", ", ".join(f"{count} {status}" for status, count in counts.items())])


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Sort findings for a reader: first what is wrong, differs or is unknown; estimates for the machine come last."""
    rank = {"wrong": 0, "differs": 1, "unknown": 2, "ok": 3}
    return sorted(findings, key=lambda one: (_is_estimate(one), rank[one.status]))


def shortened(findings: Sequence[Finding]) -> list[Finding]:
    """The findings for a first look.

    Estimates that are no problem have one line each, without how they were made. What is ok has one line for each
    subject. The same advice stands below the first finding only.
    """
    passed: dict[str, list[str]] = {}
    for one in findings:
        if one.status == "ok" and not _is_estimate(one):
            passed.setdefault(one.subject, []).append(one.check)
    advised: set[tuple[str, ...]] = set()
    shown = []
    for one in findings:
        if _is_estimate(one):
            shown.append(replace(one, details=()))
        elif one.status != "ok":
            shown.append(replace(one, details=()) if one.details in advised else one)
            advised.add(one.details)
    return [*shown, *(Finding(subject, "", "ok", ", ".join(checks)) for subject, checks in passed.items())]


def _is_estimate(finding: Finding) -> bool:
    return finding.subject == MACHINE and finding.status in ("ok", "unknown")


def digest(config: Mapping[str, Any]) -> str:
    """Return a checksum that identifies a configuration."""
    return sha256(canonical_json(config).encode()).hexdigest()
