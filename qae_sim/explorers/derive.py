"""A derivation that is revealed line by line."""

from __future__ import annotations

import html
from functools import cached_property
from typing import Any

from qae_sim.explorers.derivations import derivation
from qae_sim.explorers.derivations.form import Derivation, DerivedLine, set_formula, set_symbol, spoken

#: What site writers look for in a notebook's outputs.
DERIVE_MIME = "application/vnd.qae-sim.derivation+json"


class Derive:
    """A derivation whose lines come by clicks or keys; every symbol says what it is, and it folds to one line.

    Example:
        >>> print(Derive("winner").text().splitlines()[2])
        2. sigma = sqrt(p * (1 - p)^2 + (1 - p) * (0 - p)^2) = sqrt(p * (1 - p))
    """

    def __init__(self, shown: str | Derivation) -> None:
        """Show a derivation.

        Args:
            shown: The name of one of the lessons', see :func:`~qae_sim.explorers.derivations.derivations`, or one of
                your own.

        Raises:
            ValueError: There is no such derivation.
        """
        self._derivation = derivation(shown) if isinstance(shown, str) else shown
        self.spec = derivation_spec(self._derivation)

    def text(self) -> str:
        """Write all lines as text.

        Returns:
            The title, and a line for each step.

        Example:
            >>> Derive("winner").text().splitlines()[0]
            'What a winner and a loser get under the mean'
        """
        lines = [f"{i}. {spoken(step.formula)}" for i, step in enumerate(self._derivation.steps, 1)]
        return "\n".join([self._derivation.title, *lines])

    @cached_property
    def widget(self) -> Any:
        """The derivation as a widget."""
        from qae_sim.explorers.widgets import DeriveWidget

        return DeriveWidget(spec=self.spec)

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """Give notebooks the widget, sites its lines, and other viewers their text."""
        bundle, metadata = self.widget._repr_mimebundle_(**options) or ({}, {})
        return {**bundle, "text/plain": self.text(), DERIVE_MIME: dict(self.spec)}, metadata


def derivation_spec(shown: Derivation) -> dict[str, Any]:
    """Say what the browser shows of a derivation.

    Args:
        shown: The derivation.

    Returns:
        Title, result and lines; formulas are MathML whose symbols are marked with their names, and each line says the
        symbols that are new in it.

    Example:
        >>> [len(line["symbols"]) for line in derivation_spec(derivation("winner"))["steps"]]
        [2, 1, 1, 1, 0]
    """

    def line(step: DerivedLine) -> dict[str, str]:
        return {"formula": set_formula(step.formula, shown.symbols), "why": step.why}

    return {
        "title": shown.title,
        "result": line(shown.result),
        "steps": [line(step) | {"symbols": list(new)} for step, new in zip(shown.steps, shown.new, strict=True)],
        "symbols": {
            name: {"math": f"<math>{set_symbol(symbol.latex)}</math>", "says": symbol.says}
            for name, symbol in shown.symbols.items()
        },
    }


def derivation_html(spec: dict[str, Any]) -> str:
    """Write a derivation for pages where no script runs.

    Args:
        spec: What :func:`derivation_spec` gives.

    Returns:
        Its title and all its lines, as HTML.

    Example:
        >>> derivation_html(derivation_spec(derivation("winner"))).count("<li>")
        5
    """
    lines = []
    for step in spec["steps"]:
        said = "; ".join(
            f"{spec['symbols'][name]['math']} is {html.escape(spec['symbols'][name]['says'])}"
            for name in step["symbols"]
        )
        lines.append(f"<li>{step['formula']}<br>{html.escape(step['why'])}{f' Here {said}.' if said else ''}</li>")
    return f"<p><b>{html.escape(spec['title'])}</b></p><ol>{''.join(lines)}</ol>"
