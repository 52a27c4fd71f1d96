"""What the preflight finds in the rows of a user's own table."""

from dataclasses import replace
from pathlib import Path

import pytest
from corpus_trees import write, write_audio
from preflight_data import found

from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.preflight.corpora import examine_corpus
from valence_gap.preflight.findings import Finding

CORPUS = Corpus(
    adapter="table",
    label="",
    splits={"train": "train", "dev": "dev", "test": "test"},
    dimensions=("valence",),
    scale={"valence": (1.0, 7.0)},
)


def examined(tmp_path: Path, text: str, corpus: Corpus = CORPUS, files: int = 60) -> list[Finding]:
    for number in range(files):
        write_audio(tmp_path / f"audio/{number}.wav", seconds=0.05)
    paths = CorpusPaths(audio=(str(tmp_path / "audio"),), labels=str(write(tmp_path / "table.csv", text)))
    return examine_corpus("own", corpus, paths, paper=False)[0]


def rows(speaker: str = "{split}-{number}", label: str = "{label}", count: int = 60) -> str:
    lines = []
    for number in range(count):
        cells = {"split": ("train", "dev", "test")[number % 3], "number": number, "label": 1 + number % 7}
        lines.append(f"{number}.wav,{cells['split']},{speaker.format(**cells)},{label.format(**cells)}")
    return "\n".join(["file,split,speaker,valence", *lines, ""])


def test_speakers_that_are_not_known_are_unknown(tmp_path: Path) -> None:
    finding = found(examined(tmp_path, rows(speaker="")), "speakers")
    assert (finding.status, finding.found) == (
        "unknown",
        "0 known: whether one is in two splits cannot be checked (60 of 60 utterances have none)",
    )
    assert found(examined(tmp_path, rows()), "speakers").status == "ok"
    assert found(examined(tmp_path, rows(speaker="NA")), "speakers").status == "wrong"


@pytest.mark.parametrize(("handled", "status"), [("fail", "wrong"), ("skip", "differs")])
def test_rows_that_cannot_be_used(tmp_path: Path, handled: str, status: str) -> None:
    text = rows().replace("0.wav,train,train-0,1", "0.wav,train,train-0,").replace("3,4\n", "3,low\n")
    text = text.replace("6.wav,train,train-6,7", "6.wav,train,train-6,x")
    finding = found(examined(tmp_path, text, replace(CORPUS, on_lost_rows=handled)), "rows")
    assert finding.status == status
    assert finding.found.endswith("of 60 rows cannot be used")
    assert ("corpora.own.on_lost_rows: skip" in "".join(finding.details)) == (status == "wrong")
    assert not [one for one in examined(tmp_path, rows()) if one.check == "rows"]


def test_rows_that_contradict_each_other(tmp_path: Path) -> None:
    finding = found(examined(tmp_path, rows() + "0.wav,train,train-0,5\n"), "rows")
    assert (finding.status, finding.found) == ("wrong", "1 of 61 rows cannot be used or contradict others")


def test_what_is_interpreted_or_doubtful_differs(tmp_path: Path) -> None:
    findings = examined(tmp_path, rows(label='"{label},5"').replace('"7,5"', "3.5").replace("5.wav", "5.flac"))
    finding = found(findings, "interpreted")
    assert finding.status == "differs"
    assert any("decimal comma" in line for line in finding.details)
    assert any("5.flac -> 5.wav" in line for line in finding.details)
    doubtful = found(findings, "doubtful")
    assert (doubtful.status, doubtful.found.partition(":")[0]) == ("differs", "train")
    narrow = found(examined(tmp_path, rows().replace(",7\n", ",4\n").replace(",6\n", ",4\n")), "doubtful")
    assert narrow.found.startswith("valence: labels use 1 to 5 of the scale 1 to 7")


def test_rows_of_no_split_or_of_a_misspelt_one_are_shown(tmp_path: Path) -> None:
    text = rows().replace("0.wav,train,", "0.wav,,", 1).replace("4.wav,dev,", "4.wav,developmnt,", 1)
    details = found(examined(tmp_path, text.replace("5.wav,test,", "5.wav,tset,", 1)), "interpreted").details
    assert details == (
        "1 split developmnt is not used: table.csv:6 4.wav",
        "1 split tset is not used: table.csv:7 5.wav",
        "1 row without a split: table.csv:2 0.wav",
    )
    other = examined(tmp_path, rows().replace("5.wav,test,", "5.wav,later,", 1))
    assert not [one for one in other if one.check == "interpreted"]


def test_a_segment_outside_its_file_is_wrong(tmp_path: Path) -> None:
    text = "file,split,start,end,valence\n0.wav,train,0,9,1\n1.wav,dev,,,2\n2.wav,test,,,2\n"
    finding = found(examined(tmp_path, text), "labels")
    assert finding.status == "wrong"
    assert "table.csv:2 0.wav: the segment 0 to 9 s is outside the file, which has 0.05 s" in finding.details
