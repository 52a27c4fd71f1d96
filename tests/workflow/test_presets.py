"""Dry runs of the paper's study; they do not need its corpora."""

import re
from pathlib import Path
from typing import get_args

import pytest
import yaml
from working_copy import Workflow

from valence_gap.definitions.claims import Role
from valence_gap.definitions.convergence import CONVERGENCE
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.plan import plan_of
from valence_gap.preflight.run import merged
from valence_gap.preflight.work import jobs_of
from valence_gap.study.checks.figures import CLAIMS
from valence_gap.study.study import load
from valence_gap.weights.hub import COMMIT

ROOT = Path(__file__).parents[2]
PAPER, QUICK = "workflow/presets/paper.yaml", "workflow/presets/paper-quick.yaml"
FIRST_LOOK = "workflow/presets/first-look.yaml"
FIGURES = tuple(f"figure_{number:02d}" for number in range(2, 14))
TABLES = ("table_1", "table_2", "table_3")
TRANSFORMERS, CORPORA, SPLITS_OF_TRAIN = 7, 3, 2
MY_CORPORA = """
paths:
  msp-podcast: {audio: [/nowhere/msp/Audios], labels: /nowhere/msp, transcripts: null}
  iemocap: {audio: [/nowhere/iemocap], labels: /nowhere/iemocap, transcripts: /nowhere/iemocap}
  cmu-mosi: {audio: [/nowhere/mosi], labels: /nowhere/mosi.csv, transcripts: null, speakers: /nowhere/gender.csv}
noise: {root: /nowhere/ESC-50}
backbones:
  w2v2-b: {revision: 0123456789abcdef0123456789abcdef01234567}
"""


def dry_run(workflow: Workflow, *presets: str) -> tuple[str, dict[str, int]]:
    """Return the output of a dry run, and its jobs: rule -> count."""
    (workflow.root / "my-corpora.yaml").write_text(MY_CORPORA)
    output = workflow.snakemake("--dry-run", configfiles=(*presets, "my-corpora.yaml"))
    jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", output, flags=re.MULTILINE)}
    del jobs["total"]
    return output, jobs


def test_the_paper_study_has_its_jobs_and_none_of_the_miniature(workflow: Workflow) -> None:
    output, jobs = dry_run(workflow, PAPER)
    seeds, depths, fractions = 3, 11, 5
    fine_tuned = TRANSFORMERS + (seeds - 1)
    main = fine_tuned + seeds  # and CNN14
    variants = 1 + depths + fractions  # random initialisation, pruned, less data
    figures = {f"figure_{number:02d}": 1 for number in range(2, 14)}
    assert jobs == {
        "inventory": CORPORA + 1,  # and of the noise corpus
        "prepare_corpus": CORPORA,
        "pack_audio": CORPORA + SPLITS_OF_TRAIN,
        "apply_conditions": CORPORA,
        "synthesise": 1,
        "fetch_pretrained": TRANSFORMERS + 2,  # and the recogniser and BERT
        "extract_stem_features": TRANSFORMERS * (CORPORA + SPLITS_OF_TRAIN),
        "finetune": fine_tuned + TRANSFORMERS + variants,
        "train_cnn14": seeds,
        "transcribe": SPLITS_OF_TRAIN + CORPORA,
        "embed_text": 3,
        "pool_states": fine_tuned * SPLITS_OF_TRAIN,
        "train_fusion": fine_tuned,
        "predict_fusion": fine_tuned,
        # clean test sets of the main models, the variants and the frozen models
        "predict": main * CORPORA + variants * CORPORA + TRANSFORMERS,
        "predict_conditions": main * CORPORA + fine_tuned + TRANSFORMERS,  # augmented; synthesised for figure 4
        "score": main * CORPORA * 2 + variants * CORPORA,
        "summarise_scores": 1,
        "measure_separation": 1,
        "project_states": 1,
        **figures,
        **{f"table_{number}": 1 for number in (1, 2, 3)},
        "claims": 1,
        "convergence": 1,
        "convergence_of_claims": 1,
        "page": 1,
        "all": 1,
    }
    assert "mini" not in output


def test_the_quick_look_is_a_part_of_it(workflow: Workflow) -> None:
    output, jobs = dry_run(workflow, PAPER, QUICK)
    assert jobs == {
        "inventory": CORPORA,
        "prepare_corpus": CORPORA,
        "pack_audio": CORPORA + SPLITS_OF_TRAIN,
        "fetch_pretrained": 2,
        "extract_stem_features": 2 * (CORPORA + SPLITS_OF_TRAIN),
        "finetune": 2,
        "train_cnn14": 1,
        "predict": 3 * CORPORA,
        "score": 3 * CORPORA,
        "summarise_scores": 1,
        "figure_02": 1,
        "figure_07": 1,
        "page": 1,
        "all": 1,
    }
    assert "results/paper/models/w2v2-L-robust/seed-42" in output
    assert "mini" not in output


