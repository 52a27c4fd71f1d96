"""The report on a corpus as text: what was read, what was left out and what is unusual."""

from collections.abc import Iterator, Mapping
from typing import Any

from valence_gap.definitions.values import SPLITS
from valence_gap.runtime.errors import printable

SHOWN = 3  # examples of each finding; the report itself has more
HEADINGS = {"skipped": "left out", "noted": "used, but unusual"}


def summary(report: Mapping[str, Any]) -> str:
    """Return a line for each split that the corpus has, and one for each reason of the findings.

    Args:
        report: the content of ``report.json`` as :func:`valence_gap.corpora.prepare.prepare_corpus` writes it.
    """
    return "\n".join(f"{report['corpus']}: {printable(line)}" for line in _lines(report))


def _lines(report: Mapping[str, Any]) -> Iterator[str]:
    for split in SPLITS:
        count = report["splits"][split]
        if count["utterances"]:
            known = f"{count['speakers']:,} speakers" if count["speakers"] else "no known speaker"
            genders = count["female"] + count["male"]
            yield (
                f"{split}: {count['utterances']:,} utterances, {count['hours']:.2f} h, {known}, "
                f"{genders:,} with a gender, {count['transcripts']:,} with a transcript"
            )
    for kind, heading in HEADINGS.items():
        for reason, found in report[kind].items():
            more = ", ..." if found["count"] > SHOWN else ""
            yield f"{heading}: {found['count']:,} {reason}: {', '.join(found['examples'][:SHOWN])}{more}"
    for warning in report.get("warnings", []):
        yield f"warning: {warning}"
    if not report["skipped"]:
        yield "nothing was left out"
