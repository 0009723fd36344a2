"""How rewards become advantages: one object for the bandits, the toy model, the trainers and the log reader.

A rule is a declaration: an estimator or a weighted sum of them, parameters that are numbers or schedules, a difficulty
anchor and its scale. It is checked when it is made. What changes from batch to batch (anchors, an automatic K,
moving averages) is in its :class:`AdvantageState`, which the caller keeps:

>>> import numpy as np
>>> rule = AdvantageRule("qae", {"k": 0.4, "eps": 0})
>>> state = rule.start()
>>> rewards = np.array([[1.0, 0, 0, 0, 0]])
>>> rule.advantages(rewards, state=state)
array([[2.5, 0. , 0. , 0. , 0. ]])
>>> state = rule.after(state, {"correct": rewards, "rewards": rewards})
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field, fields, replace
from typing import Any

import numpy as np

from qae_sim.advantages.anchors import DifficultyAnchor
from qae_sim.advantages.availability import PLACES, require_place
from qae_sim.advantages.hidden_state_rank import RankBaselines
from qae_sim.advantages.registry import ESTIMATORS, Estimator, get
from qae_sim.advantages.terms import ANCHORS, AUTOMATIC, KINDS, SCHEDULES, AdvantageState, Estimating, Term, storable
from qae_sim.advantages.weights import ha_dw_weights
from qae_sim.arrays import Array, invalid, require_number, self_contained
from qae_sim.frozen import dataclass
from qae_sim.plain_values import from_plain, to_plain


@dataclass(frozen=True)
class AdvantageRule:
    """How rewards become advantages: A = Φ·Σ_j w_j·A_j, Φ of HA-DW and 1 without an anchor.

    Of several rewards each may have an estimator of its own: A = Σ_j w_j·A_j(r_j), terms with ``reward=j``.

    Attributes:
        estimator: A name from ``qae-sim estimators``, a function of rewards ``(..., G)``, or several of both as
            :class:`Term` s of a weighted sum.
        parameters: The estimator's parameters, such as ``{"k": 0.4}``; K may be a schedule (``LinearK(...)``)
            or automatic (``SuccessRateK()``, ``EntropyTargetK(...)``), CAPO's ``negatives`` a ``PhaseSwitch(...)``.
            CANON's ``metric`` is ``"entropy"`` (of the tokens, on average) or ``"length"``. The terms of a sum have
            parameters of their own.
        anchor: A difficulty anchor such as ``SoftAnchor()``: advantages are multiplied by HA-DW's Φ. ``"ha_dw"`` is
            GRPO with an anchor.
        lambda_scale: λ of Φ, > 0.
        correct_above: A response counts as correct, for HA-DW, if its reward is greater than this; None takes rewards
            as they are, and they must lie in [0, 1].

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An estimator or a parameter is unknown or out of range, or two settings contradict each other.

    Source:
        Yang et al., HA-DW (arXiv:2601.08521), Eqs. 13-17, for Φ; weighted sums of advantages are ours.

    Example:
        >>> from qae_sim.advantages import SoftAnchor
        >>> AdvantageRule("qae", {"k": 0.4}, SoftAnchor()).title
        'qae(k=0.4), SoftAnchor(), lambda_scale=1.3'
        >>> both = AdvantageRule((Term("grpo", weight=0.5), Term("dr_grpo", weight=0.5)))
        >>> both.advantages([[1.0, 0.0]], step=0).round(3)
        array([[ 0.75, -0.75]])
        >>> two = AdvantageRule((Term("dr_grpo"), Term("dr_grpo", weight=0.5, reward=1)))
        >>> two.advantages([[1.0, 0.0]], {"further": [[[0.0, 1.0]]]})
        array([[ 0.25, -0.25]])
    """

    estimator: Estimating | tuple[Term, ...] = "grpo"
    parameters: Mapping[str, Any] = field(default_factory=dict)
    anchor: DifficultyAnchor | None = None
    lambda_scale: float = 1.3
    correct_above: float | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.parameters, Mapping):
            raise invalid("parameters", self.parameters, "names and values", TypeError)
        object.__setattr__(self, "parameters", dict(self.parameters))
        if isinstance(self.estimator, list):
            object.__setattr__(self, "estimator", tuple(self.estimator))
        self._check_estimator()
        self._check_anchor()
        self.to_dict()  # whatever is used can be stored
        for term in self.terms:
            term.check()

    # --- its parts and properties ---

    @property
    def terms(self) -> tuple[Term, ...]:
        """The terms of the weighted sum; for a single estimator one term of weight 1."""
        if isinstance(self.estimator, tuple):
            return self.estimator
        return (Term(self.estimator, self.parameters),)

    @property
    def rows(self) -> tuple[Estimator, ...]:
        """Rows of the registry, one for each term."""
        return tuple(term.row for term in self.terms)

    @property
    def name(self) -> str:
        """The estimator's name; those of a sum are joined by +."""
        return "+".join(term.name for term in self.terms)

    @property
    def title(self) -> str:
        """Estimator, parameters and anchor, in one line."""
        plain = self.estimator if isinstance(self.estimator, tuple) else ()
        parts = [" + ".join(f"{t.weight:g}·{t.title}" for t in plain) or self.terms[0].title]
        if self.anchor is not None:
            anchor: Any = self.anchor
            told = [(item.name, getattr(anchor, item.name), item.default) for item in fields(anchor)]
            shown = ", ".join(f"{name}={value!r}" for name, value, default in told if value != default)
            parts += [f"{type(anchor).__name__}({shown})", f"lambda_scale={self.lambda_scale:g}"]
        if self.correct_above is not None:
            parts.append(f"correct_above={self.correct_above:g}")
        return ", ".join(parts)

    @property
    def inputs(self) -> tuple[str, ...]:
        """What :meth:`advantages` must be given besides rewards, names of :data:`~qae_sim.advantages.inputs.INPUTS`."""
        return tuple(dict.fromkeys(name for term in self.terms for name in term.inputs))

    @property
    def of_tokens(self) -> bool:
        """Whether single tokens have advantages of their own."""
        return any(row.of_tokens for row in self.rows)

    @property
    def of_batches(self) -> bool:
        """Whether responses are compared across the groups of a batch."""
        return any(row.of_batches for row in self.rows)

    @property
    def tabulated(self) -> bool:
        """Whether advantages in a 0/1 group depend on reward and number of successes alone, apart from HA-DW's Φ."""
        return all(term.row.tabulated and not term.reward for term in self.terms)

    @property
    def grouped(self) -> bool:
        """Whether all groups must have the same size."""
        return any(row.grouped for row in self.rows)

    @property
    def binary(self) -> str:
        """Name of a term that is defined for rewards of 0 and 1 alone; empty if there is none."""
        return next((row.name for row in self.rows if row.binary), "")

    @property
    def moving(self) -> tuple[str, ...]:
        """Names of the parameters that change from step to step, or follow the run."""
        return tuple(
            name
            for term in self.terms
            for name, value in term.parameters.items()
            if isinstance(value, SCHEDULES + AUTOMATIC)
        )

    def setting(self, name: str, default: Any = None) -> Any:
        """The value of a parameter, or its default, in the first term that has it.

        Args:
            name: The parameter.
            default: What to return where no term has it.

        Returns:
            A number, a schedule or an automatic K.

        Example:
            >>> AdvantageRule("qae").setting("k"), AdvantageRule("grpo").setting("k")
            (0.4, None)
        """
        for term in self.terms:
            known = {**term.row.settings, **term.parameters}
            if name in known:
                return known[name]
        return default

    def with_(self, **changes: Any) -> AdvantageRule:
        """Copy the rule with some fields changed.

        Args:
            **changes: Fields and their new values.

        Returns:
            The new rule, checked.
        """
        return replace(self, **changes)

    def with_defaults(self, defaults: Mapping[str, Any]) -> AdvantageRule:
        """Copy the rule with other defaults for the parameters that are not given and that the estimator has.

        Args:
            defaults: Names and values, such as a trainer's ``{"ddof": 1}``.

        Returns:
            The new rule.

        Example:
            >>> AdvantageRule("qae", {"eps": 0}).with_defaults({"ddof": 1, "eps": 1e-4}).parameters
            {'ddof': 1, 'eps': 0}
        """
        filled = tuple(
            replace(t, parameters={**{k: v for k, v in defaults.items() if k in t.row.settings}, **t.parameters})
            for t in self.terms
            if isinstance(t.estimator, str)
        )
        if not filled or len(filled) < len(self.terms):
            return self
        if isinstance(self.estimator, tuple):
            return replace(self, estimator=filled)
        return replace(self, parameters=filled[0].parameters)

    # --- checks ---

    def _check_estimator(self) -> None:
        """Check that the estimator is a name, a function or a sum of terms."""
        if isinstance(self.estimator, tuple):
            if not self.estimator or not all(isinstance(term, Term) for term in self.estimator):
                raise invalid("estimator", self.estimator, "one or several Terms", TypeError)
            if self.parameters:
                raise invalid("parameters", self.parameters, "empty with a sum: its terms have parameters of their own")
            for term in self.estimator:
                if isinstance(term.estimator, str) and get(term.estimator).weights:
                    raise invalid(
                        "estimator",
                        term.estimator,
                        "without HA-DW's weights in a sum: give anchor=...",
                    )
        elif not isinstance(self.estimator, str) and not callable(self.estimator):
            raise invalid("estimator", self.estimator, f"a function, or one of {', '.join(ESTIMATORS)}", TypeError)
        for term in self.terms:
            if isinstance(term.estimator, str):
                get(term.estimator)

    def _check_anchor(self) -> None:
        """Check the anchor, its scale and the threshold of rewards."""
        scale = require_number("lambda_scale", self.lambda_scale, low=0.0)
        if scale == 0:
            raise invalid("lambda_scale", 0, "positive")
        object.__setattr__(self, "lambda_scale", scale)
        if self.correct_above is not None:
            require_number("correct_above", self.correct_above)
            if self.anchor is None:
                raise invalid("correct_above", self.correct_above, "None without an anchor: only HA-DW uses it")
        if self.anchor is None:
            if isinstance(self.estimator, str) and get(self.estimator).weights:
                raise invalid(
                    "anchor", None, f"a difficulty anchor for estimator {self.estimator!r}, such as SoftAnchor()"
                )
            return
        if not isinstance(self.anchor, ANCHORS):
            raise invalid("anchor", self.anchor, "one of " + ", ".join(kind.__name__ for kind in ANCHORS), TypeError)

    def require_place(self, argument: str, place: str) -> None:
        """Check that the rule can be used in a place.

        Args:
            argument: The argument's name, for the error.
            place: A name from :data:`~qae_sim.advantages.availability.PLACES`.

        Raises:
            ValueError: It cannot be used there; the message says why.

        Example:
            >>> AdvantageRule("aapo").require_place("estimator", "bandits")
            Traceback (most recent call last):
            ValueError: estimator must be one that goes into the bandit simulator: it needs rewards of...
        """
        for term in self.terms:
            if isinstance(term.estimator, str):
                require_place(argument, term.estimator, place)
            if term.reward and "further" not in PLACES[place].gives:
                raise invalid(argument, term.title, f"of the first reward in {PLACES[place].title}, which has no other")
        if not PLACES[place].weights_tokens:
            self._refuse_weights_of_tokens()

    def _refuse_weights_of_tokens(self) -> None:
        """Raise if an anchor would have to weight the advantages of single tokens."""
        if self.anchor is not None and self.of_tokens:
            raise invalid("anchor", self.anchor, f"None with {self.name!r}, whose advantages are of tokens")

    # --- batches ---

    def start(self) -> AdvantageState:
        """The state before the first batch.

        Returns:
            The moving parts as they were declared.
        """
        parts: dict[str, Any] = {} if self.anchor is None else {"anchor": self.anchor}
        for number, term in enumerate(self.terms):
            automatic = {name: value for name, value in term.parameters.items() if isinstance(value, AUTOMATIC)}
            parts |= {self._place(number, name): value for name, value in automatic.items()}
        if "baselines" in self.inputs:
            parts["baselines"] = RankBaselines()
        return AdvantageState(parts)

    def _place(self, number: int, name: str) -> str:
        """The key of a term's automatic parameter in the state."""
        return name if len(self.terms) == 1 else f"{number}.{name}"

    def at(self, step: int, state: AdvantageState | None = None) -> tuple[Term, ...]:
        """The terms at a step, schedules and automatic parameters resolved to numbers.

        Args:
            step: Step >= 0.
            state: The state before the step; None: :meth:`start`.

        Returns:
            Terms whose parameters are numbers.

        Source:
            Wu et al., QAE (arXiv:2509.22611), Sec. 6 names a K that changes as future work.

        Example:
            >>> from qae_sim.advantages import LinearK
        >>> AdvantageRule("qae", {"k": LinearK(0.6, 0.4, steps=10), "eps": 0}).at(5)[0].parameters
            {'k': 0.5, 'eps': 0}
        """
        parts = {} if state is None else state.parts
        return tuple(
            term.at(step, {name: parts.get(self._place(number, name)) for name in term.parameters})
            for number, term in enumerate(self.terms)
        )

    def parameters_at(self, step: int, state: AdvantageState | None = None) -> dict[str, Any]:
        """The parameters of a single estimator at a step, as numbers.

        Args:
            step: Step >= 0.
            state: The state before the step; None: :meth:`start`.

        Returns:
            Names and values; those of the first term of a sum.

        Example:
            >>> from qae_sim.advantages import LinearK
        >>> AdvantageRule("qae", {"k": LinearK(0.6, 0.4, steps=10)}).parameters_at(5)
            {'k': 0.5}
        """
        return dict(self.at(step, state)[0].parameters)

    def k_at(self, step: int, state: AdvantageState | None = None) -> float | None:
        """K at a step.

        Args:
            step: Step >= 0.
            state: The state before the step; None: :meth:`start`.

        Returns:
            K of the first term that has one, in (0, 1); None where none has.
        """
        for term in self.at(step, state):
            known = {**term.row.settings, **term.parameters}
            if "k" in known:
                return float(known["k"])
        return None

    @self_contained
    def advantages(
        self,
        rewards: Array,
        inputs: Mapping[str, Any] | None = None,
        *,
        step: int = 0,
        state: AdvantageState | None = None,
        correct: Array | None = None,
    ) -> Array:
        """Turn rewards into advantages.

        Args:
            rewards: ``(B, G)``, or ``(..., G)`` where the estimator allows it.
            inputs: What the estimator needs besides them (:attr:`inputs`), by name; others are ignored. With
                ``further``, ``weights`` of the rewards may be given. Moving averages come from the state.
            step: Step >= 0, for schedules.
            state: The state before the batch; None: :meth:`start`.
            correct: What HA-DW compares with the anchor, in [0, 1], same shape; by default :meth:`correct` of the
                rewards.

        Returns:
            ``(..., G)``, or ``(..., G, T)`` where tokens have advantages of their own.

        Raises:
            TypeError: The rewards or an input hold no real numbers.
            ValueError: An input is missing, or the estimator refuses a value.

        Example:
            >>> AdvantageRule("dr_grpo").advantages([[1.0, 0.0, 0.0, 0.0]])
            array([[ 0.75, -0.25, -0.25, -0.25]])
        """
        given = dict(inputs or {})
        if state is not None and "baselines" in state.parts and "baselines" in self.inputs:
            usual = state.parts["baselines"]  # before the first batch there are none, and it is compared with itself
            given.setdefault("baselines", usual.update(given["dynamics"]) if usual.rank is None else usual)
        missing = [name for name in self.inputs if name not in given]
        if missing:
            raise ValueError(f"{self.name} needs {' and '.join(missing)} besides rewards")
        total = None
        for term in self.at(step, state):
            row, values = term.row, dict(term.parameters)
            values.pop("metric", None)
            if "further" in row.inputs and "weights" in given:
                values = {"weights": given["weights"]} | values
            looked_at = rewards if not term.reward else _further_reward(given["further"], term.reward)
            found = row.advantages(looked_at, **{name: given[name] for name in row.inputs}, **values)
            weighted = found if term.weight == 1 else term.weight * found
            if total is not None and getattr(weighted, "ndim", 0) != getattr(total, "ndim", 0):
                # One advantage for a response counts for each of its tokens.
                wide = weighted.ndim > total.ndim
                total, weighted = (total[..., None], weighted) if wide else (total, weighted[..., None])
            total = weighted if total is None else total + weighted
        anchor = self.anchor if state is None else state.anchor
        if anchor is None:
            return total
        self._refuse_weights_of_tokens()
        compared = self.correct(rewards) if correct is None else correct
        return ha_dw_weights(compared, total, anchor, lambda_scale=self.lambda_scale).Phi * total

    def correct(self, rewards: Any) -> Any:
        """What HA-DW counts as correct: the rewards themselves, or 1{r > ``correct_above``}.

        Args:
            rewards: Rewards, any shape.

        Returns:
            The rewards, or a NumPy array of 0 and 1 of the same shape.
        """
        if self.correct_above is None:
            return rewards
        return np.where(np.asarray(rewards) > self.correct_above, 1.0, 0.0)

    @self_contained
    def after(self, state: AdvantageState, observed: Mapping[str, Any]) -> AdvantageState:
        """The state after a batch.

        Args:
            state: The state before it.
            observed: What the moving parts observe, by name: ``correct`` (of all responses, ``(..., G)``, in
                [0, 1]), ``rewards``, ``entropy`` (a number, in nats), ``dynamics``. None: not observed
                in this batch, and the part stays as it is.

        Returns:
            The next state.

        Raises:
            ValueError: Something that a part observes is missing.

        Example:
            >>> from qae_sim.advantages import HardAnchor
        >>> rule = AdvantageRule("grpo", anchor=HardAnchor())
            >>> rule.after(rule.start(), {"correct": [[1, 0, 0, 0]]}).belief
            0.25
        """
        parts = {}
        for place, part in state.parts.items():
            if part.observes not in observed:
                raise invalid("observed", sorted(observed), f"with {part.observes!r}, which {place} follows")
            news = observed[part.observes]
            parts[place] = part if news is None else part.update(news)
        return AdvantageState(parts)

    # --- to and from files ---

    def to_dict(self) -> dict[str, Any]:
        """Describe the rule in values that JSON has.

        Returns:
            A dictionary that :meth:`from_dict` reads. A function is described by its name only; ``correct_above`` is
            left out where it is None.
        """
        plain = {
            "estimator": storable(self.estimator),
            "parameters": self.parameters,
            "anchor": self.anchor,
            "lambda_scale": self.lambda_scale,
        }
        if self.correct_above is not None:
            plain["correct_above"] = self.correct_above
        return {name: to_plain(value, name, KINDS) for name, value in plain.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> AdvantageRule:
        """Build the rule that :meth:`to_dict` described.

        Args:
            values: The dictionary; fields left out have their defaults.

        Returns:
            The rule. A function comes back as a name only: it can be read and compared, but not called.

        Raises:
            TypeError: A value is of the wrong type.
            ValueError: It describes no rule.

        Example:
            >>> AdvantageRule.from_dict(AdvantageRule("qae", {"k": 0.4}).to_dict()).title
            'qae(k=0.4)'
        """
        unknown = sorted(set(values) - set(FIELDS)) if isinstance(values, Mapping) else values
        if unknown or not isinstance(values, Mapping):
            raise invalid("rule", unknown, "fields among " + ", ".join(FIELDS))
        return cls(**{name: from_plain(value, name, KINDS) for name, value in values.items()})

    def stored(self, state: AdvantageState) -> dict[str, Any]:
        """Describe a state, and the rule that it belongs to, in values that JSON has.

        Args:
            state: The state.

        Returns:
            A dictionary that :meth:`restored` reads.
        """
        return {"rule": self.to_dict(), "parts": to_plain(dict(state.parts), "parts", KINDS)}

    def restored(self, values: Mapping[str, Any]) -> AdvantageState:
        """Read the state that :meth:`stored` described.

        Args:
            values: The dictionary.

        Returns:
            The state.

        Raises:
            TypeError: It is no such dictionary.
            ValueError: It belongs to another rule; the message names both.

        Example:
            >>> old, new = AdvantageRule("qae", {"k": 0.2}), AdvantageRule("qae", {"k": 0.4})
            >>> new.restored(old.stored(old.start()))
            Traceback (most recent call last):
            ValueError: the state was left by qae(k=0.2); this run has qae(k=0.4): go on with the first, or start anew
        """
        if not isinstance(values, Mapping) or set(values) != {"rule", "parts"}:
            raise invalid("state", values, "a state of a rule: 'rule' and 'parts'", TypeError)
        if values["rule"] != self.to_dict():
            try:
                left = AdvantageRule.from_dict(values["rule"]).title
            except (TypeError, ValueError):
                left = repr(values["rule"])
            raise ValueError(
                f"the state was left by {left}; this run has {self.title}: go on with the first, or start anew"
            )
        parts = from_plain(values["parts"], "parts", KINDS)
        kinds = {name: type(part) for name, part in self.start().parts.items()}
        if {name: type(part) for name, part in parts.items()} != kinds:
            raise invalid("parts", sorted(parts), f"those of {self.title}: {', '.join(kinds) or 'none'}")
        return AdvantageState(parts)


def _further_reward(further: Any, number: int) -> Any:
    """The further reward of a number, counted from 1."""
    count = 0 if further is None else len(further)
    if number > count:
        raise invalid(
            "further", count, f"at least {number} rewards besides the first, of which a term looks at the last"
        )
    return further[number - 1]


#: Fields of a rule; configurations that hold a rule accept them, too.
FIELDS = ("estimator", "parameters", "anchor", "lambda_scale", "correct_above")


def as_rule(value: Any) -> AdvantageRule:
    """Take a rule as it is, and make one of an estimator's name, a function, or terms.

    Args:
        value: A rule, or what :class:`AdvantageRule` takes as its estimator.

    Returns:
        The rule.

    Example:
        >>> as_rule("rloo").estimator
        'rloo'
    """
    return value if isinstance(value, AdvantageRule) else AdvantageRule(value)


def changed(rule: AdvantageRule, changes: dict[str, Any]) -> AdvantageRule:
    """Apply those changes of a configuration that concern its rule, and take them out of ``changes``.

    Args:
        rule: The configuration's rule.
        changes: Fields and new values; those of the rule are removed from the dictionary.

    Returns:
        The changed rule; a new ``rule`` among the changes is applied first.

    Example:
        >>> changes = {"estimator": "rloo", "eta": 0.1}
        >>> changed(AdvantageRule(), changes).estimator, changes
        ('rloo', {'eta': 0.1})
    """
    base = as_rule(changes.pop("rule", rule))
    own = {name: changes.pop(name) for name in FIELDS if name in changes}
    return base.with_(**own) if own else base
