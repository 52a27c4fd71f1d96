"""Errors of a run as a user sees them: the message of the job and its log's path, without JSON and shell lines."""

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from valence_gap.terminal.jobs import Job, log_text

LINES, WIDTH = 30, 400  # of a message; the log has all
LAST = 5  # lines of a log that ends without a message
FURTHER = "For further error details see"  # the end of what an executor for clusters says about a failed job

_ENDED = re.compile(r"died with <Signals\.(SIG\w+)|returned non-zero exit status (\d+)")
_NO_RULE = re.compile(r"No rule to produce (\S+)")
_NO_FILE = re.compile(r"FileNotFoundError: \[Errno 2\] No such file or directory: '([^']+)'")
_LAST_LINE = re.compile(r"^(?:At least one job did not complete successfully|Exiting because a job execution failed)")


def failed_job(job: Job, said: str = "", raised: str = "") -> list[str]:
    """What is shown of a failed job.

    Args:
        job: the job.
        said: the message of the executor, as for a job on a cluster.
        raised: the error that Snakemake caught, which contains the command.

    Returns:
        The lines of its message: those of its log, else how its process ended.
    """
    for path in job.logs:
        if message := message_of(log_text(path)):
            return message
    ended = _ENDED.search(raised)
    if ended:
        how = f"its process was ended by {ended[1]}" if ended[1] else f"its process ended with exit status {ended[2]}"
        return [*(line for path in job.logs[:1] for line in _shown(log_text(path).splitlines()[-LAST:])), how]
    lines = [line for line in (said.partition(FURTHER)[0] or _without_command(raised)).splitlines() if line.strip()]
    return _shown(lines) or ["it failed without a message"]


def message_of(log: str) -> list[str]:
    """The message of an error at the end of a job's log: after ``error:``, or the last line of a traceback."""
    lines = log.rstrip().splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("error: ")]
    if starts:
        return _shown([lines[starts[-1]].removeprefix("error: "), *lines[starts[-1] + 1 :]])
    if any(line.startswith("Traceback (most recent call last)") for line in lines):
        return _shown([lines[-1]])
    return []


def workflow_error(text: str, rules: Iterable[str]) -> list[str]:
    """What is shown of an error of Snakemake itself; nothing for one that only repeats that jobs have failed.

    Args:
        text: the error as Snakemake writes it: its kind, then its message.
        rules: names of the workflow's rules.
    """
    lines = [line for line in text.splitlines() if line.strip()]
    if any(_LAST_LINE.match(line) for line in lines):
        return []
    if named := _NO_RULE.search(text):
        return _no_rule(named[1], rules)
    missing = _NO_FILE.search(text)
    if missing and "load_configfile" in text:
        is_target = not missing[1].endswith((".yaml", ".yml", ".json"))
        advice = f"A target stands before it: snakemake {missing[1]} --configfile FILE..." if is_target else ""
        return [f"no configuration file {missing[1]}", advice or "Correct the path after --configfile."]
    if lines and re.fullmatch(r"\w+(?:Exception|Error)(?: in .*)?:", lines[0]):
        lines = lines[1:]
    return _shown(lines)


def is_of_a_job(text: str) -> bool:
    """Whether an error is that of a job's command; the message of the job follows."""
    return "CalledProcessError" in text or "SpawnedJobError" in text


def _no_rule(wanted: str, rules: Iterable[str]) -> list[str]:
    padded = re.sub(r"\d+$", lambda number: number[0].zfill(2), wanted)  # figure_2 for figure_02
    known = sorted(set(rules))
    near = [padded] if padded in known else get_close_matches(wanted, known, n=3, cutoff=0.7)
    lines = [f"no rule and no rule's output is called {wanted}"]
    lines += [f"Did you mean {' or '.join(near)}?"] if near else []
    return [*lines, "`snakemake --list` names every rule."]


def _without_command(raised: str) -> str:
    return re.split(r"^Command ['\"]", raised, maxsplit=1, flags=re.MULTILINE)[0]


def _shown(lines: Sequence[str]) -> list[str]:
    more = [f"... and {len(lines) - LINES:,} more lines"] if len(lines) > LINES else []
    return [*(line if len(line) <= WIDTH else f"{line[:WIDTH]} ..." for line in lines[:LINES]), *more]
