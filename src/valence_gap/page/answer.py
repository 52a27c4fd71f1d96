"""What was asked and what was found, in four sentences that are made from the results."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from valence_gap.claims.paper_roles import BEST, TRANSFORMERS
from valence_gap.definitions.evaluation import CLEAN
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.page.numbers import NONE, count, decimal, interval, words
from valence_gap.page.results import Results

VERDICTS = ("supported", "contradicted", "inconclusive")


def answer(results: Results) -> list[str]:
    """Four sentences: what was asked; the best score of each dimension; the gap in valence; the paper's statements."""
    table = main_scores(results)
    return [_asked(results), _best(results, table), _gap(results, table), _statements(results)]


def main_scores(results: Results) -> pd.DataFrame:
    """CCCs on clean speech: model, corpus, dimension, ccc, low, high.

    They are those of Figure 2; of scores.csv, without intervals, if the study has no Figure 2. Empty if it has neither.
    """
    columns = ["model", "corpus", "dimension", "ccc", "low", "high"]
    table = results.figure_csv("figure_02")
    if table is None and results.scores is not None:
        scores = results.scores[results.scores["condition"] == CLEAN]
        table = scores.rename(columns={"mean": "ccc"}).drop_duplicates(["model", "corpus", "dimension"])
    return pd.DataFrame(columns=columns) if table is None else table.reindex(columns=columns)


@dataclass(frozen=True)
class Cell:
    """A score as text: its CCC, its interval, and whether it is the highest of its column."""

    ccc: str = NONE
    interval: str = ""
    best: bool = False


def score_grid(results: Results) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """The main scores as a table.

    Returns:
        The heads of its columns, one for each corpus and dimension; and the rows: a model with its cells.
    """
    table = main_scores(results)
    found = {(str(row.model), str(row.corpus), str(row.dimension)): row for row in table.itertuples()}
    columns: list[tuple[str, str]] = [(corpus, name) for corpus in table["corpus"].unique() for name in DIMENSIONS]
    columns = [column for column in columns if any(key[1:] == column for key in found)]
    best = {column: table.loc[_where(table, *column), "ccc"].max() for column in columns}

    def cell(model: str, column: tuple[str, str]) -> Cell:
        row = found.get((model, *column))
        if row is None:
            return Cell()
        return Cell(decimal(row.ccc), interval(row.low, row.high), row.ccc == best[column])

    heads = [f"{results.description.corpus_label(corpus)}, {name}" for corpus, name in columns]
    models = [str(model) for model in table["model"].unique()]
    return heads, [(results.description.model_label(name), [cell(name, each) for each in columns]) for name in models]


def _asked(results: Results) -> str:
    study = results.description
    shown = main_scores(results)
    models = count(shown["model"].nunique() or len(study.models), "model")
    corpora = words([study.corpus_label(name) for name in shown["corpus"].unique()])
    trained = f", trained on {study.corpus_label(study.train_corpus)}," if study.train_corpus else ""
    tested = f" in the test sets of {corpora}" if corpora else ""
    return (
        f"Asked, after Wagner et al. (2023): how well do {models}{trained} recognise arousal, dominance and valence "
        f"of speech{tested}? The measure is the concordance correlation coefficient (CCC): 1 if all predictions equal "
        "the labels, 0 if they say nothing about them."
    )


def _best(results: Results, table: pd.DataFrame) -> str:
    corpus = _main_corpus(results, table)
    chosen = table[table["corpus"] == corpus].dropna(subset=["ccc"])
    if chosen.empty:
        return "The study has no scores of clean speech, so it cannot say which model recognises emotion best."
    ordered = chosen.sort_values("ccc", ascending=False, kind="stable")
    best = [ordered[ordered["dimension"] == name].iloc[0] for name in _dimensions(chosen)]
    parts = [f"{_score(row)} in {row['dimension']} ({results.description.model_label(row['model'])})" for row in best]
    label = results.description.corpus_label(str(corpus))
    if chosen["model"].nunique() == 1:
        return f"On the test set of {label}, its one model reaches a CCC of {words(parts)}."
    return f"On the test set of {label}, the highest CCCs are {words(parts)}."


