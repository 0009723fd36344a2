"""Two baselines of one group: on-policy, how far their expected gradients differ, for each way to weigh responses.

The examples are four responses with exact probabilities, and derivatives of these along some direction of the
parameters: every expectation is a sum of rational numbers over all groups.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import comb, prod

from qae_sim.theory.arithmetic import fmpq_poly
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.estimators import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.implicit_length import Normaliser, expected_credit
from qae_sim.theory.polynomials import rational, ring
from qae_sim.theory.registry import claim

# Four responses: probability, its derivative along some direction, reward, length.
PROBABILITIES = (Fraction(1, 2), Fraction(1, 5), Fraction(1, 5), Fraction(1, 10))
DERIVATIVES = (Fraction(1, 3), Fraction(-1, 2), Fraction(2, 7), Fraction(-5, 42))
SCORES = tuple(d / p for d, p in zip(DERIVATIVES, PROBABILITIES, strict=True))
REWARDS = (0, 1, 1, 0)
LENGTHS = (1, 3, 5, 2)
K = Fraction(2, 5)
EXAMPLE = "four responses of lengths 1, 3, 5 and 2; K = .4"

Group = tuple[int, ...]


def sides(values: tuple[Fraction, ...]) -> tuple[Fraction, Fraction]:
    """Sums over the correct and over the wrong responses."""
    correct = sum((v for v, r in zip(values, REWARDS, strict=True) if r), Fraction(0))
    return correct, sum(values, Fraction(0)) - correct


#: p and 1 - p, and the gradients of p, of E[r/|o|] and of E[(1-r)/|o|].
RATE, RATE_WRONG = sides(PROBABILITIES)
RATE_SLOPE = sides(DERIVATIVES)[0]
SLOPES = sides(tuple(d / length for d, length in zip(DERIVATIVES, LENGTHS, strict=True)))


def all_groups(size: int) -> Iterator[tuple[Group, int, Fraction]]:
    """All groups, each with its number of successes and its probability."""
    for group in product(range(4), repeat=size):
        yield (
            group,
            sum(REWARDS[o] for o in group),
            prod((PROBABILITIES[o] for o in group), start=Fraction(1)),
        )


def slope(group: Group) -> Fraction:
    """The derivative of a group's probability, factor by factor."""
    return sum(
        (
            DERIVATIVES[o] * prod((PROBABILITIES[c] for j, c in enumerate(group) if j != i), start=Fraction(1))
            for i, o in enumerate(group)
        ),
        Fraction(0),
    )


def quantile(n: int, g: int) -> int:
    """b_K of n successes in G."""
    return 0 if Fraction(n, g) <= 1 - K else 1


def _credit_difference(g: int, *, loss: Normaliser = "token", prompts: int = 1) -> float:
    """QAE's expected gradient less GRPO's along the direction, as the project's function has it."""
    policy, along = ([float(x) for x in values] for values in (PROBABILITIES, DERIVATIVES))
    qae, grpo = (
        expected_credit(name, policy, REWARDS, LENGTHS, g, loss=loss, prompts=prompts, eps=0, **more)
        for name, more in (("qae", {"k": float(K)}), ("grpo", {}))
    )
    return float((qae - grpo) @ along)


