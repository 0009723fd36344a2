"""All lessons, run once for every test that looks at what they say or at their pages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@dataclass(frozen=True)
class Lessons:
    """The folder of their pages, and the notebooks with what they said, by name."""

    folder: Path
    notebooks: dict[str, Any]


def run_lessons(folder: Path) -> Lessons:
    """Run the lessons and write their pages, as ``qae-sim site`` does, and keep the notebooks."""
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("anywidget")
    from qae_sim.site import write_lessons

    ran: list[Any] = []
    plain = nbclient.NotebookClient.execute

    def noted(client: Any, **options: Any) -> Any:
        ran.append(client.nb)
        return plain(client, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(nbclient.NotebookClient, "execute", noted)
        write_lessons(NOTEBOOKS, folder)
    return Lessons(folder, {path.stem: notebook for path, notebook in zip(NOTEBOOKS, ran, strict=True)})
