"""Hours of a study: rates by route, their scaling to a machine, and what finished jobs say."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from corpus_trees import write
from preflight_data import HOUR, ROOT, costs_of, paper

from valence_gap.models.operations import TRAINING, encoder_flop_per_s, stem_flop_per_s
from valence_gap.models.sizes import BASE, LARGE
from valence_gap.preflight import hours
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.findings import Finding
from valence_gap.preflight.finished import Measured, estimated_s, finished_jobs, measured
from valence_gap.preflight.plan import plan_of
from valence_gap.preflight.rates import BESIDE_OTHERS, CpuMachine, GpuMachine, cpu_machine
from valence_gap.preflight.run import merged
from valence_gap.preflight.speech import planned_speech
from valence_gap.preflight.work import Amount, Work, jobs_of
from valence_gap.runtime.provenance import cpu_model
from valence_gap.study.study import Study, load

H200, A100 = GpuMachine("H200"), GpuMachine("A100")


@pytest.fixture(autouse=True)
def place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A folder with only the claims, on a machine without a GPU."""
    write(tmp_path / "workflow/claims.yaml", (ROOT / "workflow/claims.yaml").read_bytes())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hours, "largest_name", lambda: "")


def seconds(machine: GpuMachine | CpuMachine, *amounts: Amount) -> float:
    return machine.seconds(Work("finetune", "x"), amounts)


def test_the_rates_of_the_card_that_was_measured_are_the_measured_ones() -> None:
    assert seconds(H200, Amount("train", 2894.0, 240, size=LARGE, layers=24)) == pytest.approx(1)
    assert seconds(H200, Amount("train", 2894.0, 240, size=LARGE, layers=12)) == pytest.approx(0.5)
    assert seconds(H200, Amount("train", 7598.0, 300, size=BASE, layers=12)) == pytest.approx(1)
    assert seconds(H200, Amount("train_cnn14", 10424.0, 1000)) == pytest.approx(1)
    encoder, stem = Amount("encode", 6.0, 1, size=LARGE, layers=24), Amount("stem", 6.0, 1, size=LARGE)
    assert seconds(H200, encoder, stem) == pytest.approx(6 / 3893)


def test_on_a_slower_card_only_what_the_card_computes_takes_longer() -> None:
    large = Amount("train", 2894.0, 240, size=LARGE, layers=24)
    assert seconds(A100, large) == pytest.approx(0.94 * 989 / 312)
    assert seconds(GpuMachine("H100"), large) == pytest.approx(1)
    assert seconds(GpuMachine("RTX 3090"), large) > seconds(GpuMachine("RTX 4090"), large) > seconds(H200, large)


def test_on_a_cpu_products_and_other_values_take_time() -> None:
    alone = CpuMachine("Some CPU", 1, float32_gflops=100, gflops=400, is_float32=False, measured=True)
    base = Amount("train", 1.0, 0, TRAINING * encoder_flop_per_s(BASE, 6.0), size=BASE, layers=12)
    assert seconds(alone, base) == pytest.approx(base.flop / (0.6 * 400e9))
    assert seconds(alone, replace(base, in_float32=True)) == pytest.approx(base.flop / (0.8 * 100e9))
    stem = Amount("stem", 1.0, 0, stem_flop_per_s(BASE), 2e6, BASE, in_float32=True)
    assert seconds(alone, stem) == pytest.approx(stem_flop_per_s(BASE) / 100e9 + 2e6 * 4.5e-9)
    assert seconds(replace(alone, cores=2), base) == pytest.approx(seconds(alone, base) / BESIDE_OTHERS)
    two_threads = Work("finetune", "x", (base,), threads=2)
    beside = replace(alone, cores=4)
    assert beside.seconds(two_threads, (base,)) == pytest.approx(
        beside.seconds(replace(two_threads, threads=1), (base,)) / 2
    )


