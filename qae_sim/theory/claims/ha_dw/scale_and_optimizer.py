"""HA-DW's scale λ multiplies the gradient; Adam divides by the gradient's size: what is left of λ.

Adam's moments are m⁺ = β₁m + (1-β₁)g and v⁺ = β₂v + (1-β₂)g², its step is m/(√v + ε) after both were corrected for
their start; AdamW adds a decay of the parameters that does not see the gradient.
"""

from __future__ import annotations

from fractions import Fraction

from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.ball import Ball
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim
from qae_sim.theory.truth import Truth, every


def scaled_moments() -> Evidence:
    """The induction: from (λm, λ²v) and λg follow the moments (λm⁺, λ²v⁺); and the objective has the factor λ."""
    lam, m, v, g, beta, gamma, advantage, ratio, clipped = ring("L", "m", "v", "g", "b", "c", "A", "r", "k")
    first = beta * (lam * m) + (1 - beta) * (lam * g) == lam * (beta * m + (1 - beta) * g)
    second = gamma * (lam**2 * v) + (1 - gamma) * (lam * g) ** 2 == lam**2 * (gamma * v + (1 - gamma) * g**2)
    # min(rA, kA) takes the one term or the other by the sign of (r - k)A, which λ > 0 does not change.
    gap = (ratio - clipped) * (lam * advantage) == lam * ((ratio - clipped) * advantage)
    return Evidence(
        "if the gradients are λ times others, then so is m⁺, and v⁺ is λ² times theirs; of the clipped objective's two "
        "terms the same one is the smaller, because their difference has the factor λ",
        "every λ > 0, β₁, β₂, gradient and moments, by induction over the steps",
        Method.SYMBOLIC,
        bool(first and second and gap),
    )


def adam(lam: Ball, eps: Ball, steps: int) -> Ball:
    """Climb J(θ) = -(1-θ)⁴ from 0 with the gradient times λ, by Adam with η = 1/20, β₁ = .9, β₂ = .99."""
    theta, mean, square = Ball(0), Ball(0), Ball(0)
    one, two = number("0.9"), number("0.99")
    for t in range(1, steps + 1):
        gradient = lam * 4 * (1 - theta) ** 3
        mean, square = one * mean + (1 - one) * gradient, two * square + (1 - two) * gradient**2
        size = (square / (1 - two**t)).sqrt()
        theta += number("0.05") * (mean / (1 - one**t)) / (size + eps)
    return theta


