"""`huitou release build`, `huitou releases` and `huitou publish`."""

from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from experiments.design import PLAIN_NAME
from features.command_line import ConfigOption, JsonOption, Output, WorkspaceOption, parse_day
from features.errors import DataError, NotReadyError, ReleaseError
from features.settings import Settings, load_settings
from huitou.data_commands import AsOfOption

release_app = typer.Typer(help="Build releases.", no_args_is_help=True)


@release_app.callback()
def _release() -> None:
    """Build releases."""


@release_app.command()
def build(
    as_of: AsOfOption,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fit the champions on everything before a date and write a release."""
    from training.release_job import build_release

    settings = load_settings(config, workspace)
    output = Output(as_json)
    folder = build_release(settings, parse_day(as_of), datetime.now(UTC), output)
    data = {"release_id": folder.name, "folder": str(folder)}
    output.result(
        data, lambda screen: screen.print(f"Release {folder.name}. Next: huitou publish {folder.name}")
    )


def releases(
    config: ConfigOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """List the releases of the workspace, the newest first, which one is live and which have aliases."""
    from features.database.store import open_database
    from features.release.read import open_release

    settings = load_settings(config, workspace)
    with closing(open_database(settings.database_url)) as database:
        live, aliases = database.live_release(), database.aliases()
    rows: list[dict[str, Any]] = []
    for folder in release_folders(settings):
        try:
            manifest = open_release(folder, verify=False).manifest
            row = {
                "as_of": manifest.as_of,
                "created_at": manifest.created_at,
                "customers": manifest.customers,
            }
        except ReleaseError as error:
            row = {"problem": error.message}
        own = sorted(alias for alias, release_id in aliases.items() if release_id == folder.name)
        rows.append({"release_id": folder.name, "live": folder.name == live, "aliases": own, **row})
    output = Output(as_json)
    output.result({"releases": rows}, lambda screen: _show_releases(screen, rows))


def publish(
    release: Annotated[str | None, typer.Argument(help="Release id (default: the newest built).")] = None,
    alias: Annotated[
        str | None, typer.Option(help="Name it for experiments, such as challenger, and leave live what is.")
    ] = None,
    config: ConfigOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a release live; naming an older one is the way back. Or give it an alias for experiments."""
    settings = load_settings(config, workspace)
    output = Output(as_json)
    if alias is not None and not PLAIN_NAME.fullmatch(alias):
        raise DataError(f"{alias!r} is no name for a release.", "Use letters, digits, '_', '-' and '.'.")
    report = publish_release(settings, release, output, alias)
    what = "Live" if alias is None else f"Alias {alias}"
    output.result(
        report, lambda screen: screen.print(f"{what}: {report['release_id']} (rows: {report['cache']})")
    )


def publish_release(
    settings: Settings, release_id: str | None, output: Output, alias: str | None = None
) -> dict[str, Any]:
    """Verify a release (default: the newest built), load its rows and set it live, or give it an alias.

    Raises:
        NotReadyError: there is no release. ReleaseError: the named one is missing or corrupt.
    """
    from features.cache.embedded_redis import running_url
    from features.cache.publish import publish as publish_rows
    from features.database.store import open_database
    from features.release.read import open_release

    if release_id is None:
        folders = release_folders(settings)
        if not folders:
            raise NotReadyError("There is no release yet.", "Run: huitou release build --as-of DATE")
        release_id = folders[0].name
    with (
        output.step("publish", f"Publishing release {release_id}"),
        open_database(settings.database_url) as database,
    ):
        opened = open_release(settings.releases / release_id)
        # The embedded server lives and dies with `huitou serve`: without one, rows fill on first read.
        url = settings.cache.redis_url or running_url(settings.workspace / "redis")
        report = publish_rows(opened, url, settings.cache, database, datetime.now(UTC), alias=alias)
        live = (earlier.release_id for earlier in database.live_history(limit=2))
        prune_releases(settings, {release_id, *live, *database.aliases().values()})
    return report.to_dict()


def release_folders(settings: Settings) -> list[Path]:
    """Release folders of the workspace, the newest first."""
    if not settings.releases.is_dir():
        return []
    folders = [f for f in settings.releases.iterdir() if (f / "manifest.json").is_file() and f.name[0] != "."]
    return sorted(folders, key=lambda f: ((f / "manifest.json").stat().st_mtime_ns, f.name), reverse=True)


def prune_releases(settings: Settings, keep: set[str]) -> None:
    """Delete releases beyond `release.keep`, never one that is in `keep`."""
    import shutil

    for folder in release_folders(settings)[settings.release.keep :]:
        if folder.name not in keep:
            shutil.rmtree(folder)


def _show_releases(screen: Console, rows: list[dict[str, Any]]) -> None:
    if not rows:
        screen.print("There is no release yet. Run: huitou release build --as-of DATE")
        return
    table = Table("Release", "Live", "Aliases", "As of", "Customers", "Built")
    for row in rows:
        built = row.get("problem") or f"{row['created_at']:%Y-%m-%d %H:%M} UTC"
        table.add_row(
            row["release_id"],
            "live" if row["live"] else "",
            ", ".join(row["aliases"]),
            str(row.get("as_of", "")),
            str(row.get("customers", "")),
            built,
        )
    screen.print(table)
