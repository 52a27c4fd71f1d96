"""What the preflight finds on small corpora and folders written by hand."""

import argparse
import json
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import audio_lengths
import pytest
from corpus_trees import write, write_audio
from hypothesis import given
from hypothesis import strategies as st
from preflight_data import MSP, ROOT, ROWS, configured, found, write_release
from preflight_data import study as study  # a fixture
from snakemake.utils import update_config

from valence_gap.cli import main
from valence_gap.commands import preflight as command
from valence_gap.definitions.corpora import Corpus, CorpusPaths
from valence_gap.models.front_ends import stem
from valence_gap.preflight import budget, memory
from valence_gap.preflight.cards import Cards
from valence_gap.preflight.corpora import examine_corpus, examine_noise
from valence_gap.preflight.expected import Expected
from valence_gap.preflight.findings import Finding, ordered, shortened, table
from valence_gap.preflight.run import examine, merge, merged, preflight
from valence_gap.preflight.targets import examine_seeds
from valence_gap.runtime.errors import UserError
from valence_gap.study.study import load


@pytest.fixture
def release(tmp_path: Path) -> CorpusPaths:
    return write_release(tmp_path / "msp")


def checked(corpus: Corpus, paths: CorpusPaths) -> list[Finding]:
    return examine_corpus("msp-podcast", corpus, paths, paper=True)[0]


def test_a_corpus_is_measured_and_differs_from_the_papers(release: CorpusPaths) -> None:
    findings, speech = examine_corpus("msp-podcast", MSP, release, paper=True)
    assert {split: (part.utterances, part.seconds, part.longest_s) for split, part in speech.items()} == {
        "train": (1, 2.0, 2.0),
        "dev": (1, 2.0, 2.0),
        "test": (2, 4.0, 2.0),
    }
    assert speech["test"].transcribed == 0.5
    test = found(findings, "test")
    assert test.status == "differs"
    assert test.details == (
        "2 utterances; the paper: 12,902",
        "0.0 h; the paper: 21 h",
        "2 speakers; the paper: 60",
        "50.0% female; the paper: 54%",
        "1 to 1 utterances of a speaker; the paper: 42 to 912",
        "50.0% transcribed (figure 4 synthesises these); the paper: 55% (footnote 2)",
    )
    assert found(findings, "train").details == ("0.0 h; the paper: 62 h",)
    assert found(findings, "dev").status == "ok"
    assert {one.check for one in findings if one.status == "ok"} >= {"place", "release", "labels", "audio files"}
    assert not any(one.status == "wrong" for one in findings)


