"""Exports as /v1 shows them (CONTRACT.md)."""

from __future__ import annotations

from typing import Annotated

from typing_extensions import TypedDict

from billing.api.web.described import Instant, OneOf, Url
from billing.api.web.json_shapes import instant
from billing.jobs.jobs import JobState
from billing.migration.exports import Exported, ExportFormat
from billing.migration.flows.export import Progress


class ExportJobOutput(TypedDict):
    """An export.

    `state` is that of its job: queued, running, done; or paused, failed, stopped, when the operator
    must look. `done` counts its rows so far, `of` all of them, null until that is known. `url`
    downloads the first file once it is done, `urls` all of them: another file begins after 50 MB.
    """

    id: str
    what: Annotated[str, OneOf(Exported)]
    format: Annotated[str, OneOf(ExportFormat)]
    state: Annotated[str, OneOf(JobState)]
    done: int
    of: int | None
    url: Url | None
    urls: list[str]
    created_at: Instant
    expires_at: Instant


def export(progress: Progress) -> ExportJobOutput:
    found, job = progress.export, progress.job
    return {
        "id": found.id,
        "what": found.what.value,
        "format": found.format.value,
        "state": job.state.value,
        "done": job.done,
        "of": job.done if progress.urls else None,
        "url": progress.urls[0] if progress.urls else None,
        "urls": list(progress.urls),
        "created_at": instant(found.created_at),
        "expires_at": instant(found.expires_at),
    }
