"""The trainer: losses and gradients against a plain implementation, ensembles against single runs, sampling."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from small_runs import small  # noqa: E402

from qae_sim.advantages import (  # noqa: E402
    ESTIMATORS,
    AdvantageRule,
    EntropyTargetK,
    HardAnchor,
    KalmanAnchor,
    LinearK,
    RankBaselines,
    SoftAnchor,
    SuccessRateK,
    Term,
    canon,
    clip_cov_mask,
    dr_grpo,
    get,
    grpo,
    ha_dw,
    ha_dw_weights,
    kl_cov_mask,
    ktae,
    overlong_punishment,
    qae,
    rank_dynamics,
    reg_grpo,
    token_covariances,
    why_not,
)
from qae_sim.advantages.inputs import INPUTS  # noqa: E402
from qae_sim.advantages.rule import KINDS  # noqa: E402  # noqa: E402
from qae_sim.lm.config import Config  # noqa: E402
from qae_sim.lm.cuda import deterministic  # noqa: E402
from qae_sim.lm.estimator_inputs import FINDERS  # noqa: E402
from qae_sim.lm.learning import read_log_probs  # noqa: E402
from qae_sim.lm.metrics import Batch, describe_policy, pass_at  # noqa: E402
from qae_sim.lm.model import entropy_of, log_softmax, member_axis  # noqa: E402
from qae_sim.lm.sampling import prompt_of_response  # noqa: E402
from qae_sim.lm.tasks import PAD  # noqa: E402
from qae_sim.lm.trainer import Trainer  # noqa: E402
from qae_sim.lm.warmstart import new_model, warm_start  # noqa: E402
from qae_sim.plain_values import to_plain  # noqa: E402

INF = math.inf


def trainer_of(*configs: Config, sharpness: float = 30.0) -> Trainer:
    """Models that are neither trained nor uniform."""
    model = new_model(configs)
    with torch.no_grad():
        model.head.mul_(sharpness)
    return Trainer(configs, model)


def mixed_batch(trainer: Trainer, seed: int = 0) -> Batch:
    """A batch of responses of different lengths with verdicts by chance, and with ratios on both sides of the clip."""
    batch, _, _ = trainer.sample()
    generator = np.random.default_rng(seed)
    ends = torch.as_tensor(generator.integers(2, batch.tokens.shape[-1] + 1, batch.tokens.shape[:-1]))
    behind = torch.arange(batch.tokens.shape[-1]) >= ends[..., None]
    batch = replace(
        batch,
        tokens=batch.tokens.masked_fill(behind, PAD),
        log_probs=batch.log_probs.masked_fill(behind, 0.0),
        entropies=batch.entropies.masked_fill(behind, 0.0),
    )
    correct = (generator.random(batch.correct.shape) < 0.4).astype(float)
    moved = torch.as_tensor(generator.normal(0, 0.3, tuple(batch.log_probs.shape)), dtype=torch.float32)
    moved = torch.where(batch.tokens != PAD, batch.log_probs + moved, 0.0)
    return replace(batch, correct=correct, log_probs=moved)


def loss_of(trainer: Trainer, batch: Batch, adv: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """The trainer's loss on some groups."""
    return trainer.learner.loss(*trainer.learner.prepare(batch, adv, groups, (trainer.step, 0))[0])[0]


def plain_loss(trainer: Trainer, batch: Batch, adv: torch.Tensor, groups: list[int]) -> torch.Tensor:
    """The loss of a single run, response by response and word by word, nothing left out."""
    (config,) = trainer.configs
    rows = []
    for group in groups:
        for i in range(batch.tokens.shape[2]):
            length = int((batch.tokens[0, group, i] != PAD).sum())
            said = batch.tokens[:, group, i : i + 1, :length]
            one = torch.zeros((1, 1), dtype=torch.long)

            def read(model: Any, said: Any = said, group: int = group, one: Any = one) -> torch.Tensor:
                logits = model(batch.prompts[:, group : group + 1], said, one)[0, 0]
                return log_softmax(logits).gather(-1, said[0, 0][:, None])[:, 0]

            now = read(trainer.model)
            base = read(trainer.reference) if trainer.reference is not None else now
            rows.append((now, batch.log_probs[0, group, i, :length], adv[0, group, i, :length], base.detach()))
    total, longest = sum(len(row[0]) for row in rows), trainer.model.response_length
    count = sum(len(row[0]) for row in rows)
    now_all = torch.cat([row[0].detach() for row in rows]).double().numpy()
    adv_all = torch.cat([row[2] for row in rows]).double().numpy()
    picked = np.zeros(count, dtype=bool)
    if config.objective in ("clip_cov", "kl_cov"):
        everything = np.ones(count, dtype=bool)
        covariances = np.asarray(token_covariances(now_all, adv_all, everything))
        if config.objective == "kl_cov":
            picked = np.asarray(kl_cov_mask(covariances, everything, ratio=config.selected, variant="code"))
        else:
            # Chosen so that all candidates are picked: the choice itself is tested where it is made.
            ratios = np.exp(now_all - torch.cat([row[1] for row in rows]).numpy())
            cut = ((ratios < 1 - config.clip_low) & (adv_all < 0)) | ((ratios > 1 + config.clip_high) & (adv_all > 0))
            below = np.where(cut, 0.0, covariances)
            picked = np.asarray(clip_cov_mask(below, everything, ratio=config.selected, variant="code"))
    loss = torch.zeros(())
    place = 0
    for now, old, a, base in rows:
        ratio = torch.exp(now - old)
        if config.objective == "gspo":
            ratio = torch.exp((now - old).mean()).expand(len(now))
        weight = {"token": 1 / total, "sequence": 1 / (len(rows) * len(now)), "constant": 1 / (len(rows) * longest)}
        w = weight["sequence" if config.objective == "gspo" else config.loss]
        for t in range(len(now)):
            if config.objective == "kl_cov":
                term = ratio[t] * a[t] - config.kl_cov_beta * (now[t] - old[t]).abs() * bool(picked[place])
            else:
                limited = ratio[t].clamp(1 - config.clip_low, 1 + config.clip_high)
                term = torch.minimum(ratio[t] * a[t], limited * a[t])
                if config.objective == "clip_cov" and picked[place]:
                    term = term.detach() * 0
            penalty = torch.exp(base[t] - now[t]) - (base[t] - now[t]) - 1
            loss = loss - w * term
            kl_weight = weight[config.loss]
            loss = loss + kl_weight * config.kl * penalty
            place += 1
    return loss


