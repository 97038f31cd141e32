"""Every exercise: the stub does not pass, the solution does, wrong answers get their own words."""

import random
import re
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from scipy import stats

from companion.teaching import checks
from companion.teaching.checks import EXERCISES, NOT_ATTEMPTED, NOT_YET, PASSED, judge
from tests.teaching import (
    refresher_answers,
    wrong_answers_page,
    wrong_domain_text,
    wrong_few_examples,
    wrong_fine_tuning_bert,
    wrong_own_data,
    wrong_token_heads,
    wrong_what_it_knows,
)

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


def notebook_exercises(path: Path) -> dict[str, SimpleNamespace]:
    """Return what a lesson's notebook holds of each exercise: .stub and .solution, as source.

    The stub is the code cell tagged `exercise`, the solution the ```python block inside the
    `<details>` of the markdown cell whose metadata has the role "solution".
    """
    found: dict[str, SimpleNamespace] = {}
    for cell in nbformat.read(path, as_version=4).cells:
        about = cell.metadata.get("companion", {})
        if "exercise" not in about:
            continue
        entry = found.setdefault(about["exercise"], SimpleNamespace(stub="", solution=""))
        if cell.cell_type == "code" and "exercise" in cell.metadata.get("tags", []):
            entry.stub = cell.source
        elif cell.cell_type == "markdown" and about.get("role") == "solution":
            folded = re.search(r"<details>(.*?)</details>", cell.source, re.S)
            block = re.search(r"```python\n(.*?)```", folded[1] if folded else "", re.S)
            entry.solution = block[1] if block else ""
    return found


LESSONS = {
    exercise: entry
    for path in sorted(NOTEBOOKS.glob("*.ipynb"))
    for exercise, entry in notebook_exercises(path).items()
}
STUBS = {id: entry.stub for id, entry in LESSONS.items()}
SOLUTIONS = {id: entry.solution for id, entry in LESSONS.items()}


def defined(source: str, exercise_id: str) -> object:
    """Run a cell's source and return the function that the exercise asks for."""
    room: dict[str, object] = {"np": np, "torch": torch}  # lessons import them at their top
    exec(compile(source, f"<cell {exercise_id}>", "exec"), room)
    return room[EXERCISES[exercise_id].answer]


# Wrong answers: (exercise, words that only their message holds, function) ------------------------


def top(labels):
    return np.bincount(labels).argmax()


def draw_with(choose):
    """Make a draw that picks k of the places of each class by `choose(places, k, seed)`."""

    def draw(labels, k, seed):
        places = [np.flatnonzero(labels == c) for c in np.unique(labels)]
        if min(map(len, places)) < k:
            raise ValueError("too few")
        return np.concatenate([choose(p, k, seed) for p in places])

    return draw


def seeded_globally(places, k, seed):
    np.random.seed(seed)
    return np.random.choice(places, k, replace=False)


def seeded_random_module(places, k, seed):
    random.seed(seed)
    return np.array(random.sample(places.tolist(), k))


def own(seed):
    return np.random.default_rng(seed)


def unbalanced(labels, k, seed):
    return own(seed).choice(len(labels), k * len(set(labels.tolist())), replace=False)


def takes_what_there_is(labels, k, seed):
    places = [np.flatnonzero(labels == c) for c in np.unique(labels)]
    return np.concatenate([own(seed).choice(p, min(k, len(p)), replace=False) for p in places])


good_draw = draw_with(lambda p, k, s: own(s).choice(p, k, replace=False))


def around(middle, half):
    return middle - half, middle + half


def standard_error(a, b, ddof=1):
    return np.std(a - b, ddof=ddof) / np.sqrt(len(a))


def words(supported, contradicted):
    return "supported" if supported else "contradicted" if contradicted else "undecided"


def hits(predict, pictures, labels, size):
    starts = range(0, len(labels), size)
    return [predict(pictures[i : i + size]) == labels[i : i + size] for i in starts]


