"""HA-DW's anchors: where they stand still, what the two forms of the hard update are, and how well each one tracks.

The model of tracking: the capability walks at random, c⁺ = c + w with Var w = q; a batch's accuracy is y = c + v with
Var v = R; the error is that of the belief from before the batch, C⁻ - c.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import Ordering, ctx, fmpq_mpoly_ctx

from qae_sim.advantages import HardAnchor, SoftAnchor, steady_state_gain
from qae_sim.papers import HA_DW
from qae_sim.theory.certified import digits, number
from qae_sim.theory.claim import Break, Evidence, Finding, Method, Verdict, conclude
from qae_sim.theory.claims.speed import ring
from qae_sim.theory.registry import claim


def spread(beliefs: list[Fraction]) -> Fraction:
    """σ², the population variance of beliefs."""
    mean = sum(beliefs, Fraction(0)) / len(beliefs)
    return sum(((c - mean) ** 2 for c in beliefs), Fraction(0)) / len(beliefs)


@claim(
    "ha-dw.absorbing",
    paper=HA_DW,
    equation="Eqs. 8-12",
    statement="Once the last m beliefs are equal the soft anchor never moves again, whatever the accuracies.",
    latex=r"C_{t-1} = \dots = C_{t-m} \Rightarrow \sigma_t = 0 \Rightarrow C_{t'}^+ = C_t^-\ \forall t' \ge t",
    assumptions=("the equations alone, without a warm start",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the project's warm start", {"warm_start": True}, Verdict.REFUTED),),
)
def absorbing(quick: bool, *, warm_start: bool = False) -> Finding:
    """σ = 0 makes the gain η·σ = 0; the same by induction for every later batch."""
    found = None
    for m in range(2, 9):
        for belief in (Fraction(0), Fraction(1, 3), Fraction(1)):
            beliefs = [belief] * m
            for y in (Fraction(0), Fraction(1, 2), Fraction(1)):
                moved = (y - beliefs[-1]) if spread(beliefs) or warm_start else Fraction(0)
                if found is None and moved:
                    found = {"window": m, "belief": float(belief), "accuracy": float(y)}
    anchor = SoftAnchor(belief=0.5, window=3, warm_start=False, recent=(0.5, 0.5))
    after = anchor.update([[1, 1, 1, 1]])
    return conclude(
        Evidence(
            "the next belief is the old one",
            "m = 2..8, three beliefs, three accuracies",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "SoftAnchor(warm_start=False) does not move either",
            "m = 3",
            Method.FLOATS,
            anchor.absorbed and after.belief == 0.5,
        ),
    )


@claim(
    "ha-dw.soft-converges",
    paper=HA_DW,
    equation="Eqs. 8-12",
    statement="While all batches have one and the same accuracy the soft anchor converges to it.",
    latex=r"y_t = y\ \forall t \Rightarrow C_t \to y",
    assumptions=("the equations alone", "m = 2, η = 1"),
    expected=Verdict.REFUTED,
    breaks=(Break("a fixed gain of .1", {"fixed_gain": Fraction(1, 10)}, Verdict.CERTIFIED),),
)
def soft_converges(quick: bool, *, fixed_gain: Fraction | None = None) -> Finding:
    """For m = 2 steps shrink as Δ⁺ = (η/2)|Δ|(y - C): their sum is bounded, and the anchor stops far from y.

    Each ratio of steps is at most η(y - C)/2 < .2, so that all later steps add up to less than Δ/(1 - .2).
    """
    y, before, belief = Fraction(9, 10), Fraction(2, 5), Fraction(1, 2)
    if fixed_gain is not None:
        for _ in range(400):
            belief += fixed_gain * (y - belief)
        return conclude(
            Evidence(
                "after 400 batches it is within 1e-15 of y",
                "C = .5, y = .9",
                Method.CASES,
                abs(belief - y) < Fraction(1, 10**15),
                margin=str(float(abs(belief - y))),
            )
        )
    for _ in range(8):
        gain = abs(belief - before) / 2  # σ of two beliefs
        before, belief = belief, belief + gain * (y - belief)
    ratio = (y - belief) / 2
    limit = belief + (belief - before) * ratio / (1 - ratio)
    return conclude(
        Evidence(
            "no number below y bounds the beliefs",
            "beliefs .4, .5, then y = .9 for ever",
            Method.CASES,
            limit >= y,
            margin=str(float(y - limit)),
            counterexample={"beliefs": [0.4, 0.5], "m": 2, "eta": 1, "y": 0.9, "C stays below": float(limit)},
        )
    )


@claim(
    "ha-dw.soft-starves",
    paper=HA_DW,
    equation="Eqs. 10 and 11",
    statement="The soft anchor's gain falls below a thousandth of its first value within 200 batches in more than 98 % "
    "of runs, whether the capability stays or is drawn anew for every batch.",
    latex=r"P(\eta_{200} < 10^{-3}\,\eta_0) > 0.98",
    assumptions=("m = 10, η = 1", "2048 independent responses a batch", "started with running means"),
    expected=Verdict.STATISTICAL,
    breaks=(Break("after 5 batches", {"batches": 5}, Verdict.REFUTED),),
)
def soft_starves(quick: bool, *, batches: int = 200) -> Finding:
    """A small gain makes for a small spread of beliefs, and that for a smaller gain; sampled runs show it."""
    runs = 400 if quick else 2000
    evidence = []
    for name, low, high in (("capability .5 throughout", 0.5, 0.5), ("capability uniform on (.2, .8)", 0.2, 0.8)):
        starved = _starved_runs(runs, batches, low, high)
        lower = 0.005 ** (1 / runs) if starved == runs else _lower(starved, runs)
        evidence.append(
            Evidence(
                "the 99 % lower bound of the share of starved runs is above .98",
                f"{name}, {runs} runs of {batches} batches",
                Method.SAMPLES,
                lower > 0.98,
                margin=f"{lower - 0.98:.4f}",
                counterexample={} if lower > 0.98 else {"share starved": starved / runs},
                figures={"starved": starved, "runs": runs, "lower bound": lower},
            )
        )
    return conclude(*evidence)


def _starved_runs(runs: int, batches: int, low: float, high: float) -> int:
    """Runs whose gain ends below a thousandth of its first value; capabilities uniform on (low, high)."""
    m, size = 10, 2048
    rng = np.random.default_rng(0)

    def accuracy() -> np.ndarray:
        return rng.binomial(size, rng.uniform(low, high, runs), runs) / size

    first = np.stack([accuracy() for _ in range(m)])
    beliefs = np.cumsum(first, axis=0) / np.arange(1, m + 1)[:, None]
    start = beliefs.std(axis=0)
    for _ in range(batches):
        gain = beliefs.std(axis=0)
        belief = (1 - gain) * beliefs[-1] + gain * accuracy()
        beliefs = np.concatenate([beliefs[1:], belief[None]])
    return int((beliefs.std(axis=0) < 1e-3 * start).sum())


def _lower(successes: int, trials: int) -> float:
    """A lower confidence bound at 99.5 % by Hoeffding's inequality, wider than the exact one."""
    return successes / trials - float(np.sqrt(np.log(200) / (2 * trials)))


