"""``python -m qae_sim.theory.coq``: compile all theorems, and compare the axioms that each rests on with the table.

With ``--record`` the checksums of the files are then written down, by which ``qae-sim verify`` knows them; without it
they are compared with what is written.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence

from qae_sim.theory.coq import CoqMissingError, CoqRejectedError, check, not_recorded, record


def main(arguments: Sequence[str] = ()) -> int:
    """Print each theorem with its axioms; 1 if Coq is missing, rejects a file, names other axioms, or has not seen it.

    Args:
        arguments: ``--record`` writes the checksums of the files.
    """
    start = time.perf_counter()
    try:
        outcomes = check()
    except (CoqMissingError, CoqRejectedError) as error:
        print(error, file=sys.stderr)
        return 1
    for outcome in outcomes:
        theorem = outcome.theorem
        axioms = ", ".join(sorted(axiom.rpartition(".")[2] for axiom in outcome.axioms))
        word = "refutes" if theorem.refutes else "proves"
        print(f"{theorem.path.name}: {theorem.name} {word} {theorem.claim}; axioms: {axioms or 'none'}")
        if not outcome.as_expected:
            print(f"  DIFFERENT: the table has {', '.join(sorted(theorem.axioms)) or 'none'}")
    different = sum(not outcome.as_expected for outcome in outcomes)
    end = f"{different} with other axioms than in the table" if different else "all with the axioms of the table"
    print(f"{len(outcomes)} theorems in {time.perf_counter() - start:.0f} s, {end}")
    if different:
        return 1
    if "--record" in arguments:
        record()
        return 0
    if changed := not_recorded():
        print(f"not those of compiled.toml: {', '.join(changed)}; --record writes it", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
