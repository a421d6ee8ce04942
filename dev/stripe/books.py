"""The loopback's ledger: everything in memory, and each change of it in one line of a journal.

It answers the questions of the sandbox's ledger (billing/gateways/sandbox/ledger.py): rows with a
revision, compared and set. A request's rows go into one line, so that a kill leaves all or none.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import RLock
from typing import Any, BinaryIO

Row = dict[str, Any]


class Books:
    """Rows by key, in the order in which they were first written; each has a kind, `object`."""

    def __init__(self, journal: Path | None = None) -> None:
        self.lock = RLock()
        self._rows: dict[str, Row] = {}
        self._revisions: dict[str, int] = {}
        self._kinds: dict[str, dict[str, None]] = {}
        self._journal = journal
        self._file: BinaryIO | None = None
        if journal is not None:
            journal.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._replay(journal)
            self._file = _appending(journal)

    def read(self, key: str) -> tuple[Row, int] | None:
        """Returns a row and its revision."""
        with self.lock:
            row = self._rows.get(key)
            return None if row is None else (row, self._revisions[key])

    def write(self, key: str, row: Row, *, revision: int) -> bool:
        """Writes over `revision` (0: where no row is); False when it is another by now."""
        with self.lock:
            if self._revisions.get(key, 0) != revision:
                return False
            self.write_all({key: row})
            return True

    def rows(self) -> list[Row]:
        """Returns every row there is."""
        with self.lock:
            return list(self._rows.values())

    def write_all(self, rows: Mapping[str, Row | None]) -> None:
        """Writes all of these or none, even when the process is killed; None removes a row."""
        if not rows:
            return
        with self.lock:
            if self._file is not None:
                self._file.write(json.dumps(rows).encode() + b"\n")
                self._file.flush()
            self._take(rows)

    def newest_first(self, prefix: str, kind: str) -> Iterator[Row]:
        """Yields the rows of a kind whose keys begin with `prefix`, newest first."""
        with self.lock:
            keys = [key for key in self._kinds.get(kind, {}) if key.startswith(prefix)]
            yield from (self._rows[key] for key in reversed(keys))

    def compact(self, keep: Callable[[Row], bool]) -> None:
        """Forgets what need not be kept, and writes the journal anew."""
        with self.lock:
            self._take({key: None for key, row in self._rows.items() if not keep(row)})
            if self._journal is None or self._file is None:
                return
            fresh = self._journal.with_suffix(".new")
            with open(os.open(fresh, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600), "wb") as file:
                for key, row in self._rows.items():
                    file.write(json.dumps({key: row}).encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            self._file.close()
            fresh.replace(self._journal)
            self._file = _appending(self._journal)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def _take(self, rows: Mapping[str, Row | None]) -> None:
        for key, row in rows.items():
            if row is None:
                gone = self._rows.pop(key, {})
                self._revisions.pop(key, None)
                self._kinds.get(gone.get("object", ""), {}).pop(key, None)
                continue
            self._rows[key] = row
            self._revisions[key] = self._revisions.get(key, 0) + 1
            self._kinds.setdefault(row.get("object", ""), {})[key] = None

    def _replay(self, journal: Path) -> None:
        if not journal.exists():
            return
        whole = 0
        with journal.open("rb") as file:
            for line in file:
                # A line without its end was cut off by a kill: its request was never answered.
                if not line.endswith(b"\n"):
                    break
                self._take(json.loads(line))
                whole += len(line)
        os.truncate(journal, whole)


def _appending(journal: Path) -> BinaryIO:
    descriptor = os.open(journal, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    return os.fdopen(descriptor, "ab")
