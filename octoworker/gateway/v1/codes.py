"""The error codes of v1, as data. No page lists them: it uses those of the older API, and has new ones that integrators met.

What nobody can say the meaning of (134, 139, 142, 208, 438) is not in the table: it is left to an operator.
"""

from __future__ import annotations

from octoworker.errors import Kind
from octoworker.gateway.codes import CodeTable
from octoworker.gateway.values import Code

PAGE = "https://octopush.com/en/sms-gateway-api-documentation/return-codes/"
USERS = "applications that use v1"

SUPPORT = "the same key is tried again; if it goes on, ask Octopush's support"
TOP_UP = "buy credit: waiting messages go out by themselves"
CREDENTIALS = "check OCTOPUSH_USER_LOGIN and OCTOPUSH_API_KEY"
NUMBERS = "check the number and its country"
STILL = "nothing when we sent it; else look on Octopush's site"

_S, _D, _T, _A, _P, _M = Kind.SUCCESS, Kind.DUPLICATE, Kind.TRANSIENT, Kind.ACCOUNT, Kind.PERMANENT, Kind.MAYBE

STOPS_ACCOUNT = frozenset({"101", "104", "105", "108", "109", "113", "114", "401", "403"})
MENDED_BY_CREDIT = frozenset({"104", "105"})

_TABLE: tuple[tuple[str, Kind, str, str, str], ...] = (
    ("000", _S, PAGE, "accepted", "nothing"),
    ("101", _A, PAGE, "wrong login or API key", CREDENTIALS),
    ("103", _P, PAGE, "no recipient", "name a recipient"),
    ("104", _A, PAGE, "not enough credit", TOP_UP),
    ("105", _A, PAGE, "not enough credit, an order is being validated", "wait for the order, or ask Octopush"),
    ("106", _P, PAGE, "sender not allowed", "use 3 to 11 letters and digits without accents; some must be registered"),
    ("107", _P, PAGE, "empty text", "write a text"),
    ("108", _A, PAGE, "login missing", CREDENTIALS),
    ("109", _A, PAGE, "API key missing", CREDENTIALS),
    ("113", _A, PAGE, "account not validated", "validate the account on Octopush's site"),
    ("114", _A, PAGE, "account under investigation for fraud", "ask Octopush at once: nothing goes out"),
    ("120", _D, PAGE, "a call with this key came before", STILL),
    ("121", _P, PAGE, "the STOP mention is missing", "add the STOP mention, or set transactional"),
    ("125", _M, PAGE, "undefined error at Octopush", SUPPORT),
    ("128", _T, PAGE, "too many attempts", "wait: it is tried again by itself"),
    ("150", _P, PAGE, "no country for this prefix", NUMBERS),
    ("151", _P, PAGE, "Octopush does not serve this country", "use another provider for this country"),
    ("152", _P, PAGE, "no low cost SMS to this country", "use FR or WWW"),
    ("153", _T, PAGE, "the route is congested", "wait, or use another type when it is urgent"),
    ("181", _P, USERS, "a number was refused", NUMBERS),
    ("182", _D, USERS, "a call with this key came within the last 24 hours", STILL),
    ("189", _P, USERS, "text too long", "shorten the text to 1,224 characters"),
    ("401", _A, USERS, "wrong login or API key", CREDENTIALS),
    ("403", _A, USERS, "wrong login or API key, or no right to send", CREDENTIALS),
    ("500", _M, PAGE, "Octopush could not do what was asked", SUPPORT),
    ("501", _M, PAGE, "connection error at Octopush", SUPPORT),
    ("1340", _P, USERS, "a word of the text is forbidden", "write the text without it"),
    ("1341", _P, USERS, "the sender is forbidden", "use another sender"),
)

_CODES = CodeTable(
    Code(code, meaning, kind, hint, "call", source, code in STOPS_ACCOUNT, code in MENDED_BY_CREDIT)
    for code, kind, source, meaning, hint in _TABLE
)

lookup = _CODES.lookup
all_codes = _CODES.all
