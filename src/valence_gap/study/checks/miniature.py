"""Checks for the miniature's synthetic speech and noise in a study of other corpora, where nothing would mark them."""

from collections.abc import Iterable, Iterator

from valence_gap.definitions.corpora import MINIATURE_ROOT
from valence_gap.study.checks.figures import CLAIMS, miniature_corpora, needs_augmented
from valence_gap.study.configuration import Configuration, Figure


def miniature_errors(configuration: Configuration) -> Iterator[str]:
    """Every use of the miniature in a study of other corpora: the key, the value, and what to set.

    A study belongs to the corpus that it trains on. If it trains nothing, it belongs to the corpora that its targets
    show. Its backbones may be the miniature's: wherever they are shown, their names say so.
    """
    yield from _leftover_miniature_paths(configuration)
    own = _own(configuration)
    if not own:
        return
    for key, figure in _shown(configuration):
        if made := miniature_corpora(configuration, figure.corpora):
            rest = [name for name in figure.corpora if name not in made] or own[:1]
            yield (
                f"{key}.corpora: {_quoted(made)}: the miniature's synthetic speech, in a study of {_quoted(own)}; "
                f"set {key}.corpora: [{', '.join(rest)}], or set the paths of those corpora"
            )
    if configuration.claims and CLAIMS in configuration.targets:
        for role, name in configuration.claims.corpora.items():
            if miniature_corpora(configuration, [name]):
                yield (
                    f"claims.corpora.{role}: '{name}': the miniature's synthetic speech, in a study of {_quoted(own)}; "
                    "set it to one of your corpora, or set its paths, or remove claims from the targets"
                )
    yield from _noise(configuration, own)


def _leftover_miniature_paths(configuration: Configuration) -> Iterator[str]:
    """Paths of a user's own corpus that are still those of the miniature."""
    for name, paths in configuration.paths.items():
        if paths.labels.startswith(MINIATURE_ROOT):
            continue
        parts = {"audio": paths.audio, "transcripts": (paths.transcripts,), "speakers": (paths.speakers,)}
        for part, places in parts.items():
            if any(place and place.startswith(MINIATURE_ROOT) for place in places):
                valid = "the folders" if part == "audio" else "their path, or null"
                yield f"paths.{name}.{part}: the miniature's, but paths.{name}.labels is not; valid: {valid}"


def _own(configuration: Configuration) -> list[str]:
    """The corpora of a study that are not the miniature's; none if the study is the miniature itself."""
    if configuration.train_corpus is not None:
        names = [configuration.train_corpus]
    else:
        names = list(dict.fromkeys(name for _, figure in _shown(configuration) for name in figure.corpora))
    known = [name for name in names if name in configuration.paths]
    return [name for name in known if not miniature_corpora(configuration, [name])]


def _shown(configuration: Configuration) -> list[tuple[str, Figure]]:
    """The figures and tables among the targets, by their key."""
    sections = {"figures": configuration.figures, "tables": configuration.tables}
    return [
        (f"{section}.{name}", figure)
        for section, defined in sections.items()
        for name, figure in defined.items()
        if name in configuration.targets
    ]


def _noise(configuration: Configuration, own: list[str]) -> Iterator[str]:
    """The miniature's noise, mixed into speech that is not the miniature's."""
    noise, conditions = configuration.noise, configuration.conditions
    mixed = any(conditions[name].kind == "noise" for name in configuration.augmented if name in conditions)
    if noise is None or not noise.root.startswith(MINIATURE_ROOT) or not mixed:
        return
    users = [key for key, _ in _shown(configuration) if needs_augmented(key.partition(".")[2])]
    users += [CLAIMS] if configuration.claims and CLAIMS in configuration.targets else []
    if users:
        yield (
            f"noise.root: {noise.root}: the miniature's synthetic noise, which {', '.join(users)} would mix into "
            f"{_quoted(own)}; set noise.root: the folder of ESC-50"
        )


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)