@claim(
    "ha-dw.scale-under-adam",
    paper=PAPER,
    equation="Eq. 17 under AdamW",
    statement="Under Adam or AdamW a run with the scale λ and ε is the run with the scale 1 and ε/λ; one step differs "
    "from that with ε by the factor 1 + ε(λ-1)/(λ√v + ε), where v is the second moment at λ = 1.",
    latex=r"\frac{\lambda m}{\lambda\sqrt v + \varepsilon} = \frac{m}{\sqrt v + \varepsilon/\lambda} = "
    r"\frac{m}{\sqrt v + \varepsilon}\Big(1 + \frac{\varepsilon(\lambda-1)}{\lambda\sqrt v + \varepsilon}\Big)",
    assumptions=("λ > 0", "no limit on the gradient's norm, no KL, entropy or L2 term", "the same samples"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the same ε", {"divided": False}, Verdict.REFUTED),),
)
def scale_under_adam(quick: bool, *, divided: bool = True) -> CheckOutcome:
    """Homogeneity of the moments by induction, the step by multiplying out; and two enclosed runs."""
    lam, m, s, eps = ring("L", "m", "s", "e")  # s = √v
    # λm/(λs + ε) = m/(s + ε'), crosswise; times λ where ε' is ε/λ.
    step = (
        lam * m * (s * lam + eps) == m * lam * (lam * s + eps)
        if divided
        else lam * m * (s + eps) == m * (lam * s + eps)
    )
    factor = lam * (s + eps) == (lam * s + eps) + eps * (lam - 1)
    with ctx.workprec(256):
        scale, small = number("1.3"), number("0.1")
        one = adam(scale, small, 40)
        other = adam(number(1), small / scale if divided else small, 40)
        apart = (one == other) is Truth.NO
        close = abs(one - other) < number("1e-30")
    return conclude(
        scaled_moments(),
        Evidence(
            f"λm/(λ√v + ε) is m/(√v + {'ε/λ' if divided else 'ε'})",
            "every λ, ε, m and v",
            Method.SYMBOLIC,
            bool(step),
            counterexample={} if divided else {"lambda": 1.3, "m": 1, "v": 1, "eps": 0.1},
        ),
        Evidence("λ(√v + ε) is (λ√v + ε) + ε(λ-1)", "every λ, ε and v", Method.SYMBOLIC, bool(factor)),
        Evidence(
            "40 steps with λ = 1.3, ε = .1 and with λ = 1, ε = .1/1.3 end at the same θ, to 30 digits",
            "J(θ) = -(1-θ)⁴ from 0, η = .05",
            Method.INTERVALS,
            Truth.NO if apart else Truth.of(True if close is Truth.YES else None),
            counterexample={"theta": [digits(one, 10), digits(other, 10)]} if apart else {},
            confirms=divided,
            figures={"theta": digits(one, 15)},
        ),
    )


@claim(
    "ha-dw.best-scale",
    paper=PAPER,
    equation="Ablation of λ_scale",
    statement="Under AdamW a λ_scale of 1.3 or 1.5 leads training elsewhere than 1 does.",
    latex=r"\theta_t(\lambda = 1.3) \ne \theta_t(\lambda = 1)",
    assumptions=("ε = 0", "no limit on the gradient's norm, no KL, entropy or L2 term", "the same samples"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="something else than the ratio of the moments sees the gradient's size: ε, a limit on its norm, a KL or "
    "entropy term beside it, or SGD in the place of AdamW",
    breaks=(
        Break("plain gradient steps", {"optimizer": "sgd"}, Verdict.CERTIFIED),
        Break("ε = .1", {"eps": "0.1"}, Verdict.CERTIFIED),
    ),
)
def best_scale(quick: bool, *, optimizer: str = "adam", eps: str = "0") -> CheckOutcome:
    """λ factors out of the clipped objective, and Adam's step at ε = 0 is λm/√(λ²v) = m/√v."""
    lam, m, s = ring("L", "m", "s")
    same = scaled_moments().holds & bool(lam * m * s == m * (lam * s))  # λm/(λs) = m/s
    with ctx.workprec(256):
        if optimizer == "sgd":
            # One step of η = 1/20 from 0 with the gradient 4λ.
            ends = [Ball(0) + number(Fraction(x) * 4 / 20) for x in ("1.3", "1")]
        else:
            ends = [adam(number(x), number(eps), 40) for x in ("1.3", "1")]
        differ = ~(ends[0] == ends[1])
        close = abs(ends[0] - ends[1]) < number("1e-30")
        first = [adam(number(x), Ball(0), 1) for x in ("1.3", "1")]
        hand = every(abs(theta - number("0.05")) < number("1e-30") for theta in first)
    invisible = optimizer == "adam" and eps == "0"
    return conclude(
        Evidence(
            "the steps m/√v differ" if invisible else "the parameters differ",
            "every λ > 0 and every sequence of gradients" if invisible else "J(θ) = -(1-θ)⁴ from 0",
            Method.SYMBOLIC if invisible else Method.INTERVALS,
            ~same if invisible else differ,
            counterexample={"lambda": [1, 1.3], "step": "m/√v at both"} if invisible and same is Truth.YES else {},
            figures={"theta at λ = 1.3 and 1": [digits(end, 12) for end in ends]},
        ),
        controls=[
            Evidence("Adam's first step at ε = 0 is η, whatever λ", "η = .05, by hand", Method.INTERVALS, hand),
            *(
                [Evidence("40 steps end at the same θ, to 30 digits", "λ = 1.3 and 1", Method.INTERVALS, close)]
                if invisible
                else []
            ),
        ],
    )
