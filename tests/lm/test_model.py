"""The transformer: sampling against re-reading, an ensemble against its members, a plain implementation."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F  # noqa: E402, N812

from qae_sim.lm.model import SIZES, Size, Transformer, entropy_of, log_softmax  # noqa: E402
from qae_sim.lm.tasks import END, PAD  # noqa: E402

S, B, G, P, T, V = 3, 4, 5, 6, 7, 11
TINY = Size(2, 16, 2)


def model(seeds: object = range(S)) -> Transformer:
    made = Transformer(TINY, V, P, T, list(seeds)).double()  # type: ignore[call-overload]
    with torch.no_grad():
        made.head.mul_(40)  # far from uniform
        made.word.mul_(20)
    return made


def prompts(seed: int = 0) -> torch.Tensor:
    return torch.randint(2, V, (S, B, P), generator=torch.Generator().manual_seed(seed))


def numbers(seed: int = 1) -> torch.Tensor:
    return torch.rand((S, B, G, T), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def plain_logits(of: Transformer, member: int, words: torch.Tensor) -> torch.Tensor:
    """One sequence through one member, token by token and head by head, as a textbook writes it."""

    def norm(x: torch.Tensor, gain: torch.Tensor) -> torch.Tensor:
        return x / torch.sqrt((x**2).mean(dim=-1, keepdim=True) + torch.finfo(x.dtype).eps) * gain

    n, d, heads = len(words), TINY.width, TINY.heads
    x = of.word[member][words] + of.position[member][:n]
    for layer in range(TINY.layers):
        q, k, v = (norm(x, of.attention_norm[layer, member]) @ of.qkv[layer, member]).split(d, dim=-1)
        gathered = torch.zeros(n, d, dtype=x.dtype)
        for h in range(heads):
            part = slice(h * d // heads, (h + 1) * d // heads)
            for i in range(n):
                weights = torch.softmax(k[: i + 1, part] @ q[i, part] / math.sqrt(d // heads), dim=0)
                gathered[i, part] = weights @ v[: i + 1, part]
        x = x + gathered @ of.attention_out[layer, member]
        inner = F.gelu(norm(x, of.mlp_norm[layer, member]) @ of.mlp_in[layer, member], approximate="tanh")
        x = x + inner @ of.mlp_out[layer, member]
    return norm(x, of.norm[member]) @ of.head[member]


def test_forward_is_that_of_a_plain_transformer() -> None:
    made, given = model(), prompts()
    said = torch.randint(2, V, (S, 3, T), generator=torch.Generator().manual_seed(2))
    of = torch.tensor([[0, 3, 3], [1, 2, 0], [3, 3, 3]])
    with torch.no_grad():
        logits = made(given, said, of)
        for s in range(S):
            for n in range(3):
                words = torch.cat([given[s, of[s, n]], said[s, n, :-1]])
                expected = plain_logits(made, s, words)[P - 1 :]
                torch.testing.assert_close(logits[s, n].double(), expected, atol=3e-6, rtol=1e-6)


def test_sampling_is_what_reading_again_finds() -> None:
    made, given = model(), prompts()
    sampled = made.generate(given, numbers())
    said = sampled.tokens.flatten(1, 2)
    of = torch.arange(B).repeat_interleave(G).expand(S, -1)
    log_p = log_softmax(made(given, said, of))
    mask = said != PAD
    found = torch.where(mask, log_p.gather(-1, said[..., None]).squeeze(-1), 0.0)
    torch.testing.assert_close(sampled.log_probs.flatten(1, 2).double(), found.double(), atol=2e-6, rtol=0)
    entropies = torch.where(mask, entropy_of(log_p), 0.0)
    torch.testing.assert_close(sampled.entropies.flatten(1, 2).double(), entropies.double(), atol=2e-6, rtol=0)
    assert torch.equal(sampled.mask.flatten(1, 2), mask)


def test_tokens_are_where_the_cumulative_probability_passes_the_number() -> None:
    made, given, u = model(), prompts(), numbers()
    sampled = made.generate(given, u)
    said = sampled.tokens.flatten(1, 2)
    of = torch.arange(B).repeat_interleave(G).expand(S, -1)
    p = log_softmax(made(given, said, of)).exp()
    above = p.cumsum(-1).gather(-1, said[..., None]).squeeze(-1)
    own = p.gather(-1, said[..., None]).squeeze(-1)
    mask, u = said != PAD, u.flatten(1, 2)
    assert (above[mask] > u[mask] - 1e-6).all()
    assert (above[mask] - own[mask] <= u[mask] + 1e-6).all()


def test_nothing_after_the_end() -> None:
    sampled = model().generate(prompts(), numbers())
    after = (sampled.tokens == END).int().cumsum(-1) - (sampled.tokens == END).int()
    assert (after > 0).any()
    assert (sampled.tokens[after > 0] == PAD).all()
    assert (sampled.log_probs[after > 0] == 0).all()
    assert (sampled.entropies[after > 0] == 0).all()
    assert (sampled.tokens[after == 0] != PAD).all()


def test_stopping_early_changes_nothing() -> None:
    made = model()
    with torch.no_grad():
        made.head[..., END] += 40 * made.head.abs().mean()
    early, late = (made.generate(prompts(), numbers(), stop_early=stop) for stop in (True, False))
    assert torch.equal(early.tokens, late.tokens)
    assert torch.equal(early.log_probs, late.log_probs)


def test_an_ensemble_is_its_members() -> None:
    together, given, u = model([5, 6, 7]), prompts(), numbers()
    all_of_them = together.generate(given, u)
    for s, seed in enumerate([5, 6, 7]):
        alone = model([seed])
        sampled = alone.generate(given[s : s + 1], u[s : s + 1])
        assert torch.equal(sampled.tokens[0], all_of_them.tokens[s])
        torch.testing.assert_close(sampled.log_probs[0], all_of_them.log_probs[s], atol=2e-6, rtol=0)


def test_gradients_of_members_do_not_mix() -> None:
    together, given = model(), prompts()
    said = torch.randint(2, V, (S, B, T), generator=torch.Generator().manual_seed(2))
    of = torch.arange(B).expand(S, -1)
    log_softmax(together(given, said, of))[1].gather(-1, said[1, ..., None]).sum().backward()
    for name, parameter in together.named_parameters():
        by_member = parameter.grad.transpose(0, 1) if parameter.shape[0] == TINY.layers else parameter.grad
        assert (by_member[[0, 2]] == 0).all(), name
        assert (by_member[1] != 0).any(), name


def test_only_the_prompt_of_a_response_matters() -> None:
    made, given = model(), prompts()
    said = torch.randint(2, V, (S, 2, T), generator=torch.Generator().manual_seed(2))
    of = torch.tensor([[0, 1]] * S)
    before = made(given, said, of)
    other = given.clone()
    other[:, 1] = 2
    after = made(other, said, of)
    assert torch.equal(before[:, 0], after[:, 0])
    assert not torch.equal(before[:, 1], after[:, 1])


def test_no_token_sees_its_future() -> None:
    made, given = model(), prompts()
    said = torch.randint(2, V, (S, 2, T), generator=torch.Generator().manual_seed(2))
    of = torch.tensor([[0, 1]] * S)
    before = made(given, said, of)
    said[..., 4:] = 2
    after = made(given, said, of)
    torch.testing.assert_close(before[:, :, :5], after[:, :, :5], atol=1e-12, rtol=0)


def test_shorter_responses_and_none() -> None:
    made, given = model(), prompts()
    said = torch.randint(2, V, (S, 2, T), generator=torch.Generator().manual_seed(2))
    of = torch.tensor([[0, 1]] * S)
    whole, part = made(given, said, of), made(given, said[..., :1], of)
    torch.testing.assert_close(whole[:, :, :1], part, atol=1e-6, rtol=0)
    assert made(given, said[:, :0], of[:, :0]).shape == (S, 0, T, V)


def test_the_start_depends_on_the_own_seed_alone() -> None:
    together, alone = Transformer(TINY, V, P, T, [1, 2]), Transformer(TINY, V, P, T, [2])
    assert torch.equal(together.word[1], alone.word[0])
    assert torch.equal(together.qkv[:, 1], alone.qkv[:, 0])
    assert not torch.equal(together.word[0], together.word[1])


@pytest.mark.parametrize("name", SIZES)
def test_sizes_count_their_parameters(name: str) -> None:
    size = SIZES[name]
    made = Transformer(size, 17, 8, 13, [0])
    assert sum(p.numel() for p in made.parameters()) == size.parameters(17, 21)


@pytest.mark.parametrize(("values", "message"), [((0, 8, 2), "layers"), ((1, 8, 3), "heads"), ((1, 0, 1), "width")])
def test_impossible_sizes(values: tuple[int, int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Size(*values)


def test_a_distribution_without_its_filling() -> None:
    log_p = log_softmax(torch.tensor([5.0, 0.0, 0.0, math.log(2)]))
    torch.testing.assert_close(log_p.exp(), torch.tensor([0.0, 0.25, 0.25, 0.5]))
    assert float(entropy_of(log_p)) == pytest.approx(1.5 * math.log(2))
