"""Explorers, questions, derivations and scenes as widgets of notebooks: made when they are first displayed.

What they show is computed elsewhere, by objects that know nothing of notebooks: a page that runs Python itself uses
those without these.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import anywidget
import ipywidgets
import traitlets

from qae_sim.explorers.assets import script, style


class Changing(Protocol):
    """What tells when it has changed."""

    def on_change(self, listener: Callable[[], None]) -> None:
        """Let somebody know."""


class Moved(Changing, Protocol):
    """What a widget needs of an explorer."""

    spec: dict[str, Any]
    data: bytes
    stamp: int
    answered: int

    def take(self, message: Mapping[str, Any]) -> None:
        """Take what a view has sent."""


class Asked(Protocol):
    """What a widget needs of a question."""

    spec: dict[str, Any]

    def lock(self, answer: Mapping[str, Any]) -> None:
        """Keep the answer."""


class Trained(Changing, Protocol):
    """What a widget needs of a live training."""

    status: str
    share: float
    enabled: tuple[str, ...]
    actions: dict[str, tuple[str, Callable[[], None]]]
    curves: Any


class ExplorerWidget(anywidget.AnyWidget):
    """An explorer in a notebook."""

    _esm = script("view")
    _css = style("view")
    spec = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    #: The view waits for this one: when it changes, the description and the numbers are both there.
    stamp = traitlets.Int(0).tag(sync=True)
    moved = traitlets.Dict().tag(sync=True)
    answered = traitlets.Int(0).tag(sync=True)

    def __init__(self, explorer: Moved) -> None:
        super().__init__()
        self._explorer = explorer
        self._show()
        explorer.on_change(self._show)

    def _show(self) -> None:
        """Bring the browser up to what the explorer shows."""
        with self.hold_sync():
            shown = self._explorer
            self.data, self.spec, self.answered, self.stamp = shown.data, shown.spec, shown.answered, shown.stamp

    @traitlets.observe("moved")
    def _take(self, change: Mapping[str, Any]) -> None:
        """Take what the browser has moved."""
        self._explorer.take(change["new"])
        self.answered = self._explorer.answered  # where there was nothing to show


class PredictWidget(anywidget.AnyWidget):
    """A question in a notebook."""

    _esm = script("quiz")
    _css = style("quiz")
    spec = traitlets.Dict().tag(sync=True)
    locked = traitlets.Dict().tag(sync=True)

    def __init__(self, asked: Asked) -> None:
        super().__init__(spec=asked.spec)
        self._asked = asked

    @traitlets.observe("locked")
    def _lock(self, change: Mapping[str, Any]) -> None:
        """Keep the answer."""
        self._asked.lock(change["new"])


class DeriveWidget(anywidget.AnyWidget):
    """A derivation in a notebook."""

    _esm = script("derivation")
    _css = style("quiz", "derive")
    spec = traitlets.Dict().tag(sync=True)


class StoryWidget(anywidget.AnyWidget):
    """A scene in a notebook."""

    _esm = script("scene")
    _css = style("quiz")
    spec = traitlets.Dict().tag(sync=True)


class TrainingPanel(ipywidgets.VBox):  # type: ignore[misc]
    """Buttons, progress and curves of a live training."""

    def __init__(self, training: Trained) -> None:
        self._training = training
        self._buttons = {}
        for name, (says, action) in training.actions.items():
            self._buttons[name] = ipywidgets.Button(description=name, tooltip=says)
            self._buttons[name].on_click(lambda _, action=action: action())
        self._bar = ipywidgets.FloatProgress(min=0.0, max=1.0, description="")
        # A line of its own: what it says may be long.
        self._label = ipywidgets.Label(layout=ipywidgets.Layout(width="100%"))
        bar = ipywidgets.HBox([*self._buttons.values(), self._bar])
        super().__init__([bar, self._label, training.curves.widget])
        self._show()
        training.on_change(self._show)

    def _show(self) -> None:
        """Say where the training is."""
        self._label.value, self._bar.value = self._training.status, self._training.share
        for name, button in self._buttons.items():
            button.disabled = name not in self._training.enabled
