"""No foreign input is executed: no shell gets it unquoted, nothing is unpickled, no transcript is a command."""

import ast
import re
import sys
from pathlib import Path

import pandas as pd
import pytest
from corruption import NASTY

from valence_gap.audio.packs import open_pack
from valence_gap.definitions.text import Synthesiser
from valence_gap.text.synthesis import synthesise

ROOT = Path(__file__).parents[2]
NUMBERS = {"threads", "params.seed"}  # Snakemake and the types of the configuration ensure that these are numbers
BLOCK = re.compile(r'shell:\s*r?(?:"""(.*?)"""|((?:"[^"\n]*"\s*)+))', re.DOTALL)
VALUE = re.compile(r"(?<!\{)\{([^{}]+)\}(?!\})")
FORBIDDEN = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal", "cloudpickle"}
BUILT_IN = {"eval", "exec", "compile"}
SAFE_LOADER = {"yaml", "SafeLoader", "CSafeLoader", "if", "else", "__with_libyaml__"}  # the words of its expression
RUNNING = {"system", "popen", "read_pickle", "unsafe_load", "full_load"}


def values(text):
    return [value for block in BLOCK.finditer(text) for value in VALUE.findall(block[1] or block[2])]


def test_the_check_of_shell_blocks_finds_what_is_not_quoted():
    assert values('shell:\n    """\n    run {input} {wildcards.x:q} {{a}}\n    """') == ["input", "wildcards.x:q"]
    assert values('shell:\n    "run {input} "\n    "{output:q}"') == ["input", "output:q"]


def test_every_value_in_a_shell_block_is_quoted_or_a_number():
    files = [ROOT / "Snakefile", *sorted((ROOT / "workflow").rglob("*.smk"))]
    found = [(file.name, value) for file in files for value in values(file.read_text())]
    assert len(found) > 100
    assert [each for each in found if not each[1].endswith(":q") and each[1] not in NUMBERS] == []


def called(node):
    """Return the last part of a call's name, the whole name, and the keyword arguments."""
    whole = ast.unparse(node.func)
    return whole.rpartition(".")[2], whole, {word.arg: ast.unparse(word.value) for word in node.keywords}


