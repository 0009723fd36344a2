"""RL-ZVP in groups without variance: what a wrong response's tokens are told."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

from qae_sim.advantages import rl_zvp
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude, worse, worst_of
from qae_sim.theory.claims.rl_zvp import PAPER
from qae_sim.theory.registry import claim


def _advantages(entropies: tuple[Fraction, ...], above: Fraction) -> list[Fraction]:
    """Advantages over α, against a bound that is so much above the largest entropy."""
    return [x - max(entropies) - above for x in entropies]


@claim(
    "rl-zvp.one-token-spared",
    paper=PAPER,
    equation="zero-variance prompts, all responses wrong",
    statement="Where all responses are wrong, every token is penalised.",
    latex=r"-\alpha\,\big(\max_s H_{i,s} - H_{i,t}\big) < 0 \text{ for every } t",
    assumptions=("binary rewards", "the maximum is over the tokens of the response"),
    expected=Verdict.REFUTED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    condition="the maximum is a bound that no token of the response reaches",
    breaks=(Break("one nat above the largest entropy", {"above": Fraction(1)}, Verdict.CERTIFIED),),
)
def one_token_spared(quick: bool, *, above: Fraction = Fraction(0)) -> CheckOutcome:
    """The token of the largest entropy has advantage 0; a response of equal entropies has nothing else."""
    levels = (Fraction(0), Fraction(1, 2), Fraction(2))
    found, worst = None, 0.0
    for length in range(1, 4 if quick else 5):
        for entropies in product(levels, repeat=length):
            exact = _advantages(entropies, above)
            if found is None and max(exact) >= 0:
                found = {"entropies": [float(x) for x in entropies], "advantages over α": [float(x) for x in exact]}
            h = [[float(x) for x in entropies]] * 2
            ours = rl_zvp([0.0, 0.0], h, [[1] * length] * 2, alpha=1.0)[0].tolist()
            worst = worse(worst, worst_of(abs(a - float(x + above)) for a, x in zip(ours, exact, strict=True)))
    by_hand = _advantages((Fraction(1, 2), Fraction(2)), Fraction(0)) == [Fraction(-3, 2), 0]
    return conclude(
        Evidence(
            "all advantages are negative",
            "responses of up to four tokens of entropies 0, 1/2 and 2",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        controls=[
            Evidence("entropies 1/2 and 2 have -3/2 and 0, α = 1", "by hand", Method.CASES, by_hand),
            Evidence("rl_zvp gives these, to 1e-14", "the same", Method.FLOATS, worst < 1e-14, f"{worst:.1e}"),
        ],
    )
