"""Hours that a study takes, on a GPU and on the CPU of this machine, and how they are estimated."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from valence_gap.preflight.cards import largest_name
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.findings import Finding
from valence_gap.preflight.finished import Finished, Measured, estimated_s, finished_jobs, measured
from valence_gap.preflight.rates import TFLOPS, GpuMachine, Machine, cpu_machine
from valence_gap.preflight.work import Kind, Work, jobs_of
from valence_gap.runtime.provenance import cpu_model

KINDS: Mapping[Kind, str] = {
    "finetune": "fine-tuning of transformers",
    "random": "training from random weights",
    "cnn14": "training of CNN14",
    "pool": "states of frozen models and for fusions",
    "predict": "predictions",
    "stem": "stem features",
    "transcribe": "transcription",
    "audio": "decoding, augmentation and synthesis",
    "short": "corpora, scores, figures and other short jobs",
}
DEFAULT_CARD = "A100"
COARSER = 5  # times the step of the evaluations, whose saving is stated
S_PER_HOUR = 3600.0


@dataclass(frozen=True)
class Estimate:
    """The hours of a study on a machine.

    Attributes:
        machine: the machine.
        side_by_side: jobs that compute at once.
        measured: what its finished jobs say.
        work: the jobs that take time on it.
        done: run records of those that are finished.
    """

    machine: Machine
    side_by_side: int
    measured: Measured
    work: Sequence[Work]
    done: frozenset[str]

    @property
    def unit(self) -> str:
        """What the hours of single jobs and of kinds of work are sums of."""
        return "h" if self.side_by_side == 1 else "core hours"

    def job_h(self, work: Work) -> float:
        """Hours of a job."""
        return self.scaled(work, estimated_s(self.machine, work)) / S_PER_HOUR

    def evaluations_h(self, work: Work) -> float:
        """Those of them in which the dev set is evaluated."""
        return self.scaled(work, self.machine.seconds(work, work.evaluations)) / S_PER_HOUR

    def scaled(self, work: Work, seconds: float) -> float:
        """A time by the machine's rates, corrected by finished jobs of the same kind."""
        return seconds * self.measured.factors.get(work.kind, 1.0)

    def total_h(self, selected: Callable[[Work], bool] = lambda work: True) -> float:
        """Hours from the first to the last of some jobs, if as many as can compute at once do."""
        each = [self.job_h(work) for work in self.work if selected(work)]
        return max([sum(each) / self.side_by_side, *each], default=0.0)

    def summary(self) -> str:
        """The hours in a few words."""
        spent = self.total_h(lambda work: work.record in self.done)
        done = f", {_rounded(spent)} of them done" if self.done else ""
        return f"about {_rounded(self.total_h())} hours on {self.machine.name}{done}"

    def details(self, costs: Costs) -> list[str]:
        """The hours by kind of work, those of evaluations, and how all are estimated."""
        kinds = [kind for kind in KINDS if any(one.kind == kind for one in self.work)]
        hours_of = [f"On {self.machine.name}:", *(_share(self, kind) for kind in kinds), *_evaluations(costs, self)]
        return [*hours_of, self.machine.assumptions(), *_of_finished(self.measured)]


def hours(costs: Costs, *, card: str | None) -> Finding:
    """Estimate the hours, by kind of work, and list the assumptions.

    Args:
        costs: of the study.
        card: the GPU to estimate for, one of ``TFLOPS``; None: that of this machine. If it has none, the hours are
            those of its CPU, beside those of one ``DEFAULT_CARD``.
    """
    work, here = jobs_of(costs), largest_name()
    known = card or next((name for name in TFLOPS if re.search(rf"\b{name}\b", here)), DEFAULT_CARD)
    found = finished_jobs(costs.study, work)
    on_card = _on_card(GpuMachine(known), work, found, here)
    estimates = [on_card] if card or here else [_on_cpu(costs, work, found), on_card]
    details = [*(line for estimate in estimates for line in estimate.details(costs)), *_assumed(costs, work)]
    if not any(one.flop for one in work):
        return Finding("machine", "hours", "unknown", "no audio to estimate from yet", tuple(details))
    is_known = not any(speech.assumed for splits in costs.amounts.values() for speech in splits.values())
    text = "; ".join(estimate.summary() for estimate in estimates)
    return Finding("machine", "hours", "ok" if is_known else "unknown", text, tuple(details))


