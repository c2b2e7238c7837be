"""Calls to the centre, and what a call leaves behind: survey answers, notes, tasks (`cem.calls`)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from cem.domain.events.base import Event, Id, Label, Language, Line, Moment, Seconds, Text
from cem.domain.events.enums import CallDirection, Channel, Resolution, Speaker

__all__ = ["CallEnded", "CallStarted", "CallTurn", "NoteWritten", "SurveyAnswered", "TaskClosed", "TaskDue"]

TOPIC = "cem.calls"


class CallStarted(Event, frozen=True, kw_only=True):
    """A call has begun: it has reached a queue, a bot or a representative."""

    TYPE: ClassVar[str] = "call.started"
    TOPIC: ClassVar[str] = TOPIC

    call_id: Annotated[
        Id, Meta(description="The call. Used for: joining turns, end, survey and decision to it.")
    ]
    line: Annotated[
        Line | None,
        Meta(description="Line that called or was called. Used for: attributing the contact to its user."),
    ] = None
    direction: Annotated[
        CallDirection,
        Meta(description="Who called. Used for: repeat contacts, which count inbound calls only."),
    ] = CallDirection.INBOUND
    queue: Annotated[
        Label | None, Meta(description="Queue it waits in. Used for: waits and failures by group.")
    ] = None
    rep_id: Annotated[
        Id | None,
        Meta(description="Representative who took it. Used for: his screen, his load, contract quality."),
    ] = None
    reason: Annotated[
        Label | None,
        Meta(description="Reason chosen in the menu or by the rep. Used for: repeats for the same reason."),
    ] = None
    intent: Annotated[
        Label | None,
        Meta(description="What the customer wants now, as recognised. Used for: context of the decision."),
    ] = None
    language: Annotated[
        Language | None, Meta(description="Language of the call. Used for: language of sentences and texts.")
    ] = None


class CallTurn(Event, frozen=True, kw_only=True):
    """Somebody has said something in a call."""

    TYPE: ClassVar[str] = "call.turn"
    TOPIC: ClassVar[str] = TOPIC

    call_id: Annotated[Id, Meta(description="The call. Used for: joining the turn to it.")]
    turn: Annotated[
        int,
        Meta(
            ge=0,
            le=100_000,
            description="Number of the turn in the call. Used for: order and gaps of the talk.",
        ),
    ]
    speaker: Annotated[
        Speaker,
        Meta(description="Who spoke. Used for: mood and reason, which read the customer's turns only."),
    ]
    text: Annotated[Text, Meta(description="What was said. Used for: mood, reason of contact, live intent.")]
    language: Annotated[
        Language | None, Meta(description="Language of the turn. Used for: choice of text features.")
    ] = None


class CallEnded(Event, frozen=True, kw_only=True):
    """A call is over. Stands alone where a source knows whole calls only (imports)."""

    TYPE: ClassVar[str] = "call.ended"
    TOPIC: ClassVar[str] = TOPIC

    call_id: Annotated[
        Id, Meta(description="The call. Used for: joining it to its beginning and its survey.")
    ]
    duration_s: Annotated[
        Seconds | None,
        Meta(description="Talk and hold after the wait. Used for: effort, the representative's load."),
    ] = None
    wait_s: Annotated[
        Seconds | None,
        Meta(description="Wait before somebody answered. Used for: satisfaction, journey quality."),
    ] = None
    hold_s: Annotated[
        Seconds | None, Meta(description="Time on hold. Used for: satisfaction, journey quality.")
    ] = None
    transfers: Annotated[
        int, Meta(ge=0, le=100, description="Hand-overs to another rep or queue. Used for: journey quality.")
    ] = 0
    abandoned: Annotated[
        bool, Meta(description="The caller gave up waiting. Used for: unresolved contacts, satisfaction.")
    ] = False
    resolution: Annotated[
        Resolution | None, Meta(description="How it ended, as recorded. Used for: first-contact resolution.")
    ] = None
    line: Annotated[
        Line | None, Meta(description="Line of the call. Used for: attributing a call without a start.")
    ] = None
    direction: Annotated[
        CallDirection, Meta(description="Who called. Used for: repeat contacts, for a call without a start.")
    ] = CallDirection.INBOUND
    queue: Annotated[
        Label | None, Meta(description="Queue that served it. Used for: waits and failures by group.")
    ] = None
    rep_id: Annotated[
        Id | None, Meta(description="Last representative. Used for: load, contract quality.")
    ] = None
    reason: Annotated[
        Label | None,
        Meta(description="Reason recorded in the wrap-up. Used for: repeats for the same reason, label."),
    ] = None


class SurveyAnswered(Event, frozen=True, kw_only=True):
    """The customer has answered a survey; at least one answer is there."""

    TYPE: ClassVar[str] = "survey.answered"
    TOPIC: ClassVar[str] = TOPIC

    about: Annotated[
        Id | None,
        Meta(description="Call or interaction asked about. Used for: joining the label to its features."),
    ] = None
    csat: Annotated[
        Annotated[int, Meta(ge=1, le=5)] | None,
        Meta(description="Satisfaction, 1 to 5. Used for: label of satisfaction, experience index."),
    ] = None
    nps: Annotated[
        Annotated[int, Meta(ge=0, le=10)] | None,
        Meta(description="Would recommend, 0 to 10. Used for: label of satisfaction, segments."),
    ] = None
    ces: Annotated[
        Annotated[int, Meta(ge=1, le=7)] | None,
        Meta(description="Effort, 1 (easy) to 7. Used for: label of satisfaction."),
    ] = None
    text: Annotated[Text | None, Meta(description="What was written. Used for: mood, emerging topics.")] = (
        None
    )
    language: Annotated[
        Language | None, Meta(description="Language of the text. Used for: choice of text features.")
    ] = None
    channel: Annotated[
        Channel | None, Meta(description="Channel of the answer. Used for: the channel that he answers.")
    ] = None

    def __post_init__(self) -> None:
        if self.csat is None and self.nps is None and self.ces is None and self.text is None:
            raise ValueError("a survey needs at least one of csat, nps, ces, text")


class NoteWritten(Event, frozen=True, kw_only=True):
    """A representative has written a note in the wrap-up."""

    TYPE: ClassVar[str] = "note.written"
    TOPIC: ClassVar[str] = TOPIC

    text: Annotated[Text, Meta(description="The note. Used for: the next conversation's context.")]
    by: Annotated[Id | None, Meta(description="Representative who wrote it. Used for: whom to ask.")] = None
    about: Annotated[
        Id | None, Meta(description="Call, ticket or order concerned. Used for: joining it there.")
    ] = None
    due: Annotated[
        Moment | None,
        Meta(description="When the customer should hear again. Used for: promises about to be broken."),
    ] = None


class TaskDue(Event, frozen=True, kw_only=True):
    """Somebody has taken on to do something for the customer by a stated time."""

    TYPE: ClassVar[str] = "task.due"
    TOPIC: ClassVar[str] = TOPIC

    task_id: Annotated[Id, Meta(description="The task. Used for: closing it, one alert for each.")]
    due: Annotated[Moment, Meta(description="When it must be done. Used for: promises about to be broken.")]
    by: Annotated[Id | None, Meta(description="Who must do it. Used for: whom to tell when it is late.")] = (
        None
    )
    text: Annotated[
        Text | None, Meta(description="What was promised. Used for: the next conversation's context.")
    ] = None
    about: Annotated[
        Id | None, Meta(description="Call, ticket or order concerned. Used for: joining it there.")
    ] = None


class TaskClosed(Event, frozen=True, kw_only=True):
    """A task is over, done or not."""

    TYPE: ClassVar[str] = "task.closed"
    TOPIC: ClassVar[str] = TOPIC

    task_id: Annotated[Id, Meta(description="The task. Used for: taking it off the open ones.")]
    done: Annotated[bool, Meta(description="False: given up. Used for: promises kept.")] = True
    by: Annotated[Id | None, Meta(description="Who closed it. Used for: whom to ask.")] = None
    text: Annotated[
        Text | None, Meta(description="What was done. Used for: the next conversation's context.")
    ] = None
    about: Annotated[
        Id | None, Meta(description="Call, ticket or order concerned. Used for: joining it there.")
    ] = None
    due: Annotated[
        Moment | None,
        Meta(description="When it was due, if known. Used for: promises kept in time."),
    ] = None
