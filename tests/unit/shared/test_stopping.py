"""A process that is told to stop ends, whatever it is doing just then."""

import signal
import subprocess
import sys
from pathlib import Path

# The signal comes while a line is being written, when the log's lock is held by the thread that handles signals.
_PROGRAM = """
import asyncio, os, signal, sys
from shared.http import Health, serve
from shared.observability import configure_logging, get_logger
from shared.settings import CommonSettings


class Output:
    def __init__(self, stream):
        self.stream, self.told = stream, False

    def write(self, text):
        if "busy" in text and not self.told:
            self.told = True
            os.kill(os.getpid(), signal.SIGTERM)
        return self.stream.write(text)

    def flush(self):
        self.stream.flush()


sys.stdout = Output(sys.stdout)
configure_logging(service="test", level="info")


async def busy(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        asyncio.get_running_loop().call_later(0.2, lambda: get_logger().info("busy"))
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

servers = {"mongodb_uri": "mongodb://nobody", "mongodb_database": "none", "amqp_url": "amqp://nobody"}
settings = CommonSettings(**servers, port=0)
serve(busy, settings=settings, health=Health(required={}, degrading={}))
"""


def test_a_signal_in_the_middle_of_a_log_line_ends_the_process() -> None:
    """Seen to fail with the line of the log in the signal's handler: the process waits for itself."""
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=20,
    )

    assert done.returncode in (0, -signal.SIGTERM), done.stderr
    assert '"event": "stopping"' in done.stdout
    assert '"signal": "SIGTERM"' in done.stdout
