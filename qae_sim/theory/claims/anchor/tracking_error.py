"""How well an anchor tracks a capability that walks at random: a fixed gain, a window, and the Kalman filter.

The capability is c⁺ = c + w with Var w = q; a batch's accuracy is y = c + v with Var v = R; the error is that of the
belief from before the batch, C⁻ - c.
"""

from __future__ import annotations

from fractions import Fraction

from qae_sim.advantages import KalmanAnchor, steady_state_gain
from qae_sim.theory.arithmetic import ctx
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse
from qae_sim.theory.claims.anchor import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "anchor.gain-error",
    paper=PAPER,
    equation="Eq. 8 with a fixed gain, tracking a random walk",
    statement="A fixed gain g tracks a random walk with error variance (q + g²R)/(g(2-g)); the Kalman filter's gain is "
    "the best of all, with error variance P where P² = q(P + R).",
    latex=r"P(g) = \frac{q + g^2R}{g(2-g)} \ge P,\quad P^2 = q(P+R),\quad g^* = \frac{P}{P+R}",
    assumptions=("c⁺ = c + w, y = c + v, white noises of variance q and R", "steady state"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the gain q/(q + R)", {"gain": "q/(q+R)"}, Verdict.REFUTED),),
)
def gain_error(quick: bool, *, gain: str = "kalman") -> CheckOutcome:
    """P(g) solves P = (1-g)²P + q + g²R, and q + g²R - P·g(2-g) = (P+R)(g - g*)² if P² = q(P+R)."""
    g, p, r = ring("g", "P", "R")
    # q = P²/(P+R); both sides times P + R
    excess = p**2 + g**2 * r * (p + r) - p * g * (2 - g) * (p + r)
    square = (g * (p + r) - p) ** 2
    if gain != "kalman":
        square = (g * (p**2 + r * (p + r)) - p**2) ** 2  # g* = q/(q+R)
    steady = (2 * g - g**2) == 1 - (1 - g) ** 2
    holds = bool(excess == square and steady)
    before = KalmanAnchor(variance=0.01, process_variance=0.01)
    after, observed, predicted = before.after(0.5, 64, 8), before.observation_variance(64, 8), 0.02
    worst = 0.0
    for q, noise in ((0.01, 1.0), (1.0, 1.0), (4.0, 0.5)):
        best = (q + (q * q + 4 * q * noise) ** 0.5) / 2
        worst = worse(worst, abs(steady_state_gain(q, noise) - best / (best + noise)))
    return conclude(
        *([machine_checked("anchor.gain-error")] if gain == "kalman" else []),
        Evidence(
            "the excess over P is (P+R)(g - g*)²",
            "every q, R and g",
            Method.SYMBOLIC,
            holds,
            counterexample={} if holds else {"q": 1, "R": 1, "gain": 0.5, "best gain": 0.618034},
        ),
        Evidence(
            "KalmanAnchor's variance becomes PR/(P + R)",
            "one batch of 64",
            Method.FLOATS,
            abs(float(after.variance) - predicted * float(observed) / (predicted + float(observed))) < 1e-15,
        ),
        Evidence("steady_state_gain is g*", "three pairs of q and R", Method.FLOATS, worst < 1e-15, f"{worst:.1e}"),
    )


