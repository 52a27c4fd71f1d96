"""Whether an input has the content that a result was made from, whatever its time."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.study import contents
from valence_gap.study.contents import Contents, recorded

LIMIT = 4


@pytest.fixture
def study(tmp_path: Path) -> tuple[Path, Path]:
    """An input that is newer than the result that was made from it, and the record of the result."""
    data, record = tmp_path / "data/audio.npy", tmp_path / "result/run.json"
    for path in (data, record):
        path.parent.mkdir()
    data.write_bytes(b"a large file")
    record.write_text(json.dumps({"inputs": {"audio": hashlib.sha256(b"a large file").hexdigest()}}))
    os.utime(record, (1000, 1000))
    os.utime(data, (2000, 2000))
    return data, record


def same(study: tuple[Path, Path], limit: int = LIMIT, *benchmarks: Path) -> bool:
    return Contents(limit, study[0].parent / "memory.json").is_recorded(*study, *benchmarks)


def test_a_newer_file_with_the_recorded_content_is_the_same(study: tuple[Path, Path]) -> None:
    assert same(study)


def test_a_newer_link_to_an_older_file_with_the_recorded_content_is_the_same(study: tuple[Path, Path]) -> None:
    data, record = study
    os.utime(data, (500, 500))
    link = data.with_name("link.npy")
    link.symlink_to(data.name)
    assert same((link, record))
    os.utime(link, (500, 500), follow_symlinks=False)
    assert not same((link, record))


def test_another_content_is_not_the_same_and_named_once(
    study: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study[0].write_bytes(b"another file")
    os.utime(study[0], (2000, 2000))
    known = Contents(LIMIT, study[0].parent / "memory.json")
    assert not known.is_recorded(*study)
    assert not known.is_recorded(*study)
    (line,) = capsys.readouterr().err.splitlines()
    assert str(study[0]) in line
    assert "cp -a" in line


def test_small_and_older_files_are_left_to_snakemake_and_not_read(
    study: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> str:
        raise AssertionError(path)

    monkeypatch.setattr(contents, "checksum", refuse)
    assert not same(study, limit=100)
    os.utime(study[0], (500, 500))
    assert not same(study)
    benchmark = study[1].parent.parent / "benchmark.tsv"
    benchmark.touch()
    os.utime(benchmark, (400, 400))
    with pytest.raises(AssertionError):
        same(study, LIMIT, benchmark)  # Snakemake takes the benchmark for an output, and the file is newer


@pytest.mark.parametrize("content", [None, "", "[]", "{", json.dumps({"inputs": {}}), json.dumps({"run": {}})])
def test_without_a_record_nothing_is_the_same(study: tuple[Path, Path], content: str | None) -> None:
    if content is None:
        study[1].unlink()
    else:
        study[1].write_text(content)
        os.utime(study[1], (1000, 1000))
    assert not same(study)


def test_each_content_is_read_once(study: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = contents.checksum
    monkeypatch.setattr(contents, "checksum", lambda path: read.append(path) or real(path))
    assert same(study)
    assert same(study)
    assert len(read) == 1
    os.utime(study[0], (3000, 3000))
    assert same(study)
    assert len(read) == 2


def test_a_file_that_was_just_written_is_not_remembered(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    for content in (b"1", b"2"):  # of the same size, perhaps within one tick of the clock
        path.write_bytes(content)
        assert Contents(LIMIT, tmp_path / "memory.json").checksum(path) == hashlib.sha256(content).hexdigest()


@given(st.binary(max_size=200))
def test_a_damaged_memory_is_ignored(tmp_path_factory: pytest.TempPathFactory, damaged: bytes) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "memory.json").write_bytes(damaged)
    (folder / "file").write_bytes(b"content")
    os.utime(folder / "file", (1000, 1000))
    found = Contents(LIMIT, folder / "memory.json").checksum(folder / "file")
    assert found == hashlib.sha256(b"content").hexdigest()


def test_a_report_has_its_record_inside(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    report.write_text(json.dumps({"utterances": 3, "run": {"inputs": {"audio.npy": "1234"}}}))
    assert recorded(report) == {"1234"}
