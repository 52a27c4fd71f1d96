"""Models from the hub: pinned, resolved, verified, and kept once for all studies of a clone."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_hub import COMMIT, SOURCE, FakeHub, serve
from safetensors.torch import load_file, save_file

from valence_gap.cli import main
from valence_gap.definitions.models import Backbone, Checkpoint
from valence_gap.definitions.values import from_json, to_json
from valence_gap.preflight.weights import examine_backbone
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.provenance import checksum
from valence_gap.weights import store as hub_store
from valence_gap.weights.fetch import fetch_checkpoint, fetch_pretrained

PINNED = Backbone(source=SOURCE, revision=COMMIT)
RESOLVED = Backbone(source=SOURCE, revision="resolve")
STATE = {"encoder.weight": torch.arange(6.0).reshape(2, 3), "encoder.bias": torch.ones(2)}
STORE = Path("resources/pretrained")
KEPT = STORE / f"facebook--some-encoder@{COMMIT}"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files of a model on the hub; the test runs in an empty folder."""
    (tmp_path / "clone").mkdir()
    monkeypatch.chdir(tmp_path / "clone")
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "hubert"}')
    (folder / "README.md").write_text("---\nlicense: mit\n---\n")
    save_file(STATE, folder / "model.safetensors")
    return folder


@pytest.fixture
def fake(source: Path, monkeypatch: pytest.MonkeyPatch) -> FakeHub:
    return serve(monkeypatch, source)