def test_the_first_look_plans_two_figures_of_three_models_on_small_sets(workflow: Workflow) -> None:
    jobs = workflow.planned(configfiles=(FIRST_LOOK,))
    models, trained_splits = ("cnn14", "w2v2-b-frozen", "w2v2-b"), 2
    assert jobs == {
        "make_miniature": 1,
        "inventory": CORPORA,
        "prepare_corpus": CORPORA,
        "pack_audio": CORPORA + SPLITS_OF_TRAIN,
        "fetch_pretrained": 1,
        "extract_stem_features": trained_splits,
        "train_cnn14": 1,
        "finetune": len(models) - 1,
        "predict": len(models) * CORPORA,
        "score": len(models) * CORPORA,
        "summarise_scores": 1,
        "figure_02": 1,
        "figure_07": 1,
        # the claims: what the fine-tuned model hears in synthesised speech, what pooled states tell apart
        "synthesise": 1,
        "predict_conditions": 1,
        "measure_separation": 1,
        "convergence_of_claims": 1,
        "claims": 1,
        "page_utterances": 1,
        "page": 1,
        "all": 1,
    }
    preset, full = ((ROOT / name).read_text() for name in (FIRST_LOOK, "config.yaml"))
    small, whole = (yaml.safe_load(text)["miniature"] for text in (preset, full))
    for part in ("iemocap", "cmu_mosi"):
        assert small[part]["utterances"] < whole[part]["utterances"]
    for split in ("train", "dev", "test"):
        assert small["msp_podcast"][split]["utterances"] <= 0.6 * whole["msp_podcast"][split]["utterances"]


@pytest.fixture
def at_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("at_root")
def test_the_preflight_plans_what_the_workflow_does() -> None:
    study = load(merged([ROOT / "config.yaml", ROOT / PAPER]))
    plan = plan_of(study)
    assert len(plan.trainings) == 9 + 7 + 17 + 3
    fusions = TRANSFORMERS + 2  # one model has three seeds
    assert len(plan.fusions) == fusions
    assert sum(model.endswith("-fusion") for model, *_ in plan.predictions) == fusions
    assert len(plan.predictions) - fusions == 146
    assert len(plan.backbones) == TRANSFORMERS + 2
    assert plan.corpora == ("msp-podcast", "iemocap", "cmu-mosi")
    assert plan.test_corpora("synthesised") == ("msp-podcast",)
    assert plan.transcribed == plan.corpora
    transcribed = [work.name for work in jobs_of(Costs(study, plan, {})) if work.kind == "transcribe"]
    assert transcribed == ["msp-podcast train", "msp-podcast dev", *(f"{corpus} test" for corpus in plan.corpora)]


@pytest.mark.usefixtures("at_root")
def test_a_fusion_alone_needs_its_audio_model() -> None:
    config = merged([ROOT / "config.yaml", ROOT / PAPER])
    config["targets"] = ["figure_03"]
    config["figures"]["figure_03"]["models"] = ["w2v2-b-fusion"]
    plan = plan_of(load(config))
    seeds, names = (42, 43, 44), ("w2v2-b", "w2v2-b-fusion")
    assert plan.trainings == tuple(("w2v2-b", seed) for seed in seeds)
    assert set(plan.predictions) == {(name, seed, "clean", "msp-podcast") for name in names for seed in seeds}
    assert plan.backbones == ("w2v2-b", "w2v2-b-960h", "bert")
    assert plan.transcribed == plan.corpora == ("msp-podcast", "iemocap", "cmu-mosi")


def test_the_preset_agrees_with_the_paper_and_is_complete() -> None:
    paper = yaml.safe_load((ROOT / PAPER).read_text())
    study = load(merged([ROOT / "config.yaml", ROOT / PAPER])).configuration
    assert "mini" not in str(paper)
    assert study.targets == (*FIGURES, *TABLES, CLAIMS, CONVERGENCE)  # all of the paper
    depths = [study.models[name].layers for name in study.figures["figure_12"].models]
    assert depths == [*range(2, 24, 2), None]
    fractions = [study.models[name].fraction for name in study.figures["figure_13"].models]
    assert fractions == [0.075, 0.125, 0.25, 0.5, 0.75, 1.0]
    assert study.claims is not None
    assert set(get_args(Role)) == set(study.claims.roles)
    assert all(study.claims.roles.values())
    named = {name for section in (*paper["figures"].values(), *paper["tables"].values()) for name in section["models"]}
    assert named == {*paper["models"], *paper["fusions"]}


