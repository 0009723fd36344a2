"""One's own training log as an explorer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.state import State, choice
from qae_sim.logs.digest import Digest, digest
from qae_sim.pictures.log_report import key_words, over_training, silenced, success_rates
from qae_sim.pictures.scene import Picture


@dataclass(frozen=True)
class LogState(State):
    """What is looked at."""

    view: str = choice(
        "training",
        "View",
        {
            "training": "Over training",
            "rates": "Success rates",
            "silenced": "What QAE would have silenced",
            "words": "Key words",
        },
    )


class TrainingLog(Explorer[LogState]):
    """Looks into the logs of a finished run.

    Args:
        source: A digest, or where the log is, as for :func:`~qae_sim.logs.digest.digest`.
        view: What to look at first: ``"training"``, ``"rates"``, ``"silenced"`` or ``"words"``.
        **options: Options of :func:`~qae_sim.logs.digest.digest`.
    """

    STATE = LogState
    PRESETS: ClassVar = {}
    FREE = False

    def __init__(self, source: Digest | str | Path, *, view: str = "training", **options: Any) -> None:
        self.digest = source if isinstance(source, Digest) else digest(source, **options)
        super().__init__(LogState(view), hide=["presets", "reset", "play", "link", "claims"])

    def content(self, also: Sequence[LogState] = ()) -> dict[str, Any]:
        """All that a page without Python shows: every view."""
        views = [LogState(view) for view, _ in LogState.controls()["view"].options]
        return super().content((*views, *also))

    def show(self, state: LogState) -> Picture:
        """A view of this log."""
        views = {"training": over_training, "rates": success_rates, "silenced": silenced, "words": key_words}
        return views[state.view](self.digest)
