"""The quantile gate: which responses of a group teach something, and how K decides it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any, ClassVar, Self

import ipywidgets as w
import numpy as np

from qae_sim.advantages import grpo, qae, quantile_baseline
from qae_sim.arrays import require_integer, require_number
from qae_sim.explorers.state import from_text, to_text
from qae_sim.plots.quantile_gate import GatePicture, GateResult


@dataclass(frozen=True)
class GateState:
    """One group of binary rewards and one K.

    Attributes:
        k: The quantile K, from 0.01 to 0.99.
        g: Responses in the group, G, from 2 to 32.
        c: How many of them are correct, from 0 to G.
    """

    k: float = 0.4
    g: int = 16
    c: int = 3

    def __post_init__(self) -> None:
        require_number("k", self.k, low=0.01, high=0.99)
        require_integer("g", self.g, low=2, high=32)
        require_integer("c", self.c, low=0, high=self.g)


@lru_cache(maxsize=1024)
def gate(state: GateState) -> GateResult:
    """Compute what the explorer shows.

    Args:
        state: The group and K.

    Returns:
        Rewards, baseline and advantages; the arrays cannot be written to.
    """
    rewards = np.repeat([0.0, 1.0], [state.g - state.c, state.c])
    arrays = {"rewards": rewards, "qae": qae(rewards, state.k), "grpo": grpo(rewards)}
    for array in arrays.values():
        array.flags.writeable = False
    # The K-quantile of 1, 2, ..., G is the rank of the response whose reward is the K-quantile of the rewards.
    rank = int(quantile_baseline(np.arange(1, state.g + 1), state.k))
    return GateResult(k=state.k, rank=rank, baseline=float(quantile_baseline(rewards, state.k)), **arrays)


def describe(state: GateState) -> tuple[str, str]:
    """Say in words what a state shows.

    Args:
        state: The group and K.

    Returns:
        The regime and its baseline, and who gets which advantage.
    """
    result = gate(state)
    regime, relation = ("Hard", "≤") if result.baseline == 0 else ("Easy", ">")
    why = (
        f"{regime} query: p = {state.c}/{state.g} = {state.c / state.g:.3g} {relation} 1 − K = {1 - state.k:.3g}, "
        f"so the baseline is b = {result.baseline:.0f}."
    )
    zeros = f"{np.count_nonzero(result.qae == 0)} of {state.g} advantages are zero"
    if state.c in (0, state.g):
        return why, f"{zeros}: all responses are alike, so there is nothing to prefer."
    silent, loud, one = ("wrong", "correct", -1) if result.baseline == 0 else ("correct", "wrong", 0)
    return why, (
        f"{zeros}, those of the {silent} responses. Each {loud} response gets {result.qae[one]:+.2f}. "
        f"(GRPO: {result.grpo[-1]:+.2f} for correct, {result.grpo[0]:+.2f} for wrong.)"
    ).replace("-", "−")


class QuantileGate:
    """Move K, the size of the group and the number of correct responses, and see who gets an advantage.

    Attributes:
        k: Slider of the quantile K.
        c: Slider of the number of correct responses.
        g: Slider of the number of responses, G.
        presets: Buttons that set a state, by name.
        reset: Button that goes back to the first state.
        image: The picture, with a text alternative.
        readout: The numbers, in a region that screen readers announce.
        box: All of it, as shown in a notebook.

    Example:
        >>> gate = QuantileGate.from_state("k=.4&g=16&c=3")
        >>> gate.c.value = 13
        >>> gate.permalink()
        'k=0.4&g=16&c=13'
    """

    PRESETS: ClassVar[dict[str, GateState]] = {
        "Hard query": GateState(k=0.4, g=16, c=3),
        "Easy query": GateState(k=0.4, g=16, c=13),
        "Exactly on the threshold": GateState(k=0.4, g=10, c=6),
    }

    def __init__(self, state: GateState | None = None) -> None:
        self._first = GateState() if state is None else state
        self._picture = GatePicture()
        look: dict[str, Any] = {"style": {"description_width": "150px"}, "layout": w.Layout(width="480px")}
        self.k = w.FloatSlider(description="Quantile K", min=0.01, max=0.99, step=0.01, readout_format=".2f", **look)
        self.c = w.IntSlider(description="Correct responses", min=0, max=32, **look)
        self.g = w.IntSlider(description="Group size G", min=2, max=32, **look)
        self.presets = {name: w.Button(description=name, layout=w.Layout(width="auto")) for name in self.PRESETS}
        self.reset = w.Button(description="Reset", layout=w.Layout(width="auto"))
        self.image, self.readout = w.HTML(), w.HTML()
        sliders = w.VBox([self.k, self.c, self.g])
        self.box = w.VBox([w.HBox([*self.presets.values(), self.reset]), sliders, self.readout, self.image])

        self._setting = False
        self.set_state(self._first)
        for slider in (self.k, self.c, self.g):
            slider.observe(self._moved, names="value")
        for name, button in self.presets.items():
            button.on_click(lambda _, preset=self.PRESETS[name]: self.set_state(preset))
        self.reset.on_click(lambda _: self.set_state(self._first))

    @classmethod
    def from_state(cls, text: str) -> Self:
        """Open the explorer on a state given as text.

        Args:
            text: For example ``"k=.4&g=16&c=3"``; what is left out keeps its default.

        Returns:
            The explorer.

        Raises:
            ValueError: The text is not of this form, or a value is out of its range.
        """
        return cls(from_text(GateState, text))

    def permalink(self) -> str:
        """Write the state as text, as :meth:`from_state` takes it."""
        return to_text(self.state)

    @property
    def state(self) -> GateState:
        """The state that the controls show."""
        return GateState(k=round(self.k.value, 6), g=self.g.value, c=self.c.value)

    def set_state(self, state: GateState) -> None:
        """Move all controls at once.

        Args:
            state: The state to show.
        """
        self._setting = True
        self.c.max = self.g.value = state.g
        self.c.value, self.k.value = state.c, state.k
        self._setting = False
        self._show()

    def png(self) -> bytes:
        """Draw the state as PNG."""
        return self._picture.png(gate(self.state))

    def _moved(self, _change: object) -> None:
        """Show the new state; a group that got smaller has at most that many correct responses."""
        if not self._setting:
            self.set_state(GateState(k=round(self.k.value, 6), g=self.g.value, c=min(self.c.value, self.g.value)))

    def _show(self) -> None:
        """Bring picture and numbers up to the state."""
        why, who = describe(self.state)
        width, height = self._picture.size
        picture = base64.b64encode(self.png()).decode()
        self.image.value = (
            f'<img alt="{escape(f"{why} {who}")}" width="{width}" height="{height}" '
            f'style="max-width: 100%; height: auto" src="data:image/png;base64,{picture}">'
        )
        self.readout.value = (
            f'<div role="status" aria-live="polite" style="font-size: 16px; line-height: 1.5">'
            f"<b>{escape(why)}</b><br>{escape(who)}<br>"
            f"This view: <code>QuantileGate.from_state({escape(repr(self.permalink()), quote=False)})</code></div>"
        )

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """Give notebooks the live controls, and viewers without widgets the picture and a sentence."""
        live: dict[str, Any] = self.box._repr_mimebundle_(**options)
        return live | {"image/png": base64.b64encode(self.png()).decode(), "text/plain": " ".join(describe(self.state))}
