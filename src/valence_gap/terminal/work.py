"""How far a run is by work, and how long it still takes: jobs weighed by their durations, not counted."""

import statistics
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from valence_gap.terminal.jobs import AGGREGATES, STAGES, Job, stage_of

# Seconds of a job on the miniature (CPU time of a core of an AMD EPYC with AVX512-BF16). Only their ratios count once
# jobs of the run have finished.
SECONDS = {
    "make_miniature": 44.0,
    "pretrain_backbone": 3500.0,
    "train_recogniser": 230.0,
    "pretrain_text_encoder": 75.0,
    "apply_conditions": 3.2,
    "synthesise": 6.4,
    "extract_stem_features": 6.6,
    "extract_augmented_features": 15.0,
    "extract_synthesised_features": 4.7,
    "finetune": 126.0,
    "train_cnn14": 480.0,
    "train_fusion": 6.6,
    "predict": 3.8,
    "predict_conditions": 6.9,
    "pool_states": 5.1,
    "transcribe": 19.0,
    "embed_text": 7.2,
    "predict_fusion": 2.7,
    "score": 1.1,
    "project_states": 15.0,
    "claims": 69.0,
}
FIGURE_S, OTHER_S = 3.6, 1.1
# The same for the trainings of its models, which differ most.
TRAINING_S = {
    "w2v2-b": 170.0,
    "w2v2-b-frozen": 7.7,
    "hubert-b": 180.0,
    "hubert-b-frozen": 7.7,
    "w2v2-L": 250.0,
    "w2v2-L-frozen": 14.0,
    "w2v2-L-random": 480.0,
    "w2v2-L-robust": 260.0,
    "w2v2-L-robust-frozen": 14.0,
    "w2v2-L-robust-1": 100.0,
    "w2v2-L-robust-2": 130.0,
    "w2v2-L-robust-2-12": 30.0,
    "w2v2-L-robust-2-25": 44.0,
    "w2v2-L-robust-2-75": 130.0,
    "w2v2-L-robust-3": 210.0,
    "w2v2-L-xls-r": 260.0,
    "w2v2-L-xls-r-frozen": 11.0,
}
PRIOR_JOBS = 2  # weight of the expectation against the jobs of a rule that have finished
LEAST_LEFT = 0.05  # share of its expected duration that a job still takes which has already taken longer


