"""Tasks of the toy language model: demonstrations, verifiers, splits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qae_sim.lm.tasks import END, PAD, TASKS, Addition, Countdown, Paths, StyleAnswer, Task
from qae_sim.lm.tasks.base import HELD_OUT

WITH_STEPS: list[Task] = [
    Addition(digits=1),
    Addition(digits=4),
    Countdown(numbers=2),
    Countdown(),
    Countdown(numbers=4),
    Paths(),
    Paths(moves=5),
]
ALL: list[Task] = [*WITH_STEPS, StyleAnswer(), StyleAnswer(truth="memorised")]
of_all = pytest.mark.parametrize("task", ALL, ids=repr)


def numbers(task: Task, text: str) -> list[int]:
    return [task.number(word) for word in text.split()]


@of_all
class TestEveryTask:
    def test_words_are_different_and_begin_alike(self, task: Task) -> None:
        assert len(set(task.words)) == len(task.words)
        assert task.words[END] == "end"
        assert all(task.words[n] for n in task.corrections)

    def test_problems_have_their_shape_and_every_level(self, task: Task) -> None:
        prompts = task.problems(400, 3)
        assert prompts.shape == (400, task.prompt_length)
        assert prompts.min() > END
        assert prompts.max() < len(task.words)
        assert {task.level(prompt) for prompt in prompts} == set(range(task.levels))

    def test_training_and_held_out_prompts_are_disjoint(self, task: Task) -> None:
        train = {tuple(prompt) for prompt in task.problems(600, 0)}
        test = {tuple(prompt) for prompt in task.problems(600, 0, held_out=True)}
        assert train
        assert test
        assert not train & test

    def test_the_ith_problem_does_not_depend_on_how_many_are_drawn(self, task: Task) -> None:
        many, few = task.problems(50, 5, 2), task.problems(20, 5, 2)
        assert np.array_equal(many[:20], few)
        assert not np.array_equal(few, task.problems(20, 5, 3))
        assert not np.array_equal(few, task.problems(20, 6, 2))
        said = task.demonstrations(many, 1)
        assert np.array_equal(said[:20], task.demonstrations(few, 1))

    def test_demonstrations_are_partly_right(self, task: Task) -> None:
        prompts = task.problems(600, 0)
        said = task.demonstrations(prompts, 0)
        assert said.shape == (600, task.response_length)
        assert ((said == END).sum(axis=1) == 1).all()
        after = np.cumsum(said == END, axis=1) - (said == END)
        assert (said[after == 1] == PAD).all()
        assert (said[after == 0] != PAD).all()
        assert 0.25 < task.rewards(prompts, said).mean() < 0.97

    def test_they_hesitate(self, task: Task) -> None:
        said = task.demonstrations(task.problems(300, 0), 0)
        assert 0 < np.isin(said, task.corrections).sum() < 0.3 * (said != PAD).sum()

    def test_rewards_are_those_of_the_verifier(self, task: Task) -> None:
        prompts = task.problems(40, 1)
        said = np.stack([task.demonstrations(prompts, seed) for seed in range(3)], axis=1)
        rewards = task.rewards(prompts[:, None], said)
        for i, j in itertools.product(range(40), range(3)):
            response = said[i, j].tolist()
            right = task.verify(prompts[i].tolist(), response[: response.index(END)])
            assert rewards[i, j] == right

    def test_a_response_without_an_end_is_wrong(self, task: Task) -> None:
        prompts = task.problems(50, 1)
        said = task.demonstrations(prompts, 0)
        assert (task.rewards(prompts, np.where(said == END, PAD, said)) == 0).all()

    @given(data=st.data())
    @settings(max_examples=60, deadline=None)
    def test_any_words_can_be_verified(self, task: Task, data: st.DataObject) -> None:
        prompt = task.problems(1, data.draw(st.integers(0, 50)))[0]
        words = st.integers(0, len(task.words) - 1)
        response = data.draw(st.lists(words, max_size=task.response_length))
        assert task.verify(prompt.tolist(), response) in (True, False)

    def test_prompts_of_a_wrong_shape(self, task: Task) -> None:
        with pytest.raises(ValueError, match="prompts must be of shape"):
            task.rewards(np.zeros((2, 99), dtype=int), np.zeros((2, 3), dtype=int))


@pytest.mark.parametrize("kind", [Addition, Paths])
def test_without_slips_all_is_right(kind: type[Task]) -> None:
    task = kind(slip=0.0)  # type: ignore[call-arg]
    prompts = task.problems(300, 0)
    assert task.rewards(prompts, task.demonstrations(prompts, 0)).mean() == 1


@pytest.mark.parametrize("kind", [Addition, Paths])
def test_noticed_slips_do_no_harm_but_for_lack_of_room(kind: type[Task]) -> None:
    task = kind(slip=0.1, notice=1.0)  # type: ignore[call-arg]
    prompts = task.problems(500, 0)
    said = task.demonstrations(prompts, 0)
    right = task.rewards(prompts, said) == 1
    room = (said != PAD).sum(axis=1) < task.response_length
    assert right[room].all()
    assert np.isin(said, task.corrections).any(axis=1).mean() > 0.1


class TestAddition:
    def test_by_hand(self) -> None:
        task = Addition(digits=3)
        prompt = numbers(task, "9 4 7 + 1 2 5 =")  # 947 + 125 = 1072
        right = ("2 c1 7 c0 0 c1", "2 c0 wait 2 c1 7 c0 0 c1", "2 c0 7 c0 0 c1")
        wrong = ("2 c1 7 c0 0 c0", "2 c1 7 c0", "2 c1 7 c0 0 c1 0 c0", "c1 2 7 c0 0 c1", "wait 2 c1 7 c0 0 c1", "")
        assert [task.verify(prompt, numbers(task, text)) for text in right] == [True] * 3
        assert [task.verify(prompt, numbers(task, text)) for text in wrong] == [False] * 6

    @given(st.integers(0, 9999), st.integers(0, 9999), st.integers(0, 9))
    @settings(max_examples=200, deadline=None)
    def test_the_sum_and_nothing_else(self, a: int, b: int, off: int) -> None:
        task = Addition(digits=4)
        prompt = numbers(task, " ".join(f"{a:04d}") + " + " + " ".join(f"{b:04d}") + " =")
        said = f"{a + b + off:05d}"
        columns = " ".join(f"{digit} c0" for digit in said[:0:-1])[:-1] + said[0] if said[0] in "01" else ""
        assert task.verify(prompt, numbers(task, columns)) == (off == 0)

    def test_steps_are_checked(self) -> None:
        task = Addition(digits=3)
        prompt = numbers(task, "9 4 7 + 1 2 5 =")  # 2 c1, 7 c0, 0 c1
        marks = {
            "2 c1 7 c0 0 c1": [1, 1, 1, 1, 1, 1],
            "2 c0 7 c0 0 c1 end": [-1, -1, 1, 1, 1, 1, 0],
            "2 c0 wait 2 c1 6 c0 0 c1": [-1, -1, 0, 1, 1, -1, -1, 1, 1],
            "2 c1 7 c0 wait wait 2 c1": [1, 1, 1, 1, 0, 0, 1, 1],
            "wait 2 c1": [0, 0, 0],
            "2 c1 c0 7 0 c1": [1, 1, 0, 0, 0, 0],
            "2 c1 7 c0 0 c1 0 c0": [1, 1, 1, 1, 1, 1, 0, 0],
            "2": [0],
        }
        for text, wanted in marks.items():
            assert task.marks(prompt, numbers(task, text)) == wanted, text
        groups = np.array([[numbers(task, "2 c1 end ·"), numbers(task, "3 c1 end ·")]])
        assert task.all_marks(np.array([prompt]), groups).tolist() == [[[1, 1, 0, 0], [-1, -1, 0, 0]]]
        assert Countdown().marks((), (1, 2)) == [0, 0]

    def test_level_counts_digits(self) -> None:
        task = Addition(digits=3)
        prompts = ("0 0 7 + 0 0 5 =", "0 1 0 + 0 0 5 =", "1 0 0 + 0 0 0 =")
        assert [task.level(numbers(task, text)) for text in prompts] == [0, 1, 2]


class TestCountdown:
    def test_by_hand(self) -> None:
        task = Countdown()
        prompt = numbers(task, "6 6 2 to 10")
        right = ("6 + 6 = 12 12 - 2 = 10", "6 - 2 = 4 4 + 6 = 10", "6 × 2 = 12 wait 6 + 6 = 12 12 - 2 = 10")
        wrong = (
            "6 + 6 = 12",  # one number is left over
            "6 + 6 = 12 6 - 2 = 4",  # uses a six that is gone
            "6 + 6 = 13 13 - 3 = 10",  # untrue, and no 3
            "2 - 6 = 0 6 + 0 = 10",  # untrue
            "6 + 2 = 8 8 + 6 = 14",  # another target
            "6 = 6 + 12 12 - 2 = 10",  # no step
        )
        assert [task.verify(prompt, numbers(task, text)) for text in right] == [True] * 3
        assert [task.verify(prompt, numbers(task, text)) for text in wrong] == [False] * 6

    def test_every_target_can_be_reached(self) -> None:
        task = Countdown(numbers=4)
        zero = task.number("0")

        def reachable(left: tuple[int, ...]) -> set[int]:
            if len(left) == 1:
                return set(left)
            found: set[int] = set()
            for i, j in itertools.permutations(range(len(left)), 2):
                rest = [x for n, x in enumerate(left) if n not in (i, j)]
                for result in (left[i] + left[j], left[i] - left[j], left[i] * left[j]):
                    if 0 <= result <= 30:
                        found |= reachable((*rest, result))
            return found

        for prompt in task.problems(40, 0):
            given_numbers = tuple(int(n) - zero for n in prompt[:4] if n != zero)
            assert int(prompt[-1]) - zero in reachable(given_numbers)


class TestPaths:
    def test_by_hand(self) -> None:
        task = Paths()
        prompt = numbers(task, "12 to 5")
        right = ("×2 1 ×2 2 ×2 4 +1 5", "-3 9 -3 6 -3 3 +1 4 +1 5", "×2 2 wait ×2 1 +1 2 ×2 4 +1 5")
        wrong = ("", "×2 1", "×2 2 ×2 4 +1 5", "-3 9 5", "×2 1 ×2 2 ×2 4 +1 5 +1 6")
        assert [task.verify(prompt, numbers(task, text)) for text in right] == [True] * 3
        assert [task.verify(prompt, numbers(task, text)) for text in wrong] == [False] * 5

    def test_level_is_the_least_number_of_moves(self) -> None:
        task = Paths(moves=5)
        for prompt in task.problems(60, 0):
            here, goal = int(prompt[0]) - 2, int(prompt[2]) - 2
            reached, moves = {here}, 0
            while goal not in reached:
                reached |= {y for x in reached for y in ((x + 1) % 23, (x - 3) % 23, 2 * x % 23)}
                moves += 1
            assert task.level(prompt) == moves - 1


class TestStyleAnswer:
    def test_by_hand(self) -> None:
        task = StyleAnswer()
        prompt = numbers(task, "8 1 3")
        right = ("answer 3", "wait wait let us see answer 3")
        wrong = ("answer 8", "let us see 3", "answer 3 3", "4 answer 3", "answer", "3 answer")
        assert [task.verify(prompt, numbers(task, text)) for text in right] == [True] * 2
        assert [task.verify(prompt, numbers(task, text)) for text in wrong] == [False] * 6

    def test_demonstrations_guess_with_the_stated_weights(self) -> None:
        task = StyleAnswer()
        prompt = task.problems(1, 4)[0]
        said = task.demonstrations(np.repeat(prompt[None], 4000, axis=0), 0)
        guessed = said[np.arange(4000), (said == END).argmax(axis=1) - 1]
        for digit, chance in zip(prompt, task.guesses(prompt), strict=True):
            assert abs((guessed == digit).mean() - chance) < 5 * np.sqrt(0.25 / 4000)

    def test_memorised_truths_are_spread_over_the_places(self) -> None:
        task = StyleAnswer(truth="memorised")
        prompts = task.problems(600, 0)
        places = [list(prompt).index(2 + task.answer(prompt)) for prompt in prompts]
        assert np.bincount(places, minlength=3).min() > 130

    def test_levels_follow_the_guesses(self) -> None:
        task = StyleAnswer()
        for prompt in task.problems(50, 0):
            chance = task.guesses(prompt)[list(prompt).index(2 + task.answer(prompt))]
            assert task.level(prompt) == (0 if chance >= 2 / 3 else 1 if chance >= 1 / 3 else 2)


def test_about_a_quarter_is_held_out() -> None:
    task = StyleAnswer()
    prompts = list(itertools.permutations(range(2, 12), 3))
    share = np.mean([task.is_held_out(prompt) for prompt in prompts])
    assert abs(share - 1 / HELD_OUT) < 0.05


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Addition(digits=7), "digits must be"),
        (lambda: Addition(slip=1.5), "slip must be"),
        (lambda: Countdown(numbers=1), "numbers must be"),
        (lambda: Countdown(notice=-0.1), "notice must be"),
        (lambda: Paths(moves=6), "moves must be"),
        (lambda: StyleAnswer(truth="both"), "truth must be"),  # type: ignore[arg-type]
        (lambda: StyleAnswer(spread=np.inf), "spread must be"),
        (lambda: StyleAnswer(follow=2.0), "follow must be"),
        (lambda: Paths().problems(-1, 0), "count must be"),
    ],
)
def test_dials_out_of_range(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]


def test_names() -> None:
    assert sorted(TASKS) == ["addition", "countdown", "paths", "style"]
