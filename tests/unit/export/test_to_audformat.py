"""Corpora in audformat, read and written."""

import sys

import numpy as np
import pandas as pd
import pytest
import yaml
from corpus_trees import prepare, write, write_audio

from valence_gap.cli import main
from valence_gap.export.to_audformat import export_audformat
from valence_gap.runtime.errors import UserError

SCALE = {"arousal": (1.0, 7.0), "dominance": (1.0, 7.0), "valence": (1.0, 7.0)}
SPLITS = {"train": "train", "test": "test-1"}
COLUMNS = {"table": "emotion.dimensions.{split}.gold_standard", "speaker": "files:speaker"}
FILES = ["Audios/a.wav", "Audios/b.wav", "Audios/c.wav"]


@pytest.fixture
def audformat():
    return pytest.importorskip("audformat")


def database(root, audformat, *, fmt="parquet", speakers=None):
    """Two tables by split, as audb has MSP-Podcast, and one of the files."""
    db = audformat.Database("tiny")
    for split in ("train", "test-1"):
        db.splits[split] = audformat.Split("other")
    for dimension, (low, high) in SCALE.items():
        db.schemes[dimension] = audformat.Scheme("float", minimum=low, maximum=high)
    labels = {1: {"gender": "female"}, 2: {"gender": "male"}} if speakers is None else speakers
    db.schemes["speaker"] = audformat.Scheme("int", labels=labels)
    db["files"] = audformat.Table(audformat.filewise_index(FILES[::-1]))
    add(db, audformat, "files", "speaker", [2, 1, 1])
    for split, files, first in (("train", FILES[:2], 1.0), ("test-1", FILES[2:], 7.0)):
        table = f"emotion.dimensions.{split}.gold_standard"
        db[table] = audformat.Table(audformat.filewise_index(files), split_id=split)
        for number, dimension in enumerate(("valence", "arousal", "dominance")):
            add(db, audformat, table, dimension, [first] * len(files) if number == 0 else [1.0 + number] * len(files))
    db.save(str(root), storage_format=fmt)
    for file in FILES:
        write_audio(root / file)
    return {"audio": [root], "labels": root}


def add(db, audformat, table, column, values):
    db[table][column] = audformat.Column(scheme_id=column)
    db[table][column].set(values)


@pytest.mark.parametrize("fmt", ["parquet", "csv"])
@pytest.mark.parametrize("given", ["folder", "header"])
def test_one_table_for_each_split(tmp_path, audformat, fmt, given):
    paths = database(tmp_path / "db", audformat, fmt=fmt)
    if given == "header":
        paths["labels"] = tmp_path / "db/db.yaml"
    read = prepare(tmp_path / "out", "audformat", paths, splits=SPLITS, scale=SCALE, columns=COLUMNS)
    assert read.ids("train") == FILES[:2]
    row = read.row("test", "Audios/c.wav")
    labels = {name: row.pop(name) for name in SCALE}
    assert labels == pytest.approx({"arousal": 1 / 6, "dominance": 2 / 6, "valence": 1.0})
    assert row == {
        "id": "Audios/c.wav",
        "file": "Audios/c.wav",
        "audio_root": 0,
        "speaker": "2",
        "gender": "male",
        "transcript": None,
        "duration_s": 0.5,
        "provenance": "emotion.dimensions.test-1.gold_standard:1",
    }
    assert read.row("train", "Audios/a.wav")["gender"] == "female"
    assert read.skipped() == {}


def test_one_table_with_a_column_for_the_split(tmp_path, audformat):
    db = audformat.Database("one")
    db.schemes["float"] = audformat.Scheme("float")
    db.schemes["str"] = audformat.Scheme("str")
    db["all"] = audformat.Table(audformat.filewise_index(FILES))
    for column, scheme, values in (
        ("mood", "float", [1, 4, 7]),
        ("part", "str", ["x", "y", "x"]),
        ("words", "str", ["one", "two", None]),
        ("sex", "str", ["female", None, "male"]),
    ):
        db["all"][column] = audformat.Column(scheme_id=scheme)
        db["all"][column].set(values)
    db.save(str(tmp_path / "db"))
    for file in FILES:
        write_audio(tmp_path / "db" / file)
    read = prepare(
        tmp_path / "out",
        "audformat",
        {"audio": [tmp_path / "db"], "labels": tmp_path / "db"},
        splits={"test": "x"},
        dimensions=("valence",),
        scale={"valence": (1.0, 7.0)},
        columns={"table": "all", "valence": "mood", "split": "part", "transcript": "words", "gender": "sex"},
    )
    assert read.ids("test") == [FILES[0], FILES[2]]
    first = read.row("test", FILES[0])
    assert (first["valence"], first["arousal"], first["transcript"]) == (0.0, None, "one")
    assert (first["speaker"], first["gender"]) == (None, "female")


