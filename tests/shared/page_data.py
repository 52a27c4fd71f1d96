"""An invented study: results of the form that the workflow writes, and its page."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from valence_gap.audio.packs import write_pack
from valence_gap.definitions.page import PageCorpus, PageDescription, PageModel, ShownOnPage
from valence_gap.definitions.values import DIMENSIONS
from valence_gap.page.make import make_page
from valence_gap.page.utterances import UtteranceFiles, write_utterances
from valence_gap.runtime.files import write_json

ROOT = Path(__file__).parents[2]
CLAIMS_FILE, CAPTIONS = ROOT / "workflow/claims.yaml", ROOT / "workflow/report"
MODELS = (
    PageModel(name="cnn14", label="CNN14", kind="CNN14", backbone="mini-cnn14", seeds=(42, 43)),
    PageModel(name="w2v2-b", label="w2v2-b", kind="fine-tuned", backbone="./w2v2-b", seeds=(42,)),
)
CORPORA = (
    PageCorpus(name="msp-podcast", label="MSP-Podcast", release="1.7", synthetic=True, rows=True, audio=True),
    PageCorpus(name="cmu-mosi", label="MOSI", dimensions=("valence",), synthetic=True, rows=True, audio=True),
)
SHOWN = ShownOnPage(models=("cnn14", "w2v2-b"), corpora=("msp-podcast", "cmu-mosi"))
DESCRIPTION = PageDescription(
    study="invented",
    note="miniature",
    targets={"figure_02": SHOWN, "table_1": ShownOnPage(), "claims": ShownOnPage()},
    train_corpus="msp-podcast",
    models=MODELS,
    corpora=CORPORA,
    conditions={"human-0db": "Human, non-speech, 0 dB"},
    backbones=("mini-w2v2-b",),
)
UTTERANCES = 30


def claim(identifier: str, verdict: str, **given: Any) -> dict[str, Any]:
    """A claim as in claims.json of an older version, without the keys on seeds."""
    return {
        "id": identifier,
        "section": "IV-A",
        "claim": f"In words, {identifier}.",
        "verdict": verdict,
        "quantity": "ccc",
        "estimate": 0.1234,
        "low": -0.05,
        "high": 0.2,
        "comparison": "greater",
        "threshold": 0.0,
        "margin": None,
        "headline": False,
        "compared": "w2v2-b minus cnn14",
        "why": "",
        "would_take": "",
        **given,
    }


CLAIMS = [
    claim("leads", "supported", low=0.05, headline=True),
    claim("falls", "contradicted", estimate=-0.3, low=-0.4, high=-0.2, section="IV-G"),
    claim("open", "inconclusive", would_take="would take 900 of msp-podcast instead of 30"),
    claim("lacks", "inconclusive", estimate=None, low=None, high=None, why="nobody has the role strong"),
]


def main_scores() -> pd.DataFrame:
    """The plotted numbers of Figure 2."""
    rows = [
        (corpus.name, dimension, model.name, 0.5 + 0.1 * index - 0.2 * (dimension == "valence"))
        for corpus in CORPORA
        for dimension in corpus.dimensions
        for index, model in enumerate(MODELS)
    ]
    table = pd.DataFrame(rows, columns=["corpus", "dimension", "model", "ccc"])
    return table.assign(low=table["ccc"] - 0.05, high=table["ccc"] + 0.05, seeds=1)


def write_results(folder: Path, description: PageDescription = DESCRIPTION, claims: Iterable[Any] = CLAIMS) -> None:
    """Write the results of the targets: figure, table, claims, scores, records."""
    figures = [name for name in description.targets if name.startswith("figure")]
    for name in figures:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        Figure(figsize=(3, 2)).savefig(folder / f"figures/{name}.png")
        main_scores().to_csv(folder / f"figures/{name}.csv", index=False)
    if "table_1" in description.targets:
        (folder / "tables").mkdir(parents=True)
        (folder / "tables/table_1.md").write_text("**Title.**\n\n| a | b |\n| :-- | --: |\n| x | \\<1 |\n")
        (folder / "tables/table_1.csv").write_text("a,b\nx,1\n")
    if "claims" in description.targets:
        rows = list(claims)
        write_json(folder / "claims.json", {"summary": f"{len(rows)} claims", "claims": rows, "not_checked": []})
        pd.DataFrame(rows).to_csv(folder / "claims.csv", index=False)
    scores = main_scores().rename(columns={"ccc": "mean"}).drop(columns=["low", "high"]).assign(condition="clean")
    scores = scores.assign(sd=np.nan, minimum=scores["mean"], maximum=scores["mean"])
    columns = ["model", "corpus", "condition", "dimension", "seeds", "mean", "sd", "minimum", "maximum"]
    scores[columns].to_csv(folder / "scores.csv", index=False)
    for model in description.models:
        for seed in model.seeds:
            write_json(folder / f"models/{model.name}/seed-{seed}/run.json", record())
    for corpus in description.corpora:
        test = {"utterances": UTTERANCES, "speakers": 3, "hours": 0.01}
        write_json(folder / f"corpora/{corpus.name}/report.json", {"splits": {"test": test}})


def record() -> dict[str, Any]:
    """The record of a training."""
    hardware = {"cpu": "Some CPU", "cores": 2, "gpu": None}
    versions = {"valence-gap": "0.1.0", "python": "3.11.7", "torch": "2.13.0"}
    common = {"hardware": hardware, "versions": versions, "git_commit": "0123456789abcdef"}
    return common | {"epochs": 3, "best_epoch": 2, "wall_s": 60.0, "device": "cpu", "precision": "bfloat16"}


def utterance_files(folder: Path, *, seed: int = 0, transcript: str = "What <b>was</b> said.") -> UtteranceFiles:
    """Predictions, labels, utterances and packs of both corpora; one utterance of each has no samples in one pack."""
    random = np.random.default_rng(seed)
    conditions = {"msp-podcast": ("clean", "human-0db"), "cmu-mosi": ("clean",)}
    files = UtteranceFiles({}, {}, {}, {})
    for corpus in CORPORA:
        ids = [f"{corpus.name}-{number:02d}" for number in range(UTTERANCES)]
        numbers = {name: random.random(UTTERANCES).astype(np.float32) for name in DIMENSIONS}
        names = conditions[corpus.name]
        predicted = [pd.DataFrame({"id": ids, "condition": name} | numbers) for name in names]
        labels = pd.DataFrame({"id": ids} | {name: random.random(UTTERANCES) for name in corpus.dimensions})
        people = pd.DataFrame({"id": ids, "speaker": "7", "gender": [None, *["female"] * (UTTERANCES - 1)]})
        people = people.assign(duration_s=0.5, transcript=transcript, file="x.wav")
        run = f"predictions/w2v2-b/seed-42/{corpus.name}"
        sets = [folder / f"{run}/{'clean' if name == 'clean' else 'augmented'}.parquet" for name in names]
        tables = [folder / f"corpora/{corpus.name}/{name}.test.parquet" for name in ("labels", "utterances")]
        for path, table in zip([*sets, *tables], [*predicted, labels, people], strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            table.to_parquet(path, index=False)
        packs = {(corpus.name, name): _pack(folder, corpus.name, name, ids, random) for name in names}
        files = replace(
            files,
            predictions={**files.predictions, corpus.name: tuple(sets)},
            labels={**files.labels, corpus.name: tables[0]},
            utterances={**files.utterances, corpus.name: tables[1]},
            packs={**files.packs, **packs},
        )
    return files


def _pack(folder: Path, corpus: str, condition: str, ids: list[str], random: np.random.Generator) -> Path:
    pack = folder / f"audio/{corpus}/{condition}/test"
    lengths = [0 if condition != "clean" and index < 20 else 8_000 for index in range(len(ids))]
    noise = [random.integers(-3000, 3000, length).astype(np.int16) for length in lengths]
    write_pack(pack, zip(ids, noise, strict=True), {})
    return pack


def write_study(folder: Path, description: PageDescription = DESCRIPTION) -> Path:
    """Write results, utterances and the page, and return the page."""
    write_results(folder, description)
    utterances = folder / "page/utterances.json"
    write_utterances(utterance_files(folder), model="w2v2-b", run_seed=42, seed=1, output=utterances)
    return page_of(folder, description, utterances)


def page_of(folder: Path, description: PageDescription = DESCRIPTION, utterances: Path | None = None) -> Path:
    """Write the page of some results, and return it."""
    output = folder / "index.html"
    make_page(folder, description, claims_file=CLAIMS_FILE, captions=CAPTIONS, utterances=utterances, output=output)
    return output


def embedded(page: Path, name: str) -> dict[str, Any]:
    """The JSON that a page contains for one of its tables."""
    text = page.read_text(encoding="utf-8").partition(f'id="{name}-data">')[2].partition("</script>")[0]
    found: dict[str, Any] = json.loads(text)
    return found
