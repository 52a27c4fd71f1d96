"""The part of the training seeds in the variance of a claim's cases.

How much does a compared value change when one of its trainings is repeated with another seed? The value is computed
again with the scores of one model moved as a seed moves them: by the difference of the scores of one seed of a model
of the same kind (the donor) from the mean over that donor's seeds, in all corpora, dimensions, conditions and groups
at once. So the covariances of a training's scores are kept, and the value may be any function of the scores: a
difference, a mean over models, a relative drop, a rank correlation. The squared changes, pooled over donors, are the
variance of one training in that place; a model with n seeds has this variance divided by n.

This is an approximation in three ways. Models of a kind are taken to have the same variance between seeds. A value that
is not linear is changed by a whole seed, not by an infinitesimal one, and changes of several models are added. And a
donor's deviations are taken over as differences of CCCs, whatever the level of the other model's CCC.

A fusion contains its audio model of the same seed. So both are moved together, by the deviations that a donor and its
fusion have with the same seed. Frozen and fine-tuned models of one seed are separate trainings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from valence_gap.claims.cases import Case, cases_of
from valence_gap.claims.evidence import Cell, Evidence, MissingEvidenceError
from valence_gap.claims.quantities import SQUARED
from valence_gap.claims.resolved_statements import ResolvedStatement
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.scores.metrics import Floats
from valence_gap.scores.seed_variance import Part, pooled

FUSION = "fusion"


@dataclass(frozen=True)
class KindPart:
    """The part of the trainings of one kind.

    Attributes:
        kind: its name.
        seeds: number of seeds of each compared training, (trainings,).
        changes: for each compared training and donor, the changes of the cases by seed: (seeds, cases) each.
    """

    kind: str
    seeds: tuple[int, ...]
    changes: tuple[tuple[Floats, ...], ...]

    def part(self, seeds: int = 0) -> Part:
        """The variance that this kind adds to each case, if every training had at least so many seeds."""
        variances = [
            pooled(by_donor).variance / max(count, seeds)
            for count, by_donor in zip(self.seeds, self.changes, strict=True)
        ]
        freedom = sum(max(len(values), seeds) - 1 for values in self.changes[0])
        return Part(np.sum(variances, axis=0), float(freedom))

    def draws(self, count: int, rng: np.random.Generator) -> Floats:
        """Normal draws with the covariances over cases that the changes have, (draws, cases)."""
        total: Floats = np.zeros((count, self.changes[0][0].shape[1]))
        for seeds, by_donor in zip(self.seeds, self.changes, strict=True):
            centred = np.concatenate([values - values.mean(axis=0) for values in by_donor])
            freedom = sum(len(values) - 1 for values in by_donor)
            total += rng.standard_normal((count, len(centred))) @ centred / np.sqrt(freedom * seeds)
        return total


@dataclass(frozen=True)
class SeedParts:
    """What the seeds contribute to the cases of a claim.

    Attributes:
        parts: by kind of training.
        seeds: number of seeds of each compared model.
        donors: models whose seeds gave the variances.
        unknown: compared models for whose kind nothing is known.
    """

    parts: tuple[KindPart, ...]
    seeds: Mapping[str, int]
    donors: tuple[str, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Reads:
    """Which scores the cases of a claim read: models, and (corpus, condition) of all utterances or of one gender."""

    models: dict[str, None] = field(default_factory=dict)
    corpora: dict[tuple[str, str], None] = field(default_factory=dict)


class MovedEvidence(Evidence):
    """Evidence in which the scores of some models are moved by a seed of other models.

    Args:
        evidence: the scores.
        moves: for each model that is moved: the donor, and its seed.
        estimates_only: leave the resamples out.

    Attributes:
        reads: what was read.
    """

    def __init__(
        self, evidence: Evidence, moves: Mapping[str, tuple[str, int]] | None = None, *, estimates_only: bool = True
    ) -> None:
        self.evidence, self.moves = evidence, moves or {}
        self.reads = Reads()
        self._length = 1 if estimates_only else 1 + evidence.resamples

    @property
    def resamples(self) -> int:
        """Number of resamples that are kept."""
        return self._length - 1

    @property
    def speaker_draws(self) -> int:
        """Number of utterances in one draw of a speaker."""
        return self.evidence.speaker_draws

    def generator(self, *names: str) -> np.random.Generator:
        """Random numbers that depend on the names alone."""
        return self.evidence.generator(*names)

    def dimensions(self, corpus: str) -> tuple[str, ...]:
        """Dimensions that a corpus has labels for."""
        return self.evidence.dimensions(corpus)

    def ccc(self, model: str, corpus: str, dimension: str, condition: str, group: str = "all") -> Floats:
        """CCC, moved: (1 + resamples,)."""
        self.reads.models[model] = self.reads.corpora[corpus, condition] = None
        place = (corpus, dimension, condition, group)
        rows = self.evidence.ccc(model, *place)[: self._length]
        if model not in self.moves:
            return rows
        donor, seed = self.moves[model]
        moved: Floats = (
            rows + (self.evidence.only(donor, seed).ccc(donor, *place) - self.evidence.ccc(donor, *place))[0]
        )
        return moved

    def speakers(self, model: str, corpus: str, dimension: str) -> Mapping[str, Floats]:
        """CCC by speaker, moved: (1 + resamples,) each."""
        self.reads.models[model] = None
        found = self.evidence.speakers(model, corpus, dimension)
        found = {name: rows[: self._length] for name, rows in found.items()}
        if model not in self.moves:
            return found
        donor, seed = self.moves[model]
        mean = self.evidence.speakers(donor, corpus, dimension)
        own = self.evidence.only(donor, seed).speakers(donor, corpus, dimension)
        return {name: rows + (own[name] - mean[name])[0] for name, rows in found.items()}

    def dev_curves(self, model: str) -> list[Floats]:
        """Mean dev CCC by epoch; quantities over seeds are not moved."""
        return self.evidence.dev_curves(model)

    def separation(self, model: str, attribute: str) -> Floats:
        """How far a model's embeddings separate an attribute, moved: (1 + resamples,)."""
        self.reads.models[model] = None
        rows = self.evidence.separation(model, attribute)[: self._length]
        if model not in self.moves:
            return rows
        donor, seed = self.moves[model]
        own, mean = self.evidence.only(donor, seed), self.evidence
        moved: Floats = rows + (own.separation(donor, attribute) - mean.separation(donor, attribute))[0]
        return moved

    def average(self, quantity: str, cells: Sequence[Cell]) -> Floats | None:
        """None: everything is computed from the cells."""
        return None

    def utterances(self, corpus: str, condition: str) -> int:
        """Number of labelled utterances."""
        return self.evidence.utterances(corpus, condition)

    def embedded_utterances(self, model: str, attribute: str) -> int:
        """Number of utterances with embeddings."""
        return self.evidence.embedded_utterances(model, attribute)

    def seeds(self, model: str, *, embedded: bool = False) -> tuple[int, ...]:
        """Training seeds of a model."""
        return self.evidence.seeds(model, embedded=embedded)

    def only(self, model: str, seed: int) -> Evidence:
        """The evidence of one seed, not moved."""
        return self.evidence.only(model, seed)

    def over_speakers(self) -> Evidence:
        """The evidence over speakers, not moved."""
        return self.evidence.over_speakers()

    def speaker_count(self, corpus: str, condition: str = CLEAN) -> int:
        """Number of known speakers."""
        return self.evidence.speaker_count(corpus, condition)


