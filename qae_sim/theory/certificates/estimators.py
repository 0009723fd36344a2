"""Certificates of the claims about group estimators."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qae_sim.advantages import dr_grpo, expected_advantages, grpo, quantile_baseline, rloo, rloo_std
from qae_sim.softmax import pass_at_k_estimate
from qae_sim.theory.certificates import Counterexample, Draw, Enumeration, Identity, Part, Sign, Tie
from qae_sim.theory.implicit_length import Normaliser, expected_credit

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


#: Four responses: chances, derivatives along a direction, rewards, tokens; a group is a list of their places. Δ of n
#: successes is (p̂ - b_K)/σ with K = 2/5; right and wrong are the gradients of E[r/|o|] and E[(1-r)/|o|].
_EXAMPLE = {
    "pi": "[1/2, 1/5, 1/5, 1/10]",
    "d": "[1/3, -1/2, 2/7, -5/42]",
    "r": "[0, 1, 1, 0]",
    "l": "[1, 3, 5, 2]",
    "n(g)": "sum(r[o] for o in g)",
    "P(g)": "product(pi[o] for o in g)",
    "slope(g)": "sum(d[g[i]]*product(pi[g[j]] for j in range(len(g)) if j != i) for i in range(len(g)))",
    "tokens(g)": "sum(l[o] for o in g)",
    "scores(g)": "sum(d[o]/pi[o] for o in g)",
    "shares(g)": "sum(d[o]/pi[o]/l[o] for o in g)",
    "groups(m)": "[g for g in tuples([0, 1, 2, 3], G) if n(g) == m]",
    "added(m)": "0 if m == 0 or m == G else (m/G - (0 if m/G <= 3/5 else 1))/sqrt(m/G*(1 - m/G))",
    "right": "d[1]/l[1] + d[2]/l[2]",
    "wrong": "d[0]/l[0] + d[3]/l[3]",
    "chance(m, N)": "binomial(N, m)*(2/5)**m*(3/5)**(N - m) if 0 <= m <= N else 0",
}


def _difference(G: int, *, loss: Normaliser = "token", prompts: int = 1) -> float:  # noqa: N803
    """QAE's expected gradient less GRPO's in the example."""
    policy, along = [0.5, 0.2, 0.2, 0.1], [1 / 3, -1 / 2, 2 / 7, -5 / 42]
    qae, grpo_ = (
        expected_credit(name, policy, [0, 1, 1, 0], [1, 3, 5, 2], G, loss=loss, prompts=prompts, eps=0, **more)
        for name, more in (("qae", {"k": 0.4}), ("grpo", {}))
    )
    return float((qae - grpo_) @ along)


CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "estimators.leave-one-out-std": (
        Counterexample(
            "n successes and m failures: (G-1)(n-1) is at least m, that is A² = m/(n-1) at most G - 1",
            "(n + m - 1)*(n - 1) >= m",
            at={"n": "1", "m": "3"},
        ),
        Identity(
            "A² of a success: its distance from the others' mean, squared, over their variance",
            "(1 - (n - 1)/(G - 1))**2/((n - 1)/(G - 1)*(1 - (n - 1)/(G - 1))) == m/(n - 1)",
            where={"G": "n + m"},
            variables=("n", "m"),
            ties=(
                Tie(
                    "m/(n - 1)",
                    lambda n, m: float(rloo_std([1.0] * n + [0.0] * m, eps=0, ddof=0)[0]) ** 2,
                    {"n": (2, 7), "m": (2, 7)},
                ),
            ),
        ),
        Identity(
            "with n = j + 2 what the bound leaves is (j+1)² + m j, which is not negative",
            "(j + 2 + m - 1)*(j + 2 - 1) - m == (j + 1)**2 + m*j",
            variables=("j", "m"),
        ),
    ),
    "estimators.baseline-difference": (
        Identity(
            "P' = P·S and x' = x·s make (P·x)' = P·x·(S + s); and w(r-b)/σ - w(r-c)/σ = w(c-b)/σ",
            "P*S*x + P*(x*s) == P*x*(S + s) and w*(r - b)/sigma - w*(r - c)/sigma == w*(c - b)/sigma",
            variables=("P", "S", "x", "s", "w", "r", "b", "c", "sigma"),
        ),
        Enumeration(
            "given n successes, the mean of the scores' sum over the tokens is the gradient of the mean of 1 over them",
            "sum(P(g)*scores(g)/tokens(g) - slope(g)/tokens(g) for g in groups(m)) == 0",
            where=_EXAMPLE,
            cases={"G": "range(2, 5)", "m": "range(1, G)"},
            count=6,
            ties=(
                Tie(
                    "sum(added(n(g))*P(g)*scores(g)/tokens(g) for g in tuples([0, 1, 2, 3], G))",
                    _difference,
                    {"G": (2, 4)},
                ),
            ),
        ),
    ),
    "estimators.baseline-difference-per-response": (
        Enumeration(
            "given one success in a pair the mean of Σ s/|o| over 2 is 23/252, but the gradient of E[1/|o|] 23/140",
            "sum(P(g)*shares(g) for g in groups(1))/2/chance(1, G) == 23/252 and right + wrong == 23/140",
            where=_EXAMPLE,
            cases={"G": "[2]"},
        ),
        Enumeration(
            "over all groups it is that gradient",
            "sum(P(g)*shares(g) for g in tuples([0, 1, 2, 3], G))/G == right + wrong",
            where=_EXAMPLE,
            cases={"G": "range(2, 5)"},
            count=3,
        ),
    ),
    "estimators.baseline-difference-remainder": (
        Identity(
            "with m = zp + 1 - p: one response more multiplies by m or adds its own share, and m^(G-1) is v·m; then "
            "zX + Y = m(X + Y) + (z - 1)((1-p)X - pY)",
            "G*v*m*m*(z*X + Y) + m*m*v*(z*X + Y) == (G + 1)*v*m*m*(z*X + Y) and "
            "z*X + Y == m*(X + Y) + (z - 1)*((1 - p)*X - p*Y)",
            where={"m": "z*p + 1 - p"},
            variables=("z", "p", "G", "v", "X", "Y"),
        ),
        Enumeration(
            "given each number of successes, in the example",
            "sum(P(g)*shares(g) for g in groups(m))/G == chance(m, G)*(right + wrong) + "
            "(chance(m - 1, G - 1) - chance(m, G - 1))*(3/5*right - 2/5*wrong)",
            where=_EXAMPLE,
            cases={"G": "range(2, 5)", "m": "range(G + 1)"},
            count=12,
            ties=(
                Tie(
                    "sum(added(n(g))*P(g)*shares(g) for g in tuples([0, 1, 2, 3], G))/G",
                    lambda G: _difference(G, loss="sequence"),  # noqa: N803
                    {"G": (2, 4)},
                ),
            ),
        ),
    ),
    "estimators.baseline-difference-batch": (
        Identity(
            "1/(a + z) - 1/(b + z) = (b - a)/((a + z)(b + z)); and Q·G over the square of Q·G·L is 1/(Q·G·L²)",
            "1/(a + z) - 1/(b + z) == (b - a)/((a + z)*(b + z)) and Q*G/(Q*G*L)**2 == 1/(Q*G*L**2)",
            variables=("a", "b", "z", "Q", "G", "L"),
        ),
        Enumeration(
            "of pairs (Δ = 1 if mixed), Q times what 3 tokens have more than 5 is within its bounds, for Q = 1 and 2",
            "6/5/(2*5**2) <= Q*(credit(3) - credit(5)) <= 6/5/2",
            where=_EXAMPLE
            | {
                "others": "tuples([0, 1, 2, 3], 2*Q - 2)",
                "of(x)": "sum(P(g)*(1/2/(x + 1 + tokens(g)) + 1/10/(x + 2 + tokens(g))) for g in others)",
                "credit(x)": "2*Q*of(x)",
            },
            cases={"Q": "[1, 2]"},
            count=2,
        ),
    ),
    "estimators.length-pressure-sign": (
        Enumeration(
            "Δ of n = 1..G-1 successes does not rise in sign: above 0 up to (1-K)G, below 0 beyond; K = 1/10 to 9/10",
            "all((n/G - b(n) > 0) == (n <= (1 - tenths/10)*G) and n/G - b(n) != 0 for n in range(1, G))",
            where={"b(n)": "0 if n/G <= 1 - tenths/10 else 1"},
            cases={"G": "range(2, 17)", "tenths": "range(1, 10)"},
            count=135,
        ),
        Identity(
            "the likelihood ratio of m + 1 and m successes between the rates y and x is y(1-x) over x(1-y), above 1",
            "y/x*((1 - x)/(1 - y)) - 1 == (y - x)/(x*(1 - y))",
            variables=("x", "y"),
        ),
    ),
    "estimators.length-pressure-size": (
        Identity(
            "the credit Δ·n/(m + (n-1)l), n = QG, falls between m = l and m = 2l by 1/(n+1) of Δ/l, and Δ/m by 1/2; "
            "Δ over the gap 1/σ is p - b",
            "delta*n/(l + (n - 1)*l) - delta*n/(2*l + (n - 1)*l) == delta/l/(n + 1) and "
            "delta/l - delta/(2*l) == delta/l/2 and (p - b)/sigma/((1 - p)/sigma - (0 - p)/sigma) == p - b",
            variables=("delta", "n", "l", "p", "b", "sigma"),
        ),
    ),
    "estimators.length-pressure-constant": (
        Identity(
            "α∇p + β∇(1-p) = (α-β)∇p",
            "alpha*slope + beta*(0 - slope) == (alpha - beta)*slope",
            variables=("alpha", "beta", "slope"),
        ),
        Enumeration(
            "given each number of successes the scores of the correct responses add up to a multiple of ∇p, and those "
            "of the wrong ones, too",
            "sum(P(g)*sum(d[o]/pi[o] for o in g if r[o] == 1) for g in groups(m)) == G*chance(m - 1, G - 1)*rise and "
            "sum(P(g)*sum(d[o]/pi[o] for o in g if r[o] == 0) for g in groups(m)) == -G*chance(m, G - 1)*rise",
            where=_EXAMPLE | {"rise": "d[1] + d[2]"},
            cases={"G": "range(2, 5)", "m": "range(G + 1)"},
            count=12,
        ),
    ),
    "estimators.length-bias": (
        Identity(
            "α(m·s + p·m') + β(-k·s + (1-p)k') = (αm - βk)s + αp·m' + β(1-p)k'; s, m', k' are gradients",
            "a*(m*s + p*dm) + b*((1 - p)*dk - k*s) == (a*m - b*k)*s + a*p*dm + b*(1 - p)*dk",
            variables=("a", "b", "p", "s", "m", "dm", "k", "dk"),
        ),
        Enumeration(
            "a correct response has a positive and a wrong one a negative advantage in every mixed group",
            "(1 - n/G)/sqrt(n/G*(1 - n/G)) > 0 > (0 - n/G)/sqrt(n/G*(1 - n/G))",
            cases={"G": "range(2, 33)", "n": "range(1, G)"},
            count=496,
        ),
    ),
    "estimators.length-bias-of-qae": (
        Identity(
            "times σ: 1 and 0 in hard groups, 0 and -1 in easy ones, are 1/(1-p), 0, 0 and 1/p times 1-p and -p",
            "1 == 1/(1 - p)*(1 - p) and -1 == 1/p*(-p) and 1 - 0 == (1 - p) - (-p) == 0 - (-1)",
            variables=("p",),
        ),
    ),
    "estimators.net-push": (
        Identity(
            "with one law of lengths α(m·s + p·m') + β((1-p)m' - m·s) = (α-β)m·s + (αp + β(1-p))m'; GRPO's Σ A is 0",
            "a*(m*s + p*dm) + b*((1 - p)*dm - m*s) == (a - b)*m*s + (a*p + b*(1 - p))*dm and "
            "n*(1 - n/G) + (G - n)*(0 - n/G) == 0",
            variables=("a", "b", "p", "s", "m", "dm", "n", "G"),
        ),
    ),
    "estimators.directions": (
        Counterexample(
            "the two gradients have one direction: pairs of arms with chances 1/5, 3/5, 1/5 and rewards 0, 1/2, 1",
            "square(grpo, qae)**2 == square(grpo, grpo)*square(qae, qae)",
            where={
                "pi": "[1/5, 3/5, 1/5]",
                "pairs": "[[0, 1], [0, 2], [1, 2]]",
                "chance(x)": "pi[x[0]]*pi[x[1]]",
                "score(o, a)": "(1 if o == a else 0) - pi[o]",
                "sum_of(o, up, down)": "sum(chance(x)*(up*score(o, x[1]) + down*score(o, x[0])) for x in pairs)",
                "grpo": "[sum_of(o, up, -up) for o in range(3)]",
                "qae": "[sum_of(o, 2*up, 0) for o in range(3)]",
                "square(v, w)": "sum(v[o]*w[o] for o in range(3))",
            },
            at={"up": "1"},
        ),
        Identity(
            "of two values every estimator gives (α-β)∇p; with constants b and σ, (r-b)/σ is r/σ less a constant",
            "alpha*slope + beta*(0 - slope) == (alpha - beta)*slope and (r - b)/sigma == r/sigma - b/sigma",
            variables=("alpha", "beta", "slope", "r", "b", "sigma"),
        ),
    ),
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
