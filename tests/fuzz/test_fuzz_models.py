"""Folders of foreign models: loaded, or refused before memory is allocated or anything is unpickled."""

import json
import pickle
import shutil
import struct
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import pytest
import torch
from corruption import byte_step, corrupt
from harness import attempt, fuzz_settings
from hypothesis import given
from hypothesis import strategies as st
from small_models import make_backbone, make_cnn14, training

from valence_gap.definitions.models import Backbone
from valence_gap.models import loading
from valence_gap.training import checkpoints
from valence_gap.weights.fetch import fetch_pretrained

NUMBERS = st.one_of(st.sampled_from([0, -1, 1, 3, 7, 17, 10**6, 10**9, 2**63, 10**30]), st.integers(-5, 40))
STRANGE = st.one_of(
    NUMBERS,
    st.sampled_from(
        [None, True, "many", "", [], {}, [0], [8, 8], [10**9] * 3, {"0": "x"}, 1.5, float("nan"), "../..", "gelu"]
    ),
    st.lists(NUMBERS, max_size=4),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A valid backbone, a finished model and a CNN14."""
    base = tmp_path_factory.mktemp("models")
    make_backbone(base / "backbone")
    loading.build(training(), base / "backbone").save(base / "finished")
    make_cnn14().save(base / "cnn14")
    return base


def opened(folder):
    """Load a folder as its kind requires."""
    if folder.name == "backbone":
        return loading.build(training(), folder)
    return loading.load(folder)


def check(folders, kind, change):
    with tempfile.TemporaryDirectory(dir=folders) as root:
        folder = Path(root) / kind
        shutil.copytree(folders / kind, folder)
        change(folder)
        attempt(lambda: opened(folder), names=(str(folder),))


KINDS = st.sampled_from(["backbone", "finished", "cnn14"])


@fuzz_settings("config.json")
@given(kind=KINDS, keys=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), STRANGE), min_size=1, max_size=2))
def test_config_json(folders, kind, keys):
    def change(folder):
        path = folder / "config.json"
        content = json.loads(path.read_text())
        for share, value in keys:
            content[sorted(content)[int(share * len(content))]] = value
        path.write_text(json.dumps(content))

    check(folders, kind, change)


HEADER_SIZES = st.sampled_from([0, 1, 2**20, 2**40, 2**63, 2**64 - 1])


@fuzz_settings("safetensors")
@given(
    kind=KINDS,
    how=st.one_of(st.lists(byte_step, min_size=1, max_size=3), HEADER_SIZES, st.binary(max_size=300)),
    file=st.sampled_from(["model.safetensors", "model.safetensors", "config.json"]),
)
def test_bytes_of_models(folders, kind, how, file):
    def change(folder):
        path = folder / file
        content = path.read_bytes()
        if isinstance(how, int):
            content = struct.pack("<Q", how) + content[8:]
        path.write_bytes(how if isinstance(how, bytes) else content if isinstance(how, int) else corrupt(content, how))

    check(folders, kind, change)


class Trap:
    """An object that creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def trapped(form, trap, path, protocol):
    """Write a file that triggers a trap when it is unpickled, in one of the forms of a PyTorch checkpoint."""
    content = pickle.dumps({"weight": trap}, protocol=protocol)
    if form == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", content)
            archive.writestr("archive/version", "3\n")
    elif form == "torch":
        torch.save({"weight": torch.ones(2), "trap": trap}, path)
    elif form == "bomb":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("archive/data.pkl", bytes(10**7))
    else:
        path.write_bytes(content)


@fuzz_settings("pickle")
@given(
    form=st.sampled_from(["zip", "torch", "bare", "bomb"]),
    name=st.sampled_from(["pytorch_model.bin", "model.safetensors"]),
    protocol=st.integers(0, 5),
)
def test_nothing_is_unpickled(folders, form, name, protocol):
    with tempfile.TemporaryDirectory(dir=folders) as root:
        folder, sprung = Path(root) / "source", Path(root) / "sprung"
        folder.mkdir()
        shutil.copyfile(folders / "backbone/config.json", folder / "config.json")
        trapped(form, Trap(sprung), folder / name, protocol)
        result = attempt(
            lambda: fetch_pretrained("b", Backbone(source=str(folder)), Path(root) / "output"), names=("Backbone b",)
        )
        assert result is None
        assert not sprung.exists()
        assert not (Path(root) / "output").exists()


@fuzz_settings("state")
@given(steps=st.lists(byte_step, min_size=1, max_size=2))
def test_a_damaged_state_is_never_half_loaded(tmp_path_factory, steps):
    with tempfile.TemporaryDirectory(dir=tmp_path_factory.getbasetemp()) as root:
        module = torch.nn.Linear(2, 2)
        optimizer = torch.optim.AdamW(module.parameters())
        module(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        checkpoints.save(Path(root), "key", checkpoints.TrainerState(), module, optimizer, {})
        path = Path(root) / checkpoints.STATE
        path.write_bytes(corrupt(path.read_bytes(), steps))
        torch.nn.init.zeros_(module.weight)
        restore = partial(checkpoints.load, Path(root), ["key"], module, optimizer, checkpoints.TrainerState)
        found = attempt(lambda: [restore()], skips=lambda found: found[0] is None)
        if found[0] is None:
            assert not module.weight.any()