def test_product_rates_are_those_of_the_study_on_this_kind_of_cpu(tmp_path: Path) -> None:
    file = tmp_path / "precision.json"
    assert not cpu_machine(file, 2).measured
    rates = {"cpu": cpu_model(), "threads": 2, "fp32_gflops": 200.0, "bf16_gflops": 600.0, "choice": "bf16"}
    write(file, json.dumps(rates))
    found = cpu_machine(file, 4)
    assert (found.float32_gflops, found.gflops, found.is_float32, found.measured) == (100, 300, False, True)
    assert "300 GFLOP/s of one thread in large products, measured here (100 in float32)" in found.assumptions()
    write(file, json.dumps(rates | {"choice": "fp32"}))
    assert cpu_machine(file, 4).gflops == 100
    for other in (json.dumps(rates | {"cpu": "another"}), "[]", "{", json.dumps({"cpu": cpu_model()})):
        write(file, other)
        assert not cpu_machine(file, 2).measured


def test_the_largest_study_on_the_card_that_was_measured() -> None:
    """By hand: the trainings that take most, at the measured rates; the speech of dev is judged every 100 steps."""
    work = {one.name: one for one in jobs_of(costs_of(paper()))}
    large, random, cnn14 = (work[f"{name} seed 42"] for name in ("w2v2-L-robust", "w2v2-L-random", "cnn14"))
    trained = 5 * 62 * HOUR / 2894
    judged = 65 * 10 * HOUR / 8534
    assert estimated_s(H200, large) - H200.start_s(large) == pytest.approx(trained + judged)
    assert H200.seconds(random, random.amounts) == pytest.approx(50 * 62 * HOUR / 2063)
    assert H200.seconds(cnn14, cnn14.amounts) == pytest.approx(60 * 62 * HOUR / 10424)


def estimate(study: Study, card: str | None = "A100") -> Finding:
    return hours.hours(costs_of(study), card=card)


def hours_in(finding: Finding) -> float:
    return float(finding.found.split()[1].replace(",", ""))


def test_the_saving_of_a_coarser_step_is_the_difference_of_two_estimates() -> None:
    def whole(every: int | None) -> float:
        study = paper(recipes={"paper": {"evaluate_every": every}, "paper-random": {"evaluate_every": every}})
        on_gpu = (one for one in jobs_of(costs_of(study)) if one.kind not in ("audio", "short"))
        return sum(estimated_s(A100, one) for one in on_gpu) / HOUR

    (line,) = [line for line in estimate(paper()).details if "evaluate the dev set" in line]
    assert "65 in a training of paper, " in line
    coarser, once = (float(number) for number in re.findall(r"([\d.]+) h[,.]", line.partition("would save")[2]))
    assert coarser == pytest.approx(whole(100) - whole(500), abs=0.06)  # they are printed with one decimal
    assert once == pytest.approx(whole(100) - whole(None), abs=0.06)  # they are printed with one decimal
    assert once > coarser > 1


def write_record(study: Study, work: Work, device: str, seconds: float, **more: object) -> None:
    kind = "gpu" if device.startswith("NVIDIA") else "cpu"
    record = {"device": "cuda:0" if kind == "gpu" else "cpu", "hardware": {kind: device}, "devices": [device]}
    write(Path(study.results) / work.record, json.dumps(record | {"process_s": seconds, "flop": work.flop} | more))


def test_finished_jobs_correct_the_rates_of_their_kind() -> None:
    study = paper(targets=["figure_02"])
    before, costs = estimate(study), costs_of(study)
    work = {one.name: one for one in jobs_of(costs)}
    model = work["w2v2-b seed 42"]
    write_record(study, model, "NVIDIA A100", 2 * estimated_s(A100, model))
    found = finished_jobs(study, work.values())
    assert measured(found, A100, gpu=True).factors == {"finetune": pytest.approx(2)}
    assert measured(found, A100, gpu=False, here=cpu_model()) == Measured()
    after = estimate(study)
    assert "of them done" in after.found
    assert hours_in(after) > hours_in(before)
    assert any(line.endswith("on NVIDIA A100: fine-tuning of transformers x 2.00.") for line in after.details)


def test_a_record_of_less_work_counts_for_its_share_and_a_resumed_one_not_at_all() -> None:
    study = paper(targets=["figure_02"])
    model = next(one for one in jobs_of(costs_of(study)) if one.name == "w2v2-b seed 42")
    whole_s = estimated_s(A100, model)
    write_record(study, model, "NVIDIA A100", 0.5 * whole_s, flop=0.25 * model.flop)
    assert measured(finished_jobs(study, [model]), A100, gpu=True).factors == {"finetune": pytest.approx(2)}
    write_record(study, model, "NVIDIA A100", whole_s, resumes=1)
    assert measured(finished_jobs(study, [model]), A100, gpu=True).factors == {}
    write_record(study, model, "NVIDIA A100", 0.0, process_s=None, wall_s=whole_s - A100.start_s(model))
    assert measured(finished_jobs(study, [model]), A100, gpu=True).factors == {"finetune": pytest.approx(1)}
    for other in ("[]", "{", "{}"):
        write(Path(study.results) / model.record, other)
        assert measured(finished_jobs(study, [model]), A100, gpu=True).factors == {}


