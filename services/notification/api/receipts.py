"""HTTP in: SMS providers tell what became of a message."""

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response

from services.notification import metrics
from services.notification.arriving import Arrivals
from services.notification.channels.sms.receipts import NotBelieved, NotRead, Posted, ReceiptReader
from services.notification.delivery.sending import Clock
from shared.http import Problem
from shared.observability import get_logger

log = get_logger()

RECEIPTS_PATH = "/v1/receipts"


def receipt_routes(*, arrivals: Arrivals, readers: Mapping[str, ReceiptReader], clock: Clock) -> APIRouter:
    """`readers` by the provider's name."""
    routes = APIRouter(tags=["receipts"])

    @routes.post(
        f"{RECEIPTS_PATH}/{{provider}}",
        status_code=204,
        summary="A provider's signed receipt",
        responses={
            401: {"description": "The signature is wrong, or the receipt is too old"},
            404: {"description": "No provider of this name sends receipts"},
            422: {"description": "The receipt cannot be read"},
        },
    )
    async def hear(provider: str, request: Request) -> Response:
        """Answered once it is stored. The same receipt may come often, and in any order with others."""
        reader = readers.get(provider)
        if reader is None:
            raise Problem(404, "not-found", "Not found", "No provider of this name sends receipts.")
        posted = Posted(headers=dict(request.headers), body=await request.body())
        try:
            report = reader.read(posted, now=clock.now())
        except NotBelieved as error:
            raise _refused(provider, error, 401, "not-believed", "The receipt is not signed as agreed") from error
        except NotRead as error:
            raise _refused(provider, error, 422, "not-read", "The receipt cannot be read") from error
        if report:
            await arrivals.hear(report)
        return Response(status_code=204)

    return routes


def _refused(provider: str, why: Exception, status: int, type: str, title: str) -> Problem:
    metrics.RECEIPTS_REFUSED.labels(type).inc()
    log.warning("receipt_refused", provider=provider, why=str(why))
    return Problem(status, type, title, f"{title}: {why}.")
