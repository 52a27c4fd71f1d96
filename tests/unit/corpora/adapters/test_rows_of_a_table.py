"""Rows of the user's own table that can be read in more than one way."""

import pandas as pd
import pytest
from corpus_trees import PreparedCorpus, prepare, write, write_audio

from valence_gap.corpora.adapters import table as adapter
from valence_gap.corpora.numbers import numbers
from valence_gap.corpora.report import Report
from valence_gap.corpora.text_files import decode, read_csv
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.runtime.errors import UserError

SCALE = {"valence": (1.0, 7.0)}
SPLITS = {"train": "train", "dev": "dev", "test": "test"}
ONE = {"splits": {"test": "all"}, "dimensions": ("valence",), "scale": SCALE, "on_lost_rows": "fail"}


def rows(tmp_path, text, *, name="table.csv", files=40, **definition) -> PreparedCorpus:
    """Prepare a table beside the files 0.wav, 1.wav, ..."""
    for number in range(files):
        write_audio(tmp_path / f"audio/{number}.wav", seconds=0.05)
    paths = {"audio": [tmp_path / "audio"], "labels": write(tmp_path / name, text)}
    return prepare(tmp_path / "out", "table", paths, **{**ONE, **definition})


def labels(read: PreparedCorpus) -> dict[str, float]:
    """Labels on their own scale, by id."""
    table = read.labels["test"]
    return dict(zip(table["id"], (1 + 6 * table["valence"]).round(6), strict=True))


def lines(values, head="file,valence", **cells) -> str:
    return "\n".join([head, *(f"{number}.wav,{value}" for number, value in enumerate(values)), ""])


# Columns


@pytest.mark.parametrize("columns", [None, {"valence": "valence"}])
@pytest.mark.parametrize("head", ["file,Valence,valence", "file,VALENCE,valence"])
def test_an_exact_column_name_wins(tmp_path, head, columns):
    assert labels(rows(tmp_path, f"{head}\n0.wav,1,7\n1.wav,2,6\n", columns=columns)) == {"0.wav": 7, "1.wav": 6}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_two_columns_that_may_be_meant_are_both_named(tmp_path, suffix):
    text = "file,Valence,VALENCE,Speaker,SPEAKER\n0.wav,1,7,a,b\n"
    if suffix == "parquet":
        pd.read_csv(write(tmp_path / "table.csv", text)).to_parquet(tmp_path / "table.parquet")
        text = (tmp_path / "table.parquet").read_bytes()
    with pytest.raises(UserError) as error:
        rows(tmp_path, text, name=f"table.{suffix}")
    assert [line.partition(": ")[2] for line in error.value.offenders] == [
        "speaker may be Speaker or SPEAKER",
        "valence may be Valence or VALENCE",
    ]
    named = rows(tmp_path, text, name=f"table.{suffix}", columns={"valence": "VALENCE", "speaker": "Speaker"})
    assert labels(named) == {"0.wav": 7}
    assert named.row("test", "0.wav")["speaker"] == "a"


def test_columns_of_a_fixed_format_may_not_differ_in_case_only(tmp_path):
    text = "FileName,EmoAct,emoact,EmoVal,EmoDom,SpkrID,Gender,Split_Set\na.wav,1,2,3,4,5,Male,Test1\n"
    paths = {"audio": [tmp_path], "labels": write(tmp_path / "labels_consensus.csv", text)}
    write_audio(tmp_path / "a.wav")
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits={"test": "test-1"})
    assert read.row("test", "a")["arousal"] == 0.0
    write(tmp_path / "labels_consensus.csv", text.replace("EmoAct", "EMOACT"))
    with pytest.raises(UserError, match="EmoAct may be EMOACT or emoact"):
        prepare(tmp_path / "out", "msp-podcast", paths, splits={"test": "test-1"})


# Missing values


