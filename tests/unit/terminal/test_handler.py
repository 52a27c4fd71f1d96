"""The log handler, from records of Snakemake to lines."""

import logging
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry
from snakemake_records import Shown

from valence_gap.runtime.progress import NOTE
from valence_gap.terminal import handler, run
from valence_gap.terminal.ending import StudyView
from valence_gap.terminal.handler import LogHandler, describe_plan, describe_study, show
from valence_gap.terminal.run import NOTES
from valence_gap.terminal.work import table_s

KILLED = (
    'RuleException:\nCalledProcessError in file "x.smk", line 5:\n'
    "Command '{\"json\": 1}' died with <Signals.SIGKILL: 9>."
)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(name: str, text: str) -> str:
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(text)
    return name


def test_snakemake_finds_the_plugin_by_its_name() -> None:
    assert LoggerPluginRegistry().get_plugin("valence-gap").log_handler is LogHandler


def test_a_recorded_run_has_a_line_for_each_training_and_each_stage() -> None:
    best = "epoch 1: loss 0.9, dev CCC arousal 0.1, dominance 0.2, valence 0.3, mean 0.2, the best so far\n"
    for model in ("finetune/w2v2-b", "finetune/hubert-b", "train_cnn14/cnn14"):
        write(f"results/tiny/logs/{model}/seed-42.log", best)
    shown = Shown()
    shown.replay()
    lines = [re.sub(r"^\[.*?\] ", "", line) for line in shown.end()]
    assert lines[0].startswith("47 jobs, about ")
    trained = [line for line in lines if "best dev CCC arousal .10, dominance .20, valence .30 (epoch 1)" in line]
    assert {line.partition(":")[0] for line in trained} == {
        "finetune hubert-b seed 42",
        "finetune w2v2-b seed 42",
        "train_cnn14 cnn14 seed 42",
    }
    done = {match[1]: int(match[2]) for line in lines if (match := re.match(r"(.*): done, (\d+) jobs?$", line))}
    assert done == {
        "corpora": 7,
        "pre-trained models": 2,
        "audio": 5,
        "stem features": 10,
        "training": 3,
        "predictions": 9,
        "scores": 10,
        "figures": 1,
    }
    assert "47 of 47 jobs done" in lines
    assert lines[-1].startswith("Snakemake's log: ")
    assert len(lines) == 1 + 3 + 8 + 1 + 1


def test_what_is_no_run_looks_as_usual() -> None:
    for settings in ({"dryrun": True}, {"verbose": True}, {"printshellcmds": True}):
        shown = Shown(**settings)
        shown.start(score=1)
        shown.record("Building DAG of jobs...")
        assert "Building DAG of jobs..." in shown.end()
    shown = Shown()
    shown.record("Unlocked working directory.")  # without a run
    assert shown.end() == ["Unlocked working directory."]


def test_messages_of_snakemake_about_itself_are_left_to_its_log() -> None:
    shown = Shown()
    shown.start(score=1)
    shown.record("Select jobs to execute...")
    shown.record("a warning", level=logging.WARNING)
    assert shown.lines == ["a warning"]


def test_each_error_stands_alone_and_once() -> None:
    full = write("a.log", "error: the disk is full\n  - x.npy\nMake room.\n")
    shown = Shown()
    shown.start(score=4)
    for number, model in enumerate("abc"):
        shown.job(number, "score", log=full if model < "c" else "c.log", model=model)
    shown.failed(0, "score", log=full, raised=KILLED)
    shown.failed(1, "score", log=full)
    shown.failed(2, "score", log="c.log", raised=KILLED)
    shown.record("WorkflowError:\nAt least one job did not complete successfully.", event="error", level=logging.ERROR)
    shown.record("Exiting because a job execution failed. Look above for error messages", level=logging.ERROR)
    shown.record("Complete log(s): /x.log")
    assert shown.end()[1:] == [
        "",
        "error: score a failed",
        "  the disk is full",
        "    - x.npy",
        "  Make room.",
        "  log: a.log",
        "error: score b failed as score a did",
        "  log: a.log",
        "",
        "error: score c failed",
        "  its process was ended by SIGKILL",
        "  log: c.log",
        "",
        "0 of 4 jobs done, 3 failed, 1 not run",
        "Snakemake's log: /x.log",
    ]


def test_a_job_that_succeeds_in_a_later_attempt_does_not_end_the_run_as_failed() -> None:
    shown = Shown()
    shown.start(score=1)
    for _ in range(2):
        shown.job(1, "score", model="a")
        shown.failed(1, "score", message="SLURM-job '7' failed")
    shown.job(1, "score", model="a")
    shown.finished(1)
    lines = shown.end()
    assert lines[:5] == [
        "",
        "error: score a failed",
        "  SLURM-job '7' failed",
        "  log: none",
        "error: score a failed again",
    ]
    assert "1 of 1 jobs done" in lines


def test_an_interrupted_run_shows_no_errors_of_its_jobs() -> None:
    shown = Shown()
    shown.start(score=2)
    shown.job(1, "score")
    shown.record("Terminating processes on user request, this might take some time.")
    shown.failed(1, "score", raised=KILLED)
    assert shown.end()[1:] == [
        "interrupted: waiting for the running jobs to stop",
        "interrupted: 0 of 2 jobs done; the same command goes on from here",
    ]


