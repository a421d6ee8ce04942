"""The routes of /v1 that compare an import with what its source charges (M-6)."""

from __future__ import annotations

from billing.api.web import json_shapes
from billing.api.web.frame import Api, Call, Csv, Later
from billing.api.web.json_shapes import Listed
from billing.api.web.queries import PageQuery
from billing.kernel.ports import Ports
from billing.migration.flows import shadow, shadow_report
from billing.migration.web import csv_report
from billing.migration.web import shadow_shapes as shapes
from billing.web.inputs import Input, Key, Nothing


class ShadowInput(Input):
    """The other side: `charges` is the upload of a file, null asks the source itself."""

    charges: Key | None = None


def declare(api: Api, ports: Ports) -> None:
    """Declares them."""

    @api.post("/v1/imports/<import_id>/shadow", ShadowInput, status=200)
    def start_shadow(
        call: Call[ShadowInput], import_id: str
    ) -> shapes.ShadowOutput | Later[shapes.ShadowOutput]:
        """Compare what an import would have charged since its check with what its source charged.

        Nothing is charged, and nothing is changed at the source. 202 says that it is made in the
        background: ask for it until it is done. Repeat it as often as you like before the move.
        """
        charges = call.input.charges
        found = shadow.begin(ports, call.merchant, import_id, charges=charges, now=call.now)
        shown = shapes.shadow(found)
        return shown if found.totals is not None else Later(shown)

    @api.get("/v1/imports/<import_id>/shadow")
    def show_shadow(call: Call[Nothing], import_id: str) -> shapes.ShadowOutput:
        """Retrieve the last comparison of an import with its source."""
        return shapes.shadow(shadow.one(ports, call.merchant.id, import_id))

    @api.get("/v1/imports/<import_id>/shadow/differences", PageQuery)
    def list_shadow_differences(
        call: Call[PageQuery], import_id: str
    ) -> Listed[shapes.ShadowDifferenceOutput]:
        """List the differences that the last comparison found, by row; none until it is done."""
        query = call.input
        page = shadow_report.page(
            *(ports, call.merchant.id, import_id), limit=query.limit, cursor=query.cursor
        )
        return json_shapes.listed(map(shapes.difference, page.data), page.next)

    @api.get("/v1/imports/<import_id>/shadow/differences.csv")
    def download_shadow_differences(call: Call[Nothing], import_id: str) -> Csv:
        """Download the differences that the last comparison found as CSV, the first 10,000: its
        name says so if there are more."""
        found = shadow_report.first(ports, call.merchant.id, import_id)
        return Csv("".join(csv_report.of_differences(found.differences)), found.name)
