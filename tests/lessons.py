"""All lessons, run once for every test that looks at what they say or at their pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from qae_sim.site import Lesson

#: An address that pages link to.
REPOSITORY = "https://github.com/owner/name"
NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@dataclass(frozen=True)
class Lessons:
    """The folder of their pages, in that of a site; what was written; the notebooks with what they said, by name."""

    folder: Path
    written: list[Lesson]
    notebooks: dict[str, Any]


def run_lessons(folder: Path) -> Lessons:
    """Run the lessons and write their pages, as ``qae-sim site`` does, and keep the notebooks."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("anywidget")
    from qae_sim.site import Address, write_lessons

    ran: list[Any] = []
    plain = nbclient.NotebookClient.async_execute

    async def noted(client: Any, **options: Any) -> Any:
        ran.append(client.nb)
        return await plain(client, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbclient.NotebookClient, "async_execute", noted)
        written = write_lessons(NOTEBOOKS, folder / "lessons", Address(REPOSITORY))
    return Lessons(
        folder / "lessons", written, {path.stem: notebook for path, notebook in zip(NOTEBOOKS, ran, strict=True)}
    )
