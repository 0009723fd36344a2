"""How far Proposition 4.2 reaches: other updates, sampled groups, and the sign of the change that its names promise."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from qae_sim.advantages import advantage_table
from qae_sim.softmax import expected_entropy_change
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import covariance, digits, near, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.qae import PAPER
from qae_sim.theory.claims.qae.first_order_entropy import UPDATES, linear_in_b, slope_in_floats
from qae_sim.theory.exact_advantages import speeds
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.softmax_identities import cov, simplex
from qae_sim.theory.truth import Answer, Truth, for_all


@claim(
    "qae.prop4.2-policy-gradient",
    paper=PAPER,
    equation="Proposition 4.2 beyond its update",
    statement="Under the exact gradient of the expected reward, too, the choice of baseline changes the first-order "
    "entropy change.",
    latex=r"\Delta z = \eta\,\nabla_z \mathbb E_\pi[r - b]:\quad \tfrac{\partial}{\partial b}\Delta H(b) \ne 0",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="never",
    breaks=(Break("the paper's update", {"rule": "paper"}, Verdict.CERTIFIED),),
)
def prop42_policy_gradient(quick: bool, *, rule: str = "policy gradient") -> CheckOutcome:
    """The score pushes all arms by -π E[r - b], which cancels b: both items become equalities."""
    return _baseline_matters(rule)


@claim(
    "qae.prop4.2-natural-gradient",
    paper=PAPER,
    equation="Proposition 4.2 beyond its update; Cui et al., Theorem 2",
    statement="Under the natural gradient, too, the choice of baseline changes the first-order entropy change.",
    latex=r"\Delta z = \eta\,(r - b):\quad \tfrac{\partial}{\partial b}\Delta H(b) \ne 0",
    assumptions=("softmax policy with one logit per arm",),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="never",
    breaks=(Break("the paper's update", {"rule": "paper"}, Verdict.CERTIFIED),),
)
def prop42_natural_gradient(quick: bool, *, rule: str = "natural gradient") -> CheckOutcome:
    """A baseline shifts all logits alike, which changes no probability."""
    return _baseline_matters(rule)


def _baseline_matters(rule: str) -> CheckOutcome:
    """Whether the slope of ΔH in b differs from 0."""
    zero = linear_in_b(rule, "0")
    return conclude(
        Evidence(
            f"under the {rule} the slope of ΔH in b is not 0",
            zero.over,
            Method.SYMBOLIC,
            ~zero.holds,
            counterexample={"pi": [0.9, 0.1], "r": [1, 0], "change at b = 0 and at b = 1": "equal"}
            if zero.holds
            else {},
        ),
        slope_in_floats(rule, "0" if rule != "paper" else "C"),
        controls=[_update_in_floats(), linear_in_b("paper", "C")],
    )


def _update_in_floats() -> Evidence:
    """The three updates at one policy, whose values are plain."""
    wanted = {"paper": [0.45, -0.05], "policy gradient": [0.09, -0.09], "natural gradient": [0.5, -0.5]}
    z, r = np.log([0.9, 0.1]), np.array([1.0, 0.0])
    worst = 0.0
    for rule, exact in wanted.items():
        worst += float(np.abs(UPDATES[rule](z, r, 0.5, eta=1.0) - exact).max())
    return Evidence("the three updates are π(r-b), π(r-E r), r-b", "π = (.9, .1)", Method.FLOATS, worst < 1e-15)


def two_arms(p: Fraction) -> tuple[list[Ball], list[Ball]]:
    """Probabilities and their logarithms of a correct arm of probability p and a wrong one."""
    pi = [number(p), number(1 - p)]
    return pi, [x.log() for x in pi]


@claim(
    "qae.prop4.2-finite-groups",
    paper=PAPER,
    equation="Proposition 4.2 for sampled groups",
    statement="For sampled groups, too, the expected first-order entropy change of QAE is at most that of GRPO on hard "
    "queries and at least that on easy ones.",
    latex=r"p \le 1-K \Rightarrow \mathbb E\,\Delta H_{\mathrm{QAE}} \le \mathbb E\,\Delta H_{\mathrm{GRPO}}",
    assumptions=("two-armed softmax bandit", "policy gradient of a group of G", "K = .4"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="(c_QAE - c_GRPO) log(p/(1-p)) >= 0 on hard queries, <= 0 on easy ones, with the speeds c at this G",
    breaks=(Break("compared with itself", {"other": "qae"}, Verdict.CERTIFIED),),
)
def prop42_finite_groups(quick: bool, *, other: str = "grpo") -> CheckOutcome:
    """E ΔH = -c·Cov(log π, π₊ - π₋): the order is that of the speeds c, and which way round depends on the policy."""
    k = Fraction(2, 5)

    def ordered(case: tuple[int, Fraction]) -> Answer:
        g, p = case
        if p == Fraction(1, 2) or other == "qae":
            return True  # Cov(log π, π₊) of two equal arms is 0, and so is a difference of one estimator from itself
        return _excess(other, g, p) <= 0 if p <= 1 - k else _excess(other, g, p) >= 0

    with ctx.workprec(64):
        search = for_all(((g, Fraction(i, 10)) for g in (2, 3, 4, 8, 16) for i in range(1, 10)), ordered)
        found = {}
        if search.case:
            g, p = search.case
            found = {
                "g": g,
                "k": 0.4,
                "p": float(p),
                "E dH of QAE minus GRPO, per eta": digits(_excess(other, g, p), 10),
            }
        by_hand = abs(_excess("grpo", 2, Fraction(1, 10)) - number("0.01296") * number(9).log()) < number("1e-15")
        kept = _excess("grpo", 2, Fraction(7, 10)) >= 0
    return conclude(
        Evidence(
            "the expected entropy changes keep the order of Proposition 4.2",
            "G = 2, 3, 4, 8, 16, p = .1...9, the correct arm against one wrong arm",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
        ),
        controls=[
            Evidence(
                "the speeds of groups of two are 2(1-p) and 1: the difference is -(1-2p)·2p²(1-p)² log(p/(1-p))",
                "G = 2, p = .1",
                Method.INTERVALS,
                by_hand,
            ),
            Evidence("for G = 2 the order is kept at p = .7", "G = 2", Method.INTERVALS, kept),
            _excess_in_floats(),
        ],
    )


def _excess(other: str, g: int, p: Fraction) -> Ball:
    """E ΔH per η of QAE less that of another estimator, two arms, K = .4."""
    pi, logs = two_arms(p)
    direction = covariance(pi, logs, [Ball(1), Ball(-1)])  # π₊ - π₋
    k = Fraction(2, 5)
    return -(speeds("qae", g, pi[0], k) - speeds(other, g, pi[0], k)) * pi[0] * pi[1] * direction


def _excess_in_floats() -> Evidence:
    """The same by the project's own expectation over groups."""
    pairs = []
    for g, p in ((2, Fraction(1, 10)), (4, Fraction(3, 10)), (8, Fraction(7, 10))):
        tables = (advantage_table("qae", g, k=0.4, eps=0.0), advantage_table("grpo", g, eps=0.0))
        z = np.log([float(p), float(1 - p)])
        ours, theirs = (float(expected_entropy_change(z, [1, 0], table, eta=1.0).first_order) for table in tables)
        with ctx.workprec(64):
            pairs.append((ours - theirs, _excess("grpo", g, p)))
    agrees, gap = near(pairs, "1e-14")
    return Evidence(
        "softmax.expected_entropy_change gives the same first order", "G = 2, 4, 8", Method.FLOATS, agrees, gap
    )