RECIPES: list[dict[str, Any]] = [
    {},
    {"loss": "sequence"},
    {"loss": "constant", "clip_high": 0.05},
    {"estimator": "qae", "parameters": {"k": 0.4}},
    {"estimator": "qae", "parameters": {"k": 0.4}, "loss": "sequence", "kl": 0.3},
    {"estimator": "qae", "parameters": {"k": 0.4}, "objective": "gspo", "clip_low": 0.1, "clip_high": 0.15},
    {"estimator": "qae", "parameters": {"k": 0.4}, "objective": "kl_cov", "selected": 0.1},
    {"objective": "kl_cov", "selected": 0.02},
    {"estimator": "qae", "parameters": {"k": 0.4}, "objective": "kl_cov", "selected": 0.5},
    {"objective": "clip_cov", "selected": 1.0, "clip_low": 0.3, "clip_high": 0.3},
    {"estimator": "qae", "objective": "gspo", "kl": 0.1},
    {"estimator": "ktae"},
    {"clip_low": INF, "clip_high": INF},
]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda r: "-".join(f"{k}={v}" for k, v in r.items()) or "dapo")
def test_loss_and_gradient_are_those_of_a_plain_implementation(recipe: dict[str, Any]) -> None:
    trainer = trainer_of(small(**recipe))
    batch = mixed_batch(trainer)
    with torch.no_grad():  # away from where it sampled and from the reference
        for p in trainer.model.parameters():
            p.add_(0.02 * torch.randn(p.shape, generator=torch.Generator().manual_seed(5)))
    adv = torch.as_tensor(trainer.advantages(0, batch), dtype=torch.float32)[None]
    groups = torch.tensor([[2, 0]])
    inputs, counts = trainer.learner.prepare(batch, adv, groups, (trainer.step, 0))
    loss, _ = trainer.learner.loss(*inputs)
    gradients = torch.autograd.grad(loss, list(trainer.model.parameters()))
    wanted = plain_loss(trainer, batch, adv, [2, 0])
    expected = torch.autograd.grad(wanted, list(trainer.model.parameters()))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-4, abs=1e-6)
    scale = max(float(g.abs().max()) for g in expected)
    assert scale > 1e-4
    for got, wish in zip(gradients, expected, strict=True):
        torch.testing.assert_close(got, wish, atol=2e-5 * scale, rtol=2e-4)
    if recipe.get("estimator") == "qae" and not recipe.get("kl") and recipe.get("objective") != "kl_cov":
        assert 0 < counts["reached"][0] < counts["responses"][0]  # some were left out
    if recipe.get("kl"):
        assert counts["reached"][0] == counts["responses"][0]


def test_responses_without_advantage_count_in_the_weights() -> None:
    trainer = trainer_of(small(estimator="qae", parameters={"k": 0.4}))
    batch = mixed_batch(trainer)
    adv = torch.as_tensor(trainer.advantages(0, batch), dtype=torch.float32)[None]
    groups = torch.arange(4)[None]
    before = torch.autograd.grad(loss_of(trainer, batch, adv, groups), trainer.model.head)[0]
    # Cutting the responses without advantage short changes nothing but how many tokens there are.
    silent = (adv == 0).all(dim=-1)
    tokens, log_probs = batch.tokens.clone(), batch.log_probs.clone()
    tokens[silent, 1:], log_probs[silent, 1:] = PAD, 0.0
    shorter = replace(batch, tokens=tokens, log_probs=log_probs)
    after = torch.autograd.grad(loss_of(trainer, shorter, adv, groups), trainer.model.head)[0]
    ratio = int((batch.tokens != PAD).sum()) / int((tokens != PAD).sum())
    assert ratio > 1.2
    torch.testing.assert_close(after, before * ratio, rtol=1e-4, atol=1e-7)