@pytest.mark.parametrize("name", ["NA", "None", "null", "N/A", "unknown", "-"])
def test_a_speaker_may_be_called_so_and_is_seen_in_two_splits(tmp_path, name):
    text = f"file,split,speaker,valence\n0.wav,train,{name},1\n1.wav,dev,b,2\n2.wav,test,{name},3\n"
    with pytest.raises(UserError, match=f"speaker {name} is in more than one split"):
        rows(tmp_path, text, splits=SPLITS)
    read = rows(tmp_path, text, splits=SPLITS, speakers_disjoint=False)
    assert read.row("test", "2.wav")["speaker"] == name
    assert read.noted()["speaker whose name other programs write for a missing one, read as a name"] == 2


@pytest.mark.parametrize("cell", ["", "nan", "NaN", " "])
def test_a_missing_speaker_gender_or_id(tmp_path, cell):
    read = rows(tmp_path, f"file,id,speaker,gender,valence\n0.wav,{cell},{cell},{cell},1\n")
    row = read.row("test", "0.wav")
    assert (row["speaker"], row["gender"]) == (None, None)


@pytest.mark.parametrize("words", ["None", "null", "NA", "unknown", "nan", "n/a"])
def test_every_transcript_except_an_empty_one_is_words(tmp_path, words):
    read = rows(tmp_path, f"file,transcript,valence\n0.wav,{words},1\n1.wav,,2\n")
    assert read.row("test", "0.wav")["transcript"] == words
    assert read.row("test", "1.wav")["transcript"] is None


def test_msp_podcasts_own_mark_is_no_speaker(tmp_path):
    head = "FileName,EmoAct,EmoVal,EmoDom,SpkrID,Gender,Split_Set\n"
    text = head + "a.wav,1,2,3,Unknown,Unknown,Train\nb.wav,1,2,3,Unknown,Unknown,Test1\n"
    paths = {"audio": [tmp_path], "labels": write(tmp_path / "labels_consensus.csv", text)}
    for name in ("a.wav", "b.wav"):
        write_audio(tmp_path / name)
    read = prepare(tmp_path / "out", "msp-podcast", paths, splits={"train": "train", "test": "test-1"})
    assert [read.row("test", "b")[key] for key in ("speaker", "gender")] == [None, None]
    assert "gender not understood, taken as unknown" not in read.noted()


def test_speakers_that_look_the_same_are_the_same(tmp_path):
    text = "file,split,speaker,valence\n0.wav,train,Zo\u00e9,1\n1.wav,dev,b,2\n2.wav,test,Zoe\u0301,3\n"
    with pytest.raises(UserError, match="speaker Zo\u00e9 is in more than one split"):
        rows(tmp_path, text, splits=SPLITS)


def test_genders_that_are_not_understood_are_shown(tmp_path, capsys):
    read = rows(tmp_path, "file,gender,valence\n0.wav,w,1\n1.wav,x,2\n2.wav,männlich,3\n")
    assert [read.row("test", f"{n}.wav")["gender"] for n in range(3)] == ["female", None, "male"]
    assert "note: 1 gender not understood, taken as unknown: x" in capsys.readouterr().err


# Numbers and separators


def test_decimal_commas_are_read_beside_decimal_points(tmp_path, capsys):
    values = ['"2,5"' if number % 2 else "3.5" for number in range(30)]
    read = rows(tmp_path, lines(values))
    assert set(labels(read).values()) == {2.5, 3.5}
    assert read.noted()["label with a decimal comma, read as a decimal point"] == 15
    assert "note: 15 label with a decimal comma" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cell", "scale", "value"),
    [
        ("2,5", (1, 7), 2.5),
        ("1,234", (1, 7), 1.234),  # 1234 is outside the scale
        ("1,234", (0, 5000), None),  # either
        ("-0,5", (-3, 3), -0.5),
        ("\u22120.5", (-3, 3), -0.5),
        (",5", (0, 1), 0.5),
        ("1,2,3", (1, 7), None),
        ("1.234,5", (1, 7), None),
        ("2.5", (1, 7), 2.5),
        ("0,123", (0, 5000), 0.123),  # no thousands begin with 0
        ("much", (1, 7), None),
    ],
)
def test_numbers(cell, scale, value):
    found = numbers(pd.Series([cell, "1"]), scale)
    assert (None if pd.isna(found.values[0]) else found.values[0]) == value
    assert found.values[1] == 1.0
    assert found.unclear[0] == (cell == "1,234" and value is None)


