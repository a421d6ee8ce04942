"""Pairs of invocations that meet in a scene: the second comes in a second after the first."""

from __future__ import annotations

from sim import actions, money_back, plan_changes
from sim.actions import Action, cancel_at_end, cancel_now, pause_now, pay_now
from sim.announced import keep_price, keep_prices
from sim.card_changes import other_card, remove_card
from sim.declarations import declare_end, withdraw
from sim.plan_changes import freeze_next
from sim.scene_acts import (
    change_cheaper,
    change_next,
    change_now,
    dispute_first_payment,
    give_visa,
    remove_first,
    remove_last,
    use_first,
)

Meeting = tuple[str, str, int, Action]
"""A scene, the start of an invocation's name, its number among those, and the action it meets."""

MEETINGS: tuple[Meeting, ...] = (
    ("renewal", "charge sub", 0, actions.double_message),
    ("renewal", "charge sub", 0, cancel_now),
    ("renewal", "charge sub", 0, cancel_at_end),
    ("renewal", "charge sub", 0, money_back.refund_last),
    ("renewal", "charge sub", 0, pause_now),
    ("renewal", "charge sub", 0, freeze_next),
    ("uses credit", "charge sub", 0, money_back.refund_last),
    ("pays by credit", "charge sub", 0, pause_now),
    ("renewal", "charge sub", 0, actions.ask_to_cancel),
    ("renewal", "charge sub", 0, plan_changes.other_plan),
    ("renewed in Germany", "charge sub", 0, declare_end),
    ("renewed in Germany", "charge sub", 0, withdraw),
    ("renewal", "charge sub", 0, actions.sweep),
    ("renewal", "charge sub", 0, give_visa),
    ("costs more", "charge sub", 0, keep_price),
    ("costs more", "outbox sweep", 2, keep_prices),
    ("untold", "tell", 1, actions.sweep),
    ("gives a card", "charge sub", 0, remove_card),
    ("gives a card", "charge sub", 0, other_card),
    ("goes back", "card", 1, remove_first),
    ("tidies up", "card", 1, remove_last),
    ("tidies up", "card", 1, use_first),
    ("renewal", "tell", 0, actions.deliver_again),
    ("declined", "charge sub", 1, actions.double_message),
    ("declined", "charge sub", 1, cancel_now),
    ("declined", "charge sub", 1, pay_now),
    ("declined", "charge sub", 1, actions.ask_to_cancel),
    ("declined beside another", "charge sub", 1, remove_first),
    ("authenticated", "charge sub", 1, actions.answer_the_bank),
    ("authenticated", "buyer 1 return", 0, actions.come_back),
    *(
        (scene, actor, 0, action)
        for scene, actor, actions in (
            ("pauses", "pause", (cancel_now, cancel_at_end, change_now, freeze_next)),
            ("pauses", "resume", (cancel_now,)),
            ("pays late", "pay", (cancel_now, cancel_at_end, pause_now, pay_now)),
            ("upgrades", "plan", (cancel_now, cancel_at_end, pause_now, change_now, freeze_next)),
            ("upgrades next", "plan", (cancel_now, change_now, freeze_next)),
            ("thinks it over", "plan", (cancel_now, change_next)),
            ("changes free", "plan", (cancel_now, pause_now, change_now, freeze_next)),
            ("wants it back", "plan", (money_back.refund_last,)),
            ("wants it back", "refund", (change_now, cancel_now)),
            ("wants it back first", "refund", (change_cheaper,)),
            ("leaves credit", "cancel", (money_back.refund_last,)),
            ("proves it owes no tax", "refund", (change_now,)),
            ("gives a card", "card", (cancel_now, remove_card, other_card)),
            ("freezes", "freeze", (cancel_now, pause_now, change_now, change_next)),
            ("freezes", "plan", (cancel_now, change_now)),
            ("has to answer", "plan", (cancel_now, change_now)),
            ("has to answer and disputes", "plan", (dispute_first_payment,)),
        )
        for action in actions
    ),
    ("thinks better of it", "undo", 0, cancel_now),
    ("thinks better of it", "undo", 0, pause_now),
    ("thinks better of it", "undo", 0, actions.ask_to_cancel),
    ("bought once", "buyer 1 submit", 0, actions.click_again),
    ("bought once", "buyer 1 submit", 0, actions.look_at_attempt),
    ("authenticated", "buyer 1 submit", 0, actions.look_at_attempt),
)
"""The actions that come in a second after an invocation has begun."""

COMES = {
    actions.double_message: "charge",
    actions.look_at_attempt: "charge",
    cancel_now: "cancel",
    cancel_at_end: "cancel",
    money_back.refund_last: "refund",
    pause_now: "pause",
    pay_now: "pay",
    freeze_next: "freeze",
    change_now: "plan",
    change_next: "plan",
    change_cheaper: "plan",
    give_visa: "card",
    remove_card: "card",
    other_card: "card",
    dispute_first_payment: "webhook",
    use_first: "card",
    remove_first: "card",
    remove_last: "card",
    actions.ask_to_cancel: "ask",
    declare_end: "declare",
    withdraw: "declare",
    plan_changes.other_plan: "plan",
    actions.sweep: "sweep",
    actions.deliver_again: "tell",
    actions.click_again: "buyer",
    actions.come_back: "buyer",
}
"""The first word of the other invocation's name."""
