"""The registry of all claims, and the search for the modules that hold them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from qae_sim.papers import PAPERS
from qae_sim.theory import claims
from qae_sim.theory.claim import Claim, Registry

REGISTRY = Registry()
claim = REGISTRY.add


@cache
def claim_modules() -> tuple[str, ...]:
    """Names of all modules with claims, in the order in which the claims are listed.

    Each package of ``qae_sim.theory.claims`` holds the claims of one paper, which it names as ``PAPER``. Packages come
    in the order of ``qae_sim.papers.PAPERS``, their modules in that of the alphabet.
    """
    papers = list(PAPERS.values())
    packages = [
        import_module(f"{claims.__name__}.{found.name}") for found in iter_modules(claims.__path__) if found.ispkg
    ]
    packages.sort(key=lambda package: papers.index(package.PAPER))
    return tuple(
        f"{package.__name__}.{module}"
        for package in packages
        for module in sorted(found.name for found in iter_modules(package.__path__))
    )


def all_claims() -> dict[str, Claim]:
    """List all claims.

    Returns:
        Claims by identifier, in the order in which pages and tables have them.

    Example:
        >>> len(all_claims()) >= 60
        True
    """
    modules = claim_modules()
    for name in modules:
        import_module(name)
    # Modules import each other, so claims arrive in another order than that of the modules.
    order = {name: place for place, name in enumerate(modules)}
    known = sorted(REGISTRY.claims.values(), key=lambda claim: order[claim.check.__module__])
    return {claim.id: claim for claim in known}
