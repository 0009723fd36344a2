"""Advantages of sentences, turns, tree nodes and hidden states, and Reg-GRPO's loss: by hand and against others."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from libraries import LIBRARIES, Library
from numpy.testing import assert_allclose, assert_array_equal

from qae_sim.advantages import (
    PhaseSwitch,
    RankBaselines,
    RankDynamics,
    ToolCall,
    Tree,
    attn_rl,
    effective_rank,
    fspo,
    grpo,
    match_tir,
    matched_rewards,
    ordered_pairs,
    rank_dynamics,
    reg_grpo,
    tool_similarity,
    tree_opo,
    tree_opo_heuristic,
    verl_rank,
)

trees = st.integers(2, 9).flatmap(
    lambda n: st.tuples(*(st.integers(0, i - 1) for i in range(1, n))).map(lambda parents: Tree((-1, *parents)))
)


class TestSentences:
    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_by_hand(self, lib: Library) -> None:
        # One success in five: 2 and -1/2.
        rewards = lib.array([1.0, 0, 0, 0, 0], "float64")
        marks = [[1, -1, 0], [1, -1, 0], [0, 0, 0], [1, 1, 1], [-1, -1, -1]]
        found = fspo(rewards, marks, eps=0)
        assert lib.owns(found)
        wanted = [[2, -2, 2], [0.5, -0.5, -0.5], [-0.5] * 3, [0.5] * 3, [-0.5] * 3]
        assert_allclose(lib.numpy(found), wanted, rtol=1e-12)

    def test_equal_rewards_have_no_sign_to_turn(self) -> None:
        found = fspo([1, 1], [[1, -1], [0, -1]])
        assert_array_equal(found, np.zeros((2, 2)))
        assert not np.signbit(found).any()

    def test_wrong_marks(self) -> None:
        with pytest.raises(ValueError, match=r"^marks must be -1, 0 or 1 everywhere; got 0.5"):
            fspo([1, 0], [[0.5], [0]])
        with pytest.raises(ValueError, match="^marks must be of shape"):
            fspo([1, 0], [[1, 0]])
        with pytest.raises(ValueError, match="^marks must be of shape"):
            fspo([1, 0], 1.0)


class TestTurns:
    def test_similarity_by_hand(self) -> None:
        truth = ToolCall("search", {"query": "Euler", "limit": 3})
        assert tool_similarity(truth, truth) == 1
        assert tool_similarity(ToolCall("find", truth.parameters), truth) == 0
        # One of two names in common, of three in all; its value is right.
        assert tool_similarity(ToolCall("search", {"query": "Euler", "page": 3}), truth) == (1 + 1 / 3 + 1) / 4
        assert tool_similarity(ToolCall("search"), truth) == 1 / 4
        assert tool_similarity(ToolCall("stop"), ToolCall("stop")) == 1
        with pytest.raises(TypeError, match="^call must be a ToolCall"):
            tool_similarity("search", truth)  # type: ignore[arg-type]

    @given(hnp.arrays(float, st.tuples(st.integers(1, 4), st.integers(1, 4)), elements=st.floats(0, 1)))
    def test_optimal_matching_against_all_matchings(self, s: np.ndarray) -> None:
        few, many = sorted(s.shape)
        wide = s if s.shape[0] == few else s.T
        best = max(sum(wide[i, j] for i, j in enumerate(choice)) for choice in permutations(range(many), few))
        assert_allclose(matched_rewards(s).sum(), best)
        assert matched_rewards(s, matching="greedy").sum() <= best + 1e-12

    def test_matching_by_hand(self) -> None:
        s = [[0.9, 0.8], [0.8, 0.1], [0.5, 0.2]]
        assert_array_equal(matched_rewards(s), [0.8, 0.8, 0])
        assert_array_equal(matched_rewards(s, matching="greedy"), [0.9, 0, 0.2])
        assert_array_equal(matched_rewards(np.zeros((2, 0))), [0, 0])

    def test_transport(self) -> None:
        # Two calls that are alike share both truths equally: rows are 1/4, 1/4 each.
        assert_allclose(matched_rewards([[1, 0.5], [1, 0.5]], matching="transport"), [0.375, 0.375])
        # The plan [[t, 1/2 - t], [1/2 - t, t]] has t / (1/2 - t) = exp(1/.1).
        found = matched_rewards([[1, 0], [0, 1]], matching="transport")
        t = 0.5 / (1 + math.exp(-10))
        assert_allclose(found, [t, t])

    @pytest.mark.parametrize(
        ("s", "message"),
        [([1.0], "a matrix"), ([[1.5]], "in \\[0, 1\\] everywhere; got 1.5"), ([[math.nan]], "finite")],
    )
    def test_wrong_similarity(self, s: Any, message: str) -> None:
        with pytest.raises(ValueError, match=f"^similarity must be.*{message}"):
            matched_rewards(s)

    def test_match_tir_by_hand(self) -> None:
        # Sums 2 and 0 and 1: z-scores √1.5, -√1.5, 0. Returns with γ = 1/2: (1.5, 1), (0,), (0.5, 1).
        found = match_tir([[1.0, 1.0], [0.0], [0.0, 1.0]], gamma=0.5, eps=0)
        z = grpo([2.0, 0, 1], eps=0)
        first = grpo([1.5, 0, 0.5], eps=0)
        assert_allclose(found[0], [(z[0] + first[0]) / 2, z[0] / 2])  # second turns 1 and 1: no difference
        assert_allclose(found[1], [(z[1] + first[1]) / 2])
        assert_allclose(found[2], [(z[2] + first[2]) / 2, 0])
        # A turn that nobody else has is compared with nothing.
        alone = match_tir([[0.0, 5.0], [1.0]], eps=0)
        assert_allclose(alone[0], [1, 0.5])
        assert_allclose(match_tir([[0.0, 5.0], [1.0]], eps=0, ddof=1)[0][1], math.sqrt(0.5) / 2)

    @pytest.mark.parametrize("rewards", [[[1.0]], [[1.0], []], [[1.0], [math.inf]], [[1.0], [[1.0]]]])
    def test_wrong_trajectories(self, rewards: Any) -> None:
        with pytest.raises(ValueError, match="^rewards must be"):
            match_tir(rewards)


class TestTrees:
    def test_attn_rl_by_hand(self) -> None:
        # Root with leaf 2 (0) and a step 1 with leaves 3 (0) and 4 (1): V = 1/3, 1/2.
        found = attn_rl([0, 0, 1], Tree((-1, 0, 0, 1, 1)))
        wanted = [0, (1 / 6 + 1 / 6) / math.sqrt(2), -2 / 3, -1 / 3 - 1 / 2, 2 / 3 + 1 / 2]
        assert_allclose(found, wanted)

    @given(trees, st.integers(0, 2**9 - 1))
    def test_attn_rl_from_its_definition(self, tree: Tree, bits: int) -> None:
        rewards = {leaf: (bits >> i) & 1 for i, leaf in enumerate(tree.leaves)}

        def value(node: int) -> tuple[float, int]:
            below = [reward for leaf, reward in rewards.items() if node in tree.path(leaf)]
            return sum(below) / len(below), len(below)

        found = attn_rl(list(rewards.values()), tree)
        for node, parent in enumerate(tree.parents[1:], start=1):
            v, count = value(node)
            assert found[node] == pytest.approx((v - value(0)[0] + v - value(parent)[0]) / math.sqrt(count))
        assert found[0] == 0

    def test_tree_opo_by_hand(self) -> None:
        chain = Tree((-1, 0))
        assert_allclose(tree_opo([0, 1], chain), [-0.5, 0.5], atol=1e-9)
        assert_allclose(tree_opo([0, 1], chain, norm="hard"), [-1, 1], atol=1e-7)
        assert_allclose(tree_opo([0, 1], chain, margin=1.5), [-0.75, 0.75], atol=1e-7)
        assert_array_equal(tree_opo([1, 1], chain), [0, 0])
        # A success before a failure is nothing that the tree has an opinion on.
        assert_allclose(tree_opo([1, 0], chain, margin=1.5), [0.5, -0.5], atol=1e-9)
        with pytest.raises(ValueError, match="^margin must be small enough"):
            tree_opo([0, 1], chain, margin=3)  # ±1.5 has a square of 4.5, more than N = 2

    @settings(max_examples=25, deadline=None)
    @given(trees, st.integers(1, 2**9 - 2), st.sampled_from([1.2, 1.6]))
    def test_tree_opo_against_another_solver(self, tree: Tree, bits: int, margin: float) -> None:
        """Dykstra's projections on the half-spaces, which need no solver (the ball does not bind here)."""
        r = np.array([(bits >> i) & 1 for i in range(len(tree.parents))], dtype=float)
        pairs = ordered_pairs(r, tree)
        a, corrections = r - r.mean(), [np.zeros(len(r)) for _ in range(len(pairs) + 1)]
        for _ in range(3000):
            for k, pair in enumerate((*pairs, None)):
                y = a + corrections[k]
                x = y - y.mean() if pair is None else y.copy()
                if pair is not None and y[pair[1]] - y[pair[0]] < margin:
                    gap = (margin - y[pair[1]] + y[pair[0]]) / 2
                    x[pair[1]] += gap
                    x[pair[0]] -= gap
                corrections[k], a = y - x, x
        if r.std() > 0:
            assert a @ a < len(r)
            assert_allclose(tree_opo(r, tree, margin=margin), a, atol=2e-6)

    def test_heuristic_by_hand(self) -> None:
        tree, r = Tree((-1, 0, 0, 1)), [0, 1, 0, 1]
        # Success rates below: 1/2, 1, 0, 1.
        raw = np.array([-0.25, 0.5, 0, 0.5])
        assert_allclose(tree_opo_heuristic(r, tree), raw - raw.mean())
        optimistic = np.array([-0.5, 0.5, 0, 0.5])
        assert_allclose(tree_opo_heuristic(r, tree, value="optimistic"), optimistic - optimistic.mean())
        pessimistic = np.array([0, 0.5, 0, 0.5])
        assert_allclose(tree_opo_heuristic(r, tree, value="pessimistic"), pessimistic - pessimistic.mean())

    @pytest.mark.parametrize("parents", [(), (0,), (-1, 1), (-1, -1), (-1, 0, 2)])
    def test_no_trees(self, parents: tuple[int, ...]) -> None:
        with pytest.raises(ValueError, match="^parents must be"):
            Tree(parents)

    def test_wrong_rewards(self) -> None:
        with pytest.raises(ValueError, match="^rewards must be of shape"):
            attn_rl([1, 0], Tree((-1, 0)))
        with pytest.raises(ValueError, match="^rewards must be 0 or 1"):
            tree_opo([0.5, 1], Tree((-1, 0)))
        with pytest.raises(TypeError, match="^tree must be a Tree"):
            attn_rl([1], (-1, 0))  # type: ignore[arg-type]


