"""The state of a run: its jobs, its failures, and the lines that tell of them."""

import time
from dataclasses import dataclass, field

from valence_gap.terminal import errors
from valence_gap.terminal.display import Status
from valence_gap.terminal.ending import StudyView, ending
from valence_gap.terminal.jobs import (
    PRINTED,
    TRAININGS,
    Job,
    log_text,
    notes_from_log,
    result_of_training,
    stage_of,
    training_from_log,
)
from valence_gap.terminal.work import Work, clock

NOTES = 20  # notes of jobs that are shown; the logs have all


@dataclass
class Run:
    """What is known of a run so far.

    Attributes:
        view: the study.
        counts: the number of planned jobs by rule, as Snakemake states it.
        jobs: the planned jobs, if the workflow has named them.
        work: the durations of the jobs.
        known: started jobs by number.
        failures: how often each job failed that has not succeeded since, by number.
        messages: messages of failed jobs that were shown, with the title of the first job of each.
        notes: number of notes.
        log: path of Snakemake's log.
        newest: the training that ended last.
        announced: whether the first job has started.
        nothing: whether there was nothing to do.
        interrupted: whether the user ended the run.
        remote: whether jobs are submitted to a cluster.
        broken: whether Snakemake stopped with an error of its own.
        width: characters of a line of the summary; None: not limited.
    """

    view: StudyView = field(default_factory=StudyView)
    counts: dict[str, int] = field(default_factory=dict)
    jobs: tuple[Job, ...] = ()
    work: Work = field(default_factory=Work)
    known: dict[int, Job] = field(default_factory=dict)
    failures: dict[int, int] = field(default_factory=dict)
    messages: dict[tuple[str, ...], str] = field(default_factory=dict)
    notes: int = 0
    log: str = ""
    newest: str = ""
    announced: bool = False
    nothing: bool = False
    interrupted: bool = False
    remote: bool = False
    broken: bool = False
    width: int | None = None

    def announce(self) -> list[str]:
        """Take the planned jobs; return the first line of the run."""
        self.announced = True
        self.work.plan(self.counts, self.jobs)
        count = sum(self.work.planned.values())
        total = clock(self.work.remaining_s(time.monotonic(), {}))
        name = f"{self.view.name}: " if self.view.name else ""
        return [f"{name}{count} jobs, about {total} of work for one job at a time"] if count > 1 else []

    def start(self, job: Job) -> None:
        """A job begins."""
        self.known[job.number] = job
        self.work.start(job, time.monotonic())

    def finish(self, number: int) -> tuple[list[str], list[str]]:
        """A job ends; return its notes, and the events: a training or a stage that has finished."""
        found = self.work.finish(number, time.monotonic())
        if found is None:
            return [], []
        job, seconds = found
        self.failures.pop(number, None)
        if job.rule in PRINTED:
            return log_text(job.log).rstrip().splitlines(), []
        events = []
        if job.rule in TRAININGS:
            self.newest = f"{job.title}: {result_of_training(job.log) or 'trained'}, {clock(seconds)}"
            events.append(self.newest)
        stage = stage_of(job.rule)
        done, planned = self.work.stages().get(stage, (0, 0))
        if done == planned:
            events.append(f"{stage}: done, {done} {'job' if done == 1 else 'jobs'}")
        return self._notes(job), events

    def fail(self, job: Job, said: str, raised: str) -> list[str]:
        """A job fails; return what is shown of it.

        Args:
            job: the job, with all of its logs.
            said: the message of the executor.
            raised: the error that Snakemake caught.
        """
        self.work.stop(job.number)
        self.failures[job.number] = self.failures.get(job.number, 0) + 1
        if self.interrupted:
            return []
        title, where = self.known.get(job.number, job).title, f"  log: {', '.join(job.logs) or 'none'}"
        if job.rule in PRINTED:
            return [log_text(job.log).rstrip() or f"error: {title} failed", where]
        message = tuple(errors.failed_job(job, said, raised))
        before = self.messages.setdefault(message, title)
        if before != title:
            return [f"error: {title} failed as {before} did", where]
        if self.failures[job.number] > 1:
            return [f"error: {title} failed again", where]
        return ["", f"error: {title} failed", *(f"  {line}" for line in message), where]

    def status(self, now: float) -> Status:
        """The state at a time of `time.monotonic`."""
        states: dict[int, str] = {}
        shares: dict[int, float] = {}
        for number, (job, _) in self.work.running.items():
            if job.rule in TRAININGS:
                training = training_from_log(job.log)
                states[number] = ", ".join(filter(None, (training.epoch, training.scores)))
                shares |= {number: training.done} if training.done else {}
        running = [
            (job.title, states.get(number) or ("submitted" if self.remote else ""), clock(now - start))
            for number, (job, start) in self.work.running.items()
        ]
        spent = now - self.work.begun if self.work.begun is not None else 0.0
        times = f"{clock(spent)} so far, about {clock(self.work.left_s(now, shares))} left"
        return Status(self.work.stages(), running, self.work.done(now, shares), times, self.newest)

    def last_lines(self) -> list[str]:
        """What is shown when Snakemake ends."""
        log = [f"Snakemake's log: {self.log}"] if self.log else []
        planned, ended = sum(self.work.planned.values()), sum(self.work.ended.values())
        if self.interrupted:
            return [f"interrupted: {ended} of {planned} jobs done; the same command goes on from here", *log]
        if self.failures or self.broken:
            failed = len(self.failures)
            counts = f"{ended} of {planned} jobs done, {failed} failed, {planned - ended - failed} not run"
            return [*(["", counts] if planned else []), *log]
        if self.nothing:
            return ["Nothing to be done: all results are up to date.", *_spaced(ending(self.view, self.width))]
        if not self.announced:  # for example, a preflight stopped the run
            return []
        hidden = self.notes - NOTES
        more = [f"{hidden} further notes are in the logs of the jobs."] if hidden > 0 else []
        summary = [] if {*self.work.planned} <= PRINTED else [f"{ended} of {planned} jobs done"]
        return [*more, *summary, *_spaced(ending(self.view, self.width)), *(log if summary else [])]

    def _notes(self, job: Job) -> list[str]:
        if "corpora" in self.work.planned:  # its report has them all
            return []
        notes = notes_from_log(job.log)
        shown = notes[: max(0, NOTES - self.notes)]
        self.notes += len(notes)
        return [f"note: {line}" for line in shown]


def _spaced(lines: list[str]) -> list[str]:
    return ["", *lines, ""] if lines else []
