"""What the neighbours' papers say of advantages that come from rewards alone."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from math import comb

import numpy as np
from flint import fmpz_poly

from qae_sim.advantages import capo, expected_advantages, gpg, grpo, grpo_n, mapo
from qae_sim.theory.claim import Break, Evidence, Finding, Method, Verdict, conclude
from qae_sim.theory.claims.bias import term
from qae_sim.theory.polynomials import X, Y
from qae_sim.theory.registry import claim

MAPO = "MAPO (arXiv:2509.18849)"
MAXRL = "MaxRL (Tajwar et al., arXiv:2602.02710)"
TWO_STAGE = "Two-stage view (arXiv:2510.04028)"
PASS_AT_K = "pass@k advantages (arXiv:2503.19595)"
CAPO = "CAPO (Yang et al., arXiv:2512.02580)"
GPG = "GPG (Chu et al., arXiv:2504.02546)"


@claim(
    "mapo.hard-prompts",
    paper=MAPO,
    equation="advantage percent deviation",
    statement="At a success rate of one half MAPO is GRPO; on harder prompts it gives a success more than GRPO does, "
    "on easier ones less.",
    latex=r"\hat p = \tfrac12 \Rightarrow A = A_{\mathrm{GRPO}},\quad "
    r"\hat p \lessgtr \tfrac12 \Rightarrow A^+ \gtrless A^+_{\mathrm{GRPO}}",
    assumptions=("binary rewards", "mixed groups", "ε = 0"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("λ and 1 - λ exchanged", {"exchanged": True}, Verdict.REFUTED),),
)
def mapo_hard_prompts(quick: bool, *, exchanged: bool = False) -> Finding:
    """A⁺ = (1-λ)·√((1-p)/p) + λ·(1-p)/p: more than the root if λ > 0 and p < 1/2, as x > √x for x > 1."""
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        for n in range(1, g):
            p = Fraction(n, g)
            mixture = 4 * p * (1 - p) if exchanged else 1 - 4 * p * (1 - p)
            ratio = (1 - p) / p
            # The sign of A⁺ - √x = λ(x - √x) is that of λ times that of x - 1.
            sign = 0 if mixture == 0 else (ratio > 1) - (ratio < 1)
            same_at_half = mixture == 0 if 2 * n == g else True
            if found is None and (sign != (2 * n < g) - (2 * n > g) or not same_at_half):
                found = {"g": g, "successes": n}
    rewards = np.array([[1.0, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]])
    ours, theirs = mapo(rewards, eps=0)[:, 0], grpo(rewards, eps=0)[:, 0]
    return conclude(
        Evidence(
            "λ = 0 at one half, and A⁺ differs from GRPO's as stated",
            f"G = 2..{top}, every number of successes",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "mapo does so",
            "G = 4",
            Method.FLOATS,
            bool(ours[0] > theirs[0] and abs(ours[1] - theirs[1]) < 1e-15 and ours[2] < theirs[2]),
        ),
    )


@claim(
    "mapo.mirror",
    paper=MAPO,
    equation="advantage mirror problem",
    statement="GRPO mirrors advantages: a lone success gets what a lone failure loses; MAPO does not.",
    latex=r"A^+_{\mathrm{GRPO}}(n) = -A^-_{\mathrm{GRPO}}(G-n),\quad A^+(n) \ne -A^-(G-n)",
    assumptions=("binary rewards", "mixed groups, not half right", "ε = 0"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("λ = 0, which is GRPO", {"mixed": False}, Verdict.REFUTED),),
)
def mapo_mirror(quick: bool, *, mixed: bool = True) -> Finding:
    """Both are (1-λ) times GRPO's plus λ times the deviation over the mean, which is (1-p)/p here and -1 there."""
    top, mirrored, turned = (32 if quick else 128), None, None
    for g in range(2, top + 1):
        for n in range(1, g):
            p, other = Fraction(n, g), Fraction(g - n, g)  # success rates of the group and of its mirror image
            squares = [(1 - p) ** 2 / (p * (1 - p)), other**2 / (other * (1 - other))]  # of (r - p)/σ
            if mirrored is None and squares[0] != squares[1]:
                mirrored = {"g": g, "successes": n}
            weight, image = (1 - 4 * q * (1 - q) if mixed else Fraction(0) for q in (p, other))
            percents = [weight * (1 - p) / p, image * other / other]
            if turned is None and 2 * n != g and percents[0] == percents[1]:
                turned = {"g": g, "successes": n}
    one, four = np.array([1.0, 0, 0, 0, 0]), np.array([1.0, 1, 1, 1, 0])
    return conclude(
        Evidence(
            "GRPO's are mirrored",
            f"G = 2..{top}, every number of successes",
            Method.CASES,
            mirrored is None,
            counterexample=mirrored or {},
        ),
        Evidence(
            "MAPO's are not", "the same, half right left out", Method.CASES, turned is None, counterexample=turned or {}
        ),
        Evidence(
            "grpo does the one and mapo the other",
            "one success, and four, of five",
            Method.FLOATS,
            bool(abs(grpo(one)[0] + grpo(four)[4]) < 1e-12 and mapo(one)[0] + mapo(four)[4] > 0.5),
        ),
    )


