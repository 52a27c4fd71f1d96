"""What is known of the audio of a corpus from the packs that were made of it: the preflight itself decodes none."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from valence_gap.audio.levels import REMARKS
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import SPLITS
from valence_gap.preflight.findings import Finding
from valence_gap.runtime.errors import first_lines
from valence_gap.runtime.files import read_json

SHOWN = 3


def examine_packs(results: Path, corpus: str) -> list[Finding]:
    """Return what was unusual in the audio of a corpus when it was decoded; nothing where it was not decoded yet.

    Args:
        results: folder of the study's results.
        corpus: name of the corpus.
    """
    counts: Counter[str] = Counter()
    lines: list[str] = []
    for split in SPLITS:
        for kind, found in _remarks(results / "audio" / corpus / CLEAN / split / "report.json").items():
            counts[kind] += int(found["count"])
            lines += first_lines([str(line) for line in found["files"]], SHOWN)
    if not counts:
        return []
    found = ", ".join(f"{count:,} {what}" for kind, what in REMARKS.items() if (count := counts[kind]))
    return [Finding(corpus, "audio as decoded", "differs", found, tuple(lines))]


def _remarks(report: Path) -> Mapping[str, Any]:
    try:
        found: Mapping[str, Any] = read_json(report).get("remarks", {})
    except (OSError, ValueError):
        return {}
    return found
