"""The gate: Eq. 4, its boundary, what linear interpolation makes of it, and how many responses it lets through.

That the K-quantile is 0 depends on the sign of (1-K) - p alone, so that most of it holds for all groups at once; the
enumerations beside it tie the proofs to code that counts.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qae_sim.advantages import Quantile, dr_grpo, qae, quantile_baseline
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.controls import advantages_by_hand
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.exact_advantages import KS, advantages, mixed_groups
from qae_sim.theory.orders import order_types
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim

#: K in thousandths.
THOUSANDTHS = np.arange(1, 1000, dtype=np.int32)  # half of the memory; no number here exceeds a million


def groups_up_to(largest: int) -> tuple[np.ndarray, np.ndarray]:
    """All group sizes from 2 and numbers of successes, ``(cases,)`` each."""
    sizes = np.arange(2, largest + 1, dtype=np.int32)
    g = np.repeat(sizes, sizes + 1)
    return g, np.concatenate([np.arange(size + 1, dtype=np.int32) for size in sizes])


def quantile_by_definition(g: np.ndarray, n: np.ndarray, k: np.ndarray) -> np.ndarray:
    """inf{x : F̂(x) >= K} of binary rewards, K in thousandths: 0 if the share of zeros is K at least, else 1."""
    return np.where(1000 * (g - n)[:, None] >= k * g[:, None], np.int8(0), np.int8(1))


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
    tier=Tier.PROVED,
    origin=Origin.QUOTED,
    breaks=(
        Break("hard means p < 1-K, without equality", {"strict": True}, Verdict.REFUTED),
        Break("the baseline of the released code, torch.quantile", {"quantile": "linear"}, Verdict.DIFFERS),
    ),
)
def eq4(quick: bool, *, strict: bool = False, quantile: Quantile = "inverted_cdf") -> CheckOutcome:
    """Compare Eq. 4 with the definition in integers, and the project's floats with both."""
    largest = 48 if quick else 96
    g, n = groups_up_to(largest)
    k = THOUSANDTHS
    exact = quantile_by_definition(g, n, k)
    successes, room = 1000 * n[:, None], (1000 - k) * g[:, None]
    gate = np.where(successes < room if strict else successes <= room, np.int8(0), np.int8(1))
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
        confirms=True,
    )
    p, level = ring("p", "K")
    one_margin = (1 - p) - level == (1 - level) - p  # the share of zeros, which is F̂(0), over K; the gate's room
    same = all((margin >= 0) == (margin > 0 if strict else margin >= 0) for margin in (-1, 0, 1))
    proof = Evidence(
        "the distribution function of the rewards is 0 below 0, 1-p from 0 and 1 from 1; it reaches K > 0 at 0 exactly "
        "if Eq. 4 says so, because 1-p - K = 1-K - p",
        "every G, every number of successes, every K in (0, 1)",
        Method.SYMBOLIC,
        one_margin and same,
    )
    return conclude(proof, machine_checked("qae.eq4"), formula, _float_baseline(largest, quantile))


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
    statement="The linear quantile of the released code (torch.quantile) gives the baseline of Eq. 4 in every group of "
    "a size.",
    latex=r"\operatorname{quantile}_{\text{linear}}(\{R_j\}, K) = \mathbf 1\{\hat p > 1-K\}",
    assumptions=("binary rewards", "K in (0, 1)"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="exactly if K(G-1) is an integer",
    breaks=(
        Break("inverse-CDF instead of linear", {"linear": False}, Verdict.CERTIFIED),
        Break("the condition is dropped", {"condition": False}, Verdict.REFUTED),
        Break("K·G an integer instead", {"whole": "KG"}, Verdict.REFUTED),
    ),
)
def eq4_linear(quick: bool, *, linear: bool = True, condition: bool = True, whole: str = "K(G-1)") -> CheckOutcome:
    """Position h = K(G-1) falls between two order statistics; only there, with one 0 and one 1, the two can differ."""
    largest = 24 if quick else 64
    first: dict[tuple[int, int], int] = {}  # the first number of successes with a difference, by G and K in hundredths
    for g in range(2, largest + 1):
        for k in range(1, 100):
            differ = _first_difference(g, k, linear)
            if differ is not None:
                first[g, k] = differ
    over = f"G = 2..{largest}, all numbers of successes, K = .01...99"
    g, n = 2, first.get((2, 40), 1)
    literal = Evidence(
        "both baselines are equal",
        over,
        Method.CASES,
        not first,
        counterexample={"g": g, "successes": n, "k": 0.4, "linear": 0.4} if first else {},
        figures={"share of (G, K) with a difference": len(first) / (99 * (largest - 1))},
    )
    released = float(quantile_baseline([1.0, 1.0, 0.0, 0.0], 0.4, quantile="linear"))  # rank 1.2 of 0, 0, 1, 1
    tie = Evidence("quantile_baseline interpolates", "G = 4, two successes", Method.FLOATS, abs(released - 0.2) < 1e-15)
    if not first:
        return conclude(literal, tie)
    level, size = ring("K", "G")
    zero, one = 0 * level, 0 * level + 1
    between = zero + level * (one - zero)  # t in the place of K
    factor = size - 1 if whole == "K(G-1)" else size
    wrong = next(
        (
            (g, k)
            for g in range(2, largest + 1)
            for k in range(1, 100)
            if ((g, k) in first) == (k * (g - 1 if whole == "K(G-1)" else g) % 100 == 0)
        ),
        None,
    )
    under = [
        Evidence(
            "if h = K(G-1) is an integer then KG = h + K with 0 < K < 1 rounds up to h + 1, which is the same rank",
            "every G, every K in (0, 1)",
            Method.SYMBOLIC,
            level * size == level * factor + level,
        ),
        Evidence(
            "if h is no integer, the group with ⌊h⌋ + 1 failures interpolates between 0 and 1, to t = h - ⌊h⌋: "
            "t and 1-t are above 0, so that it is neither",
            "every G, every K in (0, 1)",
            Method.SYMBOLIC,
            between * (1 - between) == level * (1 - level),
        ),
        Evidence(
            "both are equal for all numbers of successes exactly if K(G-1) is an integer",
            over,
            Method.CASES,
            wrong is None,
            counterexample={"g": wrong[0], "k": wrong[1] / 100} if wrong else {},
            confirms=True,
        ),
    ]
    return conclude(
        literal,
        tie,
        under=under if condition else [],
        condition="exactly if K(G-1) is an integer" * condition,
        controls=[
            Evidence(
                "at K = .4 there is a difference at G = 8 with five successes alone, and none at G = 16",
                "worked out by hand: h = 2.8 and h = 6",
                Method.CASES,
                first.get((8, 40)) == 5 and (16, 40) not in first,
            )
        ],
    )


