"""`callguard serve`."""

from typing import Annotated

import typer

from callguard import server
from callguard.bootstrap import Services
from callguard.cli.running import run, tell
from callguard.config import load_settings
from callguard.trust.logs import set_up_logs


def serve(
    port: Annotated[
        int | None, typer.Option(help="Port to listen on; 0 takes a free one. Default: $PORT or 8000.")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on. Default: $HOST or 127.0.0.1.")
    ] = None,
) -> None:
    """Serve until stopped: webhooks, media streams, analysis, alerts, dashboard."""
    given = {name: value for name, value in {"port": port, "host": host}.items() if value is not None}
    settings = load_settings(**given)
    set_up_logs(settings.log_level, settings.log_format)
    run(server.serve(settings, _ready))


def _ready(services: Services) -> None:
    settings = services.settings
    tell(f"callguard serves at {settings.base_url}")
    tell(f"Dashboard: {dashboard_address(services)}")
    if settings.local_mode:
        tell(
            "No Twilio account is configured: local mode. Place a call with:\n"
            f"  callguard simulate --server {settings.base_url} --audio caller.wav"
        )
    else:
        tell(
            f"Point your Twilio number's voice webhook at {settings.base_url}/incoming-call; "
            "`callguard check` says what else."
        )


def dashboard_address(services: Services) -> str:
    """The address that opens the dashboard, key included."""
    return f"{services.settings.base_url}/dashboard?key={services.keys.dashboard}"
