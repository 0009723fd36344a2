"""The public address: every link follows from it, and nothing points anywhere without it."""

from __future__ import annotations

import email

import pytest

from qae_sim.site import address
from qae_sim.site.address import Address, installed_address

NOTEBOOK = "notebooks/00_index.ipynb"


def links(of: Address) -> list[str]:
    return [of.site, of.binder(), of.binder(NOTEBOOK), of.colab(NOTEBOOK), of.source("README.md"), of.edit("README.md")]


def test_without_an_address_nothing_points_anywhere() -> None:
    assert links(Address("")) == [""] * 6
    assert not Address("  ")


@pytest.mark.parametrize("end", ["", "/", ".git"])
def test_github(end: str) -> None:
    host = "https://github.com/Owner/name"
    assert links(Address(host + end)) == [
        "https://owner.github.io/name/",
        "https://mybinder.org/v2/gh/Owner/name/HEAD?urlpath=lab",
        "https://mybinder.org/v2/gh/Owner/name/HEAD?urlpath=lab/tree/notebooks/00_index.ipynb",
        "https://colab.research.google.com/github/Owner/name/blob/HEAD/notebooks/00_index.ipynb",
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