def offences(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {
                (getattr(node, "module", "") or "").split(".")[0]
            }
            yield from (f"{node.lineno}: import {name}" for name in names & FORBIDDEN)
        if isinstance(node, ast.Call):
            name, whole, words = called(node)
            bad = name in RUNNING or whole in BUILT_IN
            bad |= words.get("shell", "False") != "False" or "trust_remote_code" in words
            bad |= whole == "torch.load" and words.get("weights_only") != "True"
            bad |= whole in ("np.load", "numpy.load") and words.get("allow_pickle") != "False"
            loaders = set(re.findall(r"\w+", words.get("Loader", "")))
            bad |= whole == "yaml.load" and not {"SafeLoader"} <= loaders <= SAFE_LOADER
            if bad:
                yield f"{node.lineno}: {ast.unparse(node)}"


def test_the_check_of_the_source_finds_what_is_forbidden():
    bad = "import pickle\nnp.load(x)\ntorch.load(x)\nsubprocess.run(x, shell=True)\nos.system(x)\neval(x)\nyaml.load(x)"
    bad += (
        "\nyaml.load(x, Loader=yaml.Loader)\nyaml.load(x, yaml.SafeLoader)\nyaml.load(x, Loader=own or yaml.SafeLoader)"
    )
    assert len(list(offences(ast.parse(bad)))) == 10
    faster = "yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader"
    good = f"yaml.load(x, Loader=yaml.SafeLoader)\nyaml.load(x, Loader={faster})"
    assert list(offences(ast.parse(good))) == []


def test_the_source_unpickles_and_evaluates_nothing():
    files = sorted((ROOT / "src").rglob("*.py"))
    assert len(files) > 100
    assert [f"{file.name}:{each}" for file in files for each in offences(ast.parse(file.read_text()))] == []


ECHO = """
import json, pathlib, sys, wave
wav, file, record = sys.argv[1:]
texts = [pathlib.Path(file).read_text(encoding="utf-8"), sys.stdin.buffer.read().decode()]
with open(record, "a", encoding="utf-8") as stream:
    stream.write(json.dumps([sys.argv[1:], texts]) + "\\n")
with wave.open(wav, "wb") as out:
    out.setnchannels(1), out.setsampwidth(2), out.setframerate(16000)
    out.writeframes(b"\\0\\1" * 100)
"""


def test_a_transcript_is_no_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    texts = [text for text in NASTY if text.strip() and len(text) < 100][:24]
    texts += ["{wav}", "{text_file}", "--output=x", "; touch pwned", "$(touch pwned)", "`touch pwned`", "| touch pwned"]
    table = pd.DataFrame({"id": [str(index) for index in range(len(texts))], "transcript": texts})
    table.to_parquet(tmp_path / "utterances.parquet", index=False)
    (tmp_path / "echo.py").write_text(ECHO)
    command = (sys.executable, "-S", str(tmp_path / "echo.py"), "{wav}", "{text_file}", str(tmp_path / "record"))
    synthesise(tmp_path / "utterances.parquet", Synthesiser(kind="command", command=command), tmp_path / "pack")
    lines = [ast.literal_eval(line) for line in (tmp_path / "record").read_text(encoding="utf-8").splitlines()]
    printable = [re.sub(r"[\x00-\x1f\x7f-\x9f]", " ", text) for text in texts]
    assert sorted(received[1] for _, received in lines) == sorted(text + "\n" for text in printable if text.strip())
    for arguments, _ in lines:
        assert [Path(each).name for each in arguments] == ["speech.wav", "text.txt", "record"]
    assert not list(tmp_path.rglob("pwned"))


def spoken(folder, *texts):
    """Synthesise each text and return its duration in seconds; 0 for a text that gives no audio."""
    table = pd.DataFrame({"id": [str(index) for index in range(len(texts))], "transcript": texts})
    table.to_parquet(folder / "utterances.parquet", index=False)
    synthesise(folder / "utterances.parquet", Synthesiser(), folder / "pack")
    pack = open_pack(folder / "pack")
    durations_s = dict(zip(pack.ids, pack.durations_s, strict=True))
    return [durations_s.get(identifier, 0.0) for identifier in table["id"]]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a\x00b", "a b"),
        ("it was good\0 and the rest was very bad indeed", "it was good and the rest was very bad indeed"),
        ("hello\x01\x1bthere", "hello there"),
        ("\x0110S hello", "10S hello"),  # after SOH: speak at ten words a minute
        ("hello\r\nthere\x7f", "hello there"),
        ("[[h@'loU]]", "[h@'loU]"),  # phonemes, to espeak-ng's own program
    ],
)
def test_the_synthesiser_of_the_miniature_reads_no_commands_in_a_text(tmp_path, text, words):
    as_text, as_words = spoken(tmp_path, text, words)
    assert as_text == as_words > 0


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<audio src='/etc/passwd'/>", "audio src etc passwd"),
        ("<break time='9s'/>", "break time nine s"),
        ("[[hello]]", "hello"),
        ("[[h@'loU]]", "h at low"),
        ("-f /etc/passwd", "f etc passwd"),
    ],
)
def test_the_synthesiser_of_the_miniature_reads_markup_as_words(tmp_path, text, words):
    as_text, as_words = spoken(tmp_path, text, words)
    assert as_text >= as_words > 0


@pytest.mark.parametrize("text", ["\u202e", "\x00", "\x01 \x1b"])
def test_text_without_words_gives_no_audio(tmp_path, text):
    nothing, word = spoken(tmp_path, text, "hello")
    assert (nothing, word > 0) == (0.0, True)
