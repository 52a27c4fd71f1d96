"""A finished study as a Provenance Run Crate: the workflow, its steps, and what each job read, wrote and ran on.

The crate holds the workflow, the configuration, figures, tables, claims and the records of all jobs. It holds no audio,
labels or weights: these are named by their checksums, so that whoever has them can recognise them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.model.entity import Entity
from rocrate.rocrate import ROCrate

from valence_gap.export.run_records import Job, finished_jobs
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import atomic_folder, canonical_json, scratch_folder, write_json
from valence_gap.runtime.provenance import checksum

PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/provenance/0.5": ("Provenance Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
TERMS = "https://w3id.org/ro/terms/workflow-run/context"
WORKFLOW, CONFIGURATION = "Snakefile", "configuration.json"
SHOWN = ("figures/*", "tables/*", "claims.csv", "claims.json", "claims.md", "scores.csv", "precision.json")
LICENCE = "MIT for the workflow; results of licensed corpora are subject to the licences of the corpora."


class _Crate:
    """The crate under construction.

    Args:
        results: ``results/<study>``.
        study: name of the study.
    """

    def __init__(self, results: Path, study: str) -> None:
        self.results = results
        self.crate = ROCrate(version="1.1")
        self.crate.metadata.extra_contexts.append(TERMS)
        self.crate.name = f"{study}, a study of valence-gap"
        self.crate.description = (
            "A reproduction of Wagner et al. (2023), 'Dawn of the transformer era in speech emotion recognition': "
            "figures, tables and claims, with the record of every job that they were made by."
        )
        self.crate.license = LICENCE
        self._files: dict[str, Entity] = {}

    def described(self, identifier: str, kind: str | Sequence[str], **properties: Any) -> Entity:
        """Add an entity that is no file of the crate; one with the same identifier is replaced."""
        content = {"@type": kind, **properties}
        return self.crate.add(ContextEntity(self.crate, identifier, properties=content))

    def by_checksum(self, name: str, sha256: str) -> Entity:
        """A file that is not in the crate; the output of one job and the input of another are one entity."""
        if sha256 not in self._files:
            entity = self.described(f"#sha256-{sha256}", "File", name=name, sha256=sha256)
            self._files[sha256] = entity
        return self._files[sha256]

    def file(self, source: Path, place: str, **properties: Any) -> Entity:
        """Add a file to the crate."""
        entity = self.crate.add_file(source, place, properties=properties, record_size=True)
        self._files.setdefault(checksum(source), entity)
        return entity


def write_crate(results: Path, project: Path, configuration: Mapping[str, Any], output: Path) -> str:
    """Write the crate of a finished study.

    Args:
        results: ``results/<study>``.
        project: the folder of the Snakefile.
        configuration: the merged configuration.
        output: the folder that is written; it has ``ro-crate-metadata.json``.

    Returns:
        One line for the user.

    Raises:
        UserError: no job has left a record.
    """
    jobs = finished_jobs(results)
    if not jobs:
        raise UserError("no job of this study has left a record", [str(results)], "Run `snakemake` first.")
    made = _Crate(results, results.name)
    with scratch_folder(output) as texts, atomic_folder(output) as folder:
        write_json(texts / CONFIGURATION, configuration)
        settings = made.file(texts / CONFIGURATION, CONFIGURATION, name="merged configuration")
        workflow = _add_workflow(made, project)
        shown = list(_add_results(made))
        _add_parameters(made, workflow, settings, shown)
        controls = _add_jobs(made, workflow, jobs, texts)
        _add_run(made, workflow, jobs, controls, settings, shown)
        profiles = [
            made.described(address, "CreativeWork", name=name, version=version)
            for address, (name, version) in PROFILES.items()
        ]
        made.crate.root_dataset["conformsTo"] = profiles
        made.crate.datePublished = _latest(jobs)
        made.crate.write(folder)
    return f"{output}: {len(jobs)} jobs of {len({job.rule for job in jobs})} rules, {len(shown)} results"


def _latest(jobs: Iterable[Job]) -> datetime:
    ends = [job.end for job in jobs if job.end]
    return max(ends) if ends else datetime.now().astimezone().replace(microsecond=0)


def _add_workflow(made: _Crate, project: Path) -> Entity:
    properties = {
        "@type": ["File", "SoftwareSourceCode", "ComputationalWorkflow", "HowTo"],
        "name": "valence-gap",
        "license": "https://spdx.org/licenses/MIT",
    }
    workflow = made.crate.add_workflow(project / WORKFLOW, WORKFLOW, main=True, lang="snakemake", properties=properties)
    sources = [*sorted((project / "workflow").rglob("*")), project / "config.yaml"]
    for path in sources:
        if path.is_file() and "__pycache__" not in path.parts:
            place = path.relative_to(project).as_posix()
            made.crate.add_file(path, place, properties={"name": place})
    return workflow


def _add_results(made: _Crate) -> Iterator[Entity]:
    for path in sorted(path for pattern in SHOWN for path in made.results.glob(pattern) if path.is_file()):
        if not path.name.startswith("."):
            place = path.relative_to(made.results).as_posix()
            yield made.file(path, place, name=place)


def _add_parameters(made: _Crate, workflow: Entity, settings: Entity, shown: Sequence[Entity]) -> None:
    """Describe what goes into the workflow and comes out of it, as Bioschemas' formal parameters."""
    given = made.crate.add_formal_parameter("configuration", "File", "#parameter-configuration", valueRequired=True)
    workflow["input"] = [given]
    settings["exampleOfWork"] = given
    parameters = []
    for entity in shown:
        identifier = f"#parameter-{entity.id}"
        parameter = made.crate.add_formal_parameter(entity.id, "File", identifier)
        entity["exampleOfWork"] = parameter
        parameters.append(parameter)
    workflow["output"] = parameters


