"""Progress by work."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valence_gap.terminal.jobs import Job
from valence_gap.terminal.work import Work, benchmark_s, clock, expected_s, table_s

RULES = ("finetune", "predict", "score", "figure_02")


def write_benchmark(path: Path, seconds: float) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\n{seconds}\t0:00:00\n")
    return str(path)


def test_a_job_is_expected_to_take_what_it_took_before(tmp_path: Path) -> None:
    folder = tmp_path / "benchmarks/finetune"
    own = write_benchmark(folder / "a/seed-1.tsv", 10)
    write_benchmark(folder / "a/seed-2.tsv", 20)
    write_benchmark(folder / "b/seed-1.tsv", 500)
    write_benchmark(folder / "b/seed-2.tsv", 700)

    def expected(name: str, rule: str = "finetune") -> float:
        return expected_s(Job(1, rule, benchmark=str(tmp_path / "benchmarks" / rule / name)))

    assert (benchmark_s(own), expected("a/seed-1.tsv")) == (10, 10)
    assert expected("a/seed-3.tsv") == 15  # other seeds of the model
    assert expected("c/seed-1.tsv") == 260  # other models: the median
    assert expected("c/seed-1.tsv", "score") == table_s("score")
    assert expected_s(Job(1, "finetune", {"model": "w2v2-L-random"})) > expected_s(Job(1, "finetune"))


def test_the_share_that_is_done_is_by_work_and_not_by_the_number_of_jobs() -> None:
    work = Work()
    work.plan({"finetune": 1, "score": 99, "all": 1})
    assert work.planned == {"finetune": 1, "score": 99}
    for number in range(99):
        work.start(Job(number, "score"), 0.0)
        work.finish(number, table_s("score"))
    assert work.done(table_s("score"), {}) == pytest.approx(99 * 1.1 / (99 * 1.1 + 126), abs=0.01)
    assert work.stages() == {"training": (0, 1), "scores": (99, 99)}


def test_the_rest_of_a_training_follows_from_its_epochs() -> None:
    work = Work()
    work.plan({"finetune": 1})
    work.start(Job(1, "finetune"), 100.0)
    assert work.left_s(130.0, {1: 0.25}) == pytest.approx(90)
    assert work.done(130.0, {1: 0.25}) == pytest.approx(0.25)


def test_slower_jobs_make_the_rest_longer() -> None:
    work = Work()
    work.plan({"score": 100})
    before = work.remaining_s(0, {})
    for number in range(50):
        work.start(Job(number, "score"), 0.0)
        work.finish(number, 10 * table_s("score"))
    assert work.remaining_s(7, {}) == pytest.approx(5 * before, rel=0.1)


def test_two_jobs_at_once_take_half_of_the_time() -> None:
    work = Work()
    work.plan({"score": 40})
    for number in range(20):
        work.start(Job(number, "score"), number // 2 * 1.1)
        work.finish(number, number // 2 * 1.1 + 1.1)
    assert work.left_s(7.0, {}) == pytest.approx(7.0, rel=0.1)


@given(st.lists(st.tuples(st.sampled_from(RULES), st.floats(0.1, 1e4)), max_size=30), st.integers(0, 30))
def test_a_share_is_a_share_and_is_whole_at_the_end(jobs: list[tuple[str, float]], extra: int) -> None:
    work, now = Work(), 0.0
    counts = {rule: sum(rule == name for name, _ in jobs) for rule in RULES}
    work.plan(counts | {"predict": counts["predict"] + extra})
    for number, (rule, seconds) in enumerate(jobs):
        work.start(Job(number, rule), now)
        assert 0 <= work.done(now, {}) <= 1
        now += seconds
        assert 0 <= work.done(now, {}) <= 1
        assert work.left_s(now, {}) >= 0
        work.finish(number, now)
    assert (work.done(now, {}) == pytest.approx(1)) == (extra == 0)


def test_a_job_that_is_tried_again_is_no_further_job() -> None:
    work = Work()
    work.plan({"score": 1})
    job = Job(1, "score")
    work.start(job, 0.0)
    assert work.stop(1) == job
    work.start(job, 1.0)
    work.finish(1, 2.0)
    assert work.stages() == {"scores": (1, 1)}
    assert work.finish(1, 3.0) is None


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (89, "89 s"), (600, "10 min"), (12_240, "3.4 h")])
def test_a_duration_has_the_unit_that_a_reader_expects(seconds: float, text: str) -> None:
    assert clock(seconds) == text
