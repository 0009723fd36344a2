"""Certificates of the claims about the digest: groups of ten."""

from __future__ import annotations

from qae_sim.advantages import grpo, qae, quantile_baseline
from qae_sim.theory.certificates import Counterexample, Enumeration, Identity, Part, Tie

#: One winner among ten, and the baseline of K = .4.
_LONE = {"r": "[1 if i < 1 else 0 for i in range(10)]", "b": "sorted(r)[ceil(2/5*10) - 1]"}
_FIRST = {**_LONE, "r": "[1 if i < 9 else 0 for i in range(10)]"}


def _ten(winners: int) -> list[float]:
    """Ten rewards."""
    return [1.0] * winners + [0.0] * (10 - winners)


CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "digest.lone-winner": (
        Counterexample(
            "the winner's squared advantage (1-p)/p is below each loser's, p/(1-p)",
            "(1 - p)/p < p/(1 - p)",
            at={"p": "1/10"},
            ties=(
                Tie("sqrt((1 - n/10)/(n/10))", lambda n: float(grpo(_ten(n), eps=0.0)[0]), {"n": (1, 9)}),
                Tie("-sqrt((n/10)/(1 - n/10))", lambda n: float(grpo(_ten(n), eps=0.0)[9]), {"n": (1, 9)}),
            ),
        ),
    ),
    "digest.huge-thumbs-up": (
        Counterexample(
            "the ratio 1/(1-p) of the winner's advantages is 2 at least",
            "1/(1 - p) >= 2",
            at={"p": "1/10"},
            ties=(
                Tie(
                    "1/(1 - n/10)",
                    lambda n: float(qae(_ten(n), k=0.4)[0] / grpo(_ten(n))[0]),
                    {"n": (1, 6)},
                ),
            ),
        ),
    ),
    "digest.losers-ignored": (
        Enumeration(
            "the losers' rewards less the K-quantile, K = .4, are 0",
            "all(x - b == 0 for x in r if x == 0)",
            where=_LONE,
            ties=(Tie("b", lambda: float(quantile_baseline(_ten(1), 0.4)), {}),),
        ),
    ),
    "digest.winners-ignored": (
        Enumeration(
            "the winners' rewards less the K-quantile are 0, and the loser's squared advantage is (1/.3)²",
            "all(x - b == 0 for x in r if x == 1) and (0 - b)**2/(9/10 - (9/10)**2) == (10/3)**2 and 0 - b < 0",
            where=_FIRST,
            ties=(Tie("-sqrt((0 - b)**2/(9/100))", lambda: float(qae(_ten(9), k=0.4, eps=0.0)[9]), {}),),
        ),
    ),
    "digest.top-40-percent": (
        Counterexample(
            "four of ten rewards are above the K-quantile, K = .4",
            "len([x for x in r if x > b]) == 4",
            where=_LONE,
        ),
    ),
    "digest.stops-punishing": (
        Counterexample(
            "the squared penalty p/(1-p) falls as the average rises from p to q",
            "q/(1 - q) <= p/(1 - p)",
            at={"p": "1/10", "q": "9/10"},
            ties=(Tie("-sqrt((n/10)/(1 - n/10))", lambda n: float(grpo(_ten(n), eps=0.0)[9]), {"n": (1, 9)}),),
        ),
    ),
    "digest.everyone-poorly": (
        Counterexample("nobody is above the mean", "all(x - sum(r)/10 <= 0 for x in r)", where=_LONE),
        Identity(
            "n winners of 1 - n/G and G - n losers of -n/G add up to 0",
            "n*(1 - n/G) + (G - n)*(0 - n/G) == 0",
            variables=("n", "G"),
        ),
    ),
    "digest.middle-attempts": (
        Counterexample(
            "what equals the K-quantile lies between the least and the greatest reward",
            "all(min(r) < x < max(r) for x in r if x == b)",
            where=_LONE,
        ),
        Enumeration(
            "and so in no mixed group of up to nine, K = .1 to .9",
            "not any(0 < x < 1 for x in r if x == b) and any(x == b for x in r)",
            where={
                "r": "[1 if i < n else 0 for i in range(G)]",
                "b": "sorted(r)[ceil(tenths/10*G) - 1]",
            },
            cases={"G": "range(2, 10)", "n": "range(1, G)", "tenths": "range(1, 10)"},
            count=324,
        ),
    ),
    "digest.saves-energy": (
        Enumeration(
            "a group of four has a reward that differs from the K-quantile exactly if one differs from the mean",
            "any(x != sorted(r)[ceil(2/5*4) - 1] for x in r) == any(x != sum(r)/4 for x in r)",
            cases={"r": "tuples([0, 1], 4)"},
            count=16,
        ),
        Counterexample(
            "so both need 4/(1 - p⁴ - (1-p)⁴) responses on average, and QAE does not need fewer than GRPO's 32/7",
            "4/(1 - p**4 - (1 - p)**4) < 32/7",
            at={"p": "1/2"},
        ),
    ),
}