def test_segments_are_utterances(tmp_path, audformat):
    db = audformat.Database("segments")
    db.schemes["valence"] = audformat.Scheme("float")
    starts, ends = ["0s", "0s", "0.1s"], [pd.NaT, "0.2s", pd.NaT]
    db["parts"] = audformat.Table(audformat.segmented_index(FILES, starts, ends))
    add(db, audformat, "parts", "valence", [1.0, 2.0, 3.0])
    db.save(str(tmp_path / "db"))
    for file in FILES:
        write_audio(tmp_path / "db" / file)
    read = prepare(
        tmp_path / "out",
        "audformat",
        {"audio": [tmp_path / "db"], "labels": tmp_path / "db"},
        splits={"test": "all"},
        dimensions=("valence",),
        scale={"valence": (1.0, 7.0)},
        columns={"table": "parts"},
    )
    assert read.ids("test") == [FILES[0], f"{FILES[1]}#0-0.2", f"{FILES[2]}#0.1-"]
    assert read.skipped() == {}
    table = read.utterances["test"]
    assert table["start_s"].tolist() == [0.0, 0.0, 0.1]
    assert table["end_s"].fillna(-1).tolist() == [-1, 0.2, -1]
    assert table["duration_s"].tolist() == pytest.approx([0.5, 0.2, 0.4])


SEGMENTS = {"splits": {"test": "all"}, "dimensions": ("valence",), "scale": {"valence": (1.0, 7.0)}}


def segmented(root, audformat, starts, ends, *, files=FILES, **columns):
    """A database with one segmented table, and columns by their scheme."""
    db = audformat.Database("segments")
    db["parts"] = audformat.Table(audformat.segmented_index(files, starts, ends))
    for scheme, (definition, values) in {"valence": (("float",), [1.0, 2.0, 3.0]), **columns}.items():
        db.schemes[scheme] = audformat.Scheme(*definition)
        add(db, audformat, "parts", scheme, values)
    return db


def test_segments_that_end_with_their_file_are_read(tmp_path, audformat):
    db = segmented(tmp_path / "db", audformat, ["0s"] * 3, ["0.5s", "0.5s", "0.499s"])
    db.save(str(tmp_path / "db"))
    for file in FILES:
        write_audio(tmp_path / "db" / file)
    paths = {"audio": [tmp_path / "db"], "labels": tmp_path / "db"}
    read = prepare(tmp_path / "out", "audformat", paths, **SEGMENTS, columns={"table": "parts"})
    assert read.ids("test") == [f"{FILES[0]}#0-0.5", f"{FILES[1]}#0-0.5", f"{FILES[2]}#0-0.499"]
    assert read.utterances["test"]["duration_s"].tolist() == pytest.approx([0.5, 0.5, 0.499])
    assert read.skipped() == {}


def test_a_segment_outside_its_file_is_an_error(tmp_path, audformat):
    db = segmented(tmp_path / "db", audformat, ["0s", "0s", "0.2s"], ["0.5s", "0.7s", "9s"])
    db.save(str(tmp_path / "db"))
    for file in FILES:
        write_audio(tmp_path / "db" / file)
    paths = {"audio": [tmp_path / "db"], "labels": tmp_path / "db"}
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "audformat", paths, **SEGMENTS, columns={"table": "parts"})
    assert [line.partition(":")[2].partition(" ")[0] for line in error.value.offenders] == ["2", "3"]


