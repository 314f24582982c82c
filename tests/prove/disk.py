"""A small disk for the database, so that it can be full without harm: a tmpfs, which only root may mount."""

import os
import subprocess
from pathlib import Path

_SIZE_MB = 3000
_CHUNK = 64 * 1024 * 1024


class SmallDisk:
    """Below `folder`; where it cannot be mounted, `why_not` says so and data stay on the machine's own disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.why_not = ""
        self._mounted = False

    def mount(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        options = f"size={_SIZE_MB}m,mode=0700"
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", options, "amtstermin-proof", self.folder],
            capture_output=True,
            text=True,
            check=False,
        )
        self._mounted = done.returncode == 0
        self.why_not = "" if self._mounted else f"no tmpfs can be mounted here ({done.stderr.strip()})"

    def unmount(self) -> None:
        if self._mounted:
            subprocess.run(["umount", "--lazy", self.folder], check=False, capture_output=True)
            self._mounted = False

    def keep(self, path: Path) -> None:
        """Lets `path` lead to a folder of its own on this disk."""
        home = self.folder / path.name
        home.mkdir(exist_ok=True)
        path.symlink_to(home)

    def fill(self) -> None:
        """Until nothing more goes on it."""
        with self._ballast.open("ab") as file:
            for size in (_CHUNK, 1024 * 1024, 4096):
                while self._grow(file.fileno(), size):
                    pass

    def empty(self) -> None:
        self._ballast.unlink(missing_ok=True)

    @property
    def _ballast(self) -> Path:
        return self.folder / "ballast"

    def _grow(self, file: int, size: int) -> bool:
        try:
            os.posix_fallocate(file, os.fstat(file).st_size, size)
        except OSError:
            return False
        return True
