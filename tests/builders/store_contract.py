"""What every store does, whatever stands behind it. Subclasses provide a fixture `make_store` with an empty store."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from cem.ports import NO_TOKEN, Emission, LaneImage, Save
from cem.stores import MemoryCore
from cem.streams.partition import lane_of
from tests.builders.restoring_contract import RestoringContract
from tests.builders.stores import emission, everything, header, save, saved, with_store

PARTITIONS = 6


def customers_of(lane: int, count: int) -> list[str]:
    """Return customers that live in the lane."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        name = f"cust-{number}"
        if lane_of(name, PARTITIONS) == lane:
            found.append(name)
        number += 1
    return found


class StoreContract(RestoringContract):
    """The behavioural suite of `StateStore`, `CustomerReader` and what the command line needs beside them."""

    # -- saving and opening ------------------------------------------------------------------------------------

    @with_store
    async def test_a_lane_that_was_never_saved(self, store: Any) -> None:
        """It has no header, no outbox and nothing due, and its token is NO_TOKEN."""
        assert await store.open_lane(3) == LaneImage(None, (), None)
        assert await store.load(3, ["c:a", "c:b"]) == (NO_TOKEN, [None, None])
        assert await store.due(3, 2**53, 10) == (NO_TOKEN, [])
        assert await store.token_of(3) == NO_TOKEN

    @with_store
    async def test_a_save_is_found_again(self, store: Any) -> None:
        """States, due times, header and outbox of a save are all there, exactly."""
        sent = (
            emission("one"),
            Emission("cem.journal", None, None, (), 3),
            Emission("t", b"", b"\x00\xff", (("", b""),)),
        )
        change = save(
            "t1", values={"c:a": b"A", "c:b": b"B"}, due={"a": 200, "b": 100}, alerts={"a|x": 5}, outbox=sent
        )
        answer = await store.save(3, change)
        assert (answer.outcome, answer.next_due_ms) == ("saved", 100)
        assert await store.open_lane(3) == LaneImage(change.header, sent, 100)
        assert await store.load(3, ["c:b", "c:nobody", "c:a"]) == ("t1", [b"B", None, b"A"])
        assert await store.due(3, 150, 10) == ("t1", ["b"])
        assert await store.sorted_set(3, "alerts") == {"a|x": 5}

    @with_store
    async def test_the_same_save_again(self, store: Any) -> None:
        """A save whose reply was lost answers `already` when it is called again, and changes nothing."""
        change = save("t1", values={"c:a": b"A"}, due={"a": 7}, outbox=[emission("x")])
        await saved(store, 0, change)
        before = await everything(store, 0)
        for _ in range(2):
            answer = await store.save(0, change)
            assert (answer.outcome, answer.next_due_ms) == ("already", 7)
        assert await everything(store, 0) == before

    @with_store
    async def test_a_late_owner_is_fenced(self, store: Any) -> None:
        """A save that expects an older token is refused whole, and hears which token is there."""
        await saved(store, 0, save("t1", values={"c:a": b"1"}, due={"a": 1}, outbox=[emission("1")]))
        await saved(store, 0, save("t2", "t1", {"c:a": b"2"}))
        before = await everything(store, 0)
        late = save(
            "t3",
            "t1",
            {"c:a": None, "c:z": b"late"},
            due={"a": None},
            alerts={"z": 1},
            outbox=[emission("3")],
        )
        answer = await store.save(0, late)
        assert (answer.outcome, answer.next_due_ms, answer.found) == ("fenced", None, "t2")
        assert await everything(store, 0) == before

    @with_store
    async def test_a_save_on_a_store_that_was_emptied(self, store: Any) -> None:
        """An owner that remembers a lane which the store does not know is fenced, and finds NO_TOKEN."""
        answer = await store.save(0, save("t2", "t1", {"c:a": b"1"}))
        assert (answer.outcome, answer.found) == ("fenced", NO_TOKEN)
        assert await store.open_lane(0) == LaneImage(None, (), None)
        assert await store.load(0, ["c:a"]) == (NO_TOKEN, [None])

    @with_store
    async def test_a_chain_of_saves(self, store: Any) -> None:
        """Each save builds on the one before it; the outbox is always the last save's."""
        token = NO_TOKEN
        for number in range(20):
            await saved(
                store,
                1,
                save(f"t{number}", token, {f"c:{number}": b"%d" % number}, outbox=[emission(str(number))]),
            )
            token = f"t{number}"
        image = await store.open_lane(1)
        assert image.header is not None
        assert (image.header.token, image.header.previous) == ("t19", "t18")
        assert image.outbox == (emission("19"),)
        await saved(store, 1, save("end", token))
        assert (await store.open_lane(1)).outbox == ()

    @with_store
    async def test_deleting(self, store: Any) -> None:
        """None deletes a value; deleting what is not there is nothing."""
        await saved(store, 0, save("t1", values={"c:a": b"A", "c:b": b"B"}))
        await saved(store, 0, save("t2", "t1", {"c:a": None, "c:never": None}))
        assert await store.load(0, ["c:a", "c:b", "c:never"]) == ("t2", [None, b"B", None])

    @with_store
    async def test_any_bytes(self, store: Any) -> None:
        """A value is any bytes: none, zeros, CRLF, a megabyte."""
        values = {
            "c:empty": b"",
            "c:zero": b"\x00" * 9,
            "c:crlf": b"\r\n$-1\r\n",
            "c:big": bytes(range(256)) * 4096,
        }
        await saved(store, 0, save("t1", values=values))
        assert await store.load(0, list(values)) == ("t1", list(values.values()))

    @with_store
    async def test_loading(self, store: Any) -> None:
        """Values come in the order asked for, also one twice; asking for none gives the token."""
        await saved(store, 0, save("t1", values={"c:a": b"A", "t:a": b"cold"}))
        assert await store.load(0, ["t:a", "c:x", "c:a", "t:a", "c:x"]) == (
            "t1",
            [b"cold", None, b"A", b"cold", None],
        )
        assert await store.load(0, []) == ("t1", [])

    @with_store
    async def test_lanes_are_apart(self, store: Any) -> None:
        """The same suffix, member and token in two lanes are two things."""
        await saved(store, 0, save("t1", values={"c:a": b"zero"}, due={"a": 1}))
        await saved(store, 1, save("t1", values={"c:a": b"one"}, due={"a": 2}))
        await saved(store, 1, save("t2", "t1", {"c:a": None}, due={"a": None}))
        assert await store.load(0, ["c:a"]) == ("t1", [b"zero"])
        assert await store.due(0, 10, 10) == ("t1", ["a"])
        assert (await store.open_lane(1)).next_due_ms is None

    @with_store
    async def test_a_large_save(self, store: Any) -> None:
        """A save far beyond what Lua can unpack at once (8,000) is applied whole."""
        values: dict[str, bytes | None] = {f"c:{i}": b"%d" % i for i in range(10_000)}
        await saved(store, 0, save("t1", values=values, due={str(i): i for i in range(10_000)}))
        assert await store.load(0, list(values)) == ("t1", list(values.values()))
        gone: dict[str, bytes | None] = {f"c:{i}": None for i in range(0, 10_000, 2)}
        answer = await saved(store, 0, save("t2", "t1", gone, due={str(i): None for i in range(9_000)}))
        assert answer.next_due_ms == 9_000
        assert len([0 async for _ in store.scan_customers(0)]) == 5_000
        assert len(await store.sorted_set(0, "due")) == 1_000

    # -- due times ---------------------------------------------------------------------------------------------

    @with_store
    async def test_due_in_order(self, store: Any) -> None:
        """Due members come earliest first, ties by name, `until` included, at most `limit`."""
        due = {"b": 10, "a": 10, "é": 10, "z": 5, "Z": 10, "later": 11}
        await saved(store, 0, save("t1", due=due))
        assert await store.due(0, 10, 10) == ("t1", ["z", "Z", "a", "b", "é"])
        assert await store.due(0, 10, 2) == ("t1", ["z", "Z"])
        assert await store.due(0, 4, 10) == ("t1", [])
        assert await store.due(0, 100, 0) == ("t1", [])

    @with_store
    async def test_the_earliest_due_time(self, store: Any) -> None:
        """Each answer tells the earliest due time after the save, None when nothing is due."""
        assert (await saved(store, 0, save("t1", due={"a": 50, "b": 60}))).next_due_ms == 50
        assert (await saved(store, 0, save("t2", "t1", due={"a": 70}))).next_due_ms == 60
        assert (await saved(store, 0, save("t3", "t2", {"c:a": b""}))).next_due_ms == 60
        assert (
            await saved(store, 0, save("t4", "t3", due={"a": None, "b": None, "never": None}))
        ).next_due_ms is None

    @with_store
    async def test_scores_are_exact(self, store: Any) -> None:
        """Scores are whole numbers of milliseconds up to 2**53, negative ones too."""
        scores = {"max": 2**53, "max-1": 2**53 - 1, "now": 1_795_310_723_457, "zero": 0, "past": -(2**53)}
        await saved(store, 0, save("t1", due=scores))
        assert await store.sorted_set(0, "due") == scores
        assert list(await store.sorted_set(0, "due")) == sorted(scores, key=scores.__getitem__)
        assert (await store.open_lane(0)).next_due_ms == -(2**53)
        with pytest.raises(ValueError, match="not exact"):
            await store.save(0, save("t2", "t1", due={"x": 2**53 + 1}))

    @with_store
    async def test_saves_that_are_bugs(self, store: Any) -> None:
        """A save without a token of its own, or with a name that means something else, is refused aloud."""
        wrong = [
            save(NO_TOKEN),
            save("t1", "t1"),
            save("t1", values={"lane": b"x"}),
            save("t1", values={"due": b"x"}),
            Save("", header("t1"), {}, {"lane": {"a": 1}}, ()),
            Save("", header("t1"), {}, {"outbox": {"a": 1}}, ()),
            Save("", header("t1"), {}, {"c:a": {"a": 1}}, ()),
            Save("", header("t1"), {}, {"": {"a": 1}}, ()),
        ]
        for change in wrong:
            with pytest.raises(ValueError, match=r"token|suffix|sorted set"):
                await store.save(0, change)
        assert await store.open_lane(0) == LaneImage(None, (), None)

    # -- reading customers -------------------------------------------------------------------------------------

    @with_store
    async def test_reading_customers(self, store: Any) -> None:
        """A customer is found in the lane that his key belongs to, alone or among many."""
        expected: dict[str, bytes] = {}
        for lane in range(PARTITIONS):
            names = customers_of(lane, 4)
            await saved(store, lane, save(f"t{lane}", values={f"c:{n}": n.encode() for n in names}))
            expected |= {n: n.encode() for n in names}
        some = next(iter(expected))
        assert await store.read(some) == expected[some]
        assert await store.read("nobody") is None
        asked = [*expected, "nobody", some]
        assert await store.read_many(asked) == [*expected.values(), None, expected[some]]
        assert await store.read_many([]) == []

    @with_store
    async def test_newest_over_all_lanes(self, store: Any) -> None:
        """Members of all lanes come newest first, ties by name descending, `before` excluded, at most `limit`."""
        await saved(store, 0, save("t1", alerts={"a": 10, "c": 30, "e": 30}))
        await saved(store, 4, save("t1", alerts={"b": 20, "d": 30}))
        await saved(store, 5, save("t1", due={"x": 25}))
        everyone = [("e", 30), ("d", 30), ("c", 30), ("b", 20), ("a", 10)]
        assert await store.newest("alerts", 31, 10) == everyone
        assert await store.newest("alerts", 30, 10) == everyone[3:]
        assert await store.newest("alerts", 31, 2) == everyone[:2]
        assert await store.newest("alerts", 31, 0) == []
        assert await store.newest("nothing", 31, 5) == []

    @with_store
    async def test_headers(self, store: Any) -> None:
        """Each lane that was saved shows its header."""
        assert await store.headers() == {}
        for lane in (0, 4):
            await saved(store, lane, save(f"t{lane}"))
        assert await store.headers() == {0: header("t0"), 4: header("t4")}

    # -- whole lanes -------------------------------------------------------------------------------------------

    @with_store
    async def test_scanning_a_lane(self, store: Any) -> None:
        """Every value of the lane comes once, hot and cold, and none of another lane."""
        hot = {f"c:{i}": b"%d" % i for i in range(3_000)}
        await saved(store, 2, save("t1", values={**hot, "t:7": b"cold"}, due={"1": 1}, alerts={"1|a": 2}))
        await saved(store, 3, save("t1", values={"c:other": b"x"}))
        pairs = [pair async for pair in store.scan_values(2)]
        assert sorted(pairs) == sorted([*hot.items(), ("t:7", b"cold")])
        assert sorted([pair async for pair in store.scan_customers(2)]) == sorted(
            (k[2:], v) for k, v in hot.items()
        )
        assert await store.sorted_sets(2) == ["alerts", "due"]

    @with_store
    async def test_listing_follows_deletions(self, store: Any) -> None:
        """What was deleted is not listed, what came back is, and a sorted set without members is none."""
        await saved(store, 2, save("t1", values={"c:a": b"1", "c:b": b"1"}, due={"a": 1}, alerts={"a|x": 1}))
        await saved(store, 2, save("t2", "t1", {"c:a": None, "c:b": None}, due={"a": None}))
        assert [pair async for pair in store.scan_customers(2)] == []
        assert await store.sorted_sets(2) == ["alerts"]
        await saved(store, 2, save("t3", "t2", {"c:b": b"2"}, due={"b": 1}))
        assert [pair async for pair in store.scan_customers(2)] == [("b", b"2")]
        assert await store.sorted_sets(2) == ["alerts", "due"]

    @with_store
    async def test_a_long_sorted_set(self, store: Any) -> None:
        """A sorted set of any length is read whole and in order."""
        scores = {f"m{i:05d}": i // 7 for i in range(12_345)}
        await saved(store, 0, save("t1", due=scores))
        assert list((await store.sorted_set(0, "due")).items()) == list(scores.items())

    # -- the deployment ----------------------------------------------------------------------------------------

    @with_store
    async def test_facts_of_the_deployment(self, store: Any) -> None:
        """Facts are kept by name; setting some leaves the others."""
        assert await store.meta() == {}
        await store.set_meta({"cluster_id": "k1", "partitions": "24"})
        await store.set_meta({"cluster_id": "k2"})
        await store.set_meta({})
        assert await store.meta() == {"cluster_id": "k2", "partitions": "24"}

    @with_store
    async def test_values_outside_the_lanes(self, store: Any) -> None:
        """A value outside the lanes can be set, read, and claimed once; a lane's keys are out of reach."""
        assert await store.get_raw("cem:clock") is None
        assert await store.set_raw("cem:clock", b"[]") is True
        assert await store.get_raw("cem:clock") == b"[]"
        assert await store.set_raw("cem:api:once:1", b"first", ttl_ms=60_000, only_new=True) is True
        assert await store.set_raw("cem:api:once:1", b"second", ttl_ms=60_000, only_new=True) is False
        assert await store.get_raw("cem:api:once:1") == b"first"
        for key in ("cem:{0.1}:lane", "other"):
            with pytest.raises(ValueError, match="outside"):
                await store.set_raw(key, b"")
            with pytest.raises(ValueError, match="outside"):
                await store.get_raw(key)

    @with_store
    async def test_a_value_is_replaced_by_whoever_knows_it(self, store: Any) -> None:
        """By the bytes at its beginning: nobody replaces what somebody else has written meanwhile."""
        assert await store.swap_raw("cem:rules", 0, 1, b"", b"t1 one") is True
        assert await store.swap_raw("cem:rules", 0, 1, b"", b"t2 two") is False
        assert await store.swap_raw("cem:rules", 0, 1, b"t1", b"t2 two") is True
        assert await store.swap_raw("cem:rules", 0, 1, b"t1", b"t3 three") is False
        assert await store.get_raw("cem:rules") == b"t2 two"

    # -- equality with the model -------------------------------------------------------------------------------

    @with_store
    async def test_random_histories_equal_the_model(self, store: Any) -> None:
        """Whatever saves are tried in whatever order, the store and the fault simulation's model answer the same."""
        draw = random.Random(20)
        model = MemoryCore()
        tokens = [NO_TOKEN]
        recent: list[tuple[int, Save]] = []
        for number in range(400):
            lane = draw.randrange(3)
            if recent and draw.random() < 0.15:
                lane, change = draw.choice(recent)  # a repetition, late or at once
            else:
                expected = model.token_of(lane) if draw.random() < 0.8 else draw.choice(tokens)
                change = _random_save(draw, f"t{number}", expected)
                tokens.append(f"t{number}")
            recent = [*recent[-5:], (lane, change)]
            assert await store.save(lane, change) == model.save(lane, change)
            until, limit = draw.randrange(60), draw.randrange(6)
            assert await store.due(lane, until, limit) == model.due(lane, until, limit)
            names = [f"c:{draw.randrange(12)}" for _ in range(4)]
            assert await store.load(lane, names) == model.load(lane, names)
            assert await store.open_lane(lane) == model.open_lane(lane)
        for lane in range(3):
            image, values, sorted_sets = await everything(store, lane)
            assert image == model.open_lane(lane)
            assert values == model.values(lane)
            assert sorted_sets == {name: kept.items() for name, kept in model.sorted_sets(lane).items()}


def _random_save(draw: random.Random, token: str, expected: str) -> Save:
    values: dict[str, bytes | None] = {
        f"c:{draw.randrange(12)}": draw.choice([None, draw.randbytes(draw.randrange(40))])
        for _ in range(draw.randrange(5))
    }
    sorted_sets = {
        name: {
            str(draw.randrange(12)): draw.choice([None, draw.randrange(50)]) for _ in range(draw.randrange(5))
        }
        for name in draw.sample(["due", "alerts", "more"], draw.randrange(4))
    }
    outbox = [emission(f"{token}-{i}") for i in range(draw.randrange(3))]
    brought = msgspec.structs.replace(header(token, expected), tick=draw.randrange(100))
    return Save(expected, brought, values, sorted_sets, outbox)
