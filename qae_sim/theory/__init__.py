"""Claims of the papers, each with a check that can be run: certified, conditional, or refuted by a counterexample.

>>> from qae_sim.theory import verify
>>> print(verify(["qae.eq4"], quick=True)["qae.eq4"].outcome.verdict)
certified

The arithmetic is exact or rigorous (python-flint); ``qae-sim verify`` runs everything.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qae_sim.theory.claim import Break, CheckOutcome, Claim, Evidence, Method, Origin, Tier, Verdict, conclude
from qae_sim.theory.implicit_length import expected_credit, length_pressure
from qae_sim.theory.registry import all_claims
from qae_sim.theory.truth import Truth
from qae_sim.theory.verify import Report, VerifiedClaim, broken, markdown_table, verify

if TYPE_CHECKING:
    from qae_sim.theory.certified import Proof, integral, interval, largest, prove_positive
    from qae_sim.theory.polynomials import real_roots, sign_between

#: What needs python-flint, by module.
_ARITHMETIC = {
    "Proof": "certified",
    "integral": "certified",
    "interval": "certified",
    "largest": "certified",
    "prove_positive": "certified",
    "real_roots": "polynomials",
    "sign_between": "polynomials",
}

__all__ = [
    "Break",
    "CheckOutcome",
    "Claim",
    "Evidence",
    "Method",
    "Origin",
    "Proof",
    "Report",
    "Tier",
    "Truth",
    "Verdict",
    "VerifiedClaim",
    "all_claims",
    "broken",
    "conclude",
    "expected_credit",
    "integral",
    "interval",
    "largest",
    "length_pressure",
    "markdown_table",
    "prove_positive",
    "real_roots",
    "sign_between",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load the rigorous arithmetic when it is first asked for."""
    if name in _ARITHMETIC:
        return getattr(import_module(f"qae_sim.theory.{_ARITHMETIC[name]}"), name)
    raise AttributeError(f"module 'qae_sim.theory' has no attribute {name!r}")
