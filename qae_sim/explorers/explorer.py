"""What all explorers share: controls made from the state, the view, presets, permalinks, and errors that are shown."""

from __future__ import annotations

import base64
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, cached_property
from typing import Any, ClassVar, Generic, Self, TypeVar

from qae_sim.arrays import invalid
from qae_sim.explorers.state import State
from qae_sim.pictures.scene import Bars, Line, Packed, Picture, Points, pack, sliders_of

_log = logging.getLogger("qae_sim.explorers")

#: Parts of the view that ``hide=`` may name, besides the controls.
PARTS = ("presets", "reset", "play", "numbers", "style", "link", "claims")

#: Pictures that an explorer remembers.
_REMEMBERED = 16

#: Set in the environment of the kernel that runs lessons for a site.
SITE = "QAE_SIM_SITE"
#: What site writers look for in a notebook's outputs.
MIME = "application/vnd.qae-sim.explorer+json"


#: The class of an explorer's states.
S = TypeVar("S", bound=State)


class Explorer(Generic[S]):
    """An interactive object: a state, a function from states to pictures, and what a view in the browser shows of it.

    Subclasses name the class of their states, give presets, and draw with :meth:`show`. Everything works without a
    browser, too: :meth:`set` moves controls; :meth:`words`, :meth:`table` and :meth:`png` give what is seen. A notebook
    shows its :attr:`widget`; a page that runs Python itself sends it messages with :meth:`take`.

    Attributes:
        problem: What went wrong in the last change, in words; empty if nothing did.
        spec: What is shown, but for the numbers.
        data: The numbers.
        stamp: How often these two have changed.
        answered: The number of the last message that has been dealt with.
    """

    #: The class of the states, S: type checkers allow no class variable of a type that subclasses choose.
    STATE: ClassVar[type[Any]]
    #: Starting points by name: states of class S.
    PRESETS: ClassVar[Mapping[str, Any]]
    #: The field that Step and Play move; empty if nothing passes.
    TIME: ClassVar[str] = ""
    #: Controls that matter, by the value of the field ``view``; empty if all always do.
    USES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    #: Controls that are seen at first, at most three in a view; the others are behind "More". Empty: the first three.
    LEADING: ClassVar[tuple[str, ...]] = ()
    #: Whether a state is all that it takes to open it: then it has a page of its own on the site, and addresses.
    FREE: ClassVar[bool] = True
    #: Identifiers of the claims that stand behind the view.
    CLAIMS: ClassVar[tuple[str, ...]] = ()

    def __init__(self, state: S | None = None, *, hide: Sequence[str] = (), style: str = "laptop") -> None:
        """Open the explorer.

        Args:
            state: Where to start; None: the state's defaults.
            hide: Names of controls, or of parts of the view, to leave out.
            style: ``"laptop"``, or ``"projector"``: type that the last row can read.

        Raises:
            ValueError: There is no such control, part or style.
        """
        known = (*self.STATE.controls(), *PARTS)
        for name in hide:
            if name not in known:
                raise invalid("hide", name, f"among {', '.join(known)}")
        if style not in ("projector", "laptop"):
            raise invalid("style", style, "'projector' or 'laptop'")
        self._hidden, self._style = tuple(hide), style
        self._first: S = self.STATE() if state is None else state
        self._state = self._first
        self._pictures: OrderedDict[S, tuple[Picture, Packed]] = OrderedDict()
        self._listeners: list[Callable[[], None]] = []
        self.problem = ""
        self.spec: dict[str, Any] = {}
        self.data = b""
        self.stamp = self.answered = self._asked = 0
        self._packed = self._picture_of(self._first)[1]  # nothing else to show: what goes wrong here is raised
        self.go(self._first)

    @classmethod
    def from_state(cls, text: str, *, hide: Sequence[str] = (), style: str = "laptop") -> Self:
        """Open the explorer on a state given as text.

        Args:
            text: ``name=value`` joined by ``&``, as :meth:`permalink` writes it; what is left out keeps its default.
            hide: As in the constructor.
            style: As in the constructor.

        Returns:
            The explorer.

        Raises:
            ValueError: The text is not of this form, or a value is out of its range.
        """
        return cls(cls.STATE.from_text(text), hide=hide, style=style)

    def show(self, state: S) -> Picture:
        """The picture of a state.

        It may depend on the state and on data that the explorer was made with, on nothing else: pictures are
        remembered. It must not depend on fields that the browser moves by itself: it holds lookup tables over them.

        Args:
            state: The state, with the fields that the browser moves at their lower ends.

        Returns:
            The picture.
        """
        raise NotImplementedError

    def coarse(self, state: S) -> Picture | None:
        """What a view shows of a state until its picture is there; it says that it is not the whole.

        Args:
            state: As for :meth:`show`.

        Returns:
            A picture of the same law, quickly made; None where :meth:`show` is quick enough.
        """
        return None

    # --- for people and tests -----------------------------------------------------------------------------------------

    @property
    def state(self) -> S:
        """The state that the controls show."""
        return self._state

    def permalink(self) -> str:
        """Write the state as text, as :meth:`from_state` takes it."""
        return self._state.to_text()

    def set(self, **changes: Any) -> None:
        """Move controls.

        Raises:
            ValueError: There is no such control, or a value is out of its range.
        """
        self.go(self._state.with_(**changes))

    def preset(self, name: str) -> None:
        """Go to a preset.

        Raises:
            ValueError: There is no such preset.
        """
        if name not in self.PRESETS:
            raise invalid("preset", name, f"one of {', '.join(self.PRESETS)}")
        self.go(self.PRESETS[name])

    def reset(self) -> None:
        """Go back to the first state."""
        self.go(self._first)

    def step(self) -> None:
        """Move time on by one step.

        Raises:
            ValueError: No time passes in this explorer, or it is at its end.
        """
        if not self.TIME:
            raise invalid("step", type(self).__name__, "an explorer in which time passes")
        self.set(**{self.TIME: getattr(self._state, self.TIME) + self._state.controls()[self.TIME].step})

    def picture(self) -> Picture:
        """What is seen, everything looked up."""
        return self._picture_of(self._state)[0].at(self._places())

    def words(self) -> str:
        """What is seen, in words: the text alternative of the picture."""
        return self._picture_of(self._state)[0].sentence(self._places())

    def table(self) -> list[dict[str, Any]]:
        """The numbers behind the picture: a row for each point of each layer that has a name."""
        rows: list[dict[str, Any]] = []
        for panel in self.picture().panels:
            for layer in panel.layers:
                if not isinstance(layer, Line | Points | Bars) or not layer.label:
                    continue
                values = layer.height if isinstance(layer, Bars) else layer.y
                rows += [
                    {"panel": panel.title, "series": layer.label, "x": float(x), "value": float(y)}
                    for x, y in zip(layer.x, values, strict=True)
                    if y == y
                ]
        return rows

    def png(self) -> bytes:
        """Draw what is seen as PNG."""
        from qae_sim.pictures.render import png

        return png(self.picture())

    def redraw(self) -> None:
        """Draw the present state anew: the data that :meth:`show` draws from have changed."""
        # Another dictionary, not an empty one: a thread that is drawing from the old data keeps the old one.
        self._pictures = OrderedDict()
        self.go(self._state)

    def go(self, state: S) -> None:
        """Show a state. What goes wrong while it is drawn is shown and logged, and the old picture stays.

        Args:
            state: The state.
        """
        try:
            self._begin(state)
            _, packed = self._picture_of(state)
        except (Exception, KeyboardInterrupt) as error:
            stopped = isinstance(error, KeyboardInterrupt)
            self.problem = "Interrupted." if stopped else f"This could not be drawn: {error}"
            _log.error("%s at %s: %s", type(self).__name__, state.to_text(), self.problem, exc_info=not stopped)
            self._tell(None)
            return
        self._state, self.problem = state, ""
        self._tell(packed)

    def _begin(self, state: S) -> None:
        """Show views something while the picture is drawn."""
        key = self._without_local(state)
        if self._listeners and key not in self._pictures and (first := self.coarse(key)) is not None:
            packed = pack(first)
            self.data, self.spec = packed.data, self._described(state, packed.spec, "") | {"coarse": True}
            self._changed()

    # --- the view -----------------------------------------------------------------------------------------------------

    def _picture_of(self, state: S) -> tuple[Picture, Packed]:
        """The picture of a state, remembered; the same for all values of what the browser moves."""
        pictures, key = self._pictures, self._without_local(state)
        if key in pictures:
            pictures.move_to_end(key)
            return pictures[key]
        picture = self.show(key)
        local = {name for name, control in state.controls().items() if control.local}
        unknown = sliders_of(picture) - local
        if unknown:
            raise invalid("over", sorted(unknown), f"among the sliders that the browser moves, {sorted(local)}")
        found = pictures[key] = picture, pack(picture)
        if len(pictures) > _REMEMBERED:
            pictures.popitem(last=False)
        return found

    @staticmethod
    def _without_local(state: S) -> S:
        """The state with everything that the browser moves at its lower end."""
        local = {
            name: int(control.low) if control.kind == "whole" else control.low
            for name, control in state.controls().items()
            if control.local
        }
        return replace(state, **local)

    def _places(self) -> dict[str, int]:
        """Positions of the sliders that the browser moves."""
        controls = self._state.controls()
        return {name: self._state.place(name) for name, control in controls.items() if control.local}

    def _tell(self, packed: Packed | None) -> None:
        """Bring the browser up to the state; None: the picture stays."""
        if packed is not None:
            self._packed = packed
        # What was drawn last, in the place of a coarse picture, too.
        self.data = self._packed.data
        self.spec = self._described(self._state, self._packed.spec, self.problem)
        self.answered = self._asked
        self._changed()

    def _changed(self) -> None:
        """Let views know."""
        self.stamp += 1
        for listener in self._listeners:
            listener()

    def _described(self, state: S, picture: Any, problem: str) -> dict[str, Any]:
        """All that the view needs besides the numbers."""
        return {
            "name": type(self).__name__,
            "page": page_of(type(self)) if self.FREE else "",
            "style": self._style,
            "controls": {
                name: {
                    "label": control.label,
                    "kind": control.kind,
                    "low": control.low,
                    "high": state.end_of(name),
                    "end": control.high if isinstance(control.high, str) else "",
                    "step": control.step,
                    "unit": control.unit,
                    "help": control.help,
                    "options": [list(option) for option in control.options],
                    "local": control.local,
                }
                for name, control in state.controls().items()
            },
            "state": _plain(state),
            "first": _plain(self._first),
            "defaults": _plain(self.STATE()),
            "presets": {name: _plain(preset) for name, preset in self._open_presets().items()},
            "leading": list(self.LEADING),
            "asked": list(self._hidden),
            "hidden": [*self._hidden, *self._idle(state)],
            "time": self.TIME,
            "claims": _claims(self.CLAIMS),
            "problem": problem,
            "picture": picture,
            "coarse": False,
        }

    def _open_presets(self) -> dict[str, S]:
        """Presets that change nothing of what is hidden: nobody could find back."""
        hidden = [name for name in self._hidden if name in self.STATE.controls()]
        return {
            name: preset
            for name, preset in self.PRESETS.items()
            if all(getattr(preset, control) == getattr(self._first, control) for control in hidden)
        }

    def _idle(self, state: S) -> list[str]:
        """Controls that do not matter in the state's view."""
        if not self.USES:
            return []
        used = ("view", *self.USES[state.view])  # type: ignore[attr-defined]
        return [name for name in state.controls() if name not in used]

    def on_change(self, listener: Callable[[], None]) -> None:
        """Let somebody know whenever what is shown has changed.

        Args:
            listener: Called without arguments.
        """
        self._listeners.append(listener)

    def take(self, message: Mapping[str, Any]) -> None:
        """Take what a view has sent. What is wrong with it is shown and logged, and the old picture stays.

        Args:
            message: ``state``, the values of controls by name, and ``count``, the number of the message, which
                ``answered`` says once it has been dealt with.
        """
        self._asked = message.get("count", self.answered)
        self._go_to(message.get("state", {}))
        self.answered = self._asked

    def _go_to(self, told: Mapping[str, Any]) -> None:
        """Go to a state that a view has sent."""
        values = {name: tuple(value) if isinstance(value, list) else value for name, value in told.items()}
        changes = {name: value for name, value in values.items() if value != getattr(self._state, name, None)}
        try:
            state = self._state.with_(**changes)
        except (TypeError, ValueError) as error:
            self.problem = str(error)
            _log.error("%s: %s", type(self).__name__, error)
            self._tell(None)
            return
        if self._without_local(state) == self._without_local(self._state) and not self.problem:
            self._state = state  # the browser has drawn this already
            self.spec = {**self.spec, "state": _plain(state)}
            return
        self.go(state)

    @cached_property
    def widget(self) -> Any:
        """The explorer as a widget, such as for a box of ipywidgets; made when it is first asked for."""
        from qae_sim.explorers.widgets import ExplorerWidget

        return ExplorerWidget(self)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give notebooks the live view, sites its tables, and viewers without widgets a picture and a sentence."""
        bundle, metadata = self.widget._repr_mimebundle_(**options) or ({}, {})
        ours = {
            "image/png": base64.b64encode(self.png()).decode(),
            "text/plain": self.words(),
            # A live view asks the kernel for other pictures.
            MIME: self.content() if SITE in os.environ else {**self._shown(self._state), "others": []},
        }
        return {**bundle, **ours}, metadata

    def content(self, also: Sequence[S] = ()) -> dict[str, Any]:
        """All that a page without Python shows: the present picture, those of the presets, and those of more states.

        Args:
            also: States to which addresses lead.

        Returns:
            What the browser's script reads, as JSON takes it.
        """
        presets = () if "presets" in self._hidden else self._open_presets().values()
        # States that differ in what the browser moves by itself have one picture.
        pictures = dict.fromkeys(self._without_local(state) for state in (*presets, *also))
        pictures.pop(self._without_local(self._state), None)
        link = address_of(type(self), self._state) if self.FREE else ""
        return {**self._shown(self._state), "address": link, "others": [self._shown(state) for state in pictures]}

    def _shown(self, state: S) -> dict[str, Any]:
        """A state's description and numbers."""
        packed = self._picture_of(state)[1]
        problem = self.problem if state is self._state else ""
        return {"spec": self._described(state, packed.spec, problem), "data": packed.text}


