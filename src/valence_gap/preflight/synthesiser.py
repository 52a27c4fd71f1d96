"""The speech synthesiser: whether its parts are on this machine."""

import shutil
from importlib import util
from pathlib import Path

from valence_gap.definitions.text import Synthesiser


def missing_parts(synthesiser: Synthesiser) -> list[str]:
    """Return the parts of the engine that are missing on this machine, one line each; no speech is synthesised."""
    if synthesiser.kind == "espeak-ng":
        return [] if util.find_spec("espeakng_loader") else ["the package espeakng-loader is not installed"]
    if synthesiser.kind == "command":
        program = synthesiser.command[0]
        return [] if shutil.which(program) else [f"command: no program {program}"]
    parts = {"model": synthesiser.model, "vocoder": synthesiser.vocoder, "speaker": synthesiser.speaker}
    return [f"{key}: nothing at {path}" for key, path in parts.items() if path and not Path(path).exists()]
