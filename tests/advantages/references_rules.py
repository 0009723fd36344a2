"""All other estimators once more, from their docstrings: rationals for sums, 50 digits for roots and exponentials.

Every reference takes rewards as a list of groups of rationals and gives the numbers of the answer one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import mpmath
import references as exact
from mpmath import mpf

Group = Sequence[Fraction]
Batch = Sequence[Group]


def real(x: Any) -> mpf:
    return mpf(x.numerator) / x.denominator if isinstance(x, Fraction) else mpf(x)


def mean(r: Sequence[Any]) -> Any:
    return sum(r[1:], r[0]) / len(r)


def std(r: Group, ddof: int) -> mpf:
    return exact.std(list(r), ddof)


def over(numerator: Any, denominator: Any) -> mpf:
    """A quotient, and 0 for 0/0."""
    top = real(numerator)
    return mpf(0) if top == 0 else top / real(denominator)


def z(r: Group, eps: float, ddof: int) -> list[mpf]:
    m, below = mean(r), std(r, ddof) + mpf(eps)
    return [over(x - m, below) for x in r]


def flat(groups: Sequence[Sequence[Any]]) -> list[Any]:
    return [x for group in groups for x in group]


def each(rule: Callable[..., list[Any]]) -> Callable[..., list[Any]]:
    """A rule for one group, for a batch; further arguments are the same for all groups."""

    def batch(r: Batch, **others: Any) -> list[Any]:
        return flat([rule(group, **others) for group in r])

    return batch


def weighted(r: Group, lengths: Group) -> Fraction:
    return sum((x * n for x, n in zip(r, lengths, strict=True)), Fraction(0)) / sum(lengths)


def quantile(r: Group, k: Fraction, kind: str) -> Fraction:
    return exact.inverse_cdf(list(r), k) if kind == "inverted_cdf" else exact.linear(list(r), k)


def whitened(r: Batch, lengths: Batch, eps: float, ddof: int, baseline: bool) -> list[mpf]:
    x = flat([[v - mean(g) for v in g] for g in r]) if baseline else flat(r)
    n = flat(lengths)
    m = weighted(x, n)
    variance = sum((k * (v - m) ** 2 for v, k in zip(x, n, strict=True)), Fraction(0)) / (sum(n) - ddof)
    return [over(v - m, mpmath.sqrt(real(variance)) + mpf(eps)) for v in x]


def qae(r: Group, k: Fraction, quantile_: str, eps: float, ddof: int) -> list[mpf]:
    return [over(x - quantile(r, k, quantile_), std(r, ddof) + mpf(eps)) for x in r]


def masked(r: Group, k: Fraction, eps: float, ddof: int, side: str) -> list[mpf]:
    p, below = mean(r), std(r, ddof) + mpf(eps)
    if p in (0, 1):
        return [mpf(0)] * len(r)
    hard = p <= 1 - k
    value = {1: 1 if side == "neg" or hard else 0, 0: -1 if side == "pos" or not hard else 0}
    return [value[int(x)] / below for x in r]


def mapo(r: Group, eps: float, ddof: int) -> list[mpf]:
    p = mean(r)
    mixture = real(1 - 4 * p * (1 - p))
    percent = [over(x - p, real(p) + mpf(eps)) for x in r]
    return [(1 - mixture) * a + mixture * b for a, b in zip(z(r, eps, ddof), percent, strict=True)]


def maxrl(r: Group) -> list[Any]:
    p = mean(r)
    return [(x - p) / p if p else Fraction(0) for x in r]


def dgpo(r: Group, eps: float) -> list[mpf]:
    m = mean(r)
    below = real(mean([abs(x - m) for x in r])) + mpf(eps)
    return [over(x - m, below) for x in r]


def lower_median(r: Group) -> Fraction:
    return sorted(r)[(len(r) - 1) // 2]


def mc_grpo(r: Group, scale: str, count: str, eps: float) -> list[mpf]:
    away = [x - lower_median(r) for x in r]
    below = {
        "mad": real(lower_median([abs(x) for x in away])) + mpf(eps),
        "std": std(r, 0) + mpf(eps),
        "none": mpf(1),
    }[scale]
    factor = Fraction(len(r), max(sum(x != 0 for x in away), 1)) if count == "differing" else Fraction(1)
    return [over(x * factor, below) for x in away]


def rloo_std(r: Group, equal_others: str, eps: float, ddof: int) -> list[mpf]:
    found = []
    for i, x in enumerate(r):
        others = [*r[:i], *r[i + 1 :]]
        spread = std(others, ddof) if len(set(others)) > 1 else mpf(0)
        below = mpf(1) if equal_others == "keep" and len(set(others)) == 1 else spread + mpf(eps)
        found.append(over(x - mean(others), below))
    return found


def krpo(
    r: Group, process_variance: Fraction, observation_variance: Fraction, start_mean: Fraction, start_variance: Fraction
) -> list[mpf]:
    state, variance, found = start_mean, start_variance, []
    for x in r:
        before = variance + process_variance
        gain = before / (before + observation_variance)
        state += gain * (x - state)
        variance = (1 - gain) * before
        found.append(real(x - state) / mpmath.sqrt(real(variance)))
    return found


def lite_ppo(r: Batch, eps: float, ddof: int) -> list[mpf]:
    below = std(flat(r), ddof) + mpf(eps)
    return [over(x - mean(g), below) for g in r for x in g]


def james_stein(r: Batch) -> list[Any]:
    found: list[Any] = []
    for i, g in enumerate(r):
        others = [*r[:i], *r[i + 1 :]]
        shrinkage, centre = Fraction(0), Fraction(0)
        if others:
            means = [mean(o) for o in others]
            centre = mean(means)
            v = mean([sum(((x - mean(o)) ** 2 for x in o), Fraction(0)) / (len(o) - 1) / len(o) for o in others])
            s = mean([(m - centre) ** 2 for m in means])
            shrinkage = v / (v + s) if v + s else Fraction(0)
        for x in g:
            own = (sum(g, Fraction(0)) - x) / (len(g) - 1)
            found.append(x - (1 - shrinkage) * own - shrinkage * centre)
    return found


def bnpo(r: Batch) -> list[mpf]:
    rates = [mean(g) for g in r]
    a = b = Fraction(0)
    if len(set(rates)) > 1:
        m = mean(rates)
        v = sum(((x - m) ** 2 for x in rates), Fraction(0)) / (len(rates) - 1)
        a, b = (m * (1 - m) / v - 1) * m, (m * (1 - m) / v - 1) * (1 - m)
    alpha, beta = (mpf(1) + real(max(x, Fraction(0))) / 3 for x in (a, b))
    found = []
    for g, p in zip(r, rates, strict=True):
        density = real(p) ** (alpha - 1) * real(1 - p) ** (beta - 1) / mpmath.beta(alpha, beta) if 0 < p < 1 else mpf(1)
        found += [real(x - p) * min(1 / density, mpf(10) ** 6) for x in g]
    return found


def a_grae(r: Batch, eps: float, ddof: int) -> list[mpf]:
    q = real(mean([mean(g) for g in r]))
    found = []
    for g in r:
        root = mpmath.sqrt(real(mean(g)))
        for a in z(g, eps, ddof):
            whole = over(a * q, root + mpf(eps)) + over(a * (1 - q), 1 - root + mpf(eps))
            found.append((q if a > 0 else 1) * whole / 2)
    return found


def grpo_passk(r: Group, eps: float, ddof: int) -> list[mpf]:
    first, second = sorted(r, reverse=True)[:2]
    return [over(first - second if x == first and first > second else 0, std(r, ddof) + mpf(eps)) for x in r]


def gpg(r: Batch, count: str) -> list[Any]:
    if count == "mixed":
        signal, total = sum(len(set(g)) > 1 for g in r), len(r)
    else:
        signal, total = sum(x != 0 for g in r for x in g), sum(map(len, r))
    return [(x - mean(g)) * total / max(signal, 1) for g in r for x in g]


def opo(r: Batch, lengths: Batch) -> list[Any]:
    return [x - weighted(g, n) for g, n in zip(r, lengths, strict=True) for x in g]


def canon(r: Batch, metric: Batch, mu: Fraction, alpha: Fraction) -> list[Any]:
    found = []
    for g, m in zip(r, metric, strict=True):
        order = sorted(range(len(g)), key=lambda i: m[i])
        low = order[: len(g) // 2]
        high = order[len(g) // 2 :]
        below, above = mean([g[i] for i in low]), mean([g[i] for i in high])
        for i, x in enumerate(g):
            inter = x - alpha * above if i in low else alpha * x - below
            found.append(mu * inter + (1 - mu) * (x - (below if i in low else above)))
    return found


def aapo(r: Batch, reference: Batch, clip_low: float, clip_high: float, eps: float, ddof: int) -> list[mpf]:
    low, high = Fraction(clip_low), Fraction(clip_high)
    return [
        a + real(min(max(x - y, -low), high))
        for g, other in zip(r, reference, strict=True)
        for a, x, y in zip(z(g, eps, ddof), g, other, strict=True)
    ]


def rlev(r: Batch, prompt_values: Sequence[Fraction], alpha: Fraction, base: str) -> list[Any]:
    found: list[Any] = []
    for g, v in zip(r, prompt_values, strict=True):
        scaled = [(1 + min(alpha * v, Fraction(1))) * x for x in g]
        m, n = mean(scaled), len(g)
        found += [(x - m) * n / (n - 1) for x in scaled] if base == "rloo" else z(scaled, 1e-6, 0)
    return found


def gdpo_terms(r: Batch, further: Sequence[Batch], weights: Sequence[Fraction], **std: Any) -> list[list[mpf]]:
    """For each response its weighted z-scores."""
    scores = [flat([z(g, **std) for g in rewards]) for rewards in [r, *further]]
    return [[real(w) * a for w, a in zip(weights, column, strict=True)] for column in zip(*scores, strict=True)]


def cancelling_sum(terms: Sequence[mpf]) -> mpf:
    """A sum; 0 where what is left is less than 50 digits can tell from it."""
    total = mpmath.fsum(terms)
    return total if abs(total) > mpf(10) ** -40 * mpmath.fsum(map(abs, terms)) else mpf(0)


def root_of_mean_square(x: Sequence[mpf], ddof: int) -> mpf:
    return mpmath.sqrt(mpmath.fsum(v**2 for v in x) / (len(x) - ddof))


def gdpo(r: Batch, further: Sequence[Batch], weights: Sequence[Fraction], eps: float, ddof: int) -> list[mpf]:
    sums = [cancelling_sum(terms) for terms in gdpo_terms(r, further, weights, eps=eps, ddof=ddof)]
    below = root_of_mean_square(sums, ddof) + mpf(eps)
    return [over(a, below) for a in sums]


def fspo(r: Batch, marks: Sequence[Sequence[Sequence[int]]], eps: float, ddof: int) -> list[mpf]:
    return [
        a if m == 0 else m * abs(a)
        for g, rows in zip(r, marks, strict=True)
        for a, row in zip(z(g, eps, ddof), rows, strict=True)
        for m in row
    ]


def phi(p: Fraction, anchor: Fraction, advantage: Any, scale: float) -> mpf:
    sign = -mpmath.sign(real(advantage)) * mpmath.sign(real(p - anchor))
    return mpf(scale) * mpmath.exp(sign * abs(real(p - anchor)))


def ha_dw(r: Group, anchor: Fraction, lambda_scale: float, eps: float, ddof: int) -> list[mpf]:
    return [phi(mean(r), anchor, a, lambda_scale) * a for a in z(r, eps, ddof)]


def reg_grpo(r: Batch, log_ratios: Batch, eps: float, ddof: int) -> list[mpf]:
    return [
        mean([(a - b) ** 2 for a, b in zip(z(g, eps, ddof), z(rho, eps, ddof), strict=True)])
        for g, rho in zip(r, log_ratios, strict=True)
    ]


def attn_rl(rewards: Group, parents: Sequence[int]) -> list[mpf]:
    leaves = [n for n in range(len(parents)) if n not in parents]
    worth = dict(zip(leaves, rewards, strict=True))

    def below(node: int) -> list[Fraction]:
        children = [n for n, parent in enumerate(parents) if parent == node]
        return [worth[node]] if not children else flat([below(n) for n in children])

    value = [mean(below(n)) for n in range(len(parents))]
    above = [value[max(parent, 0)] for parent in parents]
    return [
        real((v - value[0]) + (v - up)) / mpmath.sqrt(len(below(n)))
        for n, (v, up) in enumerate(zip(value, above, strict=True))
    ]


def match_tir(rewards: Batch, gamma: Fraction, eps: float, ddof: int) -> list[mpf]:
    whole = z([sum(t, Fraction(0)) for t in rewards], eps, ddof)
    left = [
        [sum((gamma ** (k - j) * t[k] for k in range(j, len(t))), Fraction(0)) for j in range(len(t))] for t in rewards
    ]
    found = []
    for i, t in enumerate(rewards):
        for j in range(len(t)):
            having = [other for other in range(len(rewards)) if len(rewards[other]) > j]
            local = z([left[o][j] for o in having], eps, ddof)[having.index(i)] if len(having) > 1 else mpf(0)
            found.append((whole[i] + local) / 2)
    return found


def overlong(lengths: Group, max_length: int, cache: int) -> list[Fraction]:
    return [min(max(Fraction(max_length - cache - n) / cache, Fraction(-1)), Fraction(0)) for n in lengths]


def binomial(p: Fraction, n: int) -> list[Fraction]:
    return [math.comb(n, m) * p**m * (1 - p) ** (n - m) for m in range(n + 1)]


def effective_rank(states: Batch) -> mpf:
    rows, columns = len(states), len(states[0])
    middle = [mean([row[c] for row in states]) for c in range(columns)]
    centred = [[row[c] - middle[c] for c in range(columns)] for row in states]
    if not any(flat(centred)):
        return mpf(0)
    gram = mpmath.matrix(
        [[real(sum((a[i] * a[j] for a in centred), Fraction(0))) for j in range(columns)] for i in range(columns)]
    )
    sigma = [mpmath.sqrt(max(x, 0)) for x in mpmath.eigsy(gram, eigvals_only=True)]
    sigma = [s for s in sigma if s > max(sigma) * mpf(10) ** -20]
    total = mpmath.fsum(sigma)
    assert rows > 1
    return mpmath.exp(-mpmath.fsum(s / total * mpmath.log(s / total) for s in sigma))
