"""The sub-commands by topic; each module has ``register(subparsers)`` and makes slow imports only when run."""

import argparse
from types import ModuleType
from typing import Protocol, cast


class Topic(Protocol):
    """A module of sub-commands."""

    def register(self, subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
        """Add the topic's sub-commands."""


def topics() -> tuple[Topic, ...]:
    """The command modules, in the order of the data flow."""
    from valence_gap.commands import (
        audio,
        backbones,
        claims,
        corpora,
        deploy,
        embeddings,
        figures,
        miniature,
        prediction,
        preflight,
        scores,
        study,
        tables,
        text,
        training,
        verify,
    )

    modules: tuple[ModuleType, ...] = (
        miniature,
        corpora,
        audio,
        backbones,
        training,
        prediction,
        text,
        scores,
        embeddings,
        figures,
        tables,
        claims,
        preflight,
        verify,
        deploy,
        study,
    )
    return cast(tuple[Topic, ...], modules)
