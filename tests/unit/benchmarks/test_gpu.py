"""The benchmark of a GPU: that all of it runs on a CPU, what its numbers mean, and that a failure stays alone."""

import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bench_setup
import gpu
import gpu_worker
import numpy as np
import pytest
import torch
from gpu_material import Material, stem_frames, training_flop
from gpu_profile import Event, covered_ns, summary
from gpu_report import markdown, ratios
from gpu_sections import SECTIONS, Bench, Report, Section, Window
from gpu_steps import LEAST, SKIPPED, TrainingRun
from lengths import draw_seconds
from scipy.stats import beta
from torch.utils.flop_counter import FlopCounterMode

from valence_gap.models import loading
from valence_gap.models.encoder import load_stem
from valence_gap.runtime import precision

CPU = torch.device("cpu")
SETTINGS = Namespace(tiny=True, cpu=True)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    with precision.cpu_threads(1):
        yield


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    return Material(tmp_path_factory.mktemp("material"), tiny=True, threads=1)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], str]:
    """The results of a run of all sections, as JSON and as tables."""
    output = tmp_path_factory.mktemp("results")
    command = [sys.executable, gpu.__file__, "--cpu", "--tiny", "--output", str(output)]
    subprocess.run(command, check=True, capture_output=True)
    return json.loads((output / "gpu-cpu.json").read_text()), (output / "gpu-cpu.md").read_text()


def test_every_section_runs_on_a_cpu(whole: tuple[dict[str, Any], str]) -> None:
    found, text = whole
    sections = {each["section"]: each for each in found["after"]["sections"]}
    assert tuple(sections) == gpu.NAMES == tuple(SECTIONS)
    assert not [each for each in sections.values() if "error" in each or not each["rows"]]
    speeds = [
        row["audio_s_per_s"] for each in sections.values() for row in each["rows"].values() if "audio_s_per_s" in row
    ]
    assert len(speeds) == 2 * 4 + 4 + 2 + 4  # trainings, predictions, stem, Trainer
    assert min(speeds) > 0
    assert sections["large"]["notes"] == ["profile: it contains no kernels, so there is no busy share"]
    assert found["after"]["about"]["versions"]["torch"] == torch.__version__
    assert "Against Trainer, base, by length" in text
    assert all(f"## {name}: " in text for name in gpu.NAMES)


def test_kernels_of_parallel_streams_count_once_and_copies_do_not() -> None:
    kernels = [Event("kernel", 0, 100), Event("kernel", 50, 100), Event("kernel", 60, 10), Event("kernel", 300, 50)]
    assert covered_ns(kernels) == 150 + 50
    others = [Event("copy", 500, 400), Event("launch", 0, 5), Event("launch", 9, 5), Event("wait", 20, 100)]
    found = summary([*others, *kernels], steps=2)
    assert found == pytest.approx({"launches": 1, "kernels": 2, "waits": 0.5, "kernel_ms": 1e-4})
    assert summary(others, steps=2) == {}


def test_the_busy_share_is_the_kernel_time_of_a_profile_in_the_time_without_it() -> None:
    section = {"rows": {"profiled steps": {"step_ms": 80.0}}, "notes": ["a"], "seconds": 2.0}
    gpu._merge(section, {"rows": {"profiled steps": {"kernel_ms": 60.0}}, "notes": ["b"], "seconds": 1.0})
    assert section["rows"] == {"profiled steps": {"step_ms": 80.0, "kernel_ms": 60.0, "busy": 0.75}}
    assert section["notes"] == ["a", "b"]
    gpu._merge(section, {"rows": {}, "notes": [], "seconds": 0.0, "error": "stopped after 9 s"})
    assert section["error"] == "profile: stopped after 9 s"


def test_the_lengths_are_quantiles_of_the_beta_distribution() -> None:
    places = (np.arange(50) + 0.5) / 50
    share = (5.8 - 2.75) / 8.25
    expected = 2.75 + 8.25 * beta.ppf(places, 4 * share, 4 * (1 - share))
    np.testing.assert_allclose(np.sort(draw_seconds(50, np.random.default_rng(0))), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["large", "base"])
def test_the_operations_of_a_training_are_those_of_the_other_benchmarks(tmp_path: Path, kind: str) -> None:
    material, durations = Material(tmp_path, tiny=False, threads=1), draw_seconds(8, np.random.default_rng(0))
    setup: Any = SimpleNamespace(configuration=lambda: material.configuration(kind), durations_s=lambda _: durations)
    expected = bench_setup.flop(setup, "train", encoder=3, stem=0)
    assert training_flop(material, kind, durations) == pytest.approx(expected)
    if kind == "large":
        expected = bench_setup.flop(setup, "train", encoder=3, stem=3)
        assert training_flop(material, "random weights", durations) == pytest.approx(expected)


def test_the_operations_of_cnn14_are_those_that_pytorch_counts(material: Material) -> None:
    model = loading.build(material.training("CNN14"), None).eval()
    seconds, hop_s = 16.0, material.training("CNN14").backbone.hop_s
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        model(torch.zeros(1, int(seconds / hop_s), 16), torch.tensor([int(seconds / hop_s)]))
    assert training_flop(material, "CNN14", np.array([seconds])) == pytest.approx(
        3 * counted.get_total_flops(), rel=0.05
    )


