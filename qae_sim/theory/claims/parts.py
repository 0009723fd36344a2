"""What papers say of advantages of sentences, turns, tree nodes and hidden states, and of Reg-GRPO's regression."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations, product

import numpy as np

from qae_sim.advantages import (
    RankBaselines,
    RankDynamics,
    Tree,
    attn_rl,
    effective_rank,
    fspo,
    grpo,
    matched_rewards,
    ordered_pairs,
    reg_grpo,
    tree_opo,
    verl_rank,
)
from qae_sim.theory.claim import Break, Evidence, Finding, Method, Verdict, conclude
from qae_sim.theory.registry import claim

FSPO = "FSPO (arXiv:2505.24630)"
MATCH_TIR = "MatchTIR (arXiv:2601.10712)"
TREE_OPO = "Tree-OPO (Huang et al., arXiv:2509.09284)"
ATTN_RL = "AttnRL (arXiv:2509.26628)"
VERL = "VERL (arXiv:2509.23808)"
REG_GRPO = "DeepVideo-R1, Reg-GRPO (arXiv:2506.07464)"


@claim(
    "fspo.facts-decide",
    paper=FSPO,
    equation="adjusted advantage",
    statement="A true sentence is never punished, and a false one never rewarded, whatever the answer.",
    latex=r"m_{i,t} \ne 0 \Rightarrow m_{i,t} A_{i,t} \ge 0,\quad |A_{i,t}| = |A_i|",
    assumptions=("every sentence has been checked",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("a checker that is wrong about one sentence", {"errs": True}, Verdict.REFUTED),),
)
def facts_decide(quick: bool, *, errs: bool = False) -> Finding:
    """All groups of binary rewards, every sentence once true and once false."""
    largest, found = (5 if quick else 8), None
    for g in range(2, largest + 1):
        for rewards in product((0.0, 1.0), repeat=g):
            truth = np.tile([1, -1], (g, 1))
            seen = truth.copy()
            if errs:
                seen[0, 0] = -1
            a = fspo(list(rewards), seen)
            sizes = np.abs(a) == np.abs(grpo(list(rewards)))[:, None]
            if found is None and not ((truth * a >= 0).all() and sizes.all()):
                found = {"rewards": list(rewards)}
    return conclude(
        Evidence(
            "signs follow the facts, and sizes stay",
            f"G = 2..{largest}, all binary rewards",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "match-tir.greedy",
    paper=MATCH_TIR,
    equation="Kuhn-Munkres matching",
    statement="The released code's matching, best pair first, is one of greatest total similarity.",
    latex=r"\sum_i S_{i,\sigma(i)} = \max_{\sigma'} \sum_i S_{i,\sigma'(i)}",
    assumptions=("similarities in [0, 1]",),
    expected=Verdict.REFUTED,
    breaks=(Break("the optimal assignment", {"matching": "optimal"}, Verdict.CERTIFIED),),
)
def greedy_matching(quick: bool, *, matching: str = "greedy") -> Finding:
    """All matrices of 2 times 2 with entries in tenths, and random ones of 3 times 3, against all permutations."""
    tenths = np.arange(0, 11, 2 if quick else 1) / 10
    cases = [np.array(x).reshape(2, 2) for x in product(tenths, repeat=4)]
    cases += list(np.random.default_rng(0).integers(0, 11, (100, 3, 3)) / 10)
    found = None
    for s in cases:
        best = max(float(s[range(len(s)), order].sum()) for order in permutations(range(len(s))))
        total = float(matched_rewards(s, matching=matching).sum())  # type: ignore[arg-type]
        if found is None and total < best - 1e-9:
            found = {"similarity": s.tolist(), "total": total, "best": best}
    return conclude(
        Evidence(
            "its total is the greatest",
            f"{len(cases)} matrices, all permutations",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


def _trees(size: int) -> list[Tree]:
    """All trees of a size, nodes in an order in which parents come first."""
    return [Tree((-1, *parents)) for parents in product(*(range(i) for i in range(1, size)))]


@claim(
    "tree-opo.order",
    paper=TREE_OPO,
    equation="staged advantage estimation",
    statement="The order of the tree shapes the advantages: some differ from the centred rewards.",
    latex=r"a \ne r - \bar r",
    assumptions=("binary rewards", "soft norm", "margin δ <= 1", "pairs of a failure above (or beside) a success"),
    expected=Verdict.REFUTED,
    breaks=(Break("a margin δ = 3/2, more than rewards differ", {"margin": Fraction(3, 2)}, Verdict.CERTIFIED),),
)
def tree_order(quick: bool, *, margin: Fraction = Fraction(1, 2)) -> Finding:
    """Centred rewards of a failure and a success differ by 1: with δ <= 1 they obey every constraint already."""
    size, found, worst = (4 if quick else 5), None, 0.0
    for tree in _trees(size):
        for rewards in product((0, 1), repeat=size):
            pairs = ordered_pairs(rewards, tree)
            if not pairs:
                continue
            mean = Fraction(sum(rewards), size)
            centred = [r - mean for r in rewards]
            inside = all(centred[i] + margin <= centred[j] for i, j in pairs)
            inside = inside and sum(a * a for a in centred) <= size
            if found is None and inside:
                found = {"parents": list(tree.parents), "rewards": list(rewards)}
            if len(tree.path(size - 1)) == size:  # one tree of each kind is enough for the solver: the chain
                gap = np.abs(tree_opo(rewards, tree, margin=float(margin)) - np.array(centred, dtype=float)).max()
                worst = max(worst, float(gap))
    agrees = worst < 1e-6 if margin <= 1 else worst > 0.1
    return conclude(
        Evidence(
            "the centred rewards break a constraint",
            f"all trees of {size} nodes with some pair, all binary rewards",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence(
            "tree_opo agrees",
            "chains: its distance from the centred rewards",
            Method.FLOATS,
            agrees,
            f"{worst:.1e}",
        ),
    )


@claim(
    "attn-rl.siblings",
    paper=ATTN_RL,
    equation="local advantage",
    statement="What steps gain over their parent adds up to zero over siblings, weighted by their leaves.",
    latex=r"\sum_{n:\,\mathrm{parent}(n)=m} L(n)\,(V(n)-V(m)) = 0",
    assumptions=("V is the mean over all leaves below",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("weighted alike", {"weighted": False}, Verdict.REFUTED),),
)
def siblings(quick: bool, *, weighted: bool = True) -> Finding:
    """All trees of some size, all binary rewards of their leaves."""
    size, found, worst = (5 if quick else 6), None, 0.0
    for tree in _trees(size):
        for rewards in product((0, 1), repeat=len(tree.leaves)):
            reward = dict(zip(tree.leaves, rewards, strict=True))
            below = [[reward[leaf] for leaf in tree.leaves if node in tree.path(leaf)] for node in range(size)]
            value = [Fraction(sum(of), len(of)) for of in below]
            for parent in set(tree.parents) - {-1}:
                children = [node for node in range(size) if tree.parents[node] == parent]
                total = sum(
                    ((len(below[n]) if weighted else 1) * (value[n] - value[parent]) for n in children), Fraction(0)
                )
                if found is None and total != 0:
                    found = {"parents": list(tree.parents), "rewards": list(rewards), "parent": parent}
            ours = attn_rl(rewards, tree)
            exact = [
                float(2 * value[n] - value[0] - value[max(tree.parents[n], 0)]) / len(below[n]) ** 0.5
                for n in range(size)
            ]
            worst = max(worst, float(np.abs(ours - exact).max()))
    return conclude(
        Evidence(
            "the sum is 0 for every parent",
            f"all trees of {size} nodes, all binary rewards",
            Method.CASES,
            found is None,
            counterexample=found or {},
        ),
        Evidence("attn_rl is made of these values, to 1e-12", "the same", Method.FLOATS, worst < 1e-12, f"{worst:.1e}"),
    )


@claim(
    "verl-rank.sign",
    paper=VERL,
    equation="shaped advantage",
    statement="The bonus never turns an advantage's sign.",
    latex=r"\min(\max(0,\Phi), |A|/\kappa) < |A|,\ \kappa > 1",
    assumptions=("κ = 2",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("κ = 1/2", {"kappa": 0.5}, Verdict.REFUTED),),
)
def verl_sign(quick: bool, *, kappa: float = 2.0) -> Finding:
    """Dynamics far above what is usual, all groups of binary rewards."""
    largest, found, usual = (5 if quick else 8), None, RankBaselines(1.0, 1.0, 1.0)
    for g in range(2, largest + 1):
        for rewards in product((0.0, 1.0), repeat=g):
            base = grpo(list(rewards))
            for much in (0.0, 1.2, 5.0):
                dynamics = RankDynamics(*(np.full(g, much) for _ in range(3)))
                shaped = verl_rank(list(rewards), dynamics, usual, kappa=kappa)
                if found is None and (np.sign(shaped) != np.sign(base)).any():
                    found = {"rewards": list(rewards), "rank": much}
    return conclude(
        Evidence(
            "all signs stay",
            f"G = 2..{largest}, all binary rewards, three dynamics",
            Method.CASES,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "verl-rank.directions",
    paper=VERL,
    equation="effective rank",
    statement="The effective rank of hidden states that use k directions equally is k, and less if one of them is used "
    "more.",
    latex=r"\mathrm{ER} = e^{H(q)} \le k,\quad = k \iff q_1=\dots=q_k",
    assumptions=("centred states",),
    expected=Verdict.CERTIFIED,
    breaks=(Break("states that are not centred", {"centred": False}, Verdict.REFUTED),),
)
def directions(quick: bool, *, centred: bool = True) -> Finding:
    """Crosses of k axes in ten dimensions, evenly and unevenly long, around a point that is not the origin."""
    found = None
    for k in range(1, 6 if quick else 11):
        axes = np.eye(10)[:k]
        even = np.concatenate([axes, -axes])
        uneven = even * np.where(np.arange(10) == 0, 3.0, 1.0)
        away = np.full(10, 2.0)
        ranks = []
        for states in (even + away, uneven + away):
            if centred:
                ranks.append(effective_rank(states))
            else:  # singular values of the states as they are
                q = np.linalg.svd(states, compute_uv=False)
                q = q[q > 1e-9] / q.sum()
                ranks.append(float(np.exp(-(q * np.log(q)).sum())))
        right = abs(ranks[0] - k) < 1e-9 and (ranks[1] < k - 1e-9 or k == 1)
        if found is None and not right:
            found = {"k": k, "ranks": ranks}
    return conclude(
        Evidence(
            "k, and less than k",
            "k = 1..5 (10 in full), one axis three times as long",
            Method.PRECISION,
            found is None,
            counterexample=found or {},
        )
    )


@claim(
    "reg-grpo.scale",
    paper=REG_GRPO,
    equation="regression target",
    statement="The loss is zero at the policies π ∝ π_old·exp(A/β) that a KL penalty of any strength β asks for.",
    latex=r"\log\frac{\pi(y_i)}{\pi_{\mathrm{old}}(y_i)} = \frac{A_i}{\beta} - \log Z \Rightarrow L = 0",
    assumptions=("log-ratios standardised within the group", "ε small beside their spread"),
    expected=Verdict.CERTIFIED,
    breaks=(Break("log-ratios as they are", {"standardised": False}, Verdict.REFUTED),),
)
def reg_scale(quick: bool, *, standardised: bool = True) -> Finding:
    """z-scores do not see a factor and a shift: the loss at such policies for several β and groups."""
    worst, found = 0.0, None
    for g, beta in product((2, 4, 8) if quick else (2, 3, 4, 8, 16, 32), (0.01, 0.1, 1.0, 10.0)):
        for n in range(1, g):
            rewards = np.r_[np.ones(n), np.zeros(g - n)]
            target = grpo(rewards, eps=1e-12)
            ratios = target / beta - 0.7
            loss = float(reg_grpo(rewards, ratios, eps=1e-12))
            if not standardised:
                loss = float(((target - ratios) ** 2).mean())
            worst = max(worst, loss)
            if found is None and loss > 1e-12:
                found = {"g": g, "successes": n, "beta": beta, "loss": loss}
    return conclude(
        Evidence(
            "the loss is below 1e-12",
            "β = .01 to 10, G up to 32, every number of successes",
            Method.PRECISION,
            found is None,
            f"{worst:.1e}",
            counterexample=found or {},
        )
    )
