"""`huitou serve` and `huitou keys`."""

import sys
from contextlib import closing
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption
from features.database.records import ApiKey
from features.errors import DataError
from features.settings import load_settings

keys_app = typer.Typer(help="Create, list and revoke API keys.", no_args_is_help=True)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (default: serving.host).")] = None,
    port: Annotated[int | None, typer.Option(help="Port, 0: a free one (default: serving.port).")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes (default: serving.workers).")] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Serve the API until Ctrl-C; prints `ready URL RELEASE` once it answers."""
    from serving.server import serve_until_stopped

    flags = {"host": host, "port": port, "workers": workers}
    given = {name: value for name, value in flags.items() if value is not None}
    serve_until_stopped(load_settings(config, workspace, {"serving": given}), announce)


def announce(address: str, release_id: str) -> None:
    """Say on standard output that the service answers."""
    sys.stdout.write(f"ready {address} {release_id}\n")
    sys.stdout.flush()


@keys_app.command()
def create(
    scope: Annotated[list[str], typer.Option(help="storefront, marketing or admin; may be repeated.")],
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Create a key and show it this once."""
    from features.database.store import open_database
    from serving.api_keys import SCOPES, new_key

    unknown = sorted(set(scope) - set(SCOPES))
    if unknown:
        raise DataError(f"There is no scope {unknown[0]!r}.", f"Scopes are {', '.join(SCOPES)}.")
    scopes = [name for name in SCOPES if name in scope]
    key = new_key()
    with closing(open_database(load_settings(config, workspace).database_url)) as database:
        database.create_key(key.key_id, key.hash, scopes, datetime.now(UTC))
    data = {"key_id": key.key_id, "key": key.key, "scopes": scopes}
    Output(as_json).result(data, lambda screen: _show_new(screen, data))


@keys_app.command("list")
def list_keys(
    config: ConfigOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """List keys; the keys themselves are not kept."""
    from features.database.store import open_database

    with closing(open_database(load_settings(config, workspace).database_url)) as database:
        keys = [_describe(key) for key in database.list_keys()]
    Output(as_json).result({"keys": keys}, lambda screen: _show_keys(screen, keys))


@keys_app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key_id, as `huitou keys list` shows it.")],
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Revoke a key; running servers refuse it within a second."""
    from features.database.store import open_database

    with closing(open_database(load_settings(config, workspace).database_url)) as database:
        if not database.revoke_key(key_id, datetime.now(UTC)):
            raise DataError(f"There is no key {key_id!r}.", "See: huitou keys list")
    Output(as_json).result(
        {"key_id": key_id, "revoked": True}, lambda screen: screen.print(f"Revoked {key_id}.")
    )


def _describe(key: ApiKey) -> dict[str, Any]:
    return {
        "key_id": key.key_id,
        "scopes": list(key.scopes),
        "created_at": key.created_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }


def _show_new(screen: Console, data: dict[str, Any]) -> None:
    screen.print(f"Key {data['key_id']} ({', '.join(data['scopes'])}). It is shown only now:")
    screen.print(data["key"], markup=False, soft_wrap=True)


def _show_keys(screen: Console, keys: list[dict[str, Any]]) -> None:
    if not keys:
        screen.print("There is no key: only this machine may call. Create one: huitou keys create")
        return
    table = Table("Key", "Scopes", "Created", "Revoked")
    for key in keys:
        table.add_row(key["key_id"], " ".join(key["scopes"]), key["created_at"], key["revoked_at"] or "")
    screen.print(table)