def frozen_by(*steps):
    """Make a freezing that does some of what is needed to blocks 0 to upto."""

    def freeze(model, upto):
        for block in model[: upto + 1]:
            for step in steps:
                step(block)

    return freeze


def no_gradient(block):
    block.requires_grad_(False)


def eval_once(block):
    block.eval()


def eval_for_good(block):
    block.eval()
    block.train = lambda mode=True: block


def no_momentum(block):
    for module in block.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.momentum = 0.0
            module.register_buffer("num_batches_tracked", None)


def groups(head_rate=None, keep=lambda name, p: p.requires_grad, both=False, swap=False):
    """Make optimiser groups with one mistake."""

    def make(model, rate, fast):
        rate, fast = (fast, rate) if swap else (rate, fast)
        named = [(n, p) for n, p in model.named_parameters() if keep(n, p)]
        rest = [p for n, p in named if both or not n.startswith("head.")]
        head = [p for n, p in named if n.startswith("head.")]
        return [{"params": rest, "lr": rate}, {"params": head, "lr": head_rate or fast}]

    return make


def steps_with(first=None, between=None, second=None, rates=(0, 1)):
    """Make an LP-FT with one mistake; both steps get (model) -> parameters."""

    def tune(model, train, head_rate, rate):
        both = (head_rate, rate)
        train(list((first or (lambda m: m.head.parameters()))(model)), both[rates[0]])
        if between:
            between(model)
        train(list((second or (lambda m: m.parameters()))(model)), both[rates[1]])

    return tune


