"""A finished run with made-up numbers, as the documentation's scripts collect and render it."""

import json
import random
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
from miniature_configuration import MINIATURE, ROOT

from valence_gap.definitions.claims_file import read_statements

VERDICTS = ("supported", "contradicted", "inconclusive")
DIMENSIONS = ("arousal", "dominance", "valence")
ROLES = MINIATURE["claims"]["roles"]
LATER_KEYS = {
    "se_utterances": 0.031,
    "se_speakers": None,
    "se_seeds": 0.042,
    "seeds": {"cnn14": 3, "w2v2-b": 1},
    "not_converged": ["cnn14", "w2v2-b"],
    "limited_by": "seeds",
    "needs": {"utterances": {"iemocap": 1050}, "seeds": 9},
}
"""What claims.json says of a claim whose interval has a part of the training seeds; older files lack it."""
MODELS = MINIATURE["figures"]["figure_02"]["models"]
PNG = bytes.fromhex(  # one pixel
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360606060000000050001a5f6"
    "45400000000049454e44ae426082"
)


def results(folder: Path, seed: int = 0) -> Path:
    """Write what `docs/named_run.py collect` reads of results/<study>, with random numbers and verdicts."""
    draw = random.Random(seed)
    (folder / "figures").mkdir(parents=True)
    (folder / "tables").mkdir()
    for name, table in _tables(draw).items():
        table.to_csv(folder / f"{name}.csv", index=False)
    for number in range(2, 14):
        (folder / f"figures/figure_{number:02}.png").write_bytes(PNG)
    (folder / "figures/figure_10.csv").write_text("x,y\n" + "0.5,0.5\n" * 20_000)
    claims = {"summary": "made-up claims", "claims": [_claim(draw, one) for one in statements()]}
    (folder / "claims.json").write_text(json.dumps(claims))
    (folder / "claims.md").write_text("# The paper's answers, checked\n")
    evaluation = {"confidence": 0.95}
    definition = {"note": "miniature", "roles": MINIATURE["claims"], "evaluation": evaluation}
    (folder / "claims.run.json").write_text(json.dumps({"definition": definition}))
    converged = {name: {"converged": draw.choice(("yes", "no", "unknown"))} for name in [*MODELS, ROLES["random"]]}
    (folder / "convergence.json").write_text(json.dumps({"models": converged}))
    (folder / "convergence.md").write_text("# Stopping rule\n")
    for place, model in enumerate(MODELS):
        _write_record(folder / f"models/{model}/seed-{42 + place % 2}/run.json", cpu=f"CPU {place % 2}")
    times = folder / "benchmarks/finetune/w2v2-b/seed-42.tsv"
    times.parent.mkdir(parents=True)
    times.write_text("s\th:m:s\tcpu_time\n1800.0\t0:30:00\t-\n")
    return folder


def statements() -> list[Any]:
    """The statements of workflow/claims.yaml."""
    return list(read_statements(ROOT / "workflow/claims.yaml"))


def _claim(draw: random.Random, statement: Any) -> dict[str, Any]:
    number = draw.choice([None, round(draw.uniform(-1, 1), 3)])
    return {
        "cases": 3,
        "supporting": 2,
        "id": statement.id,
        "section": statement.section,
        "claim": statement.words,
        "headline": statement.headline,
        "statement": {"quantity": statement.quantity},
        "verdict": draw.choice(VERDICTS),
        "estimate": number,
        "low": None if number is None else number - 0.1,
        "high": None if number is None else number + 0.1,
        "p_value": None if number is None else 0.5,
    } | (draw.choice([{}, LATER_KEYS]))


def _tables(draw: random.Random) -> dict[str, pd.DataFrame]:
    corpora = MINIATURE["figures"]["figure_02"]["corpora"]

    def rows(*keys: tuple[str, list[Any]], value: str = "ccc") -> pd.DataFrame:
        table = pd.DataFrame(list(product(*(values for _, values in keys))), columns=[key for key, _ in keys])
        table[value] = [round(draw.uniform(-1, 1), 3) for _ in range(len(table))]
        return table.assign(low=table[value] - 0.1, high=table[value] + 0.1)

    model, dimension = ("model", MODELS), ("dimension", list(DIMENSIONS))
    by_place = {f"figures/figure_{name}": rows(("corpus", corpora), dimension, model) for name in ("02", "06", "07")}
    shown = [*ROLES["transformers"], ROLES["random"]]
    by_place |= {f"figures/figure_{name}": rows(("corpus", corpora), dimension, ("model", shown)) for name in ("09",)}
    by_place |= {f"figures/figure_{name}": rows(("corpus", corpora), dimension, model) for name in ("12", "13")}
    rates = pd.DataFrame({"corpus": corpora, "rate": [round(draw.random(), 3) for _ in corpora]})
    changes = rows(("augmentation", ["natural", "speed"]), ("corpus", corpora), dimension, value="change")
    longer = rows(model, dimension, ("seed", [42, 43]), value="doubled_gain").drop(columns=["low", "high"])
    longer.loc[longer["model"] != MODELS[0], "doubled_gain"] = None
    curve = {"seed": 42, "epoch": 1, "loss": 0.5} | {f"dev_{name}": 0.1 for name in DIMENSIONS}
    return by_place | {
        "scores": rows(model, dimension, value="mean"),
        "convergence": longer,
        "curves": pd.DataFrame([{"model": name} | curve for name in MODELS]),
        "figures/figure_03": rows(dimension, model),
        "figures/figure_03_word_error_rates": rates,
        "figures/figure_04": rows(("section", ["original", "synthesised"]), model),
        "figures/figure_05": rows(dimension, model),
        "figures/figure_08": rows(dimension, model, ("speaker", [1, 2])),
        "figures/figure_10_separation": rows(("property", ["corpus", "gender"]), model, value="value").assign(
            within="all"
        ),
        "figures/figure_11": rows(dimension, model, ("epoch", [1, 2])).drop(columns=["low", "high"]),
        "tables/table_3": changes,
    }


def _write_record(path: Path, *, cpu: str) -> None:
    path.parent.mkdir(parents=True)
    record = {
        "definition": {"recipe": {"epochs": 3}},
        "hardware": {"cpu": cpu, "gpu": None},
        "precision": "bfloat16",
        "git_commit": "0123456789abcdef",
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
    }
    path.write_text(json.dumps(record))
