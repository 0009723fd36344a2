"""The exact and rigorous arithmetic behind the checks: python-flint, and fractions where it is not to be had."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flint import (
        Ordering,
        acb,
        arb,
        arb_poly,
        ctx,
        fmpq,
        fmpq_mpoly_ctx,
        fmpq_poly,
        fmpz,
        fmpz_poly,
    )
else:
    try:
        from flint import (
            Ordering,
            acb,
            arb,
            arb_poly,
            ctx,
            fmpq,
            fmpq_mpoly_ctx,
            fmpq_poly,
            fmpz,
            fmpz_poly,
        )
    except ModuleNotFoundError as missing:
        if missing.name != "flint":
            raise
        from qae_sim.theory.by_fractions import (
            Ordering,
            acb,
            arb,
            arb_poly,
            ctx,
            fmpq,
            fmpq_mpoly_ctx,
            fmpq_poly,
            fmpz,
            fmpz_poly,
        )

__all__ = [
    "Ordering",
    "acb",
    "arb",
    "arb_poly",
    "ctx",
    "fmpq",
    "fmpq_mpoly_ctx",
    "fmpq_poly",
    "fmpz",
    "fmpz_poly",
]
