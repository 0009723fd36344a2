"""The registry that all claims are added to."""

from __future__ import annotations

from importlib import import_module

from qae_sim.theory.claim import Claim, Registry

#: Modules of ``qae_sim.theory.claims`` in the order in which their claims are listed.
MODULES = (
    "quantile_gate",
    "objective",
    "amplification",
    "gradients",
    "speed",
    "sparsity",
    "covariance",
    "entropy_order",
    "finite_steps",
    "bias",
    "probabilities",
    "rectification",
    "scales",
    "continuous_rewards",
    "anchors",
    "mechanism",
    "token_tables",
    "key_tokens",
    "group_estimators",
    "neighbours",
    "informed",
    "parts",
    "digest",
    "unresolved",
)

REGISTRY = Registry()
claim = REGISTRY.add


def all_claims() -> dict[str, Claim]:
    """All claims by identifier.

    Raises:
        ModuleNotFoundError: python-flint is not installed.

    Example:
        >>> len(all_claims()) >= 60
        True
    """
    try:
        for name in MODULES:
            import_module(f"qae_sim.theory.claims.{name}")
    except ModuleNotFoundError as missing:
        if missing.name == "flint":
            raise ModuleNotFoundError(
                "checking claims needs python-flint, which this Python does not have: pip install 'qae_sim[lab]'",
                name="flint",
            ) from missing
        raise
    # Modules import each other, so claims arrive in another order than that of the list.
    order = {f"qae_sim.theory.claims.{name}": place for place, name in enumerate(MODULES)}
    claims = sorted(REGISTRY.claims.values(), key=lambda claim: order[claim.check.__module__])
    return {claim.id: claim for claim in claims}
