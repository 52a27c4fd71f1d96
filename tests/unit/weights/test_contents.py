"""What a user gives as a model: another thing than a folder, another format than safetensors, a part of a model."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from fake_hub import COMMIT, SOURCE, serve
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from small_models import make_backbone, training

from valence_gap.cli import main
from valence_gap.definitions.models import Backbone
from valence_gap.models import loading
from valence_gap.preflight.weights import examine_backbone
from valence_gap.runtime.errors import UserError
from valence_gap.weights import contents, folders
from valence_gap.weights.fetch import fetch_pretrained

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 377569754\n"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished model in ``model``; the test runs in the folder above."""
    monkeypatch.chdir(tmp_path)
    make_backbone(tmp_path / "backbone")
    loading.build(training(), tmp_path / "backbone").save(tmp_path / "model")
    return tmp_path / "model"


def as_pickle(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def as_shards(folder: Path, *, pickled: bool = False) -> None:
    """Split the weights into two shards with their index, as save_pretrained does for large models."""
    weights = load_file(folder / "model.safetensors")
    suffix, stem = (".bin", "pytorch_model") if pickled else (".safetensors", "model")
    parts = {f"{stem}-0000{number + 1}-of-00002{suffix}": [*weights][number::2] for number in range(2)}
    for name, keys in parts.items():
        part = {key: weights[key] for key in keys}
        torch.save(part, folder / name) if pickled else save_file(part, folder / name)
    index = {"metadata": {}, "weight_map": {key: name for name, keys in parts.items() for key in keys}}
    (folder / contents.INDEX[suffix]).write_text(json.dumps(index))
    (folder / "model.safetensors").unlink()


def as_cache(folder: Path) -> None:
    target = folder.with_name("snapshot")
    folder.rename(target)
    shutil.copytree(target, folder / "snapshots" / COMMIT)


def replaced_by(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / "model.safetensors").rename(folder / name)

    return apply


GIVEN: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "a pointer instead of the weights": (
        lambda folder: (folder / "model.safetensors").write_text(POINTER),
        ["pointers of Git LFS", "model.safetensors", "git lfs pull"],
    ),
    "a pointer instead of the configuration": (
        lambda folder: (folder / "config.json").write_text(POINTER),
        ["pointers of Git LFS", "config.json", "git lfs pull"],
    ),
    "a pickle": (
        as_pickle,
        ["not in model.safetensors", "pytorch_model.bin", "fetch-checkpoint", '"source": "{folder}"'],
    ),
    "shards": (as_shards, ["not in model.safetensors", "model.safetensors.index.json", "fetch-checkpoint"]),
    "shards of a pickle": (
        lambda folder: as_shards(folder, pickled=True),
        ["not in model.safetensors", "pytorch_model.bin.index.json", "fetch-checkpoint"],
    ),
    "the cache of the hub": (as_cache, ["hub's cache", f"snapshots/{COMMIT}"]),
    "an adapter": (replaced_by("adapter_model.safetensors"), ["adapter_model.safetensors", "PEFT"]),
    "weights for TensorFlow": (replaced_by("tf_model.h5"), ["tf_model.h5", "TensorFlow", "save_pretrained"]),
    "weights for Flax": (replaced_by("flax_model.msgpack"), ["flax_model.msgpack", "Flax"]),
    "a checkpoint of fairseq": (replaced_by("checkpoint_best.pt"), ["checkpoint_best.pt", "fairseq"]),
    "weights under another name": (replaced_by("best.safetensors"), ["best.safetensors", "another name"]),
    "a file": (lambda folder: (shutil.rmtree(folder), folder.write_text("x")), ["this is a file", "Give "]),
    "an empty folder": (
        lambda folder: [path.unlink() for path in folder.iterdir()],
        ["no weights that can be read", "Give a folder with config.json"],
    ),
    "the folder above": (
        lambda folder: (
            folder.rename(folder.with_name("seed-1")),
            folder.mkdir(),
            folder.with_name("seed-1").rename(folder / "seed-1"),
        ),
        ["contains models", "model/seed-1"],
    ),
    "no folder": (shutil.rmtree, ["there is no such folder", "results/<study>/models"]),
}


