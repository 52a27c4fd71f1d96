"""What runs again after a change of the configuration or the code, on a finished tiny study."""

import json
import os
import shutil
import signal
from pathlib import Path

import pandas as pd
import pytest
import yaml
from rerun_rows import TESTED, row, table
from terminal import PATIENCE_S, started, wait_for
from test_rerun_data import FIGURE  # the import also registers the rows of that module
from working_copy import Workflow, copy_workflow

NOTHING: dict[str, int] = {}
SUMMARISED = {"summarise_scores": 1}
SHOWN = {"page": 1, "all": 1}
# One model with one seed.
ON_AUGMENTED = {
    **{"apply_conditions": 1, "extract_augmented_features": 1, "predict_conditions": 1, "score": 1, "figure_06": 1},
    **SUMMARISED,
    **SHOWN,
}
TRAINED = {"finetune": 1, "predict": 3, "score": 3, **SUMMARISED, **FIGURE}  # one model and its three test sets
MODELS = ["cnn14", "hubert-b", "w2v2-b"]


@pytest.fixture
def clone(tmp_path: Path) -> Workflow:
    """A fresh clone: nothing has run in it, and all of its files are newer than any result."""
    workflow = copy_workflow(tmp_path)
    for path in workflow.root.rglob("*"):
        os.utime(path)
    return workflow


@pytest.fixture(scope="module")
def augmented(finished: Workflow, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """The finished study with a figure on augmented speech, and a figure that computes its own statistics."""
    workflow = finished.copy(tmp_path_factory.mktemp("augmented") / "study")
    shown = {
        "figure_06": {"models": ["w2v2-b"], "corpora": ["iemocap"]},
        "figure_08": {"models": ["cnn14", "w2v2-b"], "corpora": ["msp-podcast"]},
    }
    workflow.configure(
        targets=["figure_02", *shown],
        augmented=["fade"],
        figures=shown,
        cached_conditions=["augmented"],
        models={model: {"seeds": [42]} for model in ("cnn14", "w2v2-b")},
    )
    workflow.snakemake()
    return workflow


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def drawn(workflow: Workflow) -> pd.DataFrame:
    return pd.read_csv(workflow.root / "results/tiny/figures/figure_02.csv")


def test_every_row_of_the_table_has_a_test() -> None:
    assert table() == TESTED


def test_the_tiny_study_ends_with_a_figure(finished: Workflow) -> None:
    figures = finished.root / "results/tiny/figures"
    assert (figures / "figure_02.pdf").stat().st_size > 0
    assert (figures / "figure_02.png").stat().st_size > 0
    numbers = pd.read_csv(figures / "figure_02.csv")
    assert set(numbers["model"]) == set(MODELS)
    assert numbers["ccc"].between(-1, 1).all()


def test_a_second_run_does_nothing(finished: Workflow) -> None:
    assert finished.planned() == NOTHING


@row("a source file's time, the order of keys", "nothing")
def test_touched_sources_and_reordered_keys_cause_no_job(changed: Workflow) -> None:
    for path in (changed.root / "src").rglob("*.py"):
        os.utime(path)
    path = changed.root / "config.yaml"
    config = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(dict(reversed(config.items())), sort_keys=True))
    assert changed.planned() == NOTHING


@row("the code or style of a figure, a label, a colour", "the figures that have it")
def test_an_edited_figure_or_colour_causes_one_job(changed: Workflow) -> None:
    changed.configure(models={"w2v2-b": {"colour": "#000000"}})
    assert changed.planned() == FIGURE
    changed.configure(models={"w2v2-b": {"colour": "#56b4e9"}})
    assert changed.planned() == NOTHING
    for module in ("figure_02", "drawing/style"):
        source = changed.root / f"src/valence_gap/figures/{module}.py"
        text = source.read_text()
        source.write_text(text + "\n# edited\n")
        assert changed.planned() == FIGURE
        source.write_text(text)


