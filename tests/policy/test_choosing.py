"""Which sender, and why none of the others: the same answer for the same question, and never one that cannot send."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.model import Pick, Sender
from app.policy.choosing import Candidate, choose


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


@given(
    them=candidates,
    pick=st.sampled_from(Pick),
    subject=st.text(),
    turn=st.integers(0, 1000),
    earlier=st.sampled_from("abcdefgh"),
    waits=st.booleans(),
)
def test_whoever_is_chosen_can_send_and_everybody_is_explained(
    *, them: list[Candidate], pick: Pick, subject: str, turn: int, earlier: str, waits: bool
) -> None:
    choice = choose(them, pick, subject=subject, turn=turn, earlier=earlier, waits=waits)
    assert choice == choose(them, pick, subject=subject, turn=turn, earlier=earlier, waits=waits)
    assert {item.sender for item in choice.considered} == {item.sender.name for item in them}
    assert all(item.because for item in choice.considered)
    by_name = {item.sender.name: item for item in them}
    chosen = [item.sender for item in choice.considered if item.chosen]
    assert chosen == ([choice.sender.name] if choice.sender else [])
    if choice.sender is not None:
        assert by_name[choice.sender.name].unavailable is None
        assert not choice.full
    else:
        had = by_name.get(earlier)
        assert all(item.unavailable for item in them) or (waits and had is not None and had.waited_for)
        assert choice.full == any(item.paused is None for item in them)


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
def test_whoever_leaves_the_pool_changes_nothing_between_the_others(subject: str) -> None:
    them = [candidate("a"), candidate("b"), candidate("c")]
    before = choose(them, Pick.WEIGHTED, subject=subject, turn=0).sender
    after = choose(them[:2], Pick.WEIGHTED, subject=subject, turn=0).sender
    assert before is not None
    assert after == before or before.name == "c"
