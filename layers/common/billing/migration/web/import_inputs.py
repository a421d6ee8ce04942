"""Inputs of imports and uploads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from billing.api.web.frame import FileInput
from billing.api.web.queries import PageQuery
from billing.migration.flows.imports import Wanted
from billing.migration.import_rows import Result
from billing.web.inputs import Input, Key, documented


class UploadInput(Input):
    """A file that is to be uploaded; `bytes` is its size, if that is known."""

    bytes: Annotated[StrictInt, documented(1, 64 * 2**20)] | None = None


class ImportInput(FileInput):
    """A file of subscriptions: as the body, or by the id of its upload.

    `cards` is the upload of a card map. `mapping` is the name of your own mapping of columns.
    """

    upload: Key | None = None
    preset: Key = "canonical"
    source: Key | None = None
    cards: Key | None = None
    mapping: Key | None = None
    mapping_version: Annotated[int, Field(ge=1)] | None = None
    quantity_confirmed: bool = False
    mails: bool = False

    def wanted(self, upload: str) -> Wanted:
        """Returns what is asked for, with the id of the upload."""
        return Wanted(
            upload=upload,
            preset=self.preset,
            source=self.source,
            cards=self.cards,
            mapping=self.mapping,
            mapping_version=self.mapping_version,
            quantity_confirmed=self.quantity_confirmed,
            mails=self.mails,
        )


class ImportRowsQuery(PageQuery):
    """A page of rows, all or those with one result."""

    result: Result | None = None