@claim(
    "estimators.baseline-difference",
    paper=PAPER,
    equation="QAE against GRPO under a token-level loss",
    statement="On-policy, with a scale and a weight common to the group, the expected gradients of two group baselines "
    "b and b' differ by the gradient of E[w (b' - b)/σ]: with w = 1/Z, Z the group's tokens, QAE is GRPO plus a "
    "pressure on the length.",
    latex=r"\mathbb E[g_b] - \mathbb E[g_{b'}] = \nabla\,\mathbb E\Big[w\,\frac{b'-b}{\sigma}\Big],\quad "
    r"g_b = w\sum_i \frac{r_i - b}{\sigma}\,\nabla\log\pi(o_i)",
    assumptions=("on-policy", "independent responses", "w and σ are functions of the group"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("each response weighs 1/|o| of its own", {"common": False}, Verdict.REFUTED),),
)
def baseline_difference(quick: bool, *, common: bool = True) -> CheckOutcome:
    """Sum over all groups with n successes, which share one σ: the identity is one of rational numbers for each n."""
    top, found, groups = (3 if quick else 5), None, 0
    for g in range(2, top + 1):
        gaps = dict.fromkeys(range(1, g), Fraction(0))
        for group, n, chance in all_groups(g):
            if not 0 < n < g:
                continue
            groups += 1
            shared = Fraction(1, sum(LENGTHS[o] for o in group))
            weights = [shared if common else Fraction(1, g * LENGTHS[o]) for o in group]
            difference = Fraction(n, g) - quantile(n, g)
            scores = sum((w * SCORES[o] for w, o in zip(weights, group, strict=True)), Fraction(0))
            gaps[n] += difference * (chance * scores - slope(group) * sum(weights, Fraction(0)) / g)
        if found is None and any(gaps.values()):
            n = next(n for n, gap in gaps.items() if gap)
            found = {"G": g, "successes": n, "σ times the difference": float(gaps[n])}
    chance, change, own, score = ring("P", "S", "x", "s")
    r, b, other, weight = ring("r", "b", "b'", "w")
    # P' = P·S for the first responses and x' = x·s for one more; then (P·x)' = P·x·(S + s).
    grows = (chance * change) * own + chance * (own * score) == chance * own * (change + score)
    return conclude(
        Evidence(
            "∇P(group) = P(group)·Σ s_i, by induction over the group; so E[h·Σ s_i] = ∇E[h] for every h of the group",
            "every G and every policy",
            Method.SYMBOLIC,
            grows,
        ),
        Evidence(
            "w(r - b) - w(r - b') = w(b' - b), the same for all responses of the group",
            "all rewards, baselines and weights",
            Method.SYMBOLIC,
            weight * (r - b) - weight * (r - other) == weight * (other - b),
        ),
        Evidence(
            "QAE's gradient less GRPO's is the gradient of E[(p̂ - b_K)/(σ Z)], for each number of successes",
            f"G = 2..{top}, {groups} mixed groups of {EXAMPLE}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=common,
        ),
        machine_checked("estimators.baseline-difference"),
    )


