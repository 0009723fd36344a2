"""The same advantages inside TRL: real training steps of a small model on the CPU, compared with stock TRL."""

from __future__ import annotations

import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
trl = pytest.importorskip("trl")

from datasets import Dataset  # noqa: E402
from made_logs import seen, truth  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM  # noqa: E402

from qae_sim.advantages import (  # noqa: E402
    ESTIMATORS,
    AdvantageRule,
    Estimator,
    HardAnchor,
    LinearK,
    SoftAnchor,
    Term,
    dr_grpo,
    gdpo,
    get,
    grpo,
    ha_dw,
    ha_dw_weights,
    ktae,
    opo,
    qae,
    registered,
    rlev,
    why_not,
)
from qae_sim.engines.batches import estimate  # noqa: E402
from qae_sim.engines.dynamic_sampling import merged  # noqa: E402
from qae_sim.engines.trl import AdvantageGRPOTrainer  # noqa: E402
from qae_sim.logs.digest import digest  # noqa: E402

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
VOCABULARY, G = 12, 4


def tokenizer() -> Any:
    plain = Tokenizer(models.WordLevel({f"w{i}": i for i in range(VOCABULARY)}, unk_token="w2"))
    plain.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="w0", eos_token="w1")


def model(seed: int = 0) -> Any:
    torch.manual_seed(seed)
    sizes = {"vocab_size": VOCABULARY, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8, "max_position_embeddings": 32}
    return Qwen3ForCausalLM(Qwen3Config(**sizes, **heads, pad_token_id=0, eos_token_id=1))


def odd(completions: list[str], **kwargs: Any) -> list[float]:
    """1 where the words' numbers add up to an odd number."""
    return [float(sum(int(word[1:]) for word in text.split()) % 2) for text in completions]


def arguments(folder: Path, **changes: Any) -> Any:
    values: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 8,
        "num_generations": G,
        "max_completion_length": 5,
        "max_steps": 3,
        "learning_rate": 1e-2,
        "bf16": False,
        "use_cpu": True,
        "report_to": [],
        "logging_steps": 1,
        "save_strategy": "no",
        "disable_tqdm": True,
        "seed": 7,
        "gradient_checkpointing": False,
        "lr_scheduler_type": "constant",
    }
    return trl.GRPOConfig(**(values | changes))


def data(count: int = 16, **columns: Any) -> Any:
    rng = np.random.default_rng(0)
    prompts = [" ".join(f"w{i}" for i in rng.integers(2, VOCABULARY, 3)) for _ in range(count)]
    return Dataset.from_dict({"prompt": prompts, **columns})


def trainer_of(
    folder: Path, kind: Any = AdvantageGRPOTrainer, reward: Any = odd, args: Any = None, **options: Any
) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return kind(
            model=options.pop("model", None) or model(),
            processing_class=tokenizer(),
            reward_funcs=reward,
            train_dataset=data(**options.pop("columns", {})),
            args=args or arguments(folder),
            **options,
        )


def trained(trainer: Any) -> Any:
    trainer.train()
    return trainer


def weights(trainer: Any) -> dict[str, Any]:
    return {name: p.detach().clone() for name, p in trainer.model.named_parameters()}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(torch.equal(a[name], b[name]) for name in a)


def logged(trainer: Any, name: str) -> list[float]:
    return [row[name] for row in trainer.state.log_history if name in row]


def test_grpo_is_stock_trl_bit_by_bit(tmp_path: Path) -> None:
    # One after the other: constructing a trainer sets the seed of what it samples.
    stock = trained(trainer_of(tmp_path / "a", trl.GRPOTrainer))
    ours = trained(trainer_of(tmp_path / "b", advantage="grpo"))
    other = trained(trainer_of(tmp_path / "c", advantage="qae", advantage_parameters={"k": 0.2}))
    assert same(weights(stock), weights(ours))
    assert not same(weights(stock), weights(other))
    assert not same(weights(stock), {n: p.detach() for n, p in model().named_parameters()})
    assert logged(stock, "loss") == logged(ours, "loss")


