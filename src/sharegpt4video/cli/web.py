"""``sg4v web``: the pages, served from this machine."""

from __future__ import annotations

import importlib.util
import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from ..errors import MissingExtra
from .console import exit_codes, say, say_secret
from .t2v_prompts import ProfileOption

if TYPE_CHECKING:
    from ..web.settings import WebSettings

_NEEDS = ("fastapi", "uvicorn", "prometheus_client", "duckdb")

Host = Annotated[str, typer.Option(metavar="ADDRESS", help="Where to listen; 0.0.0.0 for the whole network.")]
Port = Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="The port; 0 for any that is free.")]
Roots = Annotated[
    list[Path] | None,
    typer.Option(
        "--root", metavar="DIR", help="Folders whose videos may be opened by their path; may be given several times."
    ),
]
DatasetDir = Annotated[
    str,
    typer.Option(
        "--dataset",
        metavar="DIR",
        help="A data set to browse and edit; needs --root, the folder of its videos, to show them.",
        show_default=False,
    ),
]
Compare = Annotated[
    tuple[str, str] | None,
    typer.Option(
        metavar="A B", help="Two data sets of the same videos, side by side; --root as well.", show_default=False
    ),
]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        "-m",
        metavar="NAME",
        help="The models to choose from, the first one by default; embedded is always there. May be given several "
        "times.",
        show_default=False,
    ),
]
Token = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="Token that browsers and clients must send; by default a new one at each start. none: no token, on this "
        "machine only.",
        envvar="SG4V_WEB_TOKEN",
        show_default=False,
    ),
]
AllowUrls = Annotated[
    bool, typer.Option("--allow-urls", help="Fetch videos from http addresses, never from private ones.")
]
AllowHost = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-host",
        metavar="NAME",
        help="A host name that browsers use to reach this server, such as that of a reverse proxy.",
        show_default=False,
    ),
]
Open = Annotated[bool, typer.Option("--open", help="Open the page in a browser.")]
AccessLog = Annotated[bool, typer.Option("--access-log", help="Print a line for each request.")]


def web(
    host: Host = "127.0.0.1",
    port: Port = 8317,
    root: Roots = None,
    dataset: DatasetDir = "",
    compare: Compare = None,
    model: Models = None,
    profile: ProfileOption = None,
    token: Token = None,
    allow_urls: AllowUrls = False,
    allow_host: AllowHost = None,
    open_page: Open = False,
    access_log: AccessLog = False,
) -> None:
    """Serve the pages: caption, ask, browse and edit in a browser.

    They are served to this machine alone unless --host says otherwise. The address that is printed carries a token.
    """
    with exit_codes():
        if not all(map(importlib.util.find_spec, _NEEDS)):
            raise MissingExtra("sg4v web", "web")
        from ..web.run import free_port, serve
        from ..web.settings import WebSettings

        settings = WebSettings(
            host=host,
            port=port or free_port(host),
            token="" if token == "none" else token or secrets.token_urlsafe(24),
            roots=tuple(root or ()),
            dataset=dataset,
            compare=compare,
            models=tuple(dict.fromkeys([*(model or ()), "embedded"])),
            profile=profile,
            allow_urls=allow_urls,
            hosts=tuple(allow_host or ()),
            access_log=access_log,
        )
        _check_models(settings)
        serve(settings, ready=lambda: _tell(settings, open_page=open_page))
        say("stopped")


def _check_models(settings: WebSettings) -> None:
    """Raises SettingsError for a name that is no model's. Models that are loaded to be made are tried by the server."""
    from ..prompts import DEFAULT
    from ..vlm import open_model
    from ..web.jobs.tasks import is_in_process

    for name in settings.models:
        if not is_in_process(name):
            open_model(name, prompts=DEFAULT)


def _tell(settings: WebSettings, *, open_page: bool) -> None:
    """Print the address, with the token."""
    shown = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host
    shown = f"[{shown}]" if ":" in shown else shown
    address = f"http://{shown}:{settings.port}/" + (f"?token={quote(settings.token)}" if settings.token else "")
    say_secret(f"Open {address}")
    if not settings.is_loopback:
        say("Other machines use the address or name of this one. Nothing is encrypted: see docs/web.md for https.")
    say("Ctrl-C ends the server.")
    if open_page:
        import webbrowser

        webbrowser.open(address)