class TestHiddenStates:
    def test_effective_rank_by_hand(self) -> None:
        cross = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
        assert effective_rank(cross) == pytest.approx(2)
        assert effective_rank(cross + 100) == pytest.approx(2)  # centred
        # Singular values √2 and 3√2: shares 1/4 and 3/4.
        entropy = -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
        assert effective_rank(cross * [1, 3]) == pytest.approx(math.exp(entropy))
        assert effective_rank([[5.0, 7]] * 3) == 0
        assert effective_rank([[0.1, 0.7]] * 3) == 0
        assert effective_rank([[1.0, 2, 3]]) == 0

    @given(hnp.arrays(float, st.tuples(st.integers(2, 8), st.integers(1, 5)), elements=st.floats(-1e3, 1e3, width=16)))
    def test_bounds(self, states: np.ndarray) -> None:
        found = effective_rank(states)
        assert found == 0 or 1 - 1e-9 <= found <= min(len(states) - 1, states.shape[1]) + 1e-9
        assert effective_rank(4 * states) == pytest.approx(found)

    def test_dynamics_by_hand(self) -> None:
        states = np.array([[1.0, 0, 0], [-1, 0, 0], [0, 2, 0], [0, -2, 0], [0, 0, 3], [0, 0, -3]])
        found = rank_dynamics([states, states[:4], states[:2], states[:1]], stride=2)
        m = [1.0, effective_rank(states[:4]), effective_rank(states)]
        d = [m[1] - m[0], m[2] - (m[0] + m[1]) / 2]
        assert_allclose(found.rank, [m[2], m[1], 1, 0])
        assert_allclose(found.velocity, [(d[0] + d[1]) / 2, d[0], 0, 0])
        assert_allclose(found.acceleration, [d[1] - d[0], 0, 0, 0])

    def test_baselines(self) -> None:
        one = np.ones(2)
        first = RankBaselines(share=0.25).update(RankDynamics(2 * one, 3 * one, 4 * one))
        assert (first.rank, first.velocity, first.acceleration) == (2, 3, 4)
        then = first.update(RankDynamics(6 * one, 3 * one, 0 * one))
        assert (then.rank, then.velocity, then.acceleration, then.share) == (3, 3, 3, 0.25)

    def test_shaping_by_hand(self) -> None:
        usual = RankBaselines(1.0, 1.0, 1.0)
        one = np.ones(4)
        # Rank 20 % above: ρ = .2; acceleration as usual: β = 1/2. Velocity 40 % above.
        found = verl_rank([1, 1, 0, 0], RankDynamics(1.2 * one, 1.4 * one, one), usual, eps=0)
        phi = (math.tanh(0.2) + math.tanh(0.4)) / 2
        assert_allclose(found, np.array([1, 1, -1, -1]) + phi, rtol=1e-6)
        # More than |A|/κ is not given, and less than usual is not punished.
        found = verl_rank([1, 1, 0, 0], RankDynamics(np.array([9, 0, 9, 0.0]), one, one), usual, eps=0, kappa=4)
        assert_allclose(found, [1.25, 1, -0.75, -1])
        # An acceleration of 100 % above with gain 2: β = σ(2).
        found = verl_rank([1, 1, 0, 0], RankDynamics(1.2 * one, one, 2 * one), usual, eps=0)
        assert_allclose(found[0] - 1, math.tanh(0.2) / (1 + math.exp(-2)), rtol=1e-6)

    def test_what_is_refused(self) -> None:
        one = np.ones(2)
        dynamics = RankDynamics(one, one, one)
        with pytest.raises(ValueError, match="^baselines must be updated"):
            verl_rank([1, 0], dynamics, RankBaselines())
        with pytest.raises(ValueError, match=r"^dynamics\.rank must be of shape"):
            verl_rank([1, 0, 0], dynamics, RankBaselines(1, 1, 1))
        with pytest.raises(ValueError, match="^kappa must be positive"):
            verl_rank([1, 0], dynamics, RankBaselines(1, 1, 1), kappa=0)
        with pytest.raises(ValueError, match="^states must be a matrix"):
            effective_rank([1.0, 2.0])
        with pytest.raises(ValueError, match="^share must be positive"):
            RankBaselines(share=0)