def test_columns_of_another_segmented_table_are_those_of_the_same_segment(tmp_path, audformat):
    """Two people in one file: the speaker of a segment is not that of the file's first segment."""
    files = [FILES[0], FILES[0], FILES[1]]
    db = segmented(tmp_path / "db", audformat, ["0s", "0.2s", "0s"], ["0.1s", "0.3s", pd.NaT], files=files)
    db.schemes["who"] = audformat.Scheme("str")
    db["people"] = audformat.Table(audformat.segmented_index(files[:2], ["0.2s", "0s"], ["0.3s", "0.1s"]))
    add(db, audformat, "people", "who", ["bob", "ann"])
    db["other"] = audformat.Table(audformat.segmented_index(files[:2], ["0s", "0.4s"], ["0.15s", "0.5s"]))
    add(db, audformat, "other", "who", ["ann", "bob"])
    db.save(str(tmp_path / "db"))
    for file in FILES:
        write_audio(tmp_path / "db" / file)
    paths = {"audio": [tmp_path / "db"], "labels": tmp_path / "db"}
    columns = {"table": "parts", "speaker": "people:who"}
    read = prepare(tmp_path / "out", "audformat", paths, **SEGMENTS, columns=columns)
    people = read.utterances["test"].set_index("id")["speaker"]
    assert [people[f"{FILES[0]}#{times}"] for times in ("0-0.1", "0.2-0.3")] == ["ann", "bob"]
    assert pd.isna(people[FILES[1]])
    columns = {"table": "parts", "speaker": "other:who"}
    read = prepare(tmp_path / "out2", "audformat", paths, **SEGMENTS, columns=columns)
    assert read.utterances["test"]["speaker"].isna().all()
    reason = "file for which rows of another table contradict each other, taken as unknown: other:who"
    assert read.noted()[reason] == 1


def misc_database(root, audformat, *, fmt, kind):
    """A database whose speakers are the labels of a misc table, as audb delivers MSP-Podcast."""
    people = [1, 2] if kind == "int" else ["ann", "bob"]
    db = audformat.Database("misc")
    db.schemes["sex"] = audformat.Scheme("str", labels=["female", "male"])
    db["speaker"] = audformat.MiscTable(pd.Index(people, name="speaker", dtype="Int64" if kind == "int" else "string"))
    db["speaker"]["gender"] = audformat.Column(scheme_id="sex")
    db["speaker"]["gender"].set(["female", "male"])
    db.schemes["speaker"] = audformat.Scheme(kind, labels="speaker")
    db.schemes["part"] = audformat.Scheme("str", labels=["train", "test"])
    db.schemes["valence"] = audformat.Scheme("float")
    db["files"] = audformat.Table(audformat.filewise_index(FILES))
    for column, values in (
        ("speaker", [people[0], people[1], people[0]]),
        ("part", ["train", "train", "test"]),
        ("valence", [1.0, 4.0, 7.0]),
    ):
        add(db, audformat, "files", column, values)
    db.save(str(root), storage_format=fmt)
    for file in FILES:
        write_audio(root / file)
    return {"audio": [root], "labels": root}


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
@pytest.mark.parametrize("kind", ["int", "str"])
@pytest.mark.parametrize("gender", [None, "speaker:gender"])
def test_speakers_whose_labels_are_a_misc_table(tmp_path, audformat, fmt, kind, gender):
    paths = misc_database(tmp_path / "db", audformat, fmt=fmt, kind=kind)
    columns = {"table": "files", "split": "part", "speaker": "speaker", **({"gender": gender} if gender else {})}
    definition = {**SEGMENTS, "splits": {"train": "train", "test": "test"}, "columns": columns}
    first = "1" if kind == "int" else "ann"
    with pytest.raises(UserError, match=f"speaker {first} is in more than one split"):
        prepare(tmp_path / "out", "audformat", paths, **definition)
    read = prepare(tmp_path / "out", "audformat", paths, **definition, speakers_disjoint=False)
    assert read.row("test", FILES[2])["speaker"] == first
    assert read.row("test", FILES[2])["gender"] == "female"
    assert read.row("train", FILES[1])["gender"] == "male"


def test_a_speaker_that_is_no_label_of_its_scheme_is_kept(tmp_path, audformat):
    paths = database(tmp_path / "db", audformat, fmt="csv")
    path = tmp_path / "db/db.files.csv"
    path.write_text(path.read_text().replace(",2", ",3"))
    read = prepare(tmp_path / "out", "audformat", paths, splits=SPLITS, scale=SCALE, columns=COLUMNS)
    assert read.row("test", "Audios/c.wav")["speaker"] == "3"
    assert read.row("test", "Audios/c.wav")["gender"] is None