def test_the_preset_sets_every_key_of_a_definition_that_it_shares_with_the_miniature() -> None:
    """If the preset left out a key of such a definition, the value of the miniature would remain."""
    default = yaml.safe_load((ROOT / "config.yaml").read_text())
    paper = yaml.safe_load((ROOT / PAPER).read_text())
    left_out = [
        f"{section}.{name}.{key}"
        for section in ("corpora", "paths", "backbones", "recipes", "models", "fusions", "figures", "tables")
        for name, fields in paper[section].items()
        for key in set(default[section].get(name, {})) - set(fields)
    ]
    assert left_out == []
    assert set(default["claims"]["roles"]) <= set(paper["claims"]["roles"])


def test_the_presets_pin_the_models_of_the_hub_whose_commit_is_known() -> None:
    names = (PAPER, "workflow/presets/beyond.yaml", "workflow/presets/open.yaml")
    presets = [yaml.safe_load((ROOT / name).read_text()) for name in names]
    hub = {name: each for preset in presets for name, each in preset.get("backbones", {}).items() if "source" in each}
    hub |= {name: each["checkpoint"] for name, each in presets[2]["models"].items()}
    assert len(hub) == TRANSFORMERS + 2 + 3 + 1
    assert all(re.fullmatch(r"([a-z]+/)?[a-z0-9.-]+", each["source"]) for each in hub.values())
    resolved = {name for name, each in hub.items() if each["revision"] == "resolve"}
    assert resolved == {"w2v2-L-robust", "w2v2-L-vox", "wavlm-L", "data2vec-L", "w2v-bert"}
    assert all(COMMIT.fullmatch(each["revision"]) for name, each in hub.items() if name not in resolved)
    with_checksum = {"w2v2-b", "hubert-b", "w2v2-L-xls-r", "w2v2-L-robust-12-released"}
    assert {name for name, each in hub.items() if each.get("sha256")} == with_checksum


def test_float32_and_the_choices_of_the_preset_are_in_the_commands(workflow: Workflow) -> None:
    (workflow.root / "my-corpora.yaml").write_text(MY_CORPORA)
    (workflow.root / "exact.yaml").write_text("models: {w2v2-b: {overrides: {precision: fp32}}}")
    files = (PAPER, "my-corpora.yaml", "exact.yaml")
    output = workflow.snakemake("--dry-run", "--printshellcmds", configfiles=files)
    found = re.findall(r"valence-gap (?:.*\\\n)+.*", output)
    commands = [" ".join(command.replace("\\\n", " ").split()) for command in found]
    stored = {
        backbone: {"--format float32" in command for command in commands if f"{backbone} --audio" in command}
        for backbone in ("w2v2-b", "hubert-b")
    }
    assert stored == {"w2v2-b": {True}, "hubert-b": {False}}
    (fusion,) = (
        command
        for command in commands
        if "models/hubert-b-fusion/seed-42 " in f"{command} " and "train-fusion" in command
    )
    assert "--backbone results/paper/pretrained/hubert-b " in fusion
    assert "--train-lengths results/paper/audio/msp-podcast/clean/train/index.parquet" in fusion
    plain = {"recipes": {"paper-fusion": {"head_dropout": 0.1, "batches": "shuffled"}}}
    (workflow.root / "plain.yaml").write_text(yaml.safe_dump(plain))
    output = workflow.snakemake("--dry-run", "--printshellcmds", configfiles=(PAPER, "my-corpora.yaml", "plain.yaml"))
    assert "train-fusion" in output
    assert "--train-lengths" not in output


def test_every_key_that_the_preset_calls_open_is_among_the_deviations() -> None:
    preset = (ROOT / PAPER).read_text()
    keys = set(re.findall(r"^ +(\w+): .*# open\b", preset, flags=re.MULTILINE))
    assert {"head_dropout", "evaluate_every", "batches", "precision", "frozen_mode", "patience"} <= keys
    page = (ROOT / "docs/deviations.md").read_text()
    cells = [line.split("|")[1] for line in page.splitlines() if line.startswith("| ")]
    named = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert keys <= named
    schema = (ROOT / "workflow/schemas/config.schema.json").read_text()
    assert {name for name in named if f'"{name}"' not in schema} == set()
    assert "docs/deviations.md" in (ROOT / "README.md").read_text()
