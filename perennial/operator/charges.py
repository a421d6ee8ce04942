"""The commands that stop and resume all charges."""

import typer

from perennial.operator.terminal import Reason, Stack, ask


def declare(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(pause)
    app.command()(resume)
    app.command()(status)


def pause(context: typer.Context, reason: Reason, stack: Stack = None) -> None:
    """Stop all charges immediately.

    Example: perennial pause --reason "wrong tax table" --stack perennial
    """
    ask(context, stack, {"do": "pause", "reason": reason})


def resume(context: typer.Context, reason: Reason, stack: Stack = None) -> None:
    """Resume charges after a pause.

    Example: perennial resume --reason "tax table corrected" --stack perennial
    """
    ask(context, stack, {"do": "resume", "reason": reason})


def status(context: typer.Context, stack: Stack = None) -> None:
    """Show whether charges are paused, and why.

    Example: perennial status --stack perennial
    """
    ask(context, stack, {"do": "standing"})