@row(
    "the code of the statistics that a figure or table computes, a published number",
    "the figures and tables that use it",
)
def test_edited_statistics_and_published_numbers_are_drawn_again(augmented: Workflow, tmp_path: Path) -> None:
    workflow = augmented.copy(tmp_path / "study")
    assert workflow.planned() == NOTHING
    for name, drawn in (
        ("scores/statistics.py", ["figure_08"]),
        ("scores/metrics.py", ["figure_02", "figure_06", "figure_08", "summarise_scores"]),
        ("reference/figure_2.csv", ["figure_02", "figure_06"]),
    ):
        source = workflow.root / "src/valence_gap" / name
        text = source.read_text()
        source.write_text(text + ("\n# edited\n" if source.suffix == ".py" else "cnn14,iemocap,valence,0.1,made up\n"))
        assert workflow.planned() == SHOWN | dict.fromkeys(drawn, 1)
        source.write_text(text)


@row("a caption in `workflow/report`", "nothing: `snakemake --report` reads it when it writes the report")
def test_an_edited_caption_causes_no_job(changed: Workflow) -> None:
    caption = changed.root / "workflow/report/figure_02.rst"
    caption.write_text(caption.read_text() + "\nAnother sentence.\n")
    assert changed.planned() == NOTHING


@row("`precision.json`, edited or deleted", "nothing; a deleted one is made again before the next job that needs it")
def test_the_measured_precision_makes_no_finished_result_again(changed: Workflow) -> None:
    file = changed.root / "results/tiny/precision.json"
    for choice in ("bf16", "fp32"):
        file.write_text(json.dumps({"choice": choice}))
        assert changed.planned() == NOTHING
    file.unlink()
    assert changed.planned() == NOTHING
    assert changed.planned("measure_precision") == {"measure_precision": 1}


@row("a model's recipe (`overrides`, `layers`, ...)", "its training, predictions, scores, and the figures that show it")
def test_another_learning_rate_runs_the_jobs_of_that_model(changed: Workflow) -> None:
    changed.configure(models={"w2v2-b": {"overrides": {"learning_rate": 1.0e-4}}})
    assert changed.planned() == TRAINED


@row("one more model in a figure", "its training, predictions and scores, and that figure")
def test_one_more_model_runs_only_its_own_jobs(changed: Workflow) -> None:
    changed.configure(figures={"figure_02": {"models": [*MODELS, "w2v2-b-frozen"]}})
    assert changed.planned() == TRAINED


@row("one more seed of a model", "that seed's training, predictions and scores, and the figures with `seeds: all`")
def test_one_more_seed_runs_only_its_own_jobs(changed: Workflow) -> None:
    changed.configure(models={"w2v2-b": {"seeds": [42, 4711]}})
    assert changed.planned() == NOTHING  # the figure shows the first seed of each model
    others = {name: {"seeds": [42]} for name in ("cnn14", "hubert-b")}
    changed.configure(figures={"figure_02": {"seeds": "all"}}, models=others)
    assert changed.planned() == TRAINED


@row("`seeds_per_model`, for models that name no seeds", "the training, predictions and scores of each further seed")
def test_more_seeds_for_models_that_name_none_retrain_nothing(changed: Workflow) -> None:
    own = {name: {"seeds": [42]} for name in ("cnn14", "w2v2-b")}
    changed.configure(figures={"figure_02": {"seeds": "all"}}, models=own | {"hubert-b": {"seeds": None}})
    assert changed.planned() == NOTHING
    changed.configure(seeds_per_model=2)
    assert changed.planned() == TRAINED  # of seed 43, on the features that seed 42 was trained on


@row(
    "one more condition",
    "the augmentation of the test sets and its stem output, the predictions and scores on augmented speech, and the "
    "figures that show them",
)
def test_one_more_condition_trains_nothing(augmented: Workflow) -> None:
    assert augmented.planned() == NOTHING
    text = (augmented.root / "tiny.yaml").read_text()
    augmented.configure(augmented=["fade", "speed"])
    assert augmented.planned() == ON_AUGMENTED
    (augmented.root / "tiny.yaml").write_text(text)