@claim(
    "qae.higher-k-sampled",
    paper=PAPER,
    equation="Sec. 1, 'a higher K [...] thereby increasing entropy', for sampled groups",
    statement="For the gradient of sampled groups, too, a higher K does not lower the expected first-order entropy "
    "change.",
    latex=r"\mathbb E\,\Delta H_{K'} - \mathbb E\,\Delta H_K = -\eta\sum_{n:\,1-K' < n/G \le 1-K} \Pr(n)\,"
    r"\frac{p - n/G}{\sigma_n}\operatorname{Cov}_\pi(\log\pi, \pi_+ - \pi_-)",
    assumptions=("softmax bandit", "policy gradient of a group of G", "binary rewards"),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="for a K that passes one gate, 1 - n/G: (p - n/G)·Cov(log π, π₊ - π₋) <= 0",
    breaks=(
        Break("one correct arm of probability 1/2", {"rate": Fraction(1, 2)}, Verdict.CERTIFIED),
        Break("the sum of the advantages' sizes instead of their signs", {"sign": 1}, Verdict.REFUTED),
    ),
)
def higher_k_sampled(quick: bool, *, rate: Fraction = Fraction(1, 10), sign: int = -1) -> CheckOutcome:
    """A group with n successes that turns easy loses n·(1-p)/σ of speed and gains (G-n)·p/σ: (p - n/G)·G/σ in all."""
    g, n, p, sigma = ring("G", "n", "p", "1/sigma")
    # G·c of group-direction: (1-p)·s₁ - p·s₀ with s₁ = n/σ on the hard side, s₀ = -(G-n)/σ on the easy one.
    gain = -p * (-(g - n) * sigma) + sign * (1 - p) * n * sigma
    identity = gain == (g * p - n) * sigma
    with ctx.workprec(64):
        pi, logs = two_arms(rate)
        low, high = (speeds("qae", 2, pi[0], k) for k in (Fraction(2, 5), Fraction(3, 5)))
        change = -(high - low) * pi[0] * pi[1] * covariance(pi, logs, [Ball(1), Ball(-1)])
        rises: Answer = True if rate == Fraction(1, 2) else change >= 0  # two equal arms: the covariance is 0
        # The one mixed group of G = 2 has n = 1, σ = 1/2 and the chance 2p(1-p).
        formula = 2 * (number(rate) - number("0.5")) * 2
        odds = number(rate / (1 - rate)).log()
        by_hand = -formula * 2 * number((rate * (1 - rate)) ** 2) * odds
        tied = (abs((high - low) - formula) < number("1e-15")) & (abs(change - by_hand) < number("1e-15"))
    return conclude(
        Evidence(
            "from K = .4 to .6 E ΔH does not fall",
            f"two arms, G = 2, p = {rate}",
            Method.INTERVALS,
            rises,
            counterexample={"g": 2, "p": float(rate), "from K": 0.4, "to K": 0.6, "change per eta": digits(change, 8)}
            if Truth.of(rises) is Truth.NO
            else {},
        ),
        under=[
            Evidence(
                "a group with n successes that turns easy changes G·c by (G p - n)/σ",
                "every G, n, p and every policy",
                Method.SYMBOLIC,
                bool(identity),
            )
        ],
        condition="for a K that passes one gate, 1 - n/G: (p - n/G)·Cov(log π, π₊ - π₋) <= 0",
        controls=[
            Evidence(
                "the speeds of groups of two differ by 4(p - 1/2), E ΔH by that times -2p²(1-p)² log(p/(1-p))",
                f"G = 2, p = {rate}, K = .4 and .6",
                Method.INTERVALS,
                tied,
            )
        ],
    )


