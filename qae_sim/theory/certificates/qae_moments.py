"""Certificates of the claims about mean and variance of QAE's gradient at finite G."""

from __future__ import annotations

from collections.abc import Mapping

from qae_sim.advantages import expected_advantages
from qae_sim.theory.certificates import Enumeration, Identity, Part, Sign, Tie

#: Mean and mean square of the coefficient of QAE, hard up to N successes, and of GRPO.
_MOMENTS: Mapping[str, str] = {
    "chance(n)": "binomial(G, n) * p**n * (1 - p)**(G - n)",
    "c(n, N)": "(1 - p)*sqrt(n/(G - n)) if n <= N else p*sqrt((G - n)/n)",
    "mean(N)": "sum(chance(n)*c(n, N) for n in range(1, G))",
    "square(N)": "sum(chance(n)*c(n, N)**2 for n in range(1, G))",
    "grpo": "sum(chance(n)*sqrt(n*(G - n))/G for n in range(1, G))",
    "grpo_square": "sum(chance(n)*n*(G - n)/G**2 for n in range(1, G))",
}
#: nm times the mean square of a hard less that of an easy group; v and w are the variances of the score by side.
_GAP: Mapping[str, str] = {"gap(n, m)": "n*(n*(1 - p)**2*D + v) - m*(m*p**2*D + w)"}
_TIES = (
    Tie(
        "mean(floor(3/5*G))",
        lambda p, G: float(expected_advantages("qae", p, G, k=0.4, eps=0.0).c),  # noqa: N803  # the certificate's name
        {"p": ("1/20", "19/20"), "G": (2, 9)},
    ),
    Tie(
        "grpo",
        lambda p, G: float(expected_advantages("grpo", p, G, eps=0.0).c),  # noqa: N803
        {"p": ("1/20", "19/20"), "G": (2, 9)},
    ),
)

CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "qae.least-mean-square": (
        Identity(
            "nm times the difference of the mean squares of a hard and an easy group rises as one more is correct, by "
            "a sum of terms that are not negative",
            "gap(n + 1, m - 1) - gap(n, m) == v + w + D*((1 - p)**2*(2*n + 1) + p**2*(2*m - 1))",
            where=_GAP,
            variables=("n", "m", "p", "D", "v", "w"),
        ),
        Identity(
            "at n = Gp it is G(pv - (1-p)w), and at n : m = w : v of the opposite sign",
            "gap(G*p, G*(1 - p)) == G*(p*v - (1 - p)*w) and gap(w, v) == -D*(p*v - (1 - p)*w)*(p*v + (1 - p)*w)",
            where=_GAP,
            variables=("G", "p", "D", "v", "w"),
        ),
        Enumeration(
            "nm times the difference of the mean squares is the gap: all groups of two correct arms of chances 1/2 and "
            "1/10 and two wrong ones of 3/10 and 1/10",
            "sum(weight(g)*(norm(g, 1) - norm(g, 0)) for g in groups)/sum(weight(g) for g in groups) == gap(n, G - n)",
            where={
                **_GAP,
                "pi": "[1/2, 1/10, 3/10, 1/10]",
                "correct(a)": "1 if a < 2 else 0",
                "groups": "[g for g in tuples(range(4), G) if sum(correct(a) for a in g) == n]",
                "weight(g)": "product(pi[a] for a in g)",
                "norm(g, r)": "sum((len([b for b in g if b == a]) * (1 if correct(a) == r else 0)"
                " - len([b for b in g if correct(b) == r])*pi[a])**2 for a in range(4))",
                "p": "3/5",
                "D": "(5/6)**2 + (1/6)**2 + (3/4)**2 + (1/4)**2",
                "v": "1 - (5/6)**2 - (1/6)**2",
                "w": "1 - (3/4)**2 - (1/4)**2",
            },
            cases={"G": "range(2, 4)", "n": "range(1, G)"},
            count=3,
        ),
    ),
    "qae.least-noise-k": (
        Sign(
            "the mean square over the squared mean of the gate up to N = j successes is below that of every other, "
            "from .001 above p = j/G to .001 below (j+1)/G; the other half of p by swapping the arms",
            "square(N)*mean(j)**2 - square(j)*mean(N)**2 > 0",
            where=_MOMENTS,
            cases={"G": "range(3, 7)", "j": "range(floor((G + 1)/2))", "N": "range(G)"},
            only="N != j",
            count=37,
            over={"p": ("j/G + 1/1000", "(j + 1)/G - 1/1000")},
            ties=_TIES,
        ),
    ),
    "qae.small-groups-grpo-less-noisy": (
        Sign(
            "GRPO's mean square over squared mean is below that of every gate, from p = .001 to 1/2; the other half "
            "by swapping the arms",
            "square(N)*grpo**2 - grpo_square*mean(N)**2 > 0",
            where=_MOMENTS,
            cases={"G": "range(4, 7)", "N": "range(G)"},
            count=15,
            over={"p": ("1/1000", "1/2")},
            ties=_TIES,
        ),
        Enumeration(
            "at G = 7 and p = .208 it is above that of the gate up to one success",
            "square(1)*grpo**2 < grpo_square*mean(1)**2",
            where={**_MOMENTS, "G": "7", "p": "208/1000"},
        ),
    ),
}
