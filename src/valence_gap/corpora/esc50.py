"""ESC-50: the sounds that are mixed in for the noise conditions (paper, section III-D)."""

from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import ROW, column_of, read_csv, require_columns
from valence_gap.runtime.errors import UserError

# Major class = target // 10; animals (0) and exterior sounds (4) are never mixed in.
MAJOR_CLASSES = {1: "natural", 2: "human", 3: "interior"}


def clips(root: Path) -> Mapping[str, tuple[Path, ...]]:
    """Return the clips of the major classes that are mixed in.

    Args:
        root: folder with ``audio/`` and ``meta/esc50.csv``.

    Returns:
        Noise class (natural, human, interior) -> its audio files, sorted by name.

    Raises:
        UserError: if the table is missing or lacks columns, a row is malformed, a clip is missing, or a class has none;
            the error names all problems.
    """
    path = root / "meta" / "esc50.csv"
    if not path.is_file():
        raise UserError("The noise corpus is not where its path says.", [f"no {path}"], "Give ESC-50's root folder.")
    report = Report()
    table = read_csv(path, report)
    require_columns(path, table, ["filename", "target"])
    name = table[column_of(table, "filename")]
    target = pd.to_numeric(table[column_of(table, "target")], errors="coerce")
    problems = [f"malformed row {place}" for found in report.skipped.values() for place in found.examples]
    wrong = ~target.between(0, 49) | (name == "") | name.str.contains(r"[\\/]", regex=True)
    problems += [f"malformed row {path.name}:{row}" for row in table.loc[wrong, ROW]]
    noise_class = (target // 10).map(MAJOR_CLASSES)
    found = {
        major: tuple(root / "audio" / file for file in sorted(name[~wrong & (noise_class == major)].unique()))
        for major in MAJOR_CLASSES.values()
    }
    problems += [f"{path}: no clip of the class {major}" for major, files in found.items() if not files]
    problems += [f"no file {file}" for files in found.values() for file in files if not file.is_file()]
    if problems:
        raise UserError("The noise corpus is incomplete.", problems, "Download ESC-50 again.")
    return found
