"""The sorted set in memory against the plainest thing that could be right."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cem.stores.sorted_set import SortedSet

changes = st.lists(
    st.tuples(st.text("abé\U0001f600", max_size=2), st.none() | st.integers(-3, 3)), max_size=40
)


@given(changes, st.integers(-4, 4), st.integers(-1, 10))
def test_it_is_a_dictionary_in_order(made: list[tuple[str, int | None]], score: int, limit: int) -> None:
    """After any changes it is the dictionary of them, sorted by score and then by the members' bytes."""
    tested, plain = SortedSet(), dict[str, int]()
    for member, new in made:
        assert tested.set(member, new) == plain.get(member)
        if new is None:
            plain.pop(member, None)
        else:
            plain[member] = new
    order = sorted(plain.items(), key=lambda item: (item[1], item[0].encode()))
    assert list(tested.items().items()) == order
    assert len(tested) == len(plain)
    assert tested.first_score() == (order[0][1] if order else None)
    assert tested.until(score, limit) == [m for m, s in order if s <= score][: max(0, limit)]
    assert tested.below(score, limit) == [(m, s) for m, s in reversed(order) if s < score][: max(0, limit)]
