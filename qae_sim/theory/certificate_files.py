"""The folder that ``qae-sim verify --certificates`` writes: a file for each claim, an index, and ``check.py``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

import qae_sim
from qae_sim.arrays import invalid
from qae_sim.storage import write_atomically
from qae_sim.theory.certificate_coverage import NARROWER
from qae_sim.theory.claim import Claim, Tier


def certificate_text(claim: Claim) -> str:
    """The file of a claim's certificate, as JSON.

    Args:
        claim: The claim.

    Returns:
        What the file holds.

    Raises:
        ValueError: The claim has no certificate.

    Example:
        >>> from qae_sim.theory import all_claims
        >>> print(certificate_text(all_claims()["estimators.rloo-unbiased"])[:41])
        {
          "claim": "estimators.rloo-unbiased",
    """
    if not claim.certificate:
        raise invalid("claim", claim.id, "a claim with a certificate")
    content = {
        "claim": claim.id,
        "paper": claim.paper.cite,
        "where_in_it": claim.equation,
        "statement": claim.statement,
        "latex": claim.latex,
        "assumptions": list(claim.assumptions),
        "verdict": str(claim.expected),
        "reach": str(claim.tier),
        "condition": claim.condition,
        "proof": claim.proof.splitlines(),
        "reach_of_parts": "; confirmed: ".join(filter(None, (_reach_of_parts(claim), NARROWER.get(claim.id)))),
        "parts": [part.to_dict() for part in claim.certificate],
    }
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


def write_certificates(claims: Sequence[Claim], folder: Path) -> tuple[str, ...]:
    """Write the certificates of claims, an index, and the program that checks them.

    The index has checksums, what of the claim those certificates confirm that confirm less ("covers"), and why claims
    have none ("without").

    ``python FOLDER/check.py FOLDER`` then confirms them, with Python's standard library alone. The index is written
    last, and each file as a whole or not at all; files of an earlier index that are no longer needed are removed.

    Args:
        claims: The claims; for those that have no certificate the index says why.
        folder: Where to; it is made if it is missing.

    Returns:
        Identifiers of the claims whose certificates were written.

    Raises:
        OSError: A file cannot be written.
        ValueError: The folder holds files, and none of them is an index of certificates.
    """
    folder.mkdir(parents=True, exist_ok=True)
    index = folder / "index.json"
    if any(folder.iterdir()) and not index.is_file():
        raise invalid("folder", str(folder), "empty, new, or a folder of certificates, which has an index.json")
    written = {f"{claim.id}.json": certificate_text(claim).encode() for claim in claims if claim.certificate}
    if index.is_file():
        old = json.loads(index.read_text(encoding="utf-8")).get("checksums", {})
        index.unlink()
        for name in set(old) - set(written):
            (folder / Path(name).name).unlink(missing_ok=True)
    for name, content in written.items():
        write_atomically(folder / name, content)
    write_atomically(folder / "check.py", files("qae_sim.theory").joinpath("check.py").read_bytes())
    about = {
        "version": qae_sim.__version__,
        "checksums": {name: hashlib.sha256(content).hexdigest() for name, content in written.items()},
        "covers": {claim.id: NARROWER[claim.id] for claim in claims if claim.id in NARROWER},
        "without": {claim.id: _reason(claim) for claim in claims if not claim.certificate},
    }
    write_atomically(index, (json.dumps(about, ensure_ascii=False, indent=2) + "\n").encode())
    return tuple(claim.id for claim in claims if claim.certificate)


def _reach_of_parts(claim: Claim) -> str:
    """How far the parts of a certificate reach, which can be less far than the claim does."""
    kinds = {part.kind for part in claim.certificate}
    if "counterexample" in kinds:
        return (
            "a counterexample, which settles that the sentence is false as it stands; other parts belong to the proof"
        )
    if kinds == {"enumeration"} and claim.tier is Tier.PROVED:
        return "finitely many cases: that they stand for all others, or what covers the others, is in the proof"
    if kinds == {"enumeration"}:
        return "the cases that are listed"
    return (
        "steps of the proof, as far as their variables and ranges reach; how they make up the sentence is in the proof"
    )


def _reason(claim: Claim) -> str:
    """Why a claim has no certificate."""
    if not claim.tier.exact:
        return f"the claim is {claim.tier}"
    return claim.uncertified or "none has been written"
