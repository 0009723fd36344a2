"""A small decoder-only transformer, written for reading, with an ensemble dimension S in every parameter.

S models of one size (with different seeds or recipes) train as one batched computation: each linear layer is one
batched matrix product, ``(S, tokens, d) @ (S, d, e)``. A single model is an ensemble of one.

All responses to a prompt share it: its tokens pass through the model once, and the responses attend to its keys and
values, in training as in sampling.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
import torch.nn.functional as F  # noqa: N812 - everybody's name for it
from torch import Tensor, nn

from qae_sim.arrays import invalid, require_integer
from qae_sim.lm.tasks import END, PAD


@dataclass(frozen=True)
class Size:
    """The size of a model.

    Attributes:
        layers: Blocks of attention and MLP, >= 1.
        width: d, >= 1; the MLP has 4d units.
        heads: Attention heads, >= 1, a divisor of the width.

    Raises:
        TypeError: A value is not an integer.
        ValueError: A value is out of range.

    Example:
        >>> Size(2, 64, 4).parameters(vocabulary=17, context=21)
        102144
    """

    layers: int
    width: int
    heads: int

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads"):
            require_integer(name, getattr(self, name), low=1)
        if self.width % self.heads:
            raise invalid("heads", self.heads, f"a divisor of width={self.width}")

    def parameters(self, vocabulary: int, context: int) -> int:
        """Count the parameters of one model.

        Args:
            vocabulary: V, number of different tokens.
            context: Greatest number of tokens of a prompt and its response together.

        Returns:
            Their number.
        """
        d = self.width
        return self.layers * (12 * d * d + 2 * d) + d + (2 * vocabulary + context) * d


#: The sizes by name.
SIZES = MappingProxyType({"small": Size(2, 64, 4), "medium": Size(4, 128, 4)})


class Transformer(nn.Module):
    """S transformers of one size: RMSNorm before each part, learned positions, GELU, no biases.

    Args:
        size: Layers, width, heads.
        vocabulary: V, number of different tokens.
        prompt_length: P, tokens of every prompt.
        response_length: T, greatest number of tokens of a response.
        seeds: One for each member; a member's first weights depend on its own seed alone.
    """

    word: nn.Parameter
    position: nn.Parameter
    attention_norm: nn.Parameter
    qkv: nn.Parameter
    attention_out: nn.Parameter
    mlp_norm: nn.Parameter
    mlp_in: nn.Parameter
    mlp_out: nn.Parameter
    norm: nn.Parameter
    head: nn.Parameter

    def __init__(
        self, size: Size, vocabulary: int, prompt_length: int, response_length: int, seeds: Sequence[int]
    ) -> None:
        super().__init__()
        self.size, self.vocabulary = size, vocabulary
        self.prompt_length, self.response_length = prompt_length, response_length
        d, layers, context = size.width, size.layers, prompt_length + response_length
        # Weights that write into the residual stream start smaller, so that the sum over the layers keeps its size.
        inner, outer = 1 / math.sqrt(d), 1 / math.sqrt(d * 2 * layers)
        shapes = {
            "word": ((vocabulary, d), 0.02),
            "position": ((context, d), 0.02),
            "attention_norm": ((layers, d), 0.0),
            "qkv": ((layers, d, 3 * d), inner),
            "attention_out": ((layers, d, d), outer),
            "mlp_norm": ((layers, d), 0.0),
            "mlp_in": ((layers, d, 4 * d), inner),
            "mlp_out": ((layers, 4 * d, d), outer / 2),
            "norm": ((d,), 0.0),
            "head": ((d, vocabulary), 0.02),
        }
        starts: dict[str, list[Tensor]] = {name: [] for name in shapes}
        for seed in seeds:
            generator = torch.Generator().manual_seed(require_integer("seed", seed))
            for name, (shape, scale) in shapes.items():
                start = torch.randn(shape, generator=generator) * scale if scale else torch.ones(shape)
                starts[name].append(start)
        for name, members in starts.items():
            # Layers first, so that a layer's weights (S, d, e) are one piece of memory.
            stacked = torch.stack(members)
            setattr(self, name, nn.Parameter(stacked.movedim(0, member_axis(name)).contiguous()))

    @property
    def members(self) -> int:
        """S, the number of models."""
        return self.word.shape[0]

    def member_state(self, member: int) -> dict[str, Tensor]:
        """Return the parameters of one member by name, without the ensemble's dimension."""
        return {name: p.detach().select(member_axis(name), member).clone() for name, p in self.named_parameters()}

    def load_members(self, states: Sequence[dict[str, Tensor]]) -> None:
        """Set the parameters of all members, given as by :meth:`member_state`."""
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                parameter.copy_(torch.stack([state[name] for state in states], dim=member_axis(name)))

    # --- the parts of a block; x has shape (S, tokens, d) ---

    def _qkv(self, layer: int, x: Tensor) -> Tensor:
        """Compute queries, keys and values, ``(S, tokens, 3, heads, d / heads)``."""
        qkv = _norm(x, self.attention_norm[layer]) @ self.qkv[layer]
        return qkv.reshape(*x.shape[:2], 3, self.size.heads, -1)

    def _add_attention(self, layer: int, x: Tensor, mixed: Tensor) -> Tensor:
        """Add the output of attention to the residual stream."""
        return torch.baddbmm(x, mixed, self.attention_out[layer])

    def _add_mlp(self, layer: int, x: Tensor) -> Tensor:
        """Add the output of the MLP to the residual stream."""
        inner = F.gelu(_norm(x, self.mlp_norm[layer]) @ self.mlp_in[layer], approximate="tanh")
        return torch.baddbmm(x, inner, self.mlp_out[layer])

    def _logits(self, x: Tensor) -> Tensor:
        """Compute logits of the next token, in float32 whatever the precision of the products."""
        return self._read(_norm(x, self.norm))

    def _read(self, states: Tensor) -> Tensor:
        """Compute logits from normalised states."""
        return (states @ self.head).float()

    def _embed(self, tokens: Tensor, first: int) -> Tensor:
        """Embed tokens ``(S, ..., n)`` at positions first, first + 1, ... as ``(S, ..., n, d)``."""
        member = torch.arange(self.members, device=tokens.device).view(-1, *[1] * (tokens.dim() - 1))
        places = self.position[:, first : first + tokens.shape[-1]]
        return self.word[member, tokens] + places.view(self.members, *[1] * (tokens.dim() - 2), *places.shape[1:])

    # --- training ---

    def forward(self, prompts: Tensor, responses: Tensor, prompt_of: Tensor) -> Tensor:
        """Compute the logits of every token of responses.

        Args:
            prompts: ``(S, B, P)``.
            responses: ``(S, N, T')``, T' <= T.
            prompt_of: Number of the prompt that each response answers, 0 to B - 1, ``(S, N)``.

        Returns:
            ``(S, N, T', V)``: at t, the logits from which token t of the response is sampled.
        """
        states = self.hidden_states(prompts, responses, prompt_of)
        return self._read(states.flatten(1, 2)).reshape(*states.shape[:-1], self.vocabulary)

    def hidden_states(self, prompts: Tensor, responses: Tensor, prompt_of: Tensor) -> Tensor:
        """Compute the states from which tokens of responses are predicted, after the last norm.

        Args:
            prompts: ``(S, B, P)``.
            responses: ``(S, N, T')``, T' <= T.
            prompt_of: Number of the prompt that each response answers, 0 to B - 1, ``(S, N)``.

        Returns:
            ``(S, N, T', d)``.
        """
        s, b, p = prompts.shape
        n, t = responses.shape[1], responses.shape[2] - 1  # nothing attends to the last token
        heads, d = self.size.heads, self.size.width
        x = torch.cat([self._embed(prompts, 0).flatten(1, 2), self._embed(responses[..., :-1], p).flatten(1, 2)], dim=1)
        # A response sees its whole prompt and its own past.
        sees = torch.ones(t, p + t, dtype=torch.bool, device=x.device).tril(p)
        rows = (prompt_of + b * torch.arange(s, device=x.device)[:, None]).flatten()
        for layer in range(self.size.layers):
            qkv = self._qkv(layer, x)
            prompt = qkv[:, : b * p].reshape(s * b, p, 3, heads, -1).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(prompt[0], prompt[1], prompt[2], is_causal=True)
            parts = [mixed.transpose(1, 2).reshape(s, b * p, d)]
            if t and n:
                own = qkv[:, b * p :].reshape(s * n, t, 3, heads, -1).permute(2, 0, 3, 1, 4)
                keys, values = (torch.cat([prompt[i].index_select(0, rows), own[i]], dim=2) for i in (1, 2))
                mixed = F.scaled_dot_product_attention(own[0], keys, values, attn_mask=sees)
                parts.append(mixed.transpose(1, 2).reshape(s, n * t, d))
            x = self._add_mlp(layer, self._add_attention(layer, x, torch.cat(parts, dim=1)))
        # The last token of the prompt predicts the first token of all its responses.
        last = x[:, : b * p].reshape(s * b, p, d)[:, -1].index_select(0, rows).reshape(s, n, 1, d)
        told = torch.cat([last, x[:, b * p :].reshape(s, n, t, d)], dim=2)
        return _norm(told.flatten(1, 2), self.norm).reshape(s, n, t + 1, d)

    # --- sampling ---

    @torch.no_grad()
    def generate(
        self, prompts: Tensor, uniforms: Tensor, *, temperature: float | Tensor = 1.0, stop_early: bool = True
    ) -> Sampled:
        """Sample G responses to each prompt, with a cache of keys and values.

        A token is the first one at which the cumulative probability exceeds the uniform number, so that the same
        numbers give the same responses on every device, except for rounding.

        Args:
            prompts: ``(S, B, P)``.
            uniforms: Uniform numbers in [0, 1), ``(S, B, G, T)``.
            temperature: Divides the logits, > 0; the entropies are those of the distribution that is sampled from.
            stop_early: Stop when every response has ended; if False, the amount of work is fixed.

        Returns:
            Tokens, their log-probabilities, and entropies.
        """
        s, b, p = prompts.shape
        g, longest = uniforms.shape[2], uniforms.shape[3]
        heads, d = self.size.heads, self.size.width
        x = self._embed(prompts, 0).flatten(1, 2)
        device = x.device
        prompt_keys: list[tuple[Tensor, Tensor]] = []
        own_keys: list[tuple[Tensor, Tensor]] = []
        for layer in range(self.size.layers):
            q, k, v = self._qkv(layer, x).reshape(s * b, p, 3, heads, -1).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = self._add_mlp(layer, self._add_attention(layer, x, mixed.transpose(1, 2).reshape(s, b * p, d)))
            prompt_keys.append((k.contiguous(), v.contiguous()))
            shape = (s * b, heads, g, longest, d // heads)
            own_keys.append((k.new_zeros(shape), v.new_zeros(shape)))
        told = x.reshape(s, b, p, d)[:, :, -1]
        logits = self._logits(told)[:, :, None].expand(s, b, g, self.vocabulary)

        tokens = torch.full((s, b, g, longest), PAD, dtype=torch.long, device=device)
        log_probs = torch.zeros((s, b, g, longest), device=device)
        entropies = torch.zeros((s, b, g, longest), device=device)
        alive = torch.ones((s, b, g), dtype=torch.bool, device=device)
        for place in range(longest):
            chosen, log_prob, entropy = _sample(logits / temperature, uniforms[..., place])
            tokens[..., place] = torch.where(alive, chosen, PAD)
            log_probs[..., place] = torch.where(alive, log_prob, 0.0)
            entropies[..., place] = torch.where(alive, entropy, 0.0)
            alive &= chosen != END
            if place + 1 == longest or (stop_early and not bool(alive.any())):
                break
            x = self._embed(tokens[..., place : place + 1].flatten(1, 2), p + place).squeeze(2)
            for layer in range(self.size.layers):
                q, k, v = self._qkv(layer, x).reshape(s * b, g, 3, heads, -1).permute(2, 0, 3, 1, 4)
                keys, values = own_keys[layer]
                keys[:, :, :, place], values[:, :, :, place] = k, v
                mixed = _attend(q, *prompt_keys[layer], keys[:, :, :, : place + 1], values[:, :, :, : place + 1])
                x = self._add_attention(layer, x, mixed.transpose(1, 2).reshape(s, b * g, d))
                x = self._add_mlp(layer, x)
            logits = self._logits(x).reshape(s, b, g, self.vocabulary)
        return Sampled(tokens, log_probs, entropies)


@dataclass(frozen=True)
class Sampled:
    """Sampled responses; after their end tokens are PAD and numbers 0.

    Attributes:
        tokens: ``(S, B, G, T)``.
        log_probs: log π of each token, same shape, float32.
        entropies: Entropy in nats of the distribution that each token was sampled from, same shape.
    """

    tokens: Tensor
    log_probs: Tensor
    entropies: Tensor

    @property
    def mask(self) -> Tensor:
        """True at the responses' own tokens, including the end, ``(S, B, G, T)``."""
        return self.tokens != PAD


def member_axis(name: str) -> int:
    """Find the axis of the ensemble in a parameter: after that of the layers, if it has one.

    Args:
        name: The parameter's name.

    Returns:
        0 or 1.

    Example:
        >>> member_axis("word"), member_axis("qkv")
        (0, 1)
    """
    return int(name in {"attention_norm", "qkv", "attention_out", "mlp_norm", "mlp_in", "mlp_out"})


def _norm(x: Tensor, gain: Tensor) -> Tensor:
    """Apply RMSNorm with one gain per member."""
    return F.rms_norm(x, x.shape[-1:]) * gain[:, None]


def _attend(q: Tensor, prompt_k: Tensor, prompt_v: Tensor, own_k: Tensor, own_v: Tensor) -> Tensor:
    """Attend from one new token of each response to its prompt and its past.

    Args:
        q: ``(S·B, heads, G, e)``.
        prompt_k: Keys of the prompt, shared by the group, ``(S·B, heads, P, e)``.
        prompt_v: Its values.
        own_k: Keys of the response so far, ``(S·B, heads, G, t, e)``.
        own_v: Its values.

    Returns:
        ``(S·B, heads, G, e)``.
    """
    scale = 1 / math.sqrt(q.shape[-1])
    at_prompt = q @ prompt_k.transpose(-1, -2)
    at_own = (own_k @ q[..., None]).squeeze(-1)
    weights = torch.softmax(torch.cat([at_prompt, at_own], dim=-1).float() * scale, dim=-1).to(q.dtype)
    to_prompt, to_own = weights[..., : prompt_k.shape[-2]], weights[..., prompt_k.shape[-2] :]
    return to_prompt @ prompt_v + (to_own[..., None, :] @ own_v).squeeze(-2)


def _sample(logits: Tensor, uniforms: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Sample one token from each distribution, by the inverse of its cumulative distribution.

    Args:
        logits: ``(..., V)``, float32.
        uniforms: ``(...)``, in [0, 1).

    Returns:
        Tokens, their log π and entropies, each ``(...)``. PAD has probability 0 and is never sampled.
    """
    log_p = log_softmax(logits)
    p = log_p.exp()
    running = p.cumsum(dim=-1)
    # Rounding may leave the sum below 1, so scale the uniform number by the actual sum.
    target = uniforms.to(running.dtype) * running[..., -1]
    chosen = (running <= target[..., None]).sum(dim=-1).clamp(max=logits.shape[-1] - 1)
    log_prob = log_p.gather(-1, chosen[..., None]).squeeze(-1)
    return chosen, log_prob, entropy_of(log_p)


def log_softmax(logits: Tensor) -> Tensor:
    """Compute log-probabilities of tokens; PAD gets probability 0.

    Args:
        logits: ``(..., V)``.

    Returns:
        log π, same shape; -inf for PAD.

    Example:
        >>> log_softmax(torch.zeros(3)).exp()
        tensor([0.0000, 0.5000, 0.5000])
    """
    padding = torch.arange(logits.shape[-1], device=logits.device) == PAD
    return torch.log_softmax(logits.masked_fill(padding, -math.inf), dim=-1)


def entropy_of(log_p: Tensor) -> Tensor:
    """Compute the entropy of distributions: H = -Σ p·log p.

    Args:
        log_p: Log-probabilities, ``(..., V)``, -inf allowed.

    Returns:
        Entropies in nats, ``(...)``.

    Example:
        >>> entropy_of(log_softmax(torch.zeros(3)))
        tensor(0.6931)
    """
    return -(log_p.exp() * log_p.clamp(min=-1e9)).sum(dim=-1)
