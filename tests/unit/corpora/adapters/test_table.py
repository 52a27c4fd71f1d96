"""The user's own table."""

import pandas as pd
import pytest
from corpus_trees import prepare, write, write_audio

from valence_gap.corpora.audio_files import find_audio, match
from valence_gap.corpora.report import Report
from valence_gap.definitions.registry import ADAPTERS
from valence_gap.runtime.errors import UserError

SCALE = {"arousal": (0.0, 10.0), "dominance": (0.0, 10.0), "valence": (-1.0, 1.0)}
TABLE = """file,split,speaker,gender,transcript,valence,dominance,arousal
wavs/a.wav,train,ann,f,"hello, you",0.5,1,2
wavs/b.wav,test,bob,M,,-1,10,0
./wavs/c.flac,validation,,,Unknown,1,0,10
"""


def tree(root, table=TABLE, name="table.csv"):
    write(root / name, table)
    for file in ("a.wav", "b.wav", "c.flac"):
        write_audio(root / "wavs" / file)
    return {"audio": [root], "labels": root / name}


SPLITS = {"train": "train", "dev": "dev", "test": "test"}


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_rows(tmp_path, suffix):
    paths = tree(tmp_path / "own")
    table = pd.read_csv(tmp_path / "own/table.csv")
    paths["labels"] = tmp_path / f"own/table.{suffix}"
    if suffix == "tsv":
        table.to_csv(paths["labels"], sep="\t", index=False)
    if suffix == "parquet":
        table.to_parquet(paths["labels"])
    read = prepare(tmp_path / "out", "table", paths, splits=SPLITS, scale=SCALE)
    row = read.row("train", "wavs/a.wav")
    assert row.pop("provenance").startswith(f"table.{suffix}:")
    assert row == {
        "id": "wavs/a.wav",
        "file": "wavs/a.wav",
        "audio_root": 0,
        "speaker": "ann",
        "gender": "female",
        "transcript": "hello, you",
        "duration_s": 0.5,
        "arousal": 0.2,
        "dominance": 0.1,
        "valence": 0.75,
    }
    assert read.row("test", "wavs/b.wav")["gender"] == "male"
    last = read.row("dev", "./wavs/c.flac")
    assert (last["file"], last["speaker"], last["gender"], last["transcript"]) == ("wavs/c.flac", None, None, "Unknown")


def test_own_column_names_and_one_dimension(tmp_path):
    paths = tree(tmp_path / "own", "Path,who,Mood,name\nwavs/a.wav,1,3,one\nwavs/b.wav,2,7,two\n")
    read = prepare(
        tmp_path / "out",
        "table",
        paths,
        splits={"test": "all"},
        dimensions=("valence",),
        scale={"valence": (1.0, 7.0)},
        columns={"file": "path", "speaker": "who", "valence": "Mood", "id": "name"},
    )
    assert read.ids("test") == ["one", "two"]
    assert read.row("test", "two")["valence"] == 1.0
    assert read.row("test", "two")["speaker"] == "2"
    assert read.row("test", "two")["arousal"] is None
    assert read.skipped() == {"audio without a row": 1}


def test_missing_columns_are_all_named(tmp_path):
    paths = tree(tmp_path / "own", "path,valence\nwavs/a.wav,1\n")
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "table", paths, splits=SPLITS, scale=SCALE, columns={"gender": "sex"})
    assert [line.partition("no column ")[2] for line in error.value.offenders] == [
        "file",
        "split",
        "arousal",
        "dominance",
        "sex (for gender)",
    ]
    assert "path, valence" in error.value.remedy


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ({"scale": {"valence": (0.0, 1.0)}}, "no arousal.*no dominance"),
        ({"scale": None}, "no arousal.*no dominance.*no valence"),
        ({"scale": {**SCALE, "valence": (1.0, 0.0)}}, r"scale: valence: \[1.0, 0.0\]"),
        ({"scale": SCALE, "columns": {"words": "text"}}, "columns: words.*valid: arousal"),
    ],
)
def test_definitions_with_missing_or_unknown_parts_are_refused(tmp_path, definition, message):
    with pytest.raises(UserError, match=f"(?s){message}"):
        prepare(tmp_path / "out", "table", tree(tmp_path / "own"), splits=SPLITS, **definition)


