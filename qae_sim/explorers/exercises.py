"""Exercises of the lessons by name: how an answer is judged, what a wrong one may come from, and a solution."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qae_sim.advantages import AdvantageRule, grpo, ha_dw_weights, ktae, qae, quantile_baseline
from qae_sim.bandits import Bandit, Study, simulate
from qae_sim.softmax import binomial, covariance, entropy, paper_update


@dataclass(frozen=True)
class Misconception:
    """A wrong answer that can be recognised by what it gives.

    Attributes:
        slip: A function that makes this mistake and no other.
        hint: What to think about, without the answer.
    """

    slip: Callable[..., Any]
    hint: str


@dataclass(frozen=True)
class FunctionExercise:
    """A function to write.

    Attributes:
        reference: Ours.
        cases: Arguments on which both are compared, easiest first.
        solution: Code of a solution, which defines the function and needs nothing else.
        misconceptions: Wrong answers that are recognised.
    """

    reference: Callable[..., Any]
    cases: tuple[tuple[Any, ...], ...]
    solution: str
    misconceptions: tuple[Misconception, ...] = ()

    def judge(self, answer: Any) -> tuple[str, str]:
        """Compare a learner's function with ours.

        Args:
            answer: The function.

        Returns:
            What is wrong, empty if nothing is; and what to say if nothing is.
        """
        for case in self.cases:
            wanted = np.asarray(self.reference(*case), dtype=float)
            try:
                given = np.asarray(answer(*case), dtype=float)
            except Exception as error:
                return f"For {case} it raises {type(error).__name__}: {error}.", ""
            if not _same(given, wanted):
                said = f"For {case} it should give {_numbers(wanted)}; yours gives {_numbers(given)}."
                return " ".join(filter(None, (said, self._hint(answer)))), ""
        return "", f"Right in all {len(self.cases)} cases."

    def _hint(self, answer: Callable[..., Any]) -> str:
        """What to say to an answer that agrees with a misconception in every case."""
        for misconception in self.misconceptions:
            try:
                if all(_same(answer(*case), misconception.slip(*case)) for case in self.cases):
                    return f"Hint: {misconception.hint}"
            except Exception:  # the learner's function fails elsewhere: this one is not its mistake
                continue
        return ""


@dataclass(frozen=True)
class FreeExercise:
    """Something to find that has many right answers.

    Attributes:
        wrong: What is wrong with an answer, in words; empty if nothing is.
        praise: What to say to a right one.
        solution: Code of a solution, which defines ``answer`` and needs nothing else.
    """

    wrong: Callable[[Any], str]
    praise: str
    solution: str

    def judge(self, answer: Any) -> tuple[str, str]:
        """Say what is wrong with an answer.

        Args:
            answer: The learner's.

        Returns:
            What is wrong, empty if nothing is; and what to say if nothing is.
        """
        try:
            return self.wrong(answer), self.praise
        except (TypeError, ValueError) as error:
            return f"It is not of the form that was asked for: {error}.", ""


def _same(given: Any, wanted: Any) -> bool:
    """Whether two results agree to five decimals."""
    one, other = np.asarray(given, dtype=float), np.asarray(wanted, dtype=float)
    return one.shape == other.shape and np.allclose(one, other, atol=1e-5, equal_nan=True)


def _numbers(values: Any) -> str:
    """Numbers for a reader."""
    return str(np.round(values, 4).tolist())


def _code(text: str) -> str:
    """Code written between triple quotes."""
    return textwrap.dedent(text).strip()


# --- functions to write -----------------------------------------------------------------------------------------------

_GROUPS: list[list[int]] = [[1, 0, 0, 0], [1, 1, 1, 0], [1, 0], [1, 1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0]]
_MIXED = _GROUPS[:4]


def _mixed_mean(g: int, p: float) -> float:
    """E[p̂ | mixed], by enumeration."""
    chance = binomial(np.asarray(p), g)[1:-1]
    return float((chance * np.arange(1, g) / g).sum() / chance.sum())


def _some_correct_mean(g: int, p: float) -> float:
    """E[p̂ | at least one correct]."""
    return p / (1 - (1 - p) ** g)


def _weights(rewards: Any, c: float, scale: float) -> NDArray[np.float64]:
    """HA-DW's weights Φ."""
    return np.asarray(ha_dw_weights(rewards, np.array(rewards) - np.mean(rewards), c, lambda_scale=scale).Phi)


