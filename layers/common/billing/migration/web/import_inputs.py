"""Inputs of imports and uploads."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictInt

from billing.api.web.frame import FileInput
from billing.api.web.queries import PageQuery
from billing.kernel.errors import Invalid
from billing.migration.flows.imports import Wanted
from billing.migration.flows.listing import Listing
from billing.migration.import_rows import Result
from billing.web.inputs import Input, Key, documented


class UploadInput(Input):
    """A file that is to be uploaded; `bytes` is its size, if that is known."""

    bytes: Annotated[StrictInt, documented(1, 64 * 2**20)] | None = None


class ImportInput(FileInput):
    """A file of subscriptions: as the body, or by the id of its upload. Or a gateway that has them.

    `gateway` reads its own list of them, at `gateway_account` if you have several. `cards` is the
    upload of a card map. `mapping` is the name of your own mapping of columns.
    """

    upload: Key | None = None
    gateway: Key | None = None
    gateway_account: Key | None = None
    preset: Key = "canonical"
    source: Key | None = None
    cards: Key | None = None
    mapping: Key | None = None
    mapping_version: Annotated[int, Field(ge=1)] | None = None
    quantity_confirmed: bool = False
    mails: bool = False

    def listing(self) -> Listing | None:
        """Returns the list that is asked for, None for a file; raises `Invalid` for both."""
        if self.gateway is None:
            return None
        if self.upload is not None:
            raise Invalid("file_and_account", field="gateway")
        return Listing(
            self.gateway,
            self.gateway_account,
            quantity_confirmed=self.quantity_confirmed,
            mails=self.mails,
        )

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
