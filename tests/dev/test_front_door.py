"""README, CITATION.cff, templates and workflows: links resolve, and what they call exists."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from qae_sim.cli import main as qae_sim_command

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
DOCUMENTS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(GITHUB.rglob("*.md"))]
by_file = {"ids": lambda path: path.name}


@pytest.mark.parametrize("path", DOCUMENTS, **by_file)
def test_links_resolve(path: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", path.read_text())
    for link in links:
        if not link.startswith("https://"):
            assert (path.parent / link.partition("#")[0]).exists(), link
    if path.name in ("README.md", "CONTRIBUTING.md"):
        assert links


@pytest.mark.parametrize("path", DOCUMENTS, **by_file)
def test_commands_exist(path: Path) -> None:
    for command in re.findall(r"`(?:\S*/)?qae-sim ([a-z]+)", path.read_text()):
        assert command in qae_sim_command.commands, command
    for script in re.findall(r"python (tests/benchmarks/bench_[a-z]+\.py)", path.read_text()):
        assert (ROOT / script).exists(), script


def test_citation() -> None:
    content = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors", "version", "license"} <= set(content)
    assert content["license"] == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["license"]
    assert str(content["version"]) in (ROOT / "qae_sim" / "__init__.py").read_text()


def test_the_changelog_is_open() -> None:
    heads = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert heads[0] == "Unreleased"


@pytest.mark.parametrize("path", sorted((GITHUB / "ISSUE_TEMPLATE").iterdir()), **by_file)
def test_issue_templates(path: Path) -> None:
    content = yaml.safe_load(path.read_text())
    assert {"name", "description", "body"} <= set(content)
    ids = [item["id"] for item in content["body"]]
    assert len(set(ids)) == len(ids)
    for item in content["body"]:
        assert item["type"] in ("textarea", "input", "dropdown", "checkboxes", "markdown")
        assert item["attributes"]["label"]
    assert any(item.get("validations", {}).get("required") for item in content["body"])


def steps(name: str) -> list[dict[str, Any]]:
    content = yaml.safe_load((GITHUB / "workflows" / name).read_text())
    assert content[True]  # YAML 1.1 reads the key "on" so
    (job,) = content["jobs"].values()
    return list(job["steps"])


@pytest.mark.parametrize("path", sorted((GITHUB / "workflows").iterdir()), **by_file)
def test_workflows_call_what_exists(path: Path) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for step in steps(path.name):
        assert ("uses" in step) != ("run" in step)
        for part in re.split(r"&&|\n", step.get("run", "")):
            words = shlex.split(part)
            if words[:1] == ["bash"]:
                assert (ROOT / words[1]).exists(), words
            elif words[:1] == ["qae-sim"]:
                assert words[1] in qae_sim_command.commands
            elif "install" in words and "-e" in words:
                wanted = re.fullmatch(r"\.\[(.*)\]", words[words.index("-e") + 1])
                assert wanted
                assert set(wanted.group(1).split(",")) <= set(extras)
                assert (ROOT / words[words.index("-c") + 1]).exists()


def test_workflows_do_what_they_are_for() -> None:
    assert "bash .ci/run" in [step.get("run") for step in steps("ci.yml")]
    pages = steps("pages.yml")
    (written,) = (step["run"].split()[2] for step in pages if step.get("run", "").startswith("qae-sim site"))
    (uploaded,) = (step["with"]["path"] for step in pages if "upload-pages-artifact" in step.get("uses", ""))
    assert written == uploaded
    assert any("deploy-pages" in step.get("uses", "") for step in pages)


NUMBER = r"(?:\d+(?:[.,]\d+)*|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|a few|half an?|an)"
COUNTED = r"(?:claims|findings|estimators|lessons|explorers|seeds|(?:million )?parameters|hours?|seconds|cores)"
#: Figures that a command can compute: counts of what is registered, sizes of models, times, and ratios of times.
TYPED = re.compile(rf"\b{NUMBER} {COUNTED}\b|\b\d[\d.]* (?:times as|ms\b|s on\b)")


def prose(path: Path) -> str:
    """The text of a document without what is generated; of a notebook, that of its Markdown cells."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        text = "\n".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "markdown")
    return " ".join(re.sub(r"<!-- generated: .*?<!-- end -->", "", text, flags=re.DOTALL).split())


WRITTEN = [
    *(ROOT / "README.md", GITHUB / "CONTRIBUTING.md"),
    *sorted((ROOT / "qae_sim" / "site" / "pages").rglob("*.md")),
    *sorted((ROOT / "notebooks").glob("*.ipynb")),
]


@pytest.mark.parametrize("path", WRITTEN, **by_file)
def test_no_figure_is_typed_that_a_command_computes(path: Path) -> None:
    assert TYPED.findall(prose(path)) == []


def test_help_has_no_figure_that_a_command_computes() -> None:
    for name, command in qae_sim_command.commands.items():
        texts = [command.help or "", *(getattr(param, "help", None) or "" for param in command.params)]
        assert TYPED.findall(" ".join(" ".join(texts).split())) == [], name


@pytest.mark.parametrize(
    "text", ["over five seeds", "164 claims", "in an hour and a half", "0.8 million parameters", "2.6 times as fast"]
)
def test_typed_figures_are_found(text: str) -> None:
    assert TYPED.findall(text)
