"""The noise corpus: which clips belong to which class."""

import pytest
from corpus_trees import write

from valence_gap.corpora.esc50 import clips
from valence_gap.runtime.errors import UserError

HEADER = "filename,fold,target,category,esc10,src_file,take\n"
TARGETS = {
    "1-1-A-0.wav": 0,
    "1-2-A-10.wav": 10,
    "2-1-A-19.wav": 19,
    "1-3-A-20.wav": 20,
    "1-4-A-39.wav": 39,
    "x.wav": 40,
}


def tree(root, extra=""):
    rows = [f"{name},1,{target},thing,False,1,A\n" for name, target in reversed(TARGETS.items())]
    write(root / "meta/esc50.csv", HEADER + "".join(rows) + extra)
    for name in TARGETS:
        write(root / "audio" / name, b"")
    return root


def test_major_classes(tmp_path):
    found = clips(tree(tmp_path))
    assert {name: [file.name for file in files] for name, files in found.items()} == {
        "natural": ["1-2-A-10.wav", "2-1-A-19.wav"],
        "human": ["1-3-A-20.wav"],
        "interior": ["1-4-A-39.wav"],
    }
    assert all(file.parent == tmp_path / "audio" for files in found.values() for file in files)


def test_all_problems_are_reported_at_once(tmp_path):
    tree(tmp_path, "../../up.wav,1,10,thing,False,1,A\na.wav,1,many,thing,False,1,A\na.wav,1,50,thing,False,1,A\n")
    (tmp_path / "audio/1-3-A-20.wav").unlink()
    with pytest.raises(UserError) as error:
        clips(tmp_path)
    assert list(error.value.offenders) == [
        "malformed row esc50.csv:8",
        "malformed row esc50.csv:9",
        "malformed row esc50.csv:10",
        f"no file {tmp_path / 'audio/1-3-A-20.wav'}",
    ]


def test_nothing_there(tmp_path):
    with pytest.raises(UserError, match=r"esc50\.csv"):
        clips(tmp_path)
    write(tmp_path / "meta/esc50.csv", HEADER)
    with pytest.raises(UserError) as error:
        clips(tmp_path)
    assert [line.split()[-1] for line in error.value.offenders] == ["natural", "human", "interior"]
