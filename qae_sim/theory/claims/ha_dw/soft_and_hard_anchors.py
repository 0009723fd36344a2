"""HA-DW's anchors: where the soft one stands still, and what the two forms of the hard one are."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np

from qae_sim.advantages import HardAnchor, SoftAnchor
from qae_sim.theory.arithmetic import Ordering, fmpq_mpoly_ctx
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.coq import machine_checked
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


def spread(beliefs: list[Fraction]) -> Fraction:
    """σ², the population variance of beliefs."""
    mean = sum(beliefs, Fraction(0)) / len(beliefs)
    return sum(((c - mean) ** 2 for c in beliefs), Fraction(0)) / len(beliefs)


@claim(
    "ha-dw.absorbing",
    paper=PAPER,
    equation="Eqs. 8-12",
    statement="Once the last m beliefs are equal the soft anchor never moves again, whatever the accuracies.",
    latex=r"C_{t-1} = \dots = C_{t-m} \Rightarrow \sigma_t = 0 \Rightarrow C_{t'}^+ = C_t^-\ \forall t' \ge t",
    assumptions=("the equations alone, without a warm start",),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("a running mean's gain 1/m where σ is 0", {"warm_start": True}, Verdict.REFUTED),),
)
def absorbing(quick: bool, *, warm_start: bool = False) -> CheckOutcome:
    """The mean of m beliefs c is c, so that σ² = 0 and the gain is η·0; by induction for every later batch."""
    c, y, m, eta = ring("c", "y", "m", "n")
    variance_times_m = m * c**2 - (m * c) * c  # Σ(c - mean)² = Σc² - (Σc)·mean
    gain_times_m = eta * variance_times_m if not warm_start else 1 + 0 * c
    stays = (m - gain_times_m) * c + gain_times_m * y == m * c
    anchor = SoftAnchor(belief=0.5, window=3, warm_start=False, recent=(0.5, 0.5))
    after = anchor.update([[1, 1, 1, 1]])
    return conclude(
        *([machine_checked("ha-dw.absorbing")] if not warm_start else []),
        Evidence(
            "with equal beliefs c the variance is 0, and (1 - gain)·c + gain·y is c",
            "every m, η, c and y",
            Method.SYMBOLIC,
            bool(variance_times_m == 0 and stays),
            counterexample={} if stays else {"window": 2, "belief": 0.5, "accuracy": 1.0, "next": 0.75},
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
    paper=PAPER,
    equation="Eqs. 8-12",
    statement="While all batches have one and the same accuracy the soft anchor converges to it.",
    latex=r"y_t = y\ \forall t \Rightarrow C_t \to y",
    assumptions=("the equations alone", "m = 2, η = 1"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    condition="it starts at that accuracy, or a gain of 1 takes it there in one step",
    breaks=(Break("a fixed gain of .1", {"fixed_gain": Fraction(1, 10)}, Verdict.CERTIFIED),),
)
def soft_converges(quick: bool, *, fixed_gain: Fraction | None = None) -> CheckOutcome:
    """For m = 2 steps shrink as Δ⁺ = (η/2)|Δ|(y - C): their sum is bounded, and the anchor stops far from y.

    Each ratio of steps is at most η(y - C)/2 < .2, so that all later steps add up to less than Δ/(1 - .2).
    """
    y, before, belief = Fraction(9, 10), Fraction(2, 5), Fraction(1, 2)
    soft = SoftAnchor(belief=0.5, window=2, warm_start=False, recent=(0.4,)).update([[1, 1, 1, 1]])
    tie = Evidence(
        "SoftAnchor moves by σ(y - C), σ over m",
        "beliefs .4, .5 and an accuracy of 1",
        Method.FLOATS,
        abs(float(soft.belief) - 0.525) < 1e-15,
    )
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
        before, belief = pair_of_beliefs(before, belief, y)
    ratio = (y - belief) / 2
    limit = belief + (belief - before) * ratio / (1 - ratio)
    return conclude(
        tie,
        Evidence(
            "no number below y bounds the beliefs",
            "beliefs .4, .5, then y = .9 for ever",
            Method.CASES,
            limit >= y,
            margin=str(float(y - limit)),
            counterexample={"beliefs": [0.4, 0.5], "m": 2, "eta": 1, "y": 0.9, "C stays below": float(limit)},
        ),
        controls=[
            Evidence(
                "after beliefs .4 and .5 σ is .05, and an accuracy of .9 moves the belief to .52",
                "by hand",
                Method.CASES,
                spread([Fraction(2, 5), Fraction(1, 2)]) == Fraction(1, 20) ** 2
                and pair_of_beliefs(Fraction(2, 5), Fraction(1, 2), Fraction(9, 10))[1] == Fraction(13, 25),
            )
        ],
    )


def pair_of_beliefs(before: Fraction, belief: Fraction, y: Fraction) -> tuple[Fraction, Fraction]:
    """The last two beliefs after one more batch, for m = 2 and η = 1: σ of two beliefs is half their distance."""
    return belief, belief + abs(belief - before) / 2 * (y - belief)


@claim(
    "ha-dw.soft-stops-short",
    paper=PAPER,
    equation="Eqs. 8-12",
    statement="While all batches have one and the same accuracy the soft anchor stops before it, unless it is there "
    "already.",
    latex=r"y_t = y\ \forall t,\ C_0 \ne y \Rightarrow \lim C_t \ne y,\quad "
    r"\sum_t \eta_t \le \sum_{t<m}\eta_t + \tfrac{\eta(m-1)}{2}|y - C_0|",
    assumptions=("the equations alone", "every gain is below 1, as for η < 2"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("a fixed gain of .1", {"fixed_gain": Fraction(1, 10)}, Verdict.REFUTED),),
)
def soft_stops_short(quick: bool, *, fixed_gain: Fraction | None = None) -> CheckOutcome:
    """The gap shrinks by 1 - gain, and all gains together are finite, because σ is at most half of what was walked."""
    gap, gain = ring("e", "g")
    shrinks = gap - gain * gap == (1 - gain) * gap
    top, low, mean, square = ring("M", "m", "u", "q")  # of the beliefs in a window: ends, mean, mean square
    # The mean of (M - x)(x - m) >= 0 is (M - u)(u - m) - σ², and (M - u)(u - m) is at most ((M - m)/2)².
    between = (top + low) * mean - square - top * low == (top - mean) * (mean - low) - (square - mean**2)
    quarter = (top - low) ** 2 - 4 * (top - mean) * (mean - low) == (top + low - 2 * mean) ** 2
    before, belief, y = Fraction(2, 5), Fraction(1, 2), Fraction(9, 10)
    bound, gains = (y - before) / 2, Fraction(0)  # (m - 1)/2 times all that can be walked, m = 2
    for _ in range(10):
        gain_now = abs(belief - before) / 2 if fixed_gain is None else fixed_gain
        gains += gain_now
        before, belief = belief, belief + gain_now * (y - belief)
    return conclude(
        Evidence(
            "the gap y - C becomes (1 - gain)(y - C); σ² <= (M - u)(u - m) <= ((M - m)/2)² with the ends M, m of the "
            "window",
            "every m, gain and window of beliefs",
            Method.SYMBOLIC,
            bool(shrinks and between and quarter),
        ),
        Evidence(
            "the gains add up to at most half of the first gap",
            "beliefs .4, .5, then y = .9 for 10 batches, m = 2, η = 1",
            Method.CASES,
            gains <= bound,
            margin=str(float(bound - gains)),
            counterexample={} if gains <= bound else {"sum of gains": float(gains), "bound": float(bound)},
            confirms=fixed_gain is None,
        ),
    )


@claim(
    "ha-dw.starves-surely",
    paper=PAPER,
    equation="Eqs. 8-12 under Bernoulli noise",
    statement="While the capability stays at p, the soft anchor's gain tends to 0 almost surely, from every start, if "
    "η²(m²-1)p(1-p) < 3(4-η)B; at η = 1 batches of 3 responses suffice for m = 10, of 70 for m = 50.",
    latex=r"\frac{\eta^2(m^2-1)\,p(1-p)}{3(4-\eta)B} < 1 \Rightarrow \mathbb E\sum_t \sigma_t^2 < \infty "
    r"\Rightarrow \sigma_t \to 0 \text{ a.s.}",
    assumptions=("the equations alone", "0 < η <= 2", "B independent responses a batch"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.OURS,
    breaks=(Break("half of the window's constant", {"twelve": 24}, Verdict.REFUTED),),
)
def starves_surely(quick: bool, *, twelve: int = 12) -> CheckOutcome:
    """Steps need noise or error, error is used up by steps, and spread needs steps: the sum of all σ² is finite.

    With the gain g = ησ <= η/2, the error e = C - p and noise of variance v = p(1-p)/B, and S = E Σσ²:
    E[d²] = g²(e² + v), Σ(2g - g²)e² <= e₀² + vη²S, g² <= η/(4-η)·(2g - g²), S <= K·Σd² with K = (m²-1)/12.
    """
    e, g, v, eta, m, total = ring("e", "g", "v", "n", "m", "S")
    after = (1 - g) ** 2 * e**2 + g**2 * v
    used = e**2 - after == (2 * g - g**2) * e**2 - g**2 * v
    share = eta * (2 * g - g**2) - (4 - eta) * g**2 == 2 * g * (eta - 2 * g)  # >= 0 for g <= η/2
    # Σ_l (m-l)·l² = m²(m²-1)/12 by induction: the next m adds 1² + ... + m².
    window = (m + 1) ** 2 * ((m + 1) ** 2 - 1) - m**2 * (m**2 - 1) == 2 * m * (m + 1) * (2 * m + 1)
    closed = (4 - eta) * eta**2 * v * total + eta * eta**2 * v * total == 4 * eta**2 * v * total
    slack = _staircase(5, 40, twelve)
    needed = {f"m = {w}": floor(Fraction(w * w - 1, 36)) + 1 for w in (2, 10, 50)}
    return conclude(
        Evidence(
            "e² - E[e⁺²] = (2g - g²)e² - g²v; η(2g - g²) - (4-η)g² = 2g(η - 2g) >= 0; and the noise's part of Σd² is "
            "v(1 + η/(4-η)) = 4v/(4-η) times Σg²",
            "every η, g, e and v",
            Method.SYMBOLIC,
            bool(used and share and closed),
        ),
        Evidence(
            "1²(m-1) + 2²(m-2) + ... + (m-1)²·1 = m²(m²-1)/12, by induction",
            "every m",
            Method.SYMBOLIC,
            bool(window),
        ),
        Evidence(
            f"Σσ² <= (m²-1)/{twelve}·Σd² along a staircase of beliefs, where all steps are equal",
            "m = 5, 40 windows",
            Method.CASES,
            slack >= 0,
            margin=str(float(slack)),
            counterexample={} if slack >= 0 else {"m": 5, "windows": 40, "slack": float(slack)},
            confirms=twelve == 12,
        ),
        Evidence(
            "batches of 3 and of 70 suffice at η = 1 whatever p is",
            "m = 10 and 50, p(1-p) <= 1/4",
            Method.SYMBOLIC,
            (needed["m = 10"], needed["m = 50"]) == (3, 70),
            figures={"responses that suffice at η = 1": needed},
        ),
    )


def _staircase(m: int, windows: int, twelve: int) -> Fraction:
    """(m²-1)/12·Σd² - Σσ² of beliefs that rise by 1 each time, for windows of m."""
    beliefs = [Fraction(i) for i in range(windows + m - 1)]
    spreads = sum((spread(beliefs[i : i + m]) for i in range(windows)), Fraction(0))
    return Fraction(m * m - 1, twelve) * (len(beliefs) - 1) - spreads


@claim(
    "ha-dw.soft-starves",
    paper=PAPER,
    equation="Eqs. 10 and 11",
    statement="The soft anchor's gain falls below a thousandth of its first value within 200 batches in more than 98 % "
    "of runs, whether the capability stays or is drawn anew for every batch.",
    latex=r"P(\eta_{200} < 10^{-3}\,\eta_0) > 0.98",
    assumptions=("m = 10, η = 1", "2048 independent responses a batch", "started with running means"),
    expected=Verdict.STATISTICAL,
    tier=Tier.STATISTICAL,
    origin=Origin.OURS,
    breaks=(Break("after 5 batches", {"batches": 5}, Verdict.REFUTED),),
)
def soft_starves(quick: bool, *, batches: int = 200) -> CheckOutcome:
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
    beliefs = list(np.cumsum(first, axis=0) / np.arange(1, m + 1)[:, None])
    anchor = start = SoftAnchor(belief=beliefs[-1], window=m, warm_start=False, recent=tuple(beliefs[:-1]))
    for _ in range(batches):
        anchor = anchor.after(accuracy(), size, 8)
    return int((anchor.gain < 1e-3 * start.gain).sum())


def _lower(successes: int, trials: int) -> float:
    """A lower confidence bound at 99.5 % by Hoeffding's inequality, wider than the exact one."""
    return successes / trials - float(np.sqrt(np.log(200) / (2 * trials)))