def _net_push(c: int, g: int, k: float) -> float:
    """The mean advantage of QAE in a group with c correct responses of G."""
    return float(qae([1.0] * c + [0.0] * (g - c), k=k, eps=0.0).mean())


def _log_pi(z: Any) -> NDArray[np.float64]:
    """Log-probabilities."""
    z = np.asarray(z, dtype=float)
    return np.asarray(z - z.max() - np.log(np.exp(z - z.max()).sum()))


def _entropy_change(z: Any, r: Any, b: float) -> float:
    """-Cov(log π, π(r - b))."""
    return -float(covariance(np.array(z), _log_pi(z), paper_update(z, r, b, eta=1.0)))


def _uncentred(z: Any, r: Any, b: float) -> float:
    """-E[log π · π(r - b)]: the product of the means is missing."""
    pi = np.exp(_log_pi(z))
    return -float(pi @ (_log_pi(z) * pi * (np.array(r) - b)))


def _without_pi(z: Any, r: Any, b: float) -> float:
    """-Cov(log π, r - b)."""
    return -float(covariance(np.array(z), _log_pi(z), np.array(r, dtype=float) - b))


def _unweighted(z: Any, r: Any, b: float) -> float:
    """Covariance over arms that all count alike, not under π."""
    log_pi = _log_pi(z)
    step = np.exp(log_pi) * (np.array(r) - b)
    return -float((log_pi * step).mean() - log_pi.mean() * step.mean())


def _update(pi: Any, arms: Any, advantages: Any) -> NDArray[np.float64]:
    """(1/G) Σ A (e - π)."""
    scores = np.eye(len(pi))[np.array(arms)] - np.array(pi)
    return np.asarray((np.array(advantages)[:, None] * scores).mean(axis=0))


def _drawn_only(pi: Any, arms: Any, advantages: Any) -> NDArray[np.float64]:
    """(1/G) Σ A e: -π is missing."""
    return np.asarray((np.array(advantages)[:, None] * np.eye(len(pi))[np.array(arms)]).mean(axis=0))


