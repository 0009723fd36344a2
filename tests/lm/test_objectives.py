"""Losses against values worked by hand, plain loops and finite differences."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch")

from qae_sim.lm.objectives import (  # noqa: E402
    LOSSES,
    gspo_loss,
    kl_cov_loss,
    kl_penalty,
    ppo_loss,
    token_weights,
)

N, T = 6, 5


def batch(seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Log-probabilities now and then, advantages by token, mask."""
    generator = torch.Generator().manual_seed(seed)
    old = -3 * torch.rand((N, T), generator=generator, dtype=torch.float64)
    new = old + 0.4 * torch.randn((N, T), generator=generator, dtype=torch.float64)
    advantages = torch.randn((N, T), generator=generator, dtype=torch.float64)
    lengths = torch.randint(1, T + 1, (N,), generator=generator)
    mask = torch.arange(T) < lengths[:, None]
    return torch.where(mask, new, 0.0), torch.where(mask, old, 0.0), advantages, mask


def clip(ratio: float, low: float, high: float) -> float:
    return min(max(ratio, 1 - low), 1 + high)


class TestWeights:
    def test_by_hand(self) -> None:
        mask = torch.tensor([[True, True, False], [True, False, False]])
        expected = {
            "token": [1 / 3, 1 / 3, 0, 1 / 3, 0, 0],
            "sequence": [1 / 4, 1 / 4, 0, 1 / 2, 0, 0],
            "constant": [1 / 6, 1 / 6, 0, 1 / 6, 0, 0],
        }
        for loss in LOSSES:
            assert token_weights(mask, loss, longest=3).flatten().tolist() == pytest.approx(expected[loss])  # type: ignore[arg-type]

    @pytest.mark.parametrize("loss", ["token", "sequence"])
    def test_they_sum_to_one(self, loss: str) -> None:
        assert float(token_weights(batch()[3], loss, longest=T).sum()) == pytest.approx(1)  # type: ignore[arg-type]

    def test_all_full_responses_weigh_alike(self) -> None:
        full = torch.ones(N, T, dtype=torch.bool)
        for loss in LOSSES:
            torch.testing.assert_close(token_weights(full, loss, longest=T), torch.full((N, T), 1 / (N * T)))  # type: ignore[arg-type]

    def test_nothing_unmasked_and_unknown(self) -> None:
        with pytest.raises(ValueError, match="mask must be set"):
            token_weights(torch.zeros(2, 2, dtype=torch.bool), "token", longest=2)
        with pytest.raises(ValueError, match="loss must be"):
            token_weights(batch()[3], "mean", longest=T)  # type: ignore[arg-type]


class TestPPO:
    @pytest.mark.parametrize(("low", "high"), [(0.2, 0.2), (0.2, 0.28), (1.0, math.inf), (0.0, 0.0)])
    def test_against_a_loop(self, low: float, high: float) -> None:
        new, old, advantages, mask = batch()
        weights = token_weights(mask, "sequence", longest=T).double()
        found = ppo_loss(new, old, advantages, weights, low=low, high=high)
        total, below, above = 0.0, 0, 0
        for i in range(N):
            length = int(mask[i].sum())
            for t in range(length):
                ratio, a = math.exp(new[i, t] - old[i, t]), float(advantages[i, t])
                total -= min(ratio * a, clip(ratio, low, high) * a) / (N * length)
                below += ratio < 1 - low and a < 0
                above += ratio > 1 + high and a > 0
        assert float(found.loss) == pytest.approx(total, rel=1e-6)
        assert (int(found.clipped_low.sum()), int(found.clipped_high.sum())) == (below, above)
        if low == 0.2:
            assert below
            assert above

    def test_dual_clip_bounds_what_a_wrong_response_can_cost(self) -> None:
        new, old, advantages, mask = batch(2)
        weights = mask.double()
        found = ppo_loss(new, old, advantages, weights, low=0.2, high=0.28, dual=1.3)
        total, stopped = 0.0, 0
        for i in range(N):
            for t in range(int(mask[i].sum())):
                ratio, a = math.exp(float(new[i, t] - old[i, t])), float(advantages[i, t])
                term = min(ratio * a, clip(ratio, 0.2, 0.28) * a)
                if a < 0:
                    term = max(term, 1.3 * a)
                    stopped += ratio > 1.3
                total -= term
        assert float(found.loss) == pytest.approx(total)
        assert int(found.clipped_dual.sum()) == stopped > 0

    def test_gradient_on_policy_is_the_policy_gradient(self) -> None:
        _, old, advantages, mask = batch()
        weights = token_weights(mask, "token", longest=T).double()
        logp = old.clone().requires_grad_()
        ppo_loss(logp, old, advantages, weights, low=0.2, high=0.2).loss.backward()
        torch.testing.assert_close(logp.grad, -weights * advantages)

    def test_stopped_tokens_have_no_gradient_and_others_have(self) -> None:
        new, old, advantages, mask = batch()
        logp = new.clone().requires_grad_()
        found = ppo_loss(logp, old, advantages, token_weights(mask, "token", longest=T).double(), low=0.2, high=0.28)
        found.loss.backward()
        stopped = found.clipped_low | found.clipped_high
        assert (logp.grad[stopped] == 0).all()
        assert (logp.grad[mask & ~stopped] != 0).all()


