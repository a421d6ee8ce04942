"""Steps of jobs that count days and months, which may take more than one slice (M-10).

Where time is over in the middle of a step, what it has so far is kept as an object, and the job's
cursor names it. The step's end deletes it; after a job that failed it expires.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TypeVar

from billing.figures import recounts
from billing.figures.recounts import Progress
from billing.jobs.flows import steps
from billing.jobs.jobs import Job, Step
from billing.kernel.objects import EXPORTS, OBJECT_MOST_BYTES, ObjectKey
from billing.kernel.ports import Ports
from billing.kernel.walks import Seen

T = TypeVar("T")


class _Shelf:
    """The objects that keep the progress of one step, numbered from 1; 0 stands for none."""

    def __init__(self, ports: Ports, job: Job, place: str, number: int) -> None:
        self._ports, self._job, self._place = ports, job, place
        self._first = self.number = number

    def take(self) -> Progress:
        """Returns what was kept, and deletes what was before it; an empty progress if it is gone,
        or of another step."""
        if not self.number:
            return Progress()
        if self.number > 1:
            self._ports.objects.delete(self._key(self.number - 1))
        found = self._ports.objects.get(self._key(self.number), at_most=OBJECT_MOST_BYTES)
        if found is None:
            return Progress()
        return recounts.read(self._merchant, found.content)

    def keep(self, progress: Progress) -> None:
        """Keeps a progress behind the one before, which is there until the cursor is written.

        A process that died may have kept another one under this number: that is as good.
        """
        progress.slices += 1
        self.number += 1
        content = recounts.written(progress)
        key = self._key(self.number)
        self._ports.objects.put(key, content, content_type="application/json")

    def clear(self) -> None:
        for number in range(max(1, self._first), self.number + 1):
            self._ports.objects.delete(self._key(number))

    @property
    def _merchant(self) -> str:
        return self._job.owner or self._place  # the platform's job has a step for each merchant

    def _key(self, number: int) -> ObjectKey:
        round_of_job = f"{self._job.kind}-{self._job.round_at:%Y%m%d%H%M%S%f}"
        return ObjectKey(EXPORTS, self._merchant, f"{round_of_job}/{self._place}-{number}")


def place_in(cursor: str) -> tuple[str, str, int]:
    """Returns the list and the place that a cursor names, and the number of what is kept of the
    step behind that place."""
    of, rest = steps.place_in(cursor)
    place, _, number = rest.partition(" ")
    return of, place, int(number or 0)


def each(
    ports: Ports,
    job: Job,
    of: str,
    entries: Iterable[tuple[T, str]],
    act: Callable[[Progress, T], Seen],
) -> Iterator[Step]:
    """Acts on each entry of a list, as `steps.each` does; one that returns `MORE` goes on.

    The cursor is `<of> <place>`, in the middle of an entry `<of> <place before> <number>`: a
    version of the code that does not know of the number begins at the same entry.
    """
    was_of, before, number = place_in(job.cursor)
    if was_of != of:
        before, number = "", 0
    for entry, place in entries:
        shelf = _Shelf(ports, job, place, number)
        progress = shelf.take()
        number = 0
        while True:
            (step,) = steps.each(of, [(entry, place)], partial(act, progress))
            if step.seen is not Seen.MORE:
                break
            shelf.keep(progress)
            yield Step(f"{of} {before} {shelf.number}", None)
        shelf.clear()
        before = place
        yield step
