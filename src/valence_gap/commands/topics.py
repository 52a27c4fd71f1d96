"""The sub-commands by topic; each module has ``register(subparsers)`` and makes slow imports only when run."""

from importlib import import_module

from valence_gap.commands.options import Subparsers

COMPUTED = (
    "precision",
    "miniature",
    "corpora",
    "audio",
    "backbones",
    "training",
    "prediction",
    "text",
    "scores",
    "embeddings",
)
SHOWN = ("figures", "tables", "convergence", "claims", "page", "preflight", "verify", "deploy", "study")
"""The modules of sub-commands, in the order of the data flow: numbers, then what is made of them."""


def register(subparsers: Subparsers) -> dict[str, str]:
    """Add all sub-commands; return what each does, by name."""
    for topic in COMPUTED + SHOWN:
        import_module(f"valence_gap.commands.{topic}").register(subparsers)
    return {name: str(parser.get_default("summary")) for name, parser in subparsers.choices.items()}
