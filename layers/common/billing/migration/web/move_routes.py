"""The routes of /v1 that move an import's subscriptions, and take them back (M-6)."""

from __future__ import annotations

from billing.api.web.frame import Api, Call
from billing.kernel.ports import Ports
from billing.migration.flows import cut_over, undo
from billing.migration.web import import_shapes as shapes
from billing.web.inputs import Input, Key, Nothing


class CutOverInput(Input):
    """The choices of a move.

    `ended` is the upload of a second export, for a source without an API: only subscriptions that
    it shows as ended are moved. `mails` tells each customer, once.
    """

    ended: Key | None = None
    mails: bool | None = None


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of the cut-over and of its undoing."""

    @api.post("/v1/imports/<import_id>/cut-over", CutOverInput, status=202)
    def cut_over_import(call: Call[CutOverInput], import_id: str) -> shapes.ImportOutput:
        """Move the subscriptions of an import, one after the other, in the background.

        Each is read again at its source, stopped there and charged here from its own next date on.
        It is cancelled there only after the first charge here; until then it can be undone. Asked
        again, rows that were skipped or failed are tried again.
        """
        begun = cut_over.start(
            ports,
            call.merchant,
            import_id,
            by=f"key:{call.key.id}",
            now=call.now,
            ended=call.input.ended,
            mails=call.input.mails,
        )
        return shapes.import_(begun.imported)

    @api.post("/v1/imports/<import_id>/undo", status=202)
    def undo_import(call: Call[Nothing], import_id: str) -> shapes.ImportOutput:
        """Give the subscriptions of an import back to their source, in the background.

        Those that were charged, cancelled or ended here stay; each row says why. Nothing more of
        the import is moved from now on.
        """
        begun = undo.start(ports, call.merchant, import_id, by=f"key:{call.key.id}", now=call.now)
        return shapes.import_(begun.imported)
