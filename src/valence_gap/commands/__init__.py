"""The sub-commands by topic; each module has ``register(subparsers)`` and imports what is heavy only when run."""

from types import ModuleType


def topics() -> tuple[ModuleType, ...]:
    """The command modules, in the order of the data flow."""
    from valence_gap.commands import audio, backbones, corpora, figures, miniature, prediction, scores, training

    return (miniature, corpora, audio, backbones, training, prediction, scores, figures)
