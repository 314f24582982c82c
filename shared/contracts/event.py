"""The envelope of every event: CloudEvents 1.0, structured JSON."""

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from uuid_utils import uuid7

from shared import tracing

CONTENT_TYPE = "application/cloudevents+json"

# The CloudEvents extension "sequence" is a string on the wire, "sequencetype" says how to compare it.
Sequence = Annotated[int, PlainSerializer(str, return_type=str), Field(ge=0)]


class Data(BaseModel):
    """What an event says. Unknown fields are ignored: a newer publisher may add some."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(BaseModel):
    """One thing that happened to one aggregate.

    `type` is the routing key and ends in its version; `subject` is the aggregate's id and `sequence` its
    version, so that of two events of one subject the one with the higher sequence is the newer.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    exchange: ClassVar[str]

    specversion: Literal["1.0"] = "1.0"
    id: str = Field(min_length=1)
    type: str
    source: str
    subject: str = Field(min_length=1)
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: Sequence
    sequencetype: Literal["Integer"] = "Integer"
    correlationid: str
    traceparent: str | None = None
    data: Any

    def body(self) -> bytes:
        return self.model_dump_json(by_alias=True).encode()


E = TypeVar("E", bound=Event)


def new_event(cls: type[E], *, subject: str, sequence: int, data: Data, time: datetime) -> E:
    """An event of now, in the trace of the request or event that caused it."""
    trace = tracing.current()
    return cls(
        id=str(uuid7()),
        type=wire_type(cls),
        source=f"/{trace.service}",
        subject=subject,
        time=time,
        sequence=sequence,
        correlationid=trace.correlation_id,
        traceparent=trace.child(),
        data=data,
    )


def wire_type(cls: type[Event]) -> str:
    """The constant that stands in `type` and routes the event, as `appointment.confirmed.v1`."""
    return str(cls.model_fields["type"].default)
