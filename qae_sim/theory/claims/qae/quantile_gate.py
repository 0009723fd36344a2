"""The gate: Eq. 4, its boundary, what linear interpolation makes of it, and how many responses it lets through."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qae_sim.advantages import Quantile, quantile_baseline
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.registry import claim

#: K in thousandths.
THOUSANDTHS = np.arange(1, 1000)


def groups_up_to(largest: int) -> tuple[np.ndarray, np.ndarray]:
    """All group sizes from 2 and numbers of successes, ``(cases,)`` each."""
    sizes = np.arange(2, largest + 1)
    g = np.repeat(sizes, sizes + 1)
    return g, np.concatenate([np.arange(size + 1) for size in sizes])


def quantile_by_definition(g: np.ndarray, n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """inf{x : F̂(x) >= K} of binary rewards, K in thousandths: 0 if the share of zeros is K at least, else 1."""
    return np.where(1000 * (g - n)[:, None] >= k * g[:, None], 0, 1)


def smallest(*columns: np.ndarray) -> tuple[int, ...]:
    """The first of the rows in lexicographic order."""
    order = np.lexsort(columns[::-1])
    return tuple(int(column[order[0]]) for column in columns)


@claim(
    "qae.eq4",
    paper=PAPER,
    equation="Eq. 4",
    statement="For binary rewards the K-quantile baseline is 0 if the success rate is at most 1-K, and 1 otherwise.",
    latex=r"b_K = \inf\{x : \hat F(x) \ge K\} = \mathbf 1\{\hat p > 1-K\}",
    assumptions=("binary rewards", "K in (0, 1)", "inverse-CDF quantile"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.QUOTED,
    breaks=(
        Break("hard means p < 1-K, without equality", {"strict": True}, Verdict.REFUTED),
        Break("the baseline of the released code, torch.quantile", {"quantile": "linear"}, Verdict.DIFFERS),
    ),
)
def eq4(quick: bool, *, strict: bool = False, quantile: Quantile = "inverted_cdf") -> CheckOutcome:
    """Compare Eq. 4 with the definition in integers, and the project's floats with both."""
    largest = 48 if quick else 128
    g, n = groups_up_to(largest)
    k = THOUSANDTHS
    exact = quantile_by_definition(g, n, k)
    successes, room = 1000 * n[:, None], (1000 - k) * g[:, None]
    gate = np.where(successes < room if strict else successes <= room, 0, 1)
    wrong = np.argwhere(gate != exact)
    found = smallest(g[wrong[:, 0]], n[wrong[:, 0]], k[wrong[:, 1]]) if len(wrong) else None
    over = f"G = 2..{largest}, all numbers of successes, K = .001...999"
    formula = Evidence(
        "Eq. 4 is the K-quantile by its definition",
        over,
        Method.CASES,
        found is None,
        counterexample={"g": found[0], "successes": found[1], "k": found[2] / 1000} if found else {},
        figures={"cases": int(exact.size)},
    )
    return conclude(formula, _float_baseline(largest, quantile))


def _float_baseline(largest: int, quantile: Quantile) -> Evidence:
    """Whether ``quantile_baseline`` agrees with the definition for K in hundredths, given as floats."""
    disagreements, cases = [], 0
    hundredths = THOUSANDTHS[9::10]
    for size in range(2, largest + 1):
        n = np.arange(size + 1)
        rewards = (np.arange(size) < n[:, None]).astype(float)
        exact = quantile_by_definition(np.full(size + 1, size), n, hundredths)
        floats = np.stack(
            [quantile_baseline(rewards, k / 1000, quantile=quantile) for k in hundredths.tolist()], axis=1
        )
        cases += exact.size
        disagreements += [(size, int(n[i]), float(hundredths[j]) / 1000) for i, j in np.argwhere(exact != floats)]
        if disagreements:
            break
    first = disagreements[0] if disagreements else None
    return Evidence(
        "quantile_baseline gives the same in floating point",
        f"G = 2..{largest}, all numbers of successes, K = .01...99",
        Method.FLOATS,
        first is None,
        counterexample={"g": first[0], "successes": first[1], "k": first[2]} if first else {},
        figures={"cases": cases},
    )