def _sign_claim(hard: bool, rates: list[Fraction], correct_arms: int) -> CheckOutcome:
    """Whether QAE's own entropy change has the sign that its names promise.

    Args:
        hard: Hard queries (b = 0, the entropy must not rise), or easy ones (b = 1, it must not fall).
        rates: Success rates, on that side of 1-K = .6.
        correct_arms: Arms that share p; one wrong arm has the rest.
    """

    def fine(p: Fraction) -> Answer:
        if p / correct_arms == 1 - p:
            return True  # a uniform policy: the covariance is 0
        change = _own_change(hard, p, correct_arms)
        return change <= 0 if hard else change >= 0

    with ctx.workprec(64):
        search = for_all(rates, fine)
        found = {}
        if search.case:
            found = {
                "pi": [float(search.case / correct_arms)] * correct_arms + [float(1 - search.case)],
                "r": [1] * correct_arms + [0],
                "b": 0 if hard else 1,
                "dH per eta": digits(_own_change(hard, search.case, correct_arms), 10),
            }
    pi, logs, r = simplex(3, "r0", "r1", "r2")
    mean = sum((p * x for p, x in zip(pi, logs, strict=True)), 0 * pi[0])
    parts = [p * p * (log - mean) * x for p, log, x in zip(pi, logs, r, strict=True)]
    with ctx.workprec(64):
        # By hand, two arms: -Cov(log π, (p, 0)) = p²(1-p) log((1-p)/p), and Cov(log π, (0, 1-p)) with p and 1-p swapped
        # and the other sign.
        one, rest = (number("0.1"), number("0.9")) if hard else (number("0.3"), number("0.7"))
        exact = one**2 * rest * (rest / one).log() * (1 if hard else -1)
        tied = abs(_own_change(hard, Fraction(1, 10) if hard else Fraction(7, 10), 1) - exact) < number("1e-15")
    return conclude(
        Evidence(
            "the entropy does not rise" if hard else "the entropy does not fall",
            f"{correct_arms} correct arm(s) of equal probability and a wrong one, p = {', '.join(map(str, rates))}",
            Method.INTERVALS,
            search.holds,
            counterexample=found,
        ),
        controls=[
            Evidence("the change is the one worked out by hand", "two arms, p = .1 or .7", Method.INTERVALS, tied),
            Evidence(
                "Cov(log π, π r) = Σ r π² (log π + H): the sign is that of this sum over the arms that move",
                "every policy and rewards",
                Method.SYMBOLIC,
                bool(cov(pi, logs, [p * x for p, x in zip(pi, r, strict=True)]) == sum(parts, 0 * mean)),
            ),
        ],
    )


