import errno
import fcntl
import os
import re
import shutil
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest

from valence_gap import cli
from valence_gap.runtime import gpus, precision
from valence_gap.runtime.errors import UserError

ROOT = Path(__file__).parents[3]
RULES = ROOT / "workflow" / "rules"


def test_gpus_have_the_same_names_as_in_cuda():
    assert gpus.requested_gpus({}) == []
    assert gpus.requested_gpus({"VALENCE_GAP_GPUS": " "}) == []
    assert gpus.requested_gpus({"VALENCE_GAP_GPUS": "0, 2,GPU-5f3a"}) == ["0", "2", "GPU-5f3a"]


@pytest.mark.parametrize(
    ("system", "processor", "unused"),
    [("darwin", "arm64", True), ("darwin", "x86_64", False), ("linux", "arm64", False)],
)
def test_a_user_of_a_mac_sees_once_that_its_gpu_is_not_used(monkeypatch, capsys, system, processor, unused):
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(gpus.platform, "machine", lambda: processor)
    monkeypatch.setattr(precision.torch.cuda, "is_available", lambda: False)
    precision._report_unused_gpu.cache_clear()
    devices = [precision.device(), precision.device()]
    precision._report_unused_gpu.cache_clear()
    assert [each.type for each in devices] == ["cpu", "cpu"]
    assert capsys.readouterr().err.count("Apple's GPU (MPS) is not used") == unused


@pytest.mark.parametrize("text", ["0,,1", "0,0", ","])
def test_a_wrong_list_is_refused(text):
    with pytest.raises(UserError, match="VALENCE_GAP_GPUS"):
        gpus.requested_gpus({"VALENCE_GAP_GPUS": text})


def test_without_gpus_nothing_is_claimed_or_changed(tmp_path, monkeypatch):
    monkeypatch.delenv("VALENCE_GAP_GPUS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    with gpus.acquire_gpu(locks=tmp_path / "locks") as gpu:
        assert gpu is None
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "7"
    assert not (tmp_path / "locks").exists()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_simultaneous_holders_get_different_gpus(tmp_path, count):
    names = [str(index) for index in range(count)]
    with ExitStack() as held:
        claimed = [held.enter_context(gpus.acquire_gpu(names, tmp_path)) for _ in names]
        assert claimed == names
    with gpus.acquire_gpu(names, tmp_path) as gpu:
        assert gpu == "0"


def test_only_the_claimed_gpu_is_visible_in_the_block_and_the_environment_is_restored(tmp_path, monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with gpus.acquire_gpu(["3"], tmp_path):
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert "CUDA_VISIBLE_DEVICES" not in os.environ


def test_a_gpu_is_free_again_after_an_error(tmp_path):
    with pytest.raises(RuntimeError), gpus.acquire_gpu(["0"], tmp_path):
        raise RuntimeError
    with gpus.acquire_gpu(["0"], tmp_path) as gpu:
        assert gpu == "0"


def test_a_process_waits_until_a_gpu_is_free(tmp_path, monkeypatch):
    held = gpus.acquire_gpu(["0"], tmp_path)
    held.__enter__()
    monkeypatch.setattr(gpus, "ASK_EVERY_S", 0.01)
    claimed = []

    def wait() -> None:
        with gpus.acquire_gpu(["0"], tmp_path) as gpu:
            claimed.append(gpu)

    waiting = threading.Thread(target=wait)
    waiting.start()
    waiting.join(0.2)
    assert claimed == []
    held.__exit__(None, None, None)
    waiting.join(10)
    assert claimed == ["0"]


def test_the_gpu_of_a_killed_process_is_free_again(tmp_path):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom valence_gap.runtime.gpus import acquire_gpu\n"
        "with acquire_gpu(['0', '1'], Path(sys.argv[1])) as gpu:\n    print(gpu, flush=True)\n    time.sleep(600)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "0\n"
        with gpus.acquire_gpu(["0", "1"], tmp_path) as gpu:
            assert gpu == "1"
    finally:
        holder.kill()
        holder.communicate()
    with gpus.acquire_gpu(["0", "1"], tmp_path) as gpu:
        assert gpu == "0"


def test_jobs_that_snakemake_runs_at_once_get_different_gpus(tmp_path, monkeypatch):
    """Two of three jobs end only when both hold a GPU; the third one has to wait for a free GPU."""
    (tmp_path / "hold.py").write_text(
        "import sys, time\nfrom pathlib import Path\nfrom valence_gap.runtime.gpus import acquire_gpu\n"
        "with acquire_gpu(locks=Path('locks')) as gpu:\n"
        "    Path(sys.argv[1]).with_suffix('.held').touch()\n"
        "    while len(list(Path('.').glob('*.held'))) < 2:\n        time.sleep(0.05)\n"
        "Path(sys.argv[1]).write_text(gpu)\n"
    )
    (tmp_path / "Snakefile").write_text(
        "rule all:\n    input: 'a', 'b', 'c'\n"
        "rule hold:\n    output: '{name,[abc]}'\n    resources: gpu=1\n"
        f"    shell: '{sys.executable} hold.py {{output}}'\n"
    )
    shutil.copytree(ROOT / "profiles" / "workstation", tmp_path / "profiles" / "workstation")
    monkeypatch.setenv("VALENCE_GAP_GPUS", "4,7")
    options = ("--cores", "3", "--workflow-profile", "profiles/workstation")
    subprocess.run([sys.executable, "-m", "snakemake", *options], cwd=tmp_path, check=True, timeout=300)
    got = [(tmp_path / name).read_text() for name in "abc"]
    assert set(got) == {"4", "7"}


def test_the_commands_that_claim_a_gpu_are_those_of_the_rules_with_a_gpu():
    blocks = [block for path in RULES.glob("*.smk") for block in re.split(r"^rule ", path.read_text(), flags=re.M)]
    with_gpu = {name for block in blocks if "gpu=1" in block for name in re.findall(r"valence-gap ([\w-]+)", block)}
    assert with_gpu == gpus.GPU_COMMANDS


@pytest.mark.parametrize(("command", "expected"), [("train", "4"), ("score", None)])
def test_the_command_line_claims_a_gpu_only_for_these_commands(monkeypatch, tmp_path, command, expected):
    seen = []

    def run(_: object) -> None:
        seen.append(os.environ.get("CUDA_VISIBLE_DEVICES"))

    class Parser:
        def parse_args(self, arguments):
            return SimpleNamespace(command=command, run=run)

    monkeypatch.setattr(cli, "parser", Parser)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setenv("VALENCE_GAP_GPUS", "4")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert cli.main([command]) == 0
    assert seen == [expected]


def test_a_folder_without_locks_is_named(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(UserError, match=re.escape(str(tmp_path))) as refused, gpus.acquire_gpu(["0"], tmp_path):
        pass
    assert "TMPDIR" in refused.value.remedy


def test_a_gpu_is_seen_by_its_device_file(tmp_path: Path) -> None:
    assert not gpus.has_gpu(tmp_path)
    (tmp_path / "nvidiactl").touch()  # the driver alone
    assert not gpus.has_gpu(tmp_path)
    for name in ("nvidia0", "kfd"):
        (tmp_path / name).touch()
        assert gpus.has_gpu(tmp_path)
        (tmp_path / name).unlink()
