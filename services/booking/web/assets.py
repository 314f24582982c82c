"""What pages load: read once, compressed once, and named by its content, so that browsers keep it for ever."""

import gzip
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_FOR_EVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    body: bytes
    packed: bytes
    media_type: str


def _read() -> tuple[dict[str, str], dict[str, Asset]]:
    paths, assets = {}, {}
    for file in sorted(_FOLDER.iterdir()):
        body = file.read_bytes()
        named = f"{file.stem}.{sha256(body).hexdigest()[:12]}{file.suffix}"
        paths[file.name] = f"/static/{named}"
        assets[named] = Asset(body, gzip.compress(body, mtime=0), _TYPES[file.suffix])
    return paths, assets


_PATHS, _ASSETS = _read()


def asset(name: str) -> str:
    """The path of a file in `static/`; raises KeyError for one that is not there."""
    return _PATHS[name]


def router() -> APIRouter:
    routes = APIRouter(include_in_schema=False)

    @routes.get("/static/{name}")
    async def get(request: Request, name: str) -> Response:
        if name not in _ASSETS:
            raise HTTPException(404)
        found = _ASSETS[name]
        packed = "gzip" in request.headers.get("accept-encoding", "")
        headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
        if packed:
            headers["Content-Encoding"] = "gzip"
        return Response(found.packed if packed else found.body, media_type=found.media_type, headers=headers)

    return routes
