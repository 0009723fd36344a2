"""Binder: what repo2docker makes of the binder folder, by its own code and without Docker."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("repo2docker.app")

from binder_image import build_pack

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dockerfile(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(ROOT)
    pack = build_pack()
    assert type(pack).__name__ == "CondaBuildPack"
    return str(pack.render({}))


def test_it_is_rendered_from_the_binder_folder(dockerfile: str) -> None:
    assert "binder/environment.yml" in dockerfile
    assert "binder/postBuild" in dockerfile
    assert "binder/start" in dockerfile


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_scripts_stop_at_errors(name: str) -> None:
    path = ROOT / "binder" / name
    text = path.read_text()
    assert text.startswith("#!/usr/bin/env bash")
    assert "set -euo pipefail" in text
    assert os.access(path, os.X_OK)


def test_steps_and_start_are_those_of_the_binder_folder() -> None:
    """What tests/benchmarks/bench_binder.py makes and starts."""
    pack = build_pack()
    assert pack.get_post_build_scripts() == ["binder/postBuild"]
    assert pack.get_start_script() == "${REPO_DIR}/binder/start"


def test_a_session_has_the_settings_of_the_lab_and_ends_kernels_that_nobody_looks_at(tmp_path: Path) -> None:
    """As `binder/start` sets them, wherever it is called."""
    code = (
        "import json, sys; from jupyter_core.paths import jupyter_config_path; print(json.dumps(jupyter_config_path()))"
    )
    command = [str(ROOT / "binder" / "start"), sys.executable, "-c", code]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    folders = [Path(folder) for folder in json.loads(done.stdout)]
    assert folders[:2] == [ROOT / "binder" / "jupyter", ROOT / "qae_sim" / "cli" / "jupyter"]
    settings = json.loads((folders[0] / "jupyter_server_config.json").read_text())
    assert 0 < settings["MappingKernelManager"]["cull_idle_timeout"] <= 60
    assert (folders[1] / "jupyter_server_config.py").exists()


def test_the_kernel_that_is_idle_longest_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that works never does."""
    kernelmanager = pytest.importorskip("jupyter_server.services.kernels.kernelmanager")
    config = pytest.importorskip("traitlets.config").Config()
    path = ROOT / "binder" / "jupyter" / "jupyter_server_config.py"
    settings = runpy.run_path(str(path), {"get_config": lambda: config})
    running: dict[str, str] = {}
    ended: list[str] = []

    async def start(self: object, **options: str) -> str:
        running[options["kernel_id"]] = "idle"
        return options["kernel_id"]

    async def end(self: object, kernel: str) -> None:
        ended.append(kernel)
        del running[kernel]

    def kernels(self: object) -> list[dict[str, str]]:
        return [{"id": id, "last_activity": id, "execution_state": state} for id, state in running.items()]

    monkeypatch.setattr(kernelmanager.AsyncMappingKernelManager, "start_kernel", start)
    monkeypatch.setattr(config.ServerApp.kernel_manager_class, "shutdown_kernel", end)
    monkeypatch.setattr(config.ServerApp.kernel_manager_class, "list_kernels", kernels)
    manager = config.ServerApp.kernel_manager_class()
    for number in range(settings["MOST"]):
        asyncio.run(manager.start_kernel(kernel_id=f"{number:02d}"))
    assert ended == []
    running["00"] = "busy"
    for number in range(settings["MOST"], settings["MOST"] + 2):
        asyncio.run(manager.start_kernel(kernel_id=f"{number:02d}"))
    assert ended == ["01", "02"]
    assert len(running) == settings["MOST"]


def test_sessions_use_one_thread_and_no_torch() -> None:
    start = (ROOT / "binder" / "start").read_text()
    assert "OMP_NUM_THREADS=1" in start
    assert start.rstrip().endswith('exec "$@"')
    assert "torch" not in (ROOT / "binder" / "postBuild").read_text()
    assert "torch" not in (ROOT / "binder" / "environment.yml").read_text()
