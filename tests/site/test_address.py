"""The public address: every link follows from it, and nothing points anywhere without it."""

from __future__ import annotations

import ast
import email
import json
import sys
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from packaging.requirements import Requirement

from qae_sim.site import address
from qae_sim.site.address import Address, installed_address

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
NOTEBOOK = "notebooks/lesson.ipynb"
HUB = "https://127.0.0.1"


def links(of: Address) -> list[str]:
    on_one_host = [of.site, of.binder(), of.binder(NOTEBOOK), of.colab(NOTEBOOK)]
    return [*on_one_host, of.hub(NOTEBOOK, HUB), of.install_line, of.source("README.md"), of.edit("README.md")]


def test_without_an_address_nothing_points_anywhere() -> None:
    assert links(Address("")) == [""] * 8
    assert not Address("  ")


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_github(end: str) -> None:
    host = "https://github.com/Owner/name"
    query = {"repo": host, "urlpath": f"lab/tree/name/{NOTEBOOK}", "branch": "main"}
    assert links(Address(host + end)) == [
        "https://owner.github.io/name/",
        "https://mybinder.org/v2/gh/Owner/name/HEAD?urlpath=lab",
        "https://mybinder.org/v2/gh/Owner/name/HEAD?urlpath=lab/tree/notebooks/lesson.ipynb",
        "https://colab.research.google.com/github/Owner/name/blob/HEAD/notebooks/lesson.ipynb",
        f"{HUB}/hub/user-redirect/git-pull?{urlencode(query)}",
        f'%pip install -q "qae_sim[lessons] @ git+{host}"',
        f"{host}/blob/HEAD/README.md",
        f"{host}/edit/main/README.md",
    ]


def test_elsewhere_there_are_sources_alone() -> None:
    elsewhere = links(Address("https://127.0.0.1/owner/name"))
    assert elsewhere[:4] == [""] * 4
    assert all(elsewhere[4:])


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("", ""),
        ("Project-URL: Documentation, https://127.0.0.1/pages\n", ""),
        ("Project-URL: Changes, x\nProject-URL: Repository, https://github.com/o/n\n", "https://github.com/o/n"),
    ],
)
def test_the_metadata_names_it(lines: str, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address, "metadata", lambda name: email.message_from_string(lines))
    assert installed_address() == Address(found)


def test_the_install_line_brings_what_lessons_import() -> None:
    """A line of a notebook, with one requirement that names an extra of this package; and that extra is enough."""
    command, _, given = Address("https://github.com/owner/name").install_line.partition(" -q ")
    assert command == "%pip install"
    requirement = Requirement(given.strip('"'))
    assert requirement.name == PROJECT["name"]
    assert requirement.url == "git+https://github.com/owner/name"
    (extra,) = requirement.extras
    brought = {Requirement(line).name for line in (*PROJECT["dependencies"], *PROJECT["optional-dependencies"][extra])}
    imported = {
        name.split(".")[0]
        for path in (ROOT / "notebooks").glob("*.ipynb")
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]
        if cell["cell_type"] == "code"
        for node in ast.parse("".join(cell["source"])).body  # inside a condition may stand what only some have
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
    }
    assert "numpy" in imported
    assert imported - sys.stdlib_module_names - {"qae_sim"} <= brought


def test_links_to_hubs_and_notebooks_elsewhere_are_well_formed() -> None:
    address = Address("https://github.com/owner/name")
    hub = urlsplit(address.hub(NOTEBOOK, HUB))
    assert hub.path == "/hub/user-redirect/git-pull"  # what nbgitpuller answers to
    assert parse_qs(hub.query, strict_parsing=True) == {
        "repo": ["https://github.com/owner/name"],
        "urlpath": [f"lab/tree/name/{NOTEBOOK}"],
        "branch": ["main"],
    }
    colab = urlsplit(address.colab("notebooks/a b.ipynb"))
    assert (colab.hostname, colab.path) == (
        "colab.research.google.com",
        "/github/owner/name/blob/HEAD/notebooks/a%20b.ipynb",
    )
