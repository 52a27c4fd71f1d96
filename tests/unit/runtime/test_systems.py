"""The systems that the project runs on."""

import sys

import pytest

from valence_gap import cli
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.systems import check_system


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_a_supported_system_passes(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    check_system()


@pytest.mark.parametrize("platform", ["win32", "cygwin"])
def test_native_windows_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, platform: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    with pytest.raises(UserError, match="WSL 2") as refused:
        check_system()
    assert len(str(refused.value).splitlines()) == 1


def test_a_command_stops_on_windows_before_it_computes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert cli.main(["predict", "missing.wav", "--model", "missing", "--output", "missing.csv"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "WSL 2" in lines[0]
