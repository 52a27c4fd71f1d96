"""The logger plugin ``--logger valence-gap``: Snakemake finds it by the name of this package."""

from valence_gap.terminal.handler import LogHandler

__all__ = ["LogHandler"]
