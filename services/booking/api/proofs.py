"""Challenges to solve, and the mailed link for those whose device cannot."""

from collections.abc import Mapping

from fastapi import APIRouter, BackgroundTasks, Request, Response

from services.booking.api.afterwards import until_done
from services.booking.api.problems import responses, unknown_office
from services.booking.api.schemas import ChallengeOut, EntryIn
from services.booking.domain.office import Office
from services.booking.guard import Guard


def router(guard: Guard, *, offices: Mapping[str, Office]) -> APIRouter:
    routes = APIRouter(prefix="/v1/proof", tags=["proof of work"])

    @routes.get("", summary="A challenge, as hard as a hold needs just now", responses=responses(429))
    async def challenge(request: Request, response: Response) -> ChallengeOut:
        response.headers["Cache-Control"] = "no-store"
        return ChallengeOut.model_validate(guard.challenge(request))

    @routes.post("/mail", status_code=202, summary="Mail a link whose token stands in for proofs",
                 responses=responses(404, 429))  # fmt: skip
    async def mail(request: Request, wanted: EntryIn, background: BackgroundTasks) -> dict[str, str]:
        if wanted.office not in offices:
            raise unknown_office(wanted.office)
        guard.entry(request, office=wanted.office, email=wanted.email)
        background.add_task(until_done, lambda: guard.mail_entry(**wanted.model_dump()), what="entry")
        return {"status": "accepted"}

    return routes