@claim(
    "ha-dw.hard-forms",
    paper=HA_DW,
    equation="App. F, Eq. 134",
    statement="The recursive form ((h-1)C + y)/h of the hard update is the mean accuracy of the last h batches.",
    latex=r"\tfrac{h-1}{h}C_t^- + \tfrac1h y_t = \tfrac1h\Big(\sum_{j=1}^{h-1} y_{t-j} + y_t\Big)",
    assumptions=("h >= 2",),
    expected=Verdict.CONDITIONAL,
    breaks=(
        Break("C is the mean of the last h batches", {"of": 0}, Verdict.REFUTED),
        Break("h = 1", {"largest": 1}, Verdict.CERTIFIED),
    ),
)
def hard_forms(quick: bool, *, of: int = -1, largest: int = 12) -> Finding:
    """With C free the forms differ; with C the mean of the h - 1 batches before they are equal, as polynomials."""
    differ, under = None, True
    for h in range(1 if largest == 1 else 2, largest + 1):
        names = ["c", *(f"y{j}" for j in range(h + 1))]  # y0 is the newest
        c, *y = fmpq_mpoly_ctx.get(names, Ordering.lex).gens()
        mean = sum(y[:h], 0 * c)  # times h
        if differ is None and (h - 1) * c + y[0] != mean:
            differ = {"h": h, "C": 0.5, "y": [1.0] * h, "recursive": 1 - 0.5 * (h - 1) / h, "mean": 1.0}
        count = h + of
        if count:
            before = sum(y[1 : 1 + count], 0 * c)  # times count
            under &= (h - 1) * before + count * y[0] == count * mean
    hard = HardAnchor(window=2).update([[1, 0]]).update([[1, 1]]).update([[1, 1]])
    literal = Evidence(
        "both forms are equal",
        f"h up to {largest}, any C",
        Method.SYMBOLIC,
        differ is None,
        counterexample=differ or {},
    )
    tie = Evidence("HardAnchor is the mean of the last h batches", "h = 2", Method.FLOATS, hard.belief == 1.0)
    condition = Evidence(
        "both forms are equal", f"h = 2..{largest}, C the mean of h{of:+d} batches before", Method.SYMBOLIC, bool(under)
    )
    return conclude(literal, tie, under=[condition], condition="C is the mean of the h-1 batches before")


