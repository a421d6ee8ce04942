"""The routes of /v1 about imports and the uploads of their files (M-6)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call, Csv, Later
from billing.api.web.json_shapes import Listed
from billing.api.web.queries import PageQuery
from billing.kernel.errors import Invalid
from billing.kernel.ports import Ports
from billing.migration.flows import dry_run, imports, listing, report, uploads
from billing.migration.web import csv_report
from billing.migration.web import import_shapes as shapes
from billing.migration.web.import_inputs import ImportInput, ImportRowsQuery, UploadInput
from billing.web.inputs import Nothing


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of uploads and imports."""
    _begin(api, ports)
    _look(api, ports)
    _dry_runs(api, ports)


def _begin(api: Api, ports: Ports) -> None:

    @api.post("/v1/uploads", UploadInput)
    def create_upload(call: Call[UploadInput]) -> shapes.UploadOutput:
        """Get an address to upload a large file to, within 30 minutes.

        Send a multipart form there: `fields` first, then the file as `file`. It has at most
        `most_bytes`.
        """
        made = uploads.address(ports, call.merchant.id, size=call.input.bytes)
        return shapes.upload(made)

    @api.post("/v1/imports", ImportInput)
    def create_import(call: Call[ImportInput]) -> shapes.ImportOutput:
        """Import subscriptions from a file, as text/csv up to 4 MB or by its upload; or from a
        gateway that has them.

        Each row is checked; nothing is charged and nothing is changed at the source. A small file
        is checked in this answer. A larger one, and a gateway's own list, are read in the
        background: ask again until it is `checked`.
        """
        listed, by = call.input.listing(), f"key:{call.key.id}"
        if listed is not None and call.file is not None:
            raise Invalid("file_and_account", field="gateway")
        if listed is not None:
            begun = listing.begin(ports, call.merchant, listed, by=by, now=call.now)
            return shapes.progress(begun)
        if call.file is None and call.input.upload is None:
            raise Invalid("required", field="upload")
        upload = call.input.upload
        if call.file is not None:
            upload = uploads.keep(ports, call.merchant.id, call.file)
        assert upload is not None, "one of both is there"
        wanted = call.input.wanted(upload)
        begun = imports.begin(ports, call.merchant, wanted, by=by, now=call.now)
        return shapes.progress(begun)


def _look(api: Api, ports: Ports) -> None:
    @api.get("/v1/imports", PageQuery)
    def list_imports(call: Call[PageQuery]) -> Listed[shapes.ImportOutput]:
        """List imports, newest first."""
        query = call.input
        page = imports.page(ports, call.merchant.id, limit=query.limit, cursor=query.cursor)
        return json_shapes.listed(map(shapes.import_, page.data), page.next)

    @api.get("/v1/imports/<import_id>")
    def show_import(call: Call[Nothing], import_id: str) -> shapes.ImportOutput:
        """Retrieve an import: how far it is, and what was found so far."""
        return shapes.progress(imports.one(ports, call.merchant.id, import_id))

    @api.get("/v1/imports/<import_id>/rows", ImportRowsQuery)
    def list_import_rows(
        call: Call[ImportRowsQuery], import_id: str
    ) -> Listed[shapes.ImportRowOutput]:
        """List the rows of an import with what was found in them: those that block first."""
        query = call.input
        page = imports.rows(
            *(ports, call.merchant.id, import_id),
            result=query.result,
            limit=query.limit,
            cursor=query.cursor,
        )
        return json_shapes.listed(map(shapes.row, page.data), page.next)

    @api.get("/v1/imports/<import_id>/rows.csv", ImportRowsQuery)
    def download_import_rows(call: Call[ImportRowsQuery], import_id: str) -> Csv:
        """Download rows with what was found in them as CSV, the first 10,000: its name says so if
        there are more."""
        found = report.first(ports, call.merchant.id, import_id, result=call.input.result)
        return Csv("".join(csv_report.written(found.rows)), found.name)


def _dry_runs(api: Api, ports: Ports) -> None:
    @api.post("/v1/imports/<import_id>/dry-run", status=200)
    def start_dry_run(
        call: Call[Nothing], import_id: str
    ) -> shapes.DryRunOutput | Later[shapes.DryRunOutput]:
        """Forecast what an import would charge in the next 90 days, beside the source's dates.

        Nothing is charged. 202 says that it is made in the background: ask for it until it is done.
        """
        run = dry_run.begin(ports, call.merchant, import_id, now=call.now)
        return shapes.dry_run(run) if run.sums is not None else Later(shapes.dry_run(run))

    @api.get("/v1/imports/<import_id>/dry-run")
    def show_dry_run(call: Call[Nothing], import_id: str) -> shapes.DryRunOutput:
        """Retrieve the last dry run of an import."""
        return shapes.dry_run(dry_run.one(ports, call.merchant.id, import_id))
