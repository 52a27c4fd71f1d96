"""What real runs show: in a pipe, on a terminal, and when a job fails."""

import os
import pty
import re
import sys

from working_copy import Workflow

FIGURE = "results/tiny/figures/figure_02.csv"


def on_a_terminal(workflow: Workflow, *arguments: str) -> str:
    """Run Snakemake on a terminal of its own and return what that terminal got."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(workflow.root)
        command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments, "--configfile", "tiny.yaml"]
        os.execve(command[0], command, workflow.environment | {"TERM": "xterm", "COLUMNS": "140", "LINES": "40"})
    parts = []
    while True:
        try:
            part = os.read(terminal, 4096)
        except OSError:  # Linux reports the end of the other side so
            break
        if not part:
            break
        parts.append(part)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    return b"".join(parts).decode()


def test_a_run_in_a_pipe_has_few_lines_and_ends_with_its_scores(changed: Workflow) -> None:
    output = changed.snakemake("-R", "figure_02")
    shown = output[output.index("figures: done") :]
    assert shown.startswith("figures: done, 1 job\n")
    assert "Figure 2: CCC on the test sets" in shown
    for model in ("cnn14", "hubert-b", "w2v2-b"):
        assert re.search(rf"^  {model} +-?\.\d\d", shown, re.MULTILINE)
    assert "Claims: not among the targets of this study." in shown
    assert "Left out of the corpora, and warnings:\n  msp-podcast: warning: train: only 32 rows" in shown
    assert "Results: results/tiny/figures" in shown
    assert len(shown.splitlines()) < 30
    assert "rule figure_02:" in changed.logs()[-1].read_text()  # the log is complete
    again = changed.snakemake()
    assert "Nothing to be done: all results are up to date.\n\nFigure 2: " in again


def test_a_terminal_shows_a_block_and_then_the_same_end(changed: Workflow) -> None:
    output = on_a_terminal(changed, "-R", "score")
    assert "of the work, " in output
    assert re.search(r"scores \d+/\d+", output)
    assert "\x1b[1A" in output  # the block is refreshed in its place
    assert "Figure 2: CCC on the test sets" in output.rpartition("\x1b[2K")[2]


def test_an_error_of_a_job_stands_alone(changed: Workflow) -> None:
    scores = sorted((changed.root / "results/tiny/scores/cnn14/seed-42").rglob("clean.csv"))[0]
    scores.write_text("no table\n")
    output = changed.snakemake("figure_02", "-R", "figure_02", "--rerun-triggers", "params", check=False)
    shown = output[output.index("\nerror: ") :]
    assert "error: figure_02 failed\n" in shown
    assert "  log: results/tiny/logs/figures/figure_02.log\n" in shown
    assert "valence-gap figure" not in shown
    assert "description" not in shown
    assert len(shown.splitlines()) < 20
    assert "0 of 1 jobs done, 1 failed, 0 not run" in shown


def test_corpora_are_summed_up(changed: Workflow) -> None:
    output = changed.snakemake("corpora")
    assert "\nmsp-podcast: train: 32 utterances" in output
    assert "\nmsp-podcast: warning: train: only 32 rows" in output
    assert "\niemocap: left out: 5 malformed" in output
    assert "Figure 2" not in output
