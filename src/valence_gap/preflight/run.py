"""Find the problems of a study before the first hour on a GPU is spent.

It reads the corpora as the workflow will, looks for the pre-trained models, and estimates disk, memory and hours. It
writes nothing, decodes no audio and uses no network.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import yaml

from valence_gap.definitions.values import Split
from valence_gap.preflight import budget, record
from valence_gap.preflight.corpora import examine_corpus, examine_noise
from valence_gap.preflight.costs import Costs
from valence_gap.preflight.findings import Finding, digest, ordered, shortened, table
from valence_gap.preflight.hours import hours
from valence_gap.preflight.memory import job_memory
from valence_gap.preflight.packed import examine_packs
from valence_gap.preflight.plan import Plan, plan_of
from valence_gap.preflight.speech import Speech, planned_speech
from valence_gap.preflight.synthesiser import missing_parts
from valence_gap.preflight.targets import examine_seeds, examine_targets
from valence_gap.preflight.weights import examine_backbone, examine_checkpoint
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.files import write_json
from valence_gap.runtime.progress import log_line
from valence_gap.study.study import NOISE, Study, load

DETAILS = "valence-gap preflight --details, or --config preflight=details"


def preflight(
    config: Mapping[str, Any],
    *,
    card: str | None = None,
    json_file: Path | None = None,
    again: bool = False,
    details: bool = False,
    project: Path = Path(),
) -> None:
    """Check a study and print what was found.

    Args:
        config: its merged configuration.
        card: name of the GPU that the hours are estimated for; None: that of this machine, or its CPU.
        json_file: file that the findings are also written to.
        again: valid corpora that ``json_file`` contains are not read again, and no table is printed if nothing has
            changed since.
        details: print all findings, and how disk, memory and hours are estimated; ``json_file`` always has that.
        project: the folder of the Snakefile, as seen from the working directory.

    Raises:
        UserError: if the configuration is not valid, or something is wrong; the table is printed first.
    """
    study = load(config, project=project)
    details = details or study.configuration.preflight == "details"
    before = record.read(json_file) if again and json_file else None
    scans = scan(study, plan_of(study).corpora, before.corpora if before else {})
    found_here = examine(study, card=card, scans=scans)
    findings = (*found_here, *examine_seeds(study))
    found = record.Record(study.configuration.study, digest(config), findings, scans)
    wrong = [f"{one.subject}: {one.check}: {one.found}" for one in findings if one.status == "wrong"]
    if before and not wrong and found.statuses() == before.statuses():
        log_line(f"paths, models, disk and memory checked again: unchanged since {json_file}; no corpus was read again")
    else:
        print(table(ordered(findings if details else shortened(findings)), findings), flush=True)
        if not details:
            print(f"All checks and how costs are estimated: {DETAILS}", flush=True)
    if json_file:
        write_json(json_file, asdict(found))
    if wrong:
        raise UserError(f"{study.configuration.study} cannot be run as it is.", wrong, "See the table above for fixes.")


def merged(files: Sequence[Path]) -> dict[str, Any]:
    """Merge configuration files in order, as Snakemake does: mappings deeply, everything else replaced.

    Raises:
        UserError: if a file cannot be read, or contains no mapping.
    """
    config: dict[str, Any] = {}
    for file in files:
        try:
            found = yaml.safe_load(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise UserError("A configuration file cannot be read.", [f"{file}: {error}"]) from None
        if not isinstance(found, dict):
            raise UserError("A configuration file contains no mapping.", [str(file)])
        config = merge(config, found)
    return config


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Merge one mapping over another: mappings deeply, everything else replaced."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        result[key] = merge(old if isinstance(old, Mapping) else {}, value) if isinstance(value, Mapping) else value
    return result


def scan(study: Study, corpora: Iterable[str], known: Mapping[str, record.Scan]) -> dict[str, record.Scan]:
    """Return the scans of corpora by name: the known scan if it is up to date, else read the corpus."""
    found = {}
    for name in corpora:
        kept = known.get(name)
        if kept is None or not record.is_up_to_date(kept, study, name):
            findings, speech = _corpus(study, name)
            kept = record.Scan(record.key_of(study, name), tuple(findings), speech)
        found[name] = kept
    return found


def examine(study: Study, *, card: str | None = None, scans: Mapping[str, record.Scan] | None = None) -> list[Finding]:
    """Return all findings of a study; its corpora are read only if ``scans`` is not given."""
    plan = plan_of(study)
    scans = scan(study, plan.corpora, {}) if scans is None else scans
    findings = [one for name in plan.corpora for one in scans[name].findings]
    findings += [one for name in plan.corpora for one in examine_packs(Path(study.results), name)]
    amounts = {name: scans[name].speech for name in plan.corpora}
    if plan.test_corpora("augmented"):
        findings.append(_noise(study))
    if plan.test_corpora("synthesised"):
        findings += _synthesis(study, plan, amounts)
    findings += examine_targets(study, amounts)
    cached, backbones = bool(study.configuration.cached_splits), study.configuration.backbones
    folders = {name: Path(study.pretrained_folder(name)) for name in plan.backbones}
    findings += [examine_backbone(name, backbones[name], folder, cached=cached) for name, folder in folders.items()]
    for model, seed in plan.checkpoints:
        findings.append(examine_checkpoint(model, study.checkpoint(model), study.model_folder(model, seed)))
    costs = Costs(study, plan, amounts)
    findings += [budget.disk(study, costs), budget.memory(costs), job_memory(costs), budget.card_memory(costs)]
    return [*findings, hours(costs, card=card)]


def _corpus(study: Study, name: str) -> tuple[list[Finding], Mapping[Split, Speech]]:
    corpus = study.configuration.corpora[name]
    if study.is_miniature(name) and not Path(study.paths(name).labels).exists():
        found = Finding(name, "place", "unknown", "made by the workflow itself, and not there yet")
        return [found], planned_speech(corpus, study.configuration.miniature)
    return examine_corpus(name, corpus, study.paths(name), paper=not study.is_miniature(name))


def _noise(study: Study) -> Finding:
    root = Path(study.noise_root())
    if study.is_miniature(NOISE) and not root.exists():
        return Finding("noise", "clips", "unknown", "made by the workflow itself, and not there yet")
    return examine_noise(root, paper=not study.is_miniature(NOISE))


def _synthesis(study: Study, plan: Plan, amounts: Mapping[str, Mapping[Any, Speech]]) -> list[Finding]:
    """Check that the synthesiser is installed and that test sets have transcripts."""
    synthesiser = study.configuration.synthesiser
    missing = missing_parts(synthesiser)
    findings = [
        Finding(
            "synthesiser",
            "engine",
            "wrong" if missing else "ok",
            f"{synthesiser.kind}, voice {synthesiser.voice}",
            tuple(missing),
        )
    ]
    for corpus in plan.test_corpora("synthesised"):
        speech = amounts[corpus].get("test")
        if speech and speech.utterances and not speech.assumed and not speech.transcribed:
            remedy = f"Set paths.{corpus}.transcripts, or leave out the targets that speak them (figure_04)."
            findings.append(Finding("synthesiser", corpus, "wrong", "no utterance has a transcript", (remedy,)))
    return findings
