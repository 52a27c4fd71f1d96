"""The synthesised test set: transcripts spoken neutrally, so that only the words express emotion (paper, section IV-C).

The paper does not name its engine, so the user selects one: espeak-ng, a VITS or SpeechT5 model, or any program. The
report of the pack contains engine, version and voice.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import soxr

from valence_gap.audio.decoding import AudioError, decode_waveform
from valence_gap.audio.packs import Samples, quantise, write_pack
from valence_gap.definitions.text import Synthesiser
from valence_gap.definitions.values import SAMPLE_RATE_HZ, to_json
from valence_gap.miniature import espeak
from valence_gap.runtime.errors import UserError
from valence_gap.runtime.progress import log_line, progress
from valence_gap.runtime.provenance import run_record

PEAK = 0.98
MAX_PARALLEL_COMMANDS = 4

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Engine:
    """An engine that is ready to use.

    Attributes:
        speak: text -> float32 (samples,) at 16 kHz.
        version: what the record says about it.
        max_parallel: number of utterances that it may speak at the same time.
    """

    speak: Callable[[str], Waveform]
    version: dict[str, Any]
    max_parallel: int = 1


def synthesise(utterances: Path, synthesiser: Synthesiser, output: Path) -> None:
    """Synthesise the transcribed utterances of a split, and write them as a pack.

    Utterances without a transcript are skipped, as are those for which the engine returns silence; both are counted.

    Args:
        utterances: table with id and transcript.
        synthesiser: the engine.
        output: folder of the pack; its ``report.json`` names engine, version and voice.

    Raises:
        UserError: no utterance has a transcript, the definition is incomplete, or the engine fails.
    """
    started = time.monotonic()
    check(synthesiser)
    ids, texts, untranscribed = _read(utterances)
    engine = open_engine(synthesiser)
    silent: list[str] = []
    report: dict[str, Any] = {}

    def blocks() -> Iterator[tuple[str, Samples]]:
        spoken = progress(_spoken(engine, texts), "synthesise", total=len(texts), unit="utterances")
        for identifier, waveform in zip(ids, spoken, strict=True):
            if not waveform.size or not waveform.any():
                silent.append(identifier)
                continue
            yield identifier, quantise(_within_scale(waveform))[0]
        if len(silent) == len(ids):
            raise UserError("the engine returned silence for every transcript", remedy="Try another engine or voice.")
        report.update(_report(synthesiser, engine, untranscribed, silent))
        definition = {"synthesiser": json.loads(to_json(synthesiser))}
        report["run"] = run_record(definition, inputs={"utterances": utterances}, started=started)

    write_pack(output, blocks(), report)
    if silent:
        log_line(f"{len(silent)} of {len(ids)} transcripts are skipped, since the engine returned silence for them")


def check(synthesiser: Synthesiser) -> None:
    """Check that a definition contains what its kind of engine requires.

    Raises:
        UserError: something is missing; the error names all of it.
    """
    wrong = list(synthesiser.errors())
    if wrong:
        raise UserError(
            f"the definition of the {synthesiser.kind} engine is incomplete", wrong, "Add this to the synthesiser."
        )


def open_engine(synthesiser: Synthesiser) -> Engine:
    """Open the engine of a definition.

    Raises:
        UserError: the engine does not exist, or cannot be loaded.
    """
    openers = {"espeak-ng": _open_espeak, "transformers": _open_transformers, "command": _open_command}
    return openers[synthesiser.kind](synthesiser)


def _read(utterances: Path) -> tuple[list[str], list[str], int]:
    """Ids and transcripts without control characters, and how many utterances have none."""
    table = pd.read_parquet(utterances, columns=["id", "transcript"])
    known = table.dropna(subset=["transcript"])
    texts = zip(known["id"].astype("str"), map(espeak.without_controls, map(str, known["transcript"])), strict=True)
    chosen = [(identifier, text) for identifier, text in texts if text.strip()]
    if not chosen:
        raise UserError(
            f"no utterance of {utterances} has a transcript",
            remedy="Add the transcripts to the paths of the corpus, or remove the synthesised condition.",
        )
    return [one for one, _ in chosen], [text for _, text in chosen], len(table) - len(chosen)


def _spoken(engine: Engine, texts: Sequence[str]) -> Iterator[Waveform]:
    if engine.max_parallel == 1:
        yield from map(engine.speak, texts)
        return
    with ThreadPoolExecutor(engine.max_parallel) as pool:
        try:
            for start in range(0, len(texts), 8 * engine.max_parallel):  # limits the waveforms that wait for the writer
                yield from pool.map(engine.speak, texts[start : start + 8 * engine.max_parallel])
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _within_scale(waveform: Waveform) -> Waveform:
    """Scale the whole utterance down if it would clip."""
    peak = float(np.abs(waveform).max())
    return waveform if peak < 1 else waveform * np.float32(PEAK / peak)


def _resampled(waveform: Waveform, rate_hz: int) -> Waveform:
    return np.asarray(soxr.resample(waveform, rate_hz, SAMPLE_RATE_HZ, quality="VHQ"), dtype=np.float32)


def _report(synthesiser: Synthesiser, engine: Engine, untranscribed: int, silent: list[str]) -> dict[str, Any]:
    return {
        "engine": synthesiser.kind,
        "version": engine.version,
        "voice": synthesiser.voice,
        "without_transcript": untranscribed,
        "without_sound": {"count": len(silent), "ids": silent},
    }


def _open_espeak(synthesiser: Synthesiser) -> Engine:
    voice = espeak.Voice(synthesiser.voice, "male", espeak.NOMINAL_PITCH, espeak.NOMINAL_RATE_WPM, "synthesised")

    def speak(text: str) -> Waveform:
        return _resampled(espeak.speak(text, voice, espeak.NEUTRAL), espeak.RATE_HZ)

    return Engine(speak, {"espeakng-loader": metadata.version("espeakng-loader")})


def _open_transformers(synthesiser: Synthesiser) -> Engine:
    from valence_gap.text.synthesis_transformers import load  # the other engines do not need torch

    loaded = load(synthesiser)
    return Engine(lambda text: _resampled(loaded.speak(text), loaded.rate_hz), loaded.version)


def _open_command(synthesiser: Synthesiser) -> Engine:
    program = synthesiser.command[0]
    if shutil.which(program) is None:
        raise UserError("the engine cannot be started", [f"{program}: there is no such program"], "Install it.")

    def speak(text: str) -> Waveform:
        with tempfile.TemporaryDirectory() as folder:
            written, wav = Path(folder) / "text.txt", Path(folder) / "speech.wav"
            written.write_text(text + "\n", encoding="utf-8")
            places = {"{text_file}": str(written), "{wav}": str(wav)}
            _run(_filled(synthesiser.command, places), text + "\n", synthesiser.timeout_s)
            return _decoded(wav, program)

    version: dict[str, Any] = {"command": list(synthesiser.command)}
    if synthesiser.version_command:
        version["printed"] = _run(synthesiser.version_command, "", synthesiser.timeout_s).strip()
    return Engine(speak, version, max_parallel=MAX_PARALLEL_COMMANDS)


def _filled(command: Sequence[str], places: dict[str, str]) -> list[str]:
    filled = []
    for part in command:
        for name, path in places.items():
            part = part.replace(name, path)
        filled.append(part)
    return filled


def _run(command: Sequence[str], text: str, timeout_s: float) -> str:
    try:
        done = subprocess.run(list(command), input=text.encode(), capture_output=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UserError("the engine failed", [f"{command[0]}: {error}", f"text: {text.strip()}"]) from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise UserError(f"the engine failed with exit status {done.returncode}", [*said, f"text: {text.strip()}"])
    return done.stdout.decode(errors="replace")


def _decoded(wav: Path, program: str) -> Waveform:
    if not wav.is_file():
        raise UserError("the engine failed", [f"{program} reported no error, but wrote no {{wav}}"])
    try:
        return decode_waveform(wav)
    except AudioError as error:
        if error.kind == "empty":
            return np.zeros(0, dtype=np.float32)
        raise UserError("the engine wrote audio that cannot be read", [f"{program}: {error}"]) from error