_FUNCTIONS: dict[str, FunctionExercise] = {
    "mean baseline": FunctionExercise(
        lambda rewards: np.array(rewards) - np.mean(rewards),
        tuple((group,) for group in _GROUPS),
        _code("""
            def advantages(rewards):
                mean = sum(rewards) / len(rewards)
                return [reward - mean for reward in rewards]
        """),
        (
            Misconception(lambda rewards: np.mean(rewards) - np.array(rewards), "Which of the two is subtracted?"),
            Misconception(
                lambda rewards: [r - (sum(rewards) - r) / (len(rewards) - 1) for r in rewards],
                "That leaves each response out of its own mean, which is RLOO.",
            ),
        ),
    ),
    "quantile baseline": FunctionExercise(
        lambda rewards, k: quantile_baseline(rewards, k),
        tuple((group, k) for group in _GROUPS for k in (0.4, 0.2, 0.8, 0.5)),
        _code("""
            import math


            def quantile(rewards, k):
                rank = math.ceil(k * len(rewards) - 1e-9)  # k * len(rewards) may be off by rounding
                return sorted(rewards)[rank - 1]
        """),
        (
            Misconception(lambda rewards, k: float(np.mean(rewards)), "That is the mean: sort, and count."),
            Misconception(
                lambda rewards, k: float(np.quantile(rewards, k)),
                "That lies between two rewards: NumPy interpolates unless it is told method='inverted_cdf'.",
            ),
            Misconception(
                lambda rewards, k: sorted(rewards)[min(int(k * len(rewards) + 1e-9), len(rewards) - 1)],
                "Where k times G is whole, that is one place too far: the share up to x need only be at least K.",
            ),
            Misconception(
                lambda rewards, k: quantile_baseline([-r for r in rewards], k) * -1.0,
                "You have sorted from the best down: the share K counts from the worst up.",
            ),
        ),
    ),
    "qae": FunctionExercise(
        lambda rewards, k: qae(rewards, k, eps=1e-6),
        tuple((group, k) for group in _GROUPS for k in (0.4, 0.8)),
        _code("""
            import numpy as np


            def advantages(rewards, k):
                r = np.array(rewards, dtype=float)
                return (r - np.quantile(r, k, method="inverted_cdf")) / (r.std() + 1e-6)
        """),
        (
            Misconception(
                lambda rewards, k: np.array(rewards) - quantile_baseline(rewards, k),
                "The baseline is right; QAE also divides by the standard deviation.",
            ),
            Misconception(lambda rewards, k: grpo(rewards, eps=1e-6), "That subtracts the mean, not the quantile."),
        ),
    ),
    "grpo": FunctionExercise(
        lambda rewards: grpo(rewards, eps=1e-6),
        tuple((group,) for group in _GROUPS),
        _code("""
            import numpy as np


            def advantages(rewards):
                r = np.array(rewards, dtype=float)
                return (r - r.mean()) / (r.std() + 1e-6)
        """),
        (
            Misconception(
                lambda rewards: grpo(rewards, eps=1e-6, ddof=1),
                "That divides by G - 1 inside the standard deviation, as trainers do; the population's divides by G.",
            ),
            Misconception(
                lambda rewards: np.array(rewards) - np.mean(rewards),
                "The baseline is right; now divide by the standard deviation.",
            ),
            Misconception(
                lambda rewards: (np.array(rewards) - np.mean(rewards)) / (np.var(rewards) + 1e-6),
                "That divides by the variance: take its root.",
            ),
        ),
    ),
    "entropy change": FunctionExercise(
        _entropy_change,
        (([0.0, 0.0], [1, 0], 0.5), ([2.0, 0.0], [1, 0], 0.0), ([2.0, 0.0, -1.0], [0, 1, 0], 1.0)),
        _code("""
            import numpy as np


            def change(z, r, b):
                pi = np.exp(z) / np.exp(z).sum()
                log_pi, step = np.log(pi), pi * (np.array(r) - b)
                return -(pi @ (log_pi * step) - (pi @ log_pi) * (pi @ step))
        """),
        (
            Misconception(lambda z, r, b: -_entropy_change(z, r, b), "The sign: raising what is likely lowers H."),
            Misconception(_uncentred, "A covariance is E[XY] - E[X]E[Y]: the second product is missing."),
            Misconception(_without_pi, "The paper's update is π(r - b): a rare arm moves little."),
            Misconception(_unweighted, "Both means are under π: likely arms count more."),
        ),
    ),
    "group update": FunctionExercise(
        _update,
        (
            ([0.5, 0.5], [0, 1], [1.0, -1.0]),
            ([0.3, 0.45, 0.25], [0, 1, 1, 2], [1.7, -0.6, -0.6, -0.6]),
            ([0.3, 0.45, 0.25], [0, 0, 2, 1], [2.0, 2.0, 0.0, 0.0]),
        ),
        _code("""
            import numpy as np


            def update(pi, arms, advantages):
                total = np.zeros(len(pi))
                for arm, advantage in zip(arms, advantages):
                    score = -np.array(pi)
                    score[arm] += 1
                    total += advantage * score
                return total / len(arms)
        """),
        (
            Misconception(_drawn_only, "What is drawn goes up, but probabilities add up to 1: the score has a −π."),
            Misconception(
                lambda pi, arms, advantages: _update(pi, arms, advantages) * len(arms),
                "That is the sum over the group; the update is its mean.",
            ),
            Misconception(
                lambda pi, arms, advantages: _update(pi, arms, np.ones(len(arms))),
                "Each score is multiplied by the advantage of its response.",
            ),
        ),
    ),
    "bias": FunctionExercise(
        lambda g, p: _mixed_mean(g, p) - p,
        ((2, 0.5), (8, 0.2), (8, 0.8), (4, 0.1)),
        _code("""
            def bias(g, p):
                return (p - p**g) / (1 - (1 - p) ** g - p**g) - p
        """),
        (
            Misconception(lambda g, p: 0.0, "That is the bias over all groups; here only mixed ones count."),
            Misconception(_mixed_mean, "That is the mean itself: how far is it from p?"),
            Misconception(
                lambda g, p: _some_correct_mean(g, p) - p,
                "That leaves out the groups without a correct response; those without a wrong one must go, too.",
            ),
        ),
    ),
    "weights": FunctionExercise(
        _weights,
        (([1, 0, 0, 0], 0.5, 1.0), ([1, 1, 1, 0], 0.5, 1.3), ([1, 1, 0, 0], 0.5, 1.3)),
        _code("""
            import numpy as np


            def weights(rewards, c, scale):
                p = np.mean(rewards)
                direction = -np.sign(np.array(rewards) - p) * np.sign(p - c)
                return scale * np.exp(direction * abs(p - c))
        """),
        (
            Misconception(
                lambda rewards, c, scale: scale**2 / _weights(rewards, c, scale),
                "The sign of D: on a hard prompt a correct response is to count more.",
            ),
            Misconception(lambda rewards, c, scale: _weights(rewards, c, scale) / scale, "Where is λ?"),
            Misconception(
                lambda rewards, c, scale: np.full(len(rewards), scale * np.exp(abs(np.mean(rewards) - c))),
                "D depends on the response: correct and wrong ones are weighted in opposite directions.",
            ),
        ),
    ),
    "net push": FunctionExercise(
        _net_push,
        ((2, 10, 0.4), (8, 10, 0.4), (5, 10, 0.8), (1, 16, 0.4)),
        _code("""
            def push(c, g, k):
                p = c / g
                b = 0 if p <= 1 - k else 1
                return (p - b) / (p * (1 - p)) ** 0.5
        """),
        (
            Misconception(lambda c, g, k: 0.0, "That is the mean baseline: QAE subtracts the K-quantile, 0 or 1 here."),
            Misconception(
                lambda c, g, k: _net_push(c, g, k) * (c / g * (1 - c / g)) ** 0.5,
                "Those are rewards less the baseline; an advantage is divided by the standard deviation, too.",
            ),
            Misconception(lambda c, g, k: g * _net_push(c, g, k), "That is the sum; the mean is asked for."),
            Misconception(
                lambda c, g, k: _net_push(c, g, 1 - k),
                "The gate: b is 0 as long as the share of correct ones is at most 1 − K.",
            ),
        ),
    ),
    "entropy": FunctionExercise(
        lambda z: entropy(z),
        (([0.0, 0.0],), ([1.0, 0.0, -1.0],), ([30.0, 0.0],)),
        _code("""
            import numpy as np


            def entropy(z):
                pi = np.exp(z) / np.exp(z).sum()
                return -(pi * np.log(pi)).sum()
        """),
        (
            Misconception(lambda z: -entropy(z), "The sign: entropy is never negative."),
            Misconception(lambda z: entropy(z) / np.log(2), "Those are bits; nats take the natural logarithm."),
        ),
    ),
}


