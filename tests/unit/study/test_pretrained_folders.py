"""Where a study finds its fetched models, and in which words it defines them: nothing may run again without a cause."""

import copy
import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import yaml

from valence_gap.definitions.values import to_json
from valence_gap.study.study import Study, load

MINIATURE = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
NAME = "mini-w2v2-b"
HUB, COMMIT, OTHER = "facebook/some-encoder", "a" * 40, "b" * 40
OWN, EARLIER = f"results/miniature/pretrained/{NAME}", f"resources/pretrained/{NAME}"


@pytest.fixture(autouse=True)
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def study(**backbone: Any) -> Study:
    config = copy.deepcopy(MINIATURE)
    config["backbones"][NAME] |= backbone
    return load(config, project=Path(__file__).parents[3])


def fetched(folder: str, source: str, revision: str | None, defined: str | None, **record: Any) -> Path:
    """A folder as a fetch leaves it; ``defined`` is the revision of its definition."""
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    definition = {"backbone": {"source": source, "revision": defined}}
    content = {"source": source, "revision": revision, "definition": definition, **record}
    (path / "run.json").write_text(json.dumps(content))
    return path


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"source": HUB, "revision": COMMIT}, EARLIER),
        ({"source": HUB, "revision": "resolve"}, EARLIER),
        ({"source": HUB, "revision": COMMIT, "label": "x", "sha256": {"config.json": "0" * 64}}, EARLIER),
        ({"source": HUB, "revision": OTHER}, OWN),
        ({"source": "facebook/another", "revision": COMMIT}, OWN),
        ({"source": "./gone"}, OWN),
    ],
)
def test_an_earlier_folder_is_used_if_its_record_is_of_this_source_and_revision(
    given: dict[str, Any], expected: str
) -> None:
    assert study(**given).pretrained_folder(NAME) == OWN
    fetched(EARLIER, HUB, COMMIT, COMMIT)
    assert study(**given).pretrained_folder(NAME) == expected


@pytest.mark.parametrize("record", ["", "[]", "{", "{}", '{"source": null}'])
def test_an_earlier_folder_without_a_readable_record_is_not_used(record: str) -> None:
    fetched(EARLIER, HUB, COMMIT, COMMIT).joinpath("run.json").write_text(record)
    assert study(source=HUB, revision=COMMIT).pretrained_folder(NAME) == OWN


def test_a_local_source_is_compared_by_time_and_then_by_checksum() -> None:
    source = Path("mine")
    source.mkdir()
    (source / "config.json").write_text('{"model_type": "hubert"}')
    digest = "0" * 64
    fetched(EARLIER, "./mine", None, None, sha256={"config.json": digest})
    os.utime(source / "config.json", (0, 0))
    assert study(source="./mine").pretrained_folder(NAME) == EARLIER  # older than the record
    os.utime(source / "config.json")
    os.utime(f"{EARLIER}/run.json", (1, 1))
    assert study(source="./mine").pretrained_folder(NAME) == OWN
    digest = sha256((source / "config.json").read_bytes()).hexdigest()
    fetched(EARLIER, "./mine", None, None, sha256={"config.json": digest})
    os.utime(f"{EARLIER}/run.json", (1, 1))
    assert study(source="./mine").pretrained_folder(NAME) == EARLIER


@pytest.mark.parametrize("folder", [OWN, EARLIER])
@pytest.mark.parametrize(
    ("source", "recorded", "defined", "given"),
    [
        (HUB, COMMIT, COMMIT, COMMIT),
        (HUB, COMMIT, "resolve", COMMIT),  # pinned after it was resolved
        (HUB, COMMIT, COMMIT, "resolve"),
        ("./mine", None, None, COMMIT),  # a preset gives a revision that the folder does not need
        ("./mine", COMMIT, COMMIT, None),
    ],
)
def test_the_definition_keeps_the_words_in_which_the_model_was_fetched(
    folder: str, source: str, recorded: str | None, defined: str | None, given: str | None
) -> None:
    fetched(folder, source, recorded, defined)
    assert study(source=source, revision=given).backbone(NAME).revision == defined


@pytest.mark.parametrize(("given", "expected"), [(OTHER, OTHER), ("resolve", "resolve"), (None, None)])
def test_a_definition_without_a_fetched_model_has_its_own_words(given: str | None, expected: str | None) -> None:
    assert study(source=HUB, revision=given).backbone(NAME).revision == expected
    assert study(source="./mine", revision=given).backbone(NAME).revision is None


def test_checksums_are_no_part_of_the_definition_of_a_training() -> None:
    sums = {"pytorch_model.bin": "0" * 64}
    plain, verified = study(source=HUB, revision=COMMIT), study(source=HUB, revision=COMMIT, sha256=sums)
    assert to_json(plain.training("w2v2-b", 42)) == to_json(verified.training("w2v2-b", 42))
    assert verified.checksums(verified.configuration.backbones[NAME]) == [f"pytorch_model.bin={'0' * 64}"]
    assert study(source=HUB, revision=COMMIT, sha256=None).backbone(NAME) == plain.backbone(NAME)


def test_the_definition_of_a_checkpoint_follows_the_same_rules() -> None:
    config = copy.deepcopy(MINIATURE)
    shown = {"label": "x", "colour": "#000000"}
    sums = {"model.safetensors": "0" * 64}
    config["models"]["x"] = {"checkpoint": {"source": "./mine", "revision": COMMIT, "sha256": sums}, **shown}
    made = load(config, project=Path(__file__).parents[3])
    assert to_json(made.checkpoint("x")) == '{"revision":null,"source":"./mine"}'
    folder = made.model_folder("x", 42)
    folder.mkdir(parents=True)
    record = {"source": "./mine", "definition": {"checkpoint": {"revision": COMMIT}}}
    (folder / "run.json").write_text(json.dumps(record))
    assert made.checkpoint("x").revision == COMMIT


def test_backbones_with_deleted_files_are_listed() -> None:
    assert study(source=HUB, revision=COMMIT).deleted_backbones() == []
    folder = fetched(EARLIER, HUB, COMMIT, COMMIT)
    assert study(source=HUB, revision=COMMIT).deleted_backbones() == [NAME]
    for name in ("config.json", "model.safetensors"):
        (folder / name).write_bytes(b"")
    assert study(source=HUB, revision=COMMIT).deleted_backbones() == []
