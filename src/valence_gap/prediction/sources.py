"""The audio that a user wants to have scored: files, folders, a list of files, or segments of files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from valence_gap.audio.decoding import Decoded, decode
from valence_gap.audio.segments import decode_segment
from valence_gap.corpora.inventory import files_below, is_audio
from valence_gap.corpora.report import Report
from valence_gap.corpora.segments import END, START, with_times
from valence_gap.corpora.text_files import ROW, candidates, read_csv, require_columns
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.paths import shown_name, user_path
from valence_gap.runtime.progress import log_line

# Audio that libsndfile does not read: it is reported, with what to do, not skipped as other files of a folder are.
FOREIGN_SUFFIXES = frozenset({".m4a", ".m4b", ".aac", ".webm", ".wma", ".amr", ".3gp", ".mka", ".ape", ".wv"})
COLUMNS = ("file", START, END)


@dataclass(frozen=True)
class Source:
    """A file, or a segment of one.

    Attributes:
        path: the file.
        start_s: start of the segment in seconds.
        end_s: its end; None: the end of the file.
    """

    path: Path
    start_s: float = 0.0
    end_s: float | None = None

    @property
    def name(self) -> str:
        """The file as in the output."""
        return shown_name(self.path)

    @property
    def place(self) -> str:
        """The file, and what of it, for messages."""
        if not self._is_part:
            return self.name
        return f"{self.name}, {self.start_s:g} to {'the end' if self.end_s is None else f'{self.end_s:g} s'}"

    def decode(self) -> Decoded:
        """Decode the file, or the segment as a corpus of segments has it.

        Raises:
            AudioError: it cannot be used.
        """
        return decode_segment(self.path, self.start_s, self.end_s) if self._is_part else decode(self.path)

    @property
    def _is_part(self) -> bool:
        return bool(self.start_s) or self.end_s is not None


def find_files(audio: Sequence[Path]) -> tuple[list[Source], list[str]]:
    """List the given files and the audio files in the given folders, each file once.

    Returns:
        The files, and one line for each folder without audio files.

    Raises:
        UserError: there is no file.
    """
    found: list[Path] = []
    empty = []
    for path in audio:
        if not path.is_dir():
            found.append(path)
            continue
        below = sorted(file for file in files_below(path) if not file.rpartition("/")[2].startswith("."))
        kept = [path / file for file in below if is_audio(file) or Path(file).suffix.lower() in FOREIGN_SUFFIXES]
        if len(kept) < len(below):
            log_line(f"{path}: {len(below) - len(kept)} files without the extension of an audio file are skipped")
        if not kept:
            empty.append(f"{shown_name(path)}: no audio file in this folder")
        found += kept
    if not found:
        raise UserError("there is no audio to score", empty, "Give audio files, or folders that contain audio files.")
    once: dict[Path, Path] = {}
    for path in found:
        once.setdefault(path.resolve(), path)
    return [Source(path) for path in once.values()], empty


def read_list(path: Path) -> list[Path]:
    """Read a list of files and folders, one a line; blank lines are left out.

    A relative path is taken from the working folder, as on the command line. Bytes that are not UTF-8 are kept: a name
    of a file can contain any.

    Raises:
        UserError: the list cannot be read, or names nothing.
    """
    _require_file(path, "list")
    lines = path.read_bytes().decode("utf-8", "surrogateescape").removeprefix("\ufeff").splitlines()
    found = [user_path(line.strip()) for line in lines if line.strip()]
    if not found:
        raise UserError("the list names no file", [shown_name(path)], "Write one file or folder on each line.")
    return found


def read_segments(path: Path) -> list[Source]:
    """Read a table of segments, with the columns file, start and end.

    Times are in seconds or as ``h:mm:ss``; an empty end is the end of the file, an empty start its start. A relative
    path is taken from the working folder. Separators and encodings are read as in the table of a corpus.

    Raises:
        UserError: the table cannot be read or lacks columns, or rows are not segments; all of them are listed.
    """
    _require_file(path, "table of segments")
    table = read_csv(path, report := Report())
    require_columns(path, table, COLUMNS)
    entries = table.rename(columns={candidates(table, name)[0]: name for name in COLUMNS})
    place = f"{path.name}:" + table[ROW].astype("str")
    timed, problems = with_times(
        entries[[START, END]].assign(name=entries["file"], id=entries["file"], provenance=place)
    )
    problems += [f"{row}: no file is named" for row in place[entries["file"] == ""]]
    problems += [found.summary(reason) for reason, found in report.skipped.items()]
    if not (len(table) or problems):
        problems = ["it has no row"]
    if problems:
        raise UserError(f"{path} is not a table of segments", problems, "Correct this; no segment is scored.")
    times = zip(timed["name"], timed["start_s"], timed["end_s"], strict=True)
    return [Source(user_path(name), float(start), None if np.isnan(end) else float(end)) for name, start, end in times]


def _require_file(path: Path, what: str) -> None:
    if not path.is_file():
        raise UserError(f"there is no {what}", [shown_name(path)], "Correct its path.")