def test_the_material_fits_the_stem(material: Material) -> None:
    run = TrainingRun(material, "large", CPU)
    assert run.model.stem is not None
    assert [run.model.stem.frames(each) for each in (400, 3_000, 16_001)] == list(
        map(stem_frames, (400, 3_000, 16_001))
    )
    folder = material.backbone_with_stem("large", run.model.stem.extractor)
    written, own = load_stem(folder).extractor.state_dict(), run.model.stem.extractor.state_dict()
    assert all(torch.equal(written[name], own[name]) for name in own)


def test_a_window_of_steps_shrinks_to_the_time_that_it_has(material: Material) -> None:
    run = TrainingRun(material, "base", CPU)
    found = run.steps(1, seconds=0.0)
    assert (found.count, found.whole) == (LEAST, SKIPPED + LEAST)
    rows = np.concatenate(run.plan(1)[SKIPPED : SKIPPED + LEAST])
    assert sorted(found.durations_s) == sorted(run.learner.train.durations_s[rows])
    whole = run.steps(2)
    assert whole.whole == len(run.plan(2)) == 6
    assert 0 <= whole.waited_s <= whole.seconds


def test_what_does_not_fit_is_named(material: Material) -> None:
    report = Report()
    assert Window(1000.0).fits(5.0, "profile", report)
    assert report.notes == []
    assert not Window(1000.0).fits(5000.0, "profile", report)
    assert report.notes[0].startswith("profile: skipped, needs about 5000.0 s, and ")
    section = Section("title", 1, 9, lambda *_: pytest.fail("it was begun"))
    found = gpu_worker._one("name", section, Bench(replace(material, tiny=False), CPU), 3.0)
    assert found["notes"] == ["skipped, needs about 9 s, and its share of the time is 3.0 s"]
    assert "error" not in found


def test_a_section_that_fails_is_reported_with_what_it_had_found(material: Material) -> None:
    def fails(_: Bench, __: Window, report: Report) -> None:
        report.add("case", step_ms=2.0)
        raise RuntimeError("CUDA error")

    found = gpu_worker._one("name", Section("title", 1, 0, fails), Bench(material, CPU), 3.0)
    assert found["error"] == "RuntimeError: CUDA error"
    assert found["rows"] == {"case": {"step_ms": 2.0}}


CRASHING = """
import json, os, sys, time
request = json.loads(sys.argv[1])
done = []
for name in request["sections"]:
    running = {"section": name, "limit_s": 0.5}
    with open(request["output"], "w") as stream:
        json.dump({"about": {"card": "made up"}, "sections": done, "running": running}, stream)
    if name == "large":
        os._exit(7)
    if name == "stem":
        time.sleep(60)
    rate = 9.0 if name == "machine" else request["bf16_tflops"]
    done.append({"section": name, "title": name, "rows": {}, "notes": [], "seconds": 0, "bf16_tflops": rate})
with open(request["output"], "w") as stream:
    json.dump({"about": {"card": "made up"}, "sections": done, "running": None}, stream)
"""


def test_a_section_that_ends_or_blocks_its_process_takes_only_itself_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worker.py").write_text(CRASHING)
    monkeypatch.setattr(gpu, "WORKER", tmp_path / "worker.py")
    found = gpu.measure(gpu.ROOT, ["machine", "large", "prediction", "stem", "base"], 600.0, SETTINGS, None)
    assert [each["section"] for each in found["sections"]] == ["machine", "large", "prediction", "stem", "base"]
    errors = {each["section"]: each["error"] for each in found["sections"] if "error" in each}
    assert set(errors) == {"large", "stem"}
    assert errors["large"] == "the process ended with status 7"
    assert errors["stem"].startswith("stopped after")
    assert found["sections"][-1]["bf16_tflops"] == 9.0  # a later process knows what an earlier one has measured


def test_a_checkout_that_cannot_run_the_sections_is_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    found = gpu.measure(tmp_path, ["machine", "large"], 600.0, SETTINGS, None)
    assert [each["section"] for each in found["sections"]] == ["machine", "large"]
    assert all("valence_gap was imported from" in each["error"] for each in found["sections"])


def test_ratios_compare_what_both_commits_have() -> None:
    def found(**sections: dict[str, dict[str, float]]) -> dict[str, Any]:
        return {
            "about": {"card": "made up", "git_commit": "abc"},
            "sections": [
                {"section": name, "title": name, "notes": [], "rows": rows} for name, rows in sections.items()
            ],
        }

    before = found(large={"new": {"step_ms": 90.0, "steps": 20}}, stem={})
    after = found(large={"new": {"step_ms": 45.0, "busy": 0.8, "steps": 18}, "seen": {"step_ms": 40.0}}, base={})
    before["sections"][1]["error"] = "ImportError: no such name"
    assert ratios(before, after) == {"large": {"new": {"step_ms": 0.5}}}
    after["sections"].append(
        {"section": "stem", "title": "stem", "notes": ["a note"], "rows": {"new": {"step_ms": 1.0}}}
    )
    text = markdown({"budget_s": 200.0, "after": after, "before": before})
    assert "| new | step (ms) | 90.0 | 45.0 | 0.50 |" in text
    assert "| new | card busy (%) |  | 80.0 |  |" in text
    assert "- before: FAILED: ImportError: no such name" in text
    assert "- a note" in text