def test_the_papers_own_corpus_is_ok(release: CorpusPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    own = Expected(hours=0, utterances=2, speakers=2, female=0.5, per_speaker=(1, 1), transcribed=0.5)
    monkeypatch.setattr("valence_gap.preflight.corpora.EXPECTED", {"msp-podcast": {"test": own}})
    findings = checked(MSP, release)
    assert {one.status for one in findings if one.check != "doubtful"} == {"ok"}
    assert found(findings, "doubtful").found.startswith("train: only 1 rows")


def test_another_release_cannot_be_compared(release: CorpusPaths) -> None:
    findings = checked(replace(MSP, release="1.11"), release)
    finding = found(findings, "release")
    assert (finding.status, "1.11" in finding.found) == ("differs", True)
    assert any("published marks of figures 2, 6 to 9" in line for line in finding.details)
    assert found(findings, "test").status == "ok"  # counts of another release are no fault


def test_a_later_release_that_is_configured_as_the_papers(tmp_path: Path) -> None:
    paths = write_release(tmp_path / "msp", (*ROWS, "MSP-PODCAST_0009_0001.wav,N,,,,9,Male,Test3"))
    finding = found(checked(MSP, paths), "release")
    assert (finding.status, finding.details[0]) == ("differs", "there is a split Test3")
    folder = Path(paths.labels) / "Labels"
    (folder / "labels_concensus.csv").rename(folder / "labels_consensus.csv")
    finding = found(checked(MSP, paths), "release")
    assert "labels_consensus.csv, as from 1.10 on" in finding.details[0]
    assert any("published marks of figures 2, 6 to 9" in line for line in finding.details)


def test_another_test_set_is_not_compared_with_the_papers_counts(release: CorpusPaths, tmp_path: Path) -> None:
    paths = write_release(tmp_path / "two", tuple(row.replace("Test1", "Test2") for row in ROWS))
    corpus = replace(MSP, splits={**MSP.splits, "test": "test-2"})
    assert found(checked(corpus, paths), "test").status == "ok"


@pytest.mark.parametrize(("disjoint", "status"), [(True, "wrong"), (False, "differs")])
def test_a_speaker_in_two_splits(tmp_path: Path, disjoint: bool, status: str) -> None:
    paths = write_release(tmp_path / "msp", (*ROWS, "MSP-PODCAST_0009_0001.wav,N,2.0,4.0,2.6,3,Male,Test1"))
    finding = found(checked(replace(MSP, speakers_disjoint=disjoint), paths), "speakers")
    assert (finding.status, finding.details[0]) == (status, "3")


@pytest.mark.parametrize(("handled", "status"), [("fail", "wrong"), ("keep", "ok"), ("clip", "ok")])
def test_labels_outside_their_scale(tmp_path: Path, handled: str, status: str) -> None:
    paths = write_release(tmp_path / "msp", (*ROWS, "MSP-PODCAST_0009_0001.wav,N,7.5,4.0,2.6,9,Male,Train"))
    finding = found(checked(replace(MSP, out_of_scale=handled), paths), "labels")
    assert finding.status == status
    assert "MSP-PODCAST_0009_0001" in finding.details[0]
    assert finding.found.startswith("1 ")


def test_a_row_without_a_label_and_one_without_audio(release: CorpusPaths, tmp_path: Path) -> None:
    rows = (*ROWS, "MSP-PODCAST_0009_0001.wav,N,,4.0,2.6,9,Male,Train")
    paths = write_release(tmp_path / "other", rows)
    (tmp_path / "other/Audios/MSP-PODCAST_0001_0002.wav").unlink()
    findings = checked(MSP, paths)
    assert found(findings, "labels").status == "differs"
    finding = found(findings, "audio files")
    assert finding.found == "1 of 4 rows without a file, left out"
    assert "MSP-PODCAST_0001_0002" in finding.details[0]


@pytest.mark.parametrize(("lost", "status"), [(2, "wrong"), (1, "differs"), (0, "ok")])
def test_a_corpus_that_is_copied_in_part(tmp_path: Path, lost: int, status: str) -> None:
    rows = tuple(f"MSP-PODCAST_0009_{number:04}.wav,N,2.0,4.0,2.6,9,Male,Train" for number in range(34))
    paths = write_release(tmp_path / "msp", (*ROWS, *rows))
    for number in range(lost):
        (tmp_path / f"msp/Audios/MSP-PODCAST_0009_{number:04}.wav").unlink()
    finding = found(checked(MSP, paths), "audio files")
    assert finding.status == status
    assert not lost or "paths.msp-podcast.audio is a list" in finding.details[-1]
    assert ("corpora.msp-podcast.on_missing_audio: skip" in "".join(finding.details)) == (status == "wrong")
    finding = found(checked(replace(MSP, on_missing_audio="skip"), paths), "audio files")
    assert finding.status == ("differs" if lost else "ok")


def test_mixed_sampling_rates_are_reported_with_examples_and_are_harmless(release: CorpusPaths) -> None:
    assert [one.check for one in checked(MSP, release) if one.check == "sampling rates"] == []
    for number in (1, 2):
        write_audio(Path(release.audio[0]) / f"MSP-PODCAST_0001_000{number}.wav", seconds=2, rate=44_100)
    finding = found(checked(MSP, release), "sampling rates")
    assert (finding.status, finding.found) == ("ok", "2 different rates")
    assert finding.details[:2] == (
        "2 files at 16,000 Hz, among other rates: MSP-PODCAST_0002_0001.wav, MSP-PODCAST_0003_0001.wav",
        "2 files at 44,100 Hz, among other rates: MSP-PODCAST_0001_0001.wav, MSP-PODCAST_0001_0002.wav",
    )
    assert finding.details[2].startswith("Harmless: all are resampled to 16 kHz")


@pytest.mark.parametrize(("handled", "status"), [("fail", "wrong"), ("skip", "differs")])
def test_an_unreadable_header(release: CorpusPaths, handled: str, status: str) -> None:
    write(Path(release.audio[0]) / "MSP-PODCAST_0002_0001.wav", b"no audio")
    findings, speech = examine_corpus("msp-podcast", replace(MSP, on_bad_audio=handled), release, paper=True)
    assert found(findings, "audio headers").status == status
    assert speech["train"].seconds == 0


@pytest.mark.parametrize(("handled", "status"), [("fail", "wrong"), ("skip", "differs")])
def test_truncated_audio_is_found_in_its_header(release: CorpusPaths, handled: str, status: str) -> None:
    for number in (1, 2):
        file = Path(release.audio[0]) / f"MSP-PODCAST_0001_000{number}.wav"
        file.write_bytes(file.read_bytes()[:20_000])  # of 64,044, the first 44 of them header
    findings, speech = examine_corpus("msp-podcast", replace(MSP, on_bad_audio=handled), release, paper=True)
    finding = found(findings, "audio headers")
    assert (finding.status, finding.found) == (status, "2 bad files")
    assert finding.details == (
        "2 truncated audio: MSP-PODCAST_0001_0001.wav: "
        "the file has 19956 of the 64000 bytes that its header announces, "
        "MSP-PODCAST_0001_0002.wav: the file has 19956 of the 64000 bytes that its header announces",
        "Copy the truncated ones again. Repair the files, or set corpora.msp-podcast.on_bad_audio: skip.",
    )
    assert speech["test"].seconds == 0


def test_lengths_are_by_headers_and_unknown_where_a_header_gives_none(release: CorpusPaths) -> None:
    file = Path(release.audio[0]) / "MSP-PODCAST_0002_0001.wav"
    content = audio_lengths.encode("FLAC", audio_lengths.speech_like(2.0, 0))
    file.write_bytes(audio_lengths.with_flac_total(content, 0))
    findings, speech = examine_corpus("msp-podcast", MSP, release, paper=False)
    assert found(findings, "train").found.startswith("1 utterances, 0.0 h by headers (1 without a length), 1 speakers")
    assert found(findings, "test").found.startswith("2 utterances, 0.0 h by headers, 2 speakers")
    assert not [one for one in findings if one.check == "audio headers"]
    assert speech["train"].seconds == 0


def test_what_packing_found_is_shown_by_later_preflights(study: Path) -> None:
    report = Path("results/paper/audio/msp-podcast/clean/test/report.json")
    assert configured(study).results == "results/paper"
    assert "audio as decoded" not in {one.check for one in examine(configured(study))}
    write(report, json.dumps({"remarks": {"silent": {"count": 2, "files": ["a.wav: silent", "b.wav: silent"]}}}))
    finding = found(examine(configured(study)), "audio as decoded")
    assert (finding.status, finding.found) == ("differs", "2 silent")


def test_missing_paths_and_labels_in_another_format(release: CorpusPaths, tmp_path: Path) -> None:
    findings, speech = examine_corpus("msp", MSP, replace(release, audio=(str(tmp_path / "no"),)), paper=True)
    assert [one.status for one in findings] == ["wrong"]
    assert str(tmp_path / "no") in findings[0].details[0]
    assert speech["train"].assumed
    assert speech["train"].seconds == 62 * 3600
    write(Path(release.labels) / "Labels/labels_concensus.csv", "a,b\n1,2\n")
    assert found(checked(MSP, release), "labels").status == "wrong"


def test_noise(tmp_path: Path) -> None:
    assert examine_noise(tmp_path, paper=True).status == "wrong"
    names = {target: f"1-{target}-A-{target}.wav" for target in (10, 20, 30)}
    rows = [f"{name},1,{target},x,False,1,A" for target, name in names.items()]
    write(tmp_path / "meta/esc50.csv", "\n".join(["filename,fold,target,category,esc10,src_file,take", *rows]) + "\n")
    for name in names.values():
        write_audio(tmp_path / "audio" / name)
    assert examine_noise(tmp_path, paper=True).status == "differs"
    assert examine_noise(tmp_path, paper=False) == Finding("noise", "clips", "ok", "1 natural, 1 human, 1 interior")


def test_the_table_has_a_line_for_each_finding_and_a_sum() -> None:
    text = table([Finding("a", "b", "ok", "fine"), Finding("corpus", "labels", "wrong", "bad", ("row 7",))])
    assert text.splitlines() == [
        "status   subject  check   found",
        "ok       a        b       fine",
        "wrong    corpus   labels  bad",
        "         row 7",
        "",
        "1 ok, 0 differs, 1 wrong, 0 unknown",
    ]


# Snakemake leaves a value alone where an empty mapping is put over it; no section of a configuration is both.
mappings = st.recursive(
    st.dictionaries(st.sampled_from("abc"), st.integers() | st.lists(st.integers()) | st.none(), min_size=1),
    lambda inner: st.dictionaries(st.sampled_from("abc"), inner | st.integers(), min_size=1),
    max_leaves=8,
)


@given(mappings, mappings)
def test_files_are_merged_as_snakemake_merges_them(below: dict, above: dict) -> None:
    expected = json.loads(json.dumps(below))
    update_config(expected, above)
    assert merge(below, above) == expected


def test_only_what_the_targets_need_is_checked(study: Path) -> None:
    findings = examine(configured(study))
    assert {one.subject for one in findings} == {"msp-podcast", "w2v2-b", "machine"}


def test_a_wrong_study_is_reported_and_fails(study: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = [ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml", study]
    unpinned = write(tmp_path / "unpinned.yaml", json.dumps({"backbones": {"w2v2-b": {"revision": None}}}))
    with pytest.raises(UserError, match="w2v2-b: weights: facebook/wav2vec2-base is not fetched") as error:
        preflight(merged([*files, unpinned]), json_file=tmp_path / "out.json")
    assert len(error.value.offenders) == 1
    assert "wrong    w2v2-b" in capsys.readouterr().out
    written = json.loads((tmp_path / "out.json").read_text())
    assert {one["status"] for one in written["findings"]} >= {"ok", "wrong", "differs"}
    preflight(merged(files))
    assert "unknown  w2v2-b" in capsys.readouterr().out


def test_the_synthesiser_needs_transcripts(study: Path) -> None:
    figure = {"models": ["w2v2-b", "w2v2-b-frozen"], "corpora": ["msp-podcast"]}
    changed = configured(study, targets=["figure_04"], figures={"figure_04": figure})
    assert found(examine(changed), "msp-podcast", "synthesiser").status == "wrong"
    program = {"kind": "command", "command": ["no-such-program", "{wav}"]}
    changed = configured(study, targets=["figure_04"], figures={"figure_04": figure}, synthesiser=program)
    engine = found(examine(changed), "engine")
    assert (engine.status, engine.details) == ("wrong", ("command: no program no-such-program",))


def test_a_configuration_that_is_no_mapping(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no mapping"):
        merged([write(tmp_path / "list.yaml", "- 1\n")])
    with pytest.raises(UserError, match="cannot be read"):
        merged([tmp_path / "absent.yaml"])


@pytest.mark.parametrize(("option", "value"), [("--card", "abacus")])
def test_assumptions_that_make_no_sense(option: str, value: str) -> None:
    parsed = argparse.ArgumentParser()
    command.register(parsed.add_subparsers())
    arguments = parsed.parse_args(["preflight", "--configfile", "config.yaml", option, value])
    with pytest.raises(UserError, match=option):
        arguments.run(arguments)


def test_a_configuration_that_is_merged_already(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    unpinned = write(study.with_name("unpinned.yaml"), json.dumps({"backbones": {"w2v2-b": {"revision": None}}}))
    config = merged([ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml", study, unpinned])
    assert main(["preflight", "--configuration", json.dumps(config)]) == 2
    assert "wrong    w2v2-b" in capsys.readouterr().out
    for wrong, message in (("{", "--configuration is no JSON"), ("[]", "--configuration is no mapping")):
        assert main(["preflight", "--configuration", wrong]) == 2
        assert message in capsys.readouterr().err


def test_a_miniature_that_is_not_made_yet_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = merged([ROOT / "config.yaml"]) | {"targets": ["figure_06"]}
    findings = examine(load(config))
    assert {one.status for one in findings if one.check in ("place", "clips", "hours")} == {"unknown"}


def test_the_table_of_the_documentation_is_what_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(
        r"^```text\n(status   subject.*?)^```", (ROOT / "docs/preflight.md").read_text(), re.DOTALL | re.MULTILINE
    )
    monkeypatch.setattr(budget, "find_cards", Cards)  # the page's machine has none
    (tmp_path / "workflow").symlink_to(ROOT / "workflow")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError):
        preflight(merged([ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml"]), card="A100", details=True)
    printed = capsys.readouterr().out
    for line in block.splitlines():
        shown = line.split(" of them there, ")[0]  # the rest depends on the machine's disk
        assert shown.removesuffix("...").strip() in printed, line


def test_without_known_speakers_it_is_unknown_whether_splits_share_one(tmp_path: Path) -> None:
    nobody = tuple(row.replace(f",{number},", ",Unknown,") for number, row in enumerate(ROWS, 1))
    finding = found(checked(MSP, write_release(tmp_path / "none", nobody)), "speakers")
    assert finding.status == "unknown"
    assert finding.found == "0 known: whether one is in two splits cannot be checked (4 of 4 utterances have none)"
    finding = found(checked(MSP, write_release(tmp_path / "one", (*ROWS[:3], nobody[3]))), "speakers")
    assert finding.status == "unknown"
    assert finding.found == "3 known, none of them in two splits; not known for 1 of 4 utterances"
    assert found(checked(MSP, write_release(tmp_path / "all")), "speakers").status == "ok"


def test_findings_come_first_and_the_estimates_have_one_line_each_unless_details_are_asked_for(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = merged([ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml", study])
    config["backbones"]["w2v2-b"]["revision"] = None  # one finding that is wrong
    config["figures"]["figure_02"]["seeds"] = "first"  # one that differs
    with pytest.raises(UserError):
        preflight(config, json_file=tmp_path / "brief.json")
    brief = capsys.readouterr().out
    statuses = [line.split()[0] for line in brief.splitlines() if re.match(r"(wrong|differs|ok|unknown) ", line)]
    estimates = [line for line in brief.splitlines() if re.match(r"(ok|unknown) +machine", line)]
    first = statuses[: -len(estimates)]
    assert first == sorted(first, key=["wrong", "differs", "unknown", "ok"].index)
    assert {"wrong", "differs", "ok"} <= set(first)
    shown = brief[brief.index(estimates[0]) :].splitlines()
    assert not any(line.startswith(" ") for line in shown)  # no details
    assert "in a second, measured on one H200" not in brief
    assert re.search(r"differs +cnn14 +seeds +43, ", brief)
    assert "--details" in brief
    with pytest.raises(UserError):
        preflight(config, json_file=tmp_path / "whole.json", details=True)
    assert "in a second, measured on one H200" in capsys.readouterr().out
    findings = [json.loads((tmp_path / name).read_text())["findings"] for name in ("brief.json", "whole.json")]
    assert [len(one["details"]) for one in findings[0]] == [len(one["details"]) for one in findings[1]]


def test_the_configuration_asks_for_details(study: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = merged([ROOT / "config.yaml", ROOT / "workflow/presets/paper.yaml", study])
    for setting in ("details", True):
        with suppress(UserError):
            preflight(config | {"preflight": setting})
        assert ("in a second, measured on one H200" in capsys.readouterr().out) == (setting == "details")


def test_a_first_look_has_what_is_ok_in_one_line_a_subject_and_each_advice_once() -> None:
    findings = [
        Finding("a", "place", "ok", "there", ("a detail",)),
        Finding("a", "labels", "ok", "read"),
        Finding("b", "weights", "unknown", "to be fetched", ("Fetch it.",)),
        Finding("c", "weights", "unknown", "to be fetched too", ("Fetch it.",)),
        Finding("machine", "memory", "ok", "7 GB", ("16 bytes",)),
        Finding("machine", "disk", "wrong", "full", ("Make room.",)),
    ]
    text = table(ordered(shortened(findings)), findings)
    assert "ok       a                 place, labels\n" in text
    assert text.count("Fetch it.") == 1
    assert "a detail" not in text
    assert "16 bytes" not in text
    assert "Make room." in text
    assert text.endswith("3 ok, 0 differs, 1 wrong, 2 unknown")


def test_a_seed_that_no_target_shows_is_named(study: Path) -> None:
    def seeds(**changes: object) -> list[str]:
        return [one.found for one in examine_seeds(configured(study, **changes))]

    more = {"w2v2-b": {"seeds": [42, 43, 44]}, "cnn14": {"seeds": [42]}}
    figure = {"models": ["cnn14", "w2v2-b"], "corpora": ["msp-podcast"]}
    assert seeds(models=more, figures={"figure_02": figure | {"seeds": "all"}}) == []
    assert seeds(models=more, figures={"figure_02": figure | {"seeds": "first"}}) == [
        "43, 44 of models.w2v2-b.seeds: no target shows them, and they are not trained"
    ]


def test_the_stem_takes_no_more_at_once_than_preflight_assumes() -> None:
    assert memory.LONG_S == stem.WHOLE_S


def test_the_memory_of_a_long_utterance_is_named(tmp_path: Path, study: Path) -> None:
    def memory() -> Finding:
        return found(examine(configured(study)), "job memory")

    usual = memory()
    assert "each second" not in " ".join(usual.details)
    write_audio(tmp_path / "msp/Audios/MSP-PODCAST_0001_0001.wav", seconds=2400)
    long = memory()
    assert "msp-podcast, 2,400 s, 18.3 GB" in " ".join(long.details)
    assert long.status == "differs"
    assert "predict" in long.found
    assert any(line.startswith("--set-resources") and "predict:mem_mb=2" in line for line in long.details)
