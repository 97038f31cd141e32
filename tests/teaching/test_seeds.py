"""The seeds control: what it says is what the first seeds of the recorded trials say."""

import numpy as np
import pytest

from companion.evidence.claims import Claim
from companion.evidence.intervals import corrected_difference, t_interval
from companion.teaching import seeds
from companion.teaching.ledger import known
from companion.teaching.recorded import recorded
from companion.teaching.seeds import Study, seeds_page, stop_words, stops, study_of

GAPS = np.array([0.10, 0.12, -0.02, 0.09, 0.08])
TOY = Study(Claim("T1", "00", "one beats the other", "ours", delta=0.01, test_share=0.25), GAPS)
MEASURED = [
    i for i, f in known().items() if f.effect and f.claim.worse and not f.claim.no_difference
]


@pytest.mark.parametrize("id", MEASURED)
def test_after_the_last_seed_it_says_what_the_ledger_says(id):
    last = stops(study_of(id))[-1]
    assert (last.interval, last.verdict) == (known()[id].effect, known()[id].verdict)


def test_after_some_seeds_it_says_what_their_scores_say():
    pair = [recorded("pretrained_or_not", "balanced accuracy", arm=arm, n=50)
            for arm in ("pretrained", "untrained")]  # fmt: skip
    found = stops(study_of("C1a"))
    assert [stop.interval.n for stop in found] == list(range(2, 11))
    assert found[2].interval == corrected_difference(pair[0][:4], pair[1][:4], 0.25)
    plain = stops(study_of("C1a"), shared=False)[2].interval
    assert plain == t_interval(pair[0][:4] - pair[1][:4])
    assert plain.high < found[2].interval.high


# What the lessons say beside the control --------------------------------------------------------


@pytest.mark.parametrize(
    ("id", "path"),
    [
        ("C1a", "supported after 2 seeds, undecided after 3 to 10"),
        ("C2e", "undecided after 2 to 20 seeds"),
        ("C3c", "undecided after 2 seeds, supported after 3 to 5"),
        ("C5b", "undecided after 2 to 5 seeds"),
        ("C6c", "undecided after 2 to 4 seeds, supported after 5 to 10"),
    ],
)
def test_the_verdicts_that_the_lessons_tell(id, path):
    assert seeds.path_words(stops(study_of(id))) == path


def test_lesson_01x_more_than_half_of_the_readers_stop_too_early():
    assert 500 < seeds.stopped_early(study_of("C1a"))["supported"] < 1000


def test_lesson_02x_the_plain_interval_decides_and_the_other_hardly_shrinks():
    leak = study_of("C2e")
    plain = seeds.path_words(stops(leak, shared=False))
    assert plain == "undecided after 2 to 5 seeds, supported after 6 to 20"
    lengths = [stop.interval.high - stop.interval.low for stop in stops(leak)]
    assert lengths[-1] > 0.9 * lengths[8]
    assert seeds.stopped_early(leak)["supported"] > 0


def test_lessons_03x_and_06x_no_reader_goes_astray():
    for id in ("C3c", "C6c"):
        assert seeds.stopped_early(study_of(id))["supported"] == 1000
    assert study_of("C3c").gaps[:2].min() > 2 * known()["C3c"].claim.delta
    assert study_of("C6c").gaps.min() > 0


def test_lesson_05x_the_mean_changes_its_sign():
    found = stops(study_of("C5b"))
    assert [stop.interval.mean > 0 for stop in found] == [False, False, True, True]
    shorter = -np.diff([stop.interval.high - stop.interval.low for stop in found])
    assert shorter.argmax() == 0 and shorter.min() > 0


# The pure functions -----------------------------------------------------------------------------


