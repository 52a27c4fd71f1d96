"""The benchmarks: that they run, that their checks can fail, and what their ratios mean."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bench
import bench_setup
import finetuning
import pytest
import side_by_side
import torch
from bench_table import markdown
from side_by_side import Check, Measurement, Section, State, rows_of

FOLDER = Path(__file__).parents[3] / "benchmarks"
SECTION = Section("title", "module", ("valence-gap", "other"), by_format=True)


def measurement(side: str, precision: str, number: int, seconds: float, **settings: object) -> Measurement:
    amounts = {
        "section": "a",
        "audio_s": 60.0,
        "flop": 1e11,
        "parts": {},
        "cpu_s": 1.0,
        "peak_mb": 100.0,
        "gflops": 100.0,
    }
    return Measurement(side=side, precision=precision, round=number, seconds=seconds, **amounts | settings)


def run_script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "bench.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> bench_setup.Setup:
    folder = tmp_path_factory.mktemp("bench")
    made = bench_setup.Setup(
        folder / "material", folder / "scratch", utterances=8, threads=1, batch_size=2, repeats=2, tiny=True
    )
    made.folder.mkdir()
    bench_setup.make(made)
    return made


def test_every_section_runs_and_its_sides_compute_the_same(tmp_path: Path) -> None:
    ran = run_script("--tiny", "--threads", "1", "--output", str(tmp_path))
    assert ran.returncode == 0, ran.stderr
    state = State.from_json((tmp_path / "tiny.json").read_text())
    assert {each.section for each in state.measurements} == set(bench.SECTIONS)
    assert {each.section for each in state.checks} >= {"a", "b", "c", "e"}
    assert all(each.passed for each in state.checks)
    assert {each.precision for each in state.measurements if each.section in "ab"} == {"fp32", "bf16"}
    for section in bench.SECTIONS.values():
        assert section.title in (tmp_path / "tiny.md").read_text()
    assert not list(tmp_path.glob("*.partial.json"))


def test_a_side_runs_in_a_process_of_its_own(setup: bench_setup.Setup) -> None:
    setup.scratch.mkdir(exist_ok=True)
    request = {"section": "c", "side": "soundfile", "precision": "", "setup": setup.to_json()}
    answer = side_by_side.run_apart(FOLDER / "bench.py", request)
    assert answer["seconds"] > 0
    assert answer["audio_s"] == pytest.approx(2 * setup.durations_s("train").sum())
    assert answer["peak_mb"] is None or answer["peak_mb"] > 10


def test_a_side_that_fails_stops_the_run_with_its_message() -> None:
    with pytest.raises(SystemExit, match=r"KeyError[\s\S]*the same command continues"):
        side_by_side.run_apart(FOLDER / "bench.py", {"section": "c"})


def test_the_check_of_the_losses_fails_if_one_side_starts_from_other_weights(
    setup: bench_setup.Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    setup = replace(setup, scratch=tmp_path)
    load = finetuning.EmotionModel.from_pretrained

    def changed(*given: object, **settings: object) -> object:
        model = load(*given, **settings)
        with torch.no_grad():
            model.classifier.out_proj.weight[0, 0] += 0.1
        return model

    monkeypatch.setattr(finetuning.EmotionModel, "from_pretrained", changed)
    assert not finetuning.check(setup).passed


def test_the_lengths_are_those_of_the_corpus_for_few_and_many_utterances() -> None:
    for count in (24, 320):
        seconds = bench_setup.draw_seconds(count, bench_setup.np.random.default_rng(0))
        assert seconds.min() >= 2.75
        assert seconds.max() <= 11
        assert seconds.mean() == pytest.approx(5.8, abs=0.05)


def test_a_ratio_is_formed_within_a_round_and_the_median_is_shown_with_its_spread() -> None:
    times = {"valence-gap": (1.0, 10.0, 2.0), "other": (3.0, 20.0, 2.0)}
    runs = [measurement(side, "fp32", number, each) for side in times for number, each in enumerate(times[side])]
    ours, other = rows_of(SECTION, runs)
    assert ours.ratio is None
    assert other.ratio == (2.0, 1.0, 3.0)
    assert other.realtime == 60 / 3
    assert ours.share == pytest.approx(1e11 / 2 / 1e11)
    assert ours.rounds == 3


@pytest.mark.parametrize(("rounds", "shown"), [(1, "| 2.00 |"), (2, "| 2.00 (2.00-2.00) |")])
def test_the_table_shows_a_spread_where_there_were_several_rounds(rounds: int, shown: str) -> None:
    times = {"valence-gap": 1.0, "other": 2.0}
    runs = [measurement(side, "fp32", number, times[side]) for side in times for number in range(rounds)]
    about = {"name": "x", "cpu": "x", "threads": 1, "utterances": 1, "rounds": rounds, "git_commit": None}
    table = markdown(State(about | {"sections": ["a"]}, measurements=runs), {"a": SECTION})
    assert shown in table
    assert f"{rounds} round{'s' if rounds == 2 else ''};" in table


def test_in_two_formats_each_side_is_compared_in_its_faster_one() -> None:
    times = {("valence-gap", "fp32"): 4.0, ("valence-gap", "bf16"): 1.0}
    times |= {("other", "fp32"): 5.0, ("other", "bf16"): 8.0}
    rows = rows_of(SECTION, [measurement(*key, 0, seconds) for key, seconds in times.items()])
    assert rows[-1].ratio == (5.0, 5.0, 5.0)
    assert len(rows) == 6


def test_sides_that_do_different_work_have_no_ratio() -> None:
    runs = [measurement(side, "", 0, 1.0, flop=0.0) for side in SECTION.sides]
    rows = rows_of(replace(SECTION, compared=False), runs)
    assert [(row.ratio, row.share) for row in rows] == [(None, None), (None, None)]


@pytest.mark.parametrize(("value", "passed"), [(0.0, True), (1e-4, True), (2e-4, False), (float("nan"), False)])
def test_a_check_passes_within_its_limit_only(value: float, passed: bool) -> None:
    check = Check("a", "losses", value, 1e-4)
    assert check.passed is passed
    state = State(
        {"name": "x", "cpu": "x", "threads": 1, "utterances": 1, "rounds": 1, "git_commit": None}, checks=[check]
    )
    state.settings["sections"] = []
    assert ("DIFFERENT" in markdown(state, {})) is not passed


def test_a_stopped_run_continues_only_with_the_same_settings(tmp_path: Path) -> None:
    partial = tmp_path / "bench.partial.json"
    state = State({"rounds": 3}, ["bf16"], [measurement("other", "bf16", 1, 2.0)], [Check("a", "losses", 0.0, 1.0)])
    partial.write_text(state.to_json())
    assert bench._resumed(partial, {"rounds": 3}) == state
    assert bench._resumed(partial, {"rounds": 2}) == State({"rounds": 2})


def test_finished_runs_are_not_measured_again(
    setup: bench_setup.Setup, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []

    def run(_: object, request: dict[str, object]) -> dict[str, object]:
        asked.append(str(request.get("side", "check")))
        if "check" in request:
            return {"section": "c", "what": "samples", "value": 0.0, "limit": 0.0}
        return {"seconds": 1.0, "audio_s": 1.0, "flop": 0.0, "parts": {}, "cpu_s": 1.0, "peak_mb": None}

    monkeypatch.setattr(bench, "_run", run)
    settings = {"sections": ["c"], "rounds": 2, "formats": "fp32", "losses": False}
    state = State(settings, measurements=[measurement("soundfile", "", 0, 1.0, section="c")])
    bench._measure(state, setup, tmp_path / "partial.json")
    assert asked == ["valence-gap", "valence-gap", "soundfile", "check"]
    assert json.loads((tmp_path / "partial.json").read_text())["checks"]
    bench._measure(state, setup, tmp_path / "partial.json")
    assert len(asked) == 4
