"""What is simulated: a problem, how it is learned, what is recorded, and the seed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from qae_sim.advantages.rule import FIELDS, AdvantageRule, as_rule, changed
from qae_sim.advantages.terms import AUTOMATIC, KINDS, NamedFunction
from qae_sim.arrays import invalid, require_choice, require_integer, require_number
from qae_sim.bandits._tables import table_of
from qae_sim.bandits.problems import Bandit, SequenceBandit
from qae_sim.plain_values import from_plain, to_plain
from qae_sim.softmax.binomial_law import LARGEST_GROUP

Problem: TypeAlias = Bandit | SequenceBandit


@dataclass(frozen=True)
class SGD:
    """Plain gradient steps: θ ← θ + η·g.

    Example:
        >>> SGD()
        SGD()
    """


@dataclass(frozen=True)
class Momentum:
    """Gradient steps with momentum: m ← β·m + g, θ ← θ + η·m.

    Attributes:
        beta: β, in [0, 1).

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        Polyak (1964), in the form of torch.optim.SGD without dampening.

    Example:
        >>> Momentum(0.9).beta
        0.9
    """

    beta: float = 0.9

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta", _below_one("beta", self.beta))


@dataclass(frozen=True)
class Adam:
    """Adam: m ← β₁m + (1-β₁)g, v ← β₂v + (1-β₂)g², θ ← θ + η·m̂ / (√v̂ + ε).

    m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) at its t-th step.

    Attributes:
        beta1: β₁, in [0, 1).
        beta2: β₂, in [0, 1).
        eps: ε, > 0.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        Kingma and Ba, Adam (arXiv:1412.6980), Algorithm 1.

    Example:
        >>> Adam(eps=1e-2).eps
        0.01
    """

    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8

    def __post_init__(self) -> None:
        object.__setattr__(self, "beta1", _below_one("beta1", self.beta1))
        object.__setattr__(self, "beta2", _below_one("beta2", self.beta2))
        eps = require_number("eps", self.eps, low=0.0)
        if eps == 0:
            raise invalid("eps", self.eps, "positive: coordinates without a gradient would divide 0 by 0")
        object.__setattr__(self, "eps", eps)


def _below_one(name: str, value: float) -> float:
    """Check a decay rate."""
    number = require_number(name, value, low=0.0, high=1.0)
    if number == 1:
        raise invalid(name, value, "less than 1")
    return number


@dataclass(frozen=True)
class Clip:
    """PPO's clip range of the ratio ρ = π/π_old: min(ρA, clip(ρ, 1 - low, 1 + high)·A).

    Attributes:
        low: ε_low, in [0, 1].
        high: ε_high, >= 0; with ``high > low`` this is DAPO's Clip-Higher.

    Raises:
        TypeError: A value is of the wrong type.
        ValueError: A value is out of range.

    Source:
        Schulman et al., PPO (arXiv:1707.06347), Eq. 7; Yu et al., DAPO (arXiv:2503.14476), Clip-Higher.

    Example:
        >>> Clip(0.2, 0.28).high
        0.28
    """

    low: float = 0.2
    high: float = 0.2

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", require_number("low", self.low, low=0.0, high=1.0))
        object.__setattr__(self, "high", require_number("high", self.high, low=0.0))


Optimizer: TypeAlias = SGD | Momentum | Adam

#: What can be recorded, and what it means. See :class:`Study` for how records of single steps are gathered.
RECORDS: Mapping[str, str] = MappingProxyType(
    {
        "entropy": "entropy of the policy before the step, in nats (of whole sequences for a SequenceBandit)",
        "correct_entropy": "entropy of the policy among correct responses before the step, in nats; nan without any",
        "success": "success probability before the step",
        "pass_at_k": "probability that one of `pass_at` responses is correct, before the step",
        "length": "expected number of tokens of a response before the step",
        "accuracy": "share of correct responses in the batch",
        "zero_share": "share of advantages that are exactly 0",
        "clip_low": "share of ratios below 1 - low that the clip stopped",
        "clip_high": "share of ratios above 1 + high that the clip stopped",
        "entropy_change_positive": "entropy change due to positive advantages, in nats, summed over the steps",
        "entropy_change_negative": "entropy change due to negative advantages, in nats, summed over the steps",
        "baseline": "reward at which the estimator's advantage would be 0, mean over groups",
        "anchor": "belief of the anchor before the step",
        "attempts": "groups sampled for each group kept",
    }
)

#: Records of the policy before a step; the others describe the step itself.
STATE_RECORDS = ("entropy", "correct_entropy", "success", "pass_at_k", "length", "anchor")


@dataclass(frozen=True)
class Study:
    """A simulation: ``runs`` independent learners of one problem, step by step.

    Each step every learner samples a batch: one group of G responses to each prompt, or to ``queries`` drawn ones. The
    estimator turns rewards into advantages, and the learner ascends the gradient of the batch's mean of A·log π, or of
    PPO's clipped surrogate if it takes several steps per batch:

    Δθ = η·∇_θ (1/B) Σ_groups Σᵢ ωᵢ min(ρᵢAᵢ, clip(ρᵢ)Aᵢ),  ω = 1/G for bandits

    Row s of a record belongs to step s·``every``: records of the policy are taken before that step, records of steps
    are the mean (entropy changes: the sum) over the steps from there to the next row.

    Attributes:
        problem: :class:`Bandit` or :class:`SequenceBandit`.
        rule: How rewards become advantages: an :class:`~qae_sim.advantages.AdvantageRule`, or an estimator's name or
            function, of which one is made.
        group_size: G, 2..1000.
        steps: T, batches per run, >= 1.
        runs: R, independent learners, >= 1.
        eta: Step size η (the learning rate of Adam), > 0.
        update: ``"policy_gradient"``, or ``"paper"``: the update of QAE's Proposition 4.2 realised by samples, which
            adds to the sampled logits only and drops the softmax normaliser.
        dynamics: ``"sampled"`` groups, or their exact ``"expected"`` update.
        optimizer: :class:`SGD`, :class:`Momentum` or :class:`Adam`.
        clip: :class:`Clip`, or None for no clipping.
        epochs: Passes over each batch, >= 1.
        minibatches: Gradient steps per pass, each on an equal part of the batch, >= 1.
        queries: Prompts drawn (by weight, with replacement) for each batch; None for all of them, once each.
        attempts: Dynamic sampling (DAPO): a group whose responses are all correct or all wrong is sampled again, with
            a new prompt where prompts are drawn, up to this many groups in all; 1 is no dynamic sampling.
        loss: How the tokens of a sequence share its weight: ``"sequence"`` (mean over its tokens), ``"token"`` (mean
            over all tokens of the batch) or ``"constant"`` (sum over tokens / L). No difference for bandits.
        records: What to record, names from :data:`RECORDS`.
        every: Steps between rows, >= 1.
        pass_at: k of ``pass_at_k``, >= 1.
        algorithm: ``"dense"`` samples every group; ``"events"`` jumps to the next group that changes something,
            with exactly the same distribution; ``"auto"`` switches each run from the first to the second when such
            groups get rare.
        seed: Seed of all random streams, >= 0.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: A value is out of range, or two settings contradict each other; the message says which.

    Example:
        >>> from qae_sim.advantages import AdvantageRule
        >>> study = Study(Bandit.uniform(10, 3), AdvantageRule("qae", {"k": 0.4}), steps=100, runs=8)
        >>> study.with_(eta=0.1).eta, study.with_(estimator="rloo", parameters={}).rule.name
        (0.1, 'rloo')
    """

    problem: Problem
    rule: AdvantageRule = field(default_factory=AdvantageRule)
    group_size: int = 16
    steps: int = 300
    runs: int = 256
    eta: float = 0.5
    update: Literal["policy_gradient", "paper"] = "policy_gradient"
    dynamics: Literal["sampled", "expected"] = "sampled"
    optimizer: Optimizer = SGD()
    clip: Clip | None = None
    epochs: int = 1
    minibatches: int = 1
    queries: int | None = None
    attempts: int = 1
    loss: Literal["sequence", "token", "constant"] = "sequence"
    records: tuple[str, ...] = ("entropy", "success")
    every: int = 1
    pass_at: int = 8
    algorithm: Literal["auto", "dense", "events"] = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if not isinstance(self.problem, Bandit | SequenceBandit):
            raise invalid("problem", self.problem, "a Bandit or a SequenceBandit", TypeError)
        values: dict[str, Any] = {
            "group_size": require_integer("group_size", self.group_size, low=2, high=LARGEST_GROUP),
            "eta": require_number("eta", self.eta, low=0.0),
            "rule": as_rule(self.rule),
            "records": tuple(self.records),
        }
        for name in ("steps", "runs", "epochs", "minibatches", "attempts", "every", "pass_at"):
            values[name] = require_integer(name, getattr(self, name), low=1)
        values["seed"] = require_integer("seed", self.seed)
        if self.queries is not None:
            values["queries"] = require_integer("queries", self.queries, low=1)
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if self.eta == 0:
            raise invalid("eta", 0, "positive")
        require_choice("update", self.update, ("policy_gradient", "paper"))
        require_choice("dynamics", self.dynamics, ("sampled", "expected"))
        require_choice("loss", self.loss, ("sequence", "token", "constant"))
        require_choice("algorithm", self.algorithm, ("auto", "dense", "events"))
        _require_kind("optimizer", self.optimizer, SGD, Momentum, Adam)
        if self.clip is not None:
            _require_kind("clip", self.clip, Clip)
        json.dumps(self.to_dict(), allow_nan=False)  # whatever is simulated can be stored
        _check_rule(self)
        _check_records(self)
        _check_combination(self)
        reason = self.dense_only
        if self.algorithm == "events" and reason:
            raise invalid("algorithm", "events", f"'dense' or 'auto' here: events cannot be skipped with {reason}")

    # --- what follows from the fields ---

    @property
    def batch_queries(self) -> int:
        """B, the number of groups in a batch."""
        if self.queries is not None:
            return self.queries
        return self.problem.queries if isinstance(self.problem, Bandit) else 1

    @property
    def dense_only(self) -> str | None:
        """Why groups that change nothing cannot be skipped, in words; None if they can be."""
        problem = self.problem
        several = not isinstance(problem, Bandit) or problem.queries > 1 or problem.features is not None
        reasons = (
            (several, "anything but one prompt with its own logits"),
            (self.dynamics == "expected", "expected dynamics"),
            (not isinstance(self.optimizer, SGD), "an optimiser that moves without a gradient"),
            (not self.rule.tabulated, "an estimator that looks at more than the rewards of a group"),
            (self.rule.anchor is not None, "an anchor, which every batch moves"),
            (self.rule.moving, "a scheduled parameter"),
            (self.attempts > 1, "dynamic sampling"),
            (self.queries is not None, "drawn prompts"),
            (self.epochs * self.minibatches > 1, "several steps per batch"),
        )
        return next((reason for holds, reason in reasons if holds), None)

    def with_(self, **changes: Any) -> Study:
        """Copy the study with some fields changed.

        Args:
            **changes: Fields of the study or of its rule, and their new values.

        Returns:
            The new study, checked.
        """
        rule = changed(self.rule, changes)
        return replace(self, rule=rule, **changes)

    # --- to and from plain values ---

    def to_dict(self) -> dict[str, Any]:
        """Describe the study in values that JSON has.

        Returns:
            A dictionary that :meth:`from_dict` reads; the fields of the rule are among those of the study. A
            function is described by its name only.
        """
        plain = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "rule"}
        return self.rule.to_dict() | {name: to_plain(value, name, _KINDS) for name, value in plain.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Study:
        """Build the study that :meth:`to_dict` described.

        Args:
            values: The dictionary.

        Returns:
            The study. A function comes back as a name only: it can be read and compared, but not simulated.

        Raises:
            TypeError: A value is of the wrong type.
            ValueError: It describes no study.
        """
        names = {item.name for item in fields(cls)} - {"rule"} | set(FIELDS)
        if not isinstance(values, Mapping) or not set(values) <= names:
            unknown = sorted(set(values) - names) if isinstance(values, Mapping) else values
            raise invalid("study", unknown, "a description by Study.to_dict, with fields " + ", ".join(sorted(names)))
        of_rule = {name: value for name, value in values.items() if name in FIELDS}
        others = {name: from_plain(value, name, _KINDS) for name, value in values.items() if name not in FIELDS}
        return cls(rule=AdvantageRule.from_dict(of_rule), **others)


_KINDS: tuple[type, ...] = (Bandit, SequenceBandit, SGD, Momentum, Adam, Clip, *KINDS)


def _require_kind(name: str, value: Any, *kinds: type) -> None:
    """Check that a field is one of a few dataclasses."""
    if not isinstance(value, kinds):
        raise invalid(name, value, "one of " + ", ".join(kind.__name__ for kind in kinds), TypeError)


def _check_rule(study: Study) -> None:
    """Check that the rule can be used in simulated bandits."""
    study.rule.require_place("estimator", "bandits")
    if study.rule.correct_above is not None:
        raise invalid("correct_above", study.rule.correct_above, "None here, where rewards are 0 and 1")
    for term in study.rule.terms:
        if term.parameters.get("metric", "length") != "length":
            raise invalid("parameters", term.parameters["metric"], "'length', the only metric of responses here")
        for value in term.parameters.values():
            if isinstance(value, AUTOMATIC):
                raise invalid("parameters", value, "a number or a schedule: simulated bandits have no automatic K")
    if not study.rule.tabulated or any(isinstance(term.estimator, NamedFunction) for term in study.rule.terms):
        return
    for step in {0, study.steps - 1}:  # both ends of the parameters' schedules
        if not table_of(study.rule, study.group_size, step).quiet and study.algorithm == "events":
            raise invalid(
                "algorithm", "events", "'dense' or 'auto' for an estimator that moves groups of equal rewards"
            )


def _check_records(study: Study) -> None:
    """Check that each record is known, asked for once, and defined for this study."""
    for index, name in enumerate(study.records):
        require_choice("records", name, tuple(RECORDS))
        if name in study.records[:index]:
            raise invalid("records", study.records, f"different from each other ({name!r} is there twice)")
    needs = {
        "anchor": (study.rule.anchor is not None, "an anchor"),
        "length": (isinstance(study.problem, SequenceBandit), "a SequenceBandit"),
        "clip_low": (study.clip is not None, "a clip"),
        "clip_high": (study.clip is not None, "a clip"),
        "baseline": (study.rule.tabulated, "an estimator that looks at the rewards of a group alone"),
    }
    for name in study.records:
        has, what = needs.get(name, (True, ""))
        if not has:
            raise invalid("records", name, f"defined here: {name!r} needs {what}")
    if study.every > study.steps:
        raise invalid("every", study.every, f"at most steps = {study.steps}")


def _check_combination(study: Study) -> None:
    """Check that the settings do not contradict each other."""
    sequences = isinstance(study.problem, SequenceBandit)
    if sequences and study.queries is not None:
        raise invalid("queries", study.queries, "None for a SequenceBandit, which is one prompt")
    responses = study.batch_queries * study.group_size
    if responses % study.minibatches:
        raise invalid("minibatches", study.minibatches, f"a divisor of the batch's {responses} responses")
    if study.dynamics != "expected":
        return
    contradictions = (
        ("epochs", study.epochs > 1, "1 (several steps on one batch have no closed expectation)"),
        ("minibatches", study.minibatches > 1, "1 (several steps on one batch have no closed expectation)"),
        ("clip", study.clip is not None, "None (a single step per batch is never clipped)"),
        ("anchor", study.rule.anchor is not None, "None (the anchor follows the batches that are sampled)"),
        ("estimator", not study.rule.tabulated, "one that looks at the rewards of a group alone"),
        ("update", sequences and study.update == "paper", "'policy_gradient' for a SequenceBandit"),
    )
    for name, contradicts, allowed in contradictions:
        if contradicts:
            owner = study.rule if name in FIELDS else study
            raise invalid(name, getattr(owner, name), f"{allowed} with dynamics='expected'")
    if sequences and study.problem.end is not None and study.loss != "constant":  # type: ignore[union-attr]
        raise invalid("loss", study.loss, "'constant' with dynamics='expected' and sequences of different lengths")
