"""Which trainings the stopping rule is applied to."""

from collections.abc import Iterable, Iterator

from valence_gap.definitions.convergence import CONVERGENCE, DOUBLED
from valence_gap.study.checks.figures import CLAIMS
from valence_gap.study.study import TABLE_OF_BACKBONES, Study


def convergence_runs(study: Study, targets: Iterable[str]) -> list[tuple[str, int]]:
    """(model, seed) of the trainings that the stopping rule is applied to.

    Args:
        study: the study.
        targets: what needs the models: trained models and fusions, in the seeds that it shows. Of models under
            ``convergence.doubled`` all seeds are taken, and the trainings with twice as many epochs.
    """
    shown = [run for target in targets for run in _trainings(study, target) if _is_trained(study, run[0])]
    found = dict.fromkeys(shown)
    for name in study.configuration.convergence.doubled:
        if name in dict(shown):
            seeds = study.models[name].seeds
            found |= dict.fromkeys((each, seed) for each in (name, name + DOUBLED) for seed in seeds)
    return list(found)


def _trainings(study: Study, target: str) -> Iterator[tuple[str, int]]:
    """(model, seed) that a target shows."""
    if target == CLAIMS:
        yield from ((model, seed) for model, seed, *_ in study.claims_runs())
        yield from study.claims_logs()
    elif target == CONVERGENCE:
        yield from ((name, study.models[name].seeds[0]) for name in study.configuration.convergence.doubled)
    elif target != TABLE_OF_BACKBONES:
        yield from study.runs(target)


def _is_trained(study: Study, name: str) -> bool:
    """Whether a model, or a fusion on any model, is trained by the study."""
    return name in study.configuration.fusions or study.is_trained(name)
