"""The doors to the lessons: links where there is an address, figures where something was measured."""

from __future__ import annotations

from qae_sim.site.address import Address
from qae_sim.site.doors import HUB, doors, table
from qae_sim.speed import Measurement

LESSON = "notebooks/lesson.ipynb"
START = "From a start to the first picture that moves"
MEMORY = "Memory of a session that has run all lessons"


def test_without_an_address_there_are_no_links() -> None:
    text = table(doors(Address(""), LESSON, {}))
    assert "](" not in text
    assert "://" not in text
    assert text.count("\n") == 7


def test_each_door_has_its_link() -> None:
    address = Address("https://github.com/owner/name")
    links = {door.name: door.link for door in doors(address, LESSON, {})}
    assert links == {
        "the site": address.site,
        "JupyterLite": f"{address.site}lite/lab/index.html",
        "Binder": address.binder(LESSON),
        "Colab": address.colab(LESSON),
        "a JupyterHub": address.hub(LESSON, HUB),
        "your machine": "",
    }
    assert address.install_line in table(doors(address, LESSON, {}))


def test_what_was_measured_is_said() -> None:
    visits = {
        "first visit": {"first picture, s": 12.3, "transferred, MB": 81.2},
        "second visit": {"first picture, s": 8.9, "transferred, MB": 1.0},
    }
    measured = {
        "lite": Measurement("lite", {}, {}, 1, {"A lesson in JupyterLite": visits}),
        "binder": Measurement(
            "binder", {}, {}, 1, {START: {"later starts": {"s": 7.1}}, MEMORY: {"one after another": {"MB": 512.3}}}
        ),
    }
    takes = {door.name: door.takes for door in doors(Address(""), LESSON, measured)}
    assert takes["JupyterLite"].startswith("12 s to the first picture from a server nearby, 81 MB; 8.9 s")
    assert takes["Binder"].startswith("7.1 s from a start")
    assert "512 MB" in takes["Binder"]
