"""Certificates of the claims about group estimators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qae_sim.advantages import dr_grpo, expected_advantages, grpo, quantile_baseline, rloo
from qae_sim.softmax import pass_at_k_estimate
from qae_sim.theory.certificates import Counterexample, Draw, Enumeration, Identity, Part, Sign, Tie

#: Of G responses n are correct, with this chance; a group moves the policy along π₊ - π₋ by (n/G)·A⁺, as ΣA = 0.
_GROUPS = {"chance(n)": "binomial(G, n) * p**n * (1 - p)**(G - n)"}
_MOMENTS = {"mean": "G*p", "square": "G*p*(1 - p) + mean**2"}
_RATES: Draw = {"p": ("1/20", "19/20"), "G": (2, 12)}
#: The responses' rewards are x, y and z.
_THREE: Draw = {"x": ("0", "1"), "y": ("0", "1"), "z": ("0", "1")}


def _speed(name: str) -> Callable[..., float]:
    """The expected speed along π₊ - π₋."""
    return lambda p, G, **_: float(expected_advantages(name, p, G).c)  # noqa: N803  # the certificate's name


def _first(estimator: Callable[..., Any], **options: Any) -> Callable[..., float]:
    """The first of three advantages."""
    return lambda x, y, z: float(estimator([x, y, z], **options)[0])


CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "estimators.speed-nonnegative": (
        Enumeration(
            "the mean lies between the rewards 0 and 1, so that 1 - p̂ is not negative and 0 - p̂ not positive; "
            "QAE's and the masks' advantages are 0 or have the same signs; σ divides all",
            "all(a >= 0 for a in above) and all(a <= 0 for a in below)",
            where={
                "rate": "n / G",
                "sigma": "sqrt(rate * (1 - rate))",
                "hard": "1 if rate <= 1 - K / 10 else 0",
                "above": "[(1 - rate) / sigma, hard / sigma, 1 / sigma]",
                "below": "[-rate / sigma, (hard - 1) / sigma, -1 / sigma]",
            },
            cases={"G": "range(2, 25)", "n": "range(1, G)", "K": "[2, 4, 8]"},
            count=828,
        ),
    ),
    "estimators.unsampled-arms": (
        Identity(
            "advantages of n correct and G - n wrong responses add up to 0, under the mean and leave-one-out baseline",
            "n*(1 - n/G) + (G - n)*(0 - n/G) == 0 == n*(1 - (n - 1)/(G - 1)) + (G - n)*(0 - n/(G - 1))",
            variables=("n", "G"),
        ),
    ),
    "estimators.negatives-share": (
        Identity(
            "p times the positives' push on an arm, whose share of π₊ is x and of π₋ is y, is 1-p times the negatives'",
            "p * (s*(x - pi)) == (1 - p) * (-s*(y - pi))",
            where={"pi": "p*x + (1 - p)*y"},
            variables=("p", "s", "x", "y"),
        ),
    ),
    "estimators.rloo-unbiased": (
        Identity(
            "E[n(G-n)] = G(G-1)p(1-p), from the mean and the second moment of the binomial law, for every G",
            "G*mean - square == G*(G - 1)*p*(1 - p)",
            where=_MOMENTS,
            variables=("p", "G"),
        ),
        Identity(
            "the expected speed is p(1-p), the gradient's, as a polynomial in p",
            "sum(chance(n) * n/G * plus(n) for n in range(1, G + 1)) == p*(1 - p)",
            where=_GROUPS | {"plus(n)": "1 - (n - 1)/(G - 1)"},
            cases={"G": "range(2, 25)"},
            count=23,
            variables=("p",),
            ties=(
                Tie("sum(chance(n) * n/G * plus(n) for n in range(1, G + 1))", _speed("rloo"), _RATES),
                Tie("x - (y + z)/2", _first(rloo), _THREE),
            ),
        ),
    ),
    "estimators.self-inclusion": (
        Identity(
            "E[n(G-n)] = G(G-1)p(1-p), from the mean and the second moment of the binomial law, for every G",
            "G*mean - square == G*(G - 1)*p*(1 - p)",
            where=_MOMENTS,
            variables=("p", "G"),
        ),
        Identity(
            "the expected speed is (G-1)/G times p(1-p), as a polynomial in p",
            "sum(chance(n) * n/G * plus(n) for n in range(1, G + 1)) == (G - 1)/G * p*(1 - p)",
            where=_GROUPS | {"plus(n)": "1 - n/G"},
            cases={"G": "range(2, 25)"},
            count=23,
            variables=("p",),
            ties=(
                Tie("sum(chance(n) * n/G * plus(n) for n in range(1, G + 1))", _speed("dr_grpo"), _RATES),
                Tie("x - (x + y + z)/3", _first(dr_grpo), _THREE),
            ),
        ),
    ),
    "estimators.std-biases": (
        Counterexample(
            "the speed over p(1-p) at p is that at 1/2: Σ_m C(7,m) p^m (1-p)^(7-m) (a(m+1, 1) - a(m, 0)), G = 8",
            "ratio(p) == ratio(1/2)",
            where={
                "sigma(n)": "sqrt(n*(8 - n))/8",
                "correct(n)": "(1 - n/8)/sigma(n) if n < 8 else 0",
                "wrong(n)": "(0 - n/8)/sigma(n) if n > 0 else 0",
                "ratio(p)": "sum(binomial(7, m) * p**m * (1 - p)**(7 - m) * gap(m) for m in range(8))",
                "gap(m)": "correct(m + 1) - wrong(m)",
            },
            at={"p": "1/10"},
            ties=(
                Tie(
                    "p*(1 - p)*ratio(p)",
                    lambda p: float(expected_advantages("grpo", p, 8, eps=0.0).c),
                    {"p": ("1/20", "19/20")},
                ),
            ),
        ),
    ),
    "estimators.sum-zero": (
        Identity(
            "rewards that add up to S, less their mean, add up to 0; so do rewards less the mean of the others",
            "S - G*(S/G) == 0 == S - (G*S - S)/(G - 1)",
            variables=("S", "G"),
        ),
        Enumeration(
            "the same in all groups of rewards 0, 1/2 and 1",
            "sum(x - sum(r)/G for x in r) == 0 == sum(x - (sum(r) - x)/(G - 1) for x in r)",
            cases={"G": "range(2, 7)", "r": "tuples([0, 1/2, 1], G)"},
            count=1089,
            ties=(Tie("x - (x + y + z)/3", _first(dr_grpo), _THREE), Tie("x - (y + z)/2", _first(rloo), _THREE)),
        ),
    ),
    "estimators.shift": (
        Identity(
            "c on every reward r moves r - S/G and r - (S - r)/(G-1), S the sum of all, by nothing",
            "r + c - (S + G*c)/G == r - S/G and r + c - (S + G*c - r - c)/(G - 1) == r - (S - r)/(G - 1)",
            variables=("r", "S", "G", "c"),
        ),
        Enumeration(
            "order statistics move by c, in all groups of rewards 0, 1/2 and 1: an order is kept by a shift",
            "all(sorted([x + c for x in r])[j] - sorted(r)[j] == c for j in range(G))",
            cases={"G": "range(2, 6)", "r": "tuples([0, 1/2, 1], G)", "c": "[-3, 17/5]"},
            count=720,
            ties=(
                Tie("x - sorted([x, y, z])[1]", lambda x, y, z: x - float(quantile_baseline([x, y, z], 0.4)), _THREE),
            ),
        ),
    ),
    "estimators.scale": (
        Identity(
            "rewards times s: deviations become s times, G²σ² = GΣr² - (Σr)² becomes s² times as large",
            "s*r - s*S/G == s*(r - S/G) and G*(s**2*squares) - (s*S)**2 == s**2*(G*squares - S**2)",
            variables=("r", "s", "S", "squares", "G"),
        ),
        Enumeration(
            "order statistics become s times as large, in all groups of rewards 0, 1/2 and 1",
            "all(sorted([s*x for x in r])[j] == s*sorted(r)[j] for j in range(G))",
            cases={"G": "range(2, 6)", "r": "tuples([0, 1/2, 1], G)", "s": "[1/3, 4]"},
            count=720,
            ties=(
                Tie(
                    "(x - mean)/sqrt(((x - mean)**2 + (y - mean)**2 + (z - mean)**2)/3)".replace(
                        "mean", "((x + y + z)/3)"
                    ),
                    _first(grpo, eps=0.0),
                    _THREE,
                    within=1e-6,
                ),
            ),
        ),
    ),
    "estimators.equal-rewards": (
        Identity(
            "the mean of G equal rewards x, and that of the other G - 1, is x",
            "(G*x)/G == x == (G*x - x)/(G - 1)",
            variables=("G", "x"),
        ),
        Enumeration(
            "so is their K-quantile, K = 1/10 to 9/10",
            "sorted([x for i in range(G)])[ceil(K*G) - 1] == x",
            where={"K": "tenths/10"},
            cases={"G": "range(2, 33)", "x": "[0, 1/2, 1]", "tenths": "range(1, 10)"},
            count=837,
        ),
    ),
    "estimators.pass-at-k": (
        Identity(
            "E[C(n-c, k)/C(n, k)] over the number c of correct responses is (1-p)^k, as a polynomial in p",
            "sum(binomial(n, c) * p**c * (1 - p)**(n - c) * missed(c) for c in range(n + 1)) == (1 - p)**k",
            where={"missed(c)": "binomial(n - c, k) / binomial(n, k)"},
            cases={"n": "range(1, 17)", "k": "range(1, n + 1)"},
            count=136,
            variables=("p",),
            ties=(
                Tie(
                    "1 - binomial(9 - c, k) / binomial(9, k)",
                    lambda c, k: float(pass_at_k_estimate(c, 9, k)),
                    {"c": (0, 9), "k": (1, 9)},
                ),
            ),
        ),
    ),
    "estimators.learning-time": (
        Identity(
            "dT/du = 1/(c·u) in u = √o, o the odds: T = (o - 1/o)/2 + log o with c = p(1-p), √o - 1/√o with "
            "√(p(1-p)), (o + log o)/2 with 1-p",
            "(u + 1/u**3 + 2/u)*p*(1 - p)*u == 1 and (1 + 1/u**2)*(1 - p)*u*u == 1 and (u + 1/u)*(1 - p)*u == 1",
            where={"p": "u**2/(1 + u**2)"},
            variables=("u",),
            ties=(
                Tie("p*(1 - p)", lambda p: _speed("rloo")(p, 8), {"p": ("1/20", "19/20")}),
                Tie("(1 - p)*(1 - (1 - p)**7)", lambda p: _speed("maxrl")(p, 8), {"p": ("1/20", "19/20")}),
            ),
        ),
    ),
    "estimators.speed-at-the-ends": (
        Enumeration(
            "at p = 0 the sum over groups is a lone success's advantage, at p = 1 a lone failure's loss: RLOO, MaxRL",
            "sum(weight(m)*(rloo(m + 1, 1) - rloo(m, 0)) for m in range(G)) == 1 and "
            "sum(weight(m)*(maxrl(m + 1, 1) - maxrl(m, 0)) for m in range(G)) == (G - 1 if p == 0 else 1)",
            where={
                "weight(m)": "binomial(G - 1, m) * p**m * (1 - p)**(G - 1 - m)",
                "rloo(n, r)": "r - (n - r)/(G - 1)",
                "maxrl(n, r)": "r*G/n - 1 if n > 0 else 0",
            },
            cases={"G": "range(2, 25)", "p": "[0, 1]"},
            count=46,
        ),
        Identity(
            "over σ² = (G-1)/G² the squares of 1 - 1/G and of 1 are G - 1 for GRPO and G²/(G-1) for QAE",
            "(1 - 1/G)**2/((G - 1)/G**2) == G - 1 and 1/((G - 1)/G**2) == G**2/(G - 1)",
            variables=("G",),
            ties=(Tie("sqrt(G - 1)", lambda G: float(grpo([1.0] + [0.0] * (G - 1), eps=0.0)[0]), {"G": (2, 12)}),),  # noqa: N803
        ),
    ),
    "estimators.groups-until-mixed": (
        Identity(
            "n(G-n) is G-1 and (n-1)(G-n-1) more, and G²/4 and (G-2n)²/4 less; E = 1/A solves E = 1 + (1-A)·E",
            "n*(G - n) == G - 1 + (n - 1)*(G - n - 1) and 4*n*(G - n) == G**2 - (G - 2*n)**2 and 1/A == 1 + (1 - A)/A",
            variables=("n", "G", "A"),
        ),
        Sign(
            "A(p) = 1 - p^G - (1-p)^G is below G·p(1-p) and above 4(G-1)/G·p(1-p)",
            "4*(G - 1)/G*p*(1 - p) < 1 - p**G - (1 - p)**G < G*p*(1 - p)",
            over={"p": ("0", "1")},
            cases={"G": "range(4, 17)"},
            count=13,
        ),
    ),
    "estimators.sampled-time": (
        Identity(
            "the wait for a mixed pair, 1/(2p(1-p)), is 1 + (o + 1/o)/2 in the odds o",
            "1/(2*p*(1 - p)) == 1 + (o + 1/o)/2",
            where={"p": "o/(1 + o)"},
            variables=("o",),
        ),
        Identity(
            "N waits from odds o on, each time multiplied by r: N + (o(r^N - 1)/(r - 1) + (1 - r^-N)/(1 - 1/r)/o)/2",
            "sum(1 + (o*r**k + 1/(o*r**k))/2 for k in range(N)) == "
            "N + (o*(r**N - 1)/(r - 1) + (1 - r**(-N))/(1 - 1/r)/o)/2",
            cases={"N": "range(1, 6)"},
            count=5,
            variables=("o", "r"),
        ),
    ),
    "estimators.no-step-back": (
        Identity(
            "advantages of n right and m wrong responses add up to 0, so that no other logit moves",
            "n*(1 - n/(n + m)) + m*(0 - n/(n + m)) == 0 == n*(1 - (n - 1)/(n + m - 1)) + m*(0 - n/(n + m - 1))",
            variables=("n", "m"),
        ),
        Identity(
            "right ones have m/(n+m) and m/(n+m-1), wrong ones minus n over the same: of one sign each",
            "1 - n/(n + m) == m/(n + m) and 1 - (n - 1)/(n + m - 1) == m/(n + m - 1)",
            variables=("n", "m"),
            ties=(Tie("x - (x + y + z)/3", _first(dr_grpo), _THREE), Tie("x - (y + z)/2", _first(rloo), _THREE)),
        ),
    ),
}
