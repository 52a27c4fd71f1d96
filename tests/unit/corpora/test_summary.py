"""What `snakemake corpora` prints of a corpus."""

import json
from pathlib import Path

import pytest
from corpus_trees import write, write_audio

from valence_gap.cli import main
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.definitions.values import to_json

TABLE = """file,split,speaker,gender,arousal,dominance,valence
a.wav,train,anna,female,1,2,3
b.wav,train,anna,female,1,,3
c.wav,test,bert,male,7,7,7
"""
CORPUS = Corpus(
    adapter="table",
    label="",
    splits={"train": "train", "test": "test"},
    scale={"arousal": (1, 7), "dominance": (1, 7), "valence": (1, 7)},
    on_missing_audio="skip",
    on_lost_rows="skip",
)


def prepared(folder: Path, table: str) -> int:
    paths = CorpusPaths(audio=(str(folder),), labels=str(write(folder / "table.csv", table)))
    arguments = ["--definition", to_json(CORPUS), "--paths", to_json(paths), "--output", str(folder / "out")]
    return main(["prepare-corpus", "--name", "mine", *arguments])


def test_everything_that_was_left_out_is_printed_with_its_count(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b", "c"):
        write_audio(tmp_path / f"{name}.wav")
    table = TABLE + "".join(f"gone-{number}.wav,train,anna,female,1,2,3\n" for number in range(5))
    assert prepared(tmp_path, table) == 0
    capsys.readouterr()
    assert main(["show-corpora", str(tmp_path / "out/report.json")]) == 0
    lines = capsys.readouterr().out.splitlines()
    (train,) = [line for line in lines if line.startswith("mine: train: 1 utterances, ")]
    assert "1 speakers, 1 with a gender, 0 with a transcript" in train
    assert any(line.startswith("mine: test: 1 utterances, ") for line in lines)
    report = json.loads((tmp_path / "out/report.json").read_text())
    assert sum(found["count"] for found in report["skipped"].values()) == 6
    for reason, found in report["skipped"].items():
        (line,) = [line for line in lines if f"left out: {found['count']} {reason}: " in line]
        assert found["examples"][0] in line
        assert line.endswith(", ...") == (found["count"] > 3)


def test_a_corpus_that_was_read_whole_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "c"):
        write_audio(tmp_path / f"{name}.wav")
    assert prepared(tmp_path, "\n".join([*TABLE.splitlines()[:2], TABLE.splitlines()[3]]) + "\n") == 0
    main(["show-corpora", str(tmp_path / "out/report.json")])
    assert "mine: nothing was left out" in capsys.readouterr().out


def test_the_error_of_a_job_names_its_corpus(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A rule passes a definition without a label."""
    for name in ("a", "c"):
        write_audio(tmp_path / f"{name}.wav")
    assert prepared(tmp_path, TABLE.replace("7,7,7", "9,7,7")) == 2
    assert "mine" in capsys.readouterr().err.partition("error: ")[2].splitlines()[0]
