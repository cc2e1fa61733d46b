"""Which sender, and why none of the others: the same answer for the same question, and never one that cannot send."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.model import Pick, Sender
from app.senders.choose import Candidate, Earlier, choose
from app.senders.reasons import Considered


def candidate(name: str, left: int = 10, **more: object) -> Candidate:
    return Candidate(Sender(name, "7", f"{name}@acme.example"), left, 10, **more)  # type: ignore[arg-type]


candidates = st.lists(
    st.builds(
        lambda name, left, weight, waiting, paused: candidate(
            name, left, weight=weight, waiting=waiting, paused="since noon" if paused else None
        ),
        st.sampled_from("abcdefgh"),
        st.integers(-2, 10),
        st.integers(1, 5),
        st.integers(0, 20),
        st.booleans(),
    ),
    unique_by=lambda item: item.sender.name,
    max_size=8,
)


REASONS = (Considered("a", chosen=True, because="has most left: 3 of 3"),)
earlier_ones = st.builds(
    Earlier, st.sampled_from("abcdefgh"), st.just("was here before"), st.sampled_from([(), REASONS]), st.booleans()
)


@given(
    them=candidates,
    pick=st.sampled_from(Pick),
    subject=st.text(),
    turn=st.integers(0, 1000),
    earlier=st.none() | earlier_ones,
)
def test_a_chosen_sender_can_send_and_each_one_is_explained(
    *, them: list[Candidate], pick: Pick, subject: str, turn: int, earlier: Earlier | None
) -> None:
    choice = choose(them, pick, subject=subject, turn=turn, earlier=earlier)
    assert choice == choose(them, pick, subject=subject, turn=turn, earlier=earlier)
    by_name = {item.sender.name: item for item in them}
    had = by_name.get(earlier.sender) if earlier else None
    if choice.sender is None:
        waited = had is not None and earlier is not None and earlier.waits and had.waited_for
        assert waited or all(item.unavailable for item in them)
        assert set(choice.waits_for) == ({had} if waited else {item for item in them if item.waited_for})
    else:
        assert by_name[choice.sender.name].unavailable is None
        assert not choice.waits_for
    if choice.unchanged:
        assert had is not None
        assert (choice.sender, choice.considered) == (had.sender, REASONS)
        return
    explained = {item.sender for item in choice.considered}
    assert explained == set(by_name) | ({earlier.sender} if earlier else set())
    assert all(item.because for item in choice.considered)
    chosen = [item.sender for item in choice.considered if item.chosen]
    assert chosen == ([choice.sender.name] if choice.sender else [])


@given(them=candidates, pick=st.sampled_from(Pick), turn=st.integers(0, 1000))
def test_no_place_that_is_taken_is_promised_while_another_sender_has_room(
    them: list[Candidate], pick: Pick, turn: int
) -> None:
    choice = choose(them, pick, subject="x", turn=turn)
    roomy = {item.sender for item in them if item.unavailable is None and item.spare > 0}
    assert choice.sender in roomy or not roomy


def test_a_sender_whose_places_are_all_promised_is_chosen_only_where_no_other_has_room() -> None:
    promised, roomy = candidate("a", 1, waiting=2), candidate("b", 1)
    choice = choose([promised, roomy], Pick.ROUND_ROBIN, subject="x", turn=0)
    assert [(item.sender, item.because) for item in choice.considered] == [
        ("b", "its turn"),
        ("a", "has 1 left, and 2 wait for it already"),
    ]
    alone = choose([promised, candidate("b", 0)], Pick.ROUND_ROBIN, subject="x", turn=0)
    assert alone.sender == promised.sender


def test_a_turn_is_taken_by_the_sender_chosen_by_it_alone() -> None:
    them = [candidate("a", 0), candidate("b"), candidate("c")]
    took, turn = [], 0
    for _ in range(4):
        choice = choose(them, Pick.ROUND_ROBIN, subject="x", turn=turn)
        assert choice.sender is not None
        assert choice.turn is not None
        took.append(choice.sender.name)
        turn = choice.turn
    assert took == ["b", "c", "b", "c"]  # the neighbour of a full one is not doubled
    kept = choose(them, Pick.ROUND_ROBIN, subject="x", turn=turn, earlier=Earlier("c", "has had this person before"))
    assert (kept.sender, kept.turn) == (them[2].sender, None)
    assert choose(them, Pick.MOST_LEFT, subject="x", turn=0).turn is None


def test_an_earlier_sender_that_left_the_pool_is_among_the_reasons() -> None:
    had = Earlier("z", "has had this person before")
    (gone, taken) = choose([candidate("a")], Pick.ROUND_ROBIN, subject="x", turn=0, earlier=had).considered
    assert gone == Considered("z", chosen=False, because="has had this person before, and is in the pool no more")
    assert taken == Considered("a", chosen=True, because="its turn")


def test_a_single_one_is_taken_for_the_reason_for_which_it_is_asked() -> None:
    choice = choose([candidate("a")], Pick.MOST_LEFT, subject="x", turn=0, named="the rule names it")
    assert choice.considered == (Considered("a", chosen=True, because="the rule names it"),)


def test_turns_go_round() -> None:
    them = [candidate("a"), candidate("b"), candidate("c")]
    took = [choose(them, Pick.ROUND_ROBIN, subject="x", turn=turn).sender for turn in range(6)]
    assert [sender.name for sender in took if sender] == ["a", "b", "c", "a", "b", "c"]


def test_most_left_counts_what_is_assigned_and_not_sent() -> None:
    them = [candidate("a", 9, waiting=5), candidate("b", 6)]
    choice = choose(them, Pick.MOST_LEFT, subject="x", turn=0)
    assert [(item.sender, item.because) for item in choice.considered] == [
        ("b", "has most left: 6 of 10"),
        ("a", "has 4 left, b more"),
    ]


def test_the_draw_follows_the_weights() -> None:
    them = [candidate("a", weight=3), candidate("b")]
    took = Counter(choose(them, Pick.WEIGHTED, subject=f"p{n}@x.example", turn=0).sender for n in range(4000))
    shares = {sender.name: count / 4000 for sender, count in took.items() if sender}
    assert abs(shares["a"] - 0.75) < 0.03


@given(st.text(min_size=1))
def test_a_sender_that_leaves_the_pool_changes_nothing_between_the_others(subject: str) -> None:
    them = [candidate("a"), candidate("b"), candidate("c")]
    before = choose(them, Pick.WEIGHTED, subject=subject, turn=0).sender
    after = choose(them[:2], Pick.WEIGHTED, subject=subject, turn=0).sender
    assert before is not None
    assert after == before or before.name == "c"
