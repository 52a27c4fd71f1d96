"""Tables of a prepared corpus, and predictions for it, as a database in audformat."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.definitions.values import DIMENSIONS, SPLITS
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder
from valence_gap.runtime.progress import log_line

REMEDY = "Install the optional package: pip install 'valence-gap[audformat]'"
GOLD = "gold_standard"


def export_audformat(
    name: str,
    corpus: Path,
    output: Path,
    *,
    predictions: Mapping[str, Path] | None = None,
    audio: Sequence[Path] = (),
    licence: str | None = None,
) -> None:
    """Write utterances, labels and predictions as a database.

    Tables: ``files`` (speaker, gender, transcription, duration), ``emotion.dimensions.{split}.gold_standard`` (labels
    in 0..1) for every split that has utterances, and ``emotion.dimensions.{split}.{model}.{condition}``. They are
    segmented tables if an utterance is a part of a file.

    Args:
        name: name of the database.
        corpus: folder of the prepared corpus, with ``utterances.{split}.parquet`` and ``labels.{split}.parquet``.
        output: the folder that is written; if writing fails, there is no folder.
        predictions: Parquet files of predictions for the corpus, by the name of their model.
        audio: the audio folders of the corpus; if given, the database contains links to the audio, and is complete.
        licence: licence of the corpus.

    Raises:
        UserError: audformat is not installed, tables are missing, or predictions are for other utterances.
    """
    try:
        import audformat
    except ImportError as error:
        raise UserError("a database in audformat cannot be written", ["audformat is not installed"], REMEDY) from error
    tables = _read(corpus)
    database = audformat.Database(name, usage="research", license=licence)
    utterances = pd.concat([part for part, _ in tables.values()], ignore_index=True)
    files = _names(utterances)
    _add_schemes(database, audformat, utterances)
    places = _places(utterances, files)
    _add(database, audformat, "files", places, _facts(utterances))
    by_id = places.set_index(pd.Index(utterances["id"]))
    for split, (_, labels) in tables.items():
        database.splits[split] = audformat.Split(split)
        annotated = labels[[each for each in DIMENSIONS if labels[each].notna().any()]]
        _add(database, audformat, f"emotion.dimensions.{split}.{GOLD}", by_id.loc[labels["id"]], annotated, split)
    for model, path in (predictions or {}).items():
        for table, split, rows in _predicted(model, path, tables):
            _add(database, audformat, table, by_id.loc[rows["id"]], rows[[*DIMENSIONS]], split)
    with atomic_folder(output) as scratch:
        database.save(str(scratch))
        _link(utterances, files, audio, scratch)
    log_line(f"{output}: {len(utterances)} utterances, {len(database.tables)} tables")


def _read(corpus: Path) -> dict[str, tuple[pd.DataFrame, pd.DataFrame]]:
    """Utterances and labels of every split that has utterances."""
    needed = [corpus / f"{kind}.{split}.parquet" for kind in ("utterances", "labels") for split in SPLITS]
    missing = [f"{path} is missing" for path in needed if not path.is_file()]
    if missing:
        raise UserError(
            "the folder does not contain a prepared corpus", missing, "Give results/<study>/corpora/<corpus>."
        )
    pairs = {
        split: (
            pd.read_parquet(corpus / f"utterances.{split}.parquet"),
            pd.read_parquet(corpus / f"labels.{split}.parquet"),
        )
        for split in SPLITS
    }
    return {split: pair for split, pair in pairs.items() if len(pair[0])}


def _names(utterances: pd.DataFrame) -> pd.Series:
    """Paths of the audio below the database; each audio folder after the first has a folder of its own."""
    roots = utterances["audio_root"]
    return utterances["file"].where(roots == 0, "audio-" + roots.astype("str") + "/" + utterances["file"])


def _places(utterances: pd.DataFrame, files: pd.Series) -> pd.DataFrame:
    """Return the file of each utterance, and its start and end if the corpus has segments."""
    places = pd.DataFrame({"file": files.to_numpy()})
    if "start_s" in utterances:
        places["start"] = pd.to_timedelta(utterances["start_s"].to_numpy(), unit="s")
        places["end"] = pd.to_timedelta(utterances["end_s"].to_numpy(), unit="s")
    return places


def _add_schemes(database: Any, audformat: Any, utterances: pd.DataFrame) -> None:
    for dimension in DIMENSIONS:  # without limits: labels and predictions may be outside 0..1
        database.schemes[dimension] = audformat.Scheme("float", description="0..1, lowest to highest of the scale")
    database.schemes["gender"] = audformat.Scheme("str", labels=["female", "male"])
    genders = utterances.dropna(subset=["speaker"]).groupby("speaker")["gender"].first()
    labels = {speaker: {} if pd.isna(gender) else {"gender": gender} for speaker, gender in genders.items()}
    database.schemes["speaker"] = audformat.Scheme("str", labels=labels) if labels else audformat.Scheme("str")
    database.schemes["transcription"] = audformat.Scheme("str")
    database.schemes["duration"] = audformat.Scheme("time")


def _facts(utterances: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "speaker": utterances["speaker"],
            "gender": utterances["gender"],
            "transcription": utterances["transcript"],
            "duration": pd.to_timedelta(utterances["duration_s"], unit="s"),
        }
    )


def _add(
    database: Any, audformat: Any, table: str, places: pd.DataFrame, columns: pd.DataFrame, split: str | None = None
) -> None:
    segmented = "start" in places
    index = audformat.segmented_index if segmented else audformat.filewise_index
    database[table] = audformat.Table(index(*(places[column].to_list() for column in places)), split_id=split)
    for column in columns:
        database[table][column] = audformat.Column(scheme_id=str(column))
        database[table][column].set(columns[column].to_numpy())


def _predicted(
    model: str, path: Path, tables: Mapping[str, tuple[pd.DataFrame, pd.DataFrame]]
) -> list[tuple[str, str, pd.DataFrame]]:
    """Name, split and rows of each table of predictions: one for each condition."""
    predictions = pd.read_parquet(path)
    found = []
    for condition, rows in predictions.groupby("condition", sort=False):
        fitting = [split for split, (utterances, _) in tables.items() if rows["id"].isin(utterances["id"]).all()]
        if not fitting:
            unknown_ids = rows.loc[~rows["id"].isin(pd.concat([each["id"] for each, _ in tables.values()])), "id"]
            raise UserError(
                "the predictions are not for one split of this corpus",
                [f"{path}: {condition}: {identifier}" for identifier in unknown_ids] or [f"{path}: {condition}"],
                "Give the predictions that were made for this corpus.",
            )
        found.append((f"emotion.dimensions.{fitting[0]}.{model}.{condition}", fitting[0], rows))
    return found


def _link(utterances: pd.DataFrame, files: pd.Series, audio: Sequence[Path], root: Path) -> None:
    if not audio:
        return
    absent = sorted({int(index) for index in utterances["audio_root"] if index >= len(audio)})
    if absent:
        raise UserError("audio folders are missing", [f"audio-{index} is not given" for index in absent])
    unique = dict(zip(files, zip(utterances["audio_root"], utterances["file"], strict=True), strict=True))
    for name, (folder, file) in unique.items():
        link = root / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to((audio[folder] / file).resolve())
