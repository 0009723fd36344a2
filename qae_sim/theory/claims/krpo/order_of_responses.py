"""KRPO's filter reads a group response by response: equal rewards, unequal advantages."""

from __future__ import annotations

from fractions import Fraction

from qae_sim.advantages import krpo
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worst_of
from qae_sim.theory.claims.krpo import PAPER
from qae_sim.theory.registry import claim

#: The authors' constants: Q, R, x₀ and P₀.
PROCESS, OBSERVATION, START, VARIANCE = Fraction(1, 100000), Fraction(1, 100), Fraction(0), Fraction(1)


def _squares(rewards: tuple[int, ...], moves: bool) -> list[tuple[Fraction, Fraction]]:
    """For each response r - x, and the square of its advantage at ε = 0."""
    x, variance, found = START, VARIANCE, []
    for r in rewards:
        before = variance + PROCESS
        gain = before / (before + OBSERVATION) if moves else Fraction(0)
        x += gain * (r - x)
        variance = (1 - gain) * before if moves else variance
        found.append((r - x, (r - x) ** 2 / variance))
    return found


@claim(
    "krpo.order",
    paper=PAPER,
    equation="the authors' code: a new filter for each group",
    statement="Responses of equal reward in one group have equal advantages.",
    latex=r"r_i = r_j \Rightarrow A_i = A_j",
    assumptions=("the filter reads the group's responses one after the other", "the authors' constants", "ε = 0"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="the filter does not move within a group",
    breaks=(Break("gain 0: a filter that does not move", {"moves": False}, Verdict.CERTIFIED),),
)
def order(quick: bool, *, moves: bool = True) -> CheckOutcome:
    """The first and the second of two successes: signs and squares of their advantages, as rational numbers."""
    size = 4 if quick else 6
    found = None
    for g in range(2, size + 1):
        for n in range(2**g):
            rewards = tuple(n >> i & 1 for i in range(g))
            squares = _squares(rewards, moves)
            for value in (0, 1):
                chosen = [square for square, r in zip(squares, rewards, strict=True) if r == value]
                signs = {(gap > 0) - (gap < 0) for gap, _ in chosen}
                if found is None and (len({square for _, square in chosen}) > 1 or len(signs) > 1):
                    found = {"rewards": list(rewards), "advantages": [float(s) ** 0.5 for _, s in chosen]}
    by_hand = _squares((1,), True)[0][1] == OBSERVATION / ((1 + PROCESS) * (1 + PROCESS + OBSERVATION))
    ours = worst_of(
        abs(float(square) - float(a) ** 2)
        for (_, square), a in zip(_squares((1, 0, 1), True), krpo([1.0, 0.0, 1.0], eps=0), strict=True)
    )
    return conclude(
        Evidence(
            "equal rewards have advantages of one sign and one square",
            f"all 0/1 groups of G = 2..{size}",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        controls=[
            Evidence("a first success has A² = R/((1+Q)(1+Q+R))", "by hand", Method.CASES, by_hand),
            Evidence("krpo gives these squares, to 1e-9", "(1, 0, 1)", Method.FLOATS, ours < 1e-9, f"{ours:.1e}"),
        ],
    )
