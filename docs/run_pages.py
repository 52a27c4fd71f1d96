"""The pages of the documentation that show a named run, made from its files and docs/templates; see named_run.py."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import seed_page
import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from page_text import CORPORA, LIMITS, Claim, ccc, claims_table, deciding_case, pivot, span, with_interval, words
from seed_page import CorpusSeeds

from valence_gap.claims.across_runs import compare_verdicts, table_of
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import read_json

DOCS = Path(__file__).parent
TEMPLATES = DOCS / "templates"
RESULTS_PAGE, CLAIMS_PAGE, README = DOCS / "results.md", DOCS / "claims.md", DOCS.parent / "README.md"
REPEATED_PAGE, SIMULATION = DOCS / "repeated-runs.md", DOCS / "verdict-simulation.json"
SEEDS_PAGE, SEEDS = DOCS / "corpus_seeds.md", DOCS / "corpus-seeds.json"
STAMP = "<!-- written by docs/named_run.py from docs/runs/{name} and docs/templates; edit those -->"
BLOCK = re.compile(r"(<!-- run: ([\w-]+) -->\n).*?(\n<!-- end -->)", re.DOTALL)


def pages(run: Path, readme: str) -> dict[Path, str]:
    """The text of each page that shows a run, and of the page that compares it with the other runs.

    Args:
        run: docs/runs/NAME.
        readme: the text of README.md, with or without marked blocks.

    Raises:
        UserError: a marked block has no template.
    """
    folders = [run, *(path.parent for path in sorted(run.parent.glob("*/run.json")) if path.parent != run)]
    environment = _environment(NamedRun(run))
    environment.globals |= {
        "runs": [NamedRun(folder) for folder in folders],
        "comparison": compare_verdicts(folders) if len(folders) > 1 else None,
        "simulated": read_json(SIMULATION)["results"]["both parts"],
        "seeds": CorpusSeeds(SEEDS),
    }
    stamp = STAMP.format(name=run.name)
    text = _rendered(environment, "results.md.j2")
    claims = (run / "claims.md").read_text(encoding="utf-8")
    return {
        RESULTS_PAGE: f"{stamp}\n\n{text}\n",
        CLAIMS_PAGE: f"{stamp}\n\n{claims}",
        README: _with_blocks(readme, environment),
        REPEATED_PAGE: f"{stamp}\n\n{_rendered(environment, 'repeated-runs.md.j2')}\n",
        SEEDS_PAGE: f"{stamp}\n\n{_rendered(environment, 'corpus_seeds.md.j2')}\n",
    }


def run_of_page(text: str) -> str | None:
    """The name of the run that a page was written from; None if it was written by hand."""
    found = re.match(re.escape(STAMP).replace(r"\{name\}", r"([\w.-]+)"), text)
    return found[1] if found else None


def _rendered(environment: Environment, template: str) -> str:
    """The text of a template; parts that are left out leave no empty lines behind."""
    return re.sub(r"\n{3,}", "\n\n", environment.get_template(template).render().strip())


def _with_blocks(text: str, environment: Environment) -> str:
    """A page with its marked blocks written anew."""
    there = {path.name.removesuffix(".md.j2") for path in (TEMPLATES / "readme").glob("*.md.j2")}
    unknown = sorted({name for _, name, _ in BLOCK.findall(text)} - there)
    if unknown:
        lines = [f"docs/templates/readme/{name}.md.j2" for name in unknown]
        raise UserError("marked blocks have no template", lines, "Write the template, or remove the block's marks.")

    def write(found: re.Match[str]) -> str:
        return f"{found[1]}{_rendered(environment, f'readme/{found[2]}.md.j2')}{found[3]}"

    return BLOCK.sub(write, text)


class NamedRun:
    """The files of a named run, as the templates read them.

    Args:
        folder: docs/runs/NAME.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info: dict[str, Any] = read_json(folder / "run.json")
        self.claims: dict[str, Claim] = {one["id"]: one for one in read_json(folder / "claims.json")["claims"]}
        self.summary: str = read_json(folder / "claims.json")["summary"]
        self.convergence: dict[str, Any] = read_json(folder / "convergence.json")

    def role(self, name: str) -> list[str]:
        """The models of a role; none if the study has no model for it."""
        found = self.info["roles"].get(name, [])
        return [found] if isinstance(found, str) else list(found)

    def table(self, name: str, **where: Any) -> pd.DataFrame:
        """The table of a figure, such as figure_02, with the rows of some values: dimension='valence'."""
        table = pd.read_csv(self.folder / "figures" / f"{name}.csv")
        for column, wanted in where.items():
            table = table[table[column].isin([wanted] if isinstance(wanted, str) else wanted)]
        return table

    def augmentations(self) -> pd.DataFrame:
        """Table III: a row for each condition, corpus and dimension."""
        return pd.read_csv(self.folder / "tables/table_3.csv")

    def with_verdict(self, *verdicts: str, headline: bool = False) -> list[Claim]:
        """The claims with one of these verdicts; of all, or of the title, abstract and conclusion."""
        return [one for one in self.claims.values() if one["verdict"] in verdicts and (one["headline"] or not headline)]

    def of_sections(self, *sections: str) -> list[Claim]:
        """The claims of some sections of the paper."""
        return [one for one in self.claims.values() if one["section"] in sections]

    def by_verdict(self, claim: str, *, supported: str, contradicted: str, inconclusive: str) -> str:
        """The sentence that fits the verdict of a claim."""
        return {"supported": supported, "contradicted": contradicted, "inconclusive": inconclusive}[
            self.claims[claim]["verdict"]
        ]

    def count_limits(self) -> dict[str, int]:
        """Inconclusive claims by what limits them, if the run knows that: {'too few utterances': 12}."""
        limits = [one.get("limited_by") for one in self.with_verdict("inconclusive")]
        return {text: limits.count(limit) for limit, text in LIMITS.items() if limit in limits}

    def models_by_convergence(self, answer: str) -> list[str]:
        """The models of which the stopping rule says yes, no or unknown."""
        return [name for name, one in self.convergence["models"].items() if one["converged"] == answer]

    def gains_of_twice_the_epochs(self) -> pd.DataFrame:
        """Condition (b) of the stopping rule: a row for each model and dimension that it was tried for."""
        table = pd.read_csv(self.folder / "convergence.csv")
        return table.dropna(subset="doubled_gain").drop_duplicates(["model", "dimension"])

    def reasons(self) -> list[dict[str, Any]]:
        """Why claims are contradicted: the claims of each known reason, then those without one."""
        known = yaml.safe_load((TEMPLATES / "reasons.yaml").read_text(encoding="utf-8"))
        contradicted = {one["id"]: one for one in self.with_verdict("contradicted")}
        rows = []
        for one in known:
            here = [contradicted.pop(name) for name in one["claims"] if name in contradicted]
            if here:
                rows.append({"claims": here, "reason": one["reason"], "known": one["known"]})
        if contradicted:
            rows.append({"claims": list(contradicted.values()), "reason": "", "known": "not known"})
        return rows

    def models_by_seeds(self) -> dict[str, list[str]]:
        """The models that were trained with the same seeds, by these seeds."""
        found: dict[str, list[str]] = {}
        for model, seeds in self.info["seeds"].items():
            found.setdefault(", ".join(map(str, seeds)), []).append(model)
        return found

    def hours(self, key: str = "seconds") -> float:
        """Duration of all jobs together, in hours."""
        return float(sum(rule[key] for rule in self.info["durations"].values())) / 3600

    def largest_rules(self, least: float = 0.01) -> pd.DataFrame:
        """The rules that take at least that share of the processor time, the longest first: jobs and minutes."""
        rules = pd.DataFrame.from_dict(self.info["durations"], orient="index")
        rules = rules.assign(minutes=rules["cpu_seconds"] / 60)[["jobs", "minutes"]]
        rules = rules.sort_values("minutes", ascending=False)
        large = rules["minutes"] >= least * rules["minutes"].sum()
        return pd.concat([rules[large], rules[~large].sum().to_frame("all others").T])


def _environment(run: NamedRun) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # it writes Markdown, from the project's own files
    )
    environment.globals["run"] = run
    formats: Mapping[str, Callable[..., Any]] = {
        "ccc": ccc,
        "span": span,
        "pivot": pivot,
        "with_interval": with_interval,
        "claims": claims_table,
        "words": words,
        "percent": lambda value: f"{100 * value:.0f} %",
        "percent1": lambda value: f"{100 * value:.1f} %",
        "verdicts_table": lambda comparison: "\n".join(
            table_of(comparison, [path.name for path in map(Path, comparison.runs)])
        ),
        "deciding_case": deciding_case,
        "agreement": seed_page.agreement,
        "agreements": seed_page.count_agreements,
        "verdict": seed_page.verdict,
        "corpus": lambda name: CORPORA.get(name, name),
        "cell": lambda text: text.replace("|", "\\|"),
    }
    environment.filters.update(formats)
    environment.tests["decided"] = seed_page.is_decided
    return environment
