"""Dry runs: the jobs that a run would start."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from working_copy import Workflow, copy_workflow

ROOT = Path(__file__).parents[2]


MODELS, BACKBONES, CORPORA = 6, 5, 3  # models of the main figures, with CNN14; backbones of the transformers
SEEDS = 3  # of each main and frozen model; all others have one
RUNS, TUNED = MODELS * SEEDS, BACKBONES * SEEDS
CACHED = 2  # splits of the training corpus besides its test set: train and dev
EVERY_SPLIT = CORPORA + 2  # a test set of each corpus, train and dev


def audio(corpora: int, splits: int) -> Counter[str]:
    """Jobs from the raw corpora to packs of their audio."""
    return Counter(make_miniature=1, inventory=corpora, prepare_corpus=corpora, pack_audio=splits)


def models(trained: int, backbones: int, cnn14: int = 0, tests: int = 0) -> Counter[str]:
    """Jobs that train models; the stem output of each backbone is computed once for train, dev, and each test set."""
    stems = backbones * (CACHED + tests)
    return Counter(fetch_pretrained=backbones, extract_stem_features=stems, finetune=trained, train_cnn14=cnn14)


def scored(tests: int) -> Counter[str]:
    """Jobs that predict and score clean test sets."""
    return Counter(predict=tests, score=tests)


def scored_under_conditions(tests: int) -> Counter[str]:
    """Jobs that predict and score augmented or synthesised test sets."""
    return Counter(predict_conditions=tests, score=tests)


def augmented(backbones: int) -> Counter[str]:
    """Jobs that augment the test sets, with the inventory of the noise corpus, and compute the stem output of each."""
    return Counter(apply_conditions=CORPORA, inventory=1, extract_augmented_features=backbones * CORPORA)


SYNTHESISED = Counter(synthesise=1, extract_synthesised_features=BACKBONES)
TRANSCRIBED = Counter(fetch_pretrained=2, transcribe=3, embed_text=3)  # recogniser and BERT; train, dev and test
TRANSCRIBED_TOO = Counter(transcribe=2)  # the test sets of the other corpora, for their word error rates
FUSED = Counter(pool_states=2 * TUNED, train_fusion=TUNED, predict_fusion=TUNED)
IN_DOMAIN, ALL_CORPORA = audio(1, 3), audio(CORPORA, EVERY_SPLIT)
MAIN = ALL_CORPORA + models(TUNED, BACKBONES, cnn14=SEEDS, tests=CORPORA) + scored(RUNS * CORPORA)
FROZEN_TOO = IN_DOMAIN + models(2 * TUNED, BACKBONES, tests=1)
DEPTHS = (
    ALL_CORPORA + models(SEEDS + 3, 1, tests=CORPORA) + scored((SEEDS + 3) * CORPORA)
)  # the whole model has all seeds
STEPS = ALL_CORPORA + models(4, 1, tests=CORPORA) + scored(4 * CORPORA)
# The model from random initialisation trains its stem, so it reads audio. Only one backbone's stem output is computed.
FROM_RANDOM_WEIGHTS = {"trained": SEEDS + 1, "backbones": 1, "cnn14": SEEDS}
# Models that are fine-tuned, frozen, from random initialisation, pruned (2), on less data (3).
CLAIMED = models(2 * TUNED + 1 + 2 + 3, BACKBONES, cnn14=SEEDS)
# Clean: main models; frozen models; random initialisation; pruned (on 3 and 2 corpora), less data (on 1, 1 and 3).
# Under conditions: the main models augmented; synthesised speech for fine-tuned and frozen models.
CLAIMED_TESTS = {
    "predict": RUNS * CORPORA + TUNED + CORPORA + 5 + 5,
    "predict_conditions": RUNS * CORPORA + 2 * TUNED,
}
JOBS = {
    "figure_02": MAIN,
    "figure_03": ALL_CORPORA
    + models(TUNED, BACKBONES, tests=1)
    + TRANSCRIBED
    + TRANSCRIBED_TOO
    + FUSED
    + Counter(predict=TUNED),
    "figure_04": FROZEN_TOO + SYNTHESISED + Counter(predict=2 * TUNED, predict_conditions=2 * TUNED),
    "figure_05": FROZEN_TOO + Counter(predict=2 * TUNED),
    "figure_06": MAIN + augmented(BACKBONES) + scored_under_conditions(RUNS * CORPORA),
    "figure_07": MAIN - Counter(score=RUNS * CORPORA),
    "figure_08": IN_DOMAIN + models(TUNED, BACKBONES, cnn14=SEEDS, tests=1) + scored(RUNS),
    "figure_09": ALL_CORPORA + models(**FROM_RANDOM_WEIGHTS, tests=CORPORA) + scored((2 * SEEDS + 1) * CORPORA),
    "figure_10": audio(2, 4)
    + models(**FROM_RANDOM_WEIGHTS, tests=2)
    + Counter(predict=(2 * SEEDS + 1) * 2, measure_separation=1, project_states=1),
    "figure_11": audio(1, 2) + models(SEEDS, 1, cnn14=SEEDS),
    "figure_12": DEPTHS,
    "figure_13": STEPS,
    "table_1": Counter(),
    "table_2": Counter(fetch_pretrained=BACKBONES),
    "table_3": ALL_CORPORA
    + augmented(1)
    + models(SEEDS, 1, tests=CORPORA)
    + scored(SEEDS * CORPORA)
    + scored_under_conditions(SEEDS * CORPORA),
    "claims": ALL_CORPORA
    + augmented(BACKBONES)
    + CLAIMED
    + Counter(extract_stem_features=BACKBONES * CORPORA)
    + TRANSCRIBED
    + FUSED
    + SYNTHESISED
    + Counter(**CLAIMED_TESTS, measure_separation=1, convergence_of_claims=1),
    # The models of all targets: those of the claims, and one pruned model more; nothing is predicted on a test set.
    "convergence": audio(1, 2)
    + models(CLAIMED["finetune"] + 1, BACKBONES, cnn14=3)
    + Counter(fetch_pretrained=2, transcribe=CACHED, embed_text=CACHED)
    + Counter(pool_states=2 * TUNED, train_fusion=TUNED),
}


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counter[str]]:
    """For each rule of the miniature with one job: that job and all jobs that it depends on, counted by rule."""
    workflow = copy_workflow(tmp_path_factory.mktemp("planned"))
    graph = workflow.snakemake("--dag", "--quiet", "all", configfiles=("config.yaml",))
    rules = dict(re.findall(r'^\s*(\d+)\[label = "(\w+)', graph, flags=re.MULTILINE))
    needed = {job: set[str]() for job in rules}
    for before, after in re.findall(r"^\s*(\d+) -> (\d+)$", graph, flags=re.MULTILINE):
        needed[after].add(before)

    def dependencies(job: str) -> set[str]:
        found, waiting = {job}, [job]
        while waiting:
            new = needed[waiting.pop()] - found
            found |= new
            waiting += new
        return found

    return {rules[job]: Counter(rules[each] for each in dependencies(job)) for job in rules}


@pytest.mark.parametrize("target", JOBS)
def test_a_target_needs_only_what_it_shows(planned: dict[str, Counter[str]], target: str) -> None:
    assert dict(planned[target]) == {rule: count for rule, count in JOBS[target].items() if count} | {target: 1}


def test_the_readme_states_the_number_of_jobs_of_the_miniature(planned: dict[str, Counter[str]]) -> None:
    assert planned["all"].total() == 504
    assert f"{planned['all'].total()} jobs" in (ROOT / "README.md").read_text()
    assert all(planned["all"][target] == 1 for target in JOBS)


def test_the_summary_reads_all_scores_and_computes_no_others(planned: dict[str, Counter[str]]) -> None:
    assert planned["all"]["summarise_scores"] == 1
    assert planned["summarise_scores"]["score"] == planned["all"]["score"] > 0


def test_a_run_of_one_target_starts_only_its_jobs(workflow: Workflow) -> None:
    planned = workflow.planned("figure_02", configfiles=("config.yaml",))
    assert planned == JOBS["figure_02"] | {"figure_02": 1}


def test_doubled_models_are_trained_beside_those_that_exist(workflow: Workflow) -> None:
    workflow.configure(convergence={"doubled": ["w2v2-b"]}, models={"w2v2-b": {"seeds": [42, 43]}})
    longer = workflow.planned("convergence")
    workflow.configure(convergence={"doubled": []})
    usual = workflow.planned("convergence")
    # Twice as many epochs in both seeds, and the second seed of the model itself, which no figure shows.
    assert longer["finetune"] == usual["finetune"] + 3
    assert {rule: count for rule, count in longer.items() if rule != "finetune"} == {
        rule: count for rule, count in usual.items() if rule != "finetune"
    }


def test_the_page_needs_all_targets_and_trains_nothing_more(planned: dict[str, Counter[str]]) -> None:
    assert set(planned["all"]) - set(planned["page"]) == {"all"}
    assert planned["page"] + Counter(all=1) == planned["all"]


def test_the_page_of_a_licensed_corpus_needs_no_utterance(workflow: Workflow) -> None:
    assert workflow.planned()["page_utterances"] == 1
    workflow.configure(page={"utterances": False})
    jobs = workflow.planned()
    assert "page_utterances" not in jobs
    assert jobs["page"] == 1
    workflow.configure(page={"utterances": True, "audio": False})
    printed = workflow.snakemake("--dry-run", "--printshellcmds")
    (command,) = [each.partition("\n\n")[0] for each in printed.split("valence-gap ") if "page-utterances" in each[:20]]
    assert "audio/msp-podcast" not in command


def test_fetch_fetches_and_does_nothing_else(workflow: Workflow) -> None:
    assert workflow.planned("fetch") == {"fetch_pretrained": 2, "fetch": 1}


def test_keep_features_false_marks_them_as_temporary(workflow: Workflow) -> None:
    output = workflow.snakemake("--dry-run", "--config", "keep_features=False")
    assert "will be removed" in output or "temporary" in output.lower()


@pytest.mark.parametrize(("conditions", "corpus"), [("augmented", "iemocap"), ("synthesised", "msp-podcast")])
def test_cached_conditions_are_computed_once_for_all_models_of_a_backbone(
    workflow: Workflow, conditions: str, corpus: str
) -> None:
    models = ("w2v2-b", "w2v2-b-frozen", "w2v2-L-random", "cnn14")
    targets = [f"results/tiny/predictions/{model}/seed-42/{corpus}/{conditions}.parquet" for model in models]
    streamed = workflow.planned(*targets)
    workflow.configure(cached_conditions=[conditions])
    assert workflow.planned(*targets) == streamed | {f"extract_{conditions}_features": 1}
    printed = workflow.snakemake("--dry-run", "--printshellcmds", *targets)
    assert printed.count("--condition-features") == 2 * (11 if conditions == "augmented" else 1)


def test_a_deterministic_recipe_applies_to_features_and_predictions_too(workflow: Workflow) -> None:
    target = "results/tiny/predictions/w2v2-b/seed-42/msp-podcast/clean.parquet"
    assert "--deterministic" not in workflow.snakemake("--dry-run", "--printshellcmds", target)
    workflow.configure(recipes={"finetune": {"deterministic": True}})
    printed = workflow.snakemake("--dry-run", "--printshellcmds", target)
    given = [each.partition("\n\n")[0] for each in printed.split("valence-gap ") if "--deterministic" in each]
    assert sorted(each.split()[0] for each in given) == ["extract-features"] * 3 + ["predict-conditions"]


def test_a_fusion_reserves_the_threads_of_its_recipe(workflow: Workflow) -> None:
    target = "results/tiny/models/w2v2-b-fusion/seed-42/model.safetensors"
    workflow.configure(recipes={"fusion": {"threads": 2}})
    jobs = workflow.snakemake("--dry-run", target).split("rule ")
    assert ["threads: 2" in job for job in jobs if job.startswith("train_fusion:")] == [True]
    assert not any("threads: 2" in job for job in jobs if job.startswith("finetune:"))


@pytest.mark.parametrize(("conditions", "stored"), [("clean", True), ("augmented", False), ("synthesised", False)])
def test_pooled_states_are_stored_of_clean_speech_alone(workflow: Workflow, conditions: str, stored: bool) -> None:
    target = f"results/tiny/predictions/w2v2-b/seed-42/msp-podcast/{conditions}.parquet"
    output = workflow.snakemake("--dry-run", "--printshellcmds", target)
    (command,) = [each.partition("\n\n")[0] for each in output.split("valence-gap ") if "predict-cond" in each[:20]]
    assert (f"--embeddings {target.removesuffix('.parquet')}.embeddings.npy" in command) == stored
    assert ("--embeddings" in command) == stored


def test_parsing_imports_nothing_slow() -> None:
    """All that the Snakefile and its rules import, the study of the configuration, and the parser of each job."""
    files = [ROOT / "Snakefile", *(ROOT / "workflow/rules").glob("*.smk")]
    imports = [line for path in files for line in re.findall("^from valence_gap.*", path.read_text(), re.MULTILINE)]
    assert len(imports) > 8
    slow = ["torch", "transformers", "pandas", "pyarrow", "scipy", "sklearn", "matplotlib", "soundfile", "jinja2"]
    lines = [
        "import sys, yaml",
        *imports,
        "from valence_gap.cli import parser",
        "study = load(yaml.safe_load(open('config.yaml')))",
        "study.claims_runs(), parser(), figure_description(study, 'figure_02'), candidates(study)",
        "page_description(study), page_model(study, ['cnn14'])",
        f"print([name for name in {slow} if name in sys.modules])",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_a_run_says_that_a_gpu_is_not_used(workflow: Workflow) -> None:
    source = workflow.root / "src/valence_gap/runtime/gpus.py"
    text = source.read_text()
    assert text.count('sys.platform == "darwin" and') == 1
    source.write_text(text.replace('sys.platform == "darwin" and platform.machine() == "arm64"', "True"))
    output = Workflow(workflow.root, own_sources=True).snakemake("table_1")
    assert output.count("Apple's GPU (MPS) is not used") == 1


def test_a_wrong_configuration_is_one_line(workflow: Workflow) -> None:
    (workflow.root / "wrong.yaml").write_text("models:\n  w2v2-b: {backbone: w2v2-x}\n")
    output = workflow.snakemake("--dry-run", configfiles=("tiny.yaml", "wrong.yaml"), check=False)
    assert "models.w2v2-b.backbone: 'w2v2-x' is not a backbone; valid: mini-asr, mini-bert, " in output
    assert "Traceback" not in output


@pytest.mark.parametrize("target", ["figure_06", "results/tiny/tables/table_3.md"])
def test_a_target_named_on_the_command_line_is_checked_first(workflow: Workflow, target: str) -> None:
    workflow.configure(augmented=[])  # valid for the targets of the tiny study
    output = workflow.snakemake("--dry-run", target, check=False)
    (message,) = [line for line in output.splitlines() if line.startswith("  - ")]
    assert re.match(r"  - augmented: \[\], but (figures|tables)\.\w+ shows the augmented test sets; valid: ", message)
    assert "Traceback" not in output
