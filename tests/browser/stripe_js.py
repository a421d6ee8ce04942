"""A stand-in for Stripe.js where there is no Stripe: as much of it as our page calls.

It is served at Stripe's own address, under the policy of content that our page is served with, and
refuses what Stripe documents as wrong (https://docs.stripe.com/js,
https://docs.stripe.com/js/deferred). It proves our page, not Stripe: see docs/unproven.md.
"""

from __future__ import annotations

from playwright.sync_api import BrowserContext, Route

ADDRESS = "https://js.stripe.com/**"

SCRIPT = """
const asked = { created: 0 };
function Stripe(key) {
  if (!/^pk_(test|live)_/.test(key)) throw new Error("Stripe: no publishable key: " + key);
  return {
    elements(options) {
      for (const name of ["mode", "currency", "paymentMethodCreation"])
        if (!options[name]) throw new Error("elements() lacks " + name);
      if (!/^[a-z]{3}$/.test(options.currency)) throw new Error("currency is not in lower case");
      let frame = null, submitted = false;
      return {
        create(kind) {
          if (kind !== "payment") throw new Error("no element " + kind);
          return {
            mount(where) {
              frame = document.createElement("iframe");
              frame.src = "https://js.stripe.com/v3/elements-inner-payment.html";
              frame.title = "Secure payment input frame";
              document.querySelector(where).append(frame);
            },
          };
        },
        async submit() {
          submitted = true;
          return frame ? {} : { error: { message: "The element is not mounted." } };
        },
        get submitted() { return submitted; },
      };
    },
    async createPaymentMethod({ elements }) {
      if (!elements.submitted) throw new Error("elements.submit() comes first");
      asked.created += 1;
      document.documentElement.dataset.created = asked.created;
      if (asked.created === 1)
        return { error: { message: "Your card number is incomplete." } };
      return { paymentMethod: { id: "pm_card_visa" } };
    },
  };
}
window.Stripe = Stripe;
"""


def serve(window: BrowserContext) -> None:
    """Answer at Stripe's address; nothing is called outside."""

    def answer(route: Route) -> None:
        if route.request.resource_type == "script":
            route.fulfill(content_type="text/javascript", body=SCRIPT)
        else:
            route.fulfill(content_type="text/html", body="<p>Card number</p>")

    window.route(ADDRESS, answer)
