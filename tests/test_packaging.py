"""What README, Binder, CI and the built wheel promise each other."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from qae_sim.site.address import Address

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
ADDRESS = PROJECT["tool"]["qae_sim"]["repository"]


def readme_line(name: str) -> str:
    """The one line of the fenced block below a marker."""
    found = re.search(rf"<!-- the {name} line -->\n```\n(.*)\n```\n", (ROOT / "README.md").read_text())
    assert found, f"README.md has no {name} line"
    return found.group(1)


def pins() -> dict[str, Requirement]:
    lines = (ROOT / "binder" / "constraints.txt").read_text().splitlines()
    return {canonicalize_name(r.name): r for r in map(Requirement, (x for x in lines if x and not x.startswith("#")))}


class TestReadme:
    def test_the_lines_install_with_the_pins(self) -> None:
        for name in ("lab", "test"):
            line = readme_line(name)
            assert "\n" not in line
            assert "-c binder/constraints.txt" in line

    def test_the_lab_line_needs_no_pytorch(self) -> None:
        assert "-e '.[lab]'" in readme_line("lab")
        assert readme_line("lab").endswith("qae-sim lab")
        assert not any("torch" in requirement for requirement in EXTRAS["lab"] + PROJECT["project"]["dependencies"])

    def test_the_test_line_runs_the_tests(self) -> None:
        assert readme_line("test").endswith("-m pytest -n 2")
        assert re.findall(r"\.\[(.*?)\]", readme_line("test")) == ["lab,lm,trl,docs,compiled,dev"]

    def test_it_is_short(self) -> None:
        assert len((ROOT / "README.md").read_bytes()) <= 10_000

    def test_every_extra_is_explained(self) -> None:
        assert set(EXTRAS) == {
            "lessons",
            "lab",
            "lm",
            "trl",
            "logs",
            "docs",
            "compiled",
            "verl",
            "cuda12",
            "cuda13",
            "bench",
            "dev",
        }
        text = (ROOT / "README.md").read_text()
        assert all(f"`{extra}`" in text for extra in EXTRAS)

    def test_the_example_is_right(self) -> None:
        code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
        assert code
        scope: dict[str, object] = {}
        exec(code.group(1), scope)  # the reader pastes it
        from qae_sim.advantages import grpo, qae

        assert qae(scope["rewards"], k=0.4).round(2).tolist() == [3.02] + [0] * 7
        assert grpo(scope["rewards"]).round(2).tolist() == [2.65] + [-0.38] * 7


class TestPins:
    def test_every_pin_is_exact(self) -> None:
        for pin in pins().values():
            assert [specifier.operator for specifier in pin.specifier] == ["=="], pin

    @pytest.mark.parametrize("extra", ["lessons", "lab", "lm", "trl", "docs", "dev"])
    def test_every_requirement_is_pinned_within_its_range(self, extra: str) -> None:
        pinned = pins()
        for requirement in map(Requirement, EXTRAS[extra] + PROJECT["project"]["dependencies"]):
            if requirement.name == PROJECT["project"]["name"]:
                assert requirement.extras <= EXTRAS.keys()
                continue
            pin = pinned[canonicalize_name(requirement.name)]
            assert requirement.specifier.contains(next(iter(pin.specifier)).version), requirement

    def test_what_is_installed_is_what_is_pinned(self) -> None:
        """In continuous integration the environment is the pinned one."""
        if not os.environ.get("CI"):
            return
        from importlib.metadata import version

        for name in ("numpy", "scipy", "torch", "jupyterlab", "hypothesis"):
            assert pins()[name].specifier.contains(version(name), prereleases=True), name


class TestBinder:
    @pytest.mark.parametrize("script", ["binder/postBuild", "binder/start", ".ci/run"])
    def test_scripts(self, script: str) -> None:
        path = ROOT / script
        assert subprocess.run(["bash", "-n", str(path)], check=False).returncode == 0
        assert "set -euo pipefail" in path.read_text()
        assert os.access(path, os.X_OK)

    def test_every_stage_of_ci_is_listed_and_is_there(self) -> None:
        rows = [row.split() for row in (ROOT / ".ci" / "stages").read_text().splitlines() if row[0] != "#"]
        text = (ROOT / ".ci" / "run").read_text()
        before_lanes = text[: text.index("# --- lanes ---")]
        helpers = {"uv", "core_tests", "interpreter"}
        assert {stage for _, _, stage in rows} == set(re.findall(r"^(\w+)\(\)", before_lanes, re.MULTILINE)) - helpers
        lanes = {lane: sum(int(allowed) for of, allowed, _ in rows if of == lane) for lane in "012"}
        assert lanes["0"] + max(lanes["1"], lanes["2"]) < 45 * 60

    def test_binder_installs_with_the_pins(self) -> None:
        assert "-c binder/constraints.txt -e '.[lab]'" in (ROOT / "binder" / "postBuild").read_text()
        assert (ROOT / "binder" / "start").read_text().rstrip().endswith('exec "$@"')

    def test_binder_brings_the_oldest_python_and_nothing_else(self) -> None:
        lines = (ROOT / "binder" / "environment.yml").read_text().split("dependencies:\n")[1].split("\n")
        assert [line.strip() for line in lines if line] == ["- python=3.11", "- pip"]
        assert PROJECT["project"]["requires-python"] == ">=3.11"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return zipfile.ZipFile(next(out.glob("*.whl")))


class TestWheel:
    def test_it_carries_lessons_settings_and_types(self, wheel: zipfile.ZipFile) -> None:
        names = set(wheel.namelist())
        assert {f"qae_sim/notebooks/{path.name}" for path in (ROOT / "notebooks").glob("*.ipynb")} <= names
        assert "qae_sim/py.typed" in names
        coq = ROOT / "qae_sim" / "theory" / "coq"
        assert {f"qae_sim/theory/coq/{path.name}" for path in [*coq.glob("*.v"), coq / "theorems.toml"]} <= names
        assert "qae_sim/cli/jupyter/labconfig/default_setting_overrides.json" in names
        assert {f"qae_sim/site/{name}" for name in ("lesson.html", "pages/conf.py", "pages/guides/trl.md")} <= names
        assert {f"qae_sim/page/{name}" for name in ("page.html", "page.css", "built/page.js")} <= names
        assert not [name for name in names if name.startswith(("tests/", "qae_sim/page/web/"))]

    def test_its_metadata(self, wheel: zipfile.ZipFile) -> None:
        metadata = wheel.read(next(n for n in wheel.namelist() if n.endswith(".dist-info/METADATA"))).decode()
        assert "License-Expression: BSD-3-Clause" in metadata
        assert "Requires-Python: >=3.11" in metadata
        assert ("Project-URL: Repository, " in metadata) == bool(ADDRESS)


def test_nothing_points_at_one_machine() -> None:
    """No path of somebody's computer, no package index and no host but the public ones."""
    hosts = {"arxiv.org", "download.pytorch.org", "github.com", "127.0.0.1", "localhost"}
    # Of links and badges made from the address.
    hosts |= {"mybinder.org", "colab.research.google.com", "img.shields.io", "owner.github.io", "keepachangelog.com"}
    hosts |= {"cdn.jsdelivr.net", "YOUR.HUB", "class.example"}  # Pyodide, and places to fill in
    hosts |= {"revealjs.com", "hakim.se", "marked.js.org"}  # whom reveal.js thanks in its script
    hosts |= {"www.w3.org"}  # the names of SVG and MathML
    hosts |= {str(urlsplit(link).hostname) for link in (ADDRESS, Address(ADDRESS).site) if link}
    names = ("README.md", "CHANGELOG.md", "CITATION.cff", "pyproject.toml", "LICENSE", ".ci/run")
    files = [ROOT / name for name in names]
    for folder in (".github", "binder", "notebooks", "qae_sim", "tests"):
        files += [
            path
            for path in (ROOT / folder).rglob("*.*")
            if not {"__pycache__", "node_modules", ".made"} & set(path.parts) and path.is_file()
        ]
    for path in files:
        # Archives of arrays say in words what they hold; regular expressions write hosts with backslashes.
        if path.suffix == ".npz":
            words = str(np.load(path)["head"])
        else:
            words = path.read_text(errors="replace" if path.suffix in (".parquet", ".png") else "strict")
        text = words.replace("\\", "")
        if path.name == "package-lock.json":  # says where to thank each package's authors
            text = re.sub(r'"url": "\S+"', "", text)
        assert not re.search(r"(?<![\w.])/(?:work|root|home|Users|opt)/\w|file:/{2,}\w|--find-link[s]", text), path
        assert {host.split(":")[0] for host in re.findall(r"https?://([\w.:-]+)", text)} <= hosts, path
