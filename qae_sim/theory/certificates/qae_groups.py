"""Certificates of the QAE paper's claims about groups of responses, their weights, and its tables."""

from __future__ import annotations

from math import sqrt

from qae_sim.advantages import grpo, qae, quantile_baseline
from qae_sim.theory.certificates import Counterexample, Enumeration, Identity, Part, Sign, Tie

#: Mixed groups of G with n successes; rate is n/G, and a group is hard by Eq. 4.
_GROUP = {"rate": "n/G", "sigma": "sqrt(rate*(1 - rate))", "hard": "1 if rate <= 1 - K else 0"}
_MIXED = {"G": "range(2, 17)", "n": "range(1, G)", "K": "[j/10 for j in range(1, 10)]"}
_MIXED_COUNT = 1080
#: All groups of rewards 0, 1/2 and 1; quantile(r) is the K-quantile by its definition, the ⌈KG⌉-th smallest.
_LEVELS = {"G": "range(2, 5)", "r": "tuples([0, 1/2, 1], G)", "K": "[j/10 for j in range(1, 10)]"}
_QUANTILE = {"quantile(r)": "sorted(r)[ceil(K*len(r)) - 1]"}
#: Table 2: scores without and with QAE in hundredths, printed changes in tenths: pass@1 and pass@16 in turn, of
#: AIME25, AIME24 and AMC23, for Clip-Higher, Clip-Cov, KL-Cov and GSPO.
_BEFORE = (
    "[3271, 5666, 3969, 7123, 9211, 9750, 3302, 5227, 4240, 6858, 8742, 9625, 3333, 4586, 4490, 7300, 8602, 9500, "
    "3115, 4659, 4375, 6791, 9000, 9939]"
)
_AFTER = (
    "[3490, 5792, 4823, 7163, 9297, 9750, 3740, 5629, 4604, 7316, 9023, 9625, 3344, 5162, 4469, 7708, 8797, 9625, "
    "3250, 4801, 4750, 7172, 8938, 9721]"
)
_CHANGES = "[67, 22, 215, 6, 9, 0, 133, 77, 86, 67, 32, 0, 3, 126, -5, 56, 23, 13, 43, 30, 86, 56, -7, -22]"

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    # --- the gate ---
    "qae.eq4": (
        Enumeration(
            "the smallest reward x whose share of rewards at most x reaches K is 0 if p <= 1-K, and 1 otherwise",
            "min([x for x in [0, 1] if (G - n if x == 0 else G)/G >= K]) == (0 if n/G <= 1 - K else 1)",
            cases={"G": "range(2, 17)", "n": "range(G + 1)", "K": "[j/20 for j in range(1, 20)]"},
            count=2850,
        ),
        Enumeration(
            "it is the ⌈KG⌉-th smallest of the rewards",
            "quantile(r) == (0 if sum(r)/G <= 1 - K else 1)",
            where=_QUANTILE,
            cases={"G": "range(2, 8)", "r": "tuples([0, 1], G)", "K": "[j/10 for j in range(1, 10)]"},
            count=2268,
            ties=(
                Tie(
                    "0 if n/8 <= 1 - k/20 else 1",
                    lambda n, k: float(quantile_baseline([1.0] * n + [0.0] * (8 - n), k / 20)),
                    {"n": (0, 8), "k": (1, 19)},
                ),
            ),
        ),
    ),
    "qae.eq4-linear": (
        Counterexample(
            "the linear quantile of three failures among eight is Eq. 4's at K = 2/5",
            "row[l] + (h - l)*(row[l + 1] - row[l]) == (0 if 5/8 <= 1 - K else 1)",
            where={"h": "K*(8 - 1)", "l": "floor(h)", "row": "[0, 0, 0, 1, 1, 1, 1, 1]"},
            at={"K": "2/5"},
        ),
        Enumeration(
            "it is Eq. 4's in every group of G exactly if K(G-1) is whole",
            "all(linear(n) == (0 if n/G <= 1 - K else 1) for n in range(G + 1)) == (floor(h) == h)",
            where={
                "h": "K*(G - 1)",
                "row(n)": "[0 if i < G - n else 1 for i in range(G)]",
                "linear(n)": "at(row(n), h, floor(h))",
                "at(row, h, l)": "row[l] + (h - l)*(row[min(l + 1, len(row) - 1)] - row[l])",
            },
            cases={"G": "range(2, 17)", "K": "[j/20 for j in range(1, 20)]"},
            count=285,
            ties=(
                Tie(
                    "at([0, 0, 0, 1, 1, 1, 1, 1], 7*K, floor(7*K))",
                    lambda K: float(quantile_baseline([0.0] * 3 + [1.0] * 5, K, quantile="linear")),  # noqa: N803
                    {"K": ("1/20", "19/20")},
                ),
            ),
        ),
    ),
    "qae.least-sparsity": (
        Enumeration(
            "the share of zeros, failures in hard groups and successes in easy ones, is at least min(K, 1-K)",
            "(1 - rate if hard == 1 else rate) >= min(K, 1 - K)",
            where=_GROUP,
            cases=_MIXED,
            count=_MIXED_COUNT,
        ),
        Identity(
            "what is left out exceeds K or 1-K by the distance from the threshold",
            "(1 - p) - K == (1 - K) - p and p - (1 - K) == p + K - 1",
            variables=("p", "K"),
        ),
    ),
    "qae.k-is-a-lever": (
        Enumeration(
            "at a lower k no fewer responses, n or 0, are positive, and no more, 0 or G - n, negative",
            "(n if gate(k) else 0) >= (n if gate(K) else 0) and (0 if gate(k) else G - n) <= (0 if gate(K) else G - n)",
            where={"gate(k)": "n/G <= 1 - k"},
            cases=_MIXED | {"k": "[j/10 for j in range(1, 10) if j/10 <= K]"},
            count=5400,
        ),
    ),
    "qae.finitely-many-gates": (
        Enumeration(
            "a group is hard exactly if it has at most G - ⌈KG⌉ successes",
            "(n/G <= 1 - K) == (n <= G - ceil(K*G))",
            cases={"G": "range(2, 17)", "n": "range(G + 1)", "K": "[j/48 for j in range(1, 48)]"},
            count=7050,
        ),
        Enumeration(
            "⌈KG⌉ takes every value 1, ..., G and no other",
            "all(any(ceil(j/(2*G)*G) == value for j in range(1, 2*G)) for value in range(1, G + 1)) "
            "and all(1 <= ceil(j/(2*G)*G) <= G for j in range(1, 2*G))",
            cases={"G": "range(2, 25)"},
            count=23,
        ),
    ),
    "qae.smooth-in-k": (
        Counterexample(
            "G = 16, uniform success rates: of 16·17 responses N(N+1)/2 are positive, and the share is the same at "
            "K = 7/16 and a little beyond",
            "share(7/16) == share(7/16 + 1/1000)",
            where={"N(K)": "16 - ceil(16*K)", "share(K)": "sum(n for n in range(1, N(K) + 1))/(16*17)"},
        ),
        Enumeration(
            "in groups of G the share is within 1/(G+1) of (1-K)²/2",
            "-1/(G + 1) <= (1 - K)**2/2 - sum(n for n in range(1, G - ceil(G*K) + 1))/(G*(G + 1)) <= 1/(G + 1)",
            cases={"G": "range(2, 41)", "K": "[j/40 for j in range(1, 40)]"},
            count=1521,
        ),
    ),
    "qae.dynamic-sampling-signs": (
        Counterexample(
            "of the rewards 1, 0, 0, 0 some have positive and some negative advantages at K = 2/5",
            "any(x > b for x in r) and any(x < b for x in r)",
            where=_QUANTILE | {"b": "quantile(r)"},
            at={"r": "[1, 0, 0, 0]", "K": "2/5"},
        ),
        Enumeration(
            "in no mixed group under QAE, in all under GRPO",
            "not (hard == 1 and 0 - 0 < 0) and (min(1 - hard_b, 0 - hard_b) >= 0 or max(1 - hard_b, 0 - hard_b) <= 0) "
            "and 0 - rate < 0 < 1 - rate",
            where=_GROUP | {"hard_b": "1 - hard"},
            cases=_MIXED,
            count=_MIXED_COUNT,
        ),
    ),
    "qae.outliers": (
        Counterexample(
            "some response of reward 1 has a negative advantage under the mean baseline: five of eight are correct",
            "any(x - sum(r)/8 < 0 for x in r if x == 1)",
            at={"r": "[1, 1, 1, 1, 1, 0, 0, 0]"},
        ),
        Identity(
            "graded rewards: G-1 responses of x and one of x + d have the mean x + d/G, so that x gets -d/G",
            "x - ((G - 1)*x + x + d)/G == -d/G",
            variables=("x", "d", "G"),
        ),
    ),
    "qae.robust-quantile": (
        Enumeration(
            "raising every reward above the K-quantile by 1/4 or 3 leaves the quantile as it is",
            "quantile([x + up if x > quantile(r) else x for x in r]) == quantile(r)",
            where=_QUANTILE,
            cases=_LEVELS | {"up": "[1/4, 3]"},
            count=2106,
        ),
    ),
    "qae.after-the-fact": (
        Enumeration(
            "rewards less mean, times u > 0, less their own quantile, are u times rewards less quantile",
            "all((x - mean)*u - quantile([(y - mean)*u for y in r]) == u*(x - quantile(r)) for x in r)",
            where=_QUANTILE | {"mean": "sum(r)/G", "u": "7/3"},
            cases=_LEVELS,
            count=1053,
            ties=(
                Tie(
                    "x - sorted([x, y, z])[1]",
                    lambda x, y, z: float(qae([x, y, z], k=0.4, eps=0.0)[0]) * _deviation(x, y, z),
                    {"x": ("0", "1"), "y": ("0", "1"), "z": ("0", "1")},
                ),
            ),
        ),
        Identity(
            "A(x) - A(q) = u(x - q): the mean cancels",
            "u*(x - m) - u*(q - m) == u*(x - q)",
            variables=("u", "x", "q", "m"),
        ),
    ),
    # --- query weights ---
    "qae.eq5": (
        Identity(
            "p·(1-p)/σ·s⁺ - (1-p)·p/σ·s⁻ = p(1-p)/σ·(s⁺ - s⁻), and p(1-p)/σ is σ where σ² = p(1-p)",
            "p*(1 - p)/sigma*up + (1 - p)*(0 - p)/sigma*down == p*(1 - p)/sigma*(up - down)",
            variables=("p", "sigma", "up", "down"),
        ),
        Enumeration(
            "p(1-p)/σ is √(p(1-p)), by squares, in every mixed group",
            "(rate*(1 - rate))**2/(rate*(1 - rate)) == rate*(1 - rate)",
            where=_GROUP,
            cases={"G": "range(2, 25)", "n": "range(1, G)"},
            count=276,
            ties=(
                Tie(
                    "(1 - n/8)/sqrt(n/8*(1 - n/8))",
                    lambda n: float(grpo([1.0] * n + [0.0] * (8 - n), eps=0.0)[0]),
                    {"n": (1, 7)},
                ),
            ),
        ),
    ),
    "qae.prop4.1": (
        Identity(
            "hard: (p/σ)² = p/(1-p), easy: ((1-p)/σ)² = (1-p)/p, where σ² = p(1-p)",
            "p**2/(p*(1 - p)) == p/(1 - p) and (1 - p)**2/(p*(1 - p)) == (1 - p)/p",
            variables=("p",),
        ),
        Enumeration(
            "QAE's advantages are (1/σ, 0) in hard and (0, -1/σ) in easy groups, with the baseline's definition",
            "1 - b == (1 if n/G <= 1 - K else 0) and 0 - b == (0 if n/G <= 1 - K else -1)",
            where={"b": "sorted([1 if i < n else 0 for i in range(G)])[ceil(K*G) - 1]"},
            cases=_MIXED,
            count=_MIXED_COUNT,
            ties=(
                Tie(
                    "(1 if n/8 <= 3/5 else 0)/sqrt(n/8*(1 - n/8))",
                    lambda n: float(qae([1.0] * n + [0.0] * (8 - n), k=0.4, eps=0.0)[0]),
                    {"n": (1, 7)},
                ),
            ),
        ),
    ),
    "qae.masks": (
        Identity(
            "A⁺ = 1/σ and A⁻ = -1/σ, σ² = p(1-p): (p/σ)² = p/(1-p) and ((1-p)/σ)² = (1-p)/p are the terms' squares",
            "p**2/(p*(1 - p)) == p/(1 - p) and (1 - p)**2/(p*(1 - p)) == (1 - p)/p",
            variables=("p",),
        ),
    ),
    "qae.eps-factor": (
        Counterexample(
            "σ/(σ+ε) is the same at p = 1/2 and p = 1/10, ε = 1/10: 5/6 and 3/4",
            "sqrt(1/4)/(sqrt(1/4) + 1/10) == sqrt(9/100)/(sqrt(9/100) + 1/10)",
        ),
        Sign(
            "the factor rises strictly with σ, here at ε = 1/10",
            "(s + 1/100)/(s + 1/100 + 1/10) > s/(s + 1/10)",
            over={"s": ("0", "1/2")},
        ),
    ),
    "qae.ddof-factor": (
        Identity(
            "(S/G)/(S/(G-1)) = (G-1)/G, S the sum of squared deviations",
            "(S/G)/(S/(G - 1)) == (G - 1)/G",
            variables=("S", "G"),
        ),
    ),
    "qae.token-level-loss": (
        Counterexample(
            "a success of one token and a failure of two both have the weight 1/2",
            "1/(1 + 2) == 1/2 and 2/(1 + 2) == 1/2",
        ),
        Enumeration(
            "|o|/Z is 1/G exactly if |o| is the group's mean length: lengths 1 to 4, G up to 5",
            "all((x/sum(o) == 1/G) == (x == sum(o)/G) for x in o)",
            cases={"G": "range(2, 6)", "o": "tuples([1, 2, 3, 4], G)"},
            count=1360,
        ),
    ),
    "qae.concentrates-effort": (
        Counterexample(
            "without its three zeros the loss of rewards 1, 0, 0, 0 divides by as many tokens",
            "1/(3 + 5 + 2 + 4) == 1/3",
        ),
    ),
    "qae.empirical-rate": (
        Counterexample(
            "in pairs the mean of √(p̂(1-p̂)), 2p(1-p)/2, is √(p(1-p)) at p = 1/2",
            "2*p*(1 - p)*sqrt(1/4) == sqrt(p*(1 - p))",
            at={"p": "1/2"},
        ),
        Identity(
            "E[p̂(1-p̂)] = (G-1)/G·p(1-p)",
            "sum(binomial(G, n)*p**n*(1 - p)**(G - n)*(n/G)*(1 - n/G) for n in range(G + 1)) == (G - 1)/G*p*(1 - p)",
            cases={"G": "range(2, 17)"},
            count=15,
            variables=("p",),
        ),
    ),
    "qae.monotonic-factors": (
        Identity(
            "q/(1-q) - p/(1-p) = (q-p)/((1-p)(1-q)) and (1-p)/p - (1-q)/q = (q-p)/(pq): both have the sign of q - p",
            "q/(1 - q) - p/(1 - p) == (q - p)/((1 - p)*(1 - q)) and (1 - p)/p - (1 - q)/q == (q - p)/(p*q)",
            variables=("p", "q"),
        ),
    ),
    "qae.equal-groups": (
        Enumeration(
            "the K-quantile of G equal rewards is that reward",
            "quantile([x for i in range(G)]) == x",
            where=_QUANTILE,
            cases={"G": "range(2, 33)", "x": "[0, 1]", "K": "[j/10 for j in range(1, 10)]"},
            count=558,
        ),
        Identity("0/(0 + ε) = 0", "(r - r)/(0 + eps) == 0", variables=("r", "eps")),
    ),
    "qae.amplification": (
        Identity(
            "(1/s)/((1-p)/s) = 1/(1-p), whatever σ + ε = s is",
            "(1/s)/((1 - p)/s) == 1/(1 - p)",
            variables=("p", "s"),
        ),
        Enumeration(
            "it is above 1 and at most 1/K in hard mixed groups",
            "1 < 1/(1 - rate) <= 1/K",
            where=_GROUP,
            cases=_MIXED,
            only="rate <= 1 - K",
            count=552,
        ),
    ),
    "qae.rarest-most-amplified": (
        Counterexample(
            "1/(1-p) is at least 1/(1-q) for the hard rates p = 1/8 < q = 6/10",
            "1/(1 - p) >= 1/(1 - q)",
            at={"p": "1/8", "q": "6/10"},
        ),
        Identity(
            "for no two rates: 1/(1-q) - 1/(1-p) = (q-p)/((1-p)(1-q))",
            "1/(1 - q) - 1/(1 - p) == (q - p)/((1 - p)*(1 - q))",
            variables=("p", "q"),
        ),
    ),
    "qae.fig4-rare-weigh-more": (
        Counterexample(
            "√(p/(1-p)) is at least √(q/(1-q)) for the hard rates p = 1/100 < q = 6/10",
            "sqrt(p/(1 - p)) >= sqrt(q/(1 - q))",
            at={"p": "1/100", "q": "6/10"},
        ),
    ),
    # --- shares of zeros and of signs ---
    "qae.large-k-mostly-negative": (
        Counterexample(
            "uniform success rates, K = 4/5: more than half of the advantages are negative, ∫(1-p)dp from 1/5",
            "(1 - 1/5)**2/2 > 1/2",
        ),
        Sign("between 1/5 and 1/2 the share 1-p is above 1/2", "1 - p > 1/2", over={"p": ("1/5", "1/2")}),
        Identity(
            "∫(1-p)dp from s to 1 is (1-s)²/2: the primitive's difference",
            "(1 - 1/2) - (s - s**2/2) == (1 - s)**2/2",
            variables=("s",),
        ),
    ),
    "qae.small-k-mostly-positive": (
        Counterexample(
            "uniform success rates, K = 1/5: more than half of the advantages are positive, ∫p dp up to 4/5",
            "(4/5)**2/2 > 1/2",
        ),
        Sign("between 1/2 and 4/5 the share p is above 1/2", "p > 1/2", over={"p": ("1/2", "4/5")}),
    ),
    # --- the paper's tables ---
    "qae.table1-marginal": (
        Counterexample(
            "the largest over the smallest pass@1 of Table 1 is less than QAE's gain, 40.63/32.29 < 48.23/39.69",
            "4063/3229 < 4823/3969",
        ),
    ),
    "qae.table2-consistent": (
        Counterexample("KL-Cov on AIME24 and GSPO on AMC23 gain with QAE", "4469 > 4490 and 8938 > 9000"),
    ),
    "qae.table2-percentages": (
        Enumeration(
            "100·(with QAE/without - 1) is within .05 of the printed number",
            "-1/20 <= 100*(after[i]/before[i] - 1) - printed[i]/10 <= 1/20",
            where={"before": _BEFORE, "after": _AFTER, "printed": _CHANGES},
            cases={"i": "range(24)"},
            count=24,
        ),
    ),
    "qae.table2-counts": (
        Enumeration(
            "some m of 960 (AIME) or 1280 (AMC23) completions is the printed pass@1, to half a hundredth of a percent",
            "abs(x - 10000*floor(x*N/10000 + 1/2)/N) <= 1/2",
            where={
                "x": "(before if with_qae == 0 else after)[2*i]",
                "before": _BEFORE,
                "after": _AFTER,
                "N": "1280 if i - 3*floor(i/3) == 2 else 960",
            },
            cases={"i": "range(12)", "with_qae": "[0, 1]"},
            count=24,
        ),
        Enumeration(
            "so are the five of Table 1",
            "abs(x - 10000*floor(x*960/10000 + 1/2)/960) <= 1/2",
            cases={"x": "[3229, 3490, 3417, 4063, 3969]"},
            count=5,
        ),
    ),
    "qae.table2-noise": (
        Counterexample(
            "KL-Cov's gain on AIME25 exceeds 1.96 standard errors at the least noise, (pass@16 - pass@1)/(15N)",
            "(after - before)**2 > (196/100)**2*((wide - before)/(15*960) + (wide_after - after)/(15*960))",
            at={"before": "3333/10000", "after": "3344/10000", "wide": "4586/10000", "wide_after": "5162/10000"},
        ),
        Sign("Jensen's other side: q - q^16 is at most 15q(1-q)", "15*q*(1 - q) > q - q**16", over={"q": ("0", "1")}),
    ),
    "qae.eighty-percent": (
        Counterexample(
            "at the success rate 1/2 between 3/4 and 17/20 of a group's advantages are zero",
            "3/4 <= (1 - p if p <= 3/5 else p) <= 17/20",
            at={"p": "1/2"},
        ),
    ),
    "qae.explosion-step": (
        Counterexample(
            "a step lies in 10 to 80 and is at least 100",
            "any(step <= 80 and step >= 100 for step in range(0, 1001))",
        ),
    ),
}


def _deviation(*rewards: float) -> float:
    """The population standard deviation."""
    mean = sum(rewards) / len(rewards)
    return sqrt(sum((x - mean) ** 2 for x in rewards) / len(rewards))