def test_batch_without_any_advantage_still_steps_adam_with_zeros() -> None:
    trainer = trainer_of(small())
    batch = replace(mixed_batch(trainer), correct=np.zeros((1, 4, 4)))
    zeros = torch.zeros(batch.tokens.shape)
    metrics = trainer.learner.update(batch, zeros, trainer.step)
    assert metrics["gradient_norm"] == [0.0]
    assert metrics["backward_share"] == [0.0]
    assert int(next(iter(trainer.learner.optimizer.state.values()))["step"]) == 2


def test_member_of_an_ensemble_is_the_single_run() -> None:
    configs = [
        small(seed=3, base_seed=1),
        small(seed=4, base_seed=2, estimator="qae", attempts=3, grad_clip=0.1, anchor=SoftAnchor()),
        small(seed=4, base_seed=2, objective="kl_cov", selected=0.2, kl=0.1, estimator="ktae", grad_clip=INF),
    ]
    together = trainer_of(*configs, sharpness=4.0)
    rows = [together.train_batch() for _ in range(3)]
    scores = together.evaluate()
    for member, config in enumerate(configs):
        alone = trainer_of(config, sharpness=4.0)
        for row in rows:
            single = alone.train_batch()
            assert set(single) == set(row)
            for name in set(single) - {"top_words"}:
                np.testing.assert_allclose(single[name][0], row[name][member], rtol=2e-4, atol=1e-5, err_msg=name)
        one = alone.model.member_state(0)
        for name, values in together.model.member_state(member).items():
            torch.testing.assert_close(values, one[name], atol=2e-5, rtol=1e-3)
        evaluated = alone.evaluate()
        for name in evaluated:
            np.testing.assert_allclose(evaluated[name][0], scores[name][member], rtol=1e-4, atol=1e-4)


def test_gradient_clipping_is_by_run() -> None:
    configs = [small(grad_clip=1e-3), small(grad_clip=INF)]
    trainer = trainer_of(*configs)
    batch = mixed_batch(trainer)
    adv = torch.as_tensor(np.stack([trainer.advantages(m, batch) for m in range(2)]), dtype=torch.float32)
    loss = loss_of(trainer, batch, adv, torch.arange(4).expand(2, -1))
    trainer.learner.optimizer.zero_grad(set_to_none=False)
    loss.backward()
    free = {name: p.grad.clone() for name, p in trainer.model.named_parameters()}
    norms = trainer.learner.clip_gradients()
    assert (norms > 1e-3).all()
    for name, p in trainer.model.named_parameters():
        axis = member_axis(name)
        first, second = p.grad.unbind(axis)
        torch.testing.assert_close(first, free[name].unbind(axis)[0] * 1e-3 / float(norms[0]))
        torch.testing.assert_close(second, free[name].unbind(axis)[1])


# --- sampling ---


def test_dynamic_sampling_fills_the_batch_with_mixed_groups() -> None:
    configs = [small(attempts=a, prompts=6, minibatches=1, seed=7) for a in (1, 3, 50)]
    trainer = trainer_of(*configs, sharpness=6.0)
    # A verifier that finds about a fifth of responses right, by their first word.
    for config in trainer.configs:
        object.__setattr__(config.problem, "rewards", lambda p, r: (r[..., 0] % 5 == 2).astype(float))
    batch, metrics, first = trainer.sample()
    assert batch.tokens.shape[1] == 6
    mixed = (batch.correct.max(axis=-1) != batch.correct.min(axis=-1)).sum(axis=1)
    np.testing.assert_allclose(np.array(metrics["mixed_share"]) * 6, mixed)
    assert mixed[0] < 6
    assert mixed[0] <= mixed[1] <= mixed[2] == 6
    for m, config in enumerate(configs):
        alone = trainer_of(config, sharpness=6.0)
        object.__setattr__(alone.configs[0].problem, "rewards", config.problem.rewards)
        assert torch.equal(alone.sample()[0].tokens[0], batch.tokens[m])
    # The first draw is the same for all, and metrics of the policy are of it.
    np.testing.assert_array_equal(first[0], first[2])
    assert metrics["reward"][0] == metrics["reward"][2] == first[0].mean()


def test_every_stream_has_a_name_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    from qae_sim.lm import learning, sampling

    trainer = trainer_of(small(epochs=2, objective="clip_cov", selected=0.5, attempts=2, seed=5))
    names: list[tuple[int, ...]] = []
    drawn, rows = learning.uniform, sampling.uniform_rows

    def named(like: Any, size: int, *keys: int) -> Any:
        names.append(keys)
        return drawn(like, size, *keys)

    def named_rows(like: Any, size: int, seeds: Any, *keys: int) -> Any:
        names.extend((seed, *keys) for seed in seeds)
        return rows(like, size, seeds, *keys)

    monkeypatch.setattr(learning, "uniform", named)
    monkeypatch.setattr(sampling, "uniform_rows", named_rows)
    for _ in range(2):
        trainer.learner.update(mixed_batch(trainer), torch.ones((1, 4, 4, trainer.model.response_length)), trainer.step)
        trainer.step += 1
    trainer.evaluate()
    trainer.answer(2, 2)
    # Two steps of two draws, two orders and four choices of tokens each; an evaluation; answers.
    assert len(names) == 2 * (2 + 2 + 4) + 2
    assert len(set(names)) == len(names)
    assert all(keys[0] == 5 for keys in names)


