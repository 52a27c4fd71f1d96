"""The standard errors of a claim's cases: of the test set, over utterances and over speakers, and of the seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from valence_gap.claims.cases import Case, cases_of
from valence_gap.claims.evidence import MissingEvidenceError
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.claims.seed_parts import KindPart, Reads, SeedParts, reads_of, seed_parts
from valence_gap.scores.metrics import Floats
from valence_gap.scores.seed_variance import Part, bootstrap_part, combined
from valence_gap.scores.statistics import speaker_error, standard_error


@dataclass(frozen=True)
class Errors:
    """The parts of the error of several cases.

    Attributes:
        utterances: standard error of the bootstrap over utterances, (cases,).
        speakers: the same over speakers, each with all utterances, (cases,); None if there are none, or if the claim is
            about single speakers or embeddings.
        speaker_count: number of speakers of the corpus that has the fewest.
        kinds: the part of the seeds, by kind of training.
        deviations: draws of the errors of all cases together, in standard errors, (draws, cases).
    """

    utterances: Floats
    speakers: Floats | None
    speaker_count: int
    kinds: tuple[KindPart, ...]
    deviations: Floats

    @property
    def bootstrap(self) -> Floats:
        """The larger of the errors over utterances and over speakers, (cases,)."""
        return self.utterances if self.speakers is None else np.fmax(self.utterances, self.speakers)

    @property
    def seeds(self) -> Floats:
        """The standard error that the seeds add, (cases,)."""
        total: Floats = np.sqrt(
            np.sum([np.zeros_like(self.utterances), *(one.part().variance for one in self.kinds)], 0)
        )
        return total

    def total(self, *, growth: float = 1.0, seeds: int = 0) -> tuple[Floats, Floats]:
        """The standard error of both parts and its degrees of freedom, (cases,) each.

        Args:
            growth: how many times the utterances (speakers in proportion) there are.
            seeds: every training has at least so many seeds.
        """
        return combined([self._bootstrap_part(growth), *(one.part(seeds) for one in self.kinds)])

    def _bootstrap_part(self, growth: float) -> Part:
        speakers = np.full_like(self.utterances, np.nan) if self.speakers is None else self.speakers
        return bootstrap_part(self.utterances, speakers, self.speaker_count, growth)


def errors_of(
    resolved: ResolvedStatement, rows: Floats, kinds: Mapping[str, str], cases: Sequence[Case]
) -> tuple[Errors, SeedParts]:
    """The errors of the cases of a claim.

    Args:
        resolved: the statement with its evidence.
        rows: the cases, (1 + resamples over utterances, cases).
        kinds: the kind of each model.
        cases: their names.
    """
    reads = reads_of(resolved)
    found = seed_parts(resolved, reads, kinds, cases)
    utterances = standard_error(rows[1:])
    resampled = rows[1:]
    count, by_speaker = _over_speakers(resolved, reads, cases)
    speakers = None if by_speaker is None else speaker_error(by_speaker, count)
    if by_speaker is not None and speakers is not None and np.nanmean(speakers - utterances) > 0:
        resampled = by_speaker
    errors = Errors(utterances, speakers, count, found.parts, np.empty((0, len(cases))))
    own = _standardised(resampled - rows[0]) * errors.bootstrap
    for kind in found.parts:
        own += kind.draws(len(own), resolved.evidence.generator("seeds", resolved.statement.id, kind.kind))
    deviations = _standardised(own)
    return Errors(utterances, speakers, count, found.parts, deviations), found


def _standardised(deviations: Floats) -> Floats:
    """Deviations from their mean in units of their standard deviation; 0 where undefined or without spread."""
    spread = standard_error(deviations)
    centred = deviations - np.nan_to_num(np.where(np.isfinite(deviations), deviations, 0).mean(axis=0))
    found: Floats = np.divide(centred, spread, out=np.zeros_like(centred), where=np.nan_to_num(spread) > 0)
    return np.nan_to_num(found)


def _over_speakers(resolved: ResolvedStatement, reads: Reads, cases: Sequence[Case]) -> tuple[int, Floats | None]:
    """Number of speakers, and the cases resampled over speakers, (resamples, cases)."""
    evidence = resolved.evidence
    counts = [count for place in reads.corpora if (count := evidence.speaker_count(*place))]
    if not counts:
        return 0, None
    try:
        found = cases_of(ResolvedStatement(resolved.statement, resolved.claims, evidence.over_speakers()))
    except MissingEvidenceError:
        return 0, None  # such as a relative drop from a CCC that is not above 0 in some resamples
    return min(counts), np.stack([found[name] for name in cases], axis=1)[1:]