@claim(
    "anchor.gain-error",
    paper=HA_DW,
    equation="Eq. 8 with a fixed gain, tracking a random walk",
    statement="A fixed gain g tracks a random walk with error variance (q + g²R)/(g(2-g)); the Kalman filter's gain is "
    "the best of all, with error variance P where P² = q(P + R).",
    latex=r"P(g) = \frac{q + g^2R}{g(2-g)} \ge P,\quad P^2 = q(P+R),\quad g^* = \frac{P}{P+R}",
    assumptions=("c⁺ = c + w, y = c + v, white noises of variance q and R", "steady state"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the gain q/(q + R)", {"gain": "q/(q+R)"}, Verdict.REFUTED),),
)
def gain_error(quick: bool, *, gain: str = "kalman") -> Finding:
    """P(g) solves P = (1-g)²P + q + g²R, and q + g²R - P·g(2-g) = (P+R)(g - g*)² if P² = q(P+R)."""
    g, p, r = ring("g", "P", "R")
    # q = P²/(P+R); both sides times P + R
    excess = p**2 + g**2 * r * (p + r) - p * g * (2 - g) * (p + r)
    square = (g * (p + r) - p) ** 2
    if gain != "kalman":
        square = (g * (p**2 + r * (p + r)) - p**2) ** 2  # g* = q/(q+R)
    steady = (2 * g - g**2) == 1 - (1 - g) ** 2
    holds = bool(excess == square and steady)
    worst = 0.0
    for q, noise in ((0.01, 1.0), (1.0, 1.0), (4.0, 0.5)):
        best = (q + (q * q + 4 * q * noise) ** 0.5) / 2
        worst = max(worst, abs(steady_state_gain(q, noise) - best / (best + noise)))
    return conclude(
        Evidence(
            "the excess over P is (P+R)(g - g*)²",
            "every q, R and g",
            Method.SYMBOLIC,
            holds,
            counterexample={} if holds else {"q": 1, "R": 1, "gain": 0.5, "best gain": 0.618034},
        ),
        Evidence("steady_state_gain is g*", "three pairs of q and R", Method.FLOATS, worst < 1e-15, f"{worst:.1e}"),
    )


@claim(
    "anchor.window-error",
    paper=HA_DW,
    equation="Eq. 134 tracking a random walk",
    statement="The hard anchor of window h tracks a random walk with error variance q(h+1)(2h+1)/(6h) + R/h.",
    latex=r"\operatorname{Var}(C^- - c) = \frac{q\,(h+1)(2h+1)}{6h} + \frac Rh",
    assumptions=("c⁺ = c + w, y = c + v, white noises of variance q and R",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("the error of the belief after its batch", {"lag": 0}, Verdict.REFUTED),),
)
def window_error(quick: bool, *, lag: int = 1) -> Finding:
    """The error is a sum of increments with weights (h-i)/h and of h noises over h."""
    top, found = 100 if quick else 400, None
    for h in range(1, top + 1):
        weights = [Fraction(h - i + lag, h) for i in range(1, h + 1)]
        drift = sum((w * w for w in weights), Fraction(0))
        if found is None and drift != Fraction((h + 1) * (2 * h + 1), 6 * h):
            found = {"h": h, "coefficient of q": float(drift)}
    return conclude(
        Evidence(
            "the weights' squares add up to (h+1)(2h+1)/(6h)",
            f"h = 1..{top}",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "anchor.window-loss",
    paper=HA_DW,
    equation="Eq. 134 against the Kalman filter",
    statement="No window tracks a random walk better than the Kalman filter, and the best one (h² = 1 + 4R/q) has less "
    "than 7/6 of its error variance.",
    latex=r"1 \le \frac{\mathrm{Var}_h}{P} < \tfrac76 \text{ at } h = \sqrt{1+4R/q}",
    assumptions=("c⁺ = c + w, y = c + v, white noises of variance q and R", "steady state"),
    expected=Verdict.CERTIFIED,
    breaks=(
        Break("windows twice as long", {"stretch": 2}, Verdict.REFUTED),
        Break("below 9/8", {"ratio": Fraction(9, 8)}, Verdict.REFUTED),
    ),
)
def window_loss(quick: bool, *, stretch: int = 1, ratio: Fraction = Fraction(7, 6)) -> Finding:
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
        Evidence(
            "Var_h - P = q·((s-h)²/4h + (h²-1)/12h) >= 0", "every q, R and h >= 1", Method.SYMBOLIC, bool(identity)
        ),
        Evidence(
            f"at the best window the ratio is below {ratio}",
            f"h = 1..{top} (and every h: (7h-1)/(6h))",
            Method.CASES,
            found is None,
            counterexample=found or {},
            figures={"best window": table},
        ),
    )