def test_a_table_contains_everything_itself(tmp_path):
    paths = tree(tmp_path / "own")
    paths |= {"transcripts": tmp_path, "speakers": tmp_path, "labels": tmp_path / "own"}
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "table", paths, splits=SPLITS, scale=SCALE)
    assert [line.partition(":")[0] for line in error.value.offenders] == ["labels", "transcripts", "speakers"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "empty"),
        ('file,split\na,"b\n', "left open"),
        ('file,split\na,"b\nc,d\ne,f\n', "left open"),
        ('file,split\n"a,b\nc,d\n', "left open"),
        ('file,split\na,"b\nc,d\n"x",e\n', "left open"),
        ('file,split\nlong,row,here\n"a,b\nc,d\n', "CSV"),
        ("file,split,split\na,b,c\n", "share a name"),
    ],
)
def test_unreadable_tables(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        prepare(tmp_path / "out", "table", tree(tmp_path / "own", content), splits=SPLITS, scale=SCALE)


def test_a_table_that_is_not_parquet(tmp_path):
    with pytest.raises(UserError, match="Parquet"):
        prepare(tmp_path / "out", "table", tree(tmp_path / "own", TABLE, "t.parquet"), splits=SPLITS, scale=SCALE)


def test_labels_outside_the_scale_are_all_named(tmp_path):
    table = TABLE.replace("0.5,1,2", "1.5,11,2").replace("-1,10,0", "-2,10,0")
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "table", tree(tmp_path / "own", table), splits=SPLITS, scale=SCALE)
    assert list(error.value.offenders) == [
        "table.csv:2 wavs/a.wav: dominance 11 is outside 0..10",
        "table.csv:2 wavs/a.wav: valence 1.5 is outside -1..1",
        "table.csv:3 wavs/b.wav: valence -2 is outside -1..1",
    ]


def test_infinite_labels_are_no_numbers(tmp_path):
    table = TABLE + "wavs/d.wav,train,ann,f,,inf,1,1\nwavs/e.wav,train,ann,f,,NaN,1,1\n"
    paths = tree(tmp_path / "own", table)
    write_audio(tmp_path / "own/wavs/d.wav")
    write_audio(tmp_path / "own/wavs/e.wav")
    read = prepare(tmp_path / "out", "table", paths, splits=SPLITS, scale=SCALE)
    assert read.skipped() == {"label that is no number": 1, "label missing": 1}


def test_one_audio_file_in_two_rows(tmp_path):
    paths = tree(tmp_path / "own", TABLE + "./wavs/a.wav,test,ann,f,,0.5,1,2\n")
    read = prepare(tmp_path / "out", "table", paths, splits=SPLITS, scale=SCALE)
    assert read.skipped() == {"duplicate audio file with other values": 1}
    assert read.ids("train") == ["wavs/a.wav"]


def test_two_files_of_one_id_stop_the_run(tmp_path):
    for file in ("d", "e", "f"):
        write_audio(tmp_path / f"own/wavs/{file}.wav")
    rows = ("1,a.wav", "2,b.wav", "1,c.flac", "3,d.wav", "3,e.wav", "4,f.wav", "4,f.wav")
    lines = [f"{row.replace(',', ',wavs/')},ann,0.5,1,{line}" for line, row in enumerate(rows)]
    paths = tree(tmp_path / "own", "\n".join(["id,file,speaker,valence,dominance,arousal", *lines, ""]))
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "table", paths, splits={"test": "all"}, scale=SCALE)
    assert list(error.value.offenders) == [
        "id 1 names 2 audio files: table.csv:2 wavs/a.wav, table.csv:4 wavs/c.flac",
        "id 3 names 2 audio files: table.csv:5 wavs/d.wav, table.csv:6 wavs/e.wav",
    ]
    assert error.value.remedy.startswith("Make each id unique, or leave the column of the ids out")
    kept = "\n".join(["id,file,speaker,valence,dominance,arousal", lines[0], *lines[-2:], ""])
    read = prepare(tmp_path / "out", "table", tree(tmp_path / "own", kept), splits={"test": "all"}, scale=SCALE)
    assert read.ids("test") == ["1", "4"]
    assert read.skipped()["duplicate id with other values"] == 1


@pytest.mark.parametrize(("lost", "stops"), [(1, False), (2, True)])
def test_an_incompletely_copied_corpus_is_refused(tmp_path, capsys, lost, stops):
    names = [f"{number:02}.wav" for number in range(39)]
    for name in names[lost:]:
        write_audio(tmp_path / name, seconds=0.1)
    rows = [f"{name},0.5,1,2" for name in names]
    paths = {"audio": [tmp_path], "labels": tmp_path / "table.csv"}
    write(paths["labels"], "\n".join(["file,valence,dominance,arousal", *rows, ""]))
    definition = {"splits": {"test": "all"}, "scale": SCALE}
    if stops:
        with pytest.raises(UserError) as error:
            prepare(tmp_path / "out", "table", paths, **definition, on_missing_audio="fail")
        assert list(error.value.offenders) == [
            "2 of 39 rows have no audio file (2 row without audio: table.csv:2 00.wav, table.csv:3 01.wav)"
        ]
        assert "on_missing_audio: skip" in error.value.remedy
        assert "skipped 2 (row without audio): table.csv:2 00.wav, table.csv:3 01.wav" in capsys.readouterr().err
        assert not list((tmp_path / "out").glob("*"))
    handled = "skip" if stops else "fail"
    read = prepare(tmp_path / "out", "table", paths, **definition, on_missing_audio=handled)
    assert read.skipped() == {"row without audio": lost}


