"""What the page of a study describes, and which model and corpora it shows utterance by utterance."""

from collections.abc import Collection
from typing import Literal

from valence_gap.definitions.page import PageCorpus, PageDescription, PageModel, ShownOnPage
from valence_gap.definitions.values import as_tuple
from valence_gap.study.checks.figures import CLAIMS
from valence_gap.study.study import Study

MAIN = "figure_02"


def page_description(study: Study) -> PageDescription:
    """The description that ``valence-gap page`` receives."""
    seeds = _seeds(study)
    return PageDescription(
        study=study.configuration.study,
        note=study.configuration.note,
        targets={target: _shown(study, target) for target in study.targets},
        train_corpus=study.configuration.train_corpus,
        models=tuple(_model(study, name, seeds.get(name, ())) for name in _models(study)),
        corpora=tuple(_corpus(study, name) for name in _corpora(study)),
        confidence=study.configuration.evaluation.confidence,
        conditions={name: _condition(study, name) for name in study.configuration.augmented},
        augmented_utterances=study.augmented_utterances,
        backbones=tuple(sorted(study.fetched_backbones())),
        best=next(iter(_best(study)), "") if CLAIMS in study.targets else "",
    )


def may_show(study: Study, corpus: str, what: Literal["utterances", "audio"]) -> bool:
    """Whether the page may show utterances or audio of a corpus.

    If the configuration does not say, only those of the miniature: the licence of a real corpus may forbid it.
    """
    given = getattr(study.configuration.page, what)
    return study.is_miniature(corpus) if given is None else bool(given)


def page_model(study: Study, predicted: Collection[str]) -> str | None:
    """The model whose predictions the page shows utterance by utterance; None if nothing is predicted.

    It is the one that the configuration names, or the one with the claims' role ``best``, or the first transformer that
    Figure 2 shows, or the first model that is predicted.

    Args:
        study: the study.
        predicted: names of the models with predictions of clean speech.
    """
    shown = [name for name in study.figure_config(MAIN).models if name in study.models]
    transformers = [name for name in shown if not study.is_cnn14(name)]
    named = study.configuration.page.model
    preferred = [named] if named else [*_best(study), *transformers, *predicted]
    return next((name for name in preferred if name in predicted), None)


def _best(study: Study) -> tuple[str, ...]:
    """The model with the role of the paper's best one."""
    claims = study.configuration.claims
    return as_tuple(claims.roles.get("best", ())) if claims else ()


def _shown(study: Study, target: str) -> ShownOnPage:
    shown = study.figure_config(target)
    return ShownOnPage(models=shown.models, corpora=shown.corpora)


def _corpora(study: Study) -> list[str]:
    shown = [name for target in study.targets for name in study.transcribed(target)]
    claimed = [corpus for *_, corpus in study.claims_runs()] if CLAIMS in study.targets else []
    train = study.configuration.train_corpus
    used = [*([train] if train and study.models_of_targets() else []), *shown, *claimed]
    return list(dict.fromkeys(used))


def _corpus(study: Study, name: str) -> PageCorpus:
    corpus = study.configuration.corpora[name]
    return PageCorpus(
        name=name,
        label=corpus.label or name,
        dimensions=corpus.dimensions,
        release=corpus.release,
        synthetic=study.is_miniature(name),
        rows=may_show(study, name, "utterances"),
        audio=may_show(study, name, "audio"),
        licence=corpus.licence,
    )


def _seeds(study: Study) -> dict[str, tuple[int, ...]]:
    """The seeds of each model whose trainings the targets use, which may be fewer than the model has."""
    runs = [run for target in study.targets for run in study.runs(target)]
    if CLAIMS in study.targets:
        runs += [*((model, seed) for model, seed, *_ in study.claims_runs()), *study.claims_logs()]
    found: dict[str, list[int]] = {}
    for model, seed in dict.fromkeys(runs):
        found.setdefault(model, []).append(seed)
    return {model: tuple(sorted(seeds)) for model, seeds in found.items()}


def _models(study: Study) -> list[str]:
    """Models and fusions of the targets, as figures list them, then the others by name.

    The order of the configuration's keys would make the page again after they are reordered.
    """
    shown = dict.fromkeys(name for target in study.targets for name in study.figure_config(target).models)
    used = study.models_of_targets()
    return [*(name for name in shown if name in used), *sorted(set(used) - set(shown))]


def _model(study: Study, name: str, seeds: tuple[int, ...]) -> PageModel:
    if name in study.configuration.fusions:
        fusion = study.configuration.fusions[name]
        return PageModel(name=name, label=fusion.label, kind="fusion with text", seeds=seeds, audio=fusion.audio)
    model = study.models[name]
    if model.checkpoint is not None:
        source = model.checkpoint.source
        return PageModel(name=name, label=model.label, kind="finished model", backbone=source, seeds=seeds)
    backbone = study.backbone_of(name)
    return PageModel(
        name=name,
        label=model.label,
        kind=study.model_kind(name),
        backbone=study.configuration.backbones[backbone].source or backbone,
        seeds=seeds,
        layers=model.layers,
        fraction=model.fraction,
    )


def _condition(study: Study, name: str) -> str:
    condition = study.configuration.conditions[name]
    level = "" if condition.snr_db is None else f", {condition.snr_db:g} dB"
    return (condition.label or name) + level
