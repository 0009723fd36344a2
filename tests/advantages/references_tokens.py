"""KTAE and the token covariances once more: one token, one response at a time, in rationals and 50 digits."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import comb
from typing import Any

import mpmath
import references as exact

Ids = Sequence[Sequence[int]]
Mask = Sequence[Sequence[bool]]


def real(x: Fraction | int) -> mpmath.mpf:
    x = Fraction(x)
    return mpmath.mpf(x.numerator) / x.denominator


def single_table(a: int, b: int, c: int, d: int) -> Fraction:
    """Probability of a 2x2 table with its margins fixed."""
    return Fraction(comb(a + c, a) * comb(b + d, b), comb(a + b + c + d, a + b))


def two_sided(a: int, b: int, c: int, d: int) -> Fraction:
    """All tables with the same margins that are no more probable, compared as rationals."""
    n, containing, correct = a + b + c + d, a + b, a + c
    own = single_table(a, b, c, d)
    tables = [
        single_table(k, containing - k, correct - k, n - correct - containing + k)
        for k in range(max(0, containing + correct - n), min(containing, correct) + 1)
    ]
    return sum((p for p in tables if p <= own), Fraction(0))


def entropy(*counts: int) -> mpmath.mpf:
    """Bits."""
    total = sum(counts)
    return -mpmath.fsum(real(Fraction(n, total)) * mpmath.log(real(Fraction(n, total)), 2) for n in counts if n)


def information_gain(a: int, b: int, c: int, d: int) -> mpmath.mpf:
    n = a + b + c + d
    return entropy(a + c, b + d) - real(Fraction(a + b, n)) * entropy(a, b) - real(Fraction(c + d, n)) * entropy(c, d)


def term_frequency(count: int, length: int, other: int, k1: Fraction, b: Fraction, relative: bool) -> Fraction:
    if count == 0:
        return Fraction(0)
    tf = Fraction(count, length) if relative else Fraction(count)
    return (k1 + 1) * tf / (k1 * (1 - b + b * length / Fraction(length + other, 2)) + tf)


def key_value(
    token: int, ids: Ids, mask: Mask, correct: Sequence[bool], variant: str, h: Sequence[float], k1: float, b: float
) -> float:
    """What one token says, from the group's responses read one by one."""
    if all(correct) or not any(correct):
        return 0.0
    present = {True: 0, False: 0}
    absent = {True: 0, False: 0}
    count = {True: 0, False: 0}
    length = {True: 0, False: 0}
    for row, kept, right in zip(ids, mask, correct, strict=True):
        own = [t for t, keep in zip(row, kept, strict=True) if keep]
        (present if token in own else absent)[right] += 1
        count[right] += own.count(token)
        length[right] += len(own)
    table = (present[True], present[False], absent[True], absent[False])
    p = single_table(*table) if variant == "paper" else two_sided(*table)
    f = mpmath.mpf(0) if p == 1 else mpmath.exp(-2 * real(p))
    h1, h2, h3 = (Fraction(x) for x in h)
    strength = real(h1) * f + real(h2) * information_gain(*table)
    tf = {
        side: term_frequency(count[side], length[side], length[not side], Fraction(k1), Fraction(b), variant == "code")
        for side in (True, False)
    }
    floor = Fraction(1, 100_000)
    ratios = tf[True] / (tf[False] + floor) - tf[False] / (tf[True] + floor)

    def angle(part: int, rest: int) -> mpmath.mpf:
        return mpmath.asin(mpmath.sqrt(real(Fraction(part, part + rest))))

    x = strength * (angle(table[0], table[2]) - angle(table[1], table[3]) + real(h3 * ratios))
    if variant == "code":
        return float(2 / (1 + mpmath.exp(-x / real(h1 + h2))) - 1)
    return float(1 / (1 + mpmath.exp(-x)) - mpmath.mpf(1) / 2)


def ktae(
    rewards: Sequence[float],
    ids: Ids,
    mask: Mask,
    *,
    variant: str = "paper",
    pad_token_id: int | None = None,
    h: Sequence[float] = (1.0, 1.0, 1.0),
    k1: float = 2.0,
    b: float = 0.5,
    eps: float = 1e-6,
    ddof: int | None = None,
) -> tuple[list[list[float]], list[list[float]]]:
    """Advantages and key values of one group."""
    ddof = {"paper": 0, "code": 1}[variant] if ddof is None else ddof
    response = exact.grpo([Fraction(x) for x in rewards], eps, ddof)
    correct = [x > 0 for x in rewards]
    known: dict[int, float] = {}
    keys, advantages = [], []
    for i, row in enumerate(ids):
        keys.append([0.0] * len(row))
        advantages.append([0.0] * len(row))
        for t, token in enumerate(row):
            if not mask[i][t]:
                continue
            if token not in known:
                known[token] = key_value(token, ids, mask, correct, variant, h, k1, b)
            keys[i][t] = 0.0 if token == pad_token_id else known[token]
            advantages[i][t] = response[i] + keys[i][t]
    return advantages, keys