@pytest.mark.parametrize("fmt", ["csv", "parquet"])
@pytest.mark.parametrize("pickle", ["stale", "no pickle"])
def test_the_table_beside_a_pickle_is_read_and_the_pickle_is_not_opened(tmp_path, audformat, monkeypatch, fmt, pickle):
    paths = database(tmp_path / "db", audformat, fmt=fmt)
    if pickle == "stale":
        audformat.Database.load(str(tmp_path / "db")).save(str(tmp_path / "db"), storage_format="pkl")
    before = {}
    for table in ("files", "emotion.dimensions.train.gold_standard", "emotion.dimensions.test-1.gold_standard"):
        path = tmp_path / f"db/db.{table}.pkl"
        if pickle == "no pickle":
            write(path, b"cos\nsystem\n(S'touch made'\ntR.")
        before[path] = path.read_bytes()
        path.chmod(0)
    (tmp_path / "db").chmod(0o500)
    monkeypatch.setattr(pd, "read_pickle", lambda *_, **__: pytest.fail("a pickle is opened"))
    try:
        read = prepare(tmp_path / "out", "audformat", paths, splits=SPLITS, scale=SCALE, columns=COLUMNS)
    finally:
        (tmp_path / "db").chmod(0o700)
    assert read.ids("train") == FILES[:2]
    assert read.row("test", "Audios/c.wav")["speaker"] == "2"
    for path, content in before.items():
        path.chmod(0o600)
        assert path.read_bytes() == content


def test_segments_are_exported_and_read_again(tmp_path, audformat):
    db = segmented(tmp_path / "db", audformat, ["0s", "0.1s", "0.2s"], ["0.5s", "0.3s", pd.NaT])
    db.save(str(tmp_path / "db"))
    for file in FILES:
        write_audio(tmp_path / "db" / file)
    paths = {"audio": [tmp_path / "db"], "labels": tmp_path / "db"}
    before = prepare(tmp_path / "corpus", "audformat", paths, **SEGMENTS, columns={"table": "parts"})
    export_audformat("ours", tmp_path / "corpus", tmp_path / "ours", audio=[tmp_path / "db"])
    after = prepare(
        tmp_path / "again",
        "audformat",
        {"audio": [tmp_path / "ours"], "labels": tmp_path / "ours"},
        **{**SEGMENTS, "scale": {"valence": (0.0, 1.0)}},
        columns={"table": "emotion.dimensions.test.gold_standard"},
    )
    pd.testing.assert_frame_equal(after.labels["test"], before.labels["test"])
    pd.testing.assert_frame_equal(after.utterances["test"], before.utterances["test"])


def test_everything_that_the_database_lacks_is_named(tmp_path, audformat):
    paths = database(tmp_path / "db", audformat)

    def refused(match, **definition):
        given = {"splits": SPLITS, "scale": SCALE, "columns": COLUMNS, **definition}
        with pytest.raises(UserError, match=match) as caught:
            prepare(tmp_path / "out", "audformat", paths, **given)
        return str(caught.value)

    message = refused("lacks", splits={"train": "learn", "test": "exam"})
    assert "emotion.dimensions.learn.gold_standard" in message
    assert "emotion.dimensions.exam.gold_standard" in message
    message = refused("lacks", columns={**COLUMNS, "arousal": "energy", "gender": "files:sex"})
    assert "energy (for arousal)" in message
    assert "files:sex (for gender)" in message
    assert "columns: no table" in refused("do not say", columns={"speaker": "files:speaker"})
    assert "columns: no split" in refused("do not say", columns={"table": "files"})
    assert "columns: mood" in refused("do not say", columns={**COLUMNS, "mood": "x"})


