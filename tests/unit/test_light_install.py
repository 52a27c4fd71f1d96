"""`pip install .` brings what prediction needs and no more: a wheel in an environment of its required packages alone.

Nothing is downloaded. The packages that the wheel requires, and those that these require, are linked from the
environment of the tests; all others are absent.
"""

import os
import re
import shutil
import subprocess
import sys
import venv
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest
import soundfile
from packaging.requirements import Requirement
from small_models import make_backbone, training

from valence_gap.models import loading
from valence_gap.runtime.extras import STUDY

ROOT = Path(__file__).parents[2]
PARTS = ("src", "pyproject.toml", "README.md", "LICENSE", "workflow/presets")


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel from a copy of its sources."""
    source = folder / "source"
    for part in PARTS:
        target = source / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(
                ROOT / part, target, symlinks=True, ignore=shutil.ignore_patterns("*.egg-info", "__pycache__")
            )
        else:
            shutil.copyfile(ROOT / part, target)
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, source)
    (wheel,) = folder.glob("*.whl")
    return wheel


def pip(*arguments: object) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *map(str, arguments)], check=True)


def required(names: set[str]) -> dict[str, Distribution]:
    """Return the named packages and all that they require here, by name."""
    found: dict[str, Distribution] = {}
    waiting = sorted(names)
    while waiting:
        name = re.sub(r"[-_.]+", "-", waiting.pop()).lower()
        if name in found:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            pytest.fail(f"{name} is required, but is not in the lock file")
        waiting += names_of(found[name].requires or ())
    return found


def names_of(requirements: object) -> list[str]:
    parsed = map(Requirement, requirements)  # type: ignore[call-overload]
    return [each.name for each in parsed if each.marker is None or each.marker.evaluate({"extra": ""})]


def link(package: Distribution, site: Path) -> None:
    """Link the modules and the record of an installed package into another environment."""
    for top in {file.parts[0] for file in package.files or ()} - {".."}:
        target = site / top
        if not target.exists() and top != "__pycache__":
            target.symlink_to(Path(str(package.locate_file(top))))


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of the light environment."""
    folder = tmp_path_factory.mktemp("light")
    wheel = build_wheel(folder)
    environment = folder / "venv"
    venv.create(environment, with_pip=False)
    (site,) = environment.glob("lib/python*/site-packages")
    pip("--python", environment / "bin/python", "install", "--no-deps", "--no-index", wheel)
    (metadata,) = site.glob("valence_gap-*.dist-info/METADATA")
    for package in required(set(names_of(Distribution.at(metadata.parent).requires))).values():
        link(package, site)
    return environment / "bin"


def run(program: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, env=environment)


def test_it_scores_a_file_without_the_packages_of_a_study(light: Path, tmp_path: Path) -> None:
    make_backbone(tmp_path / "backbone")
    loading.build(training(precision="fp32"), tmp_path / "backbone").save(tmp_path / "model")
    soundfile.write(tmp_path / "a.wav", np.random.default_rng(0).uniform(-0.3, 0.3, 8_000), 16_000)
    options = ("--model", tmp_path / "model", "--embeddings", tmp_path / "states.parquet")
    done = run(light / "valence-gap", "predict", tmp_path / "a.wav", *options)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 2), done.stderr
    assert (tmp_path / "states.parquet").is_file()
    code = "import importlib.util as u, sys; print([name for name in sys.argv[1:] if u.find_spec(name)])"
    # Required by transformers (tokenizers; rich, markdown_it) and by PyTorch (jinja2).
    absent = [name for name in STUDY if name not in ("tokenizers", "rich", "markdown_it", "jinja2")]
    assert run(light / "python", "-c", code, *absent).stdout.strip() == "[]"


def test_it_knows_the_released_model_and_what_a_study_needs(light: Path, tmp_path: Path) -> None:
    code = "from valence_gap.weights.released import released_model; print(released_model()[1].source)"
    assert run(light / "python", "-c", code).stdout.strip() == "audeering/wav2vec2-large-robust-12-ft-emotion-msp-dim"
    given = ("--predictions", "m:1:c=x.parquet", "--embeddings", "m:1:c=x.npy", "--labels", "c=x.parquet")
    given += ("--utterances", "c=y.parquet", "--evaluation", '{"bootstrap": 10}', "--output", str(tmp_path / "s.csv"))
    done = run(light / "valence-gap", "measure-separation", *given)
    assert done.returncode == 2
    assert "pip install 'valence-gap[study]'" in done.stderr