# --- things to find ---------------------------------------------------------------------------------------------------


def _wrong_order(answer: Any) -> str:
    """Whether (q, η) of two arms breaks the order of Proposition 4.2's first item."""
    q, eta = (float(value) for value in answer)
    if not 0 < q < 1 or not eta > 0:
        return "q is a probability between 0 and 1, and eta is positive."
    if (q, eta) == (0.49, 0.1):
        return "That is the preset's. Find one of your own."
    if q >= 0.5:
        return "From q = 1/2 on the order holds at every step size: what is raised is likely already."
    limit = 2 * np.log((1 - q) / q)
    if eta <= limit:
        return f"At q = {q:g} the order holds up to eta = {limit:.3f}. Go nearer to a uniform policy, or step further."
    z = np.log([q, 1 - q])
    at = [float(entropy(z + paper_update(z, [1, 0], b, eta=eta)) - entropy(z)) for b in np.linspace(0, 1, 201)]
    return "" if min(at) < at[0] - 1e-12 else "There b = 0 still gives the smallest change."


#: What lesson 4's exercise starts from.
COMPARED = Study(Bandit.uniform(20, 6), AdvantageRule("grpo"), eta=0.5, steps=100, runs=32, records=("entropy",))


def _wrong_study(answer: Any) -> str:
    """Whether a study differs from that of lesson 4 in one field, and keeps an entropy above 1."""
    if not isinstance(answer, Study):
        return "The answer is a study: study.with_(...)."
    names = [field.name for field in fields(Study)]
    changed = [name for name in names if getattr(answer, name) != getattr(COMPARED, name)]
    if not changed:
        return "Nothing has been changed."
    if len(changed) > 1:
        return f"One field is to change, and here are {len(changed)}: {', '.join(changed)}."
    if changed[0] not in ("rule", "eta", "optimizer", "update"):
        return f"{changed[0]} is not among the fields to choose from: rule, eta, optimizer, update."
    reached = float(simulate(answer.with_(records=("entropy",)))["entropy"][-1].mean())
    if reached > 1.0:
        return ""
    hints = {
        "rule": "Another baseline goes the same way at another pace: what sets how far it goes?",
        "eta": "In which direction does eta have to go?",
    }
    return f"The entropy ends at {reached:.2f}. {hints.get(changed[0], '')}".strip()


