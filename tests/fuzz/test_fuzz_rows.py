"""Tables and folders as they are found in the wild: each is read with the values that are meant, or refused.

An input is refused only where its format does not say what is meant; then the message must say why. Nothing may be
silently wrong. The judge is the generator's own table and the samples that it wrote, never "no error".
"""

import os
import tempfile
import unicodedata
from pathlib import Path

import audformat
import pandas as pd
from harness import fuzz_settings, judge
from hypothesis import given
from hypothesis import strategies as st
from meanings import GENDERS, audio_bytes, expected, mapping, read_back, table_text, utterances

from valence_gap.definitions.corpora import CorpusPaths

one_of = st.sampled_from


def judge_rows(kind, run, meaning, refusal):
    """Run one input: it must be read as it is meant, or refused where and as the generator says."""
    judge(
        kind,
        run,
        is_right=lambda found: refusal is None and found == meaning,
        may_be_refused=refusal is not None,
        because=refusal or "",
    )


def write_all(root, files):
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


# Kind 2: the rows of a table


def seconds(milliseconds, clock):
    if milliseconds is None:
        return ""
    return f"0:00:{milliseconds / 1000:06.3f}" if clock else milliseconds / 1000


def cells_of(one, style, draw_gender):
    cells = {
        "file": one.file,
        "split": one.split,
        "speaker": unicodedata.normalize("NFD", one.speaker) if style["decomposed"] else one.speaker,
        "gender": draw_gender(one.gender),
        "transcript": one.transcript,
        "valence": one.label,
    }
    return cells | (
        {} if style["whole"] else {"start": seconds(one.start, style["clock"]), "end": seconds(one.end, style["clock"])}
    )


table_styles = st.fixed_dictionaries(
    {
        "suffix": one_of(["csv", "csv", "csv", "tsv", "parquet"]),
        "separator": one_of([",", ";", "\t", "|"]),
        "named": one_of([False, False, True]),
        "comma": st.booleans(),
        "encoding": one_of(["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252"]),
        "end of line": one_of(["\n", "\r\n", "\r"]),
        "case": one_of(["exact", "upper", "title"]),
        "raw": st.booleans(),
        "order": st.randoms(use_true_random=False),
        "decomposed": st.booleans(),
        "clock": st.booleans(),
        "again": st.booleans(),
        "defect": one_of(
            [None, None, None, "two columns", "outside", "one time", "no label", "contradiction", "cells"]
        ),
    }
)


def damaged(rows, defect, style):
    """Return the rows with a defect, and a part of the message that must refuse them."""
    first = dict(rows[0])
    if defect == "two columns":
        return [{**row, "VaLence": 1.0, "VALENCe": 2.0} for row in without(rows, "valence")], "may be"
    if defect == "outside" and not style["whole"]:
        return [*rows, {**first, "start": 2.0, "end": 3.0}], "is outside the file"
    if defect == "one time" and not style["whole"]:
        return without(rows, "start"), "no column start"
    if defect == "no label":
        return [{**first, "valence": ""}, *rows[1:]], "label missing"
    if defect == "contradiction":
        return [
            *rows,
            {**first, "valence": 8 - first["valence"] if first["valence"] != 4 else 5.0},
        ], "with other values"
    return rows, None


def without(rows, *columns):
    return [{name: cell for name, cell in row.items() if name not in columns} for row in rows]


@fuzz_settings("rows")
@given(st.booleans().flatmap(lambda segments: utterances(segments=segments)), table_styles, st.data())
def test_rows_of_a_table(tmp_path_factory, meant, style, data):
    style = {**style, "whole": not any(one.is_segment for one in meant)}
    rows = [cells_of(one, style, lambda gender: data.draw(one_of(GENDERS[gender]))) for one in meant]
    rows, refusal = damaged(rows, style["defect"], style)
    if style["again"] and refusal is None:
        rows = [*rows, rows[-1]]
    if style["raw"] and refusal is None and style["case"] == "exact":
        rows = [{"Valence": 8 - row["valence"], **row} for row in rows]  # another column that differs in case
    columns = list(rows[0])
    style["order"].shuffle(columns)
    spell = {"exact": str, "upper": str.upper, "title": str.title}[
        style["case"] if "VaLence" not in rows[0] else "exact"
    ]
    rows = [{spell(name): row[name] for name in columns} for row in rows]
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
        root = Path(folder)
        write_all(root / "audio", {one.file: audio_bytes(one.file) for one in meant})
        path = root / f"table.{style['suffix']}"
        if style["suffix"] == "parquet":
            pd.DataFrame(rows).astype("str").to_parquet(path)
        else:
            separator = style["separator"]
            text = table_text(rows, separator, comma=style["comma"])
            if style["defect"] == "cells" and separator == "," and style["comma"] and refusal is None:
                text, refusal = text.replace('"', ""), "cannot be used"
                if not any(len(line.split(",")) > len(columns) for line in text.splitlines()[1:]):
                    return
            if style["named"]:
                text = f"sep={separator}\n{text}"
            encoding = style["encoding"] if style["encoding"] != "cp1252" or encodable(text) else "utf-8"
            path.write_bytes(text.replace("\n", style["end of line"]).encode(encoding))
        paths = CorpusPaths(audio=(str(root / "audio"),), labels=str(path))
        judge_rows("rows of a table", lambda: read_back(mapping(), paths, root / "out"), expected(meant), refusal)


