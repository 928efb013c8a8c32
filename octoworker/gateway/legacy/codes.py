"""The error codes of the legacy API, as data: what each means, what kind of fact it is, and what an operator does.

The other packages act on the kind. TRANSIENT, ACCOUNT and PERMANENT are a definite no to the call. MAYBE is none:
the server failed somewhere, perhaps after it had sent. A code that is not in this table is never guessed at.
"""

from __future__ import annotations

from octoworker.errors import Kind
from octoworker.gateway.codes import CodeTable
from octoworker.gateway.values import Code

PAGE = "https://octopush.com/en/sms-gateway-api-documentation/return-codes/"
CLIENTS = "the list of codes in Octopush's own Python and Node clients"
PLUGIN = "Octopush's own WooCommerce plugin"

CALL, RECIPIENT, BATCH, SUB_ACCOUNT, LISTS = "call", "recipient or call", "batch", "sub-account", "lists"

OURS = "a fault of this program: report it"
WAIT = "wait: it is tried again by itself"
TOP_UP = "buy credit: waiting messages go out by themselves"
CREDENTIALS = "check OCTOPUSH_USER_LOGIN and OCTOPUSH_API_KEY"
NUMBERS = "check the number and its country"
ELSEWHERE = "not for this kind of call: report it if you see it"
SUPPORT = "the same key is tried again; if it goes on, ask Octopush's support"

STOPS_ACCOUNT = frozenset({"101", "104", "105", "108", "109", "113", "114"})
"""Codes after which no call can succeed until the account is mended."""

MENDED_BY_CREDIT = frozenset({"104", "105"})
"""Of these, the ones that credit mends."""

_S, _D, _T, _A, _P, _M = Kind.SUCCESS, Kind.DUPLICATE, Kind.TRANSIENT, Kind.ACCOUNT, Kind.PERMANENT, Kind.MAYBE