@claim(
    "estimators.baseline-difference-per-response",
    paper=PAPER,
    equation="QAE against GRPO under GRPO's own loss",
    statement="With GRPO's own weight 1/|o_i| of each response, QAE's expected gradient less GRPO's is "
    "√(p/(1-p)) ∇E[1/|o|] on hard prompts and -√((1-p)/p) ∇E[1/|o|] on easy ones.",
    latex=r"\mathbb E[g_{\mathrm{QAE}}] - \mathbb E[g_{\mathrm{GRPO}}] = "
    r"\tfrac{p - b_K}{\sqrt{p(1-p)}}\,\nabla\,\mathbb E\big[1/|o|\big]",
    assumptions=("on-policy", "binary rewards", "weights 1/(G|o_i|)"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="mean and standard deviation are the population's, √(p(1-p)) and p, as in the limit of large groups",
    breaks=(
        Break("finite groups under the condition", {"population": False}, Verdict.REFUTED),
        Break("the weight of the longest response for all", {"by_length": False}, Verdict.REFUTED),
    ),
)
def per_response(quick: bool, *, population: bool = True, by_length: bool = True) -> CheckOutcome:
    """Of finite groups, those with n successes: σ is theirs, and drops out. Then with p and p(1-p) for all groups."""
    top, found, under = (3 if quick else 4), None, None
    target = sum(SLOPES, Fraction(0))
    for g in range(2, top + 1):
        of_groups, chances = dict.fromkeys(range(1, g), Fraction(0)), dict.fromkeys(range(1, g), Fraction(0))
        whole = Fraction(0)
        for group, n, chance in all_groups(g):
            lengths = [LENGTHS[o] if by_length else max(LENGTHS) for o in group]
            scores = sum((SCORES[o] / length for o, length in zip(group, lengths, strict=True)), Fraction(0)) / g
            whole += chance * scores
            if 0 < n < g:
                of_groups[n] += chance * scores
                chances[n] += chance
        for n, total in of_groups.items():
            if found is None and total != chances[n] * target:
                found = {
                    "G": g,
                    "successes": n,
                    "E[Σ s/|o|]/G": float(total / chances[n]),
                    "∇E[1/|o|]": float(target),
                }
        if under is None and whole != target:
            under = {"G": g, "E[Σ s/|o|]/G": float(whole), "∇E[1/|o|]": float(target)}
    pi, score, length = ring("pi", "s", "1/|o|")
    proof = Evidence(
        "(p - b_K)/σ is one number, and π·s/|o| = ∇π/|o|, so that the difference is it times ∇E[1/|o|]",
        "every policy, G, p and K",
        Method.SYMBOLIC,
        pi * (score * length) == (pi * score) * length,
    )
    return conclude(
        Evidence(
            "E[Σ s_i/|o_i|]/G given n successes is ∇E[1/|o|]",
            f"G = 2..{top}, every number of successes, {EXAMPLE}",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        under=[
            proof,
            machine_checked("estimators.baseline-difference-per-response"),
            Evidence(
                "E[Σ s_i/|o_i|]/G over all groups is ∇E[1/|o|]"
                if population
                else "the same given the number of successes",
                f"G = 2..{top}, {EXAMPLE}",
                Method.CASES,
                under is None if population else found is None,
                counterexample=under or {},
                confirms=population and by_length,
            ),
        ],
        condition="mean and standard deviation are the population's, √(p(1-p)) and p, as in the limit of large groups",
    )


@claim(
    "estimators.baseline-difference-remainder",
    paper=PAPER,
    equation="QAE against GRPO under GRPO's own loss",
    statement="With weights 1/|o_i| the difference of two baselines at a finite G is exactly Δ̄ ∇E[1/|o|] + (Δ̄'/G) "
    "∇E[(r - p)/|o|], p held fixed, where Δ̄(p) is the mean of Δ = (b' - b)/σ over groups; and what ∇E[Δ Σ 1/|o_i|]/G "
    "has beyond it is a multiple of ∇p.",
    latex=r"\mathbb E[g_b] - \mathbb E[g_{b'}] = \bar\Delta\,\nabla\mathbb E\big[\tfrac1{|o|}\big] + "
    r"\tfrac{\bar\Delta'(p)}{G}\,\nabla\mathbb E\big[\tfrac{r-p_0}{|o|}\big]_{p_0=p},\quad "
    r"\bar\Delta(p) = \sum_n \tbinom Gn p^n (1-p)^{G-n}\Delta_n",
    assumptions=("on-policy", "binary rewards", "weights 1/(G|o_i|)", "b, b' and σ depend on the rewards alone"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("without the remainder", {"remainder": False}, Verdict.REFUTED),
        Break("the remainder's sign", {"remainder": -1}, Verdict.REFUTED),
    ),
)
def remainder(quick: bool, *, remainder: int = 1) -> CheckOutcome:
    """All Δ at once: z marks a success, and the coefficient of zⁿ belongs to groups with n successes."""
    z, p, g, x, y, v = ring("z", "p", "G", "X", "Y", "v")  # X, Y = ∇E[r/|o|], ∇E[(1-r)/|o|]; v = (zp+1-p)^(G-2)
    mark = z * p + 1 - p
    # Of G responses: G·mark^(G-1)·(zX + Y). One more response multiplies by mark, or adds its own score.
    induction = g * v * mark * mark * (z * x + y) + mark * mark * v * (z * x + y) == (g + 1) * v * mark**2 * (z * x + y)
    # G of them, each 1/G: Δ̄ is mark^G, and its derivative by p, G·(z-1)·mark^(G-1), over G.
    split = mark * (x + y) + remainder * (z - 1) * ((1 - p) * x - p * y) == z * x + y
    top, found, cross = (4 if quick else 5), None, None
    correct, wrong = sides(tuple(pi / length for pi, length in zip(PROBABILITIES, LENGTHS, strict=True)))
    for size in range(2, top + 1):
        ours, whole = [Fraction(0)] * (size + 1), [Fraction(0)] * (size + 1)
        for group, n, chance in all_groups(size):
            ours[n] += chance * sum((SCORES[o] / LENGTHS[o] for o in group), Fraction(0)) / size
            whole[n] += slope(group) * sum((Fraction(1, LENGTHS[o]) for o in group), Fraction(0)) / size
        for n in range(size + 1):
            with_one, with_none = (_chance(n - 1, size - 1), _chance(n, size - 1))
            of_rest = RATE_WRONG * SLOPES[0] - RATE * SLOPES[1]
            formula = _chance(n, size) * sum(SLOPES, Fraction(0)) + remainder * (with_one - with_none) * of_rest
            if found is None and ours[n] != formula:
                found = {"G": size, "successes": n, "difference": float(ours[n]), "formula": float(formula)}
            # the others' scores: one response's 1/|o| and reward, another's score, and G - 2 further responses
            steps = [_chance(n - 1 - r, size - 2) - _chance(n - r, size - 2) for r in (1, 0)]
            extra = (size - 1) * RATE_SLOPE * (correct * steps[0] + wrong * steps[1])
            if cross is None and whole[n] - ours[n] != extra:
                cross = {"G": size, "successes": n, "beyond": float(whole[n] - ours[n]), "formula": float(extra)}
    ties = []
    for size in (2, 4):
        deltas = [_delta(n, size) for n in range(size + 1)]
        exact = sum(
            d * float(_chance(n, size) * sum(SLOPES, Fraction(0)))
            + d * float((_chance(n - 1, size - 1) - _chance(n, size - 1)) * (RATE_WRONG * SLOPES[0] - RATE * SLOPES[1]))
            for n, d in enumerate(deltas)
        )
        ties.append(abs(exact - _credit_difference(size, loss="sequence")))
    return conclude(
        Evidence(
            "E[z^N Σ s_i/|o_i|] = G (zp+1-p)^(G-1) (z∇E[r/|o|] + ∇E[(1-r)/|o|]), by induction over G",
            "every policy and G",
            Method.SYMBOLIC,
            induction,
        ),
        Evidence(
            "(zp+1-p)(X+Y) + (z-1)((1-p)X - pY) = zX + Y, which times (zp+1-p)^(G-1) is the formula for each n",
            "every p, G, and all lengths",
            Method.SYMBOLIC,
            split,
        ),
        Evidence(
            "the difference is the formula, for each number of successes",
            f"G = 2..{top}, {EXAMPLE}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=remainder == 1,
        ),
        Evidence(
            "∇E[Δ Σ 1/|o_i|]/G has (G-1)∇p·Σ_r E[1{r}/|o|]·E[Δ(N''+r+1) - Δ(N''+r)] more, N'' of G - 2 responses",
            f"G = 2..{top}, for each number of successes, {EXAMPLE}",
            Method.CASES,
            cross is None,
            counterexample=cross or {},
            confirms=True,
        ),
        machine_checked("estimators.baseline-difference-remainder"),
        Evidence(
            "expected_credit agrees to 1e-13",
            f"G = 2 and 4, QAE against GRPO, {EXAMPLE}",
            Method.FLOATS,
            worst_of(ties) < 1e-13,
            f"{worst_of(ties):.1e}",
        ),
    )


def _chance(n: int, trials: int) -> Fraction:
    """Probability of n successes in the example; 0 for n out of range."""
    return comb(trials, n) * RATE**n * RATE_WRONG ** (trials - n) if 0 <= n <= trials else Fraction(0)


def _delta(n: int, g: int) -> float:
    """(p̂ - b_K)/σ of groups with n successes, as a float."""
    p = n / g
    return float(p - quantile(n, g)) / (p * (1 - p)) ** 0.5 if 0 < n < g else 0.0


@claim(
    "estimators.baseline-difference-batch",
    paper=PAPER,
    equation="QAE against GRPO, tokens counted over a batch",
    statement="With the weight Q/Z, Z the tokens of a batch of Q prompts, the difference of two baselines is for each "
    "prompt the gradient of E[QΔ/Z] by the law of its own group. In it the credit of ℓ tokens exceeds that of ℓ' by "
    "(ℓ'-ℓ)·QG·E[Δ/((ℓ+Z')(ℓ'+Z'))], Z' the tokens of all other responses: where Δ has one sign, (ℓ'-ℓ)·E[Δ] times a "
    "number from 1/(QGL²) to 1/(QGl²), l and L the shortest and the longest response. The pressure falls as 1/Q.",
    latex=r"QG\,\mathbb E\Big[\frac{\Delta}{\ell+Z'} - \frac{\Delta}{\ell'+Z'}\Big] = "
    r"(\ell'-\ell)\,QG\,\mathbb E\Big[\frac{\Delta}{(\ell+Z')(\ell'+Z')}\Big],\quad "
    r"\frac{1}{QG\,L^2} \le \frac{QG}{(\ell+Z')(\ell'+Z')} \le \frac{1}{QG\,l^2}",
    assumptions=("on-policy", "independent responses", "one weight for the batch", "b, b', σ of each group's own"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("each response weighs 1/|o| of its own", {"batch": False}, Verdict.REFUTED),),
)
def of_a_batch(quick: bool, *, batch: bool = True) -> CheckOutcome:
    """Pairs of responses, of which a mixed one has Δ = 1, so that everything is rational."""
    found, prompts = None, (2,) if quick else (2, 3)
    for q in prompts:
        gap = Fraction(0)
        others = [Fraction(int(c.numerator), int(c.denominator)) for c in (_law() ** (2 * q - 2)).coeffs()]
        for group, n, chance in all_groups(2):
            own = sum(LENGTHS[o] for o in group)
            mean = sum((c / (own + z) for z, c in enumerate(others)), Fraction(0))
            if n == 1:
                gap += q * mean * (chance * sum((SCORES[o] for o in group), Fraction(0)) - slope(group))
        found = found or ({"Q": q, "difference": float(gap)} if gap else None)
    top, rates, outside = (8 if quick else 16), [], None
    low, high = (Fraction(6, 5) / (2 * length**2) for length in (max(LENGTHS), min(LENGTHS)))
    for q in range(1, top + 1):
        gain = _gain(q) if batch else Fraction(3, 5) * (Fraction(1, 3) - Fraction(1, 5))
        rates.append(q * gain)
        if outside is None and not low <= q * gain <= high:
            outside = {"Q": q, "gain": float(gain), "least and most": [float(low / q), float(high / q)]}
    one, other, z = ring("l", "l'", "Z'")
    limit = Fraction(6, 5) / (2 * sum((p * x for p, x in zip(PROBABILITIES, LENGTHS, strict=True)), Fraction(0)) ** 2)
    exact = Fraction(0)
    for o, d in enumerate(DERIVATIVES):
        exact += d * _credit(2, REWARDS[o], LENGTHS[o])
    tie = abs(float(exact) - _credit_difference(2, prompts=2))
    return conclude(
        Evidence(
            "1/(ℓ+Z') - 1/(ℓ'+Z') = (ℓ'-ℓ)/((ℓ+Z')(ℓ'+Z')); both factors below are from Q·G·l to Q·G·L",
            "all lengths, G and Q",
            Method.SYMBOLIC,
            (other + z) - (one + z) == other - one,
        ),
        Evidence(
            "the difference is the gradient of E[QΔ/Z] by the law of the prompt's own group",
            f"Q = {', '.join(map(str, prompts))}, G = 2, {EXAMPLE}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
        ),
        Evidence(
            "Q times the credit of 3 tokens less that of 5 stays within the bounds",
            f"Q = 1..{top}, G = 2, {EXAMPLE}",
            Method.CASES,
            outside is None,
            counterexample=outside or {},
            figures={"Q = 1": float(rates[0]), f"Q = {top}": float(rates[-1]), "limit": float(limit)},
            confirms=batch,
        ),
        machine_checked("estimators.baseline-difference-batch"),
        Evidence(
            "expected_credit agrees to 1e-13",
            f"Q = 2, G = 2, QAE against GRPO, {EXAMPLE}",
            Method.FLOATS,
            tie < 1e-13,
            f"{tie:.1e}",
        ),
    )


def _law() -> fmpq_poly:
    """The law of the number of tokens of one response."""
    coefficients = [Fraction(0)] * (max(LENGTHS) + 1)
    for p, length in zip(PROBABILITIES, LENGTHS, strict=True):
        coefficients[length] += p
    return fmpq_poly([rational(c) for c in coefficients])


def _credit(q: int, reward: int, length: int) -> Fraction:
    """Q·G·E[Δ/(ℓ+Z')] at G = 2: Δ is 1 where the other response of the pair has the other reward."""
    others = [Fraction(int(c.numerator), int(c.denominator)) for c in (_law() ** (2 * q - 2)).coeffs()]
    return sum(
        (
            2 * q * p * c / (length + own + z)
            for p, r, own in zip(PROBABILITIES, REWARDS, LENGTHS, strict=True)
            if r != reward
            for z, c in enumerate(others)
        ),
        Fraction(0),
    )


def _gain(q: int) -> Fraction:
    """What a correct response of 3 tokens has more than one of 5."""
    return _credit(q, 1, 3) - _credit(q, 1, 5)