def reads_of(resolved: ResolvedStatement) -> Reads:
    """Which scores the cases of a claim read.

    Raises:
        MissingEvidenceError: if a role is empty or a score is not available.
    """
    evidence = MovedEvidence(resolved.evidence)
    cases_of(ResolvedStatement(resolved.statement, resolved.claims, evidence))
    return evidence.reads


def seed_parts(resolved: ResolvedStatement, reads: Reads, kinds: Mapping[str, str], cases: Sequence[Case]) -> SeedParts:
    """What the training seeds contribute to the variance of the cases of a claim.

    Args:
        resolved: the statement with its evidence.
        reads: what its cases read.
        kinds: the kind of each model of the study; a model that is not named is a kind of its own.
        cases: names of the cases, in order.
    """
    pool = _Pool(resolved, kinds)
    trainings: dict[str, list[str]] = {}
    for model in reads.models:
        trainings.setdefault(pool.audio.get(model, model), []).append(model)
    by_kind: dict[str, list[list[str]]] = {}
    for audio, members in trainings.items():
        by_kind.setdefault(pool.kind(audio, members), []).append(members)
    parts: list[KindPart] = []
    donors: dict[str, None] = {}
    unknown: list[str] = []
    for kind, slots in by_kind.items():
        found = pool.changes(slots, cases)
        if not found:
            unknown += [model for members in slots for model in members]
            continue
        donors |= dict.fromkeys(pool.source(donor, model) for members in slots for model in members for donor in found)
        counts = tuple(max(1, min(len(pool.seeds(model)) for model in members)) for members in slots)
        changes = tuple(tuple(by_slot[index] for by_slot in found.values()) for index in range(len(slots)))
        parts.append(KindPart(kind, counts, changes))
    seeds = {model: len(pool.seeds(model)) for model in reads.models}
    return SeedParts(tuple(parts), seeds, tuple(donors), tuple(unknown))