@pytest.mark.parametrize(("name", "separator"), [("t.csv", ";"), ("t.csv", "\t"), ("t.csv", "|"), ("t.tsv", ";")])
@pytest.mark.parametrize("first", ["", "sep={}\n"])
def test_separators_are_recognised(tmp_path, name, separator, first):
    head = f"file{separator}transcript{separator}valence"
    cells = [f'{n}.wav{separator}"a, b{separator} c"{separator}{2 + n % 3},5' for n in range(20)]
    read = rows(tmp_path, first.format(separator) + "\n".join([head, *cells, ""]), name=name)
    assert labels(read) == {f"{n}.wav": 2.5 + n % 3 for n in range(20)}
    row = read.row("test", "3.wav")
    assert row["transcript"] == f"a, b{separator} c"
    assert row["provenance"] == f"{name}:{5 + bool(first)}"


def test_semicolons_in_a_table_of_commas_are_text(tmp_path):
    read = rows(tmp_path, 'file,transcript,"valence"\n0.wav,a; b; c,2\n1.wav,d; e; f,3\n')
    assert read.row("test", "0.wav")["transcript"] == "a; b; c"


def test_commas_in_a_headed_table_of_semicolons_are_text(tmp_path):
    text = "file;mean, of all;valence\n0.wav;1,5;2\n1.wav;2,5;3\n"
    assert labels(rows(tmp_path, text)) == {"0.wav": 2, "1.wav": 3}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"])
def test_encodings(encoding):
    text = "Zoé" if encoding == "latin-1" else "Zoé \u2019 \u2013 \u20ac"
    assert decode(f"{text}\r\n".encode(encoding))[0] == f"{text}\n"


def test_a_utf_16_table_without_its_mark_is_refused_with_what_to_do(tmp_path):
    path = write(tmp_path / "t.csv", "file,valence\n0.wav,1\n".encode("utf-16-le"))
    with pytest.raises(UserError, match="UTF-8"):
        read_csv(path, Report())


# Rows that are lost


def test_decimal_commas_without_quotation_marks_stop(tmp_path):
    values = ["2,5" if number % 2 else "3" for number in range(30)]
    with pytest.raises(UserError) as error:
        rows(tmp_path, lines(values))
    assert error.value.offenders[0].startswith("15 of 30 rows cannot be used (15 malformed row: table.csv:3")
    assert "in quotation marks" in error.value.remedy


@pytest.mark.parametrize("cell", ["", "nan", "low", "1-2"])
@pytest.mark.parametrize("lost", [1, 2])
def test_labels_that_cannot_be_used_stop_from_a_twentieth_of_the_rows_on(tmp_path, capsys, cell, lost):
    text = lines([cell] * lost + [3] * (39 - lost))
    if lost == 2:
        with pytest.raises(UserError) as error:
            rows(tmp_path, text)
        assert error.value.offenders[0].startswith("2 of 39 rows cannot be used (2 label ")
        assert "on_lost_rows: skip" in error.value.remedy
    read = rows(tmp_path, text, on_lost_rows="fail" if lost == 1 else "skip")
    assert len(labels(read)) == 39 - lost
    assert f"note: own: left out: {lost} label" in capsys.readouterr().err.replace("table:", "own:")


def test_reasons_add_up_and_rows_of_other_splits_do_not_count(tmp_path):
    table = "\n".join(
        ["file,split,valence", *(f"{n}.wav,test,{'' if n == 0 else 3}" for n in range(39)), "no.wav,test,3", ""]
    )
    with pytest.raises(UserError, match=r"2 of 40 rows cannot be used \(1 row without audio: .*; 1 label missing"):
        rows(tmp_path, table, splits={"test": "test"}, on_missing_audio="fail")
    assert len(labels(rows(tmp_path, table, splits={"test": "test"}))) == 38  # the file may be missing
    hidden = table.replace("no.wav,test,3", "".join(f"x{n}.wav,hidden,\n" for n in range(9)))
    assert len(labels(rows(tmp_path, hidden, splits={"test": "test"}, on_missing_audio="fail"))) == 38


