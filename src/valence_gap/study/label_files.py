"""Label files that were edited after their corpus was read, found when the workflow is parsed; audio is not scanned.

The inventory of a corpus lists the checksums of all its files. Those of its label files are compared with the files
on disk. If one differs, its row in the inventory is replaced and the corpus is read again, before Snakemake decides
what runs. Snakemake then compares the tables of labels by content: a changed test label causes scoring, and no
training. Only the standard library is used: every job parses the workflow.
"""

import csv
import io
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from valence_gap.definitions.corpora import CorpusPaths
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json, write_json, write_text

# The files below the folder of the labels that contain labels, splits or speakers. Transcripts and alignments, of which
# there is one for each utterance, are not among them.
PATTERNS = {
    "iemocap": r"Session\d+/dialog/EmoEvaluation/[^/]+\.txt",
    "msp-podcast": r"(.*/)?[^/]*(label|partition|speaker)[^/]*\.(csv|txt|json)",
    "cmu-mosi": r".*\.(csv|csd)",
    "audformat": r".*\.(yaml|csv|parquet)",
    "table": r".*",
}
ROOTS = ("labels", "speakers")
READING = "VALENCE_GAP_READS_A_CORPUS"  # set for the Snakemake that reads a corpus again, which must not start another
LOCKS = Path(".snakemake") / "locks"
Checksum = Callable[[Path], str]


@dataclass(frozen=True)
class Edited:
    """A label file whose content differs from that in the inventory.

    Attributes:
        row: its row in the inventory: root, file, bytes, sha256.
        path: the file.
        sha256: the checksum of its content.
    """

    row: tuple[str, ...]
    path: Path
    sha256: str


def edited_files(inventory: Path, paths: CorpusPaths, adapter: str, checksum: Checksum) -> list[Edited]:
    """Compare the label files of a corpus with its inventory.

    Args:
        inventory: ``inventory.csv`` of the corpus.
        paths: the paths of the corpus.
        adapter: the reader of its on-disk format.
        checksum: computes the SHA-256 of a file.

    Returns:
        The files that were edited. A file that cannot be read is left out: a finished study does not need its corpora.
    """
    roots = {name: Path(root) for name in ROOTS if (root := getattr(paths, name))}
    pattern = re.compile(PATTERNS.get(adapter, ".*"), re.IGNORECASE)
    found = []
    for row in _rows(inventory):
        root = roots.get(row[0])
        if root is None:
            continue
        try:
            if not root.is_file() and not (row[0] != "labels" or pattern.fullmatch(row[1])):
                continue
            path = root if root.is_file() else root / row[1]
            digest = checksum(path)
        except OSError:
            continue
        if digest != row[3]:
            found.append(Edited(row, path, digest))
    return found


def check_readable(name: str, definition: str, paths: str, inventory: Path) -> None:
    """Read a corpus into a temporary folder, so that labels with a mistake replace nothing that is finished.

    Args:
        name: the corpus in the study.
        definition: the corpus as JSON.
        paths: its paths as JSON.
        inventory: its inventory.

    Raises:
        UserError: the corpus cannot be read.
    """
    command = [sys.executable, "-m", "valence_gap.cli", "prepare-corpus", "--name", name, "--definition", definition]
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [*command, "--paths", paths, "--inventory", str(inventory), "--output", folder],
            text=True,
            stderr=subprocess.PIPE,
            check=False,
        )
    if done.returncode:
        reason = done.stderr.partition("error: ")[2] or done.stderr
        raise UserError(f"The labels of {name} were edited and cannot be read.", [], reason.strip())


def replace_rows(inventory: Path, edited: Sequence[Edited]) -> None:
    """Replace the rows of edited files in an inventory; all other rows stay as they are."""
    text = inventory.read_text(encoding="utf-8")
    for one in edited:
        root, file = one.row[:2]
        text = text.replace(_line(one.row), _line((root, file, str(one.path.stat().st_size), one.sha256)), 1)
    write_text(inventory, text)


def is_read(inventory: Path, report: Path, checksum: Checksum) -> bool:
    """Whether the tables of a corpus were made from this inventory; also True if its report does not say."""
    recorded = read_json(report).get("inputs", {}).get("inventory")
    return recorded is None or recorded == checksum(inventory)


def read_again(report: Path, config: Mapping[str, Any], project: Path) -> None:
    """Run the rule that reads a corpus, in a Snakemake of its own.

    Args:
        report: the report of the corpus, an output of the rule.
        config: the merged configuration.
        project: the folder of the Snakefile.

    Raises:
        UserError: the corpus cannot be read; the log has been shown.
    """
    with tempfile.TemporaryDirectory() as folder:
        merged = Path(folder) / "config.json"
        write_json(merged, dict(config))
        command = [sys.executable, "-m", "snakemake", str(report), "--forcerun", str(report)]
        command += ["--allowed-rules", "prepare_corpus", "--executor", "local", "--cores", "1", "--quiet", "all"]
        command += ["--snakefile", str(project / "Snakefile"), "--workflow-profile", str(project / "profiles/default")]
        done = subprocess.run(
            [*command, "--configfile", str(merged)],
            env=os.environ | {READING: "1"},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
    LOCKS.mkdir(parents=True, exist_ok=True)  # removed by a Snakemake that ends; the one that waits has made it before
    if done.returncode:
        raise UserError(f"{report.parent.name} cannot be read again.", [], done.stdout.strip())


def _rows(inventory: Path) -> list[tuple[str, ...]]:
    """The rows of label files; those of audio, which are many, are not parsed."""
    with inventory.open(encoding="utf-8", newline="") as lines:
        chosen = [line for line in lines if line.startswith(tuple(f"{root}," for root in ROOTS))]
    return [tuple(row) for row in csv.reader(chosen) if len(row) == 4]


def _line(row: Sequence[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(row)
    return text.getvalue()
