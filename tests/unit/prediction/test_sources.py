"""Lists of files and tables of segments."""

from pathlib import Path

import pytest

from valence_gap.prediction.sources import Source, read_list, read_segments
from valence_gap.runtime.errors import UserError


def test_a_list_names_a_file_on_each_line(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/anna")
    (tmp_path / "files.txt").write_bytes(b"\xef\xbb\xbfa b.wav\r\n\n  c.wav \n~/d.wav\ncaf\xe9.wav\n#1.wav")
    names = [str(path) for path in read_list(tmp_path / "files.txt")]
    assert names == ["a b.wav", "c.wav", "/home/anna/d.wav", "caf\udce9.wav", "#1.wav"]


def test_a_list_that_is_empty_or_missing_is_an_error(tmp_path):
    (tmp_path / "empty.txt").write_text("\n \n")
    with pytest.raises(UserError, match="names no file"):
        read_list(tmp_path / "empty.txt")
    for absent in (tmp_path / "absent.txt", tmp_path):
        with pytest.raises(UserError, match="there is no list"):
            read_list(absent)


def test_segments_are_read_as_in_the_table_of_a_corpus(tmp_path):
    table = tmp_path / "segments.csv"
    table.write_text("File;start;end\ntalk.wav;0,5;1:02\ntalk.wav;;2.5\nother.wav;3;\n\n")
    assert read_segments(table) == [
        Source(Path("talk.wav"), 0.5, 62.0),
        Source(Path("talk.wav"), 0.0, 2.5),
        Source(Path("other.wav"), 3.0, None),
    ]


def test_all_bad_rows_are_named_at_once(tmp_path):
    table = tmp_path / "segments.csv"
    table.write_text("file,start,end\na.wav,1,2\na.wav,x,2\nb.wav,2,1\nb.wav,-1,1\n,0,1\nc.wav,0,1,2,3\n")
    with pytest.raises(UserError) as caught:
        read_segments(table)
    offenders = "\n".join(caught.value.offenders)
    assert len(caught.value.offenders) == 5
    for line, what in (
        (3, "start 'x'"),
        (4, "end 1 s is not after start"),
        (5, "start -1 s"),
        (6, "no file"),
        (7, "malformed"),
    ):
        (found,) = [each for each in offenders.split("\n") if f"segments.csv:{line}" in each]
        assert what in found


@pytest.mark.parametrize(
    ("text", "what"),
    [("file,start\na.wav,1\n", "end"), ("name,from,to\na,1,2\n", "file"), ("file,start,end\n", "it has no row")],
)
def test_a_table_without_a_column_or_rows_is_an_error(tmp_path, text, what):
    (tmp_path / "segments.csv").write_text(text)
    with pytest.raises(UserError, match=what):
        read_segments(tmp_path / "segments.csv")


def test_a_missing_table_is_an_error(tmp_path):
    with pytest.raises(UserError, match="there is no table of segments"):
        read_segments(tmp_path / "absent.csv")
