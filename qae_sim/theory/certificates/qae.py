"""Certificates of the claims of the QAE paper."""

from __future__ import annotations

from qae_sim.theory.certificates import Part, qae_entropy, qae_gradients, qae_groups, qae_moments

CERTIFICATES: dict[str, tuple[Part, ...]] = (
    qae_entropy.CERTIFICATES | qae_gradients.CERTIFICATES | qae_groups.CERTIFICATES | qae_moments.CERTIFICATES
)