def _on_card(machine: GpuMachine, work: Sequence[Work], found: Sequence[Finished], here: str) -> Estimate:
    on_gpu = [one for one in work if one.kind not in ("audio", "short")]
    done = frozenset(one.work.record for one in found if one.is_gpu)
    return Estimate(machine, 1, measured(found, machine, gpu=True, here=here), on_gpu, done)


def _on_cpu(costs: Costs, work: Sequence[Work], found: Sequence[Finished]) -> Estimate:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    machine = cpu_machine(Path(costs.study.precision_file), cores)
    done = frozenset(one.work.record for one in found)
    return Estimate(machine, cores, measured(found, machine, gpu=False, here=cpu_model()), work, done)


def _rounded(number: float) -> str:
    """Hours with two decimals, one or none: as many as an estimate deserves."""
    return f"{number:.2f}" if number < 1 else f"{number:.1f}" if number < 100 else f"{number:,.0f}"


def _share(estimate: Estimate, kind: Kind) -> str:
    """The hours of one kind of work and of its longest job."""
    jobs = [(estimate.job_h(one), one.name) for one in estimate.work if one.kind == kind]
    most, longest = max(jobs, key=lambda job: job[0])
    each = f"{len(jobs)} job{'s' * (len(jobs) > 1)}; the longest, {longest}, {_rounded(most)} h"
    return f"{_rounded(sum(job_h for job_h, _ in jobs))} {estimate.unit} {KINDS[kind]} ({each})"


def _evaluations(costs: Costs, estimate: Estimate) -> list[str]:
    """The price of evaluations within epochs, and what a coarser step would save, in one line; none without them."""
    numbers: dict[str, int] = {}
    spent = coarser = once = 0.0
    for one in estimate.work:
        if not one.evaluations:
            continue
        model = one.name.rpartition(" seed ")[0]
        recipe = costs.study.recipe(model)
        number, hours_of = costs.evaluations(model, recipe), estimate.evaluations_h(one)
        spent += hours_of
        once += hours_of * (1 - recipe.epochs / number)
        if recipe.evaluate_every is not None:
            fewer = replace(recipe, evaluate_every=COARSER * recipe.evaluate_every)
            coarser += hours_of * (1 - costs.evaluations(model, fewer) / number)
            name = str(costs.study.models[model].recipe)
            numbers[name] = max(numbers.get(name, 0), number)
    if not numbers:
        return []
    each = ", ".join(f"{number} in a training of {recipe}" for recipe, number in numbers.items())
    share = spent / sum(estimate.job_h(one) for one in estimate.work)
    return [
        f"{_rounded(spent)} {estimate.unit} of them ({share:.0%}) evaluate the dev set: {each}. An evaluate_every "
        f"{COARSER} times as large would save {_rounded(coarser)} h, and null, once an epoch, {_rounded(once)} h."
    ]


def _of_finished(found: Measured) -> list[str]:
    """How finished jobs correct the rates, in one line; none without them."""
    if not found.factors:
        return []
    each = ", ".join(f"{KINDS[kind]} x {factor:.2f}" for kind, factor in found.factors.items())
    return [f"Corrected by the times of this study's finished jobs on {found.device}: {each}."]


def _assumed(costs: Costs, work: Sequence[Work]) -> list[str]:
    """What is assumed of models and corpora that are not here."""
    total = sum(one.flop for one in work) / 1e18
    lines = [f"{total:.3g} EFLOP, from layers, hidden units and hours of audio; training is three times forward."]
    names = ", ".join(name for name, size in (costs.sizes | costs.finished).items() if size.assumed)
    if names:
        lines.append(f"Assumed large encoders (24 x 1024), because their configuration is not here: {names}.")
    if any(speech.assumed for splits in costs.amounts.values() for speech in splits.values()):
        lines.append(
            "For corpora that could not be read: the paper's hours, and a fifth of train as dev split. For a miniature "
            "that is not made yet: its configured numbers of utterances."
        )
    return lines
