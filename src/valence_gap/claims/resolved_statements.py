"""A statement with the models and corpora of its roles, and the cells that it reads."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from valence_gap.claims.evidence import Cell, Evidence, MissingEvidenceError
from valence_gap.claims.paper_roles import named
from valence_gap.definitions.claims import ALL_MODELS, IN_DOMAIN, OF_MODELS, ORIGINAL, Claims, Side, Statement
from valence_gap.definitions.evaluation import CLEAN, SYNTHESISED
from valence_gap.definitions.values import DIMENSIONS, as_tuple


@dataclass(frozen=True)
class ResolvedStatement:
    """A statement, the models and corpora of its roles, and its evidence.

    Methods raise :class:`MissingEvidenceError` if a role is empty.
    """

    statement: Statement
    claims: Claims
    evidence: Evidence

    def second(self) -> Side | None:
        """The second side, with the fields that it inherits from the first."""
        first, second = self.statement.first, self.statement.second
        if second is None:
            return None
        own = second.models is not None
        return replace(
            second,
            models=second.models if own else first.models,
            without=second.without if own else first.without,
            variant=second.variant if own else second.variant or first.variant,
            corpora=second.corpora or first.corpora,
            dimensions=second.dimensions or first.dimensions,
            condition=second.condition or (None if second.conditions else first.condition),
            conditions=second.conditions or (() if second.condition else first.conditions),
        )

    def models(self, side: Side) -> tuple[str, ...]:
        """The models of a side."""
        if side.models is None:
            return ()
        left_out = {name for role in side.without for name in as_tuple(self.claims.roles.get(role, ()))}
        names = tuple(name for name in self._of_role(side.models) if name not in left_out)
        if not names:
            raise MissingEvidenceError(
                f"no model in the role of {named(side.models)} except those in {', '.join(map(named, side.without))}"
            )
        return tuple(self.counterpart(name, side.variant) for name in names) if side.variant else names

    def counterpart(self, model: str, variant: str) -> str:
        """The frozen or fused variant of a model."""
        counterparts = self.claims.frozen if variant == "frozen" else self.claims.fusion
        if model not in counterparts:
            raise MissingEvidenceError(
                f"no {variant} variant of {model} is named for the statements (claims.{variant})"
            )
        return counterparts[model]

    def rivals(self) -> tuple[str, ...]:
        """The models that the quantity ``lead`` compares with."""
        return self._of_role(self.statement.rival) if self.statement.rival else ()

    def in_domain(self) -> str:
        """The corpus that the models are trained on."""
        return self.corpora((IN_DOMAIN,))[0]

    def corpora(self, roles: Sequence[str]) -> tuple[str, ...]:
        """The corpora of roles."""
        known = {str(role): corpus for role, corpus in self.claims.corpora.items()}
        missing = [role for role in roles if role not in known]
        if missing:
            raise MissingEvidenceError(f"no corpus in the role of {', '.join(missing)}")
        return tuple(known[role] for role in roles)

    def conditions(self, side: Side) -> tuple[str, ...]:
        """The conditions of a side."""
        known = {name: (name,) for name in (CLEAN, ORIGINAL, SYNTHESISED)} | {
            str(role): names for role, names in self.claims.conditions.items()
        }
        selected: tuple[str, ...] = side.conditions or (side.condition or CLEAN,)
        missing = [role for role in selected if not known.get(role)]
        if missing:
            raise MissingEvidenceError(f"no conditions in the role of {', '.join(missing)}")
        return tuple(name for role in selected for name in known[role])

    def places(self, side: Side) -> list[tuple[str, str]]:
        """(corpus, dimension) pairs of a side for which the corpus has labels."""
        selected = side.dimensions or DIMENSIONS
        corpora = self.corpora(side.corpora or (IN_DOMAIN,))
        found: list[tuple[str, str]] = [
            (corpus, dimension)
            for corpus in corpora
            for dimension in self.evidence.dimensions(corpus)
            if dimension in selected
        ]
        if not found:
            raise MissingEvidenceError(f"{', '.join(corpora)}: no labels for {', '.join(selected)}")
        return found

    def cells(self, side: Side) -> Iterator[Cell]:
        """The cells that are computed for a side."""
        if self.statement.quantity in OF_MODELS:
            yield from (Cell(model) for model in self.models(side))
            return
        for model, place, condition in itertools.product(self.models(side), self.places(side), self.conditions(side)):
            cell = Cell(model, *place, condition)
            if self.statement.quantity == "speaker_deviation":
                for name in self.evidence.speakers(model, *place):
                    yield replace(cell, speaker=name)
            else:
                yield cell

    def reference(self, side: Side) -> dict[str, float]:
        """The published values of a side, by dimension."""
        known = {str(name): values for name, values in (self.claims.references or {}).items()}.get(
            str(side.reference), {}
        )
        selected = side.dimensions or self.statement.first.dimensions or DIMENSIONS
        values = {str(dimension): known[dimension] for dimension in selected if dimension in known}
        if len(values) < len(selected):
            raise MissingEvidenceError(
                f"not tested: the study names no published scores to compare with (claims.references: {side.reference})"
            )
        return values

    def _of_role(self, role: str) -> tuple[str, ...]:
        if role == ALL_MODELS:
            return (*self._of_role("transformers"), *self._of_role("baseline"))
        assigned = {str(name): models for name, models in self.claims.roles.items()}
        names = as_tuple(assigned.get(role, ()))
        if not names:
            raise MissingEvidenceError(f"no model in the role of {named(role)}")
        return names
