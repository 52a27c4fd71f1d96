"""Rows whose file name is not exactly that of the file."""

import os
import unicodedata
from pathlib import Path

import pytest
from corpus_trees import prepare, write, write_audio
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.corpora.file_names import FileNames
from valence_gap.runtime.errors import UserError

SCALE = {"valence": (1.0, 7.0)}
SPLITS = {"test": "all"}


def read(tmp_path, names, files, *, audio="audio", adapter_paths=None, **definition):
    """Prepare a table with a row for each name, beside these files."""
    rows = [f'"{name}",{1 + number % 7}' for number, name in enumerate(names)]
    table = write(tmp_path / "table.csv", "\n".join(["file,valence", *rows, ""]))
    (tmp_path / audio).mkdir(exist_ok=True)
    for file in files:
        write_audio(tmp_path / audio / file)
    paths = {"audio": [tmp_path / audio], "labels": table}
    return prepare(
        tmp_path / "out", "table", paths, **{"splits": SPLITS, "dimensions": ("valence",), "scale": SCALE, **definition}
    )


def matched(read):
    """The file of each row, by id."""
    return dict(zip(read.utterances["test"]["id"], read.utterances["test"]["file"], strict=True))


COMPOSED, DECOMPOSED = unicodedata.normalize("NFC", "Zoé.wav"), unicodedata.normalize("NFD", "Zoé.wav")


@pytest.mark.parametrize(
    ("row", "file", "how"),
    [
        (COMPOSED, DECOMPOSED, "file name in another Unicode form"),
        (DECOMPOSED, COMPOSED, "file name in another Unicode form"),
        ("sub\\a.wav", "sub/a.wav", "path with backslashes"),
        ("a.wav", "a.WAV", "file name in other upper or lower case"),
        ("Sub/A.wav", "sub/a.wav", "file name in other upper or lower case"),
        ("a.wav", "a.flac", "audio file with another extension"),
        ("a", "a.wav", "audio file with another extension"),
        ("a.m4a", "a.wav", "audio file with another extension"),
        ("/home/ann/data/sub/a.wav", "sub/a.wav", "path that begins with a folder of another place"),
        ("C:\\data\\sub\\a.wav", "sub/a.flac", "path that begins with a folder of another place"),
    ],
)
def test_the_only_file_that_can_be_meant_is_taken_and_noted(tmp_path, capsys, row, file, how):
    found = read(tmp_path, [row, "z.wav"], [file, "z.wav"], on_missing_audio="fail", on_lost_rows="fail")
    assert matched(found) == {row: file, "z.wav": "z.wav"}
    (reason,) = [reason for reason in found.noted() if "file name differs" in reason]
    assert reason == f"row matched although its file name differs: {how}"
    assert f": note: 1 {reason}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "files", "hint"),
    [
        (["a.wav"], ["a.flac", "a.aiff"], "nearest file: a."),  # two files fit
        (["a.wav"], ["A.wav", "a.WAV"], "nearest file: "),
        (["wavs/a.wav"], ["sub/a.wav"], "nearest file: sub/a.wav"),  # the folder may matter
        (["anna-01.wav"], ["anna_01.wav", "anna_02.wav"], "nearest file: anna_01.wav"),
        (["../sub/a.flac"], ["sub/a.wav"], "leaves the audio folder"),
    ],
)
def test_where_several_files_fit_none_is_taken_and_the_nearest_is_shown(tmp_path, names, files, hint):
    with pytest.raises(UserError) as error:
        read(tmp_path, names, files)
    assert hint in error.value.offenders[0]


def test_a_file_that_another_row_names_is_not_taken(tmp_path):
    found = read(tmp_path, ["a.wav", "a.flac"], ["a.flac"])
    assert matched(found) == {"a.flac": "a.flac"}
    assert found.skipped() == {"row without audio": 1}


@pytest.mark.parametrize("suffix", [".m4a", ".webm", ".mp4", ".amr"])
@pytest.mark.parametrize("row", ["a{suffix}", "a.wav", "a"])
def test_audio_that_cannot_be_decoded_is_not_reported_as_missing(tmp_path, suffix, row):
    write(tmp_path / f"audio/a{suffix}", b"some bytes")
    with pytest.raises(UserError) as error:
        read(tmp_path, [row.format(suffix=suffix)], [])
    assert "row whose audio is in a format that cannot be read" in error.value.offenders[0]
    assert f"(there is a{suffix})" in error.value.offenders[0]
    assert "ffmpeg -i a.m4a a.wav" in error.value.remedy
    write_audio(tmp_path / "audio/a.wav")
    assert matched(read(tmp_path, [row.format(suffix=suffix)], [])) == {row.format(suffix=suffix): "a.wav"}


def test_a_name_on_disk_that_is_not_utf_8_is_explained(tmp_path):
    write_audio(tmp_path / "audio/z.wav")
    (tmp_path / "audio/z.wav").rename(Path(os.fsdecode(os.fsencode(tmp_path / "audio") + b"/Zo\xe9.wav")))
    with pytest.raises(UserError) as error:
        read(tmp_path, [COMPOSED], [])
    assert "row whose audio file has a name that is not UTF-8" in error.value.offenders[0]
    assert "convmv" in error.value.remedy


def test_names_that_look_like_options_or_commands_are_names(tmp_path):
    names = ["-rf.wav", "--help.wav", "$(touch x).wav", "~.wav", "a b.wav", "'.wav", "*.wav", "%s.wav"]
    assert matched(read(tmp_path, names, names)) == {name: name for name in names}


letters = st.text(alphabet="abAB-_01é\\/.", min_size=1, max_size=6)


@given(st.lists(letters, unique=True, max_size=12), letters)
def test_a_match_is_always_the_only_one(keys, name):
    """Whatever is matched is no other file's name in the same spelling."""
    found = FileNames(keys).find(name)
    if found is not None:
        assert found.key in keys
        assert FileNames([key for key in keys if key != found.key]).find(name) != found
    if name in keys:
        assert found is None or found.key == name
