"""The command that builds and deploys."""

from pathlib import Path
from typing import Annotated

import typer

from perennial.operator.terminal import Deployed, asking


def declare(app: typer.Typer) -> None:
    """Adds the command."""
    app.command("deploy")(deploy_stack)


def deploy_stack(
    stack: Deployed = "perennial",
    parameters: Annotated[
        Path | None, typer.Option(help="File of parameters, such as deploy/first.yaml.")
    ] = None,
) -> None:
    """Build and deploy the clone in this folder. Asks for parameters only the first time.

    Example: perennial deploy --parameters mine.yaml --stack perennial
    """
    from perennial import deploy

    with asking():
        code = deploy.deploy(Path.cwd(), stack, parameters)
    if code:
        raise typer.Exit(code)
