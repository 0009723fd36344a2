"""Training a toy language model live: start, pause, stop, and curves that grow while it learns."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from qae_sim.advantages import AdvantageRule
from qae_sim.explorers.explorer import Explorer
from qae_sim.explorers.recorded_runs import MEASURES
from qae_sim.explorers.solutions import Group, group_of, picture_of
from qae_sim.explorers.state import State, choice, number, whole
from qae_sim.lm import Config
from qae_sim.pictures.scene import Line, Panel, Picture, Points, axis_limits
from qae_sim.pictures.style import looks_of

#: What is trained when nothing else is asked for: K as an entropy knob. One base model; about a minute and a half.
DEMONSTRATION: dict[str, Config] = {
    name: Config(
        "style",
        base_passes=3,
        prompts=24,
        minibatches=12,
        batches=24,
        evaluate_every=4,
        rule=AdvantageRule() if k is None else AdvantageRule("qae", {"k": k}),
    )
    for name, k in (("mean", None), ("K = 0.2", 0.2), ("K = 0.8", 0.8))
}
_GROUPS, _SOLUTIONS = 6, 8


@dataclass(frozen=True)
class CurvesState(State):
    """What is drawn."""

    left: str = choice("entropy", "Left picture", MEASURES)
    right: str = choice("pass_1", "Right picture", MEASURES)


class Curves(Explorer[CurvesState]):
    """Curves of runs that are still going on.

    Args:
        names: The runs.
        batches: Batches that they are to have.
    """

    STATE = CurvesState
    PRESETS: ClassVar = {}
    FREE = False

    def __init__(self, names: Sequence[str], batches: int) -> None:
        self.names, self.batches = tuple(names), batches
        self.rows: list[dict[str, list[Any]]] = []
        super().__init__(hide=["presets", "reset", "play", "link", "claims"])

    def show(self, state: CurvesState) -> Picture:
        """Two measures, as far as the runs have come."""
        return draw_curves(state, self.names, self.rows, self.batches)

    def grow(self, row: dict[str, list[Any]]) -> None:
        """Show one more batch.

        Args:
            row: Metrics of the batch by name, a value for each run.
        """
        self.rows.append(row)
        self.redraw()


def draw_curves(
    state: CurvesState, names: Sequence[str], rows: Sequence[Mapping[str, Sequence[Any]]], batches: int
) -> Picture:
    """Draw two measures of some runs, as far as they have come.

    Args:
        state: What is drawn.
        names: The runs.
        rows: Metrics of each batch so far.
        batches: Batches that there will be.

    Returns:
        The picture.
    """
    panels = []
    for measure in (state.left, state.right):
        places = np.array([t for t, row in enumerate(rows) if measure in row], dtype=float)
        values = np.array([row[measure] for row in rows if measure in row], dtype=float).reshape(-1, len(names))
        layers: list[Line | Points] = []
        for i, (name, look) in enumerate(looks_of(names).items()):
            layers.append(Line(places, values[:, i], look.light, name, look.dash))
            layers.append(Points(places, values[:, i], look.light, marker=look.marker, size=6.0))
        title = MEASURES[measure][0].upper() + MEASURES[measure][1:]
        limits = axis_limits(0.0, 1.0, values)
        panels.append(Panel(title, "batch", MEASURES[measure], (0.0, float(batches)), limits, tuple(layers)))
    done = sum("reward" in row for row in rows)  # the last row is an evaluation alone
    if not rows:
        return Picture(tuple(panels), ("Nothing has been trained yet: press Start.",))
    last = [row[state.left] for row in rows if state.left in row][-1:]
    said = "; ".join(f"{name} {value:.2f}" for row in last for name, value in zip(names, row, strict=True))
    measure = MEASURES[state.left]
    return Picture(tuple(panels), (f"After {done} of {batches} batches, {measure}: {said or 'nothing yet'}.",))


@dataclass(frozen=True)
class SampledState(State):
    """Which prompt, and what colours its solutions."""

    prompt: int = whole(1, "Prompt", 1, _GROUPS)
    colour: str = choice(
        "entropy", "Colour", {"entropy": "Entropy", "grpo": "Advantage, mean", "qae": "Advantage, QAE", "ktae": "KTAE"}
    )
    k: float = number(0.4, "K of QAE", 0.05, 0.95, 0.05)


class SampledSolutions(Explorer[SampledState]):
    """A browser of solutions that a model has just sampled.

    Args:
        groups: Prompts and solutions.
    """

    STATE = SampledState
    PRESETS: ClassVar = {}
    FREE = False

    def __init__(self, groups: Sequence[Group]) -> None:
        self._groups = tuple(groups)
        super().__init__(hide=["presets", "link", "claims"])

    def show(self, state: SampledState) -> Picture:
        """One of the groups."""
        group = self._groups[min(state.prompt, len(self._groups)) - 1]
        return picture_of(group, state.colour, state.k)


class LiveTraining:
    """Trains runs in the background of a notebook; buttons start, pause and stop it, curves grow meanwhile.

    Everything works without a browser, too: :meth:`start`, :meth:`pause`, :meth:`stop`, :meth:`wait`.

    Attributes:
        status: Where it is, in words.
        share: The same as a number from 0 to 1.
        actions: What its buttons do: by name, what they say and a function.
        enabled: Names of the buttons that can be pressed now.
        curves: The curves.
    """

    def __init__(self, runs: Mapping[str, Config] | None = None, *, bases: str | Path | None = None) -> None:
        """Prepare; nothing is trained yet.

        Args:
            runs: What to train, by name, as one ensemble; None: :data:`DEMONSTRATION`.
            bases: A folder that keeps base models; None keeps none.
        """
        self._runs = dict(DEMONSTRATION if runs is None else runs)
        self._bases = None if bases is None else Path(bases)
        self._going, self._ending = threading.Event(), threading.Event()
        self._thread: threading.Thread | None = None
        self._trainer: Any = None
        first = next(iter(self._runs.values()))
        self.curves = Curves(tuple(self._runs), first.batches)
        self.actions: dict[str, tuple[str, Callable[[], None]]] = {
            "Start": ("Start training, or resume it", self.start),
            "Pause": ("Pause after the batch that is being trained", self.pause),
            "Stop": ("End training; the curves stay", self.stop),
        }
        self.status, self.share = "ready", 0.0
        self.enabled: tuple[str, ...] = ("Start",)
        self._listeners: list[Callable[[], None]] = []

    def on_change(self, listener: Callable[[], None]) -> None:
        """Let somebody know whenever status, share or buttons have changed.

        Args:
            listener: Called without arguments, from the thread that trains.
        """
        self._listeners.append(listener)

    @cached_property
    def widget(self) -> Any:
        """Buttons, progress and curves as a widget."""
        from qae_sim.explorers.widgets import TrainingPanel

        return TrainingPanel(self)

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """Give notebooks the widget, and viewers without a kernel a sentence."""
        live = self.widget._repr_mimebundle_(**options)
        said = "Training runs in the live lesson alone: qae-sim lab opens it."
        return live if live is None else {**live, "text/plain": said}

    def start(self) -> None:
        """Start training, or resume it after a pause."""
        if self._ending.is_set():
            return
        self._going.set()
        self._enable("Pause", "Stop")  # before the thread begins, which may end at once
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="qae-sim live training", daemon=True)
            self._thread.start()

    def pause(self) -> None:
        """Pause after the batch that is being trained."""
        self._going.clear()
        self._enable("Start", "Stop")

    def stop(self) -> None:
        """End after the batch that is being trained."""
        self._ending.set()
        self._going.set()
        self._enable()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it has ended.

        Args:
            seconds: How long at most.

        Returns:
            Whether it has.
        """
        if self._thread is not None:
            self._thread.join(seconds)
            return not self._thread.is_alive()
        return True

    def solutions(self, name: str | None = None) -> SampledSolutions:
        """Let a run answer some held-out prompts now.

        Args:
            name: Which run; None: the first.

        Returns:
            A browser of its solutions.

        Raises:
            RuntimeError: Nothing has been trained yet, or it is being trained: pause first.
        """
        if self._trainer is None:
            raise RuntimeError("there is no model yet: start() first, and wait for the base model")
        if self._going.is_set() and not self._ending.is_set():
            raise RuntimeError("the model is being trained: pause() first")
        member = 0 if name is None else list(self._runs).index(name)
        prompts, sampled = self._trainer.answer(_GROUPS, _SOLUTIONS)
        task = self._trainer.configs[member].problem
        parts = (prompts[member].tolist(), sampled.tokens[member].cpu(), sampled.entropies[member].cpu())
        return SampledSolutions([group_of(task, *group) for group in zip(*parts, strict=True)])

    # --- the background ---

    def _work(self) -> None:
        """Train; runs in a thread of its own."""
        try:
            self._train()
        except ModuleNotFoundError as error:
            text = f"This needs {error.name}: pip install 'qae_sim[lm]'. The recorded runs above work without it."
            self._tell(text, 0.0)
        except _StoppedError:
            self._tell(f"stopped after {len(self.curves.rows)} batches", self.share)
        except Exception as error:
            self._tell(f"training has failed: {error}", self.share)
        self._ending.set()
        self._enable()

    def _train(self) -> None:
        """Base model first, then batch by batch."""
        import torch

        from qae_sim.lm.trainer import Trainer
        from qae_sim.lm.warmstart import warm_start

        torch.set_num_threads(1)  # such small products gain nothing from more, and the browser wants a core
        configs = list(self._runs.values())

        def tell(share: float) -> None:
            self._hold()
            self._tell(f"base model learns from demonstrations: {share:.0%}", share)

        model = warm_start(configs, "cpu", self._bases, tell)
        trainer = self._trainer = Trainer(configs, model)
        batches, every = configs[0].batches, configs[0].evaluate_every
        while trainer.step < batches:
            self._hold()
            scores = trainer.evaluate() if trainer.step % every == 0 else {}
            self.curves.grow({**scores, **trainer.train_batch()})
            self._tell(f"batch {trainer.step} of {batches}", trainer.step / batches)
        self.curves.grow(trainer.evaluate())
        self._tell(f"done: {batches} batches", 1.0)

    def _hold(self) -> None:
        """Wait while it is paused; end if it is stopped."""
        if not self._going.is_set():
            self._tell("paused", self.share)
        self._going.wait()
        if self._ending.is_set():
            raise _StoppedError

    def _tell(self, text: str, share: float) -> None:
        """Say where it is."""
        self.status, self.share = text, share
        self._changed()

    def _enable(self, *names: str) -> None:
        """Enable these buttons and no others."""
        self.enabled = names
        self._changed()

    def _changed(self) -> None:
        """Tell those who want to know."""
        for listener in self._listeners:
            listener()


class _StoppedError(Exception):
    """Somebody has pressed Stop."""