_TABLE: tuple[tuple[str, Kind, str, str, str, str], ...] = (
    ("000", _S, CALL, PAGE, "accepted", "nothing; some recipients may still have been refused"),
    ("001", _M, CALL, PLUGIN, "connection failed at Octopush", SUPPORT),
    ("100", _P, CALL, PAGE, "no parameters received", OURS),
    ("101", _A, CALL, PAGE, "wrong login or API key", CREDENTIALS),
    ("102", _P, CALL, PAGE, "text too long", "shorten the text"),
    ("103", _P, CALL, PAGE, "no recipient", "name a recipient"),
    ("104", _A, CALL, PAGE, "not enough credit", TOP_UP),
    ("105", _A, CALL, PAGE, "not enough credit, an order is being validated", "wait for the order, or ask Octopush"),
    ("106", _P, CALL, PAGE, "sender not allowed", "use 3 to 11 letters and digits without accents"),
    ("107", _P, CALL, PAGE, "empty text", "write a text"),
    ("108", _A, CALL, PAGE, "login missing", CREDENTIALS),
    ("109", _A, CALL, PAGE, "API key missing", CREDENTIALS),
    ("110", _P, CALL, PAGE, "list of recipients missing", "name a recipient"),
    ("111", _P, CALL, PAGE, "no way of giving recipients chosen", OURS),
    ("112", _P, CALL, PAGE, "type of SMS missing", "set sms_type to FR, XXX or WWW"),
    ("113", _A, CALL, PAGE, "account not validated", "validate the account on Octopush's site"),
    ("114", _A, CALL, PAGE, "account under investigation for fraud", "ask Octopush at once: nothing goes out"),
    ("115", _P, CALL, PAGE, "recipients and their attached values differ in number", OURS),
    ("116", _P, CALL, PAGE, "mail merge works only with a contact list", OURS),
    ("117", _P, CALL, PAGE, "no valid number among the recipients", NUMBERS),
    ("118", _P, CALL, PAGE, "box of the test SMS not ticked", OURS),
    ("119", _P, CALL, PAGE, "text too long for this type of SMS", "shorten the text to 160 characters, or use FR"),
    (
        "120",
        _D,
        CALL,
        PAGE,
        "a call with this key came before",
        "nothing when we sent it; else look on Octopush's site",
    ),
    ("121", _P, CALL, PAGE, "the STOP mention is missing", 'add "STOP au XXXXX" exactly so, or set transactional'),
    ("122", _P, CALL, PAGE, "the mention for standard SMS is missing", 'add "no PUB=STOP" to the text'),
    ("123", _P, CALL, CLIENTS, "signature missing", OURS),
    ("124", _P, CALL, CLIENTS, "signature wrong", OURS),
    ("125", _M, CALL, CLIENTS, "undefined error at Octopush", SUPPORT),
    ("126", _A, BATCH, CLIENTS, "a campaign already awaits approval", "approve or cancel it on Octopush's site"),
    ("127", _T, BATCH, CLIENTS, "a campaign is being computed", WAIT),
    # Final for a batch; a single send that meets it can only have been slowed down.
    ("128", _T, BATCH, CLIENTS, "too many attempts", WAIT),
    ("129", _T, BATCH, CLIENTS, "the campaign is being built", WAIT),
    ("130", _P, BATCH, CLIENTS, "the campaign is not marked as finished", ELSEWHERE),
    ("131", _P, BATCH, CLIENTS, "no such campaign", ELSEWHERE),
    ("132", _D, BATCH, CLIENTS, "the campaign was sent already", ELSEWHERE),
    ("133", _D, BATCH, CLIENTS, "this batch or frame came before", ELSEWHERE),
    ("150", _P, RECIPIENT, CLIENTS, "no country for this prefix", NUMBERS),
    ("151", _P, RECIPIENT, CLIENTS, "Octopush does not serve this country", "use another provider for this country"),
    ("152", _P, RECIPIENT, CLIENTS, "no low cost SMS to this country", "use FR or WWW"),
    ("153", _T, RECIPIENT, CLIENTS, "the route is congested", "wait, or use another type when it is urgent"),
    ("155", _P, BATCH, PLUGIN, "the campaign can no longer be changed", ELSEWHERE),
    ("156", _P, BATCH, PLUGIN, "the campaign can no longer be changed", ELSEWHERE),
    ("157", _P, BATCH, PLUGIN, "the campaign cannot be cancelled", ELSEWHERE),
    ("158", _P, BATCH, PLUGIN, "the campaign does not exist", ELSEWHERE),
    ("159", _T, BATCH, PLUGIN, "the campaign is being processed", WAIT),
    ("160", _P, BATCH, PLUGIN, "not possible for the campaign now", ELSEWHERE),
    ("201", _A, SUB_ACCOUNT, CLIENTS, "sub-accounts are not open to this account", "ask Octopush to open them"),
    ("202", _P, SUB_ACCOUNT, CLIENTS, "wrong e-mail of the account to credit", ELSEWHERE),
    ("203", _T, SUB_ACCOUNT, CLIENTS, "another token session is open", WAIT),
    ("204", _P, SUB_ACCOUNT, CLIENTS, "wrong token", ELSEWHERE),
    ("205", _P, SUB_ACCOUNT, CLIENTS, "amount of the transfer too low", ELSEWHERE),
    ("206", _T, SUB_ACCOUNT, CLIENTS, "no campaign while credit is being moved", WAIT),
    ("207", _A, SUB_ACCOUNT, CLIENTS, "no access to this feature", "ask Octopush for the right"),
    ("208", _P, SUB_ACCOUNT, CLIENTS, "wrong type of SMS", "set sms_type to FR, XXX or WWW"),
    ("209", _A, SUB_ACCOUNT, CLIENTS, "not allowed to send to this user", "ask Octopush for the right"),
    ("210", _P, SUB_ACCOUNT, CLIENTS, "not the e-mail of one of the sub-accounts", ELSEWHERE),
    ("300", _A, LISTS, CLIENTS, "lists are not open to this account", "ask Octopush to open them"),
    ("301", _A, LISTS, CLIENTS, "no more lists allowed", "remove a list on Octopush's site"),
    ("302", _D, LISTS, CLIENTS, "a list of this name exists", ELSEWHERE),
    ("303", _P, LISTS, CLIENTS, "no such list", ELSEWHERE),
    ("304", _P, LISTS, CLIENTS, "the list is full", ELSEWHERE),
    ("305", _P, LISTS, CLIENTS, "too many contacts in one request", ELSEWHERE),
    ("306", _P, LISTS, CLIENTS, "unknown action", ELSEWHERE),
    ("308", _P, LISTS, CLIENTS, "error in the file", ELSEWHERE),
    ("500", _M, CALL, CLIENTS, "Octopush could not do what was asked", SUPPORT),
    ("501", _M, CALL, CLIENTS, "connection error at Octopush", SUPPORT),
)
"""Meanings restated in our words; the kinds are our reading of them."""

_CODES = CodeTable(
    Code(code, meaning, kind, hint, where, source, code in STOPS_ACCOUNT, code in MENDED_BY_CREDIT)
    for code, kind, where, source, meaning, hint in _TABLE
)

lookup = _CODES.lookup
all_codes = _CODES.all