@row(
    "`augmented_utterances` of a corpus",
    "the augmentation of its test set and its stem output, the predictions and scores on it, and the figures that show "
    "them",
)
def test_a_subset_is_augmented_and_compared_with_the_same_utterances(augmented: Workflow, tmp_path: Path) -> None:
    workflow = augmented.copy(tmp_path / "study")
    workflow.configure(augmented_utterances={"msp-podcast": 5})  # nothing shows it augmented
    assert workflow.planned() == {"page": 1, "all": 1}
    workflow.configure(augmented_utterances={"iemocap": 12})
    assert workflow.ran() == ON_AUGMENTED
    results = workflow.root / "results/tiny"
    scores = pd.read_csv(results / "scores/w2v2-b/seed-42/iemocap/augmented.csv")
    assert set(scores["condition"]) == {"fade", "clean of augmented", "mean of augmented"}
    assert set(scores.loc[scores["group_by"] == "all", "samples"]) == {12}
    assert "12 of 20 utterances of IEMOCAP" in json.loads((results / "figures/figure_06.json").read_text())["subtitle"]
    assert "12 of 20 utterances of IEMOCAP" in (results / "index.html").read_text(encoding="utf-8")
    assert workflow.planned() == NOTHING


@row("the noise corpus, then `snakemake corpora -R inventory`", "what is made of augmented speech")
def test_a_changed_noise_corpus_is_noticed(augmented: Workflow, tmp_path: Path) -> None:
    workflow = augmented.copy(tmp_path / "study")
    next((workflow.root / "results/tiny/raw/ESC-50/audio").glob("*.wav")).unlink()
    assert workflow.planned() == NOTHING
    assert workflow.planned("corpora", "-R", "inventory")["inventory"] == 4  # three corpora and the noise corpus
    workflow.snakemake("results/tiny/corpora/_noise/inventory.csv", "-R", "inventory")
    assert workflow.planned() == ON_AUGMENTED


@row(
    "the code of a stage",
    "nothing, until its number in `src/valence_gap/study/revisions.py` is raised; a test reminds",
)
def test_a_raised_revision_is_noticed_but_edited_code_is_not(changed: Workflow) -> None:
    workflow = Workflow(changed.root, own_sources=True)
    sources = workflow.root / "src/valence_gap"
    edit(sources / "scores/scoring.py", '"""', '"""Edited. ')
    assert workflow.planned() == NOTHING
    edit(sources / "study/revisions.py", '"score": ', '"score": 1')
    assert workflow.planned() == {"score": 9, **SUMMARISED, **FIGURE}


@row("a deleted result", "that, where it is a target; otherwise nothing, until something that runs needs it")
def test_a_deleted_intermediate_file_causes_no_job(changed: Workflow) -> None:
    results = changed.root / "results/tiny"
    (results / "figures/figure_02.png").unlink()
    (results / "figures/figure_02.pdf").unlink()
    assert changed.planned() == FIGURE
    changed.snakemake()
    for folder in ("models", "features", "audio", "predictions/w2v2-b"):
        shutil.rmtree(results / folder)
    assert changed.planned() == NOTHING


def test_a_deleted_intermediate_file_is_made_again_only_for_the_requested_target(changed: Workflow) -> None:
    """A run of one additional model does not train the other models of its backbone again."""
    shutil.rmtree(changed.root / "results/tiny/features/mini-w2v2-b")
    changed.configure(figures={"figure_02": {"models": [*MODELS, "w2v2-b-frozen"]}})
    assert changed.planned()["finetune"] == 2
    path = "results/tiny/scores/w2v2-b-frozen/seed-42/iemocap/clean.csv"
    assert changed.planned(path) == {"extract_stem_features": 3, "finetune": 1, "predict": 1, "score": 1}


def test_large_features_are_compared_with_the_checksums_in_the_records_of_trainings(changed: Workflow) -> None:
    """Files above the size limit, which Snakemake compares by time."""
    by_time = ("--max-checksum-file-size", "0")
    assert changed.planned(*by_time) == NOTHING
    features = changed.root / "results/tiny/features"
    for path in features.glob("*/*/*/features.npy"):
        os.utime(path)
    assert changed.planned(*by_time) == NOTHING
    for path in features.glob("*/*/train/features.npy"):
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert changed.planned(*by_time)["finetune"] == 2
    shutil.rmtree(features)
    assert changed.planned(*by_time) == NOTHING


