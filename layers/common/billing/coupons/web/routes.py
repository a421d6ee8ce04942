"""The routes of /v1 about coupons: made, listed, ended, given to a subscription (C-8)."""

from __future__ import annotations

from billing.api.web import json_shapes, subscription_shapes
from billing.api.web.frame import Api, Call, Csv
from billing.api.web.json_shapes import Listed
from billing.api.web.queries import PageQuery
from billing.coupons import csv_coupons
from billing.coupons.flows import attach, coupons
from billing.coupons.web import shapes
from billing.coupons.web.inputs import CouponChangeInput, CouponInput, UseCouponInput
from billing.kernel.flows import subscriptions
from billing.kernel.ports import Ports
from billing.web.inputs import Nothing


def declare(api: Api, ports: Ports) -> None:
    """Declares the routes of coupons."""

    @api.post("/v1/coupons", CouponInput)
    def create_coupon(call: Call[CouponInput]) -> shapes.CouponOutput:
        """Create a coupon; its terms stay as they are."""
        wanted = call.input.coupon(call.merchant, call.now)
        return shapes.coupon(coupons.create(ports, call.merchant, wanted))

    @api.get("/v1/coupons", PageQuery)
    def list_coupons(call: Call[PageQuery]) -> Listed[shapes.CouponOutput]:
        """List coupons by code, ended ones too."""
        query = call.input
        page = coupons.page(ports, call.merchant, limit=query.limit, cursor=query.cursor)
        return json_shapes.listed(map(shapes.coupon, page.data), page.next)

    @api.get("/v1/coupons.csv")
    def download_coupons(call: Call[Nothing]) -> Csv:
        """Download coupons as CSV, the first 20,000 by code: its name says so if there are more."""
        found = coupons.first(ports, call.merchant)
        return Csv("".join(csv_coupons.written(found.coupons)), found.name)

    @api.get("/v1/coupons/<coupon>")
    def show_coupon(call: Call[Nothing], coupon: str) -> shapes.CouponOutput:
        """Retrieve one coupon by its code."""
        return shapes.coupon(coupons.one(ports, call.merchant, coupon))

    @api.patch("/v1/coupons/<coupon>", CouponChangeInput)
    def change_coupon(call: Call[CouponChangeInput], coupon: str) -> shapes.CouponOutput:
        """End a coupon, or let it be used again; purchases that have it keep it."""
        changed = coupons.switch(ports, call.merchant, coupon, active=call.input.active)
        return shapes.coupon(changed)


def declare_uses(api: Api, ports: Ports) -> None:
    """Declares the routes of a subscription's coupon."""

    @api.post("/v1/subscriptions/<subscription>/coupon", UseCouponInput, status=200)
    def give_coupon(
        call: Call[UseCouponInput], subscription: str
    ) -> subscription_shapes.SubscriptionOutput:
        """Give a subscription a coupon, from its next payment on; it counts as a use."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        given = attach.attach(ports, found, call.input.coupon, now=call.now)
        return subscription_shapes.subscription(given)

    @api.delete("/v1/subscriptions/<subscription>/coupon")
    def take_coupon_away(
        call: Call[Nothing], subscription: str
    ) -> subscription_shapes.SubscriptionOutput:
        """Take a subscription's coupon away; an open invoice keeps its discount."""
        found = subscriptions.fresh(ports, call.merchant.id, subscription)
        return subscription_shapes.subscription(attach.detach(ports, found))