def _own_change(hard: bool, p: Fraction, correct_arms: int) -> Ball:
    """ΔH per η of the quantile baseline, 0 on hard queries and 1 on easy ones, with one wrong arm."""
    pi = [number(p / correct_arms)] * correct_arms + [number(1 - p)]
    step = [*pi[:-1], Ball(0)] if hard else [Ball(0)] * correct_arms + [-pi[-1]]
    return -covariance(pi, [x.log() for x in pi], step)


#: Success rates on both sides of 1-K = .6.
HARD = [Fraction(i, 20) for i in range(1, 13)]
EASY = [Fraction(i, 20) for i in range(13, 20)]


@claim(
    "qae.explosion-proof",
    paper=PAPER,
    equation="Proposition 4.2 (1), the name 'explosion-proof' taken at its word",
    statement="On hard queries QAE's update does not raise the entropy.",
    latex=r"p \le 1-K \Rightarrow \Delta H(b_K) \le 0",
    assumptions=("the paper's update", "first order in η", "K = .4"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="the sum of π² (log π + H) over the correct arms is >= 0; for one correct arm, π >= exp(-H)",
    breaks=(
        Break(
            "only where the correct arm is the likelier one",
            {"rates": [Fraction(11, 20), Fraction(12, 20)]},
            Verdict.CERTIFIED,
        ),
    ),
)
def explosion_proof(quick: bool, *, rates: list[Fraction] = HARD) -> CheckOutcome:
    """Smallest of all baselines does not mean not positive: reinforcing a rare success spreads the policy."""
    return _sign_claim(True, rates, 1)


@claim(
    "qae.collapse-proof",
    paper=PAPER,
    equation="Proposition 4.2 (2), the name 'collapse-proof' taken at its word",
    statement="On easy queries QAE's update does not lower the entropy.",
    latex=r"p > 1-K \Rightarrow \Delta H(b_K) \ge 0",
    assumptions=("the paper's update", "first order in η", "K = .4"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="the sum of π² (log π + H) over the wrong arms is >= 0; for one wrong arm, 1-p >= exp(-H)",
    breaks=(
        Break(
            "two correct arms, each less likely than the wrong one",
            {"rates": [Fraction(i, 100) for i in range(61, 67)], "correct_arms": 2},
            Verdict.CERTIFIED,
        ),
    ),
)
def collapse_proof(quick: bool, *, rates: list[Fraction] = EASY, correct_arms: int = 1) -> CheckOutcome:
    """Pushing down a rare failure makes the policy more certain."""
    return _sign_claim(False, rates, correct_arms)