class TestRegression:
    @pytest.mark.parametrize("lib", LIBRARIES)
    def test_by_hand(self, lib: Library) -> None:
        rewards = lib.array([[1, 0, 0, 0, 0], [1, 1, 1, 1, 1]], "float64")
        # Targets 2, -1/2, ...; the ratios have z-scores -1/2 (four times) and 2 in the last place.
        ratios = lib.array([[0, 0, 0, 0, 1], [0, 0, 0, 0, 1]], "float64")
        found = reg_grpo(rewards, ratios, eps=1e-12)
        assert lib.owns(found)
        assert_allclose(lib.numpy(found), [(6.25 + 6.25) / 5, (4 + 4 / 4) / 5], rtol=1e-9)

    def test_gradient_of_the_first_step_is_that_of_a_policy_gradient(self) -> None:
        torch = pytest.importorskip("torch")
        ratios = torch.zeros(1, 5, dtype=torch.float64, requires_grad=True)
        loss = reg_grpo(torch.tensor([[1.0, 0, 0, 0, 0]], dtype=torch.float64), ratios, eps=0.01)
        (gradient,) = torch.autograd.grad(loss.sum(), ratios)
        z = grpo(np.array([1.0, 0, 0, 0, 0]), eps=0.01)
        assert_allclose(gradient[0].numpy(), -2 * z / (5 * 0.01), rtol=1e-9)
        moved = torch.tensor([[0.3, -0.1, 0.2, 0.0, -0.4]], dtype=torch.float64, requires_grad=True)
        r = torch.tensor([[1.0, 0, 0, 0, 1]], dtype=torch.float64)
        assert torch.autograd.gradcheck(lambda x: reg_grpo(r, x, eps=0.01), (moved,))

    def test_wrong_arguments(self) -> None:
        with pytest.raises(ValueError, match="^eps must be"):
            reg_grpo([1.0, 0], [0.0, 0], eps=0)
        with pytest.raises(ValueError, match="^log_ratios must be of shape"):
            reg_grpo([1.0, 0], [0.0])
        with pytest.raises(ValueError, match="^log_ratios must be finite"):
            reg_grpo([1.0, 0], [0.0, math.nan])


def test_phase_switch() -> None:
    assert [PhaseSwitch(2)(step) for step in range(4)] == [0, 0, 1, 1]
    with pytest.raises(ValueError, match="^switch must be"):
        PhaseSwitch(0)