class TestGSPO:
    def test_against_a_loop(self) -> None:
        new, old, _, mask = batch()
        advantages = torch.tensor([[1.0], [-1.0]]).double().repeat(N // 2, T)
        found = gspo_loss(new, old, advantages, mask, responses=N, low=0.05, high=0.06)
        total = 0.0
        for i in range(N):
            length = int(mask[i].sum())
            s = math.exp(float((new - old)[i, :length].sum()) / length)
            a = float(advantages[i, 0])
            total -= min(s * a, clip(s, 0.05, 0.06) * a) / N
        assert float(found.loss) == pytest.approx(total, rel=1e-6)
        assert (found.clipped_low | found.clipped_high).any()
        assert not (found.clipped_low | found.clipped_high)[~mask].any()

    def test_each_token_is_pushed_by_its_own_advantage(self) -> None:
        """GSPO-token: the ratio is the response's, the gradient the token's."""
        new, old, advantages, mask = batch()
        leaf = new.clone().requires_grad_()
        gspo_loss(leaf, old, advantages, mask, responses=N, low=9.0, high=9.0).loss.backward()
        for i in range(N):
            length = int(mask[i].sum())
            s = math.exp(float((new - old)[i, :length].sum()) / length)
            for t in range(T):
                expected = -s * float(advantages[i, t]) / (N * length) if t < length else 0.0
                assert float(leaf.grad[i, t]) == pytest.approx(expected, rel=1e-6)

    def test_equal_advantages_give_gspo(self) -> None:
        new, old, advantages, mask = batch(1)
        equal = advantages[:, :1].expand(N, T)
        leaf, other = new.clone().requires_grad_(), new.clone().requires_grad_()
        gspo_loss(leaf, old, equal, mask, responses=N, low=0.05, high=0.06).loss.backward()
        ratio = torch.exp((torch.where(mask, other - old, 0.0)).sum(dim=-1) / mask.sum(dim=-1))
        kept = torch.minimum(ratio * equal[:, 0], ratio.clamp(0.95, 1.06) * equal[:, 0])
        (-kept.mean()).backward()
        torch.testing.assert_close(leaf.grad, other.grad)

    def test_left_out_responses_count_in_the_normaliser(self) -> None:
        new, old, advantages, mask = batch()
        advantages = advantages.clone()
        advantages[::2] = 0
        whole = gspo_loss(new, old, advantages, mask, responses=N, low=0.1, high=0.1).loss
        rest = gspo_loss(new[1::2], old[1::2], advantages[1::2], mask[1::2], responses=N, low=0.1, high=0.1).loss
        torch.testing.assert_close(whole, rest)


class TestPenalties:
    def test_kl_is_right_in_expectation(self) -> None:
        p, q = torch.tensor([0.5, 0.3, 0.2]).double(), torch.tensor([0.2, 0.2, 0.6]).double()
        expected = float((p * (p / q).log()).sum())
        # Every outcome once, weighted by its probability.
        found = kl_penalty(p.log()[None], q.log()[None], p[None])
        assert float(found) == pytest.approx(expected)

    def test_kl_cov_against_a_loop(self) -> None:
        new, old, advantages, mask = batch()
        weights = token_weights(mask, "token", longest=T).double()
        selected = mask & (torch.arange(T) % 2 == 0)
        found = kl_cov_loss(new, old, advantages, weights, selected, beta=0.7)
        total = 0.0
        for i in range(N):
            for t in range(T):
                if mask[i, t]:
                    change = float(new[i, t] - old[i, t])
                    penalty = 0.7 * abs(change) if selected[i, t] else 0.0
                    total -= (math.exp(change) * float(advantages[i, t]) - penalty) / int(mask.sum())
        assert float(found) == pytest.approx(total, rel=1e-6)


@pytest.mark.parametrize("which", ["ppo", "dual", "gspo", "kl", "kl_cov"])
def test_gradients_against_finite_differences(which: str) -> None:
    new, old, advantages, mask = batch(3)
    weights = token_weights(mask, "sequence", longest=T).double()
    losses: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "ppo": lambda x: ppo_loss(x, old, advantages, weights, low=0.2, high=0.28).loss,
        "dual": lambda x: ppo_loss(x, old, advantages, weights, low=0.2, high=0.28, dual=1.3).loss,
        "gspo": lambda x: gspo_loss(x, old, advantages[:, :1].expand(N, T), mask, responses=N, low=0.2, high=0.3).loss,
        "kl": lambda x: kl_penalty(x, old, weights),
        "kl_cov": lambda x: kl_cov_loss(x, old, advantages, weights, mask, beta=0.5),
    }
    assert torch.autograd.gradcheck(losses[which], new.clone().requires_grad_(), eps=1e-7, atol=1e-6)
