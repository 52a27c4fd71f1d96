"""A study as a Provenance Run Crate: the entities that the profiles require, and nothing licensed in it."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from miniature_configuration import MINIATURE
from rocrate.rocrate import ROCrate

from valence_gap.cli import main
from valence_gap.export.run_records import RULES, finished_jobs
from valence_gap.runtime.files import write_json
from valence_gap.runtime.provenance import checksum, run_record

ROOT = Path(__file__).parents[3]
AUDIO = b"licensed speech" * 100
WFRUN = "https://w3id.org/ro/wfrun"


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def record(command: str, definition: dict[str, Any], **inputs: Path) -> dict[str, Any]:
    return run_record(definition, inputs=inputs) | {"command": ["valence-gap", command], "wall_s": 90.0}


def command(output: Path) -> list[str]:
    configuration = json.dumps(MINIATURE | {"study": "small"})
    return ["crate", "--project", str(ROOT), "--configuration", configuration, "--output", str(output)]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small study: audio, one trained model, its prediction, a figure."""
    folder = tmp_path_factory.mktemp("study") / "results" / "small"
    pack = write(folder / "audio/iemocap/clean/test/audio.npy", AUDIO)
    write_json(pack.with_name("report.json"), {"utterances": 3, "run": record("pack-audio", {"rate_hz": 16000})})
    weights = write(folder / "models/w2v2-b/seed-42/model.safetensors", b"weights")
    write_json(weights.with_name("run.json"), record("train", {"seed": 42, "backbone": {}}, audio=pack))
    predictions = write(folder / "predictions/w2v2-b/seed-42/iemocap/clean.parquet", b"predictions")
    predicted = record("predict-conditions", {"conditions": ["clean"]}, model=weights) | {"device": "cpu"}
    write_json(predictions.with_name("clean.run.json"), predicted)
    write(predictions.with_name("augmented.parquet"), b"of another job")
    write(folder / "figures/figure_02.csv", b"model,ccc\nw2v2-b,.5\n")
    write(folder / "claims.csv", b"verdict\n")
    write_json(folder / "corpora/iemocap/report.json", {"utterances": 3})  # no record of a run
    write(folder / "raw/audio/one.wav", AUDIO)
    return folder


@pytest.fixture(scope="module")
def crate(results: Path) -> Path:
    folder = results / "crate"
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(results.parents[1])
        assert main(command(folder)) == 0
    return folder


