"""The display of a run on a terminal and in a pipe."""

import io
import subprocess
import sys

import pytest

from valence_gap.terminal.block import Block
from valence_gap.terminal.display import QUIET_S, Lines, Status, display_on

STATUS = Status(
    stages={"audio": (5, 5), "training": (1, 3)},
    running=[("finetune a seed 42", "epoch 2 of 3, dev CCC arousal .80", "54 s"), ("predict b", "", "3 s")],
    done=0.34,
    times="9 min so far, about 17 min left",
    newest="finetune b seed 42: 3 epochs",
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_pipe_gets_a_line_of_progress_after_two_minutes_without_any() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    for second in range(int(2.5 * QUIET_S)):
        lines.tick(STATUS, second)
    assert len(stream.getvalue().splitlines()) == 2
    lines.event(STATUS, "audio: done, 5 jobs")
    for second in range(int(2.5 * QUIET_S), int(3.4 * QUIET_S)):
        lines.tick(STATUS, second)
    assert stream.getvalue().splitlines()[2:] == [
        "[ 34%, 9 min so far, about 17 min left] audio: done, 5 jobs",
    ]
    assert stream.getvalue().splitlines()[0] == (
        "[ 34%] 9 min so far, about 17 min left; "
        "running: finetune a seed 42 (epoch 2 of 3, dev CCC arousal .80); predict b"
    )


def test_a_pipe_that_is_closed_does_not_end_the_run() -> None:
    stream = io.StringIO()
    lines = Lines(stream)
    stream.close()
    lines.message(["one"])
    lines.message(["two"])


def test_a_terminal_gets_one_block_that_is_refreshed_and_messages_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    block = Block(stream, color=False)
    block.tick(STATUS, 0.0)
    first = stream.getvalue()
    for part in ("audio 5/5", "training 1/3", "34% of the work, 9 min so far, about 17 min left", "finetune a seed 42"):
        assert part in first
    assert "epoch 2 of 3, dev CCC arousal .80" in first
    assert "last: finetune b seed 42: 3 epochs" in first
    block.message(["error: [red] x"])
    block.tick(STATUS, 1.0)
    again = stream.getvalue()[len(first) :]
    assert "error: [red] x" in again  # brackets are no markup
    assert "\x1b[1A" in again  # the cursor moves up: the block replaces the one before
    block.stop()
    block.stop()
    assert "\x1b[?25h" in stream.getvalue()  # the cursor is visible again


def test_only_a_terminal_that_can_move_its_cursor_gets_a_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(display_on(Terminal()), Block)
    assert isinstance(display_on(io.StringIO()), Lines)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(display_on(Terminal()), Lines)


def test_jobs_do_not_import_what_only_a_terminal_needs() -> None:
    code = "import sys, snakemake_logger_plugin_valence_gap; print(*(name for name in sys.modules if '.' not in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"rich", "torch", "pandas", "numpy", "matplotlib", "jinja2"} & set(done.stdout.split())