def test_our_grpo_is_theirs_to_rounding(tmp_path: Path) -> None:
    stock = trained(trainer_of(tmp_path / "a", trl.GRPOTrainer))
    ours = trained(trainer_of(tmp_path / "b", advantage="grpo", advantage_parameters={"eps": 1e-4}))  # through our code
    for name, p in weights(stock).items():
        torch.testing.assert_close(weights(ours)[name], p, atol=1e-6, rtol=1e-5)


def single_threaded(folder: Path) -> dict[str, str]:
    """The environment of a script of its own that imports this module."""
    path = os.pathsep.join([str(folder), str(folder.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    return os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path}


class Watched(AdvantageGRPOTrainer):
    """Keeps its batches."""

    def _generate_and_score_completions(self, inputs: Any) -> Any:
        output = super()._generate_and_score_completions(inputs)
        rewards = odd(self.processing_class.batch_decode(output["completion_ids"], skip_special_tokens=True))
        self.seen = [*getattr(self, "seen", []), (output, np.array(rewards))]
        return output


def test_advantages_are_those_of_the_estimator(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, Watched, advantage="qae", advantage_parameters={"k": LinearK(0.2, 0.8, steps=2)})
    trainer.train()
    for step, (output, rewards) in enumerate(trainer.seen):
        wanted = qae(rewards.reshape(-1, G), k=[0.2, 0.5, 0.8][step], ddof=1, eps=1e-4).ravel()
        np.testing.assert_allclose(output["advantages"].numpy(), wanted, atol=1e-6)
    assert logged(trainer, "advantage/k") == pytest.approx([0.2, 0.5, 0.8])
    assert len(logged(trainer, "advantage/zero_share")) == 3
    sides = [logged(trainer, f"entropy/{side}") for side in ("positive", "negative", "zero")]
    assert all(0 < value < math.log(VOCABULARY) + 0.1 for side in sides for value in side)
    assert sum(map(len, sides)) >= 3
    shown = [advantage for output, _ in trainer.seen for advantage in output["advantages"].tolist()]
    assert list(trainer._logs["advantages"])[-8:] == pytest.approx(shown[-8:])


def test_entropy_is_split_by_the_sign_of_the_advantage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(tmp_path, advantage="qae")
    monkeypatch.setattr(trl.GRPOTrainer, "_compute_loss", lambda *args: torch.zeros(()))
    trainer.model.train()
    trainer._entropies = torch.tensor([[1.0, 9.0], [2.0, 4.0], [5.0, 7.0], [8.0, 8.0]])
    mask = torch.tensor([[1, 0], [1, 1], [1, 1], [1, 0]])
    trainer._compute_loss(None, {"advantages": torch.tensor([1.0, 0.5, -2.0, 0.0]), "completion_mask": mask})
    found = {side: trainer._metrics["train"][f"entropy/{side}"] for side in ("positive", "negative", "zero")}
    assert found == {"positive": [pytest.approx(7 / 3)], "negative": [6.0], "zero": [8.0]}


def test_tokens_have_values_of_their_own(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, Watched, advantage="ktae")
    trainer.train()
    for output, rewards in trainer.seen:
        ids, mask = output["completion_ids"].numpy(), output["completion_mask"].numpy().astype(bool)
        shape = (-1, G, ids.shape[1])
        wanted = ktae(rewards.reshape(-1, G), ids.reshape(shape), mask.reshape(shape), ddof=1, eps=1e-4).advantages
        np.testing.assert_allclose(output["advantages"].numpy(), wanted.reshape(ids.shape), atol=1e-6)


def test_a_rule_says_all_at_once(tmp_path: Path) -> None:
    rule = AdvantageRule((Term("grpo", weight=0.5), Term("dr_grpo")), anchor=HardAnchor(start=0.9, window=1))
    trainer = trainer_of(tmp_path, Watched, advantage=rule)
    trainer.train()
    belief = 0.9
    for output, rewards in trainer.seen:
        groups = rewards.reshape(-1, G)
        plain = 0.5 * grpo(groups, ddof=1, eps=1e-4) + dr_grpo(groups)
        wanted = plain * ha_dw_weights(groups, plain, belief).Phi
        np.testing.assert_allclose(output["advantages"].numpy(), wanted.ravel(), rtol=1e-4, atol=1e-6)
        belief = rewards.mean()
    assert trainer.advantage_state.anchor.belief == pytest.approx(belief)


def test_an_estimator_that_is_registered_on_the_fly(tmp_path: Path) -> None:
    def above_best(rewards: Any, lengths: Any, cost: float = 0.0) -> Any:
        return rewards - rewards.max(axis=-1, keepdims=True) - cost * lengths

    row = Estimator("above_best", above_best, "Above", "", "ours", "response", "", {"cost": 0.0}, inputs=("lengths",))
    with registered(row):
        trainer = trainer_of(tmp_path, Watched, advantage="above_best", advantage_parameters={"cost": 0.5})
        trainer.train()
    for output, rewards in trainer.seen:
        lengths = output["completion_mask"].sum(dim=1).numpy().reshape(-1, G)
        wanted = above_best(rewards.reshape(-1, G), lengths, 0.5)
        np.testing.assert_allclose(output["advantages"].numpy(), wanted.ravel(), atol=1e-6)


def test_unscorable_rewards(tmp_path: Path) -> None:
    def some(completions: list[str], **kwargs: Any) -> list[float | None]:
        return [None if i % 3 == 0 else value for i, value in enumerate(odd(completions))]

    trainer = trainer_of(tmp_path, Watched, some, advantage="qae")
    trainer.train()
    assert logged(trainer, "advantage/unscored") == pytest.approx([3 / 8] * 3)
    for output, rewards in trainer.seen:
        advantages = output["advantages"].numpy()
        assert (advantages[::3] == 0).all()
        for start in (0, G):
            kept = np.array([i for i in range(start, start + G) if i % 3])
            np.testing.assert_allclose(advantages[kept], qae(rewards[kept], ddof=1, eps=1e-4), atol=1e-6)


@pytest.mark.parametrize(
    "changes",
    [
        *({"loss_type": name} for name in ("grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "vespo")),
        {"loss_type": "luspo", "importance_sampling_level": "sequence"},
        {"loss_type": "grpo", "importance_sampling_level": "sequence"},
        {"mask_truncated_completions": True},
        {"top_entropy_quantile": 0.5},
        {"num_iterations": 2, "max_steps": 4},
        {"beta": 0.1},
        {"steps_per_generation": 2, "max_steps": 4},
    ],
    ids=str,
)
@pytest.mark.parametrize("advantage", ["qae", "ktae"])
def test_every_kind_of_loss(tmp_path: Path, changes: dict[str, Any], advantage: str) -> None:
    model().save_pretrained(tmp_path / "model")  # the reference of beta > 0 is read from where the model came from
    start = Qwen3ForCausalLM.from_pretrained(tmp_path / "model")
    trainer = trainer_of(tmp_path, model=start, args=arguments(tmp_path, **changes), advantage=advantage)
    trainer.train()
    assert all(math.isfinite(loss) for loss in logged(trainer, "loss"))
    assert not same(weights(trainer), {n: p.detach() for n, p in model().named_parameters()})


def test_anchor_travels_in_checkpoints(tmp_path: Path) -> None:
    options = {"advantage": "grpo", "anchor": SoftAnchor()}
    whole = trainer_of(tmp_path / "whole", args=arguments(tmp_path / "whole", max_steps=4), **options)
    whole.train()
    beliefs = logged(whole, "advantage/anchor")
    assert beliefs[0] == 0.5
    assert len(set(beliefs)) > 1
    saving = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2}
    first = trainer_of(tmp_path / "part", args=arguments(tmp_path / "part", **saving), **options)
    first.train()
    stored = tmp_path / "part" / "checkpoint-2" / "qae_sim_advantage.json"
    assert json.loads(stored.read_text())["parts"]["anchor"]["belief"] == pytest.approx(beliefs[2])
    again = trainer_of(tmp_path / "part", args=arguments(tmp_path / "part", **saving), **options)
    again.train(resume_from_checkpoint=str(tmp_path / "part" / "checkpoint-2"))
    assert logged(again, "advantage/anchor")[-2:] == pytest.approx(beliefs[2:])
    assert same(weights(again), weights(first))
    other = trainer_of(tmp_path / "part", args=arguments(tmp_path / "part", **saving))
    with pytest.raises(
        ValueError, match=r"was left by grpo\(.*SoftAnchor.*; this run has grpo\(.*: go on with the first"
    ):
        other.train(resume_from_checkpoint=str(tmp_path / "part" / "checkpoint-2"))
    # As it was written before a rule was stored with its state.
    belief = json.loads(stored.read_text())["parts"]["anchor"]
    stored.write_text(json.dumps({"anchor": belief, "k": None}))
    again.train(resume_from_checkpoint=str(tmp_path / "part" / "checkpoint-2"))
    assert logged(again, "advantage/anchor")[-2:] == pytest.approx(beliefs[2:])
    stored.write_text("{broken")
    with pytest.raises(ValueError, match=r"qae_sim_advantage.json does not fit this trainer"):
        again.train(resume_from_checkpoint=str(tmp_path / "part" / "checkpoint-2"))
    stored.unlink()
    with pytest.raises(ValueError, match="holds no qae_sim_advantage.json"):
        again.train(resume_from_checkpoint=str(tmp_path / "part" / "checkpoint-2"))
    shutil.rmtree(tmp_path)


def test_a_killed_run_goes_on_with_its_anchor(tmp_path: Path) -> None:
    script = Path(__file__).with_name("killed_run.py")

    def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, str(script), str(folder), *arguments]
        return subprocess.Popen(
            command, env=single_threaded(script.parent), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    assert start(tmp_path / "whole", "6").wait(300) == 0
    killed = start(tmp_path / "killed", "1000")
    third = tmp_path / "killed" / "checkpoint-3"
    # The next checkpoint says that this one is complete.
    while not (tmp_path / "killed" / "checkpoint-4").exists():
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    assert killed.wait(60) == -signal.SIGKILL
    assert start(tmp_path / "killed", "6", str(third)).wait(300) == 0
    for name in ("model.safetensors", "qae_sim_advantage.json"):
        one, other = (tmp_path / run / "checkpoint-6" / name for run in ("whole", "killed"))
        assert one.read_bytes() == other.read_bytes()
    state = json.loads((tmp_path / "whole" / "checkpoint-6" / "qae_sim_advantage.json").read_text())
    assert state["parts"]["anchor"]["belief"] != 0.5


def test_overlong_responses_are_punished_but_no_harder_to_solve(tmp_path: Path) -> None:
    from trl.rewards import get_soft_overlong_punishment

    # 5 words at most: from the third on each costs 1/3, where the verifier gives -1 and 1.
    def signed(completions: list[str], **kwargs: Any) -> list[float]:
        return [2 * value - 1 for value in odd(completions)]

    seen: list[Any] = []
    trainer = trainer_of(
        tmp_path,
        reward=[signed, get_soft_overlong_punishment(5, 3)],
        advantage="qae",
        anchor=HardAnchor(start=0.9, window=1),
        correct_above=-0.9,
    )
    plain = trainer._generate_and_score_completions

    def noted(inputs: Any) -> Any:
        anchor, output = trainer.advantage_state.anchor, plain(inputs)
        seen.append((anchor.belief, trainer._rewards.sum(dim=1).numpy(), output["advantages"].numpy()))
        return output

    trainer._generate_and_score_completions = noted
    trainer.train()
    assert any(((rewards % 1) != 0).any() for _, rewards, _ in seen)  # some are punished in part
    belief = 0.9
    for anchor, rewards, advantages in seen:
        assert anchor == pytest.approx(belief)
        groups = rewards.reshape(-1, G).astype(float)
        correct = (groups > -0.9).astype(float)
        shaped = qae(groups, ddof=1, eps=1e-4)
        wanted = shaped * ha_dw_weights(correct, shaped, belief).Phi
        np.testing.assert_allclose(advantages, wanted.ravel(), rtol=1e-4, atol=1e-6)
        belief = correct.mean()


def short(completions: list[str], **kwargs: Any) -> list[float]:
    """A second reward: .25 for each word that is missing to five."""
    return [0.25 * (5 - len(text.split())) for text in completions]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_by_name(tmp_path: Path, name: str) -> None:
    """The matrix of places: it trains with the advantages of its function, or says why it cannot be here."""
    reason = why_not(name, "trl")
    if reason:
        with pytest.raises(ValueError, match=re.escape(reason)):
            trainer_of(tmp_path, advantage=name)
        return
    several, anchor = "further" in get(name).inputs, SoftAnchor() if get(name).weights else None
    args = arguments(tmp_path, max_steps=1, reward_weights=[1.0, 0.5] if several else None)
    rewards = [odd, short] if several else odd
    columns = {"reference": [i % 2 for i in range(16)], "prompt_values": [i / 8 for i in range(16)]}
    trainer = trainer_of(tmp_path, reward=rewards, args=args, columns=columns, advantage=name, anchor=anchor)
    seen: list[Any] = []
    plain = trainer._generate_and_score_completions

    def noted(inputs: Any) -> Any:
        output = plain(inputs)
        seen.append((inputs, trainer._rewards.double().numpy().T, output))
        return output

    trainer._generate_and_score_completions = noted
    trainer.train()
    ((inputs, each, output),) = seen
    mask = output["completion_mask"].numpy().astype(bool)
    lengths = mask.sum(axis=1).reshape(-1, G)
    of_prompts = {key: np.array([row[key] for row in inputs], dtype=float).reshape(-1, G) for key in columns}
    known = {
        "anchor": SoftAnchor().belief,
        "token_ids": output["completion_ids"].numpy().reshape(-1, G, mask.shape[1]),
        "mask": mask.reshape(-1, G, mask.shape[1]),
        "lengths": lengths,
        "metric": lengths,
        "reference": of_prompts["reference"],
        "prompt_values": of_prompts["prompt_values"][:, 0],
        "further": each[1:].reshape(-1, len(each[0]) // G, G),
    }
    given = {need: known[need] for need in get(name).inputs} | ({"weights": [1.0, 0.5]} if several else {})
    plain_trainers = {key: value for key, value in {"ddof": 1, "eps": 1e-4}.items() if key in get(name).settings}
    wanted = get(name).advantages(each[0].reshape(-1, G), **given, **plain_trainers)
    shape = output["advantages"].shape
    np.testing.assert_allclose(output["advantages"].numpy(), np.reshape(wanted, shape), rtol=1e-4, atol=1e-6)


def test_lengths_are_those_of_the_responses_also_where_trl_masks_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    args = arguments(tmp_path, mask_truncated_completions=True, max_steps=1)
    trainer = trainer_of(tmp_path, args=args, advantage="opo", attempts=3)
    plain, seen = trainer._generate_and_score_completions, []

    def noted(inputs: Any) -> Any:
        output = plain(inputs)
        seen.append(output)
        return output

    rewards: list[Any] = []

    def watched(rule: Any, r: Any, size: int, **given: Any) -> Any:
        rewards.append((r, given))
        return estimate(rule, r, size, **given)

    monkeypatch.setattr("qae_sim.engines.trl.estimate", watched)
    trainer._generate_and_score_completions = noted
    trainer.train()
    ((output,), ((r, given),)) = seen, rewards
    assert "response_lengths" not in output
    ids, mask = output["completion_ids"].numpy(), output["completion_mask"].numpy()
    ended = (ids == 1).any(axis=1)
    lengths = np.where(ended, (ids == 1).argmax(axis=1) + 1, 5)
    assert (mask[~ended] == 0).all(axis=1).any()
    assert 0 < ended.sum() < len(ended)
    np.testing.assert_array_equal(given["lengths"], lengths)
    wanted = opo(r.reshape(-1, G), lengths.reshape(-1, G))
    np.testing.assert_allclose(output["advantages"].numpy(), wanted.ravel(), atol=1e-6)


def test_gdpo_is_trls_own(tmp_path: Path) -> None:
    changes = {"multi_objective_aggregation": "normalize_then_sum", "reward_weights": [1.0, 0.5], "max_steps": 1}
    trainer = trainer_of(tmp_path, reward=[odd, short], args=arguments(tmp_path, **changes))  # "grpo": TRL's own
    plain, seen = trainer._generate_and_score_completions, []

    def noted(inputs: Any) -> Any:
        output = plain(inputs)
        seen.append((trainer._rewards.double().numpy().T.reshape(2, -1, G), output["advantages"].numpy()))
        return output

    trainer._generate_and_score_completions = noted
    trainer.train()
    ((each, theirs),) = seen
    ours = gdpo(each[0], each[1:], weights=[1.0, 0.5], ddof=1, eps=1e-4)
    np.testing.assert_allclose(theirs, ours.ravel(), rtol=1e-3, atol=1e-5)
    assert np.ptp(theirs) > 0


def test_what_the_dataset_must_tell(tmp_path: Path) -> None:
    trainer = trainer_of(tmp_path, advantage="rlev")
    with pytest.raises(ValueError, match="dataset must be one with a column 'prompt_values': what the prompt is worth"):
        trainer.train()
    with pytest.raises(ValueError, match="attempts must be 1 with 'aapo', which takes more of a prompt than rewards"):
        trainer_of(tmp_path, advantage="aapo", attempts=2)


def test_dynamic_sampling_replaces_groups_without_a_signal(tmp_path: Path) -> None:
    def rare(completions: list[str], **kwargs: Any) -> list[float]:
        return [float(text.split()[:1] == ["w5"]) for text in completions]

    once = trained(trainer_of(tmp_path / "a", reward=rare, advantage="qae"))
    often = trained(trainer_of(tmp_path / "b", reward=rare, advantage="qae", attempts=8))
    assert np.mean(logged(often, "advantage/degenerate_groups")) < np.mean(logged(once, "advantage/degenerate_groups"))
    assert np.mean(logged(often, "advantage/mixed_groups")) > 0.5
    assert all(math.isfinite(loss) for loss in logged(often, "loss"))


def test_merging_keeps_rows_whole() -> None:
    old = {"prompt_ids": [[2, 3]] * 2, "completion_ids": [[4, 5, 1]] * 2, "completion_mask": [[1, 1, 1]] * 2}
    new = {"prompt_ids": [[0, 6, 7]] * 2, "completion_ids": [[8, 1]] * 2, "completion_mask": [[1, 1]] * 2}
    batches = [{k: torch.tensor(v) for k, v in part.items()} for part in (old, new)]
    for batch, value in zip(batches, (0.5, -0.5), strict=True):
        batch |= {"prompt_mask": (batch["prompt_ids"] > 0).long(), "advantages": torch.full((2,), value)}
        batch["num_items_in_batch"] = batch["completion_mask"].sum()
    found = merged(batches[0], batches[1], np.array([False, True]), padding=0)
    assert found["prompt_ids"].tolist() == [[0, 2, 3], [0, 6, 7]]
    assert found["prompt_mask"].tolist() == [[0, 1, 1], [0, 1, 1]]
    assert found["completion_ids"].tolist() == [[4, 5, 1], [8, 1, 0]]
    assert found["completion_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert found["advantages"].tolist() == [0.5, -0.5]
    assert int(found["num_items_in_batch"]) == 5
    with pytest.raises(ValueError, match="attempts > 1 is for text alone; this batch also holds pixel_values"):
        merged(batches[0] | {"pixel_values": torch.zeros(2)}, batches[1], np.array([True, True]), padding=0)


def test_evaluation_and_lora(tmp_path: Path) -> None:
    from peft import LoraConfig

    trainer = trainer_of(
        tmp_path,
        args=arguments(tmp_path, per_device_eval_batch_size=8),
        advantage="qae",
        anchor=HardAnchor(),
        peft_config=LoraConfig(r=2, target_modules=["q_proj", "v_proj"]),
    )
    trainer.train()
    state = trainer.advantage_state
    trainer.evaluate(data(4))
    assert trainer.advantage_state == state  # an evaluation teaches the anchor nothing
    assert len(logged(trainer, "eval_advantage/zero_share")) == 1


#: Advantage and attempts of the runs on two processes.
ON_TWO_PROCESSES = [("qae", 1), ("grpo", 1), ("ktae", 1), ("rlev", 1), ("qae", 3)]


@pytest.fixture(scope="module")
def on_two_processes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What these runs have written, each into a folder; one pair of processes trains them all, one after the other."""
    folder = tmp_path_factory.mktemp("two_processes")
    script = Path(__file__).with_name("two_processes.py")
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--master_port=0", "--standalone"]
    environment = single_threaded(script.parent)
    done = subprocess.run(
        [*command, str(script), str(folder)], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.mark.parametrize(("advantage", "attempts"), ON_TWO_PROCESSES)
def test_groups_that_straddle_processes(on_two_processes: Path, advantage: str, attempts: int) -> None:
    folder = on_two_processes / f"{advantage}-{attempts}"
    first, second = (np.load(folder / f"weights-{rank}.npz") for rank in range(2))
    assert all(np.array_equal(first[name], second[name]) for name in first.files)
    belief = 0.5
    for step in range(3):
        parts = [np.load(folder / f"{rank}-{step}.npz") for rank in range(2)]
        np.testing.assert_array_equal(parts[0]["rewards"], parts[1]["rewards"])
        rewards = parts[0]["rewards"].sum(axis=1).reshape(-1, G)
        assert rewards.shape == (3, G)
        width = max(part["advantages"].shape[-1] for part in parts)
        got = np.concatenate([_filled(part["advantages"], width) for part in parts])
        if advantage == "ktae":
            ids, mask = (parts[0][name].reshape(3, G, -1) for name in ("ids", "mask"))
            wanted = ktae(rewards, ids, mask, ddof=1, eps=1e-4).advantages.reshape(12, -1)
        elif advantage == "rlev":  # a group that is on both processes has one value
            values = np.concatenate([part["values"] for part in parts]).reshape(3, G)
            assert (values == values[:, :1]).all()
            assert len(set(values[:, 0].tolist())) == 3
            wanted = rlev(rewards, values[:, 0]).ravel()
        elif advantage == "grpo":
            wanted = ha_dw(rewards, belief, ddof=1, eps=1e-4).ravel()
            belief = rewards.mean()
            assert all(part["anchor"] == pytest.approx(belief) for part in parts)
        else:
            wanted = qae(rewards, ddof=1, eps=1e-4).ravel()
        if attempts == 1:
            np.testing.assert_allclose(got, wanted, atol=1e-6)


def _filled(advantages: Any, width: int) -> Any:
    """Advantages of tokens up to a width."""
    return advantages if advantages.ndim == 1 else np.pad(advantages, [(0, 0), (0, width - advantages.shape[1])])


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"scale_rewards": "none"}, {}, "scale_rewards must be 'group' with another advantage than TRL's"),
        ({"scale_rewards": "batch"}, {}, "scale_rewards must be 'group'"),
        ({"multi_objective_aggregation": "normalize_then_sum"}, {}, "must be 'sum_then_normalize'"),
        ({}, {"advantage": "qea"}, "did you mean 'qae'"),
        ({}, {"attempts": 0}, "attempts must be an integer of at least 1"),
        ({}, {"advantage": "ha_dw"}, "anchor must be a difficulty anchor for estimator 'ha_dw'"),
        ({}, {"advantage": 7}, "advantage must be a name from 'qae-sim estimators', a function, or an AdvantageRule"),
        *(
            ({}, {"advantage": AdvantageRule("qae"), name: value}, f"{name} must be left out where advantage is a rule")
            for name, value in {
                "advantage_parameters": {"k": 0.2},
                "anchor": SoftAnchor(),
                "lambda_scale": 1.3,
                "correct_above": 0.5,
            }.items()
        ),
    ],
)
def test_what_cannot_be_right_is_refused(
    tmp_path: Path, changes: dict[str, Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        trainer_of(tmp_path, args=arguments(tmp_path, **changes), **({"advantage": "qae"} | options))
    if changes:
        trainer_of(tmp_path, args=arguments(tmp_path, **changes), advantage="grpo")  # TRL's own can


@pytest.mark.parametrize("kind", [trl.GRPOTrainer, AdvantageGRPOTrainer])
def test_inspect_reads_what_trl_writes(tmp_path: Path, kind: Any) -> None:
    rows: list[dict[str, Any]] = []

    def noted(prompts: list[str], completions: list[str], **kwargs: Any) -> list[float]:
        step = trainer.state.global_step
        rewards = odd(completions)
        for i, (prompt, reward) in enumerate(zip(prompts, rewards, strict=True)):
            rows.append({"step": step + 1, "group": f"{prompt} {i // G}", "reward": reward})
        return rewards

    trainer = trainer_of(tmp_path, kind, reward=noted, args=arguments(tmp_path, log_completions=True))
    trainer.train()
    found = digest(tmp_path)
    expected = truth(rows)
    assert seen(found) | {"steps": ""} == pytest.approx(expected | {"steps": ""})
    assert len(found.steps) == 3
    assert found.reading is not None
    assert found.reading.format.startswith("TRL")
    assert "agree" in found.reading.groups or found.reading.trainer
