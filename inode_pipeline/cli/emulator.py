"""`emulator`: serve a small iNode on this machine, to try the pipeline without an account."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from inode_pipeline.errors import ConfigError

if TYPE_CHECKING:
    from inode_pipeline.emulator import EmulatorConfig


@click.command(short_help="Serve a small synthetic iNode on this machine.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8765, show_default=True, help="The port; 0 for a free one."
)
@click.option("--links", type=click.IntRange(0), default=300, show_default=True, help="The number of links.")
@click.option("--seed", type=int, default=1, show_default=True, help="The seed of the random network.")
@click.option(
    "--pagination",
    type=click.Choice(["page", "limit-offset", "cursor", "none"]),
    default="page",
    show_default=True,
    help="How answers are paginated.",
)
@click.option(
    "--page-size", type=click.IntRange(1), default=100, show_default=True, help="Records per page by default."
)
@click.option(
    "--recording",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Serve these recorded snapshots (NDJSON, plain or gzipped) instead of a synthetic network.",
)
def emulator(  # noqa: PLR0917 - click passes them by name
    host: str,
    port: int,
    links: int,
    seed: int,
    pagination: Literal["page", "limit-offset", "cursor", "none"],
    page_size: int,
    recording: Path | None,
) -> None:
    """Serve a small iNode until Ctrl-C, with a token endpoint and links that answer like the real ones.

    The network is synthetic: generated from a seed, not measured.
    """
    from inode_pipeline.emulator import EmulatorConfig, serve

    config = EmulatorConfig(links=links, seed=seed, pagination=pagination, page_size=page_size, recording=recording)
    try:
        serve(config, host, port, announce=lambda address: _announce(address, config))
    except OSError as problem:
        raise ConfigError(
            f"Cannot listen on {host}, port {port}: {problem.strerror or 'no such address'}.",
            remedy="Choose another --port, or 0 for a free one.",
        ) from problem
    except ValueError as problem:
        raise ConfigError(
            f"The recording cannot be served: {problem}.", remedy='Each line is a JSON object: {"snapshot", "records"}.'
        ) from problem


def _announce(address: str, config: EmulatorConfig) -> None:
    """Print the address and the settings to paste. The account is only valid here, so it is no secret."""
    data = f"the recording {config.recording}" if config.recording else f"{config.links} synthetic links"
    account = {
        "INODE_BASE_URL": address,
        "INODE_USERNAME": config.username,
        "INODE_PASSWORD": config.password,
        "INODE_CLIENT_ID": config.client_id,
        "INODE_CLIENT_SECRET": config.client_secret,
    }
    click.echo(f"Serving {data} at {address} until Ctrl-C. To use it, in another terminal:")
    click.echo("".join(f"export {name}={value}\n" for name, value in account.items()), nl=False)
    click.echo(f"(or, instead of the last four, INODE_API_KEY={config.api_key})")
