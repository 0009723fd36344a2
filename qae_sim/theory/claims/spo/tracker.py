"""SPO's tracker: how much it remembers."""

from __future__ import annotations

from qae_sim.advantages import BetaTracker
from qae_sim.theory.claim import Break, CheckOutcome, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.claims.spo import PAPER
from qae_sim.theory.polynomials import ring
from qae_sim.theory.registry import claim


@claim(
    "spo.memory",
    paper=PAPER,
    equation="Beta tracker",
    statement="SPO's tracked rate is an exponential moving mean of the rewards whose window is 1/(1 - ρ) responses.",
    latex=r"a + b = \tfrac{1}{1-\rho} \Rightarrow \hat p^+ = \rho\,\hat p + (1-\rho)\,r",
    assumptions=("ρ below 1 and constant", "a + b has its limit, where the tracker starts"),
    expected=Verdict.CERTIFIED,
    tier=Tier.PROVED,
    origin=Origin.IMPLIED,
    breaks=(Break("a + b = 1 at the start", {"start": "one"}, Verdict.REFUTED),),
)
def memory(quick: bool, *, start: str = "limit") -> CheckOutcome:
    """With N = a + b the new rate is (ρNp + r)/(ρN + 1); at N = 1/(1-ρ) that is ρp + (1-ρ)r, and N stays."""
    rho, p, r = ring("rho", "p", "r")
    # Times (1-ρ)·(ρN + 1): at the limit (1-ρ)N = 1 and (1-ρ)(ρN + 1) = 1.
    n = 1 + 0 * rho if start == "limit" else 1 - rho
    total = rho * n + (1 - rho)
    new = rho * n * p + (1 - rho) * r
    tracker = BetaTracker(4.0, 4.0).update(1.0, 100.0)  # ρ = .875 and a + b = 8
    gap = abs(tracker.rate - (0.875 * 0.5 + 0.125)) + abs(tracker.successes + tracker.failures - 8)
    return conclude(
        Evidence(
            "the new rate is ρp + (1-ρ)r, and a + b stays",
            "every ρ, p and r",
            Method.SYMBOLIC,
            new == total * (rho * p + (1 - rho) * r) and total == n,
            counterexample={} if start == "limit" else {"ρ": 0.875, "p": 0.5, "r": 1, "new rate": 1.4375 / 1.875},
        ),
        Evidence("BetaTracker does, to 1e-14", "ρ = .875, a = b = 4", Method.FLOATS, gap < 1e-14, f"{gap:.1e}"),
    )
