"""When a study was run and how long it took, from the files that its own jobs left behind."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from page_data import DESCRIPTION, MODELS, ROOT, page_of, record, write_results

from valence_gap.definitions.page import PageModel, ShownOnPage
from valence_gap.page import times
from valence_gap.page.numbers import UNKNOWN
from valence_gap.page.results import Results, read_results
from valence_gap.page.times import how_long, stages_table, time_by_stage, when
from valence_gap.runtime.files import write_json

LATER = {"page", "export", "crate"}
"""Rules whose jobs run when the page is written or after it."""
OF_THE_PROJECT = {"pretrain_backbone", "pretrain_text_encoder", "train_recogniser"}
"""Rules that make what the project brings along, and no results of a study."""
COMPLETE = (
    *("train_cnn14/cnn14/seed-42", "train_cnn14/cnn14/seed-43", "finetune/w2v2-b/seed-42"),
    *("prepare_corpus/msp-podcast", "prepare_corpus/cmu-mosi", "figures/figure_02", "tables/table_1", "claims"),
)
"""The jobs that the invented study must have had."""


@pytest.fixture
def results(tmp_path: Path) -> Results:
    write_results(tmp_path)
    return read_results(tmp_path, DESCRIPTION)


def benchmark(folder: Path, job: str, seconds: float = 1, cpu: str = "1", memory: str = "100") -> None:
    path = folder / f"benchmarks/{job}.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"s\th:m:s\tmax_rss\tcpu_time\n{seconds}\t0:00:01\t{memory}\t{cpu}\n")


def counted(results: Results) -> int:
    return int(time_by_stage(results.folder, results.description)["jobs"].sum())


def test_the_time_is_that_of_the_benchmark_files(results: Results) -> None:
    for job in COMPLETE:
        benchmark(results.folder, job, seconds=0, cpu="0")
    benchmark(results.folder, "train_cnn14/cnn14/seed-42", 100, "90", "1500.5")
    benchmark(results.folder, "train_cnn14/cnn14/seed-43", 50, "-", "-")  # a job too short to be measured
    benchmark(results.folder, "claims", 10, "5", "300")
    table = time_by_stage(results.folder, DESCRIPTION)
    assert table["rule"].tolist()[:2] == ["train_cnn14", "claims"]
    assert table.loc[0, ["jobs", "seconds", "cpu_seconds", "cpu_known", "memory_mb"]].tolist() == [
        2,
        150,
        90,
        1,
        1500.5,
    ]
    assert stages_table(results)[1][1] == ["claims", "1", "10 s", "5 s", "300 MB"]
    assert how_long(results) == (
        "8 jobs, each counted by its last run: together 3 min of wall time (some ran side by side) and 2 min of CPU "
        "time (known of 7); the largest took 1,500 MB of memory"
    )


def test_jobs_without_a_time_are_counted(results: Results) -> None:
    for job in COMPLETE[2:6]:
        benchmark(results.folder, job)
    assert how_long(results).endswith("; not recorded, so not in these: the time of 2 trainings and 2 targets")
    assert how_long(replace(results, folder=results.folder / "nothing")) == UNKNOWN


def test_a_training_that_was_interrupted_is_named(results: Results) -> None:
    benchmark(results.folder, COMPLETE[0])
    resumed = replace(results, records={("cnn14", 42): record() | {"resumes": 2}})
    assert how_long(resumed).endswith("; 1 interrupted training counts from the last start")
    assert "interrupted" not in how_long(results)


@pytest.mark.parametrize(
    "job",
    [
        *("finetune/gone/seed-42", "finetune/w2v2-b/seed-43", "score/w2v2-b/seed-42/iemocap/clean"),
        *("prepare_corpus/iemocap", "extract_stem_features/mini-hubert-b/msp-podcast/test", "fetch_pretrained/other"),
        *("figures/figure_07", "tables/table_3", "convergence", "project_states", "a_rule_of_an_earlier_version"),
        *sorted(LATER | OF_THE_PROJECT),
    ],
)
def test_what_is_no_part_of_the_study_is_not_counted(results: Results, job: str) -> None:
    benchmark(results.folder, job)
    assert counted(results) == 0


@pytest.mark.parametrize(
    "job",
    [
        *("fetch_checkpoint/w2v2-b/seed-42", "score/w2v2-b/seed-42/msp-podcast/clean", "inventory/_noise"),
        *("extract_stem_features/mini-w2v2-b/msp-podcast/test", "fetch_pretrained/mini-w2v2-b", "figures/figure_02"),
        *("apply_conditions/cmu-mosi", "convergence_of_claims", "measure_separation", "page_utterances"),
    ],
)
def test_what_is_part_of_the_study_is_counted(results: Results, job: str) -> None:
    benchmark(results.folder, job)
    assert counted(results) == 1


def test_the_audio_model_of_a_fusion_is_part_of_the_study(results: Results) -> None:
    fusion = PageModel(name="fused", label="Fused", kind="fusion with text", seeds=(43,), audio="w2v2-b")
    described = replace(results, description=replace(DESCRIPTION, models=(*MODELS, fusion)))
    for job in ("finetune/w2v2-b/seed-43", "train_fusion/fused/seed-43", "predict_fusion/fused/seed-43/cmu-mosi/clean"):
        benchmark(results.folder, job)
    assert counted(described) == 3


def test_every_rule_of_the_workflow_is_known() -> None:
    texts = [path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk")]
    rules = {name for text in texts for name in re.findall(r"/benchmarks/(\w+)", text)}
    counted_rules = {*times.OF_A_RUN, *times.OF_A_CORPUS, *times.OF_A_BACKBONE, *times.OF_A_TARGET, *times.OF_THE_STUDY}
    assert rules == counted_rules | LATER | OF_THE_PROJECT


def test_the_span_is_from_the_first_start_to_the_last_end(results: Results) -> None:
    first = {"ended": "2026-11-20T10:00:00+00:00", "process_s": 600.0, "wall_s": 500.0}
    last = {"ended": "2026-11-21T15:30:00+00:00", "process_s": None, "wall_s": 60.0}
    unrelated = {"ended": "2025-01-01T00:00:00+00:00", "process_s": 1.0}
    write_json(results.folder / "scores/cnn14/seed-42/msp-podcast/clean.run.json", last)
    write_json(results.folder / "scores/gone/seed-42/msp-podcast/clean.run.json", unrelated)
    found = when(replace(results, corpora={"msp-podcast": first}, records={("cnn14", 42): record()}))
    assert found == (
        "2026-11-20 09:50 to 2026-11-21 15:30 UTC, from the start of the first to the end of the last of 2 recorded "
        "jobs: 29.7 h, with any pauses between runs"
    )
    assert when(results).startswith("2026-11-21 15:29 to 2026-11-21 15:30 UTC")
    assert when(replace(results, folder=results.folder / "nothing")) == UNKNOWN


def test_a_page_that_is_written_again_is_the_same(tmp_path: Path) -> None:
    study = replace(DESCRIPTION, targets={"figure_02": ShownOnPage()})
    write_results(tmp_path, study)
    benchmark(tmp_path, "figures/figure_02", 5)
    first = page_of(tmp_path, study).read_bytes()
    for job in LATER:  # Snakemake writes them after the page
        benchmark(tmp_path, job, 3)
    for path in tmp_path.rglob("*"):
        path.touch()
    assert page_of(tmp_path, study).read_bytes() == first