def encodable(text):
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


# Kind 4: audformat


audformat_styles = st.fixed_dictionaries(
    {
        "format": one_of(["csv", "parquet"]),
        "pickle": one_of(["none", "none", "beside", "junk", "only"]),
        "speaker": one_of(["misc", "mapping", "list", "plain"]),
        "place": one_of(["same", "other"]),
        "split": one_of(["column", "tables"]),
        "end": one_of(["as it is", "duration"]),
        "outside": one_of([False, False, False, False, True]),
    }
)


def database(meant, style, root):
    """Write the database and return its `columns`."""
    db = audformat.Database("own")
    speakers = sorted({one.speaker for one in meant if one.speaker})
    gender_of = {one.speaker: one.gender or None for one in meant if one.speaker}
    if style["speaker"] == "misc" and speakers:
        db["people"] = audformat.MiscTable(pd.Index(speakers, name="speaker", dtype="string"))
        db["people"]["gender"] = audformat.Column()
        db["people"]["gender"].set([gender_of[speaker] for speaker in speakers])
    labels = {"misc": "people", "mapping": {name: {} for name in speakers}, "list": speakers, "plain": None}[
        style["speaker"]
    ]
    db.schemes["speaker"] = audformat.Scheme("str", labels=labels if speakers else None)
    for name, kind in (("valence", "float"), ("gender", "str"), ("transcript", "str"), ("split", "str")):
        db.schemes[name] = audformat.Scheme(kind)
    by_table = {"emotion": meant}
    if style["split"] == "tables":
        by_table = {
            f"emotion.{split}": [one for one in meant if one.split == split] for split in ("train", "dev", "test")
        }
    for table, rows in by_table.items():
        add_table(db, table, rows, ["valence", *(["split"] if style["split"] == "column" else [])])
        if style["place"] == "same":
            fill(db, table, rows, ["speaker", "gender", "transcript"])
    other = ""
    if style["place"] == "other":
        other = "files:"
        add_table(db, "files", meant[::-1], ["speaker", "gender", "transcript"])
    write_database(db, style, root)
    columns = {"table": "emotion.{split}" if style["split"] == "tables" else "emotion"}
    columns |= {"split": "split"} if style["split"] == "column" else {}
    return columns | {name: f"{other}{name}" for name in ("speaker", "gender", "transcript")}


def add_table(db, table, rows, columns):
    if any(one.is_segment for one in rows):
        starts = [pd.Timedelta(one.start or 0, unit="ms") for one in rows]
        ends = [pd.NaT if one.end is None else pd.Timedelta(one.end, unit="ms") for one in rows]
        index = audformat.segmented_index([one.file for one in rows], starts, ends)
    else:
        index = audformat.filewise_index([one.file for one in rows])
    db[table] = audformat.Table(index)
    fill(db, table, rows, columns)


def fill(db, table, rows, columns):
    for column in columns:
        db[table][column] = audformat.Column(scheme_id=column)
        values = [getattr(one, {"valence": "label"}.get(column, column)) for one in rows]
        db[table][column].set([None if value == "" else value for value in values])


def write_database(db, style, root):
    db.save(str(root), storage_format=style["format"])
    tables = sorted(root.glob(f"db.*.{style['format']}"))
    if style["pickle"] in ("beside", "only"):
        db.save(str(root), storage_format="pkl")
    if style["pickle"] == "junk":
        for path in tables:
            path.with_suffix(".pkl").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    if style["pickle"] == "only":
        for path in tables:
            path.unlink()