def _gap(results: Results, table: pd.DataFrame) -> str:
    """Valence: the transformer with the highest CCC against the baseline, the paper's best model, the other corpora."""
    corpus = _main_corpus(results, table)
    valence = table[(table["dimension"] == "valence")].dropna(subset=["ccc"])
    here = valence[valence["corpus"] == corpus].sort_values("ccc", ascending=False)
    if here.empty:
        return "It has no score in valence, the dimension in which the paper sees a gap."
    kinds = {model.name: model.kind for model in results.description.models}
    baseline = here[here["model"].map(kinds) == "CNN14"]
    others = here[here["model"].map(kinds) != "CNN14"]
    first = (others if len(others) else here).iloc[0]
    label = results.description.model_label
    elsewhere, papers_best = _elsewhere(results, valence, corpus), _papers_best(results, here, first)
    if len(baseline) and len(others):
        gap = first["ccc"] - baseline.iloc[0]["ccc"]
        compared = "above" if gap > 0 else "below"
        who = f"{label(first['model'])}, the paper's best model" if first["model"] == BEST else label(first["model"])
        return (
            f"In valence, the transformer with the highest CCC ({who}, {_score(first)}) is {decimal(abs(gap))} "
            f"{compared} CNN14, the baseline without transformer layers ({_score(baseline.iloc[0])}){elsewhere}."
            f"{_unfinished(results, [first, baseline.iloc[0]])}{papers_best}"
        )
    same = table[(table["corpus"] == corpus) & (table["model"] == first["model"])].set_index("dimension")["ccc"]
    compared = (
        f", {decimal(abs(same['arousal'] - first['ccc']))} {'below' if same['arousal'] >= first['ccc'] else 'above'} "
        "its CCC in arousal"
        if "arousal" in same and pd.notna(same["arousal"])
        else ""
    )
    lacking = "no transformer" if len(baseline) else "no CNN14, the baseline without transformer layers,"
    return (
        f"In valence, {label(first['model'])} reaches {_score(first)}{compared}{elsewhere}. There is {lacking} in this "
        f"study to compare it with.{papers_best}"
    )


def _papers_best(results: Results, here: pd.DataFrame, first: "pd.Series[Any]") -> str:
    """The paper's best model, if it is not the study's best: its CCC, or that it is missing.

    Args:
        results: the study.
        here: the scores in valence on the main corpus.
        first: the row of the transformer with the highest one.
    """
    if first["model"] == BEST:
        return ""
    own = here[here["model"] == BEST]
    if len(own):
        return f" The paper's best model, {BEST}, has {_score(own.iloc[0])} here."
    if any(model.name == BEST for model in results.description.models):
        return f" The paper's best model, {BEST}, has no such score in this study."
    return f" The paper's best model, {BEST}, is not in this study."


def _unfinished(results: Results, rows: "Sequence[pd.Series[Any]]") -> str:
    """A warning if a model that is compared was not trained to its end: its distance is then no finding."""
    names = [row["model"] for row in rows if results.converged.get(row["model"]) == "no"]
    if not names:
        return ""
    were = "was" if len(names) == 1 else "were"
    labels = words([results.description.model_label(name) for name in names])
    return f" This distance is no finding: by the stopping rule {labels} {were} not trained to the end."


def _elsewhere(results: Results, valence: pd.DataFrame, corpus: str | None) -> str:
    """The best valence on the other corpora, for the end of a sentence."""
    found = [
        f"{decimal(rows['ccc'].max())} on {results.description.corpus_label(str(name))}"
        for name, rows in valence.groupby("corpus", sort=False)
        if name != corpus
    ]
    return f"; across corpora, the highest valence CCC is {words(found)}" if found else ""


def _statements(results: Results) -> str:
    if results.claims is None:
        return "The statements of the paper were not evaluated: `claims` is not among the targets of this study."
    claims: Sequence[Mapping[str, Any]] = results.claims["claims"]
    headline = [claim for claim in claims if claim.get("headline")]
    text = f"Of {count(len(claims), 'statement')} of the paper, {_counts(claims)}{_lacking(results, claims)}"
    if headline:
        text += f"; of the {len(headline)} that stand in its title, abstract or conclusion, {_counts(headline)}"
    return text + "."


def _lacking(results: Results, claims: Sequence[Mapping[str, Any]]) -> str:
    """How many statements are inconclusive because the study lacks something, and the paper's models that it lacks."""
    number = sum(claim["verdict"] == "inconclusive" and claim.get("limited_by") == "roles" for claim in claims)
    if not number:
        return ""
    models = results.description.models
    there = {model.name for model in models}
    missing = [] if any(model.kind == "CNN14" for model in models) else ["CNN14"]
    missing += [name for name in TRANSFORMERS if name not in there]
    names = f"; of those in the paper's Figure 2, {words(missing)} {'is' if len(missing) == 1 else 'are'} not in it"
    return f" ({number} because this study lacks a model or number that they need{names if missing else ''})"


def verdict_counts(claims: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """The number of claims of each verdict, also where it is 0."""
    found = Counter(str(claim["verdict"]) for claim in claims)
    return {verdict: found[verdict] for verdict in VERDICTS}


def _counts(claims: Sequence[Mapping[str, Any]]) -> str:
    return words(
        [f"{number} {'is' if number == 1 else 'are'} {name}" for name, number in verdict_counts(claims).items()]
    )


def _main_corpus(results: Results, table: pd.DataFrame) -> str | None:
    shown = list(table["corpus"].unique())
    named = results.in_domain()
    return named if named in shown else next(iter(shown), None)


def _dimensions(table: pd.DataFrame) -> list[str]:
    return [name for name in DIMENSIONS if name in set(table["dimension"])]


def _where(table: pd.DataFrame, corpus: str, dimension: str) -> "pd.Series[bool]":
    return (table["corpus"] == corpus) & (table["dimension"] == dimension)


def _score(row: "pd.Series[Any]") -> str:
    return f"{decimal(row['ccc'])} {interval(row['low'], row['high'])}".strip()