def test_times_on_different_devices_are_not_mixed() -> None:
    study = paper(targets=["figure_02"])
    work = {one.name.removesuffix(" seed 42"): one for one in jobs_of(costs_of(study)) if one.name.endswith(" seed 42")}
    for model, device, slower in (("w2v2-b", "A", 2), ("hubert-b", "A", 2), ("w2v2-L", "B", 3)):
        write_record(study, work[model], f"NVIDIA {device}", slower * estimated_s(A100, work[model]))
    moved = {"devices": ["NVIDIA A", "NVIDIA B"]}  # resumed on another one
    write_record(study, work["w2v2-L-robust"], "NVIDIA B", 9 * estimated_s(A100, work["w2v2-L-robust"]), **moved)
    found = finished_jobs(study, work.values())
    for here, device, factor in (("", "A", 2), ("NVIDIA B", "B", 3), ("C", "A", 2)):
        times = measured(found, A100, gpu=True, here=here)
        assert (times.device, times.factors) == (f"NVIDIA {device}", {"finetune": pytest.approx(factor)})


def test_without_a_card_the_hours_are_those_of_the_cpu_too() -> None:
    study = paper(targets=["figure_02"])
    both, card = estimate(study, None), estimate(study)
    assert re.fullmatch(r"about [\d.,]+ hours on \d+ cores? of .*; about [\d.,]+ hours on A100", both.found)
    assert card.found == both.found.rpartition("; ")[2]
    assert any(line.startswith("On CPUs: ") for line in both.details)
    assert not any(line.startswith("On CPUs: ") for line in card.details)


@pytest.mark.parametrize(
    ("here", "card"),
    [
        ("NVIDIA GeForce RTX 3090", "RTX 3090"),
        ("NVIDIA A100-SXM4-80GB", "A100"),
        ("NVIDIA A10", "A10"),
        ("NVIDIA H100 80GB HBM3", "H100"),
        ("NVIDIA RTX A4000", "A100"),  # not in the list: the default
    ],
)
def test_the_card_of_this_machine_is_estimated_for(monkeypatch: pytest.MonkeyPatch, here: str, card: str) -> None:
    study = paper(targets=["figure_02"])
    monkeypatch.setattr(hours, "largest_name", lambda: here)
    found = estimate(study, None).found
    assert found.endswith(f"hours on {card}")
    assert ";" not in found


def test_the_miniature_has_hours_before_it_is_made(tmp_path: Path) -> None:
    (tmp_path / "resources").symlink_to(ROOT / "resources")  # its backbones
    study = load(merged([ROOT / "config.yaml"]))
    plan = plan_of(study)
    configuration = study.configuration
    speech = {name: planned_speech(configuration.corpora[name], configuration.miniature) for name in plan.corpora}
    assert {split: one.utterances for split, one in speech["msp-podcast"].items()} == {
        "train": 2400,
        "dev": 400,
        "test": 1000,
    }
    assert set(speech["iemocap"]) == {"test"}
    finding = hours.hours(Costs(study, plan, speech), card=None)
    assert finding.status == "unknown"
    assert 0.1 < hours_in(finding) < 10
    assert any("configured numbers of utterances" in line for line in finding.details)


def test_the_hours_of_the_machine_are_those_of_its_cores_or_of_the_longest_job() -> None:
    costs = costs_of(paper(targets=["figure_02"]))
    work = jobs_of(costs)
    few = hours.Estimate(CpuMachine("x", 2), 2, Measured(), work, frozenset())
    assert few.total_h() == pytest.approx(sum(map(few.job_h, work)) / 2)
    many = hours.Estimate(CpuMachine("x", 2), 10_000, Measured(), work, frozenset())
    assert many.total_h() == pytest.approx(max(map(many.job_h, work)))
