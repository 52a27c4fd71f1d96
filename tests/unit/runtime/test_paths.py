"""Paths as users give them."""

import os
from pathlib import Path

import pytest

from valence_gap.runtime.paths import options_or_files, shown_name, user_path


def test_a_tilde_is_expanded_unless_a_file_has_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert user_path("~/a.wav") == Path("/home/me/a.wav")
    assert user_path("a~b.wav") == Path("a~b.wav")
    assert user_path("~nobody-of-this-name/a.wav") == Path("~nobody-of-this-name/a.wav")
    (tmp_path / "~").mkdir()
    (tmp_path / "~/a.wav").touch()
    assert user_path("~/a.wav") == Path("~/a.wav")


@pytest.mark.parametrize(("name", "shown"), [(b"a.wav", "a.wav"), ("é".encode(), "é"), (b"caf\xe9", "caf\\xe9")])
def test_a_name_is_shown_as_text(name, shown):
    assert shown_name(os.fsdecode(name)) == shown
    shown.encode()


def test_only_files_that_exist_are_taken_for_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("-a.wav", "--model"):
        (tmp_path / name).touch()
    given = ["predict", "-a.wav", "-b.wav", "--model", "x", "--output=y.csv", "a.wav"]
    assert options_or_files(given) == ["predict", "./-a.wav", *given[2:]]