def test_the_sentence_says_the_interval_and_what_stopping_here_would_report():
    assert stop_words(TOY, 2) == (
        "With 2 seeds the mean difference is +0.110, and its 95 % interval runs from -0.054 to "
        "+0.274. 0.010 lies within it: who stops here reports undecided. All 5 seeds say so, too."
    )
    assert stop_words(TOY, 5, shared=False) == (
        "With all 5 seeds the mean difference is +0.074, and its 95 % interval runs from +0.006 "
        "to +0.142. 0.010 lies within it: the claim is undecided."
    )
    early = Study(TOY.claim, np.array([0.11, 0.12, -0.05, 0.09]))
    assert stop_words(early, 2).endswith(
        "All of it lies above 0.010: who stops here reports supported. All 4 seeds say undecided."
    )


def test_readers_are_counted_as_if_each_looked_after_every_seed():
    orders = np.random.default_rng(0).permuted(np.tile(GAPS, (60, 1)), axis=1)
    wanted = dict.fromkeys(("supported", "undecided", "contradicted"), 0)
    for gaps in orders:
        words = [stop.verdict for stop in stops(Study(TOY.claim, gaps))]
        decided = [word for word in words if word != "undecided"]
        wanted[decided[0] if decided else "undecided"] += 1
    assert seeds.stopped_early(TOY, 60) == wanted
    assert 0 < wanted["supported"] < 60
    assert seeds.early_words(TOY, 60) == (
        "Suppose 60 readers take these seeds in orders of their own and stop at the first "
        f"decision: {wanted['supported']} report supported, {wanted['undecided']} report "
        "undecided. All 5 seeds say undecided."
    )


def test_the_figure_shows_no_seed_beyond_the_stop_on_axes_that_stay():
    early, late = (seeds.draw_stops(TOY, count).axes[0] for count in (3, None))
    assert early.get_xlim() == late.get_xlim() and early.get_ylim() == late.get_ylim()
    seen = [line.get_ydata().tolist() for line in early.lines if line.get_mfc() == "none"]
    assert seen == [GAPS[:3].tolist()]
    bars = [line.get_ydata() for line in early.lines if np.ptp(line.get_xdata()) == 0]
    ends = [(s.interval.low, s.interval.high) for s in stops(TOY)[:2]]
    assert [tuple(bar) for bar in bars if len(bar) == 2] == ends
    assert early.get_title(loc="left") == "3 of 5 seeds: undecided"


def test_the_page_is_a_function_of_its_settings_and_says_its_numbers():
    page = seeds_page(TOY, 3)
    assert page == seeds_page(TOY, 3) != seeds_page(TOY, 3, shared=False)
    assert 'alt="The mean difference and its interval after 2 to 3 of 5 seeds, against' in page
    assert str(stops(TOY)[1].interval) in page
    assert stop_words(TOY, 3) in page


def test_the_table_has_every_number_of_seeds_and_both_intervals():
    heads, *rows = seeds.stops_table(TOY, plain=True)
    assert [row[0] for row in rows] == ["2", "3", "4", "5"]
    assert all(len(row) == len(heads) == 8 for row in rows)
    assert rows[3][4:] == ["undecided", "+0.006", "+0.142", "undecided"]
    assert [row[:5] for row in rows] == seeds.stops_table(TOY, plain=False)[1:]


@pytest.mark.parametrize("count", [1, 6])
def test_a_number_of_seeds_that_there_is_not_is_refused(count):
    with pytest.raises(ValueError, match=f"a number of seeds from 2 to 5, found {count}"):
        stop_words(TOY, count)


def test_what_cannot_be_compared_is_told(monkeypatch):
    with pytest.raises(LookupError, match="there is no claim 'C9z'"):
        study_of("C9z")
    monkeypatch.setattr(seeds, "rows_or_none", lambda name, profile: [])
    with pytest.raises(LookupError) as error:
        study_of("C1a")
    assert str(error.value) == (
        "expected at least 2 recorded seeds of both arms of C1a, found 0. Run `companion record "
        "pretrained_or_not`, or choose another claim."
    )


def test_a_claim_about_a_ratio_is_refused():
    with pytest.raises(LookupError, match="found S1, which says how large a ratio is. Choose"):
        study_of("S1")


def test_a_claim_of_no_difference_is_refused():
    with pytest.raises(LookupError, match="expected a claim that one arm beats another, found C7a"):
        study_of("C7a")
