"""What every user of group estimators takes for granted: zero sums, invariances, unbiasedness, QAE after the fact."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
from flint import ctx, fmpz_poly

from qae_sim.advantages import dr_grpo, expected_advantages, grpo, qae, quantile_baseline, rloo
from qae_sim.papers import GROUP, QAE
from qae_sim.softmax import pass_at_k
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, Evidence, Finding, Method, Verdict, conclude
from qae_sim.theory.claims.bias import term
from qae_sim.theory.claims.speed import speeds
from qae_sim.theory.polynomials import X, Y
from qae_sim.theory.registry import claim

LEVELS = (Fraction(0), Fraction(1, 2), Fraction(1))


def groups(largest: int) -> Iterator[list[Fraction]]:
    """All groups of three reward levels, in any order."""
    return (list(group) for g in range(2, largest + 1) for group in product(LEVELS, repeat=g))


def baseline(name: str, rewards: list[Fraction], k: Fraction = Fraction(2, 5)) -> list[Fraction]:
    """Baseline of each response."""
    g, total = len(rewards), sum(rewards, Fraction(0))
    if name == "rloo":
        return [(total - r) / (g - 1) for r in rewards]
    if name == "qae":
        return [sorted(rewards)[-(-k.numerator * g // k.denominator) - 1]] * g
    if name == "half":
        return [Fraction(1, 2)] * g
    return [total / g] * g


def variance(rewards: list[Fraction]) -> Fraction:
    """Population variance."""
    mean = sum(rewards, Fraction(0)) / len(rewards)
    return sum(((r - mean) ** 2 for r in rewards), Fraction(0)) / len(rewards)


def centred(name: str, rewards: list[Fraction]) -> list[Fraction]:
    """Rewards minus their baselines."""
    return [r - b for r, b in zip(rewards, baseline(name, rewards), strict=True)]


def _plain(rewards: list[Fraction]) -> list[float]:
    """Rewards as floats, for a reader."""
    return [float(r) for r in rewards]


@claim(
    "estimators.sum-zero",
    paper=GROUP,
    equation="GRPO, Dr. GRPO, RLOO",
    statement="The advantages of a group add up to zero.",
    latex=r"\sum_i \hat A_i = 0",
    assumptions=("mean or leave-one-out baseline", "any rewards"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the quantile baseline", {"names": ("qae",)}, Verdict.REFUTED),),
)
def sum_zero(quick: bool, *, names: tuple[str, ...] = ("grpo", "rloo")) -> Finding:
    """Sums over all groups of three levels; the standard deviation divides all alike."""
    largest = 4 if quick else 7
    found = next(
        (
            {"estimator": name, "rewards": _plain(r)}
            for name in names
            for r in groups(largest)
            if sum(centred(name, r), Fraction(0)) != 0
        ),
        None,
    )
    rewards = np.random.default_rng(0).normal(size=(50, 7))
    worst = max(float(np.abs(f(rewards).sum(axis=-1)).max()) for f in (grpo, dr_grpo, rloo))
    return conclude(
        Evidence(
            "Σ (r - b) = 0",
            f"G = 2..{largest}, all groups of three reward levels (linear in r)",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "grpo, dr_grpo and rloo do so to 1e-13", "50 groups of 7", Method.FLOATS, worst < 1e-13, f"{worst:.1e}"
        ),
    )


@claim(
    "estimators.shift",
    paper=GROUP,
    equation="GRPO, RLOO, QAE",
    statement="Adding a constant to all rewards of a group changes no advantage.",
    latex=r"\hat A(r + c) = \hat A(r)",
    assumptions=("mean, leave-one-out or quantile baseline",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("a fixed baseline of 1/2", {"names": ("half",)}, Verdict.REFUTED),),
)
def shift(quick: bool, *, names: tuple[str, ...] = ("grpo", "rloo", "qae")) -> Finding:
    """Differences before and after, in all groups of three levels."""
    largest, by = (4 if quick else 6), Fraction(17, 5)
    found = next(
        (
            {"estimator": name, "rewards": _plain(r), "constant": float(by)}
            for name in names
            for r in groups(largest)
            if centred(name, r) != centred(name, [x + by for x in r])
        ),
        None,
    )
    return conclude(
        Evidence(
            "r - b is the same",
            f"G = 2..{largest}, all groups of three levels, c = 3.4",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "estimators.scale",
    paper=GROUP,
    equation="GRPO, QAE",
    statement="Multiplying all rewards of a group by a positive number changes no advantage.",
    latex=r"\hat A(s\,r) = \hat A(r),\ s > 0",
    assumptions=("divided by the standard deviation", "ε = 0"),
    expected=Verdict.CERTIFIED,
    breaks=(
        Break("no standard deviation: Dr. GRPO, RLOO", {"std": False}, Verdict.REFUTED),
        Break("ε = 1/10", {"eps": Fraction(1, 10)}, Verdict.REFUTED),
    ),
)
def scale(quick: bool, *, std: bool = True, eps: Fraction = Fraction(0)) -> Finding:
    """Rewards and standard deviation become s times as large, exactly; compare the quotients with s = 4."""
    largest, by = (4 if quick else 6), Fraction(4)
    found = None
    for name in ("grpo", "qae"):
        for r in groups(largest):
            if variance(r) == 0:
                continue
            before, after = centred(name, r), centred(name, [by * x for x in r])
            # d/(σ + ε) = s·d/(s·σ + ε) means d·ε·(s - 1) = 0; without the division it means d = s·d.
            rest = [x * eps * (by - 1) if std else y - x for x, y in zip(before, after, strict=True)]
            same = after == [by * x for x in before] and not any(rest)
            if found is None and not same:
                found = {"estimator": name, "rewards": _plain(r), "factor": 4}
    return conclude(
        Evidence(
            "advantages of r and of 4r are equal",
            f"G = 2..{largest}, all groups of three levels",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "estimators.equal-rewards",
    paper=GROUP,
    equation="GRPO, RLOO, QAE",
    statement="A group of equal rewards gets zero advantages.",
    latex=r"r_1 = \dots = r_G \Rightarrow \hat A_i = 0",
    assumptions=("the baseline is the group's own",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the whole batch's mean (REINFORCE++)", {"batch": True}, Verdict.REFUTED),),
)
def equal_rewards(quick: bool, *, batch: bool = False) -> Finding:
    """Every baseline of equal rewards is that reward."""
    found = None
    for g, level in product(range(2, 33), LEVELS):
        for name in ("grpo", "rloo", "qae"):
            rewards = [level] * g
            other = [Fraction(0)] * g  # another group of the batch
            b = sum(rewards + other, Fraction(0)) / (2 * g) if batch else baseline(name, rewards)[0]
            if found is None and level != b:
                found = {"g": g, "reward": float(level), "baseline": float(b)}
    zeros = all(not f(np.full((3, 8), x)).any() for f in (grpo, dr_grpo, rloo, qae) for x in (0.0, 0.1, 1.0))
    return conclude(
        Evidence(
            "the baseline is the reward",
            "G = 2..32, three levels",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("grpo, dr_grpo, rloo and qae give exact zeros", "groups of 8", Method.FLOATS, zeros),
    )


@claim(
    "estimators.rloo-unbiased",
    paper=GROUP,
    equation="RLOO",
    statement="RLOO's expected group gradient is the gradient of the success rate, for every G and p.",
    latex=r"\mathbb E\,\tfrac1G\sum_i A_i(e_{a_i}-\pi) = p(1-p)(\pi_+-\pi_-) = \nabla_z p",
    assumptions=("binary rewards", "softmax bandit"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the group's own mean instead of the others'", {"others": False}, Verdict.REFUTED),),
)
def rloo_unbiased(quick: bool, *, others: bool = True) -> Finding:
    """The speed c as a polynomial: (G-1)·G·c = Σ C(G,n) pⁿ(1-p)^(G-n) n(G-n)."""
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        total = sum((n * (g - n) * term(g, n) for n in range(1, g)), fmpz_poly())
        divisor = g * (g - 1) if others else g * g
        if found is None and total != divisor * X * Y:
            found = {"g": g, "ratio to the gradient": float(Fraction(g - 1, g))}
    return conclude(
        Evidence("c = p(1-p)", f"every p, G = 2..{top}", Method.SYMBOLIC, found is None, counterexample=found or {}),
        _speed_in_floats("rloo", Fraction(1)),
    )


def _speed_in_floats(name: str, factor: Fraction) -> Evidence:
    """The project's expectation at some rates."""
    worst = max(abs(float(expected_advantages(name, p, 8).c) - float(factor) * p * (1 - p)) for p in (0.1, 0.5, 0.8))
    return Evidence(
        f"expected_advantages({name!r}) agrees to 1e-14",
        "G = 8, p = .1, .5, .8",
        Method.FLOATS,
        worst < 1e-14,
        f"{worst:.1e}",
    )


