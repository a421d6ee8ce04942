"""The commands of API keys."""

from typing import Annotated

import typer

from perennial.operator.terminal import Merchant, Stack, ask

keys = typer.Typer(no_args_is_help=True, help="List, create and revoke API keys.")


@keys.command("create")
def create_key(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Create another API key for a merchant and show it once.

    Example: perennial key create harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "key", "merchant": merchant})


@keys.command("list")
def list_keys(
    context: typer.Context,
    merchant: Merchant,
    cursor: Annotated[
        str | None, typer.Option(help="Continue from the end of the previous list.")
    ] = None,
    stack: Stack = None,
) -> None:
    """Show a merchant's API keys, never their secrets.

    Example: perennial key list harbor-lane --stack perennial
    """
    asked = {} if cursor is None else {"cursor": cursor}
    ask(context, stack, {"do": "keys", "merchant": merchant, **asked})


@keys.command("revoke")
def revoke_key(
    context: typer.Context,
    merchant: Merchant,
    key: Annotated[str, typer.Argument(help="Key id, as shown by `key list`.")],
    stack: Stack = None,
) -> None:
    """Revoke one API key of a merchant.

    Example: perennial key revoke harbor-lane key_a1b2c3d4 --stack perennial
    """
    ask(context, stack, {"do": "revoke-key", "merchant": merchant, "key": key})


@keys.command("replace-all")
def replace_keys(context: typer.Context, merchant: Merchant, stack: Stack = None) -> None:
    """Create a new API key and revoke all others, if a key was stolen.

    Example: perennial key replace-all harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "replace-keys", "merchant": merchant})
