"""Certificates of the claims about HA-DW."""

from __future__ import annotations

from qae_sim.advantages import ha_dw_weights
from qae_sim.theory.certificates import Counterexample, Enumeration, Identity, Part, Sign, Tie

#: Chances of k successes, and of a mixed group; the sum of p̂ over mixed groups, and its mean given that one is mixed.
_GROUPS = {
    "chance(k)": "binomial(G, k) * p**k * (1 - p)**(G - k)",
    "A": "1 - (1 - p)**G - p**G",
    "counted": "sum(k/G * chance(k) for k in range(1, G))",
}
#: The same with the powers of degree G - 1 as variables P and Q, for every G.
_EVERY = {"A": "1 - (1 - p)*Q - p*P", "counted": "p - p*P"}
#: Sums over the others' successes m, given a correct own response.
_OWN = {
    "others(m)": "binomial(G - 1, m) * p**m * (1 - p)**(G - 1 - m)",
    "own": "sum((m + 1)/G * others(m) for m in range(G - 1))",
}
_SIZES = {"G": "range(2, 17)"}
_MEAN = {
    "A(p, G)": "1 - (1 - p)**G - p**G",
    "m(p, G)": "p*(1 - p**(G - 1))/A(p, G)",
    "square(G)": "log(2/(1/20*A(1/10, G)))/(2*G)",  # of the half-width at Δ = 1/10, δ = 1/20
}
_HOEFFDING = Identity(
    "Hoeffding: N²·L'' = pE(1-p) with N = 1 - p + pE; 1 - 4v(1-v) = (1-2v)²; the exponent s²/8 - sz at s = 4z; and the "
    "derivative of A for powers P and Q of degree n = G - 1, whose derivatives are nP/p and -nQ/(1-p)",
    "p*E*(1 - p + p*E) - (p*E)**2 == p*E*(1 - p) and 1 - 4*v*(1 - v) == (1 - 2*v)**2 and (4*z)**2/8 - 4*z*z == -2*z**2 "
    "and Q - (1 - p)*(-n*Q/(1 - p)) - (P + p*n*P/p) == (n + 1)*(Q - P)",
    variables=("p", "E", "v", "z", "n", "P", "Q"),
)
_FACTOR = Identity(
    "c·p̂ has the mean p + e at c = (p + e)A/(p(1 - P))",
    "(p + e)*A/(p*(1 - P)) * counted/A == p + e",
    where=_EVERY,
    variables=("p", "P", "Q", "e"),
)
_WIDTH = Identity("with exp(-2Gz²) = dA/2 Lemma 4's bound is 1 - d", "(A - 2*(d*A/2))/A == 1 - d", variables=("A", "d"))
#: Ends of the helpful λ given the own reward r, times the mean e of Â·exp(DM).
_HELPFUL = {
    "chance(k, r)": "binomial(8, k) * p**k * (1 - p)**(8 - k) * (k/8 if r == 1 else 1 - k/8)",
    "whole(r)": "sum(chance(k, r) for k in range(1, 8))",
    "plain(r)": "sum(chance(k, r)*(r - k/8) for k in range(1, 8))/whole(r)",
    "moved(r)": "sum(chance(k, r)*(r - k/8)*exp((1 if r == 1 else -1)*(1/2 - k/8)) for k in range(1, 8))/whole(r)",
    "near(r)": "abs(plain(r) - (r - p))",
    "ends(r)": "sorted([(r - p - near(r))/moved(r), (r - p + near(r))/moved(r)])",
}
_WEIGHTS = {
    "sgn(x)": "0 if x == 0 else (1 if x > 0 else -1)",
    "exponent(r)": "-sgn(r - k/G)*sgn(k/G - C)*abs(k/G - C)",
}
#: Integral of the chance of k successes from a to b.
_AREAS = {
    "power(k, i, a, b)": "binomial(G, k)*binomial(G - k, i)*(-1)**i*(b**(k + i + 1) - a**(k + i + 1))/(k + i + 1)",
    "area(k, a, b)": "sum(power(k, i, a, b) for i in range(G - k + 1))",
    "above(j, end)": "sum(area(k, j/G, min((j + 1)/G, end)) for k in range(j + 1, G)) if j/G < end else 0",
    "mixed(end)": "sum(area(k, 0, end) for k in range(1, G))",
    "average(end)": "sum(above(j, end) for j in range(G))/mixed(end)",
}
#: Averages over uniform p below an end, from below: pieces (j/G, (j+1)/G) in steps.
_LOWER = {
    "steps": "128 if G == 8 and end == 1/4 else 16",
    "c(k, p)": "binomial(G, k)*p**k*(1 - p)**(G - k)",
    "likely(j, p)": "sum(c(k, p) for k in range(j + 1, G))/sum(c(k, p) for k in range(1, G))",
    "wide(j, end)": "min((j + 1)/G, end) - j/G",
    "step(j, end, i)": "likely(j, j/G + i*wide(j, end)/steps)*wide(j, end)/steps",
    "piece(j, end)": "wide(j, end) if j == 0 else sum(step(j, end, i) for i in range(steps))",
    "lower(end)": "sum(piece(j, end) for j in range(G) if j/G < end)/end",
}
#: The exact integral over (0, 1) of a polynomial "integrand" of degree below 2·last, by trapezoidal sums.
_INTEGRAL = {
    "trapezoid(n)": "((integrand(0) + integrand(1))/2 + sum(integrand(i/n) for i in range(1, n)))/n",
    "share(n, last)": "product(n**2/(n**2 - i**2) for i in range(1, last + 1) if i != n)",
    "integral(last)": "sum(share(n, last)*trapezoid(n) for n in range(1, last + 1))",
}


