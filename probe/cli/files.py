"""Documents in and out of files: written whole, read with a bound, told apart by content."""

from __future__ import annotations

import os
import tempfile


def write_whole(path: str, text: str) -> None:
    """Write `text` to `path` through a temporary file and a rename, mode 0644 whatever the umask. Raises OSError.

    A device or pipe (`/dev/stdout`) is written directly: there is nothing to rename.
    """
    data = text.encode("utf-8")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as stream:
            stream.write(data)
        return
    descriptor, temporary = tempfile.mkstemp(prefix=".probe-", dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            os.fchmod(stream.fileno(), 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
