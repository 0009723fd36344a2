"""Scenes of the page "One group, one number" inside lessons: pictures that are touched, without a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Any

from qae_sim.arrays import invalid

#: What site writers look for in a notebook's outputs.
STORY_MIME = "application/vnd.qae-sim.story+json"

#: The scenes by name, each with what it shows, for those who see no picture.
SCENES: Mapping[str, str] = MappingProxyType(
    {
        "ten": "Ten responses of a small language model to the prompt 0 4 + 7 8, one of them correct, beside their "
        "rewards: a baseline is dragged across them, and what lies between is each response's advantage.",
        "twice": "The advantages of ten responses under two baselines, the mean and the 0.4-quantile, both divided by "
        "the standard deviation; each reward can be changed.",
        "sigma": "The advantages of ten responses before and after division by the standard deviation.",
        "quantile": "The ten rewards in order, K as a place in the row, and the advantages below.",
        "gate": "The advantages of winners and losers for every number of correct responses of ten, with K as a gate.",
        "arrows": "A policy over three responses as a point in a triangle, the arrows along which single groups would "
        "move it, and their average.",
        "breaks": "The average arrows of GRPO and QAE, and what parts them: length weights, several steps, the clip, "
        "Adam, small groups, with and without errors of the verifier.",
        "training": "A training of 24 small policies by GRPO, with their success rates and their entropies against the "
        "step.",
        "trainings": "Three trainings of 24 small policies, by GRPO, QAE and HA-DW, with their success rates and their "
        "entropies against the step.",
    }
)

#: Scenes that can move by themselves: what changes, through which values, and for how many milliseconds each is shown.
MOVES: Mapping[str, tuple[str, tuple[float, ...], int]] = MappingProxyType(
    {
        "ten": ("b", tuple(round(1 - i / 20, 2) for i in range(19)), 110),
        "quantile": ("k", tuple(round(0.05 + i / 20, 2) for i in range(19)), 250),
        "gate": ("k", tuple(round(0.05 + i / 20, 2) for i in range(19)), 250),
        "arrows": ("groups", (1, 10, 100, 1000), 1400),
        "training": ("step", tuple(range(60)), 110),
        "trainings": ("step", tuple(range(60)), 110),
    }
)


class Story:
    """A scene of the page "One group, one number", which is moved by mouse, finger or keys.

    Example:
        >>> Story("arrows", "groups=10").spec["state"]
        'groups=10'
    """

    def __init__(self, scene: str, state: str = "", *, moving: bool = False) -> None:
        """Show a scene.

        Args:
            scene: Its name, see :data:`SCENES`.
            state: What differs from its first state, written as in the page's address.
            moving: Whether it moves by itself, see :data:`MOVES`, until somebody touches it. It does not where the
                reader's system asks for less motion.

        Raises:
            ValueError: There is no such scene, or it cannot move.
        """
        if scene not in SCENES:
            raise invalid("scene", scene, f"one of {', '.join(SCENES)}")
        if moving and scene not in MOVES:
            raise invalid("moving", moving, f"False for {scene}; {', '.join(MOVES)} can move")
        name, values, every = MOVES[scene] if moving else ("", (), 0)
        frames = [f"{name}={value:g}" for value in values]
        self.spec: dict[str, Any] = {
            "scene": scene,
            "state": state,
            "frames": frames,
            "every": every,
        }

    @cached_property
    def widget(self) -> Any:
        """The scene as a widget."""
        from qae_sim.explorers.widgets import StoryWidget

        return StoryWidget(spec=self.spec)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give notebooks the widget, sites the scene's name, and other viewers what it shows."""
        bundle, metadata = self.widget._repr_mimebundle_(**options) or ({}, {})
        return {**bundle, "text/plain": SCENES[self.spec["scene"]], STORY_MIME: dict(self.spec)}, metadata
