"""Stripe's test payment methods and what becomes of them (https://docs.stripe.com/testing)."""

from enum import Enum

from billing.kernel.values import Value


class Challenge(Enum):
    """The cases in which the bank wants 3-D Secure."""

    NEVER = "never"
    ALWAYS = "always"
    UNTIL_SET_UP = "until it is set up for off-session use"
    ON_SESSION = "on session only"


class Decline(Value):
    """A decline by the bank: `network` is its own code, `advice` what it says about trying
    again.
    """

    code: str
    decline_code: str
    message: str = "Your card was declined."
    network: str | None = None
    advice: str | None = None
    by: str = "issuer_declined"


class TestCard(Value):
    """A test card and what becomes of it.

    `attaches` is whether its bank lets it be saved; `dispute` is the reason of the dispute that
    follows a charge, `refund` what becomes of a refund in the end.
    """

    __test__ = False

    number: str
    brand: str = "visa"
    funding: str = "credit"
    decline: Decline | None = None
    attaches: bool = True
    challenge: Challenge = Challenge.NEVER
    dispute: str | None = None
    inquiry: bool = False
    refund: str = "succeeded"

    @property
    def last4(self) -> str:
        return self.number[-4:]


AUTHENTICATION_REQUIRED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
    "1A",
)

_GENERIC = Decline("card_declined", "generic_decline", network="01", advice="try_again_later")
_FUNDS = Decline(
    "card_declined",
    "insufficient_funds",
    "Your card has insufficient funds.",
    "51",
    "try_again_later",
)
_LOST = Decline("card_declined", "lost_card", network="41", advice="do_not_try_again")
_STOLEN = Decline("card_declined", "stolen_card", network="43", advice="do_not_try_again")
_VELOCITY = Decline(
    "card_declined",
    "card_velocity_exceeded",
    "Your card was declined for making repeated attempts too frequently or exceeding its amount"
    " limit.",
    "65",
    "try_again_later",
)
_EXPIRED = Decline(
    "expired_card", "expired_card", "Your card has expired.", "54", "confirm_card_data"
)
_CVC = Decline(
    "incorrect_cvc",
    "incorrect_cvc",
    "Your card's security code is incorrect.",
    "N7",
    "confirm_card_data",
)
_PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
    "96",
    "try_again_later",
)
_FRAUD = Decline("card_declined", "fraudulent", by="blocked")


def _declined(number: str, decline: Decline) -> TestCard:
    return TestCard(number, decline=decline, attaches=False)


TEST_CARDS = {
    "visa": TestCard("4242424242424242"),
    "visa_debit": TestCard("4000056655665556", funding="debit"),
    "mastercard": TestCard("5555555555554444", "mastercard"),
    "mastercard_debit": TestCard("5200828282828210", "mastercard", "debit"),
    "amex": TestCard("378282246310005", "amex"),
    "discover": TestCard("6011111111111117", "discover"),
    "chargeDeclined": _declined("4000000000000002", _GENERIC),
    "chargeDeclinedInsufficientFunds": _declined("4000000000009995", _FUNDS),
    "chargeDeclinedLostCard": _declined("4000000000009987", _LOST),
    "chargeDeclinedStolenCard": _declined("4000000000009979", _STOLEN),
    "chargeDeclinedExpiredCard": _declined("4000000000000069", _EXPIRED),
    "chargeDeclinedIncorrectCvc": _declined("4000000000000127", _CVC),
    "chargeDeclinedProcessingError": _declined("4000000000000119", _PROCESSING),
    "chargeDeclinedVelocityLimitExceeded": _declined("4000000000006975", _VELOCITY),
    "chargeDeclinedFraudulent": TestCard("4100000000000019", decline=_FRAUD),
    "radarBlock": TestCard("4100000000000019", decline=_FRAUD),
    "chargeCustomerFail": TestCard("4000000000000341", decline=_GENERIC),
    "authenticationRequired": TestCard("4000002760003184", challenge=Challenge.ALWAYS),
    "authenticationRequiredOnSetup": TestCard("4000002500003155", challenge=Challenge.UNTIL_SET_UP),
    "authenticationRequiredSetupForOffSession": TestCard(
        "4000003800000446", challenge=Challenge.ON_SESSION
    ),
    "authenticationRequiredChargeDeclinedInsufficientFunds": TestCard(
        "4000008260003178", decline=_FUNDS, challenge=Challenge.ALWAYS
    ),
    "threeDSecureRequired": TestCard("4000000000003063", challenge=Challenge.ALWAYS),
    "threeDSecure2Required": TestCard("4000000000003220", challenge=Challenge.ALWAYS),
    "threeDSecureRequiredChargeDeclined": TestCard(
        "4000008400001629", decline=_GENERIC, challenge=Challenge.ALWAYS
    ),
    "createDispute": TestCard("4000000000000259", dispute="fraudulent"),
    "createDisputeProductNotReceived": TestCard("4000000000002685", dispute="product_not_received"),
    "createDisputeInquiry": TestCard("4000000000001976", dispute="fraudulent", inquiry=True),
    "refundFail": TestCard("4000000000005126", refund="failed"),
    "pendingRefund": TestCard("4000000000007726", refund="pending"),
}
"""By name, without `pm_card_` and, where Stripe writes the brand into it, without `visa_`."""

_PREFIX = "pm_card_"


def named(token: str) -> str | None:
    """Returns the key of a test payment method's name; None for any other name."""
    if not token.startswith(_PREFIX):
        return None
    name = token.removeprefix(_PREFIX)
    if name in TEST_CARDS:
        return name
    name = name.removeprefix("visa_")
    return name if name in TEST_CARDS else None


def numbered(number: str) -> str | None:
    """Returns the key of the card with a number."""
    return next((name for name, card in TEST_CARDS.items() if card.number == number), None)
