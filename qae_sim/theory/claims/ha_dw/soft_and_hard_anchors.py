"""HA-DW's anchors: where the soft one stands still, and what the two forms of the hard one are."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import Ordering, fmpq_mpoly_ctx

from qae_sim.advantages import HardAnchor, SoftAnchor
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.ha_dw import PAPER
from qae_sim.theory.coq import machine_checked
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
    breaks=(Break("the project's warm start", {"warm_start": True}, Verdict.REFUTED),),
)
def absorbing(quick: bool, *, warm_start: bool = False) -> CheckOutcome:
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
        machine_checked("ha-dw.absorbing"),
        Evidence(
            "the next belief is the old one",
            "m = 2..8, three beliefs, three accuracies",
            Method.CASES,
            found is None,
            counterexample=found or {},
            confirms=True,
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
    origin=Origin.IMPLIED,
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
        gain = abs(belief - before) / 2  # σ of two beliefs
        before, belief = belief, belief + gain * (y - belief)
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
    )


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
