"""The part of the storage port about work in the background: jobs, sums, failures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from billing.jobs.jobs import Job, JobLine
    from billing.kernel.forecasts import ForecastRollup
    from billing.kernel.operation import ProcessingFailure
    from billing.kernel.samples import SamplePlace
    from billing.kernel.storage import Due


class WorkParts(Protocol):
    """The questions of work in the background; `Store` has them too."""

    def job(self, owner: str, job: str) -> Job | None:
        """A background job of a merchant, or of the platform, whose owner is empty."""
        ...

    def jobs_of(self, jobs: Sequence[tuple[str, str]]) -> list[Job | None]:
        """Many at once, (owner, id) each, in the order asked for."""
        ...

    def job_line(self, owner: str) -> JobLine | None: ...
    def jobs(self, limit: int) -> list[Job]:
        """Index: jobs of all owners that have not ended, oldest first."""
        ...

    def forecast_rollup(self, merchant: str, *, draft: bool = False) -> ForecastRollup | None:
        """The sums of a merchant's forecast, or those that a job is adding up."""
        ...

    def sample_place(self, merchant: str) -> SamplePlace | None:
        """The place of a merchant's customers up to which their items were looked at."""
        ...

    def failure(self, due: Due) -> ProcessingFailure | None:
        """The failure by an error of our own over the owner of an alarm (R-9)."""
        ...

    def failures(self, merchant: str) -> list[ProcessingFailure]: ...
