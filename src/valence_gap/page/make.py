"""Write the page of a study."""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from valence_gap import __version__
from valence_gap.claims.rendering import METHOD_NOTE
from valence_gap.definitions.page import PageDescription
from valence_gap.page import answer, figures, limits, numbers, runs, statements, times
from valence_gap.page.results import Results, read_results
from valence_gap.runtime.data_files import read_reference
from valence_gap.runtime.files import read_json, write_text

SCORE_COLUMNS = ["model", "corpus", "condition", "dimension", "seeds", "mean", "sd", "minimum", "maximum"]


def make_page(
    folder: Path,
    description: PageDescription,
    *,
    claims_file: Path,
    captions: Path,
    utterances: Path | None,
    output: Path,
) -> None:
    """Write the page: one HTML file that needs no other file and no network.

    Args:
        folder: results of the study.
        description: what the study is.
        claims_file: ``workflow/claims.yaml``, for the paper's statements of a study without claims.
        captions: folder of the captions of the figures.
        utterances: JSON of :func:`valence_gap.page.utterances.write_utterances`; None: no utterance may be shown.
        output: the page.

    Raises:
        UserError: results of the study are missing.
    """
    results = read_results(folder, description)
    shown = read_json(utterances) if utterances else None
    environment = Environment(
        loader=PackageLoader("valence_gap.page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"decimal": numbers.decimal, "markdown": _inline_markdown}
    content = _content(results, shown) | {"blocks": figures.blocks(results, captions, claims_file)}
    write_text(output, environment.get_template("page.html.j2").render(**content, **_assets()))


def _content(results: Results, utterances: Mapping[str, Any] | None) -> dict[str, Any]:
    """What the template shows, by name."""
    study = results.description
    return {
        "study": study,
        "synthetic": study.is_synthetic(),
        "answer": answer.answer(results),
        "grid_of_scores": answer.score_grid(results),
        "headlines": statements.headlines(results),
        "best_transformer": statements.best_transformer(study),
        "limits": limits.limits(results),
        "facts": runs.facts(results),
        "corpora": runs.corpora_table(results),
        "models": runs.models_table(results),
        "stages": times.stages_table(results),
        "paper": _paper(),
        "claims_summary": results.claims["summary"] if results.claims else "",
        "not_checked": results.claims.get("not_checked", []) if results.claims else [],
        "has_claims": results.claims is not None,
        "claims_csv": _csv(results.folder / "claims.csv"),
        "scores_csv": _csv(results.folder / "scores.csv"),
        "method": METHOD_NOTE,
        "clips": _clips(utterances, study),
        "utterance_model": study.model_label(utterances["model"]) if utterances else "",
        "utterance_seed": utterances["seed"] if utterances else None,
        "licensed": [corpus.label for corpus in study.corpora if not corpus.rows],
        "silent": [corpus.label for corpus in study.corpora if not corpus.audio],
        "data": _data(results, utterances),
        "version": __version__,
    }


def _data(results: Results, utterances: Mapping[str, Any] | None) -> dict[str, Markup]:
    """The rows of the long tables as JSON, which the script reads."""
    found: dict[str, Any] = {}
    if results.claims is not None:
        found["claims"] = {
            "columns": statements.CLAIM_COLUMNS,
            "rows": statements.claim_rows(results.claims["claims"]),
        }
    if results.scores is not None:
        found["scores"] = {"columns": SCORE_COLUMNS, "rows": _cells(results.scores.reindex(columns=SCORE_COLUMNS))}
    if utterances is not None:
        found["utterances"] = {"columns": utterances["columns"], "rows": utterances["rows"]}
    return {name: script_json(value) for name, value in found.items()}


def script_json(value: Any) -> Markup:
    """JSON that can stand in a script element: nothing in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _cells(table: pd.DataFrame) -> list[list[Any]]:
    return [[None if pd.isna(cell) else cell for cell in row] for row in table.astype(object).to_numpy().tolist()]


def _paper() -> tuple[list[str], list[list[str]]]:
    """The paper's in-domain CCCs: the text of the paper and its authors' own test results."""
    table = read_reference("figure_2.csv")
    table = table[table["corpus"] == "msp-podcast"]
    heads = ["Model", "arousal", "dominance", "valence", "Source"]
    rows = []
    for model, group in table.groupby("model", sort=False):
        values = group.set_index("dimension")["ccc"]
        sources = ", ".join(dict.fromkeys(group["source"]))
        rows.append([str(model), *(numbers.decimal(values.get(name), 3) for name in heads[1:4]), sources])
    return heads, rows


def _clips(utterances: Mapping[str, Any] | None, study: PageDescription) -> dict[str, dict[str, list[Any]]]:
    """The clips by label of the corpus, then by label of the condition, in order."""
    found: dict[str, dict[str, list[Any]]] = {}
    for clip in utterances["clips"] if utterances else ():
        condition = study.conditions.get(clip["condition"], clip["condition"])
        found.setdefault(study.corpus_label(clip["corpus"]), {}).setdefault(condition, []).append(clip)
    return found


def _csv(path: Path) -> figures.Download | None:
    return figures.csv_download(path) if path.is_file() else None


def _inline_markdown(text: str) -> Markup:
    """A sentence with **bold** parts as HTML; other HTML in it is shown as text."""
    html = figures.markdown(text).strip().removeprefix("<p>").removesuffix("</p>")
    return Markup(html)


def _assets() -> dict[str, Markup]:
    """The style sheets and scripts: those of the page, and the DataTables bundle of itables."""
    own, tables = resources.files("valence_gap.page") / "templates", resources.files("itables") / "html"

    def text(path: Any) -> Markup:
        return Markup(path.read_text(encoding="utf-8").replace("</script", "<\\/script"))

    return {
        "style": text(own / "page.css"),
        "script": text(own / "page.js"),
        "tables_style": text(tables / "dt_bundle.css"),
        "tables_script": text(tables / "dt_bundle.js"),
    }