@claim(
    "maxrl.terms",
    paper=MAXRL,
    equation="number of terms of log p",
    statement="With G responses MaxRL's expected group gradient is that of the first G terms of log p.",
    latex=r"\mathbb E\,\tfrac1G\sum_i A_i(e_{a_i}-\pi) = \nabla_z \Big(-\sum_{k=1}^{G}\tfrac{(1-p)^k}{k}\Big)",
    assumptions=(
        "binary rewards",
        "softmax bandit",
        "rewards minus the group's mean, over that mean",
        "0 in a group without success",
    ),
    expected=Verdict.REFUTED,
    breaks=(
        Break("G - 1 terms", {"fewer": 1}, Verdict.CERTIFIED),
        Break("no mean subtracted: the scores of successes, averaged", {"centred": False}, Verdict.CERTIFIED),
        Break("advantages of -1 also in a group without success", {"silent": False}, Verdict.CERTIFIED),
    ),
)
def maxrl_terms(quick: bool, *, fewer: int = 0, centred: bool = True, silent: bool = True) -> Finding:
    """C as a polynomial: a group with n > 0 successes adds (G-n)/G, or 1-p if nothing is subtracted."""
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        if centred:  # G·c = Σ C(G,n) pⁿ(1-p)^(G-n) (G-n)
            total = sum((term(g, n) * (g - n) for n in range(1, g)), fmpz_poly())
            total += 0 if silent else term(g, 0) * g * X
        else:
            total = sum((term(g, n) * g * Y for n in range(1, g + 1)), fmpz_poly())
        terms = sum((Y**k for k in range(g - fewer)), fmpz_poly())
        if found is None and total != g * X * Y * terms:
            found = {"g": g, "terms": g - 1}
    worst = max(
        abs(float(expected_advantages("maxrl", p, 8).c) - p * (1 - p) * sum((1 - p) ** k for k in range(7)))
        for p in (0.1, 0.5, 0.8)
    )
    return conclude(
        Evidence(
            f"c = p(1-p) Σ (1-p)^k over {'G' if not fewer else 'G - 1'} terms",
            f"every p, G = 2..{top}",
            Method.SYMBOLIC,
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "expected_advantages('maxrl') has G - 1 terms, to 1e-14",
            "G = 8, p = .1, .5, .8",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )


def _three_arms(quick: bool) -> Iterator[tuple[Fraction, Fraction, Fraction]]:
    """Probabilities of an answer that is known to be right, of one that nobody has sampled, and of a failure."""
    steps = 20 if quick else 60
    for known, rare in product(range(1, steps - 1), repeat=2):
        if known + rare < steps:
            yield Fraction(known, steps), Fraction(rare, steps), Fraction(steps - known - rare, steps)


def _first_order(pi: tuple[Fraction, Fraction, Fraction], *, negatives_alone: bool) -> Fraction:
    """D log π of the middle arm, per unit of advantage that failures lose (and successes, if they count, win)."""
    squares = sum((p * p for p in pi), Fraction(0))
    pushed = pi[1] + pi[2] - squares  # from Σ Aᵢ (e_{aᵢ} - π) with failures alone
    return pushed if negatives_alone else pi[2] - pi[0]


@claim(
    "two-stage.unsampled",
    paper=TWO_STAGE,
    equation="negative-only objective",
    statement="Negative advantages alone raise the probability of answers that nobody has sampled.",
    latex=r"A_i \le 0 \Rightarrow \Delta\log\pi_{\mathrm{unsampled}} > 0",
    assumptions=("softmax bandit of three arms: known right answer, unsampled one, failure", "first order"),
    expected=Verdict.CONDITIONAL,
    breaks=(Break("failures hold more than half of the probability", {"failures": True}, Verdict.CERTIFIED),),
)
def unsampled(quick: bool, *, failures: bool = False) -> Finding:
    """What failures lose goes mostly to what is likely: Δ log π ∝ π_unsampled + π_failure - Σ π²."""
    literal = under = None
    for pi in _three_arms(quick):
        if failures and pi[2] <= Fraction(1, 2):
            continue
        rises = _first_order(pi, negatives_alone=True) > 0
        shares = {"known": float(pi[0]), "unsampled": float(pi[1]), "failure": float(pi[2])}
        if not rises:
            literal = literal or shares
            if pi[1] + pi[2] > sum(p * p for p in pi):
                under = under or shares
    return conclude(
        Evidence(
            "log π of the unsampled answer rises",
            "probabilities that are multiples of 1/20 (1/60 in full)",
            Method.CASES,
            literal is None,
            counterexample=literal or {},
        ),
        _step_in_floats(),
        under=[
            Evidence(
                "it does under the condition",
                "the same",
                Method.CASES,
                under is None,
                counterexample=under or {},
            )
        ],
        condition="the failures' probability and its own together exceed Σ π²: not in a policy that is nearly sure",
    )


def _step_in_floats() -> Evidence:
    """The first order against a small step of the project's softmax, with grpo_n's advantages."""
    worst, eta = 0.0, 1e-6
    for p in ([0.9, 0.02, 0.08], [0.2, 0.1, 0.7]):
        pi, arms = np.array(p), np.array([0, 0, 2, 2])
        a = grpo_n([1.0, 1, 0, 0], eps=0)
        step = (a[:, None] * (np.eye(3)[arms] - pi)).sum(axis=0)
        moved = pi * np.exp(eta * step)
        change = np.log(moved[1] / moved.sum() / pi[1]) / eta
        exact = _first_order((Fraction(p[0]), Fraction(p[1]), Fraction(p[2])), negatives_alone=True)
        worst = max(worst, abs(change - 2 * float(exact)))
    return Evidence(
        "grpo_n's step changes log π by so much, to 1e-5", "two policies", Method.FLOATS, worst < 1e-5, f"{worst:.1e}"
    )


@claim(
    "two-stage.spared",
    paper=TWO_STAGE,
    equation="negative-only objective",
    statement="While the known right answer is the likeliest, negative advantages alone take less from an unsampled "
    "answer than GRPO does.",
    latex=r"\Delta\log\pi_{\mathrm{unsampled}}\big|_{A^-} \ge \Delta\log\pi_{\mathrm{unsampled}}\big|_{A}",
    assumptions=("softmax bandit of three arms", "first order", "the known right answer is the likeliest"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("a failure is the likeliest", {"failure": True}, Verdict.REFUTED),),
)
def spared(quick: bool, *, failure: bool = False) -> Finding:
    """The difference is 1 - π_failure - Σ π², and Σ π² is at most the greatest π."""
    found = None
    for pi in _three_arms(quick):
        if max(pi) != pi[2 if failure else 0]:
            continue
        if _first_order(pi, negatives_alone=True) < _first_order(pi, negatives_alone=False):
            found = found or {"known": float(pi[0]), "unsampled": float(pi[1]), "failure": float(pi[2])}
    return conclude(
        Evidence(
            "log π of the unsampled answer ends no lower",
            "probabilities that are multiples of 1/20 (1/60 in full)",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "pass-at-k.gradient",
    paper=PASS_AT_K,
    equation="verl's grpo_passk",
    statement="The best response's lead over the second best gives the gradient of pass@G, up to a factor that "
    "depends on G alone.",
    latex=r"\mathbb E\,\tfrac1G\sum_i A_i(e_{a_i}-\pi) \propto \nabla_z\big(1-(1-p)^G\big)",
    assumptions=("binary rewards", "softmax bandit"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the lead over the group's mean", {"second": False}, Verdict.REFUTED),),
)
def passk_gradient(quick: bool, *, second: bool = True) -> Finding:
    """Only groups with one success count: G·c = G p(1-p)^(G-1)·(1-p), and ∇ pass@G = G(1-p)^(G-1) ∇p."""
    top, found = (32 if quick else 128), None
    for g in range(2, top + 1):
        wanted = g * X * Y * Y ** (g - 1)
        if second:
            total, scale = term(g, 1) * Y, 1
        else:  # each of n successes leads by (G-n)/G, and nobody else counts
            total, scale = sum((term(g, n) * n * (g - n) * Y for n in range(1, g)), fmpz_poly()), g
        if found is None and total != scale * wanted:
            found = {"g": g}
    worst = 0.0
    for p in (0.1, 0.5, 0.8):
        c = float(expected_advantages("grpo_passk", p, 8, eps=0).c) * np.sqrt(7) / 8  # std of one success in 8
        worst = max(worst, abs(c - p * (1 - p) ** 8))
    return conclude(
        Evidence(
            "G·c = ∇ pass@G", f"every p, G = 2..{top}", Method.SYMBOLIC, found is None, counterexample=found or {}
        ),
        Evidence(
            "so is expected_advantages('grpo_passk') times the standard deviation, to 1e-14",
            "G = 8, p = .1, .5, .8",
            Method.FLOATS,
            worst < 1e-14,
            f"{worst:.1e}",
        ),
    )


@claim(
    "capo.signal-to-noise",
    paper=CAPO,
    equation="theory of phase 1",
    statement="Positive advantages alone give a step with less noise for its size than all of them do.",
    latex=r"\frac{\mathrm{Var}\,g^+}{(\mathbb E g^+)^2} < \frac{\mathrm{Var}\,g}{(\mathbb E g)^2}",
    assumptions=("one right and one wrong arm", "GRPO's advantages, G responses"),
    expected=Verdict.REFUTED,
    breaks=(Break("the variance as such, not for the step's size", {"relative": False}, Verdict.CERTIFIED),),
)
def capo_signal(quick: bool, *, relative: bool = True) -> Finding:
    """Given n successes the steps are n(G-n)/G and (1-p) times as much: a smaller step, and nothing else."""
    top, found = (16 if quick else 64), None
    for g in range(2, top + 1):
        for q in (Fraction(1, 10), Fraction(1, 2), Fraction(9, 10)):
            chance = [comb(g, n) * (1 - q) ** n * q ** (g - n) for n in range(g + 1)]
            steps = [Fraction(n * (g - n), g) for n in range(g + 1)]  # times 1/σ, which both share group by group
            alone = [Fraction(n * (g - n), g) * q for n in range(g + 1)]
            noise = [_noise(chance, of, relative) for of in (alone, steps)]
            if found is None and not noise[0] < noise[1]:
                found = {"g": g, "p": float(1 - q), "noise": [float(x) for x in noise]}
    table = capo(np.array([[1.0, 0, 0, 0]]), eps=0)
    whole = grpo(np.array([[1.0, 0, 0, 0]]), eps=0)
    scores = np.array([0.7, -0.3, -0.3, -0.3])
    ratio = float((table * scores).sum() / (whole * scores).sum())
    return conclude(
        Evidence(
            "there is less noise",
            f"G = 2..{top}, p = .1, .5, .9",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("capo's step is (1-p) times grpo's", "p = .3", Method.FLOATS, abs(ratio - 0.7) < 1e-12),
    )


def _noise(chance: list[Fraction], steps: list[Fraction], relative: bool) -> Fraction:
    """Variance of a step, over the square of its mean if ``relative``."""
    mean = sum((p * x for p, x in zip(chance, steps, strict=True)), Fraction(0))
    variance = sum((p * x * x for p, x in zip(chance, steps, strict=True)), Fraction(0)) - mean**2
    return variance / mean**2 if relative else variance


@claim(
    "gpg.signal",
    paper=GPG,
    equation="accurate gradient estimation",
    statement="GPG's batch mean is the mean over the responses that have a signal.",
    latex=r"\tfrac1B\sum_i A_i s_i = \tfrac{1}{B-M}\sum_{i \text{ in mixed groups}} (r_i-\bar r)\,s_i",
    assumptions=("groups of one size", "M counts responses in groups of equal rewards"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("M counts rewards of zero, as in verl", {"count": "nonzero"}, Verdict.REFUTED),),
)
def gpg_signal(quick: bool, *, count: str = "mixed") -> Finding:
    """Coefficients of each score, in all batches of three groups."""
    found, worst = None, 0.0
    for g in (2, 3) if quick else (2, 3, 4):
        for batch in product(product((0, 1), repeat=g), repeat=3):
            mixed = [group for group in batch if 0 < sum(group) < g]
            if not mixed:
                continue
            rewards = [r for group in batch for r in group]
            silent = sum(r == 0 for r in rewards) if count == "nonzero" else g * (3 - len(mixed))
            alpha = Fraction(3 * g, 3 * g - silent)
            if found is None and alpha / (3 * g) != Fraction(1, g * len(mixed)):
                found = {"rewards": [list(group) for group in batch], "alpha": float(alpha)}
            mean = np.mean(batch, axis=1, keepdims=True)
            exact = float(alpha) * (np.array(batch) - mean)
            ours = gpg(np.array(batch, dtype=float), count=count)  # type: ignore[arg-type]
            worst = max(worst, float(np.abs(ours - exact).max()))
    return conclude(
        Evidence(
            "both sums have the same coefficients",
            "all batches of three groups of 2, 3 (and 4)",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("gpg gives them to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
    )