@dataclass
class Work:
    """The jobs of a run and their durations.

    Attributes:
        waiting: jobs that have not started, by rule: their expected durations in seconds.
        running: jobs that have started, by number, with the time of their start.
        finished: by rule, the sums of expected and of real seconds.
        planned: number of jobs by rule.
        ended: number of finished jobs by rule.
        busy_s: seconds of all finished jobs.
        begun: time of the first start of a job.
    """

    waiting: dict[str, list[float]] = field(default_factory=dict)
    running: dict[int, tuple[Job, float]] = field(default_factory=dict)
    finished: dict[str, tuple[float, float]] = field(default_factory=dict)
    planned: dict[str, int] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    busy_s: float = 0.0
    begun: float | None = None
    _expected: dict[tuple[str, str], float] = field(default_factory=dict)

    def plan(self, counts: dict[str, int], jobs: Iterable[Job] = ()) -> None:
        """Take the jobs of the run.

        Args:
            counts: their number by rule, as Snakemake states it.
            jobs: the jobs themselves, if they are known: durations of earlier runs are then looked up.
        """
        self._expected = {(job.rule, job.title): expected_s(job) for job in jobs}
        for rule, count in counts.items():
            if rule in AGGREGATES:
                continue
            known = [seconds for (name, _), seconds in self._expected.items() if name == rule]
            mean = statistics.fmean(known) if known else table_s(rule)
            self.planned[rule] = count
            self.waiting[rule] = known[:count] + [mean] * max(0, count - len(known))

    def start(self, job: Job, now: float) -> None:
        """A job begins; ``now`` is a time of `time.monotonic`."""
        if job.rule in AGGREGATES:
            return
        self.begun = now if self.begun is None else self.begun
        if waiting := self.waiting.get(job.rule):  # empty for a job that is tried again
            seconds = self.expected(job)
            waiting.remove(min(waiting, key=lambda each: abs(each - seconds)))
        self.running[job.number] = (job, now)

    def finish(self, number: int, now: float) -> tuple[Job, float] | None:
        """A job ends; return it and its seconds, None if it was not running."""
        if number not in self.running:
            return None
        job, start = self.running.pop(number)
        seconds = benchmark_s(job.benchmark) or now - start
        expected, real = self.finished.get(job.rule, (0.0, 0.0))
        self.finished[job.rule] = expected + self.expected(job), real + seconds
        self.ended[job.rule] = self.ended.get(job.rule, 0) + 1
        self.busy_s += seconds
        return job, seconds

    def stop(self, number: int) -> Job | None:
        """A job fails; return it."""
        job, _ = self.running.pop(number, (None, 0.0))
        return job

    def expected(self, job: Job) -> float:
        """Expected seconds of a job, before the run has measured anything."""
        return self._expected.get((job.rule, job.title)) or table_s(job.rule, job.wildcards.get("model", ""))

    def scale(self, rule: str) -> float:
        """Real over expected seconds of a rule's jobs: of those that have finished, drawn towards that of all rules."""
        overall = 1.0
        if self.finished:
            expected, real = (sum(part) for part in zip(*self.finished.values(), strict=True))
            overall = real / expected
        expected, real = self.finished.get(rule, (0.0, 0.0))
        prior = PRIOR_JOBS * table_s(rule)
        return (real + overall * prior) / (expected + prior)

    def remaining_s(self, now: float, shares: dict[int, float]) -> float:
        """Seconds of work that is left, on one job at a time.

        Args:
            now: a time of `time.monotonic`.
            shares: by number of a running job, the share of it that is done, where it is known.
        """
        waiting = sum(self.scale(rule) * sum(seconds) for rule, seconds in self.waiting.items())
        return waiting + sum(self._left_s(job, now - start, shares) for job, start in self.running.values())

    def done(self, now: float, shares: dict[int, float]) -> float:
        """Share of the work that is done, 0..1."""
        spent = self._spent_s(now)
        return spent / whole if (whole := spent + self.remaining_s(now, shares)) else 1.0

    def left_s(self, now: float, shares: dict[int, float]) -> float:
        """Seconds until the run ends, if as many jobs run at once as did so far."""
        elapsed = now - self.begun if self.begun is not None else 0.0
        parallel = self._spent_s(now) / elapsed if elapsed > 1 else float(len(self.running))
        longest = max((self._left_s(job, now - start, shares) for job, start in self.running.values()), default=0.0)
        return max(longest, self.remaining_s(now, shares) / max(1.0, parallel))

    def stages(self) -> dict[str, tuple[int, int]]:
        """Finished and planned jobs of each stage, in the order of the data flow."""
        found: dict[str, tuple[int, int]] = {}
        for rule in sorted(self.planned, key=_position):
            done, planned = found.get(stage_of(rule), (0, 0))
            found[stage_of(rule)] = done + self.ended.get(rule, 0), planned + self.planned[rule]
        return found

    def _spent_s(self, now: float) -> float:
        return self.busy_s + sum(now - start for _, start in self.running.values())

    def _left_s(self, job: Job, spent: float, shares: dict[int, float]) -> float:
        share = shares.get(job.number)
        if share:
            return spent * (1 - share) / share
        expected = self.scale(job.rule) * self.expected(job)
        return max(expected - spent, LEAST_LEFT * expected)


def expected_s(job: Job) -> float:
    """Expected seconds of a job.

    Its own duration in an earlier run; else the median of those of the same rule that differ in fewest wildcards (other
    seeds of the same model, for example); else the package's table.
    """
    if seconds := benchmark_s(job.benchmark):
        return seconds
    folder = Path(job.benchmark).parent if job.benchmark else None
    while folder is not None and "benchmarks" in folder.parts and folder.name != "benchmarks":
        if found := _durations(folder):
            return statistics.median(found)
        folder = folder.parent
    return table_s(job.rule, job.wildcards.get("model", ""))


def table_s(rule: str, model: str = "") -> float:
    """Seconds of a job of a rule on the miniature; of the model's training, if it has that model."""
    if rule == "finetune" and model in TRAINING_S:
        return TRAINING_S[model]
    return SECONDS.get(rule, FIGURE_S if rule.startswith("figure_") else OTHER_S)


def benchmark_s(path: str) -> float | None:
    """The seconds in a benchmark file of Snakemake; None if there is none."""
    with suppress(OSError, ValueError, IndexError):
        if path:
            return float(Path(path).read_text(encoding="utf-8").splitlines()[1].split("\t")[0])
    return None


@cache
def _durations(folder: Path) -> tuple[float, ...]:
    return tuple(filter(None, (benchmark_s(str(path)) for path in sorted(folder.rglob("*.tsv")))))


def _position(rule: str) -> int:
    stages = [*STAGES, "figures", "tables"]
    stage = stage_of(rule)
    return stages.index(stage) if stage in stages else len(stages)


def clock(seconds: float) -> str:
    """A duration for a reader: ``40 s``, ``12 min``, ``3.4 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
