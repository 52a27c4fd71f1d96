"""The report of a run on jobs that were killed, most often because memory ran out, and so wrote no message."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from valence_gap.runtime.errors import UserError

# What Snakemake, the kernel and SLURM write about a killed job, and the words of the report for it.
KILL_PATTERNS = (
    (r"OUT_OF_MEMORY|exceeded (job )?memory limit|oom[-_]kill|OOM Killed", "it used more memory than it requested"),
    (r"died with <Signals\.SIGKILL: 9>|returned non-zero exit status 137\b|task \d+: Killed", "SIGKILL"),
    (r"died with <Signals\.SIGBUS: 7>|returned non-zero exit status 135\b", "SIGBUS"),
)
# A job on a cluster that ended without any of the words in SPOKEN, which mean that it failed or was ended otherwise.
SILENT = "its log ends without a message"
SPOKEN = r"error|exception|traceback|stopped by SIG|cancelled|timeout|time limit|node_?fail|boot_fail|deadline"
FURTHER = "For further error details see"  # the end of every message about a job on a cluster
# The first line of a part of Snakemake's log that is about one job.
HEADER = re.compile(r"^(?:(?:local)?rule (?P<begun>\w+)|Error in rule (?P<failed>\w+)|RuleException):$", re.MULTILINE)
# A failed job's own log, printed between two equal lines. For a job on a cluster, it contains another Snakemake log.
QUOTED = re.compile(r"^Logfile [^\n]*:\n(=+)\n.*?^\1\n", re.MULTILINE | re.DOTALL)
TRAININGS = ("finetune", "train_cnn14")


@dataclass(frozen=True)
class KilledJob:
    """A job that was killed.

    Attributes:
        rule: its rule.
        how: how it ended, as far as known.
        logs: its log, and the log of the cluster.
        cluster: its number in the scheduler; None on this machine.
        memory_mb: the memory that it requested; None if it requested none.
    """

    rule: str
    how: str
    logs: tuple[str, ...]
    cluster: str | None
    memory_mb: int | None

    def line(self) -> str:
        """The job, how it ended, the memory that it requested, and its logs."""
        requested = f", mem_mb={self.memory_mb}" if self.cluster and self.memory_mb else ""
        return f"{self.rule}: {self.how}{requested}; log: {', '.join(self.logs) or 'none'}"


def killed_jobs(logs: Iterable[str]) -> str | None:
    """A report on jobs that were killed, most often because memory ran out, and what to do; None if none was killed.

    Args:
        logs: paths of Snakemake's own logs of the run. They contain the paths of the jobs' logs, which are read too.
    """
    jobs = [job for log in logs if Path(log).is_file() for job in _killed(_read(log))]
    if not jobs:
        return None
    count = "a job was" if len(jobs) == 1 else f"{len(jobs)} jobs were"
    lines = [job.line() for job in jobs]
    return str(UserError(f"{count} killed, most often because memory ran out", lines, _remedy(jobs)))


def _killed(log: str) -> Iterator[KilledJob]:
    """The jobs of a run that were killed and did not succeed in a later attempt."""
    text = QUOTED.sub("", log)
    headers = list(HEADER.finditer(text))
    found: dict[str, KilledJob] = {}
    memory: dict[str, int] = {}
    raised = ""
    for header, end in zip(headers, [*(each.start() for each in headers[1:]), len(text)], strict=True):
        section = text[header.end() : end]
        number = _field(section, r"jobid: (\d+)$")
        if header["begun"] and (requested := _field(section, r"resources: .*?\bmem_mb=(\d+)")):
            memory[str(number)] = int(requested)
        if header["failed"] and (job := _job(header["failed"], section, raised, memory.get(str(number)))):
            found[str(number)] = job
        raised = "" if header["failed"] or header["begun"] else section
        for finished in re.findall(r"^Finished jobid: (\d+)", section, re.MULTILINE):
            found.pop(finished, None)
    yield from found.values()


def _job(rule: str, section: str, raised: str, memory_mb: int | None) -> KilledJob | None:
    """A failed job, if it was killed.

    Args:
        rule: its rule.
        section: what Snakemake writes about it after ``Error in rule``.
        raised: the error of its shell, which is written before that.
        memory_mb: the memory that it requested.
    """
    named = _field(section, r"log: (.*?)(?: \(check log file.*)?$")
    logs = named.split(", ") if named else []
    cluster = _field(section, r"external_jobid: (\S+)$")
    if cluster:  # profiles/cluster-generic writes its log there, which Snakemake does not know
        logs += map(str, Path(".snakemake/cluster_logs").glob(f"{rule}-{cluster}.log"))
    message = (_field(section, r"message: (.*)$") or "").partition(FURTHER)[0]
    all_output = "\n".join([raised, message, *map(_read, logs)])
    how = next((how for words, how in KILL_PATTERNS if re.search(words, all_output, re.IGNORECASE)), None)
    if how is None and cluster and logs and not re.search(SPOKEN, all_output, re.IGNORECASE):
        how = SILENT
    return KilledJob(rule, how, tuple(logs), cluster, memory_mb) if how else None


def _remedy(jobs: Iterable[KilledJob]) -> str:
    advice = []
    requested = {job.rule: job.memory_mb for job in jobs if job.cluster}
    if requested:
        raised = ", ".join(
            f"{rule}: {{mem_mb: {2 * (memory or 4000)} * attempt}}" for rule, memory in requested.items()
        )
        advice.append(
            f"On the cluster, request more memory: under set-resources of your profile, set {raised} (--set-resources "
            "on the command line replaces the profile's whole list). With `* attempt`, each of the --retries requests "
            "more."
        )
    if any(job.cluster is None for job in jobs):
        advice.append("On this machine, run fewer jobs at once: --cores 1, or --resources mem_mb=8000.")
    if any(job.how == "SIGBUS" for job in jobs):
        advice.append(
            "SIGBUS can also mean that the disk or /dev/shm is full, or that a file was truncated while it was read."
        )
    if any(job.rule in TRAININGS for job in jobs):
        advice.append(
            "For a training, set micro_batch_size to 8 or less (the result is still that of the whole batch)."
        )
    return "\n".join([*advice, "Then run the same command again: finished outputs are kept."])


def _field(text: str, pattern: str) -> str | None:
    found = re.search(f"^    {pattern}", text, re.MULTILINE)
    return found[1] if found else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