def _add_jobs(made: _Crate, workflow: Entity, jobs: Sequence[Job], texts: Path) -> list[Entity]:
    """Add an action for each job, with the tool that it ran and the step that it belongs to; return the steps' runs."""
    tools: dict[str, Entity] = {}
    steps: dict[str, Entity] = {}
    for job in jobs:
        if job.command not in tools:
            tools[job.command] = _tool(made, job)
        if job.rule not in steps:
            steps[job.rule] = made.described(
                f"#step-{job.rule}",
                "HowToStep",
                name=job.rule,
                position=str(len(steps) + 1),
                workExample=tools[job.command],
            )
    workflow["hasPart"] = list(tools.values())
    workflow["step"] = list(steps.values())
    return [_add_job(made, job, tools[job.command], steps[job.rule], texts) for job in jobs]


def _tool(made: _Crate, job: Job) -> Entity:
    packages = [_package(made, name, version) for name, version in sorted(job.record["versions"].items())]
    return made.described(
        f"#valence-gap-{job.command}",
        "SoftwareApplication",
        name=f"valence-gap {job.command}",
        softwareVersion=job.record["versions"].get("valence-gap", "unknown"),
        softwareRequirements=packages,
    )


def _package(made: _Crate, name: str, version: str) -> Entity:
    """A package in one version, by its address; the project itself has none."""
    release = version.partition("+")[0]  # without the build, such as cpu
    addresses = {"python": f"https://www.python.org/downloads/release/python-{release.replace('.', '')}/"}
    address = addresses.get(name, f"https://pypi.org/project/{name}/{release}/")
    if name == "valence-gap":
        return made.described(f"#{name}-{version}", "SoftwareApplication", name=name, softwareVersion=version)
    return made.described(address, "SoftwareApplication", name=name, softwareVersion=version, url=address)


def _add_job(made: _Crate, job: Job, tool: Entity, step: Entity, texts: Path) -> Entity:
    place = f"records/{job.path.as_posix()}"
    write_json(texts / place, job.record)
    record = made.file(texts / place, place, name=f"record of {job.rule}")
    inputs = [made.by_checksum(name, sum_) for name, sum_ in sorted(job.record["inputs"].items())]
    outputs = [made.by_checksum(path.as_posix(), checksum(made.results / path)) for path in job.outputs]
    name = f"{job.rule} {job.path.parent.as_posix()}"
    action = made.crate.add_action(
        tool,
        f"#job-{job.path.as_posix()}",
        object=inputs,
        result=[*outputs, record],
        properties={
            "name": name,
            "description": f"valence-gap {job.command}, with the definition {canonical_json(job.record['definition'])}",
            "actionStatus": "http://schema.org/CompletedActionStatus",
            **_times(job.start, job.end),
        },
    )
    if usage := _resources(made, job):
        action["resourceUsage"] = usage
    return made.described(f"#run-of-{job.path.as_posix()}", "ControlAction", name=name, instrument=step, object=action)


def _times(start: datetime | None, end: datetime | None) -> dict[str, str]:
    """The times of an action; what is not known is left out."""
    named = {"startTime": start, "endTime": end}
    return {name: time.isoformat(timespec="seconds") for name, time in named.items() if time}


def _resources(made: _Crate, job: Job) -> list[Entity]:
    """The time that a job took and the machine that it ran on."""
    known = {f"hardware/{name}": value for name, value in job.record["hardware"].items() if value is not None}
    for name in ("wall_s", "peak_memory_mb", "device", "precision", "git_commit"):
        if job.record.get(name) is not None:
            known[name] = job.record[name]
    return [
        made.described(f"#value-{name}-{value}", "PropertyValue", propertyID=name, name=name, value=str(value))
        for name, value in known.items()
    ]


def _add_run(
    made: _Crate,
    workflow: Entity,
    jobs: Sequence[Job],
    controls: Sequence[Entity],
    settings: Entity,
    shown: Sequence[Entity],
) -> None:
    """Add the run of the whole workflow, and that of the engine which started the jobs."""
    starts, ends = ([time for job in jobs if (time := getattr(job, name))] for name in ("start", "end"))
    times = _times(min(starts, default=None), max(ends, default=None))
    run = made.crate.add_action(
        workflow,
        "#run",
        object=[settings],
        result=list(shown),
        properties={
            "name": f"run of {made.results.name}",
            "description": "all jobs that Snakemake started for the study",
            **times,
        },
    )
    versions = sorted({str(job.record["versions"].get("snakemake", "unknown")) for job in jobs})
    engine = made.described("#engine", "SoftwareApplication", name="Snakemake", softwareVersion=", ".join(versions))
    engine["url"] = "https://snakemake.github.io"
    made.described(
        "#engine-run",
        "OrganizeAction",
        name="run of Snakemake",
        instrument=engine,
        object=list(controls),
        result=run,
        **times,
    )
    made.crate.root_dataset["mentions"] = [run, *(control["object"] for control in controls)]