@fuzz_settings("audformat rows")
@given(st.booleans().flatmap(lambda segments: utterances(segments=segments)), audformat_styles)
def test_rows_of_audformat(tmp_path_factory, meant, style):
    if style["end"] == "duration" and any(one.is_segment for one in meant):
        meant = [one if one.end is not None else one.__class__(**{**vars(one), "end": 1000}) for one in meant]
    written, refusal = meant, None
    if style["outside"] and any(one.is_segment for one in meant):
        written = [*meant, one_outside(meant[0])]
        refusal = "is outside the file"
    if style["pickle"] == "only":
        refusal = "exists as pickle only"
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
        root = Path(folder)
        columns = database(written, style, root / "db")
        write_all(root / "db", {one.file: audio_bytes(one.file) for one in meant})
        paths = CorpusPaths(audio=(str(root / "db"),), labels=str(root / "db"))
        corpus = mapping("audformat", columns=columns)
        judge_rows("rows of audformat", lambda: read_back(corpus, paths, root / "out"), expected(meant), refusal)


def one_outside(one):
    return one.__class__(**{**vars(one), "start": 2000, "end": 3000})


# Kind 5: names of files


def flac(file):
    return f"{file.removesuffix('.wav')}.flac", audio_bytes(file, "FLAC")


ON_DISK = {
    "exact": lambda file: (file, audio_bytes(file)),
    "decomposed": lambda file: (unicodedata.normalize("NFD", file), audio_bytes(file)),
    "upper": lambda file: (f"{file.removesuffix('.wav')}.WAV", audio_bytes(file)),
    "flac": flac,
    "aiff": lambda file: (f"{file.removesuffix('.wav')}.aiff", audio_bytes(file, "AIFF")),
    "case": lambda file: (file.title(), audio_bytes(file)),
}
IN_ROW = {
    "exact": str,
    "decomposed": lambda file: unicodedata.normalize("NFD", file),
    "dot": lambda file: f"./{file}",
    "backslash": lambda file: file.replace("/", "\\"),
    "stem": lambda file: file.removesuffix(".wav"),
    "other computer": lambda file: f"/home/ann/my data/{file}",
    "windows": lambda file: f"D:\\corpus\\{file}".replace("/", "\\"),
}


@fuzz_settings("names")
@given(utterances(segments=False), st.data())
def test_names_of_files(tmp_path_factory, meant, data):
    files = {}
    defect = data.draw(one_of([None, None, "m4a", "two copies", "missing", "latin-1"]))
    victim, refusal = meant[0].file, None
    for one in meant:
        name, content = ON_DISK[data.draw(one_of(list(ON_DISK)))](one.file)
        if one.file == victim and defect == "m4a":
            name, content, refusal = f"{one.file.removesuffix('.wav')}.m4a", b"\0\0\0\x20ftypM4A ", "there is"
        if one.file == victim and defect == "two copies":
            files[f"{one.file.removesuffix('.wav')}.aiff"] = audio_bytes(one.file, "AIFF")
            (name, content), refusal = flac(one.file), "nearest file: "
        if one.file == victim and defect == "missing":
            name, refusal = f"{one.file.removesuffix('.wav')}_.wav", "row without audio"
        if one.file == victim and defect == "latin-1" and not one.file.isascii():
            name, refusal = os.fsdecode(one.file.encode("latin-1")), "not UTF-8"
        files[name] = content
    # A path of another computer begins with the same folder in all rows.
    shared = data.draw(one_of([None, None, "other computer", "windows"]))
    own = [name for name in IN_ROW if name not in ("other computer", "windows")]
    if defect in ("two copies", "latin-1"):
        shared = None
    spelling = {one.file: shared or data.draw(one_of(own)) for one in meant}
    if refusal == "nearest file: " or refusal == "not UTF-8":
        spelling[victim] = "exact"
    rows = [
        {"file": IN_ROW[spelling[one.file]](one.file), "split": one.split, "speaker": one.speaker}
        | {"gender": one.gender, "transcript": one.transcript, "valence": one.label}
        for one in meant
    ]
    if shared and refusal == "row without audio":
        refusal = "path that leaves the audio folder"
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as folder:
        root = Path(folder)
        write_all(root / "audio", files)
        (root / "table.csv").write_text(table_text(rows), encoding="utf-8")
        paths = CorpusPaths(audio=(str(root / "audio"),), labels=str(root / "table.csv"))
        judge_rows("names of files", lambda: read_back(mapping(), paths, root / "out"), expected(meant), refusal)