def test_held_out_prompts_are_held_out() -> None:
    trainer = trainer_of(small(held_out=20))
    task = trainer.configs[0].problem
    assert all(task.is_held_out(prompt) for prompt in trainer.evaluator.held_out[0].tolist())
    assert not any(task.is_held_out(prompt) for prompt in trainer.sample()[0].prompts[0].tolist())


def test_evaluations_at_several_temperatures() -> None:
    warm, cold = 1.0, 1e-4
    config = small(evaluation_temperatures=(warm, cold), pass_at=8)
    trainer = Trainer([config], warm_start([config]))
    found = trainer.evaluate()
    alone = Trainer([small(pass_at=8)], warm_start([config])).evaluate()
    assert found["pass_1"] == alone["pass_1"]
    assert found["pass_1_by_temperature"][0][0] == pytest.approx(found["pass_1"][0])
    assert np.sum(found["held_out_counts"][0]) == pytest.approx(found["pass_1"][0] * 4 * 8)
    # Nearly 0: every response to a prompt is the likeliest one.
    said = trainer.sampler.generate(trainer.evaluator.held_out, 8, 1, temperature=cold).tokens
    assert (said == said[:, :, :1]).all()
    assert not (trainer.sampler.generate(trainer.evaluator.held_out, 8, 1).tokens == said).all()
    logits = trainer.model(trainer.evaluator.held_out, said[:, :, 0], torch.arange(4)[None])
    first = said[:, :, 0] != PAD
    assert (logits.argmax(dim=-1)[first] == said[:, :, 0][first]).all()


def test_learning_rate_warms_up() -> None:
    config = small(warmup=3, learning_rate=0.3)
    trainer = Trainer([config], new_model([config]))
    seen = []
    for _ in range(4):
        trainer.train_batch()
        seen.append(trainer.learner.optimizer.param_groups[0]["lr"])
    assert seen == pytest.approx([0.1, 0.2, 0.3, 0.3])


def test_counts_of_each_prompt_make_the_histogram() -> None:
    config = small()
    trainer = Trainer([config], warm_start([config]))
    metrics = trainer.train_batch()
    counts = metrics["success_counts"][0]
    assert len(counts) == config.prompts
    assert np.bincount(counts, minlength=config.group_size + 1).tolist() == metrics["success_histogram"][0]
    assert metrics["reward"][0] == pytest.approx(np.mean(counts) / config.group_size)


