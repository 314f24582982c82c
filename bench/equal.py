"""`python -m bench.equal`: the booking service with one address more, which gives back the bytes put there."""

from fastapi import Request, Response

from services.booking.main import build
from services.booking.settings import Settings
from shared.http import serve
from shared.observability import configure_logging

PATH = "/equal"


def main() -> None:
    settings = Settings()
    configure_logging(service="booking", level=settings.log_level)
    app, health = build(settings)
    content = b""

    @app.put(PATH)
    async def keep(request: Request) -> None:
        nonlocal content
        content = await request.body()

    @app.get(PATH)
    async def give_back() -> Response:
        return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})

    serve(app, settings=settings, health=health)


if __name__ == "__main__":
    main()
