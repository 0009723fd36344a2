"""Binder: what repo2docker makes of the binder folder, by its own code and without Docker."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

repo2docker = pytest.importorskip("repo2docker.app")

ROOT = Path(__file__).parents[1]


@pytest.fixture
def dockerfile(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(ROOT)
    app = repo2docker.Repo2Docker()
    for kind in app.buildpacks:
        pack = kind(app.base_image)
        pack.platform = "linux/amd64"
        if pack.detect():
            assert type(pack).__name__ == "CondaBuildPack"
            return str(pack.render({}))
    raise AssertionError("no build pack")


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


def test_sessions_use_one_thread_and_no_torch() -> None:
    start = (ROOT / "binder" / "start").read_text()
    assert "OMP_NUM_THREADS=1" in start
    assert start.rstrip().endswith('exec "$@"')
    assert "torch" not in (ROOT / "binder" / "postBuild").read_text()
    assert "torch" not in (ROOT / "binder" / "environment.yml").read_text()