def test_fixed_states_are_those_of_the_base_model() -> None:
    trainer = trainer_of(small(), small(seed=1))
    states = trainer.evaluator.fixed_states.clone()
    for _ in range(2):
        trainer.train_batch()
    assert torch.equal(states, trainer.evaluator.fixed_states)
    trainer.evaluator.fixed_states[:, ::2, 4:] = PAD  # some of them are shorter
    found = trainer.evaluate()["fixed_entropy"]
    for m in range(2):
        entropies = []
        for i, said in enumerate(trainer.evaluator.fixed_states[m]):
            own = said[said != PAD]
            one = torch.zeros((2, 1), dtype=torch.long)
            prompt = trainer.evaluator.held_out[:, i // 2 : i // 2 + 1]
            with torch.no_grad():
                logits = trainer.model(prompt, own.expand(2, 1, -1), one)[m, 0]
            entropies.append(entropy_of(log_softmax(logits)))
        assert found[m] == pytest.approx(torch.cat(entropies).mean().item(), rel=1e-4)


def test_same_numbers_every_time_and_others_for_every_step() -> None:
    one, other = trainer_of(small(seed=1)), trainer_of(small(seed=1))
    a, b = one.sample()[0], other.sample()[0]
    assert torch.equal(a.tokens, b.tokens)
    other.step = 1
    c = other.sample()[0]
    assert not torch.equal(a.tokens, c.tokens)
    assert not torch.equal(a.prompts, c.prompts)
    held_out = {tuple(p) for p in one.evaluator.held_out[0].tolist()}
    assert not held_out & {tuple(p) for p in a.prompts[0].tolist()}


# --- advantages ---


def test_advantages_are_those_of_the_table() -> None:
    configs = [
        small(),
        small(estimator="qae", parameters={"k": 0.6}),
        small(anchor=HardAnchor(start=0.3), lambda_scale=1.5),
        small(estimator="ktae"),
        small(overlong=5),
        small(mass_of={"estimator": "qae", "k": 0.4}),
        small(mass_of={"estimator": "grpo"}, estimator="qae"),
        small(estimator="qae", parameters={"k": LinearK(0.2, 0.8, steps=10)}),
        small(overlong=5, anchor=HardAnchor(start=0.3)),
    ]
    trainer = trainer_of(*configs)
    trainer.step = 5
    batch = mixed_batch(trainer)
    mask = (batch.tokens != PAD).numpy()
    got = [trainer.advantages(m, batch) for m in range(len(configs))]
    r = batch.correct
    punished = r + overlong_punishment(mask.sum(axis=-1), max_length=trainer.model.response_length, cache=5)
    assert (punished < r).any()
    shaped = grpo(punished[8])
    weighted = shaped * ha_dw_weights(r[8], shaped, 0.3).Phi
    wanted = [
        grpo(r[0])[..., None] * mask[0],
        qae(r[1], k=0.6)[..., None] * mask[1],
        ha_dw(r[2], 0.3, lambda_scale=1.5)[..., None] * mask[2],
        ktae(r[3], batch.tokens[3].numpy(), mask[3]).advantages,
        grpo(punished[4])[..., None] * mask[4],
        (grpo(r[5]) + qae(r[5], k=0.4).mean())[..., None] * mask[5],
        (qae(r[6]) - qae(r[6]).mean())[..., None] * mask[6],
        qae(r[7], k=0.5)[..., None] * mask[7],
        weighted[..., None] * mask[8],
    ]
    for have, want in zip(got, wanted, strict=True):
        np.testing.assert_allclose(have, want, atol=1e-12)
    assert all((g[~m] == 0).all() for g, m in zip(got, mask, strict=True))


def test_advantages_of_verdict_and_punishment_are_added() -> None:
    rule = AdvantageRule((Term("grpo"), Term("dr_grpo", weight=0.5, reward=1)))
    trainer = trainer_of(small(rule=rule, overlong=5))
    batch = mixed_batch(trainer)
    mask = (batch.tokens[0] != PAD).numpy()
    punishment = overlong_punishment(mask.sum(axis=-1), max_length=trainer.model.response_length, cache=5)
    assert (punishment < 0).any()
    wanted = grpo(batch.correct[0]) + dr_grpo(punishment) / 2
    np.testing.assert_allclose(trainer.advantages(0, batch), wanted[..., None] * mask, atol=1e-12)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_every_estimator_by_name(name: str) -> None:
    """The matrix of places: it trains with the advantages of its function, or says why it cannot be here."""
    reason = why_not(name, "lm")
    if reason:
        with pytest.raises(ValueError, match=re.escape(reason)):
            small(estimator=name)
        return
    entry = get(name)
    several = "further" in entry.inputs
    anchor = HardAnchor(start=0.3) if entry.weights else None
    options = {"task_options": {"digits": 3}, "overlong": 12 if several else 0}
    trainer = trainer_of(small(estimator=name, anchor=anchor, **options))
    trainer.train_batch()
    batch = mixed_batch(trainer)
    tokens, r, longest = batch.tokens[0].numpy(), batch.correct[0], trainer.model.response_length
    mask = tokens != PAD
    lengths, problem = mask.sum(axis=-1), trainer.configs[0].problem
    prompts = batch.prompts[0].numpy()
    beside = {
        "token_ids": tokens,
        "mask": mask,
        "lengths": lengths,
        "metric": batch.entropies[0].numpy().sum(axis=-1) / lengths,
        "entropies": batch.entropies[0].numpy(),
        "reference": None if batch.reference is None else batch.reference[0],
        "prompt_values": [(problem.level(prompt) + 1) / 3 for prompt in prompts],
        "further": overlong_punishment(lengths, max_length=longest, cache=12)[None],
        "marks": problem.all_marks(prompts, tokens),
        "dynamics": batch.dynamics[0] if batch.dynamics else None,
        "baselines": trainer.states[0].parts.get("baselines"),
        "anchor": trainer.states[0].belief,
    }
    wanted = entry.advantages(r, **{need: beside[need] for need in entry.inputs})
    wanted = wanted if entry.of_tokens else wanted[..., None] * mask
    np.testing.assert_allclose(trainer.advantages(0, batch), wanted, atol=1e-12)


def test_every_input_that_the_toy_model_has_is_found() -> None:
    """The declarations of inputs say what there is; what the rule keeps itself nobody has to find."""
    kept = {name for name, item in INPUTS.items() if item.remembered} | {"anchor"}
    assert set(FINDERS) == {name for name, item in INPUTS.items() if "lm" in item.places} - kept


def test_a_weighted_sum_trains_with_the_sum_of_its_terms() -> None:
    terms = (Term("qae", {"k": SuccessRateK()}, 0.5), Term("verl_rank"), Term("ktae", weight=2.0))
    trainer = trainer_of(small(rule=terms))
    trainer.train_batch()
    batch, state = mixed_batch(trainer), trainer.states[0]
    r, mask = batch.correct[0], batch.mask[0]
    wanted = 0.5 * qae(r, k=state.parts["0.k"].k)[..., None] + 2 * ktae(r, batch.tokens[0].numpy(), mask).advantages
    of_ranks = {"dynamics": batch.dynamics[0], "baselines": state.parts["baselines"]}
    wanted = wanted + get("verl_rank").advantages(r, **of_ranks)[..., None]
    np.testing.assert_allclose(trainer.advantages(0, batch), wanted * mask, atol=1e-12)


def test_canon_sorts_by_length_if_told_to() -> None:
    trainer = trainer_of(small(estimator="canon", parameters={"metric": "length", "mu": 1.0, "alpha": 0.9}))
    batch = mixed_batch(trainer)
    mask = (batch.tokens[0] != PAD).numpy()
    wanted = canon(batch.correct[0], mask.sum(axis=-1), mu=1.0, alpha=0.9)[..., None] * mask
    np.testing.assert_allclose(trainer.advantages(0, batch), wanted, atol=1e-12)
    with pytest.raises(ValueError, match="parameters: metric must be one of 'entropy', 'length'; got 'size'"):
        small(estimator="canon", parameters={"metric": "size"})


def test_reference_is_the_base_model() -> None:
    """AAPO compares with what the untrained model says, with random numbers of their own."""
    first, second = (trainer_of(small(estimator="aapo"), small()) for _ in range(2))
    with torch.no_grad():  # another policy than the base model's
        for p in second.model.parameters():
            p.add_(0.5 * torch.randn(p.shape, generator=torch.Generator().manual_seed(5)))
    prompts = first.sample()[0].prompts
    said = [
        trainer.reference.generate(prompts, trainer.sampler.numbers((4, 4), 12, 0)).tokens
        for trainer in (first, second)
    ]
    assert torch.equal(*said)
    assert not torch.equal(said[0], first.sample()[0].tokens)
    # Its verdicts are on what it said, whatever the policy has become.
    seen: list[Any] = []
    for trainer in (first, second):
        trainer.sampler.verdicts = lambda prompts, tokens: seen.append(tokens) or np.zeros(tokens.shape[:3])  # type: ignore[method-assign]
        trainer.sampler.reference_rewards(prompts, 0)
    assert torch.equal(seen[0], said[0])
    assert torch.equal(seen[1], said[0])


def test_ranks_are_of_the_hidden_states_and_follow_the_batches() -> None:
    trainer = trainer_of(small(estimator="verl_rank"), small())
    batch, _, _ = trainer.sample()
    states = trainer.model.hidden_states(
        batch.prompts, batch.tokens.flatten(1, 2), prompt_of_response(batch.prompts, 4)
    )
    logits = trainer.model(batch.prompts, batch.tokens.flatten(1, 2), prompt_of_response(batch.prompts, 4))
    torch.testing.assert_close(torch.einsum("snte,sev->sntv", states, trainer.model.head), logits)
    length = int((batch.tokens[0, 1, 2] != PAD).sum())
    one = states[0].view(4, 4, *states.shape[2:])[1, 2, :length].detach().numpy()
    wanted = rank_dynamics([one], stride=2)
    assert batch.dynamics[0].rank[1, 2] == pytest.approx(wanted.rank[0])
    assert batch.dynamics[0].velocity[1, 2] == pytest.approx(wanted.velocity[0], abs=1e-6)
    trainer.train_batch()
    assert trainer.states[0].parts["baselines"].rank == pytest.approx(batch.dynamics[0].rank.mean())
    assert "baselines" not in trainer.states[1].parts  # nobody asks


def test_ranks_travel_in_checkpoints() -> None:
    whole, first, second = (trainer_of(small(estimator="verl_rank")) for _ in range(3))
    for _ in range(3):
        wanted = whole.train_batch()
    for _ in range(2):
        first.train_batch()
    tensors, about = first.state()
    second.load_state({name: x.clone() for name, x in tensors.items()}, json.loads(json.dumps(about)))
    assert second.states == first.states
    assert second.train_batch() == wanted
    assert second.states == whole.states
    assert trainer_of(small()).state()[1]["states"][0]["parts"] == {}  # who does not ask keeps none


def old_form(trainer: Trainer, about: dict[str, Any]) -> dict[str, Any]:
    """A checkpoint's plain values as they were written when each kind of part had a list of its own."""
    parts = [state.parts for state in trainer.states]
    lists = {
        "anchors": [of_run.get("anchor") for of_run in parts],
        "automatic": [of_run.get("k") for of_run in parts],
        "ranks": [of_run.get("baselines", RankBaselines()) for of_run in parts],
    }
    kept = {name: about[name] for name in ("step", "updates")}
    return kept | {name: to_plain(values, name, KINDS) for name, values in lists.items()}


def test_checkpoints_of_the_earlier_form_are_read() -> None:
    configs = [
        small(anchor=HardAnchor(window=2), overlong=7),
        small(estimator="qae", parameters={"k": EntropyTargetK(1.0)}, overlong=7),
        small(estimator="verl_rank", anchor=KalmanAnchor(), overlong=7),
    ]
    first, second = (trainer_of(*configs) for _ in range(2))
    for _ in range(2):
        first.train_batch()
    assert first.states != second.states
    tensors, about = first.state()
    old = json.loads(json.dumps(old_form(first, about)))
    second.load_state({name: x.clone() for name, x in tensors.items()}, old)
    assert second.states == first.states
    assert (second.step, second.state()[1]) == (2, about)
    old["anchors"][0] = old["anchors"][2]
    with pytest.raises(
        ValueError, match=r"anchors must be a HardAnchor, which grpo, HardAnchor\(window=2\), .* starts"
    ):
        second.load_state(tensors, old)


def test_states_of_another_rule_are_refused_by_name() -> None:
    first, second = (trainer_of(small(estimator="qae", parameters={"k": k})) for k in (0.2, 0.4))
    before = {name: x.clone() for name, x in second.state()[0].items()}
    with pytest.raises(ValueError, match=r"the state was left by qae\(k=0.2\); this run has qae\(k=0.4\)"):
        second.load_state(*first.state())
    assert all(torch.equal(x, before[name]) for name, x in second.state()[0].items())  # nothing was taken over


def test_reg_grpo_is_its_loss_by_group() -> None:
    trainer = trainer_of(small(objective="reg_grpo"))
    batch = mixed_batch(trainer)
    batch.correct[0, 2] = 1.0  # nothing to compare: a target of 0, which the loss counts
    assert 0 < batch.correct[0, 0].mean() < 1
    adv = torch.as_tensor(trainer.advantages(0, batch), dtype=torch.float32)[None]
    loss = loss_of(trainer, batch, adv, torch.tensor([[2, 0]]))
    ratios = []
    for group in (2, 0):
        said = batch.tokens[:, group]
        of = torch.zeros((1, said.shape[1]), dtype=torch.long)
        with torch.no_grad():
            logits = trainer.model(batch.prompts[:, group : group + 1], said, of)
        now = log_softmax(logits).gather(-1, said[..., None]).squeeze(-1)
        ratios.append(torch.where(said != PAD, now - batch.log_probs[:, group], 0.0).sum(dim=-1)[0].numpy())
    wanted = reg_grpo(batch.correct[0][[2, 0]], np.array(ratios)).mean()
    assert loss.item() == pytest.approx(wanted, rel=1e-4)
    assert math.isfinite(trainer.train_batch()["gradient_norm"][0])
    for wrong in ({"estimator": "qae"}, {"anchor": SoftAnchor()}):
        with pytest.raises(ValueError, match="objective must be another, or with estimator 'grpo' alone"):
            small(objective="reg_grpo", **wrong)
    with pytest.raises(ValueError, match="task must be one whose steps can be checked with 'fspo': 'addition'"):
        small(task="style", task_options={}, estimator="fspo")


def test_anchors_and_automatic_ks_move_after_the_batch() -> None:
    trainer = trainer_of(
        small(anchor=HardAnchor(window=1)),
        small(estimator="qae", parameters={"k": EntropyTargetK(target=5.0, gain=1.0)}),
        small(estimator="qae", parameters={"k": SuccessRateK()}),
        sharpness=1.0,
    )
    for config in trainer.configs:
        object.__setattr__(config.problem, "rewards", lambda p, r: (r[..., 0] % 3 == 2).astype(float))
    first, second = trainer.train_batch(), trainer.train_batch()
    (counts,) = first["success_histogram"][2:]
    rewards = np.repeat([[i < n for i in range(4)] for n in range(5)], counts, axis=0).astype(float)
    assert second["k"][2] == pytest.approx(SuccessRateK().update(rewards).k)
    assert second["k"][2] != 0.4
    assert first["anchor"][0] == 0.5
    assert second["anchor"][0] == pytest.approx(first["reward"][0])
    assert math.isnan(first["anchor"][1])
    assert first["k"][1:] == [0.4, 0.4]
    logit = math.log(0.4 / 0.6) + 5.0 - first["entropy"][1]
    assert second["k"][1] == pytest.approx(1 / (1 + math.exp(-logit)))


def test_clip_cov_picks_a_share_of_all_tokens_from_those_that_are_not_clipped() -> None:
    trainer = trainer_of(small(objective="clip_cov", selected=0.4))
    batch = mixed_batch(trainer)
    tokens = batch.tokens.flatten(1, 2)
    mask = tokens != PAD
    prompt_of = prompt_of_response(batch.prompts, 4)
    now = read_log_probs(trainer.model, batch.prompts, tokens, prompt_of, mask)
    adv = torch.where(mask, 3.0, 0.0)
    adv[:, ::2] *= -1
    covariances = token_covariances(now[0].detach(), adv[0], mask[0])
    inside = mask[0] & (covariances > 1) & (covariances < 5)
    old = now.detach().clone()
    cut = inside.nonzero()[: int(inside.sum()) // 2]  # half of the candidates, and then what is asked for and more
    assert len(cut) < int(inside.sum()) < int(0.4 * mask.sum())
    for row, place in cut.tolist():
        old[0, row, place] -= math.copysign(1.0, adv[0, row, place])
    picked = trainer.learner.select(batch.prompts, tokens, prompt_of, mask, old, adv, (0, 0))[0]
    wanted = inside.clone()
    wanted[cut[:, 0], cut[:, 1]] = False
    assert torch.equal(picked, wanted)
    few = trainer_of(small(objective="clip_cov", selected=0.1))
    few.learner.model = trainer.model
    count = int(few.learner.select(batch.prompts, tokens, prompt_of, mask, old, adv, (0, 0)).sum())
    assert count == int(0.1 * int(mask.sum())) > int(0.1 * (int(mask.sum()) - len(cut)))


# --- metrics ---


def test_metrics_count_what_they_say() -> None:
    trainer = trainer_of(small(estimator="qae", parameters={"k": 0.4}))
    batch = mixed_batch(trainer)
    batch = replace(batch, correct=np.array([[[1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0], [1, 1, 1, 1.0]]]))
    adv = trainer.advantages(0, batch)
    described = trainer.describe(batch, [adv])
    assert described["zero_share"] == [14 / 16]
    assert described["positive_share"] == [1 / 16]
    own = (batch.tokens != PAD)[0]
    assert described["entropy_positive"][0] == pytest.approx(
        batch.entropies[0, 0, 0][own[0, 0]].mean().item(), rel=1e-5
    )
    assert described["entropy_negative"][0] == pytest.approx(
        batch.entropies[0, 1, 3][own[1, 3]].mean().item(), rel=1e-5
    )
    assert described["net_advantage"][0] == pytest.approx(adv.sum() / int(own.sum()))
    policy = describe_policy(trainer.configs, batch)
    assert policy["success_histogram"] == [[1, 1, 0, 1, 1]]
    assert policy["reward"] == [0.5]
    assert policy["length"][0] == pytest.approx(int(own.sum()) / 16)
    loud = replace(
        batch, tokens=torch.where(batch.tokens == PAD, PAD, 5), entropies=torch.where(batch.tokens == PAD, 0.0, 0.5)
    )
    assert describe_policy(trainer.configs, loud)["top_words"] == [[["3", 0.5, int(own.sum())]]]
    words = batch.tokens[0][own]
    assert policy["correction_share"][0] == pytest.approx(float((words == 16).float().mean()))
    assert policy["entropy"][0] == pytest.approx(batch.entropies[0][own].mean().item(), rel=1e-5)


def test_pass_at_is_the_share_of_subsets_with_a_success() -> None:
    from itertools import combinations

    correct = np.array([[1, 0, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]])
    curve = pass_at(correct)
    for k, value in zip((1, 2, 4, 5), curve, strict=True):
        shares = [np.mean([max(pick) for pick in combinations(row, k)]) for row in correct.tolist()]
        assert value == pytest.approx(np.mean(shares))


def test_runs_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="learning_rate must be the same for all runs"):
        Trainer([small(), small(learning_rate=1e-3)], new_model([small(), small()]))
    with pytest.raises(ValueError, match="configs must be as many as the model has members, 2"):
        Trainer([small()], new_model([small(), small()]))
    with pytest.raises(ValueError, match="configs must be tasks of the model's words and lengths"):
        Trainer([small(), small(task_options={"digits": 2})], new_model([small(), small()]))


# --- CUDA ---


@pytest.mark.gpu
def test_captured_steps_are_the_plain_ones_on_cuda() -> None:
    # Otherwise sums of gradients, in bf16, are added up in any order.
    with deterministic(torch.device("cuda")):
        compare_captured_with_plain()


def compare_captured_with_plain() -> None:
    configs = [small(seed=1), small(seed=2, estimator="qae", objective="gspo", clip_low=0.1, clip_high=0.1, kl=0.1)]
    model = new_model(configs).to("cuda")
    with torch.no_grad():
        model.head.mul_(5)
    trainer = Trainer(configs, model)
    for _ in range(2):  # recorded, then replayed
        batch, _, _ = trainer.sample()
        prompts = batch.prompts
        uniforms = torch.rand((2, 4, 4, trainer.model.response_length), device="cuda")
        inputs_of_sampling = prompts, uniforms, torch.tensor(0.7, device="cuda")
        for captured, plain in zip(
            trainer.sampler.captured(*inputs_of_sampling),
            trainer.sampler.generate_all(*inputs_of_sampling),
            strict=True,
        ):
            torch.testing.assert_close(captured, plain, atol=0, rtol=0)
        batch = replace(batch, correct=(np.random.default_rng(0).random(batch.correct.shape) < 0.4).astype(float))
        adv = np.stack([trainer.advantages(m, batch) for m in range(2)])
        together = torch.as_tensor(adv, dtype=torch.float32, device="cuda")
        inputs, _ = trainer.learner.prepare(batch, together, groups_of(2), (0, 0))
        trainer.learner.captured(*inputs)
        captured_gradients = [p.grad.clone() for p in model.parameters()]
        trainer.learner.backward(*inputs)
        for one, p in zip(captured_gradients, model.parameters(), strict=True):
            torch.testing.assert_close(one, p.grad, atol=0, rtol=0)
        trainer.train_batch()


def groups_of(runs: int) -> torch.Tensor:
    """All four groups of each run."""
    return torch.arange(4, device="cuda").expand(runs, -1)


@pytest.mark.gpu
def test_training_on_cuda_learns_what_the_cpu_learns() -> None:
    config = small(task_options={"digits": 1}, minibatches=1)
    models = {device: new_model([config]).to(device) for device in ("cpu", "cuda")}
    rewards = {}
    for device, model in models.items():
        trainer = Trainer([config], model)
        rewards[device] = [trainer.train_batch()["entropy"][0] for _ in range(3)]
    assert rewards["cuda"] == pytest.approx(rewards["cpu"], abs=0.05)