def _first_difference(g: int, k: int, linear: bool) -> int | None:
    """The first number of successes of which the linear (or inverse-CDF) quantile is not Eq. 4's, K in hundredths."""
    low, share = divmod(k * (g - 1), 100) if linear else (-(-k * g // 100) - 1, 0)
    for n in range(g + 1):
        at, after = (int(index >= g - n) for index in (low, min(low + 1, g - 1)))  # the first G - n of the order are 0
        paper = 0 if 100 * n <= (100 - k) * g else 1
        if 100 * at + share * (after - at) != 100 * paper:
            return n
    return None


@claim(
    "qae.least-sparsity",
    paper=PAPER,
    equation="Sec. 4.1",
    statement="In every mixed group at least a share min(K, 1-K) of the responses gets exactly zero.",
    latex=r"\tfrac1G\,|\{i : \hat A_i = 0\}| \ge \min(K, 1-K)",
    assumptions=("binary rewards", "both rewards occur in the group"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the share is claimed to be max(K, 1-K)", {"claimed": "max"}, Verdict.REFUTED),),
)
def least_sparsity(quick: bool, *, claimed: str = "min") -> CheckOutcome:
    """Hard groups leave out 1 - p >= K, easy ones p > 1 - K: what they leave out over that is the gate's margin."""
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
    p, level = ring("p", "K")
    room = (1 - level) - p  # 0 at least in hard groups, below 0 in easy ones
    bounds = (level, 1 - level) if claimed == "min" else (1 - level, level)
    return conclude(
        Evidence(
            "a hard group leaves out K and the gate's margin, an easy one 1-K and the margin",
            "every G, every number of successes, every K in (0, 1)",
            Method.SYMBOLIC,
            (1 - p) - bounds[0] == room and p - bounds[1] == -room,
        ),
        *([machine_checked("qae.least-sparsity")] if claimed == "min" else []),
        Evidence(
            f"the share of zero advantages is at least {claimed}(K, 1-K)",
            f"G = 2..{largest}, all mixed groups, K = .001...999",
            Method.CASES,
            found is None,
            margin=f"{int(slack.min())}/1000 responses",
            counterexample={"g": found[0], "successes": found[1], "k": found[2] / 1000} if found else {},
            confirms=True,
        ),
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
    tier=Tier.PROVED,
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
    thresholds = [(p, one, two) for p, one, two in order_types(3) if (one >= two if lower else one <= two)]
    return conclude(
        Evidence(
            "a group that is hard at the larger K is hard at the smaller one",
            "every order of p and of the thresholds 1-K >= 1-K'",
            Method.SYMBOLIC,
            all(p <= one or not p <= two for p, one, two in thresholds),
        ),
        *([machine_checked("qae.k-is-a-lever")] if lower else []),
        Evidence(
            "the number of positive advantages never rises with K, that of negative ones never falls",
            f"G = 2..{largest}, all groups, K = .001...999",
            Method.CASES,
            found is None,
            counterexample={"g": found[0], "successes": found[1], "k": found[2] / 1000} if found else {},
            confirms=True,
        ),
    )


@claim(
    "qae.finitely-many-gates",
    paper=PAPER,
    equation="Eq. 4",
    statement="In groups of G there are exactly G different quantile baselines: K acts only through ⌈KG⌉, and a mixed "
    "group is hard exactly if it has at most G - ⌈KG⌉ successes.",
    latex=r"\hat p \le 1-K \iff n \le G - \lceil KG\rceil,\quad \lceil KG\rceil \in \{1,\dots,G\}",
    assumptions=("binary rewards", "K in (0, 1)", "inverse-CDF quantile"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("K is rounded down, ⌊KG⌋", {"down": True}, Verdict.REFUTED),
        Break("all-correct groups count as mixed: one gate more", {"more": 1}, Verdict.REFUTED),
    ),
)
def finitely_many_gates(quick: bool, *, down: bool = False, more: int = 0) -> CheckOutcome:
    """Successes are integers: n <= G - KG means n <= G - ⌈KG⌉; each of the G values has a group that tells it."""
    largest = 24 if quick else 64
    found = None
    for g in range(2, largest + 1):
        gates = set()
        for half in range(1, 2 * g):  # K = half/(2G): at the steps and between them
            rank = half // 2 if down else -(-half // 2)
            gate = tuple(2 * n <= 2 * g - half for n in range(1, g))
            gates.add(gate)
            if found is None and gate != tuple(n <= g - rank for n in range(1, g)):
                found = {"g": g, "k": half / (2 * g)}
        if found is None and len(gates) != g + more:
            found = {"g": g, "gates": len(gates)}
    n, g, level = ring("n", "G", "K")
    return conclude(
        Evidence(
            "the room of Eq. 4 in responses, G(1-K) - n, is the integer G - n over KG",
            "every G, n and K",
            Method.SYMBOLIC,
            g * (1 - level) - n == (g - n) - level * g,
        ),
        Evidence(
            "mixed groups are hard up to G - ⌈KG⌉ successes, and G gates differ",
            f"G = 2..{largest}, every K between and at the steps",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
        ),
    )


#: When the share of positive advantages is a continuous function of K.
SMOOTH = "in the limit of large groups, for success rates without atoms: within 1/(G+1) of (1-K)²/2 for uniform ones"


@claim(
    "qae.smooth-in-k",
    paper=PAPER,
    equation="App. D.3: 'smooth in K', 'finely tunable via K'",
    statement="What QAE does changes smoothly with K: the share of positive advantages is a continuous function of K.",
    latex=r"K \mapsto \mathbb E\,\tfrac1G\,|\{i: \hat A_i > 0\}| \text{ is continuous}",
    assumptions=("binary rewards", "inverse-CDF quantile"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition=SMOOTH,
    breaks=(Break("closer to the limit than 1/(8(G+1))", {"bound": Fraction(1, 8)}, Verdict.REFUTED),),
)
def smooth_in_k(quick: bool, *, bound: Fraction = Fraction(1)) -> CheckOutcome:
    """At each G the share has steps at K = j/G; for uniform success rates it is N(N+1)/(2G(G+1)), N = G - ⌈KG⌉."""
    g, at, after = 16, Fraction(7, 16), Fraction(7, 16) + Fraction(1, 10**6)
    shares = [_uniform_share(g, k) for k in (Fraction(2, 5), at, after)]
    largest = 16 if quick else 64
    wrong = next(
        (
            (g, k)
            for g in range(2, largest + 1)
            for k in (Fraction(step, 4 * g) for step in range(1, 4 * g))
            if abs(_uniform_share(g, k) - (1 - k) ** 2 / 2) * (g + 1) > bound
        ),
        None,
    )
    size, s, d = ring("G", "s", "d")  # the number of successes up to which groups are hard is N = G·s - d, 0 <= d < 1
    hard = size * s - d
    over = (size + 1) * size * s**2 - hard * (hard + 1)  # 2G(G+1) times s²/2 less the share
    ends = over == size * (s**2 - (1 - 2 * d) * s) + d * (1 - d)
    return conclude(
        Evidence(
            "the share of positive advantages does not jump",
            "G = 16, uniform success rates, from K = 7/16 to just above",
            Method.CASES,
            shares[1] == shares[2],
            counterexample={"g": g, "k": [float(at), float(after)], "positive": [str(share) for share in shares[1:]]},
            figures={"values of K with the estimator of K = .4": "(.375, .4375]"},
        ),
        under=[
            Evidence(
                "2(G+1) times s²/2 less the share is s² - (1-2d)s + d(1-d)/G, at least -1/4 and at most 2",
                "uniform success rates, every G and K: s = 1-K, and N = Gs - d with d in [0, 1)",
                Method.SYMBOLIC,
                ends,
            ),
            Evidence(
                f"the share is within {bound}/(G+1) of (1-K)²/2",
                f"uniform success rates, G = 2..{largest}, K in steps of 1/(4G)",
                Method.CASES,
                wrong is None,
                counterexample={"g": wrong[0], "k": float(wrong[1])} if wrong else {},
                confirms=True,
            ),
        ],
        condition=SMOOTH,
        controls=[
            Evidence(
                "the share is 45/272 up to K = 7/16, K = .4 included, and 36/272 above",
                "worked out by hand: 9·10 and 8·9 over 2·16·17",
                Method.CASES,
                shares == [Fraction(45, 272), Fraction(45, 272), Fraction(36, 272)],
            )
        ],
    )


def _uniform_share(g: int, k: Fraction) -> Fraction:
    """Share of positive advantages where the success rate is uniform on (0, 1), so that 0..G successes are as likely.

    A group without failures has no advantages, and is not hard for any K.
    """
    return Fraction(sum(n for n in range(g) if Fraction(n, g) <= 1 - k), g * (g + 1))


@claim(
    "qae.dynamic-sampling-signs",
    paper=PAPER,
    equation="Sec. 2, DAPO's constraint, with Eqs. 3 and 4",
    statement="With dynamic sampling every group that is trained on has positive and negative examples under QAE, as "
    "it has under GRPO: advantages of both signs.",
    latex=r"0 < |\{i : R_i = 1\}| < G \Rightarrow \exists i, j:\ \hat A_i > 0 > \hat A_j",
    assumptions=("binary rewards",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="in no group; in a batch exactly if it has a mixed hard and a mixed easy group",
    breaks=(Break("GRPO's advantages", {"name": "grpo"}, Verdict.CERTIFIED),),
)
def dynamic_sampling_signs(quick: bool, *, name: str = "qae") -> CheckOutcome:
    """In every mixed group the quantile is one of the two rewards, and its responses get zero."""
    largest = 16 if quick else 64
    both = {
        (g, n, k): all(sign != 0 for sign, _ in advantages(name, n, g, k)) for g, n in mixed_groups(largest) for k in KS
    }
    one = not any(both.values())
    lone = [float(a) for a in qae([1.0, 0.0, 0.0, 0.0], k=0.4, eps=0.0)]
    return conclude(
        Evidence(
            "every mixed group has advantages of both signs",
            f"G = 2..{largest}, K = .1...9",
            Method.CASES,
            all(both.values()),
            counterexample={"rewards": [1, 0, 0, 0], "k": 0.4, "advantages": lone} if one else {},
            figures={"mixed groups with both signs": sum(both.values()), "of": len(both)},
        ),
        Evidence("qae gives one sign", "one success in four", Method.FLOATS, lone[0] > 0 and not any(lone[1:])),
        controls=[
            advantages_by_hand("grpo"),
            advantages_by_hand(),
            Evidence(
                "under GRPO all have both signs, under QAE none",
                "the same groups",
                Method.CASES,
                one or (name == "grpo" and all(both.values())),
            ),
        ],
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
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="rewards are graded: a competent response can have less than the best reward of its group",
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
    control = Evidence(
        "the lone success of two has the advantage 1/2, before the scale",
        "by hand",
        Method.FLOATS,
        float(dr_grpo([1.0, 0.0])[0]) == 0.5,
    )
    if not graded:
        return conclude(binary, controls=[control])
    size, x, d = ring("G", "x", "d")
    total = (size - 1) * x + (x + d)
    rewards = [Fraction(6, 10)] * 3 + [Fraction(9, 10)]
    return conclude(
        binary,
        under=[
            Evidence(
                "G-1 rewards x and one x + d: G times the mean is Gx + d, so that the G-1 are d/G below it",
                "every G >= 3, where x is the median, every x, every d > 0",
                Method.SYMBOLIC,
                total - size * x == d,
            ),
            Evidence(
                "rewards .6, .6, .6, .9: three good responses fall below the mean .675, none below the 40 % quantile",
                "one group",
                Method.CASES,
                rewards[0] < sum(rewards) / 4 == Fraction(675, 1000) and sorted(rewards)[1] == rewards[0],
                confirms=True,
            ),
        ],
        condition="rewards are graded: a competent response can have less than the best reward of its group",
        controls=[control],
    )


@claim(
    "qae.robust-quantile",
    paper=PAPER,
    equation="Sec. 4",
    statement="Raising any rewards that lie above the K-quantile leaves the quantile, though not the mean, as it is.",
    latex=r"R'_i = R_i + c_i,\ c_i \ge 0,\ c_i = 0 \text{ if } R_i \le Q_K(R) \Rightarrow Q_K(R') = Q_K(R)",
    assumptions=("any real rewards",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    breaks=(Break("the mean instead of the quantile", {"baseline": "mean"}, Verdict.REFUTED),),
)
def robust_quantile(quick: bool, *, baseline: str = "quantile") -> CheckOutcome:
    """Up to the quantile the distribution function is as before, response by response; groups of three levels."""
    largest = 5 if quick else 7
    cases, found, unmoved = 0, None, None
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
                if raised != rewards and sum(raised) <= sum(rewards):
                    unmoved = {"rewards": rewards, "k": tenths / 10}
    over = f"G = 2..{largest}, all groups of three reward levels, K = .1...9"
    # x up to the quantile q, a reward r, and what becomes of it: r itself if r <= q, and r or more otherwise.
    cases_of_one = [ranks for ranks in order_types(4) if ranks[0] <= ranks[1] and _raised(*ranks[1:])]
    same = all((r <= x) == (raised <= x) for x, _, r, raised in cases_of_one)
    proof = Evidence(
        "a reward that is at most x before is so after, for every x up to the quantile: as many are, and the smallest "
        "x at which a share K is stays the same",
        "every order of x <= Q, a reward, and the reward after",
        Method.SYMBOLIC,
        same,
    )
    return conclude(
        *([proof, machine_checked("qae.robust-quantile")] if baseline == "quantile" else []),
        Evidence(
            f"the {baseline} stays when higher rewards are raised",
            over,
            Method.CASES,
            found is None,
            counterexample=found or {},
            figures={"cases": cases},
            confirms=True,
        ),
        Evidence(
            "the mean does not stay where a reward is raised",
            over,
            Method.CASES,
            unmoved is None,
            counterexample=unmoved or {},
            confirms=True,
        ),
    )


def _raised(q: int, r: int, raised: int) -> bool:
    """Whether a reward may become another one: only those above the quantile q are changed, and only upwards."""
    return raised == r if r <= q else raised >= r


def _compositions(total: int, parts: int) -> list[tuple[int, ...]]:
    """All ways to write a total as an ordered sum of parts."""
    if parts == 1:
        return [(total,)]
    return [(first, *rest) for first in range(total + 1) for rest in _compositions(total - first, parts - 1)]
