"""Check that the test sets have the genders and speakers that the targets need."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from valence_gap.definitions.claims import IN_DOMAIN
from valence_gap.definitions.convergence import CONVERGENCE
from valence_gap.preflight.findings import Finding
from valence_gap.preflight.speech import Speech
from valence_gap.study.checks.figures import CLAIMS
from valence_gap.study.study import Study
from valence_gap.study.trainings import convergence_runs

GENDERS = {"female", "male"}
Amounts = Mapping[str, Mapping[Any, Speech]]


def examine_targets(study: Study, amounts: Amounts) -> Iterator[Finding]:
    """Check that the corpora have the genders and speakers that targets need; no finding if they do.

    Args:
        study: the study whose targets are checked.
        amounts: the speech of each corpus that could be read, by split.
    """
    if "figure_07" in study.targets:
        yield from _fairness(amounts, study.figure_config("figure_07").corpora)
    least = study.configuration.evaluation.min_samples
    if "figure_08" in study.targets:
        for corpus, most in _too_few(amounts, study.figure_config("figure_08").corpora, least):
            found = f"no speaker of {corpus} has {least} labelled utterances (evaluation.min_samples); the most: {most}"
            fix = "Lower evaluation.min_samples" if most else "Give the speakers"
            remedy = f"{fix}, or leave figure_08 out of the targets."
            yield Finding("figure_08", "speakers", "wrong", found, (remedy,))
    if CLAIMS in study.targets:
        yield from _claims(study, amounts, least)


def examine_seeds(study: Study) -> Iterator[Finding]:
    """Name the seeds that the configuration lists for a model of the targets, but that no target shows."""
    runs = [run for target in study.targets if target != CLAIMS for run in study.runs(target)]
    if CLAIMS in study.targets:
        runs += [(model, seed) for model, seed, *_ in study.claims_runs()] + study.claims_logs()
    if CONVERGENCE in study.targets:
        runs += convergence_runs(study, study.targets)
    used: dict[str, set[int]] = {}
    for model, seed in runs:
        used.setdefault(study.audio_model(model), set()).add(seed)
    for model, seeds in used.items():
        unused = [str(seed) for seed in study.models[model].seeds if seed not in seeds]
        if unused:
            found = f"{', '.join(unused)} of models.{model}.seeds: no target shows them, and they are not trained"
            remedy = "Set figures.<figure>.seeds: all, or leave these seeds out."
            yield Finding(model, "seeds", "differs", found, (remedy,))


def _fairness(amounts: Amounts, corpora: Sequence[str]) -> Iterator[Finding]:
    lacking = _without_both(amounts, corpora)
    if not lacking:
        return
    give = "Give the genders (a column gender, or paths.<corpus>.speakers)"
    if len(lacking) == len(corpora):
        remedy = f"{give}, or leave figure_07 out of the targets."
        found = f"no corpus has both female and male speakers in its test set: {', '.join(lacking)}"
        yield Finding("figure_07", "genders", "wrong", found, (remedy,))
    else:
        found = f"not shown, because female or male speakers are missing: {', '.join(lacking)}"
        yield Finding("figure_07", "genders", "differs", found, (f"{give}.",))


def _claims(study: Study, amounts: Amounts, least: int) -> Iterator[Finding]:
    """Report the claims that cannot be judged; all others are judged."""
    claims = study.configuration.claims
    by_role = {str(role): corpus for role, corpus in claims.corpora.items()} if claims else {}
    if lacking := _without_both(amounts, list(dict.fromkeys(by_role.values()))):
        found = f"claims on genders cannot be judged on corpora without female or male speakers: {', '.join(lacking)}"
        yield Finding(CLAIMS, "genders", "differs", found, ("Give the genders, if they are known.",))
    for corpus, most in _too_few(amounts, [by_role[IN_DOMAIN]] if IN_DOMAIN in by_role else [], least):
        found = (
            f"claims on speakers cannot be judged: none of {corpus} has {least} labelled utterances; the most: {most}"
        )
        yield Finding(CLAIMS, "speakers", "differs", found, ("Lower evaluation.min_samples.",))


def _without_both(amounts: Amounts, corpora: Sequence[str]) -> list[str]:
    """Corpora whose test set was read and lacks one of the genders."""
    test_speech = {corpus: amounts.get(corpus, {}).get("test") for corpus in corpora}
    known = {
        corpus: set(speech.genders) for corpus, speech in test_speech.items() if speech and speech.genders is not None
    }
    return [corpus for corpus, genders in known.items() if not genders >= GENDERS]


def _too_few(amounts: Amounts, corpora: Sequence[str], least: int) -> Iterator[tuple[str, int]]:
    """Corpora whose test set was read and has no speaker with ``least`` utterances, and the highest number in it."""
    for corpus in corpora:
        speech = amounts.get(corpus, {}).get("test")
        if speech and speech.most_of_a_speaker is not None and speech.most_of_a_speaker < least:
            yield corpus, speech.most_of_a_speaker
