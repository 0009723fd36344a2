"""A public base model and GSM8K, loaded from the hub or from disk, and two verifiers, one stricter than the other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

MODEL = "Qwen/Qwen3-0.6B-Base"
DATA = "openai/gsm8k"

#: The final answer, in the form of GSM8K's own solutions.
_FINAL = re.compile(r"####\s*(\S[^\n]*?)\s*$")
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")

_OFFLINE = (
    "Offline, give a folder or file of your own that holds the same: anything that was downloaded elsewhere. Or stay "
    "with tier A, which downloads nothing."
)


def prompt_of(question: str) -> str:
    """Write the prompt for a question.

    Args:
        question: GSM8K's question.

    Returns:
        The prompt.

    Example:
        >>> print(prompt_of("What is 2 + 2?"))
        Question: What is 2 + 2?
        Think step by step, and end with #### and the number.
        Answer:
    """
    return f"Question: {question}\nThink step by step, and end with #### and the number.\nAnswer:"


def load_problems(source: str | Path = DATA, split: str = "train") -> Any:
    """Load problems with ``prompt`` and ``solution``.

    Args:
        source: A dataset of the hub, or a ``.jsonl`` or ``.parquet`` file with GSM8K's columns, question and answer.
        split: ``"train"`` or ``"test"``, for the hub.

    Returns:
        A Hugging Face dataset.

    Raises:
        OSError: The hub cannot be reached, or the file is missing; the message says what to do.
        ValueError: The file has other columns, or an answer has no number after ``####``.
    """
    from datasets import load_dataset

    kinds = {".jsonl": "json", ".parquet": "parquet"}
    kind = kinds.get(Path(source).suffix)
    try:
        if kind is not None:
            data = load_dataset(kind, data_files=str(source), split="train")
        else:
            data = load_dataset(str(source), "main", split=split)
    except OSError as error:
        raise OSError(f"{source} cannot be loaded: {error}\n{_OFFLINE}") from error
    if not {"question", "answer"} <= set(data.column_names):
        raise ValueError(f"{source} must have the columns question and answer; got {', '.join(data.column_names)}")

    def asked(row: dict[str, str]) -> dict[str, str]:
        found = _FINAL.search(row["answer"])
        if found is None:
            raise ValueError(f"{source}: an answer must end with #### and a number; got {row['answer'][-60:]!r}")
        return {"prompt": prompt_of(row["question"]), "solution": found[1]}

    return data.map(asked, remove_columns=data.column_names)


def load_base_model(source: str | Path = MODEL) -> tuple[Any, Any]:
    """Load a base model and its tokenizer.

    Args:
        source: A model of the hub, or a folder.

    Returns:
        Model, on the GPU if there is one; tokenizer.

    Raises:
        OSError: The hub cannot be reached, or the folder holds no model; the message says what to do.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    cuda = torch.cuda.is_available()
    try:
        model = AutoModelForCausalLM.from_pretrained(str(source), dtype=torch.bfloat16 if cuda else torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(str(source), padding_side="left")
    except (OSError, ValueError) as error:  # a missing tokenizer is a ValueError to transformers
        raise OSError(f"{source} cannot be loaded: {error}\n{_OFFLINE}") from error
    return model.to("cuda") if cuda else model, tokenizer


def random_base_model() -> Any:
    """Make a model of the architecture of Qwen3-0.6B with random weights, to measure time and memory.

    Returns:
        The model.
    """
    import torch
    from transformers import Qwen3Config, Qwen3ForCausalLM

    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=151_936,
        hidden_size=1024,
        intermediate_size=3072,
        num_hidden_layers=28,
        num_attention_heads=16,
        num_key_value_heads=8,
        head_dim=128,
        max_position_embeddings=32_768,
        rope_theta=1_000_000.0,
        tie_word_embeddings=True,
        eos_token_id=151_643,
        pad_token_id=151_643,
        bos_token_id=None,
    )
    return Qwen3ForCausalLM(config)


def strict(completions: list[str], solution: list[str], **others: Any) -> list[float]:
    r"""Reward 1 if a response ends as asked, with ``####`` and the correct number; a reward function for TRL.

    Args:
        completions: N responses.
        solution: The correct number for each.
        **others: Further arguments that TRL passes; ignored.

    Returns:
        N rewards, 0.0 or 1.0.

    Example:
        >>> strict(["... so 70 + 2 = 72\n#### 72", "It is 72."], ["72", "72"])
        [1.0, 0.0]
    """
    found = [_FINAL.search(text.rstrip()) for text in completions]
    return [float(f is not None and _equal(f[1], right)) for f, right in zip(found, solution, strict=True)]


def lenient(completions: list[str], solution: list[str], **others: Any) -> list[float]:
    """Reward 1 if the last number of a response is correct, in whatever form; a reward function for TRL.

    By this measure, learning the form of the answer alone is no gain.

    Args:
        completions: N responses.
        solution: The correct number for each.
        **others: Further arguments that TRL passes; ignored.

    Returns:
        N rewards, 0.0 or 1.0.

    Example:
        >>> lenient(["It is 72.", "72 or 73"], ["72", "72"])
        [1.0, 0.0]
    """
    found = [_NUMBER.findall(text) for text in completions]
    return [float(bool(f) and _equal(f[-1], right)) for f, right in zip(found, solution, strict=True)]


def _equal(said: str, right: str) -> bool:
    """Tell whether math-verify takes two expressions for the same number."""
    from math_verify import parse, verify

    # Its time limits use alarms, which work only in the main thread; numbers need no limit.
    a, b = (parse(text, parsing_timeout=None) for text in (right, said))
    return bool(verify(a, b, timeout_seconds=None))
