"""Pre-trained models that several studies of one clone use, and what a failed fetch leaves of them."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import PATIENCE_S, started, wait_for
from working_copy import Workflow, copy_workflow

NAME = "mini-w2v2-b"
FETCHED = f"results/tiny/pretrained/{NAME}/run.json"
FEATURES = f"results/tiny/features/{NAME}/iemocap/test/run.json"
EARLIER = f"resources/pretrained/{NAME}"
SOURCE = "facebook/some-encoder"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def fetch_as_earlier_versions_did(workflow: Workflow, source: str = f"./resources/miniature/{NAME}") -> Path:
    """Fetch a backbone into resources/pretrained/<name>, which all studies of a clone shared."""
    definition = json.dumps({"source": source})
    command = ["fetch-pretrained", "--name", NAME, "--definition", definition, "--output", EARLIER]
    subprocess.run(
        [sys.executable, "-m", "valence_gap.cli", *command], cwd=workflow.root, check=True, env=workflow.environment
    )
    return workflow.root / EARLIER


def from_the_hub(workflow: Workflow, commit: str = COMMIT) -> None:
    workflow.configure(backbones={NAME: {"source": SOURCE, "revision": commit}})


def keep_in_store(workflow: Workflow) -> Path:
    """What an earlier fetch from the hub has left for all studies."""
    folder = workflow.root / f"resources/pretrained/{SOURCE.replace('/', '--')}@{COMMIT}"
    shutil.copytree(workflow.root / "resources/miniature" / NAME, folder)
    (folder / "run.json").write_text(json.dumps({"source": SOURCE, "revision": COMMIT, "sha256": {}}))
    return folder


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A study whose backbone an earlier version has fetched, with the stem features of one test set."""
    workflow = copy_workflow(tmp_path_factory.mktemp("extracted"))
    fetch_as_earlier_versions_did(workflow)
    workflow.snakemake(FEATURES)
    return workflow


def test_two_studies_with_the_same_backbone_run_at_the_same_time(workflow: Workflow) -> None:
    workflow.configure(miniature={"msp_podcast": {"train": {"utterances": 8_000}}})  # takes longer than the second run
    log = workflow.root / "results/tiny/logs/make_miniature.log"
    with started(workflow, "results/tiny/raw/manifest.json", FETCHED) as first:
        wait_for(log.exists)
        workflow.snakemake(FETCHED.replace("tiny", "other"), "--config", "study=other")
        assert first.poll() is None
        os.killpg(first.pid, signal.SIGINT)
        first.communicate(timeout=PATIENCE_S)
    assert (workflow.root / FETCHED.replace("tiny", "other")).is_file()


def test_a_folder_that_an_earlier_version_fetched_is_used_where_it_is(extracted: Workflow) -> None:
    assert not (extracted.root / f"results/tiny/pretrained/{NAME}").exists()
    assert extracted.planned(FEATURES) == {}
    other = extracted.planned(FEATURES.replace("tiny", "other"), "--config", "study=other")
    assert other["extract_stem_features"] == 1
    assert "fetch_pretrained" not in other


def test_the_same_name_with_another_source_makes_nothing_run_again(extracted: Workflow, tmp_path: Path) -> None:
    workflow = extracted.copy(tmp_path / "study")
    before = content(workflow.root / EARLIER)
    other = {"backbones": {NAME: {"source": "./resources/miniature/mini-w2v2-L"}}, "study": "other"}
    (workflow.root / "other.yaml").write_text(json.dumps(other))
    target = FETCHED.replace("tiny", "other")
    workflow.snakemake(target, configfiles=("tiny.yaml", "other.yaml"))
    assert content(workflow.root / EARLIER) == before
    assert workflow.planned(FEATURES) == {}
    assert workflow.planned(target, configfiles=("tiny.yaml", "other.yaml")) == {}


def test_a_checksum_or_a_revision_of_a_local_folder_makes_nothing_run_again(
    extracted: Workflow, tmp_path: Path
) -> None:
    workflow = extracted.copy(tmp_path / "study")
    workflow.configure(backbones={NAME: {"revision": COMMIT, "sha256": {"model.safetensors": "0" * 64}}})
    assert workflow.planned(FEATURES) == {}


def test_a_changed_source_that_cannot_be_fetched_leaves_the_earlier_folder(extracted: Workflow, tmp_path: Path) -> None:
    workflow = extracted.copy(tmp_path / "study")
    before = content(workflow.root / EARLIER)
    source = workflow.root / "resources/miniature" / NAME / "config.json"
    whole = source.read_text()
    source.write_text("{}")
    assert workflow.planned(FEATURES) == {"fetch_pretrained": 1, "extract_stem_features": 1}
    output = workflow.snakemake(FEATURES, check=False)
    assert "has no model_type" in output
    assert content(workflow.root / EARLIER) == before
    source.write_text(whole)
    assert workflow.planned(FEATURES) == {}


def test_a_failed_fetch_leaves_the_weights_that_studies_share(workflow: Workflow) -> None:
    store = keep_in_store(workflow)
    before = content(store)
    from_the_hub(workflow)
    workflow.snakemake(FETCHED)
    from_the_hub(workflow, "f" * 40)
    assert "cannot be fetched from the hub" in workflow.snakemake(FETCHED, check=False)
    from_the_hub(workflow)
    assert content(store) == before
    workflow.snakemake(FETCHED)  # the hub cannot be reached
    assert (workflow.root / FETCHED).with_name("model.safetensors").resolve() == store / "model.safetensors"


def test_a_pinned_revision_is_the_one_that_was_resolved(workflow: Workflow) -> None:
    store = keep_in_store(workflow)
    record = json.loads((store / "run.json").read_text()) | {"resolved": True}
    (store / "run.json").write_text(json.dumps(record))
    from_the_hub(workflow, "resolve")
    workflow.snakemake(FETCHED)
    from_the_hub(workflow)
    assert workflow.planned(FETCHED) == {}
    from_the_hub(workflow, "f" * 40)
    assert workflow.planned(FETCHED) == {"fetch_pretrained": 1}


def test_weights_that_were_deleted_are_fetched_when_they_are_needed(extracted: Workflow, tmp_path: Path) -> None:
    workflow = extracted.copy(tmp_path / "study")
    (workflow.root / EARLIER / "model.safetensors").unlink()
    assert workflow.planned(FEATURES) == {}
    target = FEATURES.replace("iemocap", "cmu-mosi")
    assert workflow.planned(target)["fetch_deleted_pretrained"] == 1
    workflow.snakemake(target)
    assert (workflow.root / EARLIER / "model.safetensors").is_file()
    assert workflow.planned(target) == {}