@pytest.mark.parametrize("name", GIVEN)
def test_a_model_that_cannot_be_read_is_said_to_be_what_it_is(
    model: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    change, words = GIVEN[name]
    change(model)
    Path("x.wav").write_bytes(b"")
    assert main(["predict", "x.wav", "--model", str(model)]) == 2
    message = capsys.readouterr().err
    for word in words:
        assert word.replace("{folder}", str(model)) in message


def test_a_hub_id_that_is_given_as_a_model_is_not_taken_for_a_folder(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    released = "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
    Path("x.wav").write_bytes(b"")
    assert main(["predict", "x.wav", "--model", released]) == 2
    message = capsys.readouterr().err
    assert "a model on the hub has to be fetched first" in message
    assert f'valence-gap fetch-checkpoint --name NAME --definition \'{{"source": "{released}"' in message
    assert main(["predict", "x.wav", "--model", "models/w2v2/seed-42"]) == 2  # too many slashes
    assert "hub" not in capsys.readouterr().err


def test_the_command_that_the_message_gives_makes_a_readable_folder(model: Path) -> None:
    expected = load_file(model / "model.safetensors")
    as_pickle(model)
    error = contents.unreadable(model)
    assert error is not None
    assert f'--definition \'{{"source": "{model}"}}\'' in error.remedy
    command = ["fetch-checkpoint", "--name", "x", "--definition", json.dumps({"source": str(model)}), "--output", "out"]
    assert main(command) == 0
    read = loading.load(Path("out")).state_dict()
    assert all(
        torch.equal(read[name.replace("hubert.", "backbone.").replace("classifier.", "regression.")], value)
        for name, value in expected.items()
        if "pos_conv" not in name
    )


@pytest.mark.parametrize("pickled", [False, True])
@pytest.mark.parametrize("hub", [False, True])
def test_shards_are_merged_when_they_are_fetched(
    model: Path, monkeypatch: pytest.MonkeyPatch, pickled: bool, hub: bool
) -> None:
    expected = load_file(model / "model.safetensors")
    as_shards(model, pickled=pickled)
    fake = serve(monkeypatch, model)
    definition = Backbone(source=SOURCE, revision=COMMIT) if hub else Backbone(source=str(model))
    fetch_pretrained("x", definition, Path("out"))
    found = load_file("out/model.safetensors")
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert bool(fake.downloads) == hub
    assert examine_backbone("x", Backbone(source=str(model)), Path("nowhere")).status == "ok"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda folder: (folder / "model-00002-of-00002.safetensors").unlink(),
            "model-00002-of-00002.safetensors is missing",
        ),
        (lambda folder: (folder / "model-00002-of-00002.safetensors").write_bytes(b"cut"), "is cut off or damaged"),
        (
            lambda folder: save_file({"x": torch.ones(1)}, folder / "model-00002-of-00002.safetensors"),
            "do not belong together",
        ),
        (lambda folder: (folder / "model.safetensors.index.json").write_text("[]"), "index.json cannot be read"),
        (
            lambda folder: (folder / "model.safetensors.index.json").write_text(
                '{"weight_map": {"x": "../x.safetensors"}}'
            ),
            "names files outside of its folder",
        ),
    ],
)
def test_incomplete_shards_are_reported(model: Path, change: Callable[[Path], object], message: str) -> None:
    as_shards(model)
    change(model)
    with pytest.raises(UserError) as caught:
        fetch_pretrained("x", Backbone(source=str(model)), Path("out"))
    assert message in str(caught.value)
    assert not Path("out").exists()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json", "pytorch_model.bin"])
def test_a_pointer_is_named_when_it_is_fetched_and_by_the_preflight(model: Path, name: str) -> None:
    if name == "pytorch_model.bin":
        (model / "model.safetensors").unlink()
    (model / name).write_text(POINTER)
    with pytest.raises(UserError, match="pointers of Git LFS") as caught:
        fetch_pretrained("x", Backbone(source=str(model)), Path("out"))
    assert caught.value.offenders == (str(model / name),)
    finding = examine_backbone("x", Backbone(source=str(model)), Path("nowhere"))
    assert (finding.status, "pointers of Git LFS" in finding.found) == ("wrong", True)


@pytest.mark.parametrize(
    ("architecture", "kind", "missing"),
    [("recogniser", "wav2vec2", "vocab.json"), ("text", "bert", "tokenizer.json or vocab.txt")],
)
def test_a_recogniser_or_text_encoder_without_its_tokenizer_is_refused(
    model: Path, architecture: str, kind: str, missing: str
) -> None:
    (model / "config.json").write_text(json.dumps({"model_type": kind}))
    save_file({"lm_head.weight": torch.ones(1)}, model / "model.safetensors")
    definition = Backbone(source=str(model), architecture=architecture)  # type: ignore[arg-type]
    with pytest.raises(UserError) as caught:
        fetch_pretrained("x", definition, Path("out"))
    assert f"has no {missing}" in str(caught.value)
    assert examine_backbone("x", definition, Path("nowhere")).status == "wrong"


@given(st.dictionaries(st.sampled_from([*"abcdef"]), st.sampled_from(["", ".masked_spec_embed", ".bias"])))
def test_a_weight_that_would_be_random_is_refused_unless_it_is_optional(parts: dict[str, str]) -> None:
    missing = {name + end for name, end in parts.items()}
    needed = sorted(name for name in missing if not name.endswith("masked_spec_embed"))
    if not needed:
        folders.refuse_random({"missing_keys": missing}, Path("x"), optional=["masked_spec_embed"])
        return
    with pytest.raises(UserError) as caught:
        folders.refuse_random({"missing_keys": missing}, Path("x"), optional=["masked_spec_embed"])
    assert caught.value.offenders == tuple(f"{name} is missing" for name in needed)