def split_with(change=None, by="module", quarter=4):
    """Make a split with one mistake: `change` gets and returns (train, validation, test)."""

    def split(modules, kinds, seed):
        rng = np.random.default_rng(seed)
        if by == "cell":
            order = rng.permutation(len(modules))
            return order[40:], order[20:40], order[:20]
        strata = np.unique(kinds) if by == "module" else ["all"]
        sides = ([], [], [])
        for kind in strata:
            inside = kinds == kind if by == "module" else np.full(len(kinds), True)
            members = np.unique(modules[inside])
            members = members if by == "sorted" else rng.permutation(members)
            n = max(1, len(members) // quarter)
            parts = (members[2 * n :], members[n : 2 * n], members[:n])
            for side, part in zip(sides, parts, strict=True):
                side.extend(part)
        found = tuple(np.flatnonzero(np.isin(modules, side)) for side in sides)
        return change(found) if change else found

    return split


def scored(train=False, means=False, chooser="validation"):
    """Make an evaluation with some of the three mistakes, written out anew."""

    def accuracy(model, examples, size):
        model.train(train)
        with torch.no_grad():
            parts = zip(examples[0].split(size), examples[1].split(size), strict=True)
            right = [(model(x).argmax(1) == y).float() for x, y in parts]
        return torch.stack([r.mean() for r in right]).mean() if means else torch.cat(right).mean()

    def evaluate(model, states, validation, test, size):
        chosen, judged = [], []
        for state in states:
            model.load_state_dict(state)
            chosen.append(accuracy(model, validation, size).item())
            model.load_state_dict(state)
            judged.append(accuracy(model, test, size).item())
        best = chosen.index(max(chosen))
        return {"validation": judged[best], "test": max(judged), "last": judged[-1],
                "report": chosen[best]}[chooser]  # fmt: skip

    return evaluate


WRONG = [
    ("02.1", "requires_grad_(False) does not stop BatchNorm", frozen_by(no_gradient)),
    ("02.1", "switched them back", frozen_by(no_gradient, eval_once)),
    ("02.1", "nothing is left to train", lambda m, upto: no_gradient(m)),
    ("02.1", "it still requires gradients", frozen_by(eval_for_good)),
    ("02.1", "answer differently in train mode", frozen_by(no_gradient, no_momentum)),
    ("02.2", "stands in two groups", groups(both=True)),
    ("02.2", "is frozen and stands in a group", groups(keep=lambda n, p: True)),
    ("02.2", "the rates are swapped", groups(swap=True)),
    ("02.2", "stands in no group", groups(keep=lambda n, p: n.startswith("head."))),
    ("02.2", "asked for were", groups(head_rate=0.5)),
    ("02.2", "expected a list of dictionaries", lambda m, rate, fast: list(m.parameters())),
    ("02.3", "the head was made anew", steps_with(between=lambda m: m.head.reset_parameters())),
    (
        "02.3",
        "the first step trains more than the head",
        steps_with(first=lambda m: m.parameters()),
    ),
    ("02.3", "both steps use one rate", steps_with(rates=(1, 1))),
    ("02.3", "swapped: head_rate is for the first", steps_with(rates=(1, 0))),
    (
        "02.3",
        "does not train everything",
        steps_with(second=lambda m: m.head.parameters()),
    ),
    ("02.3", "expected two calls", lambda m, train, fast, rate: train(list(m.parameters()), rate)),
    ("02.4", "Draw modules, not cells", split_with(by="cell")),
    ("02.4", "What chooses may not judge", split_with(lambda s: (s[0], s[2][::2], s[2]))),
    ("02.4", "holds no mono", split_with(lambda s: (*s[:2], s[2][s[2] > 30]))),
    ("02.4", "cells stand on no side", split_with(lambda s: (s[0], s[1], s[2][1:]))),
    ("02.4", "is a mask", split_with(lambda s: tuple(np.isin(np.arange(70), side) for side in s))),
    ("02.5", "with all three mistakes in it", scored(True, True, "test")),
    ("02.5", "seems to be in train mode", scored(train=True)),
    ("02.5", "You seem to average", scored(means=True)),
    ("02.5", "You seem to choose the epoch by the test set", scored(chooser="test")),
    ("02.5", "take the last epoch", scored(chooser="last")),
    ("02.5", "return the validation score", scored(chooser="report")),
    ("00.1", "common label of the test set", lambda tr, te: np.mean(te == top(te))),
    ("00.1", "guessing at random", lambda tr, te: 1 / len(np.unique(tr))),
    ("00.1", "the class itself", lambda tr, te: top(tr)),
    ("00.1", "score on the training labels", lambda tr, te: np.mean(tr == top(tr))),
    ("00.1", "a count", lambda tr, te: np.sum(te == top(tr))),
    ("00.1", "a percentage", lambda tr, te: 100 * np.mean(te == top(tr))),
    ("00.1", "round the mean label", lambda tr, te: np.mean(te == round(tr.mean()))),
    ("00.1", "expected one number", lambda tr, te: te == top(tr)),
    ("00.2", "in file order", draw_with(lambda p, k, s: p[:k])),
    ("00.2", "with replacement", draw_with(lambda p, k, s: own(s).choice(p, k))),
    ("00.2", "global random state", draw_with(seeded_globally)),
    ("00.2", "global random state", draw_with(seeded_random_module)),
    (
        "00.2",
        "global random state",
        draw_with(lambda p, k, s: np.random.choice(p, k, replace=False)),
    ),
    ("00.2", "not balanced", unbalanced),
    ("00.2", "changes nothing", draw_with(lambda p, k, s: own(0).choice(p, k, replace=False))),
    (
        "00.2",
        "The same seed must",
        draw_with(lambda p, k, s: np.random.default_rng().choice(p, k, replace=False)),
    ),
    ("00.2", "never came", draw_with(lambda p, k, s: own(s).permutation(p[:-1])[:k])),
    ("00.2", "expected a ValueError", takes_what_there_is),
    ("00.2", "you returned labels", lambda la, k, s: la[good_draw(la, k, s)]),
    ("00.2", "one list per class", lambda la, k, s: np.split(good_draw(la, k, s), len(set(la)))),
    ("00.2", "mask", lambda la, k, s: np.isin(np.arange(len(la)), good_draw(la, k, s))),
    ("00.2", "places run", lambda la, k, s: good_draw(la, k, s) + 1),
    ("00.3", "as unpaired", lambda a, b: stats.ttest_ind(a, b).confidence_interval()),
    (
        "00.3",
        "as unpaired",
        lambda a, b: around(
            a.mean() - b.mean(), 2.306 * np.sqrt((a.var(ddof=1) + b.var(ddof=1)) / 5)
        ),
    ),
    (
        "00.3",
        "standard deviation with n",
        lambda a, b: around(np.mean(a - b), 2.776 * standard_error(a, b, 0)),
    ),
    ("00.3", "use 1.96", lambda a, b: around(np.mean(a - b), 1.96 * standard_error(a, b))),
    ("00.3", "And: ", lambda a, b: around(np.mean(a - b), 1.96 * standard_error(a, b, 0))),
    ("00.3", "swapped the sign", lambda a, b: around(np.mean(b - a), 2.776 * standard_error(a, b))),
    (
        "00.3",
        "square root of 5",
        lambda a, b: around(np.mean(a - b), 2.776 * np.std(a - b, ddof=1)),
    ),
    (
        "00.3",
        "5 degrees of freedom",
        lambda a, b: around(np.mean(a - b), 2.571 * standard_error(a, b)),
    ),
    ("00.3", "90 % interval", lambda a, b: around(np.mean(a - b), 2.132 * standard_error(a, b))),
    (
        "00.3",
        "low end comes first",
        lambda a, b: around(np.mean(a - b), -2.776 * standard_error(a, b)),
    ),
    ("00.3", "half-width", lambda a, b: (np.mean(a - b), 2.776 * standard_error(a, b))),
    ("00.3", "two numbers", lambda a, b: float(np.mean(a - b))),
    ("00.4", "overlaps delta as equal", lambda lo, hi, d: words(lo > d, True)),
    ("00.4", "includes 0 as no effect", lambda lo, hi, d: words(lo > 0, True)),
    ("00.4", "ignore delta", lambda lo, hi, d: words(lo > 0, hi < 0)),
    ("00.4", "middle of the interval", lambda lo, hi, d: words((lo + hi) / 2 > d, True)),
    ("00.4", "wrong ends", lambda lo, hi, d: words(hi > d, lo < d)),
    ("00.4", "edges", lambda lo, hi, d: words(lo >= d, hi <= d)),
    ("00.4", "B beats A", lambda lo, hi, d: words(lo > d, hi < -d)),
    ("00.4", "one of the words", lambda lo, hi, d: "equal"),
    ("00.5", "still the bug", lambda *case: np.mean([h.mean() for h in hits(*case)])),
    (
        "00.5",
        "drop the short last batch",
        lambda *case: np.mean(np.concatenate([h for h in hits(*case) if len(h) == case[3]])),
    ),
    (
        "00.5",
        "weight every batch by batch_size",
        lambda *case: sum(h.mean() * case[3] for h in hits(*case)) / len(case[2]),
    ),
    (
        "00.5",
        "more pictures than there are",
        lambda *case: sum(h.sum() for h in hits(*case)) / (len(hits(*case)) * case[3]),
    ),
    ("00.5", "last batch only", lambda *case: hits(*case)[-1].mean()),
    ("00.5", "a count", lambda *case: sum(h.sum() for h in hits(*case))),
    ("00.5", "pictures at once", lambda f, x, y, size: np.mean(f(x) == y)),
    *wrong_what_it_knows.WRONG,
    *wrong_fine_tuning_bert.WRONG,
    *wrong_token_heads.WRONG,
    *wrong_domain_text.WRONG,
    *wrong_few_examples.WRONG,
    *wrong_own_data.WRONG,
    *refresher_answers.WRONG,
]


@pytest.fixture(autouse=True)
def fresh_session(monkeypatch):
    monkeypatch.setattr(checks, "_results", {})
    monkeypatch.setattr(checks, "_hints_shown", {})


@pytest.mark.parametrize("exercise_id", EXERCISES)
def test_stub_is_not_attempted(exercise_id):
    result = judge(EXERCISES[exercise_id], defined(STUBS[exercise_id], exercise_id))
    assert result.state == NOT_ATTEMPTED
    assert result.text.startswith(f"{exercise_id} not attempted yet")


@pytest.mark.parametrize("exercise_id", EXERCISES)
def test_solution_passes(exercise_id):
    result = judge(EXERCISES[exercise_id], defined(SOLUTIONS[exercise_id], exercise_id))
    assert result.text == f"{exercise_id} passed: {EXERCISES[exercise_id].shows}"
    assert result.state == PASSED


@pytest.mark.parametrize(("exercise_id", "key", "wrong"), WRONG)
def test_wrong_answer_gets_its_own_message(exercise_id, key, wrong):
    result = judge(EXERCISES[exercise_id], wrong)
    assert result.state == NOT_YET
    assert key in result.text, result.text
    for other, phrase, _ in WRONG:
        if other == exercise_id and phrase not in (key, "And: ") and key != "And: ":
            assert phrase not in result.text, f"{phrase!r} stands in the message for {key!r}"


@pytest.mark.parametrize("exercise_id", EXERCISES)
def test_at_least_three_wrong_answers_each(exercise_id):
    keys = {key for other, key, _ in WRONG if other == exercise_id}
    assert len(keys) >= 3


def test_the_teachers_page_says_what_the_checks_say(measured):
    """After a change: python -m tests.teaching.wrong_answers_page."""
    found = {(exercise, key) for exercise, key, _ in WRONG}
    counts = Counter(exercise for exercise, _ in found)
    each = "  ".join(f"{exercise_id}: {counts[exercise_id]}" for exercise_id in EXERCISES)
    measured(f"{len(EXERCISES)} exercises, {len(WRONG)} wrong answers, {len(found)} messages")
    measured(each)
    assert wrong_answers_page.page(WRONG) == wrong_answers_page.PAGE.read_text("utf-8")


@pytest.mark.parametrize("exercise_id", EXERCISES)
def test_exercise_says_what_a_learner_needs(exercise_id):
    exercise = EXERCISES[exercise_id]
    assert exercise.difficulty in ("easy", "medium", "hard")
    assert 1 <= exercise.minutes <= 20
    assert len(exercise.hints) == 3
    assert all((exercise.title, exercise.goal, exercise.shows, exercise.answer))


ODD = ["text", 3.0, [], {}, object(), np.zeros((2, 2)), [None], float("nan"), True, (1, 2, 3), b"x"]


@pytest.mark.parametrize("exercise_id", EXERCISES)
@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_odd_answers_and_results_never_raise(exercise_id, value):
    exercise = EXERCISES[exercise_id]
    assert judge(exercise, value).state == NOT_YET
    assert judge(exercise, lambda *anything: value).state == NOT_YET


@pytest.mark.parametrize("exercise_id", EXERCISES)
def test_function_that_stops_is_told_where(exercise_id):
    source = "def stops(*anything):\n    one = 1\n    return one / 0\n"
    room = {}
    exec(compile(source, "<cell>", "exec"), room)
    text = judge(EXERCISES[exercise_id], room["stops"]).text
    assert "ZeroDivisionError: division by zero" in text
    assert "at line 3" in text


def test_wrong_parameters_are_told():
    text = judge(EXERCISES["00.1"], lambda labels: 0.5).text
    assert "TypeError" in text
    assert "keep the parameters of the stub" in text


def test_exit_in_an_answer_does_not_end_the_notebook():
    assert "SystemExit" in judge(EXERCISES["00.4"], lambda *a: sys.exit(1)).text


def test_print_instead_of_return(capsys):
    def prints(train_labels, test_labels):
        print("half of them:", 0.5)

        _ = train_labels

    checks.check("00.1", prints)
    out = capsys.readouterr().out
    assert "returned None" in out
    assert "Printing a value does not return it" in out
    assert out.count("half of them: 0.5") == 1


def test_right_answer_that_prints_passes_quietly(capsys):
    solution = defined(SOLUTIONS["00.4"], "00.4")

    def noisy(low, high, delta):
        print("looking at", low, high)
        return solution(low, high, delta)

    checks.check("00.4", noisy)
    out = capsys.readouterr().out
    assert out.startswith("00.4 passed")
    assert "looking at" not in out


@pytest.mark.parametrize("answer", [None, ..., lambda *a: None, lambda *a: ...])
def test_untouched_answers(answer):
    assert judge(EXERCISES["00.3"], answer).state == NOT_ATTEMPTED


def test_stub_forms():
    forms = (
        "    pass",
        "    '''Only words.'''",
        "    return ...",
        "    raise NotImplementedError",
        "    raise NotImplementedError('your code here')",
        "    '''Words.'''\n    low + high\n    return ...",
    )
    for body in forms:
        function = defined(f"def verdict(low, high, delta):\n{body}\n", "00.4")
        assert judge(EXERCISES["00.4"], function).state == NOT_ATTEMPTED, body


def test_draw_check_leaves_the_global_random_state():
    np.random.seed(3)
    random.seed(3)
    wanted = np.random.random(), random.random()
    np.random.seed(3)
    random.seed(3)
    judge(EXERCISES["00.2"], draw_with(seeded_globally))
    judge(EXERCISES["00.2"], draw_with(seeded_random_module))
    assert (np.random.random(), random.random()) == wanted


def test_arguments_are_copies():
    solution = defined(SOLUTIONS["00.3"], "00.3")

    def greedy(a, b):
        low, high = solution(a, b)
        a -= 1000
        return low, high

    assert judge(EXERCISES["00.3"], greedy).state == PASSED
    assert judge(EXERCISES["00.3"], solution).state == PASSED


def test_other_right_ways_pass():
    def by_scipy(a, b):
        return stats.ttest_rel(a, b).confidence_interval(0.95)

    def by_table(a, b):
        return list(around(np.mean(a - b), 2.776 * standard_error(a, b)))

    def by_shuffle(labels, k, seed):
        rng = random.Random(seed)
        drawn = []
        for name in sorted(set(labels)):
            drawn += rng.sample([i for i, label in enumerate(labels) if label == name], k)
        return drawn

    assert judge(EXERCISES["00.3"], by_scipy).state == PASSED
    assert judge(EXERCISES["00.3"], by_table).state == PASSED
    assert judge(EXERCISES["00.2"], by_shuffle).state == PASSED


@pytest.mark.parametrize(
    ("exercise_id", "answer"), [*refresher_answers.RIGHT, *wrong_own_data.RIGHT]
)
def test_other_right_ways_through_the_refreshers_and_lesson_07_pass(exercise_id, answer):
    result = judge(EXERCISES[exercise_id], answer)
    assert result.state == PASSED, result.text


def test_a_message_shows_the_numbers_of_a_small_case():
    text = judge(EXERCISES["R.4"], lambda q, k, v, mask: np.zeros((2, 2))).text
    assert "queries = [[1, 0, 2, 1], [0, 3, 0, -1]]" in text
    assert "your function returned ((0, 0), (0, 0)); expected ((" in text


@pytest.mark.parametrize(
    ("answer", "points", "said"),
    [
        (None, 0.0, "00.3 not attempted yet"),
        (lambda a, b: float(np.mean(a - b)), 0.0, "two numbers"),
        (lambda a, b: stats.ttest_rel(a, b).confidence_interval(), 2.0, "00.3 passed"),
    ],
)
def test_the_strict_form_gives_points_and_never_raises(answer, points, said, capsys):
    assert checks.check("00.3", answer, strict=True) == points
    out = capsys.readouterr().out
    assert said in out
    assert out.endswith(f"{points:g} of 2 points\n")
    assert "hint(" not in out
    assert checks.check("00.3", answer) is None


def test_points_follow_the_difficulty():
    worth = {e.difficulty: e.points for e in EXERCISES.values()}
    assert worth == {"easy": 1, "medium": 2, "hard": 3}


def test_every_lesson_has_four_exercises_and_a_bug_to_find():
    lessons = {e.lesson for e in EXERCISES.values()} - {"R"}
    assert lessons == {f"0{n}" for n in range(8)}
    for lesson in lessons:
        titles = [e.title for e in EXERCISES.values() if e.lesson == lesson]
        assert len(titles) == 5
        assert ["Find the bug" in title for title in titles] == [False] * 4 + [True]


def test_a_warning_in_a_right_answer_leaves_stderr_empty(capfd):
    solution = defined(SOLUTIONS["00.4"], "00.4")

    def warned(low, high, delta):
        warnings.warn("look out", stacklevel=1)
        print("look out", file=sys.stderr)
        return solution(low, high, delta)

    assert checks.check("00.4", warned, strict=True) == 1.0
    assert capfd.readouterr().err == ""


def test_hint_ladder(capsys):
    texts = []
    for _ in range(4):
        checks.hint("00.1")
        texts.append(capsys.readouterr().out)
    assert [text[:17] for text in texts[:3]] == [f"00.1 hint {i} of 3:" for i in (1, 2, 3)]
    assert ["solution" in text for text in texts] == [False, False, True, True]
    assert texts[2] == texts[3]
    checks.hint("00.2")
    assert capsys.readouterr().out.startswith("00.2 hint 1 of 3")


def test_progress(capsys):
    checks.check("00.4", defined(SOLUTIONS["00.4"], "00.4"))
    checks.check("00.3", None)
    capsys.readouterr()
    checks.progress("00")
    out = capsys.readouterr().out
    assert out.startswith("1 of 5 exercises passed")
    assert "00.4 Read four results: passed" in out
    assert "00.3 The interval of a paired difference: not attempted yet" in out


def test_unknown_exercise():
    with pytest.raises(ValueError, match=r"found '9\.9'"):
        checks.check("9.9", None)
    with pytest.raises(ValueError, match="Expected the number of an exercise"):
        checks.hint("0.1")


def test_page_shows_the_words_escaped():
    from companion.teaching.page import Piece

    shown = []

    def fake_put(text, page):
        shown.append(Piece(text, page))

    original, checks.put = checks.put, fake_put
    try:
        checks.check("00.1", lambda tr, te: "<b>bold</b>")
    finally:
        checks.put = original
    assert "<b>bold" in repr(shown[0])
    assert "&lt;b&gt;bold" in shown[0]._repr_html_()
    assert "not yet" in shown[0]._repr_html_()


def test_checks_do_not_import_torch():
    code = "import sys; import companion.teaching.checks; print('torch' in sys.modules)"
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert run.stdout.strip() == "False", run.stderr


def test_notebook_exercises_reads_stub_and_solution(tmp_path):
    cell = nbformat.v4.new_code_cell(STUBS["00.4"])
    cell.metadata.update(tags=["exercise"], companion={"exercise": "00.4"})
    check_cell = nbformat.v4.new_code_cell('check("00.4", verdict)')
    fold = (
        f"<details>\n<summary>Solution</summary>\n\n```python\n{SOLUTIONS['00.4']}```\n\n</details>"
    )
    solution = nbformat.v4.new_markdown_cell(fold)
    solution.metadata["companion"] = {"exercise": "00.4", "role": "solution"}
    path = tmp_path / "lesson.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell, check_cell, solution]), path)
    found = notebook_exercises(path)
    assert list(found) == ["00.4"]
    assert judge(EXERCISES["00.4"], defined(found["00.4"].stub, "00.4")).state == NOT_ATTEMPTED
    assert judge(EXERCISES["00.4"], defined(found["00.4"].solution, "00.4")).state == PASSED