def _extrapolated(*last: int) -> Enumeration:
    """That the integrals of polynomials of degree below 2·last are exact."""
    return Enumeration(
        "trapezoidal sums of 1 to last steps, so weighted, are exact integrals from 0 to 1: those of all powers below "
        "2·last, and so those of all polynomials of such degrees",
        "integral(last) == 1/(n + 1)",
        where=_INTEGRAL | {"integrand(x)": "x**n"},
        cases={"last": f"{list(last)}", "n": "range(2*last)"},
        count=2 * sum(last),
    )


#: Near 1/A, in powers of (1-2p)²; and by it the entries of the tables, p = (j + wide·x)/G from 1/G to the end.
_NEAR = {
    "A(p)": "1 - (1 - p)**G - p**G",
    "c": "[1142861, 978833, 1026575, 749748, 2000489] if G == 4 else ("
    "[1032260, 499068, 755643, 447061, 1787078, -2498526, 4488476] if G == 6 else "
    "[1007871, 222882, 579927, 812605, -1678728, 7848550, -12155000, 9721839])",
    "powers(c, y)": "sum(c[i]*y**i for i in range(len(c)))/1000000",
    "near(p)": "powers(c, (1 - 2*p)**2)",
}
_ENTRIES = {
    "likely(j, p)": "sum(binomial(G, k)*p**k*(1 - p)**(G - k) for k in range(j + 1, G))*near(p)",
    "wide(j)": "min((j + 1)/G, end) - j/G",
    "integrand(x)": "sum(wide(j)*likely(j, j/G + wide(j)*x) for j in range(1, ceil(G*end)))",
    "entry": "(1/G + integral(12))/end",
}
#: Theorem 4 for a polynomial density f with the primitives F of f and M of x·f: the mean times the chance of a group
#: that does not count, less its mean there. It has the sign of the bias.
_GAP = {
    "gap(u, q, m)": "f(u)*q**(G - 2)*(G*mean*q - u*q - (G - 1)*m)",
    "between(u, v)": "gap(u, F(v) - F(u), M(v) - M(u))",
    "integrand(x)": "9/10*between(9/10*x, 9/10*x + 1/10) + 1/10*between(9/10 + 1/10*x, 1)",
}
_BETA = {
    "f(x)": "x**(a - 1)*(1 - x)**(b - 1)",
    "F(x)": "sum(binomial(b - 1, i)*(-1)**i*x**(a + i)/(a + i) for i in range(b))",
    "M(x)": "sum(binomial(b - 1, i)*(-1)**i*x**(a + 1 + i)/(a + 1 + i) for i in range(b))",
    "mean": "a/(a + b)",
    "last": "floor(G*(a + b - 1)/2) + 1",
}
#: The same less w times the chance that the group counts: it has the sign of the bias less w.
_ABOVE = {
    "gap(u, q, m)": "f(u)*q**(G - 2)*(G*(mean + w)*q - u*q - (G - 1)*m)",
    "above": "integral(last) - w*(factorial(a - 1)*factorial(b - 1)/factorial(a + b - 1))**G",
}
#: exp(-2x²), x the distance from the mean m of a normal of scale 1/2, by powers up to x¹⁰; M of x·f.
_NORMAL = {
    "e(y, c)": "c[0] + y*(c[1] + y*(c[2] + y*(c[3] + y*(c[4] + y*c[5]))))",
    "f(x)": "e((x - m)**2, c)",
    "F(x)": "(x - m)*e((x - m)**2, d)",
    "M(x)": "m*F(x) + (x - m)**2*e((x - m)**2, g)",
    "off": "(2*(1 - m)**2)**6/720/f(1)",
    "least": "(M(1) - M(0))/(F(1) - F(0)) - ((1 + off)**4*(1 + 2*off) - 1)",
}
_ONE_OF_MIXED = {"f(x)": "x*(1 - x/G)**(G - 1)/(1 - (1 - x/G)**G - (x/G)**G)"}
_ADAM = Identity(
    "moments Lm and L²v with a gradient Lg give L times m⁺ and L² times v⁺",
    "b*(L*m) + (1 - b)*(L*g) == L*(b*m + (1 - b)*g) and c*(L**2*v) + (1 - c)*(L*g)**2 == L**2*(c*v + (1 - c)*g**2)",
    variables=("L", "m", "v", "g", "b", "c"),
)


