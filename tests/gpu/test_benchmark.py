"""The benchmark of a GPU on a GPU, with small networks: that it finds kernels, launches and the peak of the memory."""

import json
import subprocess
import sys
from pathlib import Path

import gpu as benchmark
import pytest
import torch


def test_the_benchmark_measures_what_the_gpu_does(
    gpu: torch.device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VALENCE_GAP_GPUS", raising=False)
    command = [sys.executable, benchmark.__file__, "--tiny", "--only", "machine,large,cnn14", "--output", str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    (path,) = tmp_path.glob("gpu-*.json")
    found = json.loads(path.read_text())["after"]
    assert found["about"]["card"] == torch.cuda.get_device_name()
    rows = {each["section"]: each["rows"] for each in found["sections"]}
    assert set(rows["machine"]["large products"]) == {"bf16_tflops", "fp32_tflops", "tf32_tflops"}
    for section in ("large", "cnn14"):
        profile = rows[section]["profiled steps"]
        assert profile["launches"] > 0
        assert profile["kernels"] > 0
        assert 0 < profile["busy"] <= 1.5  # small networks: the profile and the time are of different runs
        assert 0 < rows[section]["memory"]["peak_gb"] <= rows[section]["memory"]["reserved_gb"]