def _wrong_words(answer: Any) -> str:
    """Whether *so* has a positive key-token value in the first of four responses."""
    words: list[list[str]] = [list(response) for response in answer]
    if len(words) != 4 or {len(response) for response in words} != {2}:
        return "There are four responses of two words each."
    if "so" not in words[0]:
        return "The first response does not contain 'so'."
    names = sorted({word for response in words for word in response})
    ids = [[names.index(word) for word in response] for response in words]
    value = float(ktae([1, 1, 0, 0], ids, [[1, 1]] * 4).key_values[0][words[0].index("so")])
    if value > 0:
        return ""
    correct, wrong = (sum("so" in response for response in part) for part in (words[:2], words[2:]))
    hint = (
        "It is said by as many correct as wrong responses."
        if correct == wrong
        else "It has to be said by more correct responses than wrong ones."
        if correct < wrong
        else "A word that only correct responses say is one thing; how often the others say it counts, too."
    )
    return f"The value of 'so' is {value:.3f}. {hint}"


def _wrong_root(answer: Any) -> str:
    """Whether an interval isolates the root of 1 - 8 p⁷."""
    intervals: Sequence[Any] = list(answer)
    if len(intervals) != 1:
        return f"There is one root between 0 and 1; here are {len(intervals)} intervals."
    low, high = (Fraction(end) for end in intervals[0])
    if low == high == Fraction(1, 2):
        return "That is the root for G = 2."
    if not 8 * low**7 < 1 < 8 * high**7:
        return f"At its ends, {float(low):.4f} and {float(high):.4f}, 1 - 8 p^7 has the same sign."
    if high - low > Fraction(1, 1000):
        return f"The root is inside, but the interval is {float(high - low):.4f} wide: give a width."
    return ""


_FREE: dict[str, FreeExercise] = {
    "order": FreeExercise(
        _wrong_order,
        "Right: there another baseline gives a smaller change than b = 0.",
        _code("""
            answer = 0.45, 0.6  # the limit at q = 0.45 is 2 log(0.55 / 0.45) = 0.40
        """),
    ),
    "high entropy": FreeExercise(
        _wrong_study,
        "Right, the entropy ends above 1. Is it the direction that has changed, or how far the run went?",
        _code("""
            from qae_sim.bandits import Bandit, Study

            study = Study(Bandit.uniform(20, 6), "grpo", eta=0.5, steps=100, runs=32, records=("entropy",))
            answer = study.with_(eta=0.1)  # it goes less far on the same path
        """),
    ),
    "so": FreeExercise(
        _wrong_words,
        "Right: now 'so' goes with correct responses.",
        _code("""
            answer = [["so", "yes"], ["so", "yes"], ["so", "no"], ["well", "no"]]
        """),
    ),
    "threshold": FreeExercise(
        _wrong_root,
        "Right: the root is inside, and the interval is narrow enough.",
        _code("""
            from fractions import Fraction

            from qae_sim.theory import real_roots
            from qae_sim.theory.polynomials import X

            answer = real_roots(1 - 8 * X**7, 0, 1, width=Fraction(1, 1000))
        """),
    ),
}

#: Exercises by name.
EXERCISES: Mapping[str, FunctionExercise | FreeExercise] = MappingProxyType({**_FUNCTIONS, **_FREE})