def _weight(k: int, G: int, C: float, **_: float) -> float:  # noqa: N803  # the certificate's names
    """The project's weight of a correct response."""
    k = min(k, G - 1)
    rewards = [1.0] * k + [0.0] * (G - k)
    return float(ha_dw_weights(rewards, [r - k / G for r in rewards], C, lambda_scale=1.0).Phi[0])


CERTIFICATES: dict[str, tuple[Part, ...]] = {
    "ha-dw.theorem1": (
        Identity(
            "the bias times A is p(1-p)(Q - P), for every G",
            "counted - p*A == p*(1 - p)*(Q - P)",
            where=_EVERY,
            variables=("p", "P", "Q"),
        ),
        Identity(
            "the sum over mixed groups has this form",
            "counted == p - p**G and sum(chance(k) for k in range(1, G)) == A",
            where=_GROUPS,
            cases=_SIZES,
            count=15,
            variables=("p",),
        ),
        Sign(
            "Q > P below 1/2, and A is positive",
            "(1 - p)**(G - 1) > p**(G - 1) and A > 0",
            where=_GROUPS,
            cases=_SIZES,
            count=15,
            over={"p": ("0", "1/2")},
        ),
    ),
    "ha-dw.theorem1-own-reward": (
        Counterexample(
            "on an easy prompt the mean of p̂ given a correct own response is below p",
            "own/(1 - p**(G - 1)) < p",
            where=_OWN,
            at={"G": "3", "p": "11/20"},
        ),
    ),
    "ha-dw.own-reward-threshold": (
        Identity(
            "the bias given a correct response, for every G",
            "((G - 1)*p + 1 - G*P - G*p*(1 - P))/(G*(1 - P)) == (1 - p)*(1 - G*P)/(G*(1 - P))",
            variables=("p", "P", "G"),
        ),
        Identity(
            "the sum over the others' successes has this form",
            "G*own == (G - 1)*p + 1 - G*p**(G - 1)",
            where=_OWN,
            cases=_SIZES,
            count=15,
            variables=("p",),
        ),
    ),
    "ha-dw.lemma2": (
        Identity(
            "the bias times A",
            "counted - p*A == p*(1 - p)**G + p**(G + 1) - p**G",
            where=_GROUPS,
            cases=_SIZES,
            count=15,
            variables=("p",),
        ),
        Identity(
            "antisymmetric about 1/2",
            "f(p) == -f(1 - p)",
            where={"f(p)": "p*(1 - p)**G + p**(G + 1) - p**G"},
            cases=_SIZES,
            count=15,
            variables=("p",),
        ),
    ),
    "ha-dw.bias-grows": (
        Identity(
            "the mean of p̂ is s/(s + t) with the geometric sums s of p and t of 1-p",
            "(p - p**G)*(s + t) == s*A",
            where=_GROUPS | {"s": "sum(p**i for i in range(G - 1))", "t": "sum((1 - p)**i for i in range(G - 1))"},
            cases=_SIZES,
            count=15,
            variables=("p",),
        ),
        Identity(
            "A² less the numerator of the derivative of p(1-P)/A, with n = G - 1, (pP)' = (n+1)P, ((1-p)Q)' = -(n+1)Q",
            "A**2 - (1 - P - n*P)*A + p*(1 - P)*(n + 1)*(Q - P) == n*((1 - p)*(1 - Q)*P + p*(1 - P)*Q) "
            "- (Q - P)*((1 - p)**2*(1 - Q) - p**2*(1 - P))",
            where=_EVERY,
            variables=("p", "P", "Q", "n"),
        ),
        Sign(
            "t/s rises with G below 1/2",
            "t(G + 1)*s(G) > t(G)*s(G + 1)",
            where={"s(G)": "sum(p**i for i in range(G - 1))", "t(G)": "sum((1 - p)**i for i in range(G - 1))"},
            cases={"G": "range(2, 12)"},
            count=10,
            over={"p": ("0", "1/2")},
        ),
    ),
    "ha-dw.debiasing-factor": (
        Identity(
            "A/(1-P) removes the bias; it differs from 1 by (1-p)(P-Q)/(1-P)",
            "A/(1 - P) * counted/A == p and A/(1 - P) - 1 == (1 - p)*(P - Q)/(1 - P)",
            where=_EVERY,
            variables=("p", "P", "Q"),
        ),
    ),
    "ha-dw.too-little-effort": (
        Counterexample(
            "the speed over p(1-p) of the hard prompt is below that of the easy one",
            "speed(p) < speed(1 - p)",
            where={"speed(p)": "sum(binomial(8, k)*p**k*(1 - p)**(8 - k)*k*(8 - k) for k in range(1, 8))/(p*(1 - p))"},
            at={"p": "1/10"},
        ),
        Identity(
            "E[k(G-k)] for every G, by the mean and the second factorial moment",
            "G*(G*p) - (G*(G - 1)*p**2 + G*p) == G*(G - 1)*p*(1 - p)",
            variables=("p", "G"),
        ),
    ),
    "ha-dw.lemma3": (_FACTOR,),
    "ha-dw.lemma4": (_HOEFFDING,),
    "ha-dw.lemma5": (_HOEFFDING, _WIDTH),
    "ha-dw.lemma1": (_FACTOR, _HOEFFDING, _WIDTH),
    "ha-dw.lemma1-usable": (
        Enumeration("the half-width is above 2/5: I_t is all of [1/10, 9/10]", "square(8) > (2/5)**2", where=_MEAN),
        Counterexample(
            "what c needs at p = 9/10 is below what it may be at p = 1/10",
            "(9/10 - e)/m(9/10, 8) < (1/10 + e)/m(1/10, 8)",
            where=_MEAN,
            at={"e": "1/20"},
        ),
    ),
    "ha-dw.lemma1-exact": (
        Identity(
            "m - (p-e) = e + b, (p+e) - m = e - b; at 1-D and D the ends of c less 1",
            "(p + b) - (p - e) == e + b and (p + e) - (p + b) == e - b "
            "and (1 - D - e)/(1 - D - b) - 1 == (b - e)/(1 - D - b) and (D + e)/(D + b) - 1 == (e - b)/(D + b)",
            variables=("p", "b", "e", "D"),
        ),
    ),
    "ha-dw.theorem3": (
        Counterexample(
            "c = 21/20 reduces the bias at p = 2/5",
            "abs(21/20*m(p, 8) - p) < abs(m(p, 8) - p)",
            where=_MEAN,
            at={"p": "2/5"},
        ),
        Enumeration(
            "it is between the ends of Lemma 1 at e = 1/10 for all of these p",
            "(p - 1/10)/m(p, 8) < 21/20 < (p + 1/10)/m(p, 8)",
            where=_MEAN,
            cases={"p": "[i/100 for i in range(10, 91)]"},
            count=81,
        ),
        Identity(
            "inside the interval the error is e(2t - 1)",
            "(p - e) + 2*e*t - p == e*(2*t - 1)",
            variables=("p", "e", "t"),
        ),
    ),
    "ha-dw.theorem3-vacuous": (
        Counterexample(
            "some group of up to 8 is farther from 1/2 than the half-width",
            "any([any([(k/g - 1/2)**2 > square(g) for k in range(1, g)]) for g in range(2, G)])",
            where=_MEAN,
            at={"G": "9"},
        ),
        Enumeration("one success of 12 is", "(1/12 - 1/2)**2 > square(12)", where=_MEAN),
        Identity("c below 1 where p < m", "(1 - 2*t*(1 - p/m))*m - p == (m - p)*(1 - 2*t)", variables=("p", "m", "t")),
    ),
    "ha-dw.unbiased-from-groups": (
        Enumeration(
            "the coefficient of p^(G+1) in p·A(p), by differences, is -(-1)^G - 1",
            "sum((-1)**(G + 1 - j)*binomial(G + 1, j)*j*(1 - (1 - j)**G - j**G) for j in range(G + 2)) "
            "== (-(-1)**G - 1)*factorial(G + 1)",
            cases=_SIZES,
            count=15,
        ),
        Identity(
            "f of G = 3 and 5 has the sum p·A(p)",
            "sum(f[k]*chance(k) for k in range(G + 1)) == p*A",
            where=_GROUPS | {"f": "[0, 0, 1, 0] if G == 3 else [0, 0, 1/2, 1/2, 1, 0]"},
            cases={"G": "[3, 5]"},
            count=2,
            variables=("p",),
        ),
    ),
    "ha-dw.eliminates-bias": (
        Enumeration(
            "over 1-p, at p = 1, the sums over others' successes leave λe^(C-p̂)/G, which is not A = 0",
            "all([binomial(G - 1, m)*0**(G - 2 - m)/(G - 1)*(1 - (m + 1)/G) == (1/G if m == G - 2 else 0) "
            "for m in range(G - 1)])",
            cases=_SIZES,
            count=15,
        ),
    ),
    "ha-dw.theorem4": (
        Identity(
            "uniform rewards: q is s below 1-s and then falls to 0; both pieces are the law of the range",
            "G*s**(G - 1)*(1 - s) + s**G == G*s**(G - 1) - (G - 1)*s**G",
            cases=_SIZES,
            count=15,
            variables=("s",),
        ),
    ),
    "ha-dw.corollary4": (
        Identity(
            "(α+β)r is α less the derivative of r^α(1-r)^β over the density",
            "(a + b)*r == a - (a*(1 - r) - b*r)",
            variables=("a", "b", "r"),
        ),
    ),
    "ha-dw.corollary5": (
        Identity(
            "-x·g with g' = -(r-m)/x·g has the derivative (r-m)·g",
            "-x*(-(r - m)/x) == r - m",
            variables=("x", "r", "m"),
        ),
    ),
    "ha-dw.theorem2": (
        Enumeration(
            "k/G - p > e exactly if k >= floor(G(p+e)) + 1, and p - k/G > e exactly if k <= ceil(G(p-e)) - 1",
            "all([(1 if k/G - p > e else 0) == (1 if k >= floor(G*(p + e)) + 1 else 0) "
            "and (1 if p - k/G > e else 0) == (1 if k <= ceil(G*(p - e)) - 1 else 0) for k in range(G + 1)])",
            cases={"G": "range(2, 9)", "p": "[i/8 for i in range(1, 8)]", "e": "[i/16 for i in range(8)]"},
            count=392,
        ),
    ),
    "ha-dw.corollary1": (
        Enumeration(
            "lower sums of the averages: more than j successes are the likelier the larger p is, so that in each step "
            "the value at its left end is the least",
            "lower(end) > (63/100 if end == 1/2 else 78/100)",
            where=_LOWER,
            cases={"G": "range(2, 9)", "end": "[1/2, 1/4]"},
            count=14,
        ),
    ),
    "ha-dw.corollary1-weighted": (
        Counterexample(
            "the weighted averages of groups of 8 are above .63 and .78",
            "average(1/2) > 63/100 or average(1/4) > 78/100",
            where=_AREAS,
            at={"G": "8"},
        ),
        Enumeration("by hand: groups of three", "average(1/2) == 311/432", where=_AREAS, cases={"G": "[3]"}),
    ),
    "ha-dw.corollary2-weighted": (
        Counterexample(
            "the weighted average of groups of 6, p below 2/6, is above .78",
            "average(2/G) > 78/100",
            where=_AREAS,
            at={"G": "6"},
        ),
    ),
    "ha-dw.corollary3": (
        Identity(
            "1 + j successes at p = x/G, and at p = 1 - x/G",
            "(1 + j) - x == (1 - x) + j and (G - x) - (1 + j) == (1 - x) + (G - 2 - j)",
            variables=("G", "j", "x"),
        ),
    ),
    "ha-dw.theorem3-weights": (
        Identity(
            "both weights turn r - q into r - cq",
            "(1 + (1 - c)*q/(1 - q))*(1 - q) == 1 - c*q and c*(0 - q) == 0 - c*q",
            variables=("c", "q"),
        ),
    ),
    "ha-dw.theorem3-one-scale": (
        Counterexample(
            "on the hard prompt the intervals of correct and wrong responses have a λ in common",
            "max(ends(1)[0], ends(0)[0]) < min(ends(1)[1], ends(0)[1])",
            where=_HELPFUL,
            at={"p": "1/4"},
        ),
    ),
    "ha-dw.theorem3-union": (
        Counterexample(
            "λ = 6/5 helps both",
            "ends(0)[0] < 6/5 < ends(0)[1] and ends(1)[0] < 6/5 < ends(1)[1]",
            where=_HELPFUL,
            at={"p": "3/10"},
        ),
        Enumeration(
            "it is in the interval of wrong responses",
            "ends(0)[0] < 6/5 < ends(0)[1]",
            where=_HELPFUL,
            cases={"p": "[3/10]"},
        ),
    ),
    "ha-dw.scale-1.3": (
        Counterexample(
            "λ = 13/10 helps correct responses",
            "ends(1)[0] < 13/10 < ends(1)[1]",
            where=_HELPFUL,
            at={"p": "1/10"},
        ),
    ),
    "ha-dw.theorem3-marginal": (
        Counterexample(
            "the mean weighted advantage and the bias have one sign at C = 7/10",
            "pull*lean > 0",
            where={
                "chance(k)": "binomial(8, k)*p**k*(1 - p)**(8 - k)",
                "pull": "sum(chance(k)*k/8*(1 - k/8)*(exp(7/10 - k/8) - exp(k/8 - 7/10)) for k in range(1, 8))",
                "lean": "sum(chance(k)*(k/8 - p) for k in range(1, 8))",
            },
            at={"p": "3/5"},
        ),
        Sign(
            "C = 1/2: of k and G-k successes the fewer are likelier below 1/2, and their C - p̂ are opposite",
            "p**k*(1 - p)**(G - k) > p**(G - k)*(1 - p)**k and (1/2 - k/G) + (1/2 - (G - k)/G) == 0",
            cases={"G": "range(3, 14)", "k": "[i for i in range(1, G) if 2*i < G]"},
            count=36,
            over={"p": ("0", "1/2")},
        ),
    ),
    "ha-dw.directions": (
        Enumeration(
            "the exponents are C - p̂ and p̂ - C, and at most 1 - 1/G in size",
            "exponent(1) == C - k/G and exponent(0) == k/G - C and abs(exponent(1)) <= 1 - 1/G",
            where=_WEIGHTS,
            cases={"G": "range(2, 10)", "k": "range(1, G)", "C": "[i/10 for i in range(11)]"},
            count=396,
            ties=(Tie("exp(C - min(k, G - 1)/G)", _weight, {"G": (2, 9), "k": (1, 8), "C": ("0", "1")}),),
        ),
    ),
    "ha-dw.two-factors": (
        Enumeration(
            "the exponents are C - p̂ and p̂ - C",
            "exponent(1) == C - k/G and exponent(0) == k/G - C",
            where=_WEIGHTS,
            cases={"G": "range(2, 10)", "k": "range(1, G)", "C": "[i/10 for i in range(11)]"},
            count=396,
        ),
    ),
    "ha-dw.anchor-shifts": (
        Identity(
            "the slope of the ratio, and a pair of terms of e·a - b",
            "(x - 1)/(x + 1) + (y - 1)/(y + 1) == 2*(x*y - 1)/((x + 1)*(y + 1)) and "
            "(1 - p)*(c*F + d*E) - p*(c*E + d*F) == (1 - 2*p)*(c*E + d*F) + (1 - p)*(c - d)*(F - E)",
            variables=("x", "y", "p", "c", "d", "E", "F"),
        ),
    ),
    "ha-dw.keeps-queries": (
        Counterexample(
            "the weight at p is that at 1/2",
            "speed(p) == speed(1/2)",
            where={
                "share(k, p)": "binomial(8, k)*p**k*(1 - p)**(8 - k)*k*(8 - k)/64/(p*(1 - p))",
                "lift(k, p)": "(1 - p)*exp(1/2 - k/8) + p*exp(k/8 - 1/2)",
                "speed(p)": "sum(share(k, p)*lift(k, p) for k in range(1, 8))",
            },
            at={"p": "7/10"},
        ),
    ),
    "ha-dw.interference": (
        Identity(
            "weights l + x, h - y, h - z, inner products k - a, m - b: the bound plus products that are not negative",
            "(l + x)*K + (h - y)*(k - a) + (h - z)*(m - b) "
            "== l*K - h*(a + b) + x*K + y*a + z*b + (h - y)*k + (h - z)*m",
            variables=("l", "h", "K", "x", "y", "z", "a", "b", "k", "m"),
        ),
    ),
    "ha-dw.scale-under-adam": (
        _ADAM,
        Identity(
            "the step, and its ratio to that with the same ε",
            "L*m/(L*s + e) == m/(s + e/L) and m/(s + e/L) == m/(s + e)*(1 + e*(L - 1)/(L*s + e))",
            variables=("L", "m", "s", "e"),
        ),
    ),
    "ha-dw.best-scale": (
        _ADAM,
        Identity("the step without ε", "L*m/(L*s) == m/s", variables=("L", "m", "s")),
    ),
    "ha-dw.absorbing": (
        Identity(
            "equal beliefs have no variance, and a gain of 0 keeps the belief",
            "m*c**2/m - (m*c/m)**2 == 0 and (1 - n*0)*c + n*0*y == c",
            variables=("m", "c", "n", "y"),
        ),
    ),
    "ha-dw.soft-converges": (
        Counterexample(
            "no number below 9/10 bounds the beliefs: after n steps all others add up to at most last·x/(1-x)",
            "bound(2/5, 1/2, n) >= 9/10",
            where={
                "step(b, c)": "c + abs(c - b)/2*(9/10 - c)",
                "limit(b, c)": "c + (c - b)*((9/10 - c)/2)/(1 - (9/10 - c)/2)",
                "bound(b, c, n)": "limit(b, c) if n == 0 else bound(c, step(b, c), n - 1)",
            },
            at={"n": "6"},
        ),
    ),
    "ha-dw.soft-stops-short": (
        Identity(
            "the gap; and two bounds of the variance q - u² by the ends M and m of the window",
            "y - (c + g*(y - c)) == (1 - g)*(y - c) and (M + m)*u - q - M*m == (M - u)*(u - m) - (q - u**2) "
            "and (M - m)**2 - 4*(M - u)*(u - m) == (M + m - 2*u)**2",
            variables=("y", "c", "g", "M", "m", "u", "q"),
        ),
    ),
    "ha-dw.starves-surely": (
        Identity(
            "error used up, its share, and the noise's part of the steps",
            "e**2 - ((1 - g)**2*e**2 + g**2*v) == (2*g - g**2)*e**2 - g**2*v "
            "and n*(2*g - g**2) - (4 - n)*g**2 == 2*g*(n - 2*g) and v*(1 + n/(4 - n)) == 4*v/(4 - n)",
            variables=("e", "g", "v", "n"),
        ),
        Enumeration(
            "the constant of the window",
            "sum((m - l)*l**2 for l in range(1, m))/m**2 == (m**2 - 1)/12",
            cases={"m": "range(2, 61)"},
            count=59,
        ),
    ),
    "ha-dw.hard-forms": (
        Counterexample(
            "both forms are equal after accuracies 1 and 1", "((h - 1)*1/2 + 1)/h == (1 + 1)/h", at={"h": "2"}
        ),
        Identity(
            "they are if C is the mean s/(h-1) of the batches before",
            "((h - 1)*(s/(h - 1)) + y)/h == (s + y)/h",
            variables=("h", "s", "y"),
        ),
    ),
    "ha-dw.tables": (
        _extrapolated(12),
        Sign(
            "from 1/G to 1/2 the polynomial is near 1/A",
            "-5 < 1000000*(1 - A(p)*near(p)) < 5",
            where=_NEAR,
            cases={"G": "[4, 6, 8]"},
            count=3,
            over={"p": ("1/G", "1/2")},
        ),
        Enumeration(
            "with it in the place of 1/A each printed average is within 5e-6, and what that moves is below 5e-6; below "
            "p = 1/G the integrand is 1",
            "abs(entry - row[2]/1000000) < 5/1000000",
            where=_NEAR | _INTEGRAL | _ENTRIES,
            cases={
                "row": "[[4, 1/2, 776966], [6, 1/4, 827762], [6, 1/2, 689722], [8, 1/4, 781130], [8, 1/2, 640945]]",
                "G": "[row[0]]",
                "end": "[row[1]]",
            },
            count=5,
        ),
        Enumeration(
            "where p < 1/G up to the end, the average is 1",
            "row[1] <= 1/row[0] and abs(row[2]/10000000 - 1) < 1/100000",
            cases={"row": "[[2, 1/4, 9999975], [4, 1/4, 9999959], [2, 1/2, 9999950]]"},
            count=3,
        ),
    ),
    "ha-dw.corollary2": (
        Enumeration(
            "with x = Gp half of the average is certain, x < 1, and half is 1 less the mean of f from 1 to 2. Upper "
            "sums: A over p(1-p)^(G-1) is a sum of powers of p/(1-p), so f falls, and a step is greatest on its left",
            "1/2 + (1 - sum(sqrt(1)*f(1 + i/80) for i in range(80))/80)/2 > 78/100",
            where=_ONE_OF_MIXED,
            cases={"G": "range(6, 60)"},
            count=54,
        ),
        Sign(
            "so log(1 - y) <= -y - y²/2: both are 0 at 0, and these are their slopes with the sign changed",
            "1/(1 - y) >= 1 + y",
            over={"y": ("0", "1")},
        ),
        Identity(
            "with y = x/G, (1-y)^(G-1) is at most exp of this",
            "(G - 1)*(-x/G - (x/G)**2/2) == x*(1 - x/2)/G + x**2/(2*G**2) - x",
            variables=("x", "G"),
        ),
        Enumeration(
            "groups of 60 or more: g >= f from 1 to 2, falls with G, and falls with x as x·exp(-x), x(1-x/2) and "
            "1/(1-exp(-x)-d) do; upper sums",
            "1/2 + (1 - sum(g(1 + i/256) for i in range(256))/256)/2 > 78/100",
            where={"g(x)": "x*exp(x*(1 - x/2)/G + 2/G**2 - x)/(1 - exp(-x) - (2/G)**G)"},
            cases={"G": "[60]"},
        ),
    ),
    "ha-dw.continuous-sign": (
        _extrapolated(5, 7, 9, 11, 13, 17),
        Enumeration(
            "underestimated for all α < β up to 4 at G = 4",
            "integral(last) > 0",
            where=_INTEGRAL | _GAP | _BETA,
            cases={"G": "[4]", "a": "range(1, 5)", "b": "range(a + 1, 5)"},
            count=6,
        ),
        Enumeration(
            "and at G = 8 for those up to 3; r to 1-r exchanges α and β and turns the sign",
            "integral(last) > 0",
            where=_INTEGRAL | _GAP | _BETA,
            cases={"G": "[8]", "a": "range(1, 3)", "b": "range(a + 1, 4)"},
            count=3,
        ),
    ),
    "ha-dw.continuous-grows": (
        _extrapolated(7, 11, 15, 17),
        Enumeration(
            "the bias of Beta(1, 3) is above .003 at G = 4",
            "above > 0",
            where=_INTEGRAL | _GAP | _BETA | _ABOVE,
            cases={"G": "[4]", "a": "[1]", "b": "[3]", "w": "[3/1000]"},
        ),
        Counterexample(
            "so must be that of Beta(2, 7), whose p = 2/9 is farther from 1/2",
            "above > 0",
            where=_INTEGRAL | _GAP | _BETA | _ABOVE,
            at={"G": "4", "a": "2", "b": "7", "w": "3/1000"},
        ),
        Enumeration(
            "G = 4, α + β = 6 and 8: the biases rise with β, with these numbers w between them",
            "above*row[3] > 0",
            where=_INTEGRAL | _GAP | _BETA | _ABOVE,
            cases={
                "row": "[[2, 4, 0, 1], [2, 4, 300, -1], [1, 5, 300, 1], [3, 5, 0, 1], [3, 5, 100, -1], [2, 6, 100, 1], "
                "[2, 6, 500, -1], [1, 7, 500, 1]]",
                "G": "[4]",
                "a": "[row[0]]",
                "b": "[row[1]]",
                "w": "[row[2]/100000]",
            },
            count=8,
        ),
    ),
    "ha-dw.normal-sign": (
        _extrapolated(19),
        Enumeration(
            "ξ = 1/2, G = 4: underestimated for three means below 1/2. f is exp(-2x²) up to the relative error off "
            "(alternating terms that fall), which moves the mean by at most 2·off and products of four densities by "
            "(1 + off)⁴ - 1; r to 1-r turns the means .55 and .7 into .45 and .3, and the sign",
            "integral(19) > 0",
            where=_INTEGRAL | _GAP | _NORMAL,
            cases={
                "G": "[4]",
                "m": "[3/10, 4/10, 45/100]",
                "c": "[[(-2)**k/factorial(k) for k in range(6)]]",
                "d": "[[c[k]/(2*k + 1) for k in range(6)]]",
                "g": "[[c[k]/(2*k + 2) for k in range(6)]]",
                "mean": "[floor(10000*least)/10000]",
            },
            count=3,
        ),
    ),
}
