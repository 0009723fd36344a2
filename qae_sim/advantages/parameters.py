"""What estimators are called with in a run: checked by name beforehand, resolved at each step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qae_sim.advantages.anchors import FixedAnchor, HardAnchor, SoftAnchor
from qae_sim.advantages.automatic import EntropyTargetK, SuccessRateK
from qae_sim.advantages.kalman_anchor import KalmanAnchor
from qae_sim.advantages.registry import get
from qae_sim.advantages.schedules import ConstantK, CosineK, LinearK, PhaseSwitch, TwoPhaseK
from qae_sim.arrays import invalid, require_choice

#: Difficulty anchors.
ANCHORS: tuple[type[Any], ...] = (FixedAnchor, SoftAnchor, HardAnchor, KalmanAnchor)
#: Functions of the step that may stand where a number is expected.
SCHEDULES: tuple[type[Any], ...] = (ConstantK, LinearK, CosineK, TwoPhaseK, PhaseSwitch)
#: A K that follows the run it is in.
AUTOMATIC: tuple[type[Any], ...] = (SuccessRateK, EntropyTargetK)
#: What CANON can sort by where responses are sampled: their mean token entropy, or their number of tokens.
METRICS = ("entropy", "length")


def parameters_at(parameters: Mapping[str, Any], step: int) -> dict[str, Any]:
    """An estimator's parameters at a step: schedules are called, an automatic K gives where it stands.

    Args:
        parameters: Names, and numbers, schedules or automatic Ks.
        step: Step >= 0.

    Returns:
        Names and numbers.

    Source:
        Wu et al., QAE (arXiv:2509.22611), Sec. 6 names a K that changes as future work.

    Example:
        >>> parameters_at({"k": LinearK(0.6, 0.4, steps=10), "eps": 0}, 5)
        {'k': 0.5, 'eps': 0}
    """
    values = {name: value(step) if isinstance(value, SCHEDULES) else value for name, value in parameters.items()}
    return {name: value.k if isinstance(value, AUTOMATIC) else value for name, value in values.items()}


def require_parameters(argument: str, estimator: str, parameters: Mapping[str, Any]) -> None:
    """Check that an estimator has the parameters that it is to be called with, and that only what may move does.

    Args:
        argument: What the message calls the parameters.
        estimator: A name from the table.
        parameters: Names, and numbers, schedules or automatic Ks.

    Raises:
        ValueError: It has no parameter of such a name, or something other than K and CAPO's ν moves.

    Example:
        >>> require_parameters("parameters", "grpo", {"k": 0.4})
        Traceback (most recent call last):
        ValueError: parameters must be named as those of grpo: eps, ddof; got 'k'
    """
    known = [*get(estimator).settings, *(["metric"] if "metric" in get(estimator).needs else [])]
    for name, value in parameters.items():
        if name not in known:
            raise invalid(argument, name, f"named as those of {estimator}: {', '.join(known) or 'none'}")
        if name == "metric":
            require_choice(f"{argument}: metric", value, METRICS)
        may_move = "negatives" if isinstance(value, PhaseSwitch) else "k"
        if isinstance(value, SCHEDULES + AUTOMATIC) and name != may_move:
            raise invalid(argument, value, f"a schedule for k alone (PhaseSwitch for negatives), not for {name}")


def require_anchor(anchor: object, estimator: object, level: str) -> None:
    """Check that a difficulty anchor is one, and that the estimator gives something that it can weight.

    Args:
        anchor: A difficulty anchor, or None for none.
        estimator: What the message calls the estimator.
        level: What the estimator looks at: ``"response"``, ``"batch"`` or ``"token"``.

    Raises:
        TypeError: It is something else.
        ValueError: The estimator values tokens.

    Example:
        >>> require_anchor(SoftAnchor(), "ktae", "token")
        Traceback (most recent call last):
        ValueError: anchor must be None with 'ktae', which values tokens, not responses; got SoftAnchor(...)
    """
    if anchor is None:
        return
    if not isinstance(anchor, ANCHORS):
        raise invalid("anchor", anchor, "one of " + ", ".join(kind.__name__ for kind in ANCHORS), TypeError)
    if level == "token":
        raise invalid("anchor", anchor, f"None with {estimator!r}, which values tokens, not responses")
