"""What was run: corpora, models, machine and software, from the records that the jobs wrote."""

from collections.abc import Iterable, Mapping
from typing import Any

from valence_gap.page import times
from valence_gap.page.numbers import NONE, UNKNOWN, Table, count, duration, words
from valence_gap.page.results import Results

SOFTWARE = ("valence-gap", "python", "torch", "transformers", "numpy", "scipy", "scikit-learn", "snakemake")


def facts(results: Results) -> list[tuple[str, str]]:
    """What, when, where, how long: pairs of a name and a text."""
    records = [*results.records.values(), *results.corpora.values()]
    return [
        ("Study", results.description.study),
        ("Trainings", _trainings(results)),
        ("When", times.when(results)),
        ("Machine", _machines(records)),
        ("Computing device", _devices(results)),
        ("Time", times.how_long(results)),
        ("Software", _versions(records)),
        ("Code", _commits(records)),
    ]


def corpora_table(results: Results) -> Table:
    """The corpora: utterances, speakers and hours of each split."""
    heads = ["Corpus", "Speech", "Split", "Utterances", "Speakers", "Hours", "Licence"]
    rows = []
    for corpus in results.description.corpora:
        splits = results.corpora.get(corpus.name, {}).get("splits", {})
        name = f"{corpus.label} {corpus.release}" if corpus.release and not corpus.synthetic else corpus.label
        speech = "synthetic, in the format of the corpus" if corpus.synthetic else "recorded"
        for split in ("train", "dev", "test"):
            found = splits.get(split, {})
            if found.get("utterances"):
                numbers = [f"{found['utterances']:,}", f"{found['speakers']:,}", f"{found['hours']:.2f}"]
                rows.append([name, speech, split, *numbers, corpus.licence or NONE])
        if not splits:
            rows.append([name, speech, UNKNOWN, *[UNKNOWN] * 3, corpus.licence or NONE])
    return heads, rows


def models_table(results: Results) -> Table:
    """The models: how they were trained, with which seeds, for how long, whether they have converged."""
    heads = ["Model", "Kind", "Backbone", "Seeds", "Epochs", "Best epoch", "Training time", "Converged"]
    rows = []
    for model in results.description.models:
        records = [results.records[model.name, seed] for seed in model.seeds if (model.name, seed) in results.records]
        details = [f"{model.layers} layers"] if model.layers else []
        details += [f"{model.fraction:.1%} of the training set".replace(".0%", "%")] if model.fraction < 1 else []
        kind = ", ".join([model.kind, *details])
        seconds = [float(record["wall_s"]) for record in records if record.get("wall_s")]
        rows.append(
            [
                model.name,
                kind,
                f"states of {model.audio}, text" if model.audio else model.backbone,
                ", ".join(map(str, model.seeds)) or NONE,
                _each(record.get("epochs") for record in records),
                _each(record.get("best_epoch") for record in records),
                duration(sum(seconds)) if seconds else UNKNOWN,
                results.converged.get(model.name, UNKNOWN),
            ]
        )
    return heads, rows


def _trainings(results: Results) -> str:
    trained = [model for model in results.description.models if model.kind != "finished model"]
    if not trained:
        return "none: the models were trained elsewhere"
    runs = sum(len(model.seeds) for model in trained)
    train = results.description.train_corpus
    where = f", on the train split of {results.description.corpus_label(train)}" if train else ""
    return f"{count(runs, 'training')} of {count(len(trained), 'model')}{where}"


def _machines(records: Iterable[Mapping[str, Any]]) -> str:
    found = []
    for record in records:
        hardware = record.get("hardware") or {}
        if hardware.get("cpu"):
            found.append(f"{hardware['cpu']}, {count(int(hardware.get('cores') or 0), 'core')}")
    return "; ".join(dict.fromkeys(found)) or UNKNOWN


def _devices(results: Results) -> str:
    found = [
        (record.get("hardware") or {}).get("gpu") or (record.get("device") or "").upper()
        for record in results.records.values()
    ]
    devices = [name for name in dict.fromkeys(found) if name]
    formats = dict.fromkeys(record["precision"] for record in results.records.values() if record.get("precision"))
    products = f", matrix products in {words(list(formats))}" if formats else ""
    return f"trained on {words(devices)}{products}" if devices else UNKNOWN


def _versions(records: Iterable[Mapping[str, Any]]) -> str:
    found: dict[str, dict[str, None]] = {}
    for record in records:
        for name, version in (record.get("versions") or {}).items():
            if name in SOFTWARE:
                found.setdefault(name, {})[str(version)] = None
    return ", ".join(f"{name} {' and '.join(found[name])}" for name in SOFTWARE if name in found) or UNKNOWN


def _commits(records: Iterable[Mapping[str, Any]]) -> str:
    commits = dict.fromkeys(str(record["git_commit"]) for record in records if record.get("git_commit"))
    return "commit " + ", ".join(_short(commit) for commit in commits) if commits else UNKNOWN


def _short(commit: str) -> str:
    return commit[:12] + (" with local changes" if commit.endswith("-dirty") else "")


def _each(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in dict.fromkeys(value for value in values if value is not None)) or UNKNOWN
