"""What a run says of jobs that were killed, most often for lack of memory, and so could say nothing themselves."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from valence_gap.runtime.errors import UserError

# What Snakemake, the kernel and SLURM say of a job that was killed, and how it is told.
KILL_PATTERNS = (
    (r"OUT_OF_MEMORY|exceeded (job )?memory limit|oom[-_]kill|OOM Killed", "it used more memory than it asked for"),
    (r"died with <Signals\.SIGKILL: 9>|returned non-zero exit status 137\b|task \d+: Killed", "SIGKILL"),
    (r"died with <Signals\.SIGBUS: 7>|returned non-zero exit status 135\b", "SIGBUS"),
)
# A job of a cluster that ended without any of the words of one that fails, or is ended for another reason.
SILENT = "its log just ends"
SPOKEN = r"error|exception|traceback|told to stop|cancelled|timeout|time limit|node_?fail|boot_fail|deadline"
FURTHER = "For further error details see"  # what every message about a cluster's job ends in
# Where a stretch of Snakemake's log begins that is about one job.
HEADER = re.compile(r"^(?:(?:local)?rule (?P<begun>\w+)|Error in rule (?P<failed>\w+)|RuleException):$", re.MULTILINE)
# A failed job's own log, printed between two equal lines; that of a cluster's job holds a Snakemake's log in turn.
QUOTED = re.compile(r"^Logfile [^\n]*:\n(=+)\n.*?^\1\n", re.MULTILINE | re.DOTALL)
TRAININGS = ("finetune", "train_cnn14")


@dataclass(frozen=True)
class KilledJob:
    """A job that was killed.

    Attributes:
        rule: its rule.
        how: what is known of its end.
        logs: its log, and that of the cluster.
        cluster: the scheduler's number of it; None on this machine.
        memory_mb: the memory that it asked for; None where it named none.
    """

    rule: str
    how: str
    logs: tuple[str, ...]
    cluster: str | None
    memory_mb: int | None

    def line(self) -> str:
        """The job, how it ended, what it had asked for, and where it wrote."""
        requested = f", mem_mb={self.memory_mb}" if self.cluster and self.memory_mb else ""
        return f"{self.rule}: {self.how}{requested}; log: {', '.join(self.logs) or 'none'}"


def killed_jobs(logs: Iterable[str]) -> str | None:
    """What to do about jobs that were killed, most often because memory ran out; None where none was.

    Args:
        logs: Snakemake's own logs of the run; the jobs' are read where these name them.
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
        section: what Snakemake says of it after ``Error in rule``.
        raised: the error of its shell, which comes before.
        memory_mb: what it had asked for.
    """
    named = _field(section, r"log: (.*?)(?: \(check log file.*)?$")
    logs = named.split(", ") if named else []
    cluster = _field(section, r"external_jobid: (\S+)$")
    if cluster:  # profiles/cluster-generic lays it there, and Snakemake does not know
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
            f"On the cluster, let them ask for more: under set-resources of your profile, {raised} (--set-resources on "
            "the command line replaces the profile's whole list); with `* attempt`, --retries asks for more each time."
        )
    if any(job.cluster is None for job in jobs):
        advice.append("On this machine, let fewer jobs run at once: --cores 1, or --resources mem_mb=8000.")
    if any(job.how == "SIGBUS" for job in jobs):
        advice.append(
            "SIGBUS also comes of a full disk or /dev/shm, or of a file that was cut short while it was read."
        )
    if any(job.rule in TRAININGS for job in jobs):
        advice.append("For a training, set micro_batch_size to 8 or less (the result stays that of the whole batch).")
    return "\n".join([*advice, "Then run the same again: what is done stays."])


def _field(text: str, pattern: str) -> str | None:
    found = re.search(f"^    {pattern}", text, re.MULTILINE)
    return found[1] if found else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