def test_a_training_ended_by_ctrl_c_resumes_from_its_last_epoch(changed: Workflow) -> None:
    changed.configure(recipes={"finetune": {"epochs": 6}})
    folder, name = changed.root / "results/tiny", "w2v2-b/seed-42"
    log, model = folder / f"logs/finetune/{name}.log", folder / f"models/{name}/model.safetensors"
    log.unlink()
    target = str(model.relative_to(changed.root))
    with started(changed, target) as run:
        wait_for(lambda: log.is_file() and "epoch 1:" in log.read_text())
        os.killpg(run.pid, signal.SIGINT)
        run.communicate(timeout=PATIENCE_S)
    assert run.returncode != 0
    assert not model.exists()
    assert "Traceback" not in log.read_text()
    changed.snakemake(target)
    record = json.loads((folder / f"models/{name}/run.json").read_text())
    assert (record["resumes"], record["epochs"]) == (1, 6)
    assert not (folder / f"scratch/{name}").exists()


@row("released scores, put into `results/` of a fresh clone", "with `--allowed-rules figure_02`: the figure")
def test_released_scores_are_drawn(finished: Workflow, clone: Workflow) -> None:
    shutil.copytree(finished.root / "results/tiny/scores", clone.root / "results/tiny/scores")
    only = ("--allowed-rules", "figure_02")
    assert clone.planned("figure_02", *only) == {"figure_02": 1}
    clone.snakemake("figure_02", *only)
    pd.testing.assert_frame_equal(drawn(clone), drawn(finished))


@row(
    "released predictions, put into `results/` of a fresh clone",
    "with `--allowed-rules inventory prepare_corpus score figure_02`: the corpora are read, scored, drawn",
)
def test_released_predictions_are_scored(finished: Workflow, clone: Workflow) -> None:
    for name in ("predictions", "raw"):  # the raw corpora must be available: a release has only predictions
        shutil.copytree(finished.root / "results/tiny" / name, clone.root / "results/tiny" / name)
    only = ("--allowed-rules", "inventory", "prepare_corpus", "score", "figure_02")
    assert clone.planned("figure_02", *only) == {"inventory": 3, "prepare_corpus": 3, "score": 9, "figure_02": 1}
    clone.snakemake("figure_02", *only)
    pd.testing.assert_frame_equal(drawn(clone), drawn(finished))


@row("the machine: `results/`, `resources/pretrained/` and `.snakemake/` copied into a fresh clone", "nothing")
def test_a_copied_study_is_finished(finished: Workflow, clone: Workflow) -> None:
    for name in ("results", ".snakemake"):  # resources/pretrained is for models from the hub
        shutil.copytree(
            finished.root / name, clone.root / name, copy_function=shutil.copy
        )  # does not keep the times of files
    assert clone.planned() == NOTHING


def test_a_copied_study_with_large_files_is_finished(finished: Workflow, clone: Workflow) -> None:
    """Packs, stem features and weights above the size limit have other times, but the checksums of the records."""
    large = ("--max-checksum-file-size", "300000")
    for name in (".snakemake", "results"):
        shutil.copytree(finished.root / name, clone.root / name, copy_function=shutil.copy)
    for path in (clone.root / "resources/miniature").rglob("*"):
        os.utime(path, (0, 0))
    results = clone.root / "results"
    for path in [*results.rglob("*.npy"), *results.rglob("*.safetensors")]:
        os.utime(path)  # newer than all that was made from it
    sizes = [path.stat().st_size for path in results.rglob("audio.npy")]
    assert max(sizes) > 300_000
    assert clone.planned(*large) == NOTHING
    record = clone.root / "results/tiny/models/w2v2-b/seed-42/run.json"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"inputs": {}}))
    output = clone.snakemake("--dry-run", *large)
    (line,) = [line for line in output.splitlines() if "does not have its checksum" in line]
    assert "cp -a" in line
    assert clone.planned(*large)["finetune"] == 1


@row("the same without `.snakemake/`, then `snakemake --touch`", "nothing")
def test_a_study_copied_without_its_metadata_is_accepted_after_touch(finished: Workflow, clone: Workflow) -> None:
    shutil.copytree(finished.root / "results", clone.root / "results", copy_function=shutil.copy)
    clone.snakemake("--touch")
    assert clone.planned() == NOTHING
    clone.configure(models={"w2v2-b": {"overrides": {"learning_rate": 1.0e-4}}})
    assert clone.planned() == TRAINED  # later changes are noticed
