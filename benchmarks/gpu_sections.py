"""The sections of the benchmark of a GPU. Each calls what the study's jobs call, and adds rows to a report."""

import gc
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import gpu_profile
import torch
from gpu_material import Material, training_flop
from gpu_steps import SKIPPED, Steps, TrainingRun

from valence_gap.prediction.inference import predict
from valence_gap.prediction.inputs import Inputs, open_inputs
from valence_gap.prediction.stem_features import extract_features

PROFILED, PROFILED_CASE = 6, "profiled steps"
WARM_UP, FIRST = 0.35, 0.5  # shares of the time of a section for its first epoch, and of what is left for the second


@dataclass
class Report:
    """What a section found.

    Attributes:
        rows: numbers by their name, for each case.
        notes: what was left out, and why.
    """

    rows: dict[str, dict[str, float]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def add(self, case: str, **values: float | None) -> None:
        """Add numbers to a case; None is a number that is not known here."""
        known = {name: float(value) for name, value in values.items() if value is not None}
        self.rows.setdefault(case, {}).update(known)


class Window:
    """The time of a section.

    Args:
        seconds: that it may take.
    """

    def __init__(self, seconds: float) -> None:
        self._end = time.perf_counter() + seconds

    @property
    def left(self) -> float:
        """Seconds that are left; negative where the section is late."""
        return self._end - time.perf_counter()

    def fits(self, seconds: float, what: str, report: Report) -> bool:
        """Whether there is time for something; if not, the report says so."""
        if seconds <= self.left:
            return True
        report.notes.append(f"{what}: skipped, needs about {seconds:.1f} s, and {max(0.0, self.left):.1f} s are left")
        return False


@dataclass
class Bench:
    """What the sections share.

    Attributes:
        material: data and definitions.
        device: of the computation.
        bf16_tflops: rate of a large product; None until it is measured.
    """

    material: Material
    device: torch.device
    bf16_tflops: float | None = None
    _runs: dict[str, TrainingRun] = field(default_factory=dict)

    def run(self, kind: str) -> TrainingRun:
        """A training; the last one is kept, and no other, since several may not fit on a GPU."""
        if kind not in self._runs:
            self.release()
            self._runs[kind] = TrainingRun(self.material, kind, self.device)
        return self._runs[kind]

    def release(self) -> None:
        """Free the memory of the last training."""
        while self._runs:
            self._runs.popitem()[1].close()
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()

    @contextmanager
    def memory(self, report: Report, case: str) -> Iterator[None]:
        """Add the peaks of the GPU's memory within the block, in GB: used by tensors, and reserved by PyTorch."""
        if self.device.type != "cuda":
            yield
            return
        torch.cuda.reset_peak_memory_stats()
        try:
            yield
        finally:
            used, reserved = torch.cuda.max_memory_allocated(), torch.cuda.max_memory_reserved()
            report.add(case, peak_gb=used / 1e9, reserved_gb=reserved / 1e9)


def machine(bench: Bench, window: Window, report: Report) -> None:
    """Rates of large products, and what a launch costs the host."""
    report.add("host", **gpu_profile.host_costs(bench.device))
    rates = gpu_profile.product_rates(bench.device, tiny=bench.material.tiny)
    bench.bf16_tflops = rates["bf16_tflops"]
    report.add("large products", **rates)


def training(kind: str) -> Callable[[Bench, Window, Report], None]:
    """The section of a training: one epoch of warm-up, then batches of new shapes, then the same again."""

    def section(bench: Bench, window: Window, report: Report) -> None:
        bench.release()
        with bench.memory(report, "memory"):
            run = bench.run(kind)
            first = run.steps(1, seconds=WARM_UP * window.left)
            report.add("first epoch", step_ms=first.step_ms, steps=first.count)
            if first.whole < len(run.plan(1)):
                report.notes.append(f"first epoch: ended after {first.whole} of {len(run.plan(1))} steps")
            fresh = run.steps(2, seconds=FIRST * window.left)
            _add(bench, report, "shapes new", kind, fresh)
            if window.fits(fresh.seconds, "shapes seen before", report):
                seen = run.steps(2, count=fresh.whole)
                _add(bench, report, "shapes seen before", kind, seen)
        if window.fits(PROFILED * fresh.seconds / fresh.count, PROFILED_CASE, report):
            plain = run.steps(2, count=SKIPPED + PROFILED)
            report.add(PROFILED_CASE, step_ms=plain.step_ms, steps=plain.count)

    return section


def _add(bench: Bench, report: Report, case: str, kind: str, steps: Steps) -> None:
    rate = training_flop(bench.material, kind, steps.durations_s) / steps.seconds / 1e12
    report.add(
        case,
        audio_s_per_s=steps.audio_s_per_s,
        step_ms=steps.step_ms,
        waited_ms=None if steps.waited_s is None else 1e3 * steps.waited_s / steps.count,
        nominal_tflops=rate,
        nominal_share=rate / bench.bf16_tflops if bench.bf16_tflops else None,
        steps=steps.count,
    )


def profile(kind: str) -> Callable[[Bench, Window, Report], None]:
    """The profile of some steps that the section has timed; it makes all later launches of its process dearer."""

    def section(bench: Bench, window: Window, report: Report) -> None:
        bench.release()
        run, records = bench.run(kind), gpu_profile.Profile()
        run.steps(2, count=SKIPPED + PROFILED)  # so that no shape is new
        profiled = run.steps(2, count=SKIPPED + PROFILED, around=records.recording())
        if found := gpu_profile.summary(records.events, profiled.count):
            report.add(PROFILED_CASE, **found)
        else:
            report.notes.append("profile: it contains no kernels, so there is no busy share")

    return section


def prediction(bench: Bench, window: Window, report: Report) -> None:
    """Predictions of the large model, from stem features and from audio; each twice, since shapes are new only once."""
    model, test = bench.run("large").model, bench.material.test
    sources: dict[str, Callable[[], Inputs]] = {
        "from features": lambda: open_inputs("stem", features=test.features, stem=model.stem),
        "from audio": lambda: open_inputs("stem", audio=test.audio, stem=model.stem),
    }
    for source, opened in sources.items():
        spent = 0.0
        for case in (f"{source}, shapes new", f"{source}, shapes seen before"):
            if window.fits(spent, case, report):
                with bench.memory(report, case):
                    inputs = opened()
                    started = time.perf_counter()
                    predict(model, inputs, precision="auto", what="")
                    spent = time.perf_counter() - started
                _add_utterances(bench, report, case, spent)


def stem(bench: Bench, window: Window, report: Report) -> None:
    """Stem features of the large model from audio to disk, as the job of the study computes them, twice."""
    own = bench.run("large").model.stem
    if own is None:
        raise RuntimeError("the large model has no stem")
    folder = bench.material.backbone_with_stem("large", own.extractor)
    audio, output, spent = bench.material.test.audio, bench.material.folder / "written-features", 0.0
    if audio is None:
        raise RuntimeError("there is no audio")
    for case in ("shapes new", "shapes seen before"):
        if window.fits(spent, case, report):
            with bench.memory(report, case):
                started = time.perf_counter()
                extract_features(folder, audio, output)
                spent = time.perf_counter() - started
            shutil.rmtree(output)
            _add_utterances(bench, report, case, spent)


def _add_utterances(bench: Bench, report: Report, case: str, spent: float) -> None:
    inputs = open_inputs("waveform", audio=bench.material.test.audio)
    audio_s = float(inputs.lengths.sum()) / 16_000
    report.add(case, audio_s_per_s=audio_s / spent, ms_per_utterance=1e3 * spent / len(inputs))


def trainer(bench: Bench, window: Window, report: Report) -> None:
    """The same fine-tuning by ``transformers.Trainer``, in random order and by length."""
    try:
        import gpu_trainer
    except ImportError as error:
        report.notes.append(f"skipped, since a package is missing: {error}")
        return
    bench.release()
    orders = [(kind, order) for kind in ("large", "base") for order in gpu_trainer.ORDERS]
    for number, (kind, order) in enumerate(orders):
        seconds = window.left / (len(orders) - number)
        if window.fits(0.0 if bench.material.tiny else gpu_trainer.LEAST_S, f"{kind}, {order}", report):
            case = f"{kind}, {order}"
            with bench.memory(report, case):
                steps = gpu_trainer.steps(bench.material, kind, order, bench.device, seconds)
            _add(bench, report, case, kind, steps)
            bench.release()


@dataclass(frozen=True)
class Section:
    """A part of the benchmark.

    Attributes:
        title: as the tables show it.
        weight: of its share of the time.
        least_s: seconds below which it is not begun, on a GPU.
        measure: does it.
        profile: profiles it, in a process in which nothing is timed; None: there is nothing to profile.
    """

    title: str
    weight: float
    least_s: float
    measure: Callable[[Bench, Window, Report], None]
    profile: Callable[[Bench, Window, Report], None] | None = None


# In this order: prediction and stem use the large model of the section before them.
SECTIONS = {
    "machine": Section("products and launches", 1, 2, machine),
    "large": Section("fine-tuning of w2v2-L, batch 32, from stem features", 4, 8, training("large"), profile("large")),
    "prediction": Section("prediction, w2v2-L", 2, 6, prediction),
    "stem": Section("stem features, w2v2-L, from audio to disk", 1, 3, stem),
    "base": Section("fine-tuning of w2v2-b, batch 32, from stem features", 2, 5, training("base"), profile("base")),
    "random": Section(
        "w2v2-L from random weights, stem trained, batch 32",
        3,
        10,
        training("random weights"),
        profile("random weights"),
    ),
    "cnn14": Section("CNN14, batch 64, from audio", 2, 5, training("CNN14"), profile("CNN14")),
    "trainer": Section("transformers.Trainer, batch 32, from audio, stem frozen", 5, 15, trainer),
}