def test_an_equal_row_is_no_loss_and_a_contradicting_one_is_an_error(tmp_path):
    assert labels(rows(tmp_path, lines([1, 2]) + lines([1, 2], head=""))) == {"0.wav": 1, "1.wav": 2}
    for again in ("0.wav,x,2", "0.wav,y,1"):
        with pytest.raises(UserError) as error:
            rows(tmp_path, f"file,speaker,valence\n0.wav,x,1\n1.wav,x,2\n{again}\n" + "2.wav,x,2\n" * 40)
        assert "table.csv:4 0.wav" in error.value.offenders[0]
        assert "Give each utterance and each audio file one row" in error.value.remedy


# What a model learns from


def test_labels_that_use_a_part_of_their_scale_are_named(tmp_path, capsys):
    read = rows(tmp_path, lines([1 + n % 5 for n in range(30)]))
    (warning,) = read.report["warnings"]
    assert warning.startswith("valence: labels use 1 to 5 of the scale 1 to 7: check the scale")
    assert "warning: valence: labels use 1 to 5 of the scale 1 to 7" in capsys.readouterr().err
    assert rows(tmp_path, lines([1 + n % 6 for n in range(30)])).report["warnings"] == []


def test_few_rows_one_speaker_and_equal_labels_are_named(tmp_path):
    text = "file,split,speaker,valence\n" + "".join(
        f"{n}.wav,{('train', 'dev', 'test')[n % 3]},{('ann', 'bob', 'Cleo')[n % 3]},3\n" for n in range(12)
    )
    warnings = "\n".join(rows(tmp_path, text, splits=SPLITS).report["warnings"])
    assert "valence: all 12 labels are 3" in warnings
    for split, speaker, enough in (("train", "ann", 100), ("dev", "bob", 20), ("test", "Cleo", 20)):
        assert f"{split}: only 4 rows; at least {enough} are needed" in warnings
        assert f"{split}: all 4 rows are of one speaker, {speaker}" in warnings


def test_speakers_that_may_be_one_person_are_named(tmp_path):
    text = "file,split,speaker,valence\n0.wav,train,Ann B,1\n1.wav,dev,ann_b,2\n2.wav,test,1,3\n3.wav,train,1.0,3\n"
    warnings = "\n".join(rows(tmp_path, text, splits=SPLITS).report["warnings"])
    assert "speakers Ann B and ann_b may be one person" in warnings
    assert "speakers 1 and 1.0 may be one person" in warnings


def test_the_first_message_says_that_training_needs_all_dimensions(tmp_path):
    text = "file,split,arousal,valence\n0.wav,train,1,1\n1.wav,dev,1,2\n2.wav,test,1,3\n"
    scale = dict.fromkeys(("arousal", "dominance", "valence"), (1.0, 7.0))
    with pytest.raises(UserError, match="no column dominance") as error:
        rows(tmp_path, text, splits=SPLITS, dimensions=tuple(scale), scale=scale)
    assert "If dominance is not annotated, set dimensions: [arousal, valence]" in error.value.remedy
    assert "Training without one of arousal, dominance, valence is not supported" in error.value.remedy
    assert "train on another corpus or evaluate a finished model (checkpoint)" in error.value.remedy
    with pytest.raises(UserError) as error:
        rows(tmp_path, text, splits={"test": "test"}, dimensions=("dominance",), scale=scale)
    assert "not supported" not in error.value.remedy


def test_columns_with_the_same_name_in_parquet(tmp_path):
    path = tmp_path / "t.parquet"
    pd.DataFrame({"file": ["0.wav"], 1: [2.0], "1": [3.0]}).rename(columns=str).iloc[:, :2].to_parquet(path)
    corpus = Corpus(
        adapter="table", label="", splits={"test": "all"}, dimensions=("valence",), columns={"valence": "1"}
    )
    read = adapter.read(corpus, CorpusPaths(audio=(str(tmp_path),), labels=str(path)), Report())
    assert read["valence"].tolist() == [2.0]