def record(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return found


def pickled(source: Path) -> str:
    """Replace the safetensors by a pickle; return its checksum."""
    (source / "model.safetensors").unlink()
    torch.save(STATE, source / "pytorch_model.bin")
    return checksum(source / "pytorch_model.bin")


def test_checksums_are_left_out_of_the_json_when_there_are_none() -> None:
    for definition in (PINNED, replace(PINNED, sha256=None), Checkpoint(source=SOURCE)):
        assert "sha256" not in to_json(definition)
    given = replace(PINNED, sha256={"model.safetensors": "0" * 64})
    assert from_json(Backbone, to_json(given)) == given
    with pytest.raises(UserError, match=r"sha256.model.safetensors"):
        from_json(Backbone, '{"source": "a/b", "sha256": {"model.safetensors": "123"}}')


def test_two_studies_download_a_model_once_and_link_to_it(fake: FakeHub) -> None:
    for study in ("a", "b"):
        fetch_pretrained("x", PINNED, Path(f"results/{study}/pretrained/x"), STORE)
    assert len(fake.downloads) == 1
    for study in ("a", "b"):
        folder = Path(f"results/{study}/pretrained/x")
        assert (folder / "model.safetensors").resolve() == (KEPT / "model.safetensors").resolve()
        assert torch.equal(load_file(folder / "model.safetensors")["encoder.bias"], STATE["encoder.bias"])
        assert not (folder / "config.json").is_symlink()
        assert (record(folder)["licence"], record(folder)["revision"]) == ("mit", COMMIT)
        assert record(folder)["definition"] == {"backbone": json.loads(to_json(PINNED))}


def test_links_are_right_if_the_results_are_on_another_disk(fake: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "scratch/deep/results").mkdir(parents=True)
    Path("results").symlink_to(tmp_path / "scratch/deep/results")
    fetch_pretrained("x", PINNED, Path("results/a/pretrained/x"), STORE)
    assert load_file("results/a/pretrained/x/model.safetensors").keys() == STATE.keys()


def test_without_symbolic_links_the_weights_are_copied(fake: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError("not supported")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    fetch_pretrained("x", PINNED, Path("out"), STORE)
    assert not Path("out/model.safetensors").is_symlink()
    assert load_file("out/model.safetensors").keys() == STATE.keys()


def test_a_finished_model_is_a_copy_that_can_be_passed_on(fake: FakeHub) -> None:
    checkpoint = Checkpoint(source=SOURCE, revision=COMMIT)
    fetch_checkpoint("x", checkpoint, Path("out"), lambda _: None, STORE)
    assert not Path("out/model.safetensors").is_symlink()
    assert record(Path("out"))["definition"] == {"checkpoint": json.loads(to_json(checkpoint))}
    fetch_checkpoint("x", checkpoint, Path("again"), lambda _: None, STORE)
    assert len(fake.downloads) == 1


def test_a_failed_fetch_leaves_what_is_there(fake: FakeHub) -> None:
    fetch_pretrained("x", PINNED, Path("out"), STORE)
    before = checksum(Path("out/model.safetensors")), record(Path("out"))
    fake.offline = True
    for changed in (
        replace(PINNED, revision="f" * 40),
        replace(PINNED, source="facebook/another"),
        replace(PINNED, architecture="text"),
        replace(PINNED, sha256={"model.safetensors": "0" * 64}),
    ):
        with pytest.raises(UserError):
            fetch_pretrained("x", changed, Path("out"), STORE)
        assert (checksum(Path("out/model.safetensors")), record(Path("out"))) == before
        assert hub_store.read_record(KEPT)
    shutil.rmtree("out")  # as Snakemake does, if a job fails
    fetch_pretrained("x", PINNED, Path("out"), STORE)  # without a network
    assert checksum(Path("out/model.safetensors")) == before[0]


@pytest.mark.parametrize("content", [None, b"", b"cut"])
def test_an_incomplete_folder_of_the_store_is_fetched_again(fake: FakeHub, content: bytes | None) -> None:
    fetch_pretrained("x", PINNED, Path("out"), STORE)
    (KEPT / "model.safetensors").unlink()
    if content is not None:
        (KEPT / "model.safetensors").write_bytes(content)
    fetch_pretrained("x", PINNED, Path("out"), STORE)
    assert len(fake.downloads) == 2
    assert load_file("out/model.safetensors").keys() == STATE.keys()


def test_a_revision_is_resolved_once_recorded_and_printed(fake: FakeHub, capfd: pytest.CaptureFixture[str]) -> None:
    fetch_pretrained("x", RESOLVED, Path("results/a/pretrained/x"), STORE)
    assert f"To pin it: backbones.x.revision: {COMMIT}" in capfd.readouterr().err.partition("note: ")[2]
    assert record(Path("results/a/pretrained/x"))["revision"] == COMMIT
    fake.commit = "f" * 40  # the branch moves
    fetch_pretrained("x", RESOLVED, Path("results/b/pretrained/x"), STORE)
    assert record(Path("results/b/pretrained/x"))["revision"] == COMMIT
    assert (len(fake.lookups), len(fake.downloads)) == (1, 1)


def test_a_model_that_another_study_has_pinned_is_not_taken_for_resolved(fake: FakeHub) -> None:
    fetch_pretrained("x", PINNED, Path("a"), STORE)
    fetch_pretrained("x", RESOLVED, Path("b"), STORE)
    fetch_pretrained("x", RESOLVED, Path("c"), STORE)
    assert (len(fake.lookups), len(fake.downloads)) == (1, 1)


def test_without_a_network_nothing_can_be_resolved(fake: FakeHub) -> None:
    fake.offline = True
    with pytest.raises(UserError) as caught:
        fetch_pretrained("x", RESOLVED, Path("out"), STORE)
    message = str(caught.value)
    assert "the commit of facebook/some-encoder cannot be looked up" in message
    assert "hf download facebook/some-encoder --local-dir x" in message
    assert "--revision" not in message


@pytest.mark.parametrize("commit", [None, "main"])
def test_a_hub_that_names_no_commit_is_reported(fake: FakeHub, commit: str | None) -> None:
    fake.commit = commit  # type: ignore[assignment]
    with pytest.raises(UserError, match=r"(?s)the hub names no commit.*backbones\.x\.revision"):
        fetch_pretrained("x", RESOLVED, Path("out"), STORE)


def test_an_unknown_commit_stops_and_names_the_key(fake: FakeHub) -> None:
    with pytest.raises(UserError) as caught:
        fetch_pretrained("x", replace(PINNED, revision="f" * 40), Path("out"), STORE)
    assert f"facebook/some-encoder has no commit {'f' * 40}" in caught.value.what
    assert "Set backbones.x.revision" in caught.value.remedy


def test_checksums_are_verified_and_a_mismatch_names_both(fake: FakeHub, source: Path) -> None:
    expected = pickled(source)
    fetch_pretrained("x", replace(PINNED, sha256={"pytorch_model.bin": expected}), Path("out"), STORE)
    assert record(KEPT)["verified"] == {"pytorch_model.bin": expected}
    for known in (False, True):  # as it is downloaded, and from the store, which has only the converted file
        if not known:
            shutil.rmtree(STORE)
        with pytest.raises(UserError) as caught:
            fetch_pretrained("x", replace(PINNED, sha256={"pytorch_model.bin": "0" * 64}), Path("new"), STORE)
        (offender,) = caught.value.offenders
        assert expected in offender
        assert f"backbones.x.sha256 says {'0' * 64}" in offender
        assert not Path("new").exists()
        fetch_pretrained("x", replace(PINNED, sha256={"pytorch_model.bin": expected}), Path("out"), STORE)


def test_of_two_formats_the_one_with_a_checksum_is_used(fake: FakeHub, source: Path) -> None:
    torch.save({**STATE, "encoder.bias": torch.zeros(2)}, source / "pytorch_model.bin")
    sums = {"pytorch_model.bin": checksum(source / "pytorch_model.bin")}
    for definition in (replace(PINNED, sha256=sums), Backbone(source=str(source), sha256=sums)):
        fetch_pretrained("x", definition, Path("out"))
        assert not load_file("out/model.safetensors")["encoder.bias"].any()
    assert "model.safetensors" not in fake.downloads[0]


def test_a_checksum_of_a_file_that_is_not_there_is_an_error_on_the_hub_and_said_of_a_folder(
    fake: FakeHub, source: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sums = {"pytorch_model.bin": "0" * 64}
    with pytest.raises(UserError, match=r"(?s)lacks files of backbones\.x\.sha256.*pytorch_model\.bin"):
        fetch_pretrained("x", replace(PINNED, sha256=sums), Path("out"), STORE)
    fetch_pretrained("x", Backbone(source=str(source), sha256=sums), Path("out"), STORE)
    assert "not verified" in capfd.readouterr().err
    assert "verified" not in record(Path("out"))


def test_a_checksum_that_the_store_does_not_know_is_verified_by_another_download(fake: FakeHub, source: Path) -> None:
    expected = pickled(source)
    fetch_pretrained("x", PINNED, Path("out"), STORE)
    fetch_pretrained("x", replace(PINNED, sha256={"pytorch_model.bin": expected}), Path("out"), STORE)
    assert record(Path("out"))["verified"] == {"pytorch_model.bin": expected}


def test_the_command_takes_checksums_and_the_store(fake: FakeHub, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["fetch-pretrained", "--name", "x", "--definition", to_json(PINNED), "--output", "out"]
    assert main([*command, "--store", str(STORE), "--sha256"]) == 0
    assert hub_store.read_record(KEPT)
    assert main([*command, "--sha256", f"model.safetensors={'0' * 64}"]) == 2
    assert "backbones.x.sha256 says" in capsys.readouterr().err
    assert main([*command, "--sha256", "model.safetensors", "x=12"]) == 2
    message = capsys.readouterr().err
    assert "--sha256 is not understood" in message
    assert message.count("\n  - ") == 2


def test_the_preflight_knows_what_another_study_has_fetched(fake: FakeHub) -> None:
    nowhere = Path("results/a/pretrained/x")
    for definition in (PINNED, RESOLVED):
        assert examine_backbone("x", definition, nowhere).status == "unknown"
    fetch_pretrained("x", RESOLVED, Path("results/b/pretrained/x"), STORE)
    for definition in (PINNED, RESOLVED):
        finding = examine_backbone("x", definition, nowhere)
        assert (finding.status, "by another study" in finding.found) == ("ok", True)
    finding = examine_backbone("x", RESOLVED, Path("results/b/pretrained/x"))
    assert (finding.status, finding.details) == ("ok", (f"To pin it: backbones.x.revision: {COMMIT}",))
