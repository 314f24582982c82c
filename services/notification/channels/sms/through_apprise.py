"""Any service that Apprise can address: imported only where one is configured, since it takes 0.3 s and 17 MB."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pydantic import SecretStr

from services.notification.channels import Taken, TemporaryFailure
from services.notification.channels.sms.templates import filled

# Each send blocks a thread, for as long as the service lets it wait.
_AT_ONCE = 8


class AppriseProvider:
    """Apprise says yes or no and nothing more, so every no is a temporary one, and there are no receipts."""

    def __init__(self, *, name: str, url: SecretStr) -> None:
        """Raises ValueError where Apprise does not understand the address."""
        self.name = name
        self._url = url
        self._threads = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="apprise")
        self._target("+4915112345678")

    async def send(self, *, to: str, text: str, reference: str) -> Taken:
        loop = asyncio.get_running_loop()
        try:
            taken = await loop.run_in_executor(self._threads, self._notify, to, text)
        except Exception as error:
            # Whatever one of its many services raises.
            raise TemporaryFailure(type(error).__name__) from error
        if not taken:
            raise TemporaryFailure("not taken over")
        return Taken(self.name)

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _notify(self, to: str, text: str) -> bool:
        return bool(self._target(to).notify(body=text, title="", body_format="text"))

    def _target(self, to: str) -> Any:
        import apprise

        target = apprise.Apprise()
        address = filled(self._url.get_secret_value(), {"to": to, "to_digits": to.removeprefix("+")})
        if not target.add(address):
            raise ValueError("Apprise does not understand the address")
        return target
