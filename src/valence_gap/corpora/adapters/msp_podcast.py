"""MSP-Podcast, any release from 1.0 on.

Releases differ in the name and folder of the label file, in the names of the splits, and in the files that contain
speakers and splits. The labels of an older release may be in another folder than the audio, and the audio may be in
several folders.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd

from valence_gap.corpora.cells import genders, known
from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import (
    FORK,
    ROW,
    column_of,
    files_named,
    find_file,
    find_optional,
    read_csv,
    read_lines,
    read_many,
    read_text,
    require_columns,
)
from valence_gap.corpora.utterances import ENTRY_COLUMNS, Adapter, empty_column
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.runtime.errors import UserError

SCALE = (1.0, 7.0)
LABEL_FILES = ("labels_consensus.csv", "labels_concensus.csv")
JSON_FILES = ("labels_consensus.json", "labels_concensus.json")
MARKS = ("unknown",)  # what the corpus writes for a missing speaker or gender
LABELS = {"arousal": "EmoAct", "valence": "EmoVal", "dominance": "EmoDom"}


def read(corpus: Corpus, paths: CorpusPaths, report: Report) -> pd.DataFrame:
    """Read the rows of the consensus labels, joined with partitions, speakers and transcripts from other files.

    Args:
        corpus: the definition; any release.
        paths: ``labels`` is the label file, its folder, or the folder above; ``speakers`` may be ``Speaker_ids.txt``.
            The release's JSON file of the same labels is read where there is no CSV file.
        report: counts malformed lines.

    Raises:
        UserError: if there is no label file, it lacks columns, or no file contains the splits.
    """
    path = _label_file(Path(paths.labels))
    table = _read_json(path, report) if path.suffix.lower() == ".json" else read_csv(path, report)
    require_columns(path, table, ["FileName", *LABELS.values()])
    # Never search beside the audio: with the labels of an older release, the partition there is of another release.
    nearby = [path.parent, path.parent.parent]
    name = table[column_of(table, "FileName")]
    entries = pd.DataFrame({"id": name.str.replace(r"\.wav$", "", case=False, regex=True), "name": name})
    entries["split"] = _splits(path, table, name, nearby, report)
    entries["speaker"], entries["gender"] = _speakers(table, name, paths.speakers, nearby, report)
    folder = paths.transcripts
    entries["transcript"] = _transcripts(entries["id"], Path(folder), report) if folder else empty_column(table.index)
    entries["provenance"] = path.name + ":" + table[ROW].astype("str")
    for dimension, column in LABELS.items():
        entries[dimension] = table[column_of(table, column)]
    return entries[[*ENTRY_COLUMNS]]


def _label_file(root: Path) -> Path:
    folders = ("labels", "label")
    if root.is_dir():
        below = [entry for entry in sorted(root.iterdir()) if entry.name.lower() in folders]
        found = find_optional([root, *below], JSON_FILES)
        if found is not None and find_optional([root, *below], LABEL_FILES) is None:
            return found
    return find_file(root, folders, LABEL_FILES, "the consensus labels of MSP-Podcast")


def _read_json(path: Path, report: Report) -> pd.DataFrame:
    """Read ``{"MSP-PODCAST_0001_0008.wav": {"EmoAct": 2.2, ...}, ...}`` as the rows of the CSV file."""
    try:
        found = json.loads(read_text(path, report))
    except ValueError as error:
        raise UserError(
            "The labels of MSP-Podcast are not JSON.", [f"{path}: {error}"], "Copy the file again."
        ) from None
    if not isinstance(found, dict) or not all(isinstance(cells, dict) for cells in found.values()):
        raise UserError(
            "The labels of MSP-Podcast are not in the release's format.",
            [f"{path}: no mapping from file names to labels"],
            "Give the release's labels_consensus.csv.",
        )
    rows = [{"FileName": name, **cells, ROW: number} for number, (name, cells) in enumerate(found.items(), start=1)]
    table = pd.DataFrame(rows, columns=None if rows else ["FileName", ROW])
    for column in table.columns.drop(ROW):
        table[column] = table[column].map(lambda cell: "" if cell is None else str(cell).strip()).astype("str")
    return table


def _splits(path: Path, table: pd.DataFrame, name: pd.Series, nearby: list[Path], report: Report) -> pd.Series:
    column = column_of(table, "Split_Set")
    splits = known(table[column], MARKS) if column else empty_column(table.index)
    partitions = find_optional(nearby, ["partitions.txt", "partition.txt"])
    if partitions is not None:
        # Lines are `Train; MSP-PODCAST_0001_0008.wav`.
        apart = _by_file(partitions, report)
        splits = splits.fillna(name.map(apart).astype("str"))
    elif column is None:
        places = [f"{path}: no column Split_Set", *(f"{folder}: no Partitions.txt" for folder in dict.fromkeys(nearby))]
        raise UserError(
            "No file contains the splits of MSP-Podcast.",
            places,
            "Put the release's Partitions.txt into one of these folders.",
        )
    return splits


def _speakers(
    table: pd.DataFrame, name: pd.Series, given: str | None, nearby: list[Path], report: Report
) -> tuple[pd.Series, pd.Series]:
    speaker_column, gender_column = column_of(table, "SpkrID"), column_of(table, "Gender")
    speakers = known(table[speaker_column], MARKS) if speaker_column else empty_column(table.index)
    gender = genders(table[gender_column], report, MARKS) if gender_column else empty_column(table.index)
    path = Path(given) if given else find_optional(nearby, ["speaker_ids.txt", "speaker_id.txt"])
    if path is not None:
        # Lines are `Speaker_1; Male`, then `MSP-PODCAST_0001_0008.wav; 1`.
        pairs = _mapping(path, _pairs(path, report), report)
        speakers = speakers.fillna(known(name.map(pairs), MARKS))
        speakers = speakers.str.replace(r"^speaker_", "", case=False, regex=True)
        gender = gender.fillna(genders(("Speaker_" + speakers).map(pairs), report, MARKS))
    return speakers, gender


def _by_file(path: Path, report: Report) -> dict[str, str]:
    return _mapping(path, ((number, file, split) for number, split, file in _pairs(path, report)), report)


def _mapping(path: Path, pairs: Iterable[tuple[int, str, str]], report: Report) -> dict[str, str]:
    """Return the pairs as a mapping; where lines contradict each other, the first one is used."""
    found: dict[str, str] = {}
    for number, key, value in pairs:
        if found.setdefault(key, value) != value:
            report.note(f"line of {path.name} that contradicts an earlier one", [f"{path.name}:{number}"])
    return found


def _pairs(path: Path, report: Report) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(read_lines(path, report), start=1):
        first, semicolon, second = (part.strip() for part in line.partition(";"))
        if first and semicolon and second:
            yield number, first, second
        elif line.strip():
            report.skip(f"malformed line of {path.name}", [f"{path.name}:{number}"])


def _transcripts(ids: pd.Series, folder: Path, report: Report) -> pd.Series:
    """Return the transcript of each id, null where there is none: only a part of the files has a transcript."""
    found = files_named(folder, "*.txt")
    files = {file.stem: file for file in found}
    repeated = sorted({file.name for file in found if files[file.stem] != file})
    report.note("transcript in several folders, the last one taken", repeated)
    forks = [name for name in files if name.startswith(".")]
    report.note(FORK, [files.pop(name).name for name in forks])
    report.note("transcript without a row", [files[name].name for name in sorted(set(files) - set(ids))])
    used = sorted(set(files) & set(ids))
    texts = read_many([files[name] for name in used], report, "transcripts")
    spoken = {name: " ".join(text.split()) for name, text in zip(used, texts, strict=True)}
    report.note("empty transcript, taken as none", [f"{name}.txt" for name, text in spoken.items() if not text])
    return ids.map({name: text for name, text in spoken.items() if text}).astype("str")


ADAPTER = Adapter(read=read, scales=dict.fromkeys(LABELS, SCALE))