def test_notes_of_jobs_are_shown_up_to_a_limit() -> None:
    log = write("a.log", "".join(f"{NOTE}own: remark {number}\n" for number in range(NOTES + 3)))
    shown = Shown()
    shown.start(score=1)
    shown.job(1, "score", log=log)
    shown.finished(1)
    lines = shown.end()
    assert [line for line in lines if line.startswith("note: ")] == [
        f"note: own: remark {number}" for number in range(NOTES)
    ]
    assert "3 further notes are in the logs of the jobs." in lines


@pytest.mark.parametrize("fails", [False, True])
def test_the_log_of_a_report_is_shown_whole(fails: bool) -> None:
    log = write("corpora.log", "mine: train: 3 rows\nmine: left out: 1 label missing: t.csv:3\n")
    reading = write("read.log", f"{NOTE}mine: left out: 1 label missing: t.csv:3\n")
    shown = Shown()
    shown.start(prepare_corpus=1, corpora=1)
    shown.job(1, "prepare_corpus", log=reading)
    shown.finished(1)
    shown.job(2, "corpora", log=log)
    if fails:
        shown.failed(2, "corpora", log=log)
    else:
        shown.finished(2)
    lines = [line for line in shown.end() if "left out" in line]
    assert lines == ["mine: left out: 1 label missing: t.csv:3"]  # not once more as a note


def test_nothing_to_be_done_still_says_where_the_results_are() -> None:
    shown = Shown()
    view = StudyView("s", "results/s", ("table_1",), ())
    describe_study([object(), shown.handler], view)
    shown.record("Workflow has started!", event="workflow_started")
    shown.record("Nothing to be done (all requested files are present and up to date).")
    lines = shown.end()
    assert lines[0] == "Nothing to be done: all results are up to date."
    assert "Results: results/s/tables" in lines


def test_a_run_that_is_stopped_before_its_first_job_ends_without_a_summary() -> None:
    shown = Shown()
    shown.start(score=1)
    assert shown.end() == []


def test_planned_jobs_and_earlier_durations_make_the_first_estimate() -> None:
    benchmark = write("results/s/benchmarks/score/a.tsv", "s\th\n600\t-\n")
    shown = Shown()
    describe_plan([shown.handler], [("score", {"model": "a"}, benchmark), ("score", {"model": "b"}, "")])
    shown.start(score=2)
    shown.job(1, "score", model="a")
    assert shown.lines == ["2 jobs, about 10 min of work for one job at a time"]


def test_a_message_of_the_workflow_is_shown() -> None:
    shown = Shown()
    shown.start(score=1)
    logger = logging.getLogger("snakemake.logging")
    logger.addHandler(shown.handler)
    try:
        show("error: a job was killed", logging.ERROR)
    finally:
        logger.removeHandler(shown.handler)
    assert shown.lines == ["", "error: a job was killed"]


def test_an_error_of_the_display_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, handled = Shown(), list[logging.LogRecord]()
    monkeypatch.setattr(shown.handler, "handleError", handled.append)
    shown.start(score=1)
    shown.record(event="job_info", jobid="no number", wildcards=3)
    assert len(handled) == 1


def test_a_study_of_three_seeds_for_each_model_has_at_most_120_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Jobs as in the miniature with three seeds for each model; two at a time take as long as on its machine."""
    now = [0.0]
    clock: Any = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(run, "time", clock)
    monkeypatch.setattr(handler, "time", clock)
    monkeypatch.setattr(handler.threading, "Thread", lambda **_: SimpleNamespace(start=lambda: None))
    counts = {"make_miniature": 1, "inventory": 4, "prepare_corpus": 3, "fetch_pretrained": 7, "pack_audio": 5}
    counts |= {"apply_conditions": 3, "synthesise": 1, "extract_stem_features": 25, "finetune": 37, "train_cnn14": 3}
    counts |= {"extract_augmented_features": 15, "extract_synthesised_features": 5}
    counts |= {"predict": 90, "predict_conditions": 84, "pool_states": 30, "transcribe": 5, "embed_text": 3}
    counts |= {"train_fusion": 15, "predict_fusion": 15, "score": 129, "summarise_scores": 1, "measure_separation": 1}
    counts |= {"project_states": 1, "claims": 1} | {f"figure_{number:02d}": 1 for number in range(2, 14)}
    counts |= {f"table_{number}": 1 for number in (1, 2, 3)}
    shown = Shown()
    shown.start(**counts)
    jobs = [(rule, str(seed)) for rule, count in counts.items() for seed in range(count)]
    for number, (rule, seed) in enumerate(jobs):
        shown.job(number, rule, model="m", seed=seed)
        for _ in range(20):
            now[0] += table_s(rule) / 2 / 20
            shown.handler._display.tick(shown.handler.run.status(now[0]), now[0])
        shown.finished(number)
    lines = shown.end()
    assert now[0] > 2700  # seconds
    assert sum(": trained" in line for line in lines) == 37 + 3
    assert any("; running: " in line for line in lines)  # of progress
    assert f"{len(jobs)} of {len(jobs)} jobs done" in lines
    room_for_the_summary = 40
    assert len(lines) <= 120 - room_for_the_summary
