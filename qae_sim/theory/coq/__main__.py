"""``python -m qae_sim.theory.coq``: compile all theorems, and compare the axioms that each rests on with the table."""

from __future__ import annotations

import sys
import time

from qae_sim.theory.coq import CoqMissingError, CoqRejectedError, check


def main() -> int:
    """Print each theorem with its axioms; 1 if Coq is missing, rejects a file, or names other axioms."""
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
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
