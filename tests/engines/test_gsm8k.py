"""GSM8K and public models, up to the network: small local files of the same format."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from datasets import Dataset  # noqa: E402
from transformers import Qwen3ForCausalLM  # noqa: E402

from qae_sim.engines.demo import gsm8k  # noqa: E402
from qae_sim.engines.demo.small_model import small_model, small_tokenizer  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

ROWS = [
    {"question": "Ann has 70 pens and buys 2. How many?", "answer": "70 + 2 = <<70+2=72>>72 pens.\n#### 72"},
    {"question": "A house costs 1,000 and 234 more. How much?", "answer": "1,000 + 234 = 1,234.\n#### 1,234"},
]


@pytest.mark.parametrize("ending", [".jsonl", ".parquet"])
def test_problems_from_a_file(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"problems{ending}"
    if ending == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    else:
        Dataset.from_list(ROWS).to_parquet(path)
    data = gsm8k.load_problems(path)
    assert data.column_names == ["prompt", "solution"]
    assert data["solution"][:] == ["72", "1,234"]
    assert ROWS[0]["question"] in data[0]["prompt"]
    assert "####" not in data[0]["prompt"].replace("end with ####", "")  # the answer is not in it


def test_wrong_files_are_named(tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"problem": "?", "answer": "#### 1"}) + "\n")
    with pytest.raises(ValueError, match="must have the columns question and answer; got problem, answer"):
        gsm8k.load_problems(other)
    other.write_text(json.dumps({"question": "?", "answer": "one"}) + "\n")
    with pytest.raises(ValueError, match="an answer must end with #### and a number; got 'one'"):
        gsm8k.load_problems(other)
    with pytest.raises(OSError, match="cannot be loaded"):
        gsm8k.load_problems(tmp_path / "missing.jsonl")


def test_without_a_hub_it_says_what_can_be_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import datasets.config
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match=r"openai/gsm8k cannot be loaded: (.|\n)*Or stay with tier A"):
        gsm8k.load_problems()
    with pytest.raises(OSError, match=r"Qwen/Qwen3-0.6B-Base cannot be loaded: (.|\n)*Or stay with tier A"):
        gsm8k.load_base_model()
    with pytest.raises(OSError, match="cannot be loaded"):
        gsm8k.load_base_model(tmp_path)


def test_a_model_from_a_folder(tmp_path: Path) -> None:
    tokenizer = small_tokenizer()
    made = small_model(tokenizer, 0)
    made.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    model, again = gsm8k.load_base_model(tmp_path)
    assert again.padding_side == "left"
    assert again("27+48?").input_ids == tokenizer("27+48?").input_ids
    for name, value in made.state_dict().items():
        torch.testing.assert_close(model.state_dict()[name].cpu().float(), value, atol=0.02, rtol=0.02)


@pytest.mark.parametrize(
    ("text", "right", "wanted"),
    [
        ("70 + 2 = 72\n#### 72", "72", (1, 1)),
        ("#### 72\n", "72", (1, 1)),
        ("#### $72", "72", (1, 1)),
        ("#### 72.0", "72", (1, 1)),
        ("#### 1234", "1,234", (1, 1)),
        ("that makes 1,234 dollars", "1,234", (0, 1)),
        ("#### 72\nQuestion: what else?", "72", (0, 1)),
        ("#### 72\nor rather 73", "72", (0, 0)),
        ("72 - 1 = 71", "72", (0, 0)),
        ("####", "72", (0, 0)),
        ("", "72", (0, 0)),
        ("#### -3", "-3", (1, 1)),
        ("#### 0.5", "1/2", (1, 1)),
    ],
)
def test_verifiers(text: str, right: str, wanted: tuple[int, int]) -> None:
    assert (gsm8k.strict([text], [right])[0], gsm8k.lenient([text], [right])[0]) == wanted


def test_trl_trains_on_a_file_of_problems(tmp_path: Path) -> None:
    """Tier B's own path, with a small model in the place of a large one."""
    from trl import GRPOConfig

    from qae_sim.engines.trl import AdvantageGRPOTrainer

    path = tmp_path / "problems.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS * 4))
    tokenizer = small_tokenizer()
    args: dict[str, Any] = {
        "output_dir": str(tmp_path / "out"),
        "per_device_train_batch_size": 4,
        "num_generations": 4,
        "max_completion_length": 4,
        "max_steps": 1,
        "bf16": False,
        "report_to": [],
        "save_strategy": "no",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model: Qwen3ForCausalLM = small_model(tokenizer, 0)
        model.config.max_position_embeddings = 512
        trainer = AdvantageGRPOTrainer(
            model=model,
            processing_class=tokenizer,
            reward_funcs=[gsm8k.strict, gsm8k.lenient],
            args=GRPOConfig(**args),
            train_dataset=gsm8k.load_problems(path),
            advantage="qae",
        )
        trainer.train()
    assert "rewards/lenient/mean" in trainer.state.log_history[0]
