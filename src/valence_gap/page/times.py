"""When a study was run and how long its jobs took, from Snakemake's benchmark files and the records of the jobs.

A folder of results can have files of jobs that are no part of the study any more, such as those of a model that was
taken out. Only jobs that the description of the study names are counted, and never the page's own or later ones, so
that the page is the same each time that it is written from the same results.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from valence_gap.definitions.page import PageDescription
from valence_gap.page.numbers import UNKNOWN, Table, count, duration, words
from valence_gap.page.results import Results, read_if_there
from valence_gap.study.study import NOISE

TRAININGS = ("finetune", "train_cnn14", "train_fusion")
OF_A_RUN = (
    *TRAININGS,
    *("fetch_checkpoint", "pool_states", "predict", "predict_conditions", "predict_fusion", "score"),
)
OF_A_CORPUS = (
    *("inventory", "prepare_corpus", "pack_audio", "apply_conditions", "synthesise"),
    *("transcribe", "embed_text"),
)
OF_A_BACKBONE = (
    "fetch_pretrained",
    *("extract_stem_features", "extract_augmented_features", "extract_synthesised_features"),
)
OF_A_TARGET = ("figures", "tables")
OF_THE_STUDY: Mapping[str, tuple[str, ...]] = {
    "claims": ("claims",),
    "convergence": ("convergence",),
    "convergence_of_claims": ("claims",),
    "make_miniature": (),
    "measure_precision": (),
    "measure_separation": ("claims", "figure_10"),
    "page_utterances": (),
    "project_states": ("figure_10",),
    "summarise_scores": (),
}
"""Rules with one job in a study, and the targets that need it; none: any may."""


def time_by_stage(folder: Path, description: PageDescription) -> pd.DataFrame:
    """Wall and CPU seconds, and the highest memory in MB, of the jobs of each rule: from Snakemake's benchmark files.

    Args:
        folder: results of the study.
        description: the study; jobs that it does not name are left out.

    Returns:
        rule, jobs, seconds, cpu_seconds, cpu_known (jobs with a CPU time: very short ones have none), memory_mb; the
        longest rule first; empty if there are no benchmark files.
    """
    rows = []
    for path in _benchmarks(folder, description):
        table = pd.read_csv(path, sep="\t", na_values="-")
        cpu, memory = (pd.to_numeric(table[name], errors="coerce") for name in ("cpu_time", "max_rss"))
        rule = path.relative_to(folder / "benchmarks").parts[0].removesuffix(".tsv")
        rows.append([rule, 1, table["s"].sum(), cpu.sum(), int(cpu.notna().all()), memory.max()])
    table = pd.DataFrame(rows, columns=["rule", "jobs", "seconds", "cpu_seconds", "cpu_known", "memory_mb"])
    sums = table.groupby("rule", as_index=False).agg(
        {"jobs": "sum", "seconds": "sum", "cpu_seconds": "sum", "cpu_known": "sum", "memory_mb": "max"}
    )
    return sums.sort_values("seconds", ascending=False, ignore_index=True)


def stages_table(results: Results) -> Table:
    """The rules by time."""
    heads = ["Rule", "Jobs", "Time of its jobs", "CPU time", "Highest memory"]
    rows: list[Any] = [*time_by_stage(results.folder, results.description).itertuples()]
    return heads, [
        [
            str(row.rule),
            str(row.jobs),
            duration(row.seconds),
            duration(row.cpu_seconds),
            _memory(row.memory_mb),
        ]
        for row in rows
    ]


def how_long(results: Results) -> str:
    """The time of all jobs together, and of how many jobs it is not known."""
    stages = time_by_stage(results.folder, results.description)
    unknown = _without_time(results)
    if stages.empty:
        return UNKNOWN
    jobs, known = int(stages["jobs"].sum()), int(stages["cpu_known"].sum())
    cpu = f"{duration(stages['cpu_seconds'].sum())} of CPU time" + (f" (known of {known:,})" if known < jobs else "")
    parts = [
        f"{count(jobs, 'job')}, each counted by its last run: together {duration(stages['seconds'].sum())} of wall "
        f"time (some ran side by side) and {cpu}",
        f"the largest took {_memory(stages['memory_mb'].max())} of memory",
        *([f"not recorded, so not in these: the time of {words(unknown)}"] if unknown else []),
        *_interrupted(results),
    ]
    return "; ".join(parts)


def when(results: Results) -> str:
    """From the start of the first job to the end of the last one, as far as jobs write records with their times."""
    times = [found for record in _records(results) for found in _start_and_end(record)]
    if not times:
        return UNKNOWN
    first, last = min(start for start, _ in times), max(end for _, end in times)
    span = duration((last - first).total_seconds())
    return (
        f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC, from the start of the first to the end of the last of "
        f"{count(len(times), 'recorded job')}: {span}, with any pauses between runs"
    )


def _benchmarks(folder: Path, description: PageDescription) -> list[Path]:
    """The benchmark files of the jobs of a study."""
    found = sorted((folder / "benchmarks").rglob("*.tsv"))
    return [path for path in found if _is_of(description, path.relative_to(folder / "benchmarks").with_suffix(""))]


def _is_of(description: PageDescription, job: Path) -> bool:
    """Whether a job, such as finetune/w2v2-b/seed-42, is named by the description of a study."""
    rule, *wildcards = job.parts
    corpora = {NOISE, *(corpus.name for corpus in description.corpora)}
    match rule, wildcards:
        case _, [model, seed, *corpus_and_set] if rule in OF_A_RUN:
            return (model, seed) in _runs(description) and corpora.issuperset(corpus_and_set[:1])
        case _, [corpus, *_] if rule in OF_A_CORPUS:
            return corpus in corpora
        case _, [backbone, *corpus_and_split] if rule in OF_A_BACKBONE:
            return backbone in description.backbones and corpora.issuperset(corpus_and_split[:1])
        case _, [target] if rule in OF_A_TARGET:
            return target in description.targets
        case _, []:
            needed_by = OF_THE_STUDY.get(rule)
            return needed_by == () or any(target in description.targets for target in needed_by or ())
        case _:
            return False


def _runs(description: PageDescription) -> set[tuple[str, str]]:
    """Model and folder of a seed; a fusion needs its audio model with the same seeds, even where no target shows it."""
    names = [(name, model.seeds) for model in description.models for name in filter(None, (model.name, model.audio))]
    return {(name, f"seed-{seed}") for name, seeds in names for seed in seeds}


def _without_time(results: Results) -> list[str]:
    """Jobs that the study must have had and that have no benchmark file: '2 trainings', '1 target'."""
    folder, study = results.folder / "benchmarks", results.description

    def missing(jobs: Iterable[str], *rules: str) -> int:
        return sum(not any((folder / rule / f"{job}.tsv").is_file() for rule in rules) for job in jobs)

    trained = [model for model in study.models if model.kind != "finished model"]
    trainings = missing((f"{model.name}/seed-{seed}" for model in trained for seed in model.seeds), *TRAININGS)
    corpora = missing((corpus.name for corpus in study.corpora), "prepare_corpus")
    targets = missing(study.targets, *OF_A_TARGET, "")
    found = {
        count(trainings, "training"): trainings,
        count(corpora, "reading of a corpus", "readings of corpora"): corpora,
        count(targets, "target"): targets,
    }
    return [text for text, number in found.items() if number]


def _interrupted(results: Results) -> list[str]:
    resumed = sum(bool(record.get("resumes")) for record in results.records.values())
    what = "counts" if resumed == 1 else "count"
    return [f"{count(resumed, 'interrupted training')} {what} from the last start"] if resumed else []


def _records(results: Results) -> Iterator[Mapping[str, Any]]:
    """The records of the study's trainings, predictions, scores, corpora, claims and utterances of the page."""
    yield from (*results.records.values(), *results.corpora.values())
    corpora = [corpus.name for corpus in results.description.corpora]
    for kind in ("predictions", "scores"):
        for model, seed in sorted(_runs(results.description)):
            for corpus in corpora:
                for path in sorted((results.folder / kind / model / seed / corpus).glob("*.run.json")):
                    yield read_if_there(path)
    claims = ["claims.run.json"] if results.claims is not None else []
    yield from filter(None, (read_if_there(results.folder / name) for name in (*claims, "page/utterances.run.json")))


def _start_and_end(record: Mapping[str, Any]) -> list[tuple[datetime, datetime]]:
    """When a job began and ended; nothing if its record does not say when it ended."""
    if not record.get("ended"):
        return []
    ended = datetime.fromisoformat(record["ended"]).astimezone(UTC)
    seconds = record.get("process_s") or record.get("wall_s") or 0
    return [(ended - timedelta(seconds=float(seconds)), ended)]


def _memory(megabytes: float) -> str:
    return UNKNOWN if pd.isna(megabytes) else f"{megabytes:,.0f} MB"
