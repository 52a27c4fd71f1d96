"""The seeds of models that name none, filled in before anything reads the configuration."""

from collections.abc import Mapping
from typing import Any

FIRST_SEED = 42


def with_seeds(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration in which ``seeds_per_model`` has given seeds to each trained model that names none.

    A model names none if it has no key ``seeds``, or null. Without ``seeds_per_model`` such a model has the default of
    :class:`valence_gap.definitions.models.Model`. A checkpoint is one model, so it has one seed.

    Args:
        config: the merged configuration; what is not valid in it is kept, for the checks to report.
    """
    models, count = config.get("models"), config.get("seeds_per_model")
    if not isinstance(models, Mapping):
        return dict(config)
    number = count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None
    return {**config, "models": {name: _with_seeds(model, number) for name, model in models.items()}}


def _with_seeds(model: Any, count: int | None) -> Any:
    if not isinstance(model, Mapping) or model.get("seeds") is not None:
        return model
    found = {key: value for key, value in model.items() if key != "seeds"}
    if count is not None and found.get("checkpoint") is None:
        found["seeds"] = [*range(FIRST_SEED, FIRST_SEED + count)]
    return found
