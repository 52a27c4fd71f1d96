"""Checksums of the inputs, at once and beside other work."""

import hashlib
import threading
from pathlib import Path

import pytest

from valence_gap.runtime import provenance


@pytest.mark.parametrize("in_background", [True, False])
def test_checksums_are_those_of_the_files(tmp_path: Path, in_background: bool) -> None:
    files = {name: tmp_path / name for name in ("b", "a")}
    for name, path in files.items():
        path.write_text(name)
    found = provenance.checksums(files, in_background=in_background)()
    assert list(found.items()) == [(name, hashlib.sha256(name.encode()).hexdigest()) for name in ("a", "b")]


def test_a_thread_computes_them_while_something_else_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_on = threading.Event()

    def wait(path: Path) -> str:
        assert goes_on.wait(10)
        return "sum"

    monkeypatch.setattr(provenance, "checksum", wait)
    found = provenance.checksums({"a": tmp_path}, in_background=True)
    goes_on.set()
    assert found() == {"a": "sum"}


@pytest.mark.parametrize("in_background", [True, False])
def test_a_file_that_is_gone_is_an_error_where_its_checksum_is_needed(tmp_path: Path, in_background: bool) -> None:
    with pytest.raises(FileNotFoundError):
        provenance.checksums({"a": tmp_path / "gone"}, in_background=in_background)()
