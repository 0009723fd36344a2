"""A language model of the architecture of Qwen3, small enough for a laptop, with its tokenizer; nothing to download."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from tokenizers import Regex, Tokenizer
from tokenizers.decoders import Fuse
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Split
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from qae_sim.engines.demo.written_addition import CHARACTERS, LONGEST, demonstrations, problems, reward

_END, _PAD = "<end>", "<pad>"
_BATCH = 128
_LEARNING_RATE = 2e-3


def small_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer whose tokens are characters.

    Returns:
        The tokenizer; it pads on the left, as generation requires.

    Example:
        >>> small_tokenizer()("1+1?").input_ids
        [1, 10, 1, 12]
    """
    words = {word: number for number, word in enumerate([*CHARACTERS, _END, _PAD])}
    tokenizer = Tokenizer(WordLevel(words, unk_token=_PAD))
    tokenizer.pre_tokenizer = Split(Regex("."), behavior="isolated")
    tokenizer.decoder = Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=_END,
        pad_token=_PAD,
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def small_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> Qwen3ForCausalLM:
    """Make an untrained Qwen3, small enough for a laptop.

    Args:
        tokenizer: Its tokenizer.
        seed: Seed of its first weights.

    Returns:
        The model.

    Example:
        >>> small_model(small_tokenizer(), seed=0).num_parameters()
        790016
    """
    torch.manual_seed(seed)
    config = Qwen3Config(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=64,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config)


def warm_start(
    model: Qwen3ForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    seed: int,
    *,
    steps: int = 130,
    tell: Callable[[float], None] | None = None,
) -> None:
    """Train the base model for RLVR: supervised, on worked solutions of which 35 % are wrong.

    Args:
        model: Trained in place.
        tokenizer: Its tokenizer.
        seed: Seed of the demonstrations, >= 0.
        steps: Number of batches of 128 demonstrations, >= 1.
        tell: Called with the share done, in [0, 1].

    Example:
        >>> model = small_model(small_tokenizer(), seed=0)
        >>> warm_start(model, small_tokenizer(), seed=0, steps=1, tell=print)
        1.0
    """
    prompts = problems(_BATCH * steps, seed)
    texts = [p + d + _END for p, d in zip(prompts, demonstrations(prompts, seed), strict=True)]
    optimizer = torch.optim.AdamW(model.parameters(), lr=_LEARNING_RATE, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 10))
    model.train()
    for step in range(steps):
        given = tokenizer(
            texts[step * _BATCH : (step + 1) * _BATCH], padding=True, padding_side="right", return_tensors="pt"
        )
        logits = model(input_ids=given.input_ids, attention_mask=given.attention_mask).logits
        # The six characters of the prompts are not to be learned.
        said = given.input_ids[:, 6:].masked_fill(given.attention_mask[:, 6:] == 0, -100)
        loss = cross_entropy(logits[:, 5:-1].transpose(1, 2), said)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        if tell is not None:
            tell((step + 1) / steps)


@torch.no_grad()
def solve(
    model: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, prompts: Sequence[str], group: int, seed: int
) -> tuple[np.ndarray, list[str]]:
    """Sample responses, and verify them.

    Args:
        model: The model.
        tokenizer: Its tokenizer.
        prompts: B prompts, all of one length.
        group: G, responses to each, >= 1.
        seed: Seed of the sampling; PyTorch's random state is restored afterwards.

    Returns:
        Rewards ``(B, G)``; the responses, prompt by prompt.

    Example:
        >>> rewards, texts = solve(small_model(small_tokenizer(), 0), small_tokenizer(), ["27+48?"], 4, seed=0)
        >>> rewards.shape, len(texts)
        ((1, 4), 4)
    """
    given = tokenizer(list(prompts), return_tensors="pt").to(model.device)
    was_training = model.training
    model.eval()
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        said = model.generate(
            input_ids=given.input_ids,
            attention_mask=given.attention_mask,
            max_new_tokens=LONGEST,
            do_sample=True,
            top_k=0,
            num_return_sequences=group,
        )
    model.train(was_training)
    texts = tokenizer.batch_decode(said[:, given.input_ids.shape[1] :], skip_special_tokens=True)
    asked = [prompt for prompt in prompts for _ in range(group)]
    return np.array(reward(asked, texts)).reshape(len(prompts), group), texts