@claim(
    "qae.eq4-linear",
    paper=PAPER,
    equation="Eq. 4 and the released code",
    statement="The linear quantile of the released code (torch.quantile) gives the baseline of Eq. 4.",
    latex=r"\operatorname{quantile}_{\text{linear}}(\{R_j\}, K) = \mathbf 1\{\hat p > 1-K\}",
    assumptions=("binary rewards", "K = .4"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.IMPLIED,
    condition="K(G-1) is an integer",
    breaks=(
        Break("inverse-CDF instead of linear", {"linear": False}, Verdict.CERTIFIED),
        Break("the condition is dropped", {"condition": False}, Verdict.REFUTED),
    ),
)
def eq4_linear(quick: bool, *, linear: bool = True, condition: bool = True) -> CheckOutcome:
    """Position h = K(G-1) falls between two order statistics; only there, with one 0 and one 1, the two can differ."""
    largest = 64 if quick else 128
    k = Fraction(2, 5)
    differ, integral_differ = [], []
    for g in range(2, largest + 1):
        for n in range(g + 1):
            paper = 0 if Fraction(n, g) <= 1 - k else 1
            ordered = [0] * (g - n) + [1] * n
            position = k * (g - 1)
            low = position.numerator // position.denominator
            share = position - low
            code = ordered[low] + share * (ordered[min(low + 1, g - 1)] - ordered[low]) if linear else Fraction(paper)
            if code != paper:
                differ.append((g, n, code))
                if g % 5 == 1:
                    integral_differ.append((g, n))
    over = f"K = .4, G = 2..{largest}, all numbers of successes"
    sizes = sorted({g for g, _, _ in differ})
    literal = Evidence(
        "both baselines are equal",
        over,
        Method.CASES,
        not differ,
        counterexample={"g": differ[0][0], "successes": differ[0][1], "k": 0.4, "linear": float(differ[0][2])}
        if differ
        else {},
        figures={
            "group sizes with a difference": len(sizes),
            "at G = 8": [n for g, n, _ in differ if g == 8],
            "at G = 16": [n for g, n, _ in differ if g == 16],
        },
    )
    released = float(quantile_baseline([1.0, 1.0, 0.0, 0.0], 0.4, quantile="linear"))  # rank 1.2 of 0, 0, 1, 1
    tie = Evidence("quantile_baseline interpolates", "G = 4, two successes", Method.FLOATS, abs(released - 0.2) < 1e-15)
    if not differ:
        return conclude(literal, tie)
    under = Evidence(
        "both are equal when K(G-1) is an integer",
        over,
        Method.CASES,
        not integral_differ,
        figures={"group sizes": [g for g in range(2, largest + 1) if g % 5 == 1]},
    )
    return conclude(literal, tie, under=[under] if condition else [], condition="K(G-1) is an integer" * condition)


@claim(
    "qae.least-sparsity",
    paper=PAPER,
    equation="Sec. 4.1",
    statement="In every mixed group at least a share min(K, 1-K) of the responses gets exactly zero.",
    latex=r"\tfrac1G\,|\{i : \hat A_i = 0\}| \ge \min(K, 1-K)",
    assumptions=("binary rewards", "both rewards occur in the group"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the share is claimed to be max(K, 1-K)", {"claimed": "max"}, Verdict.REFUTED),),
)
def least_sparsity(quick: bool, *, claimed: str = "min") -> CheckOutcome:
    """Hard groups leave out 1 - p >= K, easy ones p > 1 - K; in integers over all groups."""
    largest = 48 if quick else 128
    g, n = groups_up_to(largest)
    mixed = (n > 0) & (n < g)
    g, n = g[mixed], n[mixed]
    hard = quantile_by_definition(g, n, THOUSANDTHS) == 0
    zeros = np.where(hard, (g - n)[:, None], n[:, None])
    bound = (np.minimum if claimed == "min" else np.maximum)(THOUSANDTHS, 1000 - THOUSANDTHS)
    slack = 1000 * zeros - bound * g[:, None]
    wrong = np.argwhere(slack < 0)
    found = smallest(g[wrong[:, 0]], n[wrong[:, 0]], THOUSANDTHS[wrong[:, 1]]) if len(wrong) else None
    return conclude(
        Evidence(
            f"the share of zero advantages is at least {claimed}(K, 1-K)",
            f"G = 2..{largest}, all mixed groups, K = .001...999",
            Method.CASES,
            found is None,
            margin=f"{int(slack.min())}/1000 responses",
            counterexample={"g": found[0], "successes": found[1], "k": found[2] / 1000} if found else {},
        )
    )


@claim(
    "qae.k-is-a-lever",
    paper=PAPER,
    equation="Sec. 1",
    statement="A lower K never lets fewer responses have a positive advantage, nor more a negative one.",
    latex=r"K \le K' \Rightarrow |\{\hat A_i > 0\}|_K \ge |\{\hat A_i > 0\}|_{K'},\ "
    r"|\{\hat A_i < 0\}|_K \le |\{\hat A_i < 0\}|_{K'}",
    assumptions=("binary rewards", "one and the same group"),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the reverse direction", {"lower": False}, Verdict.REFUTED),),
)
def k_is_a_lever(quick: bool, *, lower: bool = True) -> CheckOutcome:
    """Counts of both signs, K by K."""
    largest = 48 if quick else 128
    g, n = groups_up_to(largest)
    hard = quantile_by_definition(g, n, THOUSANDTHS) == 0
    positive = np.where(hard, n[:, None], 0)
    negative = np.where(hard, 0, (g - n)[:, None])
    order = 1 if lower else -1
    bad = (order * np.diff(positive, axis=1) > 0) | (order * np.diff(negative, axis=1) < 0)
    wrong = np.argwhere(bad)
    found = smallest(g[wrong[:, 0]], n[wrong[:, 0]], THOUSANDTHS[wrong[:, 1]]) if len(wrong) else None
    return conclude(
        Evidence(
            "the numbers of positive and of negative advantages fall with K",
            f"G = 2..{largest}, all groups, K = .001...999",
            Method.CASES,
            found is None,
            counterexample={"g": found[0], "successes": found[1], "k": found[2] / 1000} if found else {},
        )
    )


@claim(
    "qae.outliers",
    paper=PAPER,
    equation="Sec. 4",
    statement="Under the mean baseline a few high rewards turn competent responses, at or above the median, into "
    "negative-advantage ones.",
    latex=r"\exists i:\ R_i \ge \operatorname{median}(R),\ R_i - \operatorname{mean}(R) < 0,\ R_i = 1",
    assumptions=("rewards as in the paper: binary, competent means correct",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    condition="rewards have more than two values",
    breaks=(Break("graded rewards are not allowed either", {"graded": False}, Verdict.REFUTED),),
)
def outliers(quick: bool, *, graded: bool = True) -> CheckOutcome:
    """For binary rewards 1 >= mean in every group; with graded rewards one high reward is enough."""
    largest = 48 if quick else 128
    g, n = groups_up_to(largest)
    correct_below_mean = (n > 0) & (g < n)  # 1 < n/G
    binary = Evidence(
        "some correct response of a binary group has a negative advantage",
        f"G = 2..{largest}, all groups (and for every G: 1 - n/G >= 0)",
        Method.CASES,
        bool(correct_below_mean.any()),
        counterexample={"g": 2, "successes": 1, "advantage of the correct response": 0.5},
    )
    if not graded:
        return conclude(binary)
    rewards = [Fraction(6, 10)] * 3 + [Fraction(9, 10)]
    mean = sum(rewards) / 4
    example = Evidence(
        "rewards .6, .6, .6, .9: three good responses fall below the mean .675, none below the 40 % quantile .6",
        "one group",
        Method.CASES,
        rewards[0] < mean and sorted(rewards)[1] == rewards[0],
        margin=str(mean - rewards[0]),
    )
    return conclude(binary, under=[example], condition="rewards have more than two values")


@claim(
    "qae.robust-quantile",
    paper=PAPER,
    equation="Sec. 4",
    statement="Raising any rewards that lie above the K-quantile leaves the quantile, though not the mean, as it is.",
    latex=r"R'_i = R_i + c_i,\ c_i \ge 0,\ c_i = 0 \text{ if } R_i \le Q_K(R) \Rightarrow Q_K(R') = Q_K(R)",
    assumptions=("any real rewards",),
    expected=Verdict.CERTIFIED,
    tier=Tier.ENUMERATED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the mean instead of the quantile", {"baseline": "mean"}, Verdict.REFUTED),),
)
def robust_quantile(quick: bool, *, baseline: str = "quantile") -> CheckOutcome:
    """All groups of three reward levels, the top ones raised: enough, because only the order of rewards matters."""
    largest = 5 if quick else 7
    cases, found = 0, None
    for g in range(2, largest + 1):
        for counts in _compositions(g, 3):
            rewards = sorted(value for value, count in enumerate(counts) for _ in range(count))
            for tenths in range(1, 10):
                rank = -(-tenths * g // 10)
                b = rewards[rank - 1] if baseline == "quantile" else Fraction(sum(rewards), g)
                raised = sorted(x + 10 if x > b else x for x in rewards)
                after = raised[rank - 1] if baseline == "quantile" else Fraction(sum(raised), g)
                cases += 1
                if after != b and found is None:
                    found = {"rewards": rewards, "k": tenths / 10}
    return conclude(
        Evidence(
            f"the {baseline} stays when higher rewards are raised",
            f"G = 2..{largest}, all groups of three reward levels, K = .1...9",
            Method.CASES,
            found is None,
            counterexample=found or {},
            figures={"cases": cases},
        )
    )


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    """All ways to write a total as an ordered sum of parts."""
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in _compositions(total - first, parts - 1)]
