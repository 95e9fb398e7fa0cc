"""`python -m shared.sandbox`: the town on a loopback port."""

from pathlib import Path

import uvicorn

from shared.sandbox.app import create_app
from shared.sandbox.settings import SandboxSettings


def main() -> None:
    """Serve until stopped."""
    settings = SandboxSettings()
    if settings.state_dir is None:
        settings = settings.model_copy(update={"state_dir": Path(".ridgeline") / "sandbox"})
    uvicorn.run(create_app(settings), host=settings.host, port=settings.listen_port, access_log=False)


if __name__ == "__main__":
    main()