def test_an_empty_split_says_why_with_rows_and_remedies(tmp_path):
    table = (
        TABLE.replace("wavs/b.wav", "wavs/bb").replace("-1,10,0", ",10,0") + "wavs/d,test,,,,low,1,1\nx,dev,,,,,1,1\n"
    )
    paths = tree(tmp_path / "own", table.replace("wavs/a.wav,train", "wavs/a.wav,test").replace("0.5,1,2", "low,1,2"))
    with pytest.raises(UserError) as error:
        prepare(tmp_path / "out", "table", paths, splits={"test": "test", "dev": "dev"}, scale=SCALE)
    assert list(error.value.offenders) == [
        "test: no usable utterance (2 row without audio: table.csv:3 wavs/bb (nearest file: wavs/b.wav), "
        "table.csv:5 wavs/d (nearest file: wavs/b.wav); 1 label that is no number: table.csv:2 wavs/a.wav)"
    ]
    first, second = error.value.remedy.splitlines()
    assert first.startswith("Compare the names in the label file with those of the audio files, extension included")
    assert second == "Write labels as numbers with a decimal point."


def names_found(root, table_folder, names, audio):
    files = find_audio([root / folder for folder in audio], by_name=False, ignored_dirs=(), report=Report())
    found = match(pd.Series(names, dtype="str"), files, by_name=False, folder=root / table_folder)
    return [
        problem if isinstance(problem, str) else f"{index}:{file}"
        for index, file, problem in zip(found["audio_root"], found["file"], found["problem"], strict=True)
    ]


def test_where_names_are_resolved(tmp_path):
    for file in ("one/a.wav", "one/sub/b.wav", "two/c.wav", "meta/d.wav", "secret.wav"):
        write_audio(tmp_path / file)
    leaves, none = "path that leaves the audio folder", "row without audio"
    audio = ["one", "two"]
    assert names_found(tmp_path, "meta", ["a.wav", "sub/b.wav", "c.wav"], audio) == [
        "0:a.wav",
        "0:sub/b.wav",
        "1:c.wav",
    ]
    assert names_found(tmp_path, "meta", ["../one/a.wav", "../secret.wav"], audio) == ["0:a.wav", leaves]
    assert names_found(tmp_path, ".", ["one/a.wav", "two/c.wav"], audio) == ["0:a.wav", "1:c.wav"]
    assert names_found(tmp_path, "meta", ["d.wav", "", "sub/../a.wav"], audio) == [none, none, leaves]
    assert names_found(tmp_path, "meta", ["d.wav", "one/a.wav"], ["."]) == ["0:meta/d.wav", "0:one/a.wav"]
    absolute = [str(tmp_path / "two/c.wav"), str(tmp_path / "secret.wav")]
    assert names_found(tmp_path, "meta", absolute, audio) == ["1:c.wav", leaves]


def test_linked_folders_are_entered_once(tmp_path):
    paths = tree(tmp_path / "own")
    (tmp_path / "own/wavs/loop").symlink_to(tmp_path / "own")
    (tmp_path / "own/wavs").rename(tmp_path / "elsewhere")
    (tmp_path / "own/wavs").symlink_to(tmp_path / "elsewhere")
    read = prepare(tmp_path / "out", "table", paths, splits=SPLITS, scale=SCALE)
    assert read.ids("test") == ["wavs/b.wav"]
    assert read.skipped() == {}


def test_an_adapter_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match=r"(?s)adapter: csv.*valid: audformat, cmu-mosi, iemocap, msp-podcast, table"):
        prepare(tmp_path / "out", "csv", tree(tmp_path / "own"), splits=SPLITS)
    assert ADAPTERS == ("audformat", "cmu-mosi", "iemocap", "msp-podcast", "table")


def test_reading_again_gives_the_same_bytes(tmp_path):
    for out in ("one", "two"):
        prepare(tmp_path / out, "table", tree(tmp_path / "own"), splits=SPLITS, scale=SCALE)
    one, two = ({file.name: file.read_bytes() for file in (tmp_path / out).glob("*.parquet")} for out in ("one", "two"))
    assert set(one) == {
        f"{kind}.{split}.parquet" for kind in ("labels", "provenance", "utterances") for split in SPLITS
    }
    assert one == two