@claim(
    "anchor.window-error",
    paper=PAPER,
    equation="Eq. 134 tracking a random walk",
    statement="The hard anchor of window h tracks a random walk with error variance q(h+1)(2h+1)/(6h) + R/h.",
    latex=r"\operatorname{Var}(C^- - c) = \frac{q\,(h+1)(2h+1)}{6h} + \frac Rh",
    assumptions=("c⁺ = c + w, y = c + v, white noises of variance q and R",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("the error of the belief after its batch", {"lag": 0}, Verdict.REFUTED),),
)
def window_error(quick: bool, *, lag: int = 1) -> CheckOutcome:
    """The error is a sum of increments with weights (h-i)/h and of h noises over h."""
    top, found = 30 if quick else 100, None
    for h in range(1, top + 1):
        weights = [Fraction(h - i + lag, h) for i in range(1, h + 1)]
        drift = sum((w * w for w in weights), Fraction(0))
        if found is None and drift != Fraction((h + 1) * (2 * h + 1), 6 * h):
            found = {"h": h, "coefficient of q": float(drift)}
    n = ring("h")[0]
    step = (n + 1) * (n + 2) * (2 * n + 3) - n * (n + 1) * (2 * n + 1) == 6 * (n + 1) ** 2
    return conclude(
        *([machine_checked("anchor.window-error")] if lag == 1 else []),
        Evidence("1² + ... + h² = h(h+1)(2h+1)/6, by induction", "every h", Method.SYMBOLIC, step),
        Evidence(
            "the weights' squares add up to (h+1)(2h+1)/(6h)",
            f"h = 1..{top}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=lag == 1,
        ),
    )


@claim(
    "anchor.window-loss",
    paper=PAPER,
    equation="Eq. 134 against the Kalman filter",
    statement="No window tracks a random walk better than the Kalman filter, and the best one (h² = 1 + 4R/q) has less "
    "than 7/6 of its error variance.",
    latex=r"1 \le \frac{\mathrm{Var}_h}{P} < \tfrac76 \text{ at } h = \sqrt{1+4R/q}",
    assumptions=("c⁺ = c + w, y = c + v, white noises of variance q and R", "steady state"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(
        Break("windows twice as long", {"stretch": 2}, Verdict.REFUTED),
        Break("below 9/8", {"ratio": Fraction(9, 8)}, Verdict.REFUTED),
    ),
)
def window_loss(quick: bool, *, stretch: int = 1, ratio: Fraction = Fraction(7, 6)) -> CheckOutcome:
    """With s² = 1 + 4R/q, P = q(1+s)/2, and Var_h - P = q·((s-h)²/(4h) + (h²-1)/(12h)).

    At h = s the ratio is (7h-1)/(6h), because (h²-1)/(12h) over (1+h)/2 is (h-1)/(6h).
    """
    h, s = ring("h", "s")
    excess = 2 * (h + 1) * (2 * h + 1) + 3 * (s**2 - 1) - 6 * h * (1 + s)  # times 12h/q
    identity = excess == 3 * (s - h) ** 2 + h**2 - 1
    top, found = 10_000, None
    for window in (1, 2, 3, 5, 8, 20, 100, top):
        matched = Fraction(window, stretch)  # s that this window is (claimed to be) right for
        variance = (3 * (matched - window) ** 2 + window**2 - 1) / Fraction(12 * window) + (1 + matched) / 2
        if found is None and not variance < ratio * (1 + matched) / 2:
            found = {"h": window, "R/q": float((matched**2 - 1) / 4), "ratio": float(2 * variance / (1 + matched))}
    with ctx.workprec(53):
        table = {f"R/q = {r}": digits((1 + 4 * number(r)).sqrt(), 6) for r in (1, 10, 100, 1000)}
    return conclude(
        *([machine_checked("anchor.window-loss")] if stretch == 1 and ratio == Fraction(7, 6) else []),
        Evidence(
            "Var_h - P = q·((s-h)²/4h + (h²-1)/12h) >= 0", "every q, R and h >= 1", Method.SYMBOLIC, bool(identity)
        ),
        Evidence(
            "at h = s the ratio is (7h-1)/(6h) < 7/6",
            "every h >= 1",
            Method.SYMBOLIC,
            6 * h * (h + 1) + (h**2 - 1) == (h + 1) * (7 * h - 1),
        ),
        Evidence(
            f"at the best window the ratio is below {ratio}",
            f"h = 1..{top}",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=stretch == 1 and ratio == Fraction(7, 6),
            figures={"best window": table},
        ),
    )