def covariances(log_probs: Sequence[Fraction], advantages: Sequence[Fraction], mask: Sequence[bool]) -> list[Fraction]:
    """(log π - mean)·(A - mean) over the unmasked tokens."""
    kept = [i for i, keep in enumerate(mask) if keep]
    mean_p = sum((log_probs[i] for i in kept), Fraction(0)) / len(kept)
    mean_a = sum((advantages[i] for i in kept), Fraction(0)) / len(kept)
    return [
        (log_probs[i] - mean_p) * (advantages[i] - mean_a) if mask[i] else Fraction(0) for i in range(len(log_probs))
    ]


Numbers = Sequence[Sequence[Fraction]]


def rl_zvp(r: Sequence[Fraction], h: Numbers, own: Mask, alpha: Fraction) -> list[Any]:
    """Token by token, for one group; GRPO with ε = 10⁻⁶."""
    found: list[Any] = []
    z = exact.grpo(list(r))
    for i, (row, kept) in enumerate(zip(h, own, strict=True)):
        most = max((x for x, keep in zip(row, kept, strict=True) if keep), default=Fraction(0))
        value = {0: lambda x, m=most: alpha * (x - m), len(r): lambda x: alpha * x}.get(
            int(sum(r)), lambda x, a=z[i]: a
        )
        found += [value(x) if keep else 0 for x, keep in zip(row, kept, strict=True)]
    return found


def gtpo(r: Sequence[Fraction], h: Numbers, own: Mask, bonus: Fraction, eps: float) -> list[mpmath.mpf]:
    floor = mpmath.mpf("1e-8")
    shaped: dict[tuple[int, int], mpmath.mpf] = {}
    for side in (0, 1):
        for t in range(len(h[0])):
            places = [i for i in range(len(r)) if own[i][t] and r[i] == side]
            size = {i: real(h[i][t]) if side else 1 / (real(h[i][t]) + floor) for i in places}
            for i in places:
                sign = 1 if side else -1
                shaped[i, t] = sign * real(bonus) * size[i] * len(places) / (mpmath.fsum(size.values()) or 1)
    found = []
    for i in range(len(r)):
        same = [x for (j, _), x in shaped.items() if r[j] == r[i]]
        mean = mpmath.fsum(same) / len(same) if same else mpmath.mpf(0)
        spread = mpmath.sqrt(mpmath.fsum((x - mean) ** 2 for x in same) / len(same)) if same else mpmath.mpf(0)
        found += [
            (shaped[i, t] - mean) / (spread + mpmath.mpf(eps)) if own[i][t] else mpmath.mpf(0) for t in range(len(h[0]))
        ]
    return found


def optimal_token_baseline(r: Sequence[Fraction], energies: Numbers, own: Mask) -> list[Fraction]:
    """Energies are those of single tokens."""
    found: list[Fraction] = []
    spent = [[sum((max(e, Fraction(0)) for e, keep in zip(row[: t + 1], kept, strict=False) if keep), Fraction(0))
              for t in range(len(row))] for row, kept in zip(energies, own, strict=True)]  # fmt: skip
    for i in range(len(r)):
        for t in range(len(energies[i])):
            places = [k for k in range(len(r)) if own[k][t]]
            if not own[i][t]:
                found.append(Fraction(0))
                continue
            weights = {k: spent[k][t] for k in places}
            if not any(weights.values()):
                weights = dict.fromkeys(places, Fraction(1))
            mean = sum((w * r[k] for k, w in weights.items()), Fraction(0)) / sum(weights.values())
            found.append(r[i] - (mean if len(places) > 1 else 0))
    return found


def gae(r: Sequence[Fraction], v: Numbers, own: Mask, gamma: Fraction, lams: Sequence[Fraction]) -> list[Fraction]:
    """The sum over all later surprises, written out."""
    found: list[Fraction] = []
    for reward, row, kept, lam in zip(r, v, own, lams, strict=True):
        places = [t for t, keep in enumerate(kept) if keep]
        values = [row[t] for t in places] + [Fraction(0)]
        surprises = [
            (reward if n == len(places) - 1 else 0) + gamma * values[n + 1] - values[n] for n in range(len(places))
        ]
        for t in range(len(row)):
            n = places.index(t) if t in places else len(places)
            found.append(sum(((gamma * lam) ** (m - n) * surprises[m] for m in range(n, len(places))), Fraction(0)))
    return found
