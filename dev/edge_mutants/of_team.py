"""Mutants of teams: roles, invitations, second factors, and who may give what (M-9)."""

from __future__ import annotations

from dev.edge_mutants.mutant import Cut, Mutant

HOLDER = "billing.accounts.web.session_holder"
CONSOLE = "billing.accounts.web.console_session"
ENTRANCE = "billing.accounts.web.entrance"
JOIN = "billing.accounts.web.join_pages"
YOU = "billing.console.web.you"
KEYS = "billing.console.web.keys"
MEMBERS = "billing.team.members"
MEMBERSHIP = "billing.team.flows.membership"
FACTORS = "billing.team.flows.factors"
TOTP = "billing.team.totp"
REACH = "billing.team.reach"

_LIVES = ("tests/team/test_lives.py",)
_FACTORS = ("tests/team/test_factors.py",)
_REACH = ("tests/team/test_reach.py",)
_CROSSING = ("tests/team/test_crossings.py",)


def _of(name: str, module: str, old: str, new: str, tests: tuple[str, ...]) -> Mutant:
    return Mutant(f"team: {name}", (Cut(module, old, new),), tests)


OF_TEAM: tuple[Mutant, ...] = (
    _of(
        "a role may do everything",
        HOLDER,
        "if not wanted <= holder.rights:",
        "if False:",
        (*_LIVES, *_REACH),
    ),
    _of(
        "a route without an area is everybody's",
        HOLDER,
        "rights.of_scopes(rights.OF_ALL) if need is None else {need}",
        "set() if need is None else {need}",
        _CROSSING,
    ),
    _of(
        "a member's session outlives what ended all of theirs",
        HOLDER,
        "return is_ended or kept",
        "return kept",
        _LIVES,
    ),
    _of(
        "without the second step that the team asks for",
        CONSOLE,
        "if holder.lacks_factor and not is_own:",
        "if False:",
        _FACTORS,
    ),
    _of(
        "a session that waits for its code is open",
        HOLDER,
        'if "then" in kept:',
        "if False:",
        _FACTORS,
    ),
    _of(
        "a second factor is not asked for at sign-in",
        ENTRANCE,
        "if found.person is None or found.person.factor is None:",
        "if True:",
        _FACTORS,
    ),
    _of("any code is right", TOTP, "if step > after and hmac", "if step > after or hmac", _FACTORS),
    _of("a code is good twice", TOTP, "if step > after and hmac", "if hmac", _FACTORS),
    _of("codes of any time", TOTP, "DRIFT = 1", "DRIFT = 2", _FACTORS),
    _of(
        "backup codes are good twice",
        FACTORS,
        "replace(person, factor=replace(factor, backup=left))",
        "person",
        _FACTORS,
    ),
    _of(
        "codes are tried without a limit",
        FACTORS,
        "MOST_TRIES = 10",
        "MOST_TRIES = 10**9",
        _FACTORS,
    ),
    _of(
        "turning the second step off needs no code",
        FACTORS,
        "if not _may_try(ports, person, now) or _used(person, given, now) is None:",
        "if False:",
        _FACTORS,
    ),
    _of(
        "sessions from before the second step go on",
        YOU,
        "people.end_sessions(desk.ports, person, console_session.REALM.kind)",
        "pass",
        _FACTORS,
    ),
    _of(
        "somebody gives more than they hold",
        MEMBERS,
        "if not given - own <= giver:",
        "if False:",
        (*_LIVES, "tests/team/test_rights.py"),
    ),
    _of("the last owner leaves", MEMBERS, "if had and not has:", "if False:", _LIVES),
    _of(
        "the holder of the account is removed",
        MEMBERSHIP,
        "if member == HOLDER:",
        "if False:",
        _LIVES,
    ),
    _of(
        "who was lowered or removed meanwhile still changes the team",
        MEMBERSHIP,
        "if found is None or (Area.TEAM, Access.WRITE) not in found.rights:\n"
        '            raise Refused("role_beyond_own")\n'
        "        return found.rights",
        "return self.rights",
        _LIVES,
    ),
    Mutant(
        "team: an invitation is good for ever",
        (
            Cut(
                MEMBERSHIP,
                "invitation is None or invitation.until <= now:\n        raise",
                "invitation is None:\n        raise",
            ),
        ),
        _LIVES,
        redundant="the link's own row expires at the same instant",
    ),
    _of(
        "an invitation is good twice",
        MEMBERS,
        "replace(withdrawn(team, invitation.id), members=",
        "replace(team, members=",
        _LIVES,
    ),
    _of(
        "a merchant invites a crowd",
        MEMBERSHIP,
        "INVITES_MOST = timedelta(hours=1), 60",
        "INVITES_MOST = timedelta(hours=1), 10**9",
        _LIVES,
    ),
    _of(
        "what a removed member invited to stays open",
        MEMBERS,
        "if each.invited_by != member)",
        "if each)",
        _LIVES,
    ),
    _of(
        "somebody goes on with any merchant",
        YOU,
        "if merchant not in person.teams and (own is None or own.username != merchant):",
        "if False:",
        _LIVES,
    ),
    _of(
        "an invitation is accepted from another site",
        JOIN,
        "sessions.check_origin(request)",
        "pass",
        _CROSSING,
    ),
    _of(
        "a code is sent from another site",
        ENTRANCE,
        "sessions.check_form(request, token)",
        "pass",
        _CROSSING,
    ),
    _of(
        "support approves a refund",
        "billing.console.web.tickets",
        "if not desk.may(Area.MONEY):",
        "if False:",
        _CROSSING,
    ),
    _of(
        "a key of tickets alone approves a refund",
        "billing.helpdesk.web.routes",
        "if wish is TicketType.REFUND:",
        "if False:",
        _CROSSING,
    ),
    _of(
        "finance cancels with a refund",
        "billing.console.web.endings",
        " and desk.may(Area.SUBSCRIPTIONS):",
        ":",
        _CROSSING,
    ),
    _of(
        "a key made in the console may more than its maker",
        KEYS,
        "scopes = rights.scopes_within(holder.rights)",
        "scopes = rights.SCOPES",
        _CROSSING,
    ),
)
