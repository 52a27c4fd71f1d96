"""The page on other corpus seeds, made from docs/corpus-seeds.json, which benchmarks/corpus_seeds.py writes."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from page_text import Claim, with_interval

from valence_gap.claims.across_runs import CONCLUSIVE
from valence_gap.runtime.files import read_json

PLACE = ["corpus", "dimension"]
BASELINE = "cnn14"
PUBLISHED = "II"  # the section whose claims rest on published numbers


class CorpusSeeds:
    """Studies that differ in the seed of their corpora, as the template reads them.

    Args:
        path: JSON with ``studies``: seed, commit, processor, scores and claims of each, the shipped one first.
    """

    def __init__(self, path: Path) -> None:
        self.studies: list[dict[str, Any]] = read_json(path)["studies"]
        tables = [pd.DataFrame(one["scores"]).assign(seed=one["seed"]) for one in self.studies]
        self.scores = pd.concat(tables, ignore_index=True)

    @property
    def seeds(self) -> list[int]:
        """The seeds, the shipped one first."""
        return [one["seed"] for one in self.studies]

    def claims(self, *, headline: bool) -> list[list[Claim]]:
        """The claims, or those of title, abstract and conclusion: for each the one of every study."""
        by_id = [{one["id"]: one for one in study["claims"]} for study in self.studies]
        names = [name for name, one in by_id[0].items() if one["headline"] or not headline]
        return [[found[name] for found in by_id] for name in names]

    def tested(self) -> list[list[Claim]]:
        """The other claims that have an interval in every study, and rest on more than published numbers."""
        claims = self.claims(headline=False)
        others = [claim for claim in claims if not (claim[0]["headline"] or claim[0]["section"] == PUBLISHED)]
        return [claim for claim in others if all(one["low"] is not None for one in claim)]

    def gaps(self, dimension: str) -> pd.DataFrame:
        """CCC of each model minus that of CNN14, by corpus and model, a column for each seed."""
        table = self._by_seed(self.scores[self.scores["dimension"] == dimension])
        base = table.xs(BASELINE, level="model").droplevel("dimension")
        others = table.drop(index=BASELINE, level="model").droplevel("dimension")
        return others - base.reindex(others.index.get_level_values("corpus")).to_numpy()

    def moves(self) -> pd.DataFrame:
        """How far the CCC of a model moves between the seeds (greatest minus least): mean and greatest of the models.

        A row for each corpus and dimension, with the model that moves most.
        """
        table = self._by_seed(self.scores)
        spread = (table.max(axis=1) - table.min(axis=1)).rename("spread").reset_index()
        rows = spread.groupby(PLACE, sort=False)["spread"].agg(["mean", "max", "idxmax"]).reset_index()
        return rows.assign(model=spread.loc[rows["idxmax"], "model"].to_numpy())

    def _by_seed(self, scores: pd.DataFrame) -> pd.DataFrame:
        table = scores.set_index([*PLACE, "model", "seed"])["ccc"].unstack("seed")
        order = scores.drop_duplicates([*PLACE, "model"])[[*PLACE, "model"]]
        return table.reindex(pd.MultiIndex.from_frame(order))[self.seeds]


SAME, REVERSED, UNDECIDED = "the same", "reversed", "not the same"


def agreement(claim: Sequence[Claim]) -> str:
    """Whether the studies give one verdict for a claim, contradict each other, or only some of them decide it."""
    verdicts = {one["verdict"] for one in claim}
    if len(verdicts) == 1:
        return SAME
    return REVERSED if verdicts >= set(CONCLUSIVE) else UNDECIDED


def count_agreements(claims: Iterable[Sequence[Claim]]) -> dict[str, int]:
    """The number of claims by their agreement."""
    found = [agreement(claim) for claim in claims]
    return {name: found.count(name) for name in (SAME, REVERSED, UNDECIDED)}


def is_decided(claim: Sequence[Claim]) -> bool:
    """Whether some study supports or contradicts a claim."""
    return any(one["verdict"] in CONCLUSIVE for one in claim)


def verdict(claim: Claim) -> str:
    """Verdict, estimate and interval of a claim in one study."""
    if claim["estimate"] is None:
        return str(claim["verdict"])
    return f"{claim['verdict']}: {with_interval(claim, 'estimate')}"