def page_of(explorer: type[Explorer[Any]]) -> str:
    """Name an explorer's page on the site, from the site's top.

    Args:
        explorer: The class of the explorer.

    Returns:
        The page's path.
    """
    return f"explorers/{explorer.__name__}.html"


def address(explorer: type[Explorer[Any]], **state: Any) -> str:
    """Write the address of an explorer's state: the explorer's own page on the site, opened on that state.

    It is relative to the top of what ``qae-sim site`` writes. The page needs no Python; it holds the presets, the
    states that lessons open, and of each every value of the sliders that the browser moves by itself.

    Args:
        explorer: The class of the explorer.
        **state: Fields of its state; a field that is not named keeps its default and is left out of the address.

    Returns:
        The address, without characters that need to be escaped.

    Raises:
        ValueError: The explorer opens on data, not on a state alone; or there is no such field, or a value is out of
            its range.

    Example:
        >>> from qae_sim.explorers import QuantileGate
        >>> address(QuantileGate, k=0.8, g=8)
        'explorers/QuantileGate.html#k=0.8&g=8'
        >>> from qae_sim.site import Address
        >>> Address("https://github.com/owner/name").site + address(QuantileGate, k=0.8)
        'https://owner.github.io/name/explorers/QuantileGate.html#k=0.8'
    """
    return address_of(explorer, explorer.STATE().with_(**state))


def address_of(explorer: type[Explorer[Any]], state: State) -> str:
    """Write the address of a whole state, as :func:`address` does of single fields.

    Args:
        explorer: The class of the explorer.
        state: A state of it.

    Returns:
        The address.

    Raises:
        ValueError: The explorer opens on data, not on a state alone.
    """
    if not explorer.FREE:
        raise invalid("explorer", explorer.__name__, "an explorer that opens on a state alone")
    known, wanted = explorer.STATE().to_text().split("&"), state.to_text().split("&")
    changed = "&".join(new for old, new in zip(known, wanted, strict=True) if new != old)
    return f"{page_of(explorer)}#{changed}" if changed else page_of(explorer)


def _plain(state: State) -> dict[str, Any]:
    """A state for the browser."""
    values = {name: getattr(state, name) for name in state.controls()}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


@cache
def _claims(ids: tuple[str, ...]) -> list[list[str]]:
    """Identifier, verdict and statement of claims."""
    from qae_sim.theory import all_claims

    claims = all_claims()
    return [[id, str(claims[id].expected), claims[id].statement] for id in ids]
