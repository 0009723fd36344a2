"""What benchmarks write: machine, vector units and versions, whole files, readable by README and the site."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import report

from qae_sim.speed import FOLDER, measurements, page

HERE = Path(__file__).parent


def test_the_machine(tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    lines = (
        "processor: 0",
        "cpu family\t: 6",
        "model\t\t: 85",
        "model name\t: Fast(R) Chip(TM) 9",
        "flags: fpu avx2 avx512f",
    )
    file.write_text("\n".join(lines))
    told = report.machine(file)
    assert told["processor"] == "Fast Chip 9 (cpu family 6, model 85)"
    assert told["vector units"] == "AVX2, AVX-512"
    file.write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert report.machine(file)["vector units"] == "NEON"


def test_a_machine_without_that_file(tmp_path: Path) -> None:
    told = report.machine(tmp_path / "none")
    assert told["processor"]
    assert told["vector units"] == "vector units unknown"


def test_versions_of_what_is_there() -> None:
    assert set(report.versions(["numpy"])) == {"Python", "NumPy"}


@pytest.mark.slow
def test_a_benchmark_writes_its_figures(tmp_path: Path) -> None:
    command = [sys.executable, str(HERE / "bench_import.py"), "--rounds", "1", "--write", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (measured,) = measurements(tmp_path).values()
    assert measured.benchmark == "import"
    assert measured.place in done.stdout
    (rows,) = measured.tables.values()
    assert rows["import numpy"]["times import numpy"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["import.json"]
    assert json.loads((tmp_path / "import.json").read_text()) == measured.to_plain()


def test_stored_figures_belong_to_benchmarks() -> None:
    for name, measured in measurements().items():
        assert measured.benchmark == name
        assert (HERE / f"bench_{name.removesuffix('_cuda')}.py").exists()
        assert measured.place in page()
        assert all(row for rows in measured.tables.values() for row in rows.values())
    assert list(FOLDER.glob("*.json"))
