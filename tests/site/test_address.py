"""The public address: every link follows from it, and nothing points anywhere without it."""

from __future__ import annotations

import email
from urllib.parse import urlencode

import pytest

from qae_sim.site import address
from qae_sim.site.address import Address, installed_address

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
