"""Checks for what figures and tables cannot show, or would show wrongly, made before anything is trained for them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping

from valence_gap.definitions.corpora import MINIATURE_ROOT
from valence_gap.runtime.errors import valid_names
from valence_gap.runtime.files import canonical_json
from valence_gap.study.configuration import Configuration, Figure

CLAIMS = "claims"
PUBLISHED = ("figure_02", "figure_06", "figure_07", "figure_08", "figure_09", "table_3")
"""The figures and tables that can show the paper's values beside those of the study."""

Check = Callable[[Configuration, str, Figure], Iterator[str]]


def figure_errors(configuration: Configuration) -> Iterator[str]:
    """Errors that prevent making a figure or table of a study: the key, the value, and what would be valid."""
    sections: Mapping[str, Mapping[str, Figure]] = {"figures": configuration.figures, "tables": configuration.tables}
    for section, shown in sections.items():
        for name, figure in shown.items():
            for check in (_lists, _published, *CHECKS.get(name, ())):
                yield from check(configuration, f"{section}.{name}", figure)
    for name, count in Counter(configuration.augmented).items():
        if count > 1:
            yield f"augmented: '{name}' is named {count} times; valid: once, or it counts more than the others"


def _lists(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
    """Lists that are empty, or name something twice."""
    name = key.partition(".")[2]
    needed = {
        "models": (figure.models, [*configuration.models, *configuration.fusions], name != "table_1"),
        "corpora": (figure.corpora, configuration.corpora, name not in ("table_1", "table_2")),
        "transcribed": (figure.transcribed, configuration.corpora, False),
    }
    for part, (names, valid, some) in needed.items():
        if some and not names:
            yield f"{key}.{part}: [] shows nothing; {valid_names(valid)}"
        for one, count in Counter(names).items():
            if count > 1:
                yield f"{key}.{part}: '{one}' is named {count} times; valid: once"


def _published(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
    """The published values are those of the paper's own corpora, and not every figure can show them."""
    if not figure.published:
        return
    if key.partition(".")[2] not in PUBLISHED:
        yield f"{key}.published: true, but it shows no published values, as {', '.join(PUBLISHED)} do; valid: false"
    elif made := miniature_corpora(configuration, figure.corpora):
        yield f"{key}.published: true, but it shows the miniature's {', '.join(made)}; valid: false"


def miniature_corpora(configuration: Configuration, corpora: Iterable[str]) -> list[str]:
    """The given corpora that are the miniature's."""
    paths = configuration.paths
    return [name for name in corpora if name in paths and paths[name].labels.startswith(MINIATURE_ROOT)]


def _fusions(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
    """Figure 3 shows fusions and the audio models that they are based on."""
    fusions = configuration.fusions
    shown = [name for name in figure.models if name in fusions]
    owned = {fusions[name].audio for name in shown}
    if not shown:
        yield f"{key}.models: {list(figure.models)} has no fusion; {valid_names(fusions)}"
        return
    for name in figure.models:
        if name not in fusions and name not in owned:
            own = [fusion for fusion in fusions if fusions[fusion].audio == name]
            yield f"{key}.models: '{name}' has no fusion beside it; {valid_names(own)}"


def _pairs(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
    """Figures 4 and 5 show each fine-tuned model with the one frozen model of its backbone."""
    models = configuration.models
    shown = [name for name in figure.models if name in models]
    if any(models[name].backbone not in (None, *configuration.backbones) for name in shown):
        return  # reference_errors reports an unknown backbone
    for name in shown:
        model = models[name]

        def is_counterpart(other: str, backbone: str | None = model.backbone, frozen: bool = model.frozen) -> bool:
            return models[other].backbone == backbone is not None and models[other].frozen != frozen

        beside, all_valid = list(filter(is_counterpart, shown)), list(filter(is_counterpart, models))
        kind = "fine-tuned" if model.frozen else "frozen"
        if not beside:
            yield f"{key}.models: '{name}' has no {kind} model of its backbone beside it; {valid_names(all_valid)}"
        elif not model.frozen and len(beside) > 1:
            yield f"{key}.models: '{name}' has several frozen ones beside it; valid: one of {', '.join(beside)}"


def _no_fusion(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
    """Fusions are predicted on the clean test sets only, and their embeddings are not stored."""
    for name in figure.models:
        if name in configuration.fusions:
            yield f"{key}.models: '{name}' is a fusion, which this does not show; {valid_names(configuration.models)}"


def _augmented(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
    """Figure 6 and table III need augmentations; a study without any must not have them among its targets."""
    if key.partition(".")[2] in configuration.targets and not configuration.augmented:
        yield f"augmented: [], but {key} shows the augmented test sets; {valid_names(configuration.conditions)}"


def _one_corpus(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
    """Figure 8 has the speakers of one corpus on its axis."""
    if len(figure.corpora) > 1:
        yield f"{key}.corpora: {list(figure.corpora)}, but it shows one; {valid_names(figure.corpora)}"


def _one_model(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
    """Table III has corpora in its columns and shows one model."""
    if len(figure.models) > 1:
        yield f"{key}.models: {list(figure.models)}, but it shows one; {valid_names(figure.models)}"


def _steps(attribute: str, whole: float | None) -> Check:
    """Figures 12 and 13 show models that differ in an attribute; ``whole`` is its value for the unreduced model."""

    def check(configuration: Configuration, key: str, figure: Figure) -> Iterator[str]:
        models = configuration.models
        values = {name: getattr(models[name], attribute) for name in figure.models if name in models}
        if figure.models and all(value == whole for value in values.values()):
            valid = [name for name, model in models.items() if getattr(model, attribute) != whole]
            yield f"{key}.models: none of {list(figure.models)} has {attribute}; {valid_names(valid)}"
            return
        for value, count in Counter(values.values()).items():
            if count > 1:
                alike = [name for name in values if values[name] == value]
                yield f"{key}.models: {attribute} is {canonical_json(value)} for {', '.join(alike)}; valid: one of them"

    return check


CHECKS: Mapping[str, tuple[Check, ...]] = {
    "figure_03": (_fusions,),
    "figure_04": (_pairs, _no_fusion),
    "figure_05": (_pairs, _no_fusion),
    "figure_06": (_no_fusion, _augmented),
    "figure_08": (_one_corpus,),
    "figure_10": (_no_fusion,),
    "figure_12": (_steps("layers", None), _no_fusion),
    "figure_13": (_steps("fraction", 1.0), _no_fusion),
    "table_3": (_one_model, _no_fusion, _augmented),
}


def needs_augmented(target: str) -> bool:
    """Whether a figure or table shows the augmented test sets."""
    return _augmented in CHECKS.get(target, ())