class _Pool:
    """The trainings of a study, from which a claim can borrow a variance between seeds."""

    def __init__(self, resolved: ResolvedStatement, kinds: Mapping[str, str]) -> None:
        self.resolved, self.kinds = resolved, kinds
        self.fusion = resolved.claims.fusion
        self.audio = {fusion: audio for audio, fusion in self.fusion.items()}
        self.embedded = resolved.statement.quantity == "separation"

    def seeds(self, model: str) -> tuple[int, ...]:
        """Seeds of a model whose scores are known."""
        return self.resolved.evidence.seeds(model, embedded=self.embedded)

    def kind(self, audio: str, members: Sequence[str]) -> str:
        """The kind of a training: that of the audio model, or fusion if its fusion is compared (too)."""
        kind = self.kinds.get(audio, audio)
        return f"{kind} {FUSION}" if any(model != audio for model in members) else kind

    def source(self, donor: str, model: str) -> str:
        """Whose scores move a model: the donor's, or those of its fusion (empty: it has none)."""
        return self.fusion.get(donor, "") if model in self.audio else donor

    def changes(self, slots: Sequence[Sequence[str]], cases: Sequence[Case]) -> dict[str, list[Floats]]:
        """By donor, for each training of one kind: the cases with this training moved by each seed, (seeds, cases)."""
        audio = self.audio.get(slots[0][0], slots[0][0])
        kind = self.kinds.get(audio, audio)
        names = dict.fromkeys([*self.kinds, audio])
        found: dict[str, list[Floats]] = {}
        for donor in (name for name in names if self.kinds.get(name, name) == kind and name not in self.audio):
            try:
                changes = [self._moved(members, donor, cases) for members in slots]
            except MissingEvidenceError:
                continue
            if all(len(values) > 1 and np.isfinite(values).all() for values in changes):
                found[donor] = changes
        return found

    def _moved(self, members: Sequence[str], donor: str, cases: Sequence[Case]) -> Floats:
        """The cases with one training moved by each seed of a donor, (seeds, cases); no rows for a single seed."""
        sources = {model: self.source(donor, model) for model in members}
        seeds = [seed for seed in self.seeds(donor) if all(seed in self.seeds(name) for name in sources.values())]
        if len(seeds) < 2:
            return np.empty((0, len(cases)))
        return np.stack(
            [self._estimates({model: (sources[model], seed) for model in members}, cases) for seed in seeds]
        )

    def _estimates(self, moves: Mapping[str, tuple[str, int]], cases: Sequence[Case]) -> Floats:
        statement = self.resolved.statement
        evidence = MovedEvidence(self.resolved.evidence, moves, estimates_only=statement.quantity not in SQUARED)
        found = cases_of(ResolvedStatement(statement, self.resolved.claims, evidence))
        return np.array([found[name][0] for name in cases])