@pytest.fixture(scope="module")
def graph(crate: Path) -> dict[str, dict[str, Any]]:
    content = json.loads((crate / "ro-crate-metadata.json").read_text())
    return {entity["@id"]: entity for entity in content["@graph"]}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def of_type(graph: dict[str, dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [entity for entity in graph.values() if kind in listed(entity["@type"])]


def ids(value: Any) -> list[str]:
    return [each["@id"] for each in listed(value)]


def test_the_crate_is_read_back_with_its_workflow(crate: Path) -> None:
    found = ROCrate(crate)
    assert found.mainEntity.id == "Snakefile"
    assert found.mainEntity["programmingLanguage"].id.endswith("#snakemake")
    assert found.name == "small, a study of valence-gap"
    assert found.datePublished
    assert all((crate / entity.id).is_file() for entity in found.data_entities if "File" in listed(entity.type))


def test_every_reference_is_an_entity_or_an_address(graph: dict[str, dict[str, Any]]) -> None:
    def references(value: Any) -> Iterator[str]:
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, dict):
                yield part["@id"]

    named = {name for entity in graph.values() for value in entity.values() for name in references(value)}
    assert [name for name in sorted(named - set(graph)) if not name.startswith("https://")] == []


def test_the_profiles_are_declared_and_described(graph: dict[str, dict[str, Any]]) -> None:
    declared = ids(graph["./"]["conformsTo"])
    assert {f"{WFRUN}/{profile}/0.5" for profile in ("process", "workflow", "provenance")} <= set(declared)
    assert all(graph[name]["@type"] == "CreativeWork" and graph[name]["version"] for name in declared)
    assert "https://w3id.org/workflowhub/workflow-ro-crate/1.0" in ids(graph["ro-crate-metadata.json"]["conformsTo"])


def test_the_workflow_and_its_run_have_what_the_workflow_run_crate_requires(graph: dict[str, dict[str, Any]]) -> None:
    workflow = graph["Snakefile"]
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"} == set(workflow["@type"])
    assert ids(graph["./"]["mainEntity"]) == ["Snakefile"]
    (run,) = [each for each in of_type(graph, "CreateAction") if ids(each["instrument"]) == ["Snakefile"]]
    assert set(ids(graph["./"]["mentions"])) == {each["@id"] for each in of_type(graph, "CreateAction")}
    assert ids(run["object"]) == ["configuration.json"]
    assert set(ids(run["result"])) == {"figures/figure_02.csv", "claims.csv"}
    for entity in ids(run["object"]) + ids(run["result"]):
        (parameter,) = ids(graph[entity]["exampleOfWork"])
        assert graph[parameter]["@type"] == "FormalParameter"
        assert parameter in ids(workflow["input"]) + ids(workflow["output"])
    assert datetime.fromisoformat(run["startTime"]) <= datetime.fromisoformat(run["endTime"])


def test_each_job_has_its_tool_step_times_and_machine(graph: dict[str, dict[str, Any]]) -> None:
    workflow = graph["Snakefile"]
    jobs = [each for each in of_type(graph, "CreateAction") if each["@id"] != "#run"]
    assert len(jobs) == 3
    for job in jobs:
        (tool,) = ids(job["instrument"])
        assert "SoftwareApplication" in listed(graph[tool]["@type"])
        assert graph[tool]["softwareVersion"]
        assert tool in ids(workflow["hasPart"])
        packages = {graph[name]["name"]: graph[name] for name in ids(graph[tool]["softwareRequirements"])}
        assert packages["numpy"]["@id"] == f"https://pypi.org/project/numpy/{metadata.version('numpy')}/"
        assert packages["torch"]["softwareVersion"] == metadata.version("torch")
        assert {"python", "valence-gap"} < set(packages)
        start, end = (datetime.fromisoformat(job[name]) for name in ("startTime", "endTime"))
        assert end - start == timedelta(seconds=90)
        usage = {graph[name]["propertyID"]: graph[name]["value"] for name in ids(job["resourceUsage"])}
        assert usage["wall_s"] == "90.0"
        assert "hardware/cpu" in usage
        (control,) = [each for each in of_type(graph, "ControlAction") if ids(each["object"]) == [job["@id"]]]
        (step,) = ids(control["instrument"])
        assert graph[step]["@type"] == "HowToStep"
        assert ids(graph[step]["workExample"]) == [tool]
        assert step in ids(workflow["step"])
    (engine,) = of_type(graph, "OrganizeAction")
    assert set(ids(engine["object"])) == {each["@id"] for each in of_type(graph, "ControlAction")}
    assert ids(engine["result"]) == ["#run"]
    assert graph[ids(engine["instrument"])[0]]["name"] == "Snakemake"


def test_the_output_of_a_job_is_the_input_of_the_next(graph: dict[str, dict[str, Any]], results: Path) -> None:
    def linked(first: str, second: str) -> set[str]:
        return set(ids(graph[f"#job-{first}"]["result"])) & set(ids(graph[f"#job-{second}"]["object"]))

    pack, model = "audio/iemocap/clean/test/report.json", "models/w2v2-b/seed-42/run.json"
    audio = results / "audio/iemocap/clean/test/audio.npy"
    assert linked(pack, model) == {f"#sha256-{checksum(audio)}"}
    predicted = "predictions/w2v2-b/seed-42/iemocap/clean.run.json"
    (weights,) = linked(model, predicted)
    assert graph[weights]["name"] == "models/w2v2-b/seed-42/model.safetensors"
    results_of = [graph[name].get("name") for name in ids(graph[f"#job-{predicted}"]["result"])]
    assert results_of == ["predictions/w2v2-b/seed-42/iemocap/clean.parquet", "record of predict"]


def test_no_audio_and_no_weights_are_in_the_crate(crate: Path) -> None:
    files = [path for path in crate.rglob("*") if path.is_file()]
    assert not {path.suffix for path in files} & {".npy", ".wav", ".safetensors", ".parquet"}
    assert all(AUDIO[:100] not in path.read_bytes() for path in files)
    assert (crate / "records/models/w2v2-b/seed-42/run.json").is_file()
    assert json.loads((crate / "configuration.json").read_text())["study"] == "small"


def test_a_crate_that_is_there_is_not_read(results: Path, crate: Path) -> None:
    assert len(finished_jobs(results)) == 3
    assert crate.is_dir()


def test_times_that_a_record_does_not_have_are_left_out(results: Path, tmp_path: Path) -> None:
    old = {key: value for key, value in record("score", {}).items() if key not in ("ended", "wall_s")}
    write_json(tmp_path / "old/scores/clean.run.json", old)
    (job,) = finished_jobs(tmp_path / "old")
    assert (job.rule, job.start, job.end) == ("score", None, None)


def test_a_study_without_records_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(command(tmp_path / "crate")) == 2
    assert "Run `snakemake` first" in capsys.readouterr().err
    assert not (tmp_path / "crate").exists()


def test_every_command_belongs_to_a_rule_of_the_workflow() -> None:
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    rules = dict(re.findall(r"^rule (\w+):\n(.*?)(?=^\w|\Z)", text, flags=re.M | re.S))
    run_by = {rule: re.findall(r"valence-gap ([\w-]+)", body) for rule, body in rules.items()}
    for command, rule in RULES.items():
        assert command in run_by[rule]
    for command in ("pack-audio", "apply-conditions", "prepare-corpus", "synthesise", "transcribe", "score", "claims"):
        assert command in run_by[command.replace("-", "_")]
    for rule in ("train_fusion", "predict_fusion", "fetch_pretrained", "fetch_checkpoint", "train_recogniser"):
        assert rule.replace("_", "-") in run_by[rule]
