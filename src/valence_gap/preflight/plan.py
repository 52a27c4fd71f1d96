"""The work of a study: which corpora, backbones, trainings and predictions its targets need."""

from collections.abc import Mapping
from dataclasses import dataclass

from valence_gap.definitions.convergence import CONVERGENCE
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.study.checks.figures import CLAIMS
from valence_gap.study.study import TABLE_OF_BACKBONES, Study
from valence_gap.study.trainings import convergence_runs

# Sets of test conditions that a figure or table uses, in addition to the clean one.
SETS: Mapping[str, tuple[str, ...]] = {
    "figure_04": ("synthesised",),
    "figure_06": ("augmented",),
    "table_3": ("augmented",),
}


@dataclass(frozen=True)
class Plan:
    """The work that the targets need.

    Args:
        trainings: (model, seed) of the audio models that are trained.
        checkpoints: (model, seed) of the finished models that are fetched.
        fusions: (fusion, seed) that are trained on the pooled states of audio models.
        predictions: (model, seed, set of conditions, corpus); a fusion counts as a model of its own.
        backbones: pre-trained models that are fetched; with fusions, also the recogniser and the text encoder.
        transcribed: corpora whose test sets are transcribed: for fusions, and for the word error rates of figure 3.
        corpora: the training corpus, if a model is trained, and those that are tested on or transcribed.
    """

    trainings: tuple[tuple[str, int], ...]
    checkpoints: tuple[tuple[str, int], ...]
    fusions: tuple[tuple[str, int], ...]
    predictions: tuple[tuple[str, int, str, str], ...]
    backbones: tuple[str, ...]
    transcribed: tuple[str, ...]
    corpora: tuple[str, ...]

    def test_corpora(self, conditions: str) -> tuple[str, ...]:
        """Corpora whose test sets are needed in a set of conditions."""
        return tuple(dict.fromkeys(corpus for _, _, name, corpus in self.predictions if name == conditions))


def plan_of(study: Study) -> Plan:
    """Return the work that the targets of a study need."""
    runs, predictions, shown = _needs(study)
    fusions = study.configuration.fusions
    # The states of a fusion's audio model on the test sets are those of its predictions.
    audio = [
        (study.audio_model(name), seed, kind, corpus) for name, seed, kind, corpus in predictions if name in fusions
    ]
    predictions |= dict.fromkeys(audio)
    models = dict.fromkeys((study.audio_model(name), seed) for name, seed in runs)
    trained = [run for run in models if study.is_trained(run[0])]
    backbones = list(study.backbones_of([*(name for name, _ in runs), *shown]))
    fused = tuple((name, seed) for name, seed in runs if name in fusions)
    if fused:
        backbones += [name for name in (study.configuration.recogniser, study.configuration.text_encoder) if name]
    train = study.configuration.train_corpus
    corpora = [train] if train and (trained or fused) else []
    transcribed = [corpus for name, _, _, corpus in predictions if name in fusions]
    if "figure_03" in study.targets:
        transcribed += study.transcribed("figure_03")
    corpora += [*(corpus for *_, corpus in predictions), *transcribed]
    return Plan(
        trainings=tuple(trained),
        checkpoints=tuple(run for run in models if not study.is_trained(run[0])),
        fusions=fused,
        predictions=tuple(predictions),
        backbones=tuple(dict.fromkeys(backbones)),
        transcribed=tuple(dict.fromkeys(transcribed)),
        corpora=tuple(dict.fromkeys(corpora)),
    )


def _needs(
    study: Study,
) -> tuple[dict[tuple[str, int], None], dict[tuple[str, int, str, str], None], tuple[str, ...]]:
    """(model, seed) that are trained; predictions; and models whose backbone alone is needed."""
    runs: dict[tuple[str, int], None] = {}
    predictions: dict[tuple[str, int, str, str], None] = {}
    shown: tuple[str, ...] = ()
    for target in study.targets:
        if target == CLAIMS:
            found = study.claims_runs()
            predictions |= dict.fromkeys(found)
            runs |= dict.fromkeys((model, seed) for model, seed, *_ in found)
            runs |= dict.fromkeys(study.claims_logs())
        elif target == CONVERGENCE:
            runs |= dict.fromkeys(convergence_runs(study, study.targets))
        elif target == TABLE_OF_BACKBONES:
            shown = study.figure_config(target).models
        else:
            of_target = list(study.runs(target))
            runs |= dict.fromkeys(of_target)
            # Figure 11 shows training logs, and nothing of a test set.
            corpora = () if target == "figure_11" else study.figure_config(target).corpora
            sets = (CLEAN, *SETS.get(target, ()))
            predictions |= dict.fromkeys(
                (model, seed, name, corpus) for model, seed in of_target for corpus in corpora for name in sets
            )
    return runs, predictions, shown
