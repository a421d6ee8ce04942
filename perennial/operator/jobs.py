"""The commands of background jobs."""

import typer

from perennial.operator.terminal import Job, Owner, Stack, ask, of

jobs = typer.Typer(no_args_is_help=True, help="Show, pause, resume and stop background jobs.")


@jobs.command("list")
def list_jobs(context: typer.Context, stack: Stack = None) -> None:
    """List background jobs that have not ended: progress, state, and why one has failed.

    Example: perennial jobs list --stack perennial
    """
    ask(context, stack, {"do": "jobs"})


@jobs.command("show")
def show_job(context: typer.Context, job: Job, merchant: Owner = None, stack: Stack = None) -> None:
    """Show one background job, even if it has ended.

    Example: perennial jobs show erase_account --merchant harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "job", "job": job, **of(merchant)})


@jobs.command("index-lists")
def index_lists(context: typer.Context, stack: Stack = None) -> None:
    """Complete the lists of /v1 for what was sold before version 0.3, once that version runs alone.

    Starts a job for each merchant whose lists say that they are incomplete.

    Example: perennial jobs index-lists --stack perennial
    """
    ask(context, stack, {"do": "index-lists"})


@jobs.command("pause")
def pause_job(
    context: typer.Context, job: Job, merchant: Owner = None, stack: Stack = None
) -> None:
    """Pause a background job until it is resumed.

    Example: perennial jobs pause erase_account --merchant harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "pause-job", "job": job, **of(merchant)})


@jobs.command("resume")
def resume_job(
    context: typer.Context, job: Job, merchant: Owner = None, stack: Stack = None
) -> None:
    """Resume a paused or failed background job where it stopped.

    Example: perennial jobs resume erase_account --merchant harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "resume-job", "job": job, **of(merchant)})


@jobs.command("stop")
def stop_job(context: typer.Context, job: Job, merchant: Owner = None, stack: Stack = None) -> None:
    """End a background job for good. What it has done stays done.

    Example: perennial jobs stop erase_account --merchant harbor-lane --stack perennial
    """
    ask(context, stack, {"do": "stop-job", "job": job, **of(merchant)})
