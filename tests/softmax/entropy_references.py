"""Slow and plain references for ``qae_sim.softmax``: definitions, evaluated by mpmath with hundreds of digits.

Nothing here is clever: entropies are subtracted, expectations enumerated. What plain formulas lose to cancellation is
made up for with digits: 800 of them leave more than 50 right in every case of the tests. Arms that share all their
numbers may be given once, with a count, so that a million arms cost no more than a handful.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpmath as mp
import numpy as np

#: Relative error that float64 results must stay below.
TOLERANCE = 1e-12
#: Below the smallest normal number a float has fewer digits; errors there count against that number.
SMALLEST_NORMAL = float(np.finfo(np.float64).smallest_normal)

Numbers = Sequence[float]


@dataclass(frozen=True)
class Sized:
    """A reference value, and the size of the terms it is the sum of."""

    value: Any
    size: Any

    def error(self, got: float) -> float:
        """Error of a float against the size of the terms.

        A size below the smallest normal number counts as that number, with a thousandth of the strictness: floats of
        that kind have few digits, and what they are multiplied with multiplies their rounding.
        """
        off = abs(mp.mpf(float(got)) - self.value)
        return float(off / self.size if self.size >= SMALLEST_NORMAL else off / (1000 * SMALLEST_NORMAL))


class Reference:
    """A softmax policy in ``digits`` digits.

    Attributes:
        z, pi, log_pi: Logits, probabilities and their logarithms of the distinct arms.
        count: How many arms there are of each kind.
    """

    def __init__(self, logits: Numbers, counts: Sequence[int] | None = None, digits: int = 800) -> None:
        self.digits = digits
        self.count = [1] * len(logits) if counts is None else list(counts)
        with mp.workdps(digits):
            self.z = [mp.mpf(x) for x in logits]
            top = max(self.z)
            weight = [mp.exp(x - top) for x in self.z]
            total = mp.fsum(n * w for n, w in zip(self.count, weight, strict=True))
            self.pi = [w / total for w in weight]
            self.log_pi = [x - top - mp.log(total) for x in self.z]

    def sum(self, terms: Any) -> Any:
        """Sum over all arms."""
        return mp.fsum(n * t for n, t in zip(self.count, terms, strict=True))

    def mean(self, x: Any) -> Any:
        """Σ πx."""
        return self.sum(p * v for p, v in zip(self.pi, x, strict=True))

    def centred(self, x: Any) -> list[Any]:
        """Subtract Σ πx."""
        numbers = [mp.mpf(v) for v in x]
        middle = self.mean(numbers)
        return [v - middle for v in numbers]

    def entropy(self) -> Any:
        """-Σ π log π."""
        with mp.workdps(self.digits):
            return -self.mean(self.log_pi)

    def gradient(self) -> list[Sized]:
        """-π (log π + H), sized by π (|log π + H| + its mean), which an arm at the middle is compared with."""
        with mp.workdps(self.digits):
            surprise = self.centred(self.log_pi)
            middle = self.mean(map(abs, surprise))
            return [Sized(-p * s, p * (abs(s) + middle)) for p, s in zip(self.pi, surprise, strict=True)]

    def covariance(self, x: Any, y: Any) -> Sized:
        """Σ π (x - Σπx)(y - Σπy)."""
        with mp.workdps(self.digits):
            terms = [p * a * b for p, a, b in zip(self.pi, self.centred(x), self.centred(y), strict=True)]
            return Sized(self.sum(terms), self.sum(map(abs, terms)))

    def first_order_change(self, delta: Numbers) -> Sized:
        """-Cov_π(log π, Δz)."""
        covariance = self.covariance(self.log_pi, delta)
        return Sized(-covariance.value, covariance.size)

    def moved(self, delta: Numbers) -> Reference:
        """Build the policy of z + Δz."""
        with mp.workdps(self.digits):
            logits = [z + mp.mpf(d) for z, d in zip(self.z, delta, strict=True)]
        return Reference(logits, self.count, self.digits)

    def change(self, delta: Numbers) -> Sized:
        """H(z + Δz) - H(z), and the size: Σ |terms| of -KL(π'‖π) - Σ(π' - π)(log π + H), or H + H' if that is less.

        The terms of KL are taken as π(v eᵛ - eᵛ + 1) with v = log(π'/π), the strictest choice: none is negative.
        """
        after = self.moved(delta)
        with mp.workdps(self.digits):
            h, h_after = self.entropy(), after.entropy()
            log_ratio = [b - a for a, b in zip(self.log_pi, after.log_pi, strict=True)]
            divergence = [q * v - q + p for p, q, v in zip(self.pi, after.pi, log_ratio, strict=True)]
            surprise = self.centred(self.log_pi)
            tilt = [(q - p) * s for p, q, s in zip(self.pi, after.pi, surprise, strict=True)]
            terms = self.sum(abs(a) + abs(b) for a, b in zip(divergence, tilt, strict=True))
            return Sized(h_after - h, min(terms, h + h_after))

    def bounds(self, rewards: Numbers, eta: float) -> tuple[Sized, Sized, Sized]:
        """Lower, upper and width of Proposition 4.2: -η Cov(log π, π(r - b)) at b = 0 and 1, η Cov(log π, π)."""
        with mp.workdps(self.digits):
            sides = []
            for x in (rewards, [r - mp.mpf(1) for r in map(mp.mpf, rewards)], [-1] * len(self.z)):
                side = self.covariance(self.log_pi, [p * mp.mpf(v) for p, v in zip(self.pi, x, strict=True)])
                sides.append(Sized(-eta * side.value, eta * side.size))
            return sides[0], sides[1], sides[2]


@dataclass(frozen=True)
class GroupStep:
    """Δz/η of a sampled group: its mean, its covariance, and for each arm E|Δz - Σπ Δz|."""

    mean: list[Any]
    covariance: list[list[Any]]
    size: list[Any]


def sampled_step(logits: Numbers, success: Numbers, table: np.ndarray, rule: str, digits: int = 50) -> GroupStep:
    """Moments of Δz/η by enumerating all groups of arms and all outcomes of their verification."""
    reference = Reference(logits, digits=digits)
    arms = range(len(logits))
    with mp.workdps(digits):
        mean, size = [mp.mpf(0)] * len(logits), [mp.mpf(0)] * len(logits)
        square = [[mp.mpf(0)] * len(logits) for _ in arms]
        for probability, step in _groups(reference, success, table, rule, len(table) - 1):
            middle = reference.mean(step)
            for a in arms:
                mean[a] += probability * step[a]
                size[a] += probability * abs(step[a] - middle)
                for b in arms:
                    square[a][b] += probability * step[a] * step[b]
        return GroupStep(mean, [[square[a][b] - mean[a] * mean[b] for b in arms] for a in arms], size)


def sampled_change(
    logits: Numbers, success: Numbers, table: np.ndarray, eta: Any, rule: str, digits: int = 50
) -> tuple[Any, Any]:
    """Exact E[H(z + Δz) - H(z)] over all groups, and H(z + E[Δz]) - H(z)."""
    reference = Reference(logits, digits=digits)
    size = len(table) - 1
    with mp.workdps(digits):
        before = reference.entropy()
        total, mean = mp.mpf(0), [mp.mpf(0)] * len(logits)
        for probability, step in _groups(reference, success, table, rule, size):
            total += probability * (reference.moved([eta * s for s in step]).entropy() - before)
            mean = [m + probability * s for m, s in zip(mean, step, strict=True)]
        return total, reference.moved([eta * m for m in mean]).entropy() - before


def _groups(reference: Reference, success: Numbers, table: np.ndarray, rule: str, size: int) -> Any:
    """Run through all groups: their probabilities and their Δz/η."""
    arms = range(len(reference.z))
    outcomes = [(a, r) for a in arms for r in (0, 1) if (success[a] if r else 1 - mp.mpf(success[a])) != 0]
    for group in itertools.product(outcomes, repeat=size):
        probability = mp.mpf(1)
        for a, r in group:
            probability *= reference.pi[a] * (mp.mpf(success[a]) if r else 1 - mp.mpf(success[a]))
        right = sum(r for _, r in group)
        step = [mp.mpf(0)] * len(arms)
        for a, r in group:
            advantage = mp.mpf(float(table[right][r])) / size
            step[a] += advantage
            if rule == "policy_gradient":
                step = [s - advantage * p for s, p in zip(step, reference.pi, strict=True)]
        yield probability, step


def second_order(logits: Numbers, step: GroupStep, digits: int = 50) -> tuple[Sized, Sized, Sized]:
    """∇H·m, ½ mᵀ∇²H m and ½ tr(∇²H C), with the Hessian written out entry by entry from the definition of H."""
    reference = Reference(logits, digits=digits)
    arms, mean, covariance = range(len(logits)), step.mean, step.covariance
    with mp.workdps(digits):
        pi, surprise = reference.pi, reference.centred(reference.log_pi)
        gradient = [-p * s for p, s in zip(pi, surprise, strict=True)]
        # ∂/∂z_b of -π_a (log π_a + H): π_a changes by π_a (1{a=b} - π_b), log π_a + H by 1{a=b} - π_b + ∂H/∂z_b.
        hessian = [
            [-pi[a] * ((a == b) - pi[b]) * surprise[a] - pi[a] * ((a == b) - pi[b] + gradient[b]) for b in arms]
            for a in arms
        ]
        first = mp.fsum(g * m for g, m in zip(gradient, mean, strict=True))
        bend = mp.fsum(hessian[a][b] * mean[a] * mean[b] for a in arms for b in arms) / 2
        noise = mp.fsum(hessian[a][b] * covariance[a][b] for a in arms for b in arms) / 2
        # Sizes: terms of -Σ π(log π + H)(m - Σπm), and of -½ Σ π(1 + log π + H) E[(d - Σπd)²].
        curvature = [abs(p * (1 + s)) / 2 for p, s in zip(pi, surprise, strict=True)]
        first_size = mp.fsum(abs(g) * m for g, m in zip(gradient, step.size, strict=True))
        bend_size = mp.fsum(c * m**2 for c, m in zip(curvature, step.size, strict=True))
        spread = [
            mp.fsum(((a == b) - pi[b]) * ((a == c) - pi[c]) * covariance[b][c] for b in arms for c in arms)
            for a in arms
        ]
        noise_size = mp.fsum(c * abs(v) for c, v in zip(curvature, spread, strict=True))
        return Sized(first, first_size), Sized(bend, bend_size), Sized(noise, noise_size)