@claim(
    "ha-dw.hard-forms",
    paper=PAPER,
    equation="App. F, Eq. 134",
    statement="The recursive form ((h-1)C + y)/h of the hard update is the mean accuracy of the last h batches.",
    latex=r"\tfrac{h-1}{h}C_t^- + \tfrac1h y_t = \tfrac1h\Big(\sum_{j=1}^{h-1} y_{t-j} + y_t\Big)",
    assumptions=("h >= 2",),
    expected=Verdict.CONDITIONAL,
    tier=Tier.PROVED,
    origin=Origin.PARAPHRASED,
    condition="C is the mean of the h-1 batches before",
    breaks=(
        Break("C is the mean of the last h batches", {"of": 0}, Verdict.REFUTED),
        Break("h = 1", {"largest": 1}, Verdict.CERTIFIED),
    ),
)
def hard_forms(quick: bool, *, of: int = -1, largest: int = 12) -> CheckOutcome:
    """With C free the forms differ; with C the mean of the h - 1 batches before they are equal, as polynomials."""
    differ = None
    for h in range(1 if largest == 1 else 2, largest + 1):
        names = ["c", *(f"y{j}" for j in range(h))]  # y0 is the newest
        c, *y = fmpq_mpoly_ctx.get(names, Ordering.lex).gens()
        if differ is None and (h - 1) * c + y[0] != sum(y, 0 * c):
            half, one = Fraction(1, 2), Fraction(1)
            differ = {"h": h, "C": 0.5, "y": [1.0] * h, "recursive": float(recursive(h, half, one)), "mean": 1.0}
    # The h - 1 batches before add up to s; z is the one before them. Both forms times h and times C's divisor:
    n, s, y0, z = ring("h", "s", "y", "z")
    divisor, believed = (n - 1, s) if of == -1 else (n, s + z)
    under = (n - 1) * believed + divisor * y0 == divisor * (s + y0)
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
        "both forms are equal",
        f"every h >= 2, C the mean of {'the h - 1 batches before' if of == -1 else 'h batches'}",
        Method.SYMBOLIC,
        bool(under),
    )
    control = Evidence(
        "two batches of accuracies 0 and 1: from C = 0 both forms are 1/2, from C = 1/2 the recursive one is 3/4",
        "h = 2, by hand",
        Method.CASES,
        all(recursive(2, c, Fraction(1)) == value for c, value in ((Fraction(0), 0.5), (Fraction(1, 2), 0.75))),
    )
    return conclude(
        literal,
        tie,
        under=[condition, *([machine_checked("ha-dw.hard-forms")] if of == -1 else [])],
        condition="C is the mean of the h-1 batches before",
        controls=[control],
    )


def recursive(h: int, c: Fraction, y: Fraction) -> Fraction:
    """((h-1)C + y)/h."""
    return ((h - 1) * c + y) / h
