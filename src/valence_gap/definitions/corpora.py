"""Definitions of corpora: what a corpus is, and where it is stored."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from valence_gap.definitions.registry import ADAPTERS
from valence_gap.definitions.values import (
    DIMENSIONS,
    STRICT,
    Dimension,
    Split,
)

MINIATURE_ROOT = "{miniature}"


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Corpus:
    """A corpus for training or testing. Its paths are defined separately: moving a corpus changes no result."""

    adapter: Annotated[str, Field(description=f"Reader of its on-disk format: {', '.join(ADAPTERS)}.")]
    label: Annotated[str, Field(description="Name shown in figures.")]
    splits: Annotated[
        Mapping[Split, str | tuple[str, ...]],
        Field(description="Our split (train, dev, test) -> the corpus' own split name(s), such as test: test-1."),
    ]
    dimensions: Annotated[
        tuple[Dimension, ...], Field(description="Dimensions that are annotated (sentiment counts as valence).")
    ] = DIMENSIONS
    release: Annotated[str | None, Field(description="Release of the corpus, such as '1.7'.")] = None
    # Not part of its JSON, which Snakemake compares: the licence changes no number.
    licence: Annotated[
        str | None, Field(exclude=True, description="Its licence in words, for the model card of an exported model.")
    ] = None
    scale: Annotated[
        Mapping[Dimension, tuple[float, float]] | None,
        Field(description="Lowest and highest label per dimension; by default that of the adapter."),
    ] = None
    out_of_scale: Annotated[
        Literal["keep", "clip", "fail"], Field(description="What to do with a label outside its scale.")
    ] = "fail"
    on_bad_audio: Annotated[
        Literal["fail", "skip"], Field(description="Whether an unreadable audio file with a label stops the run.")
    ] = "fail"
    on_missing_audio: Annotated[
        Literal["fail", "skip"],
        Field(
            description="Whether the run stops if a twentieth of the rows or more have no audio file, as in a "
            "half-copied corpus. If fewer rows have none, they are left out."
        ),
    ] = "fail"
    # Not part of its JSON at its default, which Snakemake compares: corpora that were read before are not read again.
    on_lost_rows: Annotated[
        Literal["fail", "skip"],
        Field(
            exclude_if=lambda value: value == "fail",
            description="Whether the run stops if a twentieth of the rows of the used splits or more cannot be used, "
            "for whatever reason (no number as label, too many cells, no audio), or if rows of the same audio "
            "contradict each other. If fewer cannot be used, they are left out.",
        ),
    ] = "fail"
    speakers_disjoint: Annotated[
        bool,
        Field(description="Whether no speaker may be in two splits; if it is true and a speaker is, the run stops."),
    ] = True
    columns: Annotated[
        Mapping[str, str] | None,
        Field(
            description="table, audformat: our column (file, start, end, split, speaker, gender, ...) -> the table's "
            "column; table: '' -> the column is not read; "
            "audformat: table -> the name of the table, in which {split} is replaced by the database's split."
        ),
    ] = None

    def named(self, name: str) -> "Corpus":
        """Return the definition with a label for messages: its own or, if it has none, its name in the study."""
        return self if self.label else replace(self, label=name)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class CorpusPaths:
    """Where a corpus is stored. ``{miniature}`` at the start of a path means the embedded miniature's raw folder."""

    audio: Annotated[tuple[str, ...], Field(description="Audio folder(s), searched in order.")]
    labels: Annotated[str, Field(description="Folder (or file) of the labels.")]
    transcripts: Annotated[str | None, Field(description="Folder of the transcripts, if there are any.")] = None
    speakers: Annotated[str | None, Field(description="File with speakers or genders, if it is separate.")] = None


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Noise:
    """The noise corpus, in ESC-50's format."""

    root: Annotated[str, Field(description="ESC-50's root folder, with audio/ and meta/esc50.csv.")]