@claim(
    "estimators.self-inclusion",
    paper=GROUP,
    equation="Dr. GRPO",
    statement="Because each reward is part of its own mean, Dr. GRPO's expected group gradient is (G-1)/G times the "
    "gradient: unbiased up to a constant.",
    latex=r"c_{\mathrm{Dr.GRPO}} = \tfrac{G-1}{G}\,p(1-p)",
    assumptions=("binary rewards", "softmax bandit", "groups of one size"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the factor 1", {"constant": False}, Verdict.REFUTED),),
)
def self_inclusion(quick: bool, *, constant: bool = True) -> Finding:
    """G²·c = Σ C(G,n) pⁿ(1-p)^(G-n) n(G-n)."""
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        total = sum((n * (g - n) * term(g, n) for n in range(1, g)), fmpz_poly())
        if found is None and total != (g * (g - 1) if constant else g * g) * X * Y:
            found = {"g": g, "c over p(1-p)": float(Fraction(g - 1, g))}
    return conclude(
        Evidence(
            "c is the stated multiple of p(1-p)",
            f"every p, G = 2..{top}",
            Method.SYMBOLIC,
            found is None,
            counterexample=found or {},
        ),
        _speed_in_floats("dr_grpo", Fraction(7, 8)),
    )


@claim(
    "estimators.std-biases",
    paper=GROUP,
    equation="GRPO",
    statement="GRPO's expected group gradient is a constant times the gradient of the success rate.",
    latex=r"\frac{c_{\mathrm{GRPO}}(p)}{p(1-p)} = \text{const}",
    assumptions=("binary rewards", "softmax bandit", "G = 8"),
    expected=Verdict.REFUTED,
    breaks=(Break("without the standard deviation", {"std": False}, Verdict.CERTIFIED),),
)
def std_biases(quick: bool, *, std: bool = True) -> Finding:
    """The ratio at several success rates: dividing by the standard deviation favours hard and easy queries."""
    with ctx.workprec(64):
        ratios = {
            x: speeds("grpo", 8, number(x), Fraction(2, 5)) if std else number("7/8")
            for x in ("0.5", "0.3", "0.1", "0.01")
        }
        reference = ratios["0.5"]
        differing = next((x for x, ratio in ratios.items() if ratio > reference or ratio < reference), None)
        return conclude(
            Evidence(
                "c/(p(1-p)) is the same at all p",
                "p = .5, .3, .1, .01",
                Method.INTERVALS,
                differing is None,
                counterexample={}
                if differing is None
                else {
                    "g": 8,
                    "p": [0.5, float(differing)],
                    "ratios": [digits(reference, 8), digits(ratios[differing], 8)],
                },
                figures={x: digits(ratio, 8) for x, ratio in ratios.items()},
            )
        )


@claim(
    "qae.after-the-fact",
    paper=QAE,
    equation="Eq. 3 applied to advantages",
    statement="QAE can be applied after the fact: subtracting their own K-quantile from a group's GRPO advantages "
    "gives QAE's.",
    latex=r"\frac{r - Q_K(r)}{\sigma+\varepsilon} = \hat A - Q_K(\hat A),\quad "
    r"\hat A = \frac{r-\bar r}{\sigma+\varepsilon}",
    assumptions=("inverse-CDF quantile", "one reward, normalised within the group"),
    expected=Verdict.CERTIFIED,
    breaks=(
        Break("two rewards, each normalised and then added", {"rewards": 2}, Verdict.REFUTED),
        Break("advantages normalised by the batch", {"batch": True}, Verdict.REFUTED),
    ),
)
def after_the_fact(quick: bool, *, rewards: int = 1, batch: bool = False) -> Finding:
    """Quantiles commute with rising maps; they do not with sums, and another scale is another advantage."""
    largest, found = (4 if quick else 6), None
    for r in groups(largest):
        if variance(r) == 0 or found:
            continue
        mean = sum(r, Fraction(0)) / len(r)
        if rewards == 2:
            other = r[::-1]
            if variance(other) != variance(r):
                continue
            total = [x + y for x, y in zip(r, other, strict=True)]  # both normalised by the same σ
            left = [x - b for x, b in zip(total, baseline("qae", total), strict=True)]
            right = [x + y for x, y in zip(centred("qae", r), centred("qae", other), strict=True)]
        else:
            # The advantages times the group's σ; the batch, here with a group of zeros, has another one.
            ratio = variance(r + [Fraction(0)] * len(r)) / variance(r) if batch else Fraction(1)
            left, right = centred("qae", [x - mean for x in r]), [x * ratio for x in centred("qae", r)]
        if left != right:
            found = {"rewards": _plain(r), "k": 0.4} | ({"second reward": _plain(r[::-1])} if rewards == 2 else {})
    sample = np.random.default_rng(0).normal(size=(40, 9))
    a = grpo(sample)
    worst = float(np.abs(a - quantile_baseline(a, 0.4)[:, None] - qae(sample, k=0.4)).max())
    return conclude(
        Evidence(
            "both sides are equal",
            f"G = 2..{largest}, all groups of three levels, K = .4",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("grpo and qae do so to 1e-13", "40 groups of 9", Method.FLOATS, worst < 1e-13, f"{worst:.1e}"),
    )


@claim(
    "estimators.pass-at-k",
    paper="pass@k (Chen et al., arXiv:2107.03374)",
    equation="pass@k",
    statement="1 - C(n-c, k)/C(n, k) is an unbiased estimate of the chance that one of k responses is correct.",
    latex=r"\mathbb E\Big[1 - \tbinom{n-c}{k}/\tbinom nk\Big] = 1-(1-p)^k",
    assumptions=("n independent responses, c of them correct", "k <= n"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the plug-in estimate 1 - (1-c/n)^k", {"plug_in": True}, Verdict.REFUTED),),
)
def unbiased_pass_at_k(quick: bool, *, plug_in: bool = False) -> Finding:
    """Polynomials in p, all n and k."""
    top, found, worst = (10 if quick else 32), None, 0.0
    for n in range(1, top + 1):
        for k in range(1, n + 1):
            scale = n**k if plug_in else comb(n, k)
            missed = [(n - c) ** k if plug_in else comb(n - c, k) for c in range(n + 1)]
            total = sum((missed[c] * term(n, c) for c in range(n + 1)), fmpz_poly())
            if found is None and total != scale * Y**k:
                found = {"n": n, "k": k}
            ours = pass_at_k(np.arange(n + 1), n, k)
            exact = np.array([1 - comb(n - c, k) / comb(n, k) for c in range(n + 1)])
            worst = max(worst, float(np.abs(ours - exact).max()))
    return conclude(
        Evidence(
            "its expectation is 1-(1-p)^k",
            f"every p, n = 1..{top}, all k",
            Method.SYMBOLIC,
            found is None,
            counterexample=found or {},
        ),
        Evidence("softmax.pass_at_k gives the same", "the same", Method.FLOATS, worst < 1e-12, f"{worst:.1e}"),
    )