def test_no_code_in_a_database_is_run(tmp_path, audformat):
    paths = database(tmp_path / "db", audformat)
    definition = {"splits": SPLITS, "scale": SCALE, "columns": COLUMNS}
    (tmp_path / "db/db.files.parquet").unlink()
    write(tmp_path / "db/db.files.pkl", b"anything")
    with pytest.raises(UserError, match=r"(?s)as pickle only.*db\.files\.pkl.*storage_format='parquet'"):
        prepare(tmp_path / "out", "audformat", paths, **definition)
    write(tmp_path / "db/db.yaml", f"name: !!python/object/apply:os.mkdir [{tmp_path}/made]\n")
    with pytest.raises(UserError, match="not a database in audformat"):
        prepare(tmp_path / "out", "audformat", paths, **definition)
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("content", [None, "", "tables: 3\n", "name: x\n", "{"])
def test_a_broken_header_is_reported(tmp_path, audformat, content):
    paths = database(tmp_path / "db", audformat)
    (tmp_path / "db/db.yaml").unlink()
    if content is not None:
        write(tmp_path / "db/db.yaml", content)
    with pytest.raises(UserError, match="not a database in audformat"):
        prepare(tmp_path / "out", "audformat", paths, splits=SPLITS, scale=SCALE, columns=COLUMNS)


def test_a_missing_package_is_reported_with_its_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "audformat", None)
    write(tmp_path / "db/db.yaml", "name: x\n")
    for what in (
        lambda: prepare(
            tmp_path / "out",
            "audformat",
            {"audio": [tmp_path / "db"], "labels": tmp_path / "db"},
            splits=SPLITS,
            scale=SCALE,
            columns=COLUMNS,
        ),
        lambda: export_audformat("x", tmp_path, tmp_path / "out"),
    ):
        with pytest.raises(UserError, match=r"pip install 'valence-gap\[audformat\]'"):
            what()


def test_an_exported_database_can_be_read_again(tmp_path, audformat):
    paths = database(tmp_path / "db", audformat)
    before = prepare(tmp_path / "corpus", "audformat", paths, splits=SPLITS, scale=SCALE, columns=COLUMNS)
    rows = pd.DataFrame(
        {"id": [FILES[2]] * 2, "condition": ["clean", "natural"], "arousal": [0.1, 0.2], "dominance": 1.5, "valence": 0}
    ).astype({"arousal": "float32", "dominance": "float32", "valence": "float32"})
    rows.to_parquet(tmp_path / "p.parquet")
    command = ["export-audformat", "--name", "ours", "--corpus", str(tmp_path / "corpus"), "--audio"]
    command += [str(tmp_path / "db"), "--predictions", f"hubert-b={tmp_path}/p.parquet", "--licence", "CC0-1.0"]
    assert main([*command, "--output", str(tmp_path / "ours")]) == 0
    found = audformat.Database.load(str(tmp_path / "ours"))
    assert found.license == "CC0-1.0"
    predicted = found["emotion.dimensions.test.hubert-b.natural"].df
    assert predicted.index.tolist() == [FILES[2]]
    assert np.allclose(predicted, [[0.2, 1.5, 0.0]])
    assert set(yaml.safe_load((tmp_path / "ours/db.yaml").read_text())["splits"]) == {"train", "test"}
    after = prepare(
        tmp_path / "again",
        "audformat",
        {"audio": [tmp_path / "ours"], "labels": tmp_path / "ours"},
        splits={"train": "train", "test": "test"},
        scale=dict.fromkeys(SCALE, (0.0, 1.0)),
        columns=COLUMNS,
    )
    for split in ("train", "test"):
        pd.testing.assert_frame_equal(after.labels[split], before.labels[split])
        pd.testing.assert_frame_equal(after.utterances[split], before.utterances[split])


def test_predictions_of_other_utterances_are_refused(tmp_path, audformat):
    paths = database(tmp_path / "db", audformat)
    prepare(tmp_path / "corpus", "audformat", paths, splits=SPLITS, scale=SCALE, columns=COLUMNS)
    pd.DataFrame(
        {"id": ["z"], "condition": ["clean"], "arousal": [0.1], "dominance": [0.1], "valence": [0.1]}
    ).to_parquet(tmp_path / "p.parquet")
    with pytest.raises(UserError, match="not for one split") as caught:
        export_audformat("x", tmp_path / "corpus", tmp_path / "out", predictions={"m": tmp_path / "p.parquet"})
    assert caught.value.offenders == (f"{tmp_path}/p.parquet: clean: z",)
    assert not (tmp_path / "out").exists()
