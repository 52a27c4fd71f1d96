"""What a study cannot show, from its corpora, seeds, claims and trainings."""

from collections import Counter
from collections.abc import Iterator

from valence_gap.page.numbers import UNKNOWN, count, words
from valence_gap.page.results import Results

FEW_SPEAKERS = 50
"""With fewer speakers, a few unusual voices move a score; the paper's test set has 50."""
SYNTHETIC = (
    "no number here is evidence about human speech or stands for a number of the paper: it shows that every step works"
)
REASONS = {
    "utterances": "would need more utterances",
    "seeds": "would need more training seeds",
    "centre": "are decided by no number of utterances or seeds, since their estimates lie on the threshold",
    "roles": "concern models or values that this study lacks",
}


def limits(results: Results) -> list[str]:
    """Sentences on what the study cannot show, the weightiest first."""
    about_data = [*_speech(results), *_speakers(results), *_subsets(results)]
    return [*about_data, *_seeds(results), *_convergence(results), *_claims(results)]


def _speech(results: Results) -> Iterator[str]:
    study = results.description
    synthetic = [corpus.label for corpus in study.corpora if corpus.synthetic]
    if study.is_synthetic():
        yield f"**All speech is synthetic** (the miniature's corpora): {SYNTHETIC}."
    elif synthetic:
        yield f"**The speech of {words(synthetic)} is synthetic**: of these corpora, {SYNTHETIC}."


def _speakers(results: Results) -> Iterator[str]:
    found = []
    for corpus in results.description.corpora:
        test = results.corpora.get(corpus.name, {}).get("splits", {}).get("test", {})
        if test.get("utterances") and 0 < test.get("speakers", 0) < FEW_SPEAKERS:
            found.append(f"{corpus.label} ({count(test['speakers'], 'speaker')}, {test['utterances']:,} utterances)")
    if found:
        yield (
            f"**Few speakers**: fewer than {FEW_SPEAKERS} speak in the test sets of {words(found)}. Other speakers may "
            "give other scores, by more than intervals over utterances show."
        )


def _subsets(results: Results) -> Iterator[str]:
    found = []
    for corpus in results.description.corpora:
        number = results.description.augmented_utterances.get(corpus.name)
        test = results.corpora.get(corpus.name, {}).get("splits", {}).get("test", {})
        if number and number < test.get("utterances", number + 1):
            whole = f"{test['utterances']:,}" if test.get("utterances") else UNKNOWN
            found.append(f"{number:,} of {whole} utterances of {corpus.label}")
    if found and results.description.conditions:
        yield (
            f"**Augmentations of a part of the test sets**: {words(found)}, a fixed draw. Augmented speech is compared "
            "with clean speech of the same utterances; all other scores are those of whole test sets."
        )


def _seeds(results: Results) -> Iterator[str]:
    trained = [model for model in results.description.models if model.kind != "finished model" and model.seeds]
    single = [model for model in trained if len(model.seeds) == 1]
    if single:
        yield (
            f"**Few trainings**: {len(single)} of {count(len(trained), 'model')} were trained with one seed. Another "
            "seed gives other scores; the spread over seeds is known only of models with several."
        )


def _convergence(results: Results) -> Iterator[str]:
    names = [name for name, verdict in results.converged.items() if verdict == "no"]
    if results.claims and not results.converged:
        names += [name for claim in results.claims["claims"] for name in claim.get("not_converged") or ()]
    if names:
        labels = [results.description.model_label(name) for name in dict.fromkeys(names)]
        yield f"**Not converged**: longer training may change the scores of {words(labels)}."
    unknown = [name for name, verdict in results.converged.items() if verdict == "unknown" and name not in names]
    trained = [model for model in results.description.models if model.kind != "finished model"]
    if unknown:
        models = count(len(unknown), "model")
        yield f"**Convergence** of {models} is unknown: none was trained for twice as many epochs to see."
    elif trained and not results.converged and not names:
        yield "**Convergence** of the trainings is unknown: the stopping rule was not evaluated."


def _claims(results: Results) -> Iterator[str]:
    if results.claims is None:
        return
    claims = results.claims["claims"]
    open_ones = [claim for claim in claims if claim["verdict"] == "inconclusive"]
    if open_ones:
        reasons = Counter(str(claim.get("limited_by") or "") for claim in open_ones)
        known = [f"{reasons[name]} {text}" for name, text in REASONS.items() if reasons[name]]
        why = f": {'; '.join(known)}" if known else ""
        number = f"{len(open_ones)} of {count(len(claims), 'statement')}"
        yield f"**{number} are inconclusive**{why}. Inconclusive is not false."
