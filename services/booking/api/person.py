"""What is stored about a person: shown and erased, by whoever has the booking's token or a message's link."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from services.booking.api.own import owner
from services.booking.api.problems import responses
from services.booking.api.schemas import ExportOut, export_out
from services.booking.erasing import Erasing

Cancel = Annotated[bool, Query(description="Say true where erasing a booking that lies ahead shall cancel it")]


def router(erasing: Erasing) -> APIRouter:
    routes = APIRouter(prefix="/v1", tags=["personal data"])

    Own = Annotated[str, Depends(owner(erasing.booking.keys))]  # noqa: N806 (a type)

    @routes.get("/appointments/{id}/export", summary="All that is stored about the person",
                responses=responses(401, 404, 410))  # fmt: skip
    async def export(id: Own, response: Response) -> ExportOut:
        response.headers["Cache-Control"] = "no-store"
        return export_out(await erasing.export(id))

    @routes.delete("/appointments/{id}", status_code=204, summary="Erase the person's data",
                   responses=responses(401, 404, 409))  # fmt: skip
    async def erase(id: Own, cancel: Cancel = False) -> None:
        await erasing.erase(id, cancel=cancel)

    return routes
