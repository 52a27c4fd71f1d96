import pytest

from valence_gap.runtime.progress import NOTE, note


def test_a_note_is_a_marked_line_of_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    note("own", "warning: only 3 rows")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"{NOTE}own: warning: only 3 rows\n")
