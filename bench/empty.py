"""`python -m bench.empty <port>`: what the services' HTTP server gives when there is nothing to do.

FastAPI on uvicorn, set up as `shared.http.serve` does, without anything of ours.
"""

import sys

import uvicorn
from fastapi import FastAPI, Response

from bench.processes import collect_garbage_rarely


def build() -> FastAPI:
    app = FastAPI()

    @app.post("/{path:path}")
    async def nothing() -> Response:
        return Response()

    return app


def main(port: int) -> None:
    app = build()
    collect_garbage_rarely()
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
    )


if __name__ == "__main__":
    main(int(sys.argv[1]))
