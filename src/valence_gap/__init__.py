"""Reproduction of Wagner et al. (2023), *Dawn of the transformer era in speech emotion recognition*."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from valence_gap.prediction.model import load_model

__all__ = ["__version__", "load_model"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import ``load_model`` when it is first asked for: it needs PyTorch, which other commands need not load."""
    if name != "load_model":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from valence_gap.prediction.model import load_model

    return load_model
