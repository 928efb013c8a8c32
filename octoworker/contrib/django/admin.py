"""The admin shows octoworker's messages: a list by state, a search by id, the story of one, and what can be done with it.

It reads the records in Redis, of which the project has no table, and writes none. Numbers are masked for all who lack the
permission `reveal_sms`; texts are shown to nobody else. Cancel and replay are octoworker's own, with its refusals; each is also
an entry in the admin's log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from octoworker.client import client as clients
from octoworker.contrib.django.models import OutboxMessage, Sms
from octoworker.errors import PayloadError, RefusedError, StoreError, UnknownMessageError
from octoworker.sms.identity import known_id
from octoworker.sms.record import Record, State, mask
from octoworker.store import audit
from octoworker.telemetry import escape

SHOWN = 100
"""Messages on the list."""


LABELS = {"cancel": "Cancel", "replay": "Send once more"}


def _cancel(message_id: str) -> Record:
    return clients.client().store.cancel(message_id)


def _replay(message_id: str) -> Record:
    return clients.client().store.replay(message_id, force=False)


def _may(request: HttpRequest, permission: str) -> bool:
    user: Any = request.user  # whatever model the project has for it
    return bool(user.has_perm(permission))


def _acting(request: HttpRequest) -> AbstractContextManager[None]:
    """In octoworker's audit this user acts."""
    user: Any = request.user
    return audit.acting(user.get_username())


class ReadOnly(admin.ModelAdmin):  # type: ignore[type-arg]
    """Nobody adds, changes or deletes here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Messages come by `enqueue`."""
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """What a record says, the workers wrote."""
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """A message that was taken ends in a state that can be seen."""
        del request, obj
        return False


@admin.register(OutboxMessage)
class OutboxAdmin(ReadOnly):
    """What waits for the relay, without number and text."""

    list_display = ("message_id", "lane", "people", "created", "problem")
    list_filter = ("lane", "problem")
    search_fields = ("message_id",)
    fields = ("message_id", "lane", "people", "created", "problem")


@admin.register(Sms)
class SmsAdmin(ReadOnly):
    """The records in Redis."""

    ACTS: ClassVar[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
        "cancel": ("octoworker.cancel_sms", _cancel),
        "replay": ("octoworker.replay_sms", _replay),
    }
    """What can be done with one, and the permission for it. A replay that may ring twice is refused: `octoworker replay --force`."""

    def get_urls(self) -> list[URLPattern]:
        """The list, one message, and the acts."""
        wrap = self.admin_site.admin_view
        return [
            path("", wrap(self.changelist_view), name="octoworker_sms_changelist"),
            path("<str:message_id>/", wrap(self.story), name="octoworker_sms_change"),
            path("<str:message_id>/<str:act>/", wrap(require_POST(self.act)), name="octoworker_sms_act"),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """The latest, those of one state, or the one that was asked for."""
        self._allow(request, "octoworker.view_sms")
        state, asked = request.GET.get("state", ""), request.GET.get("q", "").strip()
        found: list[Record] = []
        try:
            found = self._found(asked) if asked else self._listed(state)
        except StoreError as error:
            messages.error(request, str(error))
        shown = {
            **self.admin_site.each_context(request),
            "title": "SMS",
            "opts": self.opts,
            "states": [each.value for each in State],
            "state": state,
            "asked": asked,
            "heads": ("Message", "State", "Lane", "Since", "To", "Why"),
            "rows": [self._row(record) for record in found],
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/octoworker/sms/list.html", shown)

    def story(self, request: HttpRequest, message_id: str) -> HttpResponseBase:
        """All that is known of one message."""
        self._allow(request, "octoworker.view_sms")
        record = self._one(message_id)
        revealed = _may(request, "octoworker.reveal_sms")
        if revealed:
            with _acting(request):
                clients.client().store.audit.note("reveal", record.message_id)
        acts = [(name, LABELS[name]) for name in _possible(record) if _may(request, self.ACTS[name][0])]
        shown = {
            **self.admin_site.each_context(request),
            "title": f"SMS {record.message_id}",
            "opts": self.opts,
            "record": record,
            "state": record.state.value,
            "people": _people(record, revealed=revealed),
            "reason": escape.terminal(record.reason),
            "reference": escape.terminal(record.reference or ""),
            "moves": [
                {"at": move.at, "state": move.state.value, "reason": escape.terminal(move.reason)}
                for move in record.history
            ],
            "text": _text(record) if revealed else None,
            "acts": acts,
        }
        return TemplateResponse(request, "admin/octoworker/sms/story.html", shown)

    def act(self, request: HttpRequest, message_id: str, act: str) -> HttpResponseBase:
        """Cancel or replay, as `octoworker cancel` and `octoworker replay` do."""
        if act not in self.ACTS:
            raise Http404
        permission, do = self.ACTS[act]
        self._allow(request, permission)
        record = self._one(message_id)
        user: Any = request.user
        try:
            with _acting(request):
                do(record.message_id)
        except (RefusedError, UnknownMessageError, StoreError) as refused:
            messages.error(request, str(refused))
        else:
            LogEntry.objects.log_actions(
                user_id=user.pk,
                queryset=[Sms(record.message_id)],
                action_flag=CHANGE,
                change_message=act,
                single_object=True,
            )
            messages.success(request, f"{act}: done.")
        return HttpResponseRedirect(reverse(f"{self.admin_site.name}:octoworker_sms_change", args=[record.message_id]))

    def _allow(self, request: HttpRequest, permission: str) -> None:
        if not _may(request, permission):
            raise PermissionDenied

    def _listed(self, state: str) -> list[Record]:
        store = clients.client().store
        if state in {each.value for each in State}:
            return list(store.list(State(state), SHOWN))
        return list(store.latest(SHOWN))

    def _found(self, asked: str) -> list[Record]:
        try:
            record = clients.client().store.get(known_id(asked))
        except PayloadError:
            return []
        return [record] if record else []

    def _one(self, message_id: str) -> Record:
        found = self._found(message_id)
        if not found:
            raise Http404("There is no such message.")
        return found[0]

    def _row(self, record: Record) -> dict[str, Any]:
        people = _people(record, revealed=False)
        return {
            "id": record.message_id,
            "url": reverse(f"{self.admin_site.name}:octoworker_sms_change", args=[record.message_id]),
            "state": record.state.value,
            "lane": record.lane,
            "since": record.history[-1].at if record.history else None,
            "to": people[0]["number"] if people else "",
            "more": len(people) - 1 if len(people) > 1 else 0,
            "reason": escape.terminal(record.reason),
        }


def _possible(record: Record) -> list[str]:
    """What may make sense now; whether it can be done yet is said when it is asked for."""
    if record.state in {State.ACCEPTED, State.UNKNOWN}:
        return ["cancel", "replay"]
    return ["replay"] if record.final else ["cancel"]


def _text(record: Record) -> str:
    """The text, with its lines. What a sign in it would do to the page is spelled out."""
    lines = str(record.arguments.get("text") or "").split("\n")
    return "\n".join(escape.terminal(line, longest=None) for line in lines)


def _people(record: Record, *, revealed: bool) -> list[dict[str, str]]:
    """Each recipient; before there are results, as they were asked for."""
    asked = record.arguments.get("recipients")
    listed = [asked] if isinstance(asked, str) else asked if isinstance(asked, list) else []
    results = dict(record.recipients) or {str(number): {} for number in listed}
    return [
        {
            "number": number if revealed else mask(number),
            "state": str(result.get("state") or ""),
            "reason": escape.terminal(str(result.get("reason") or "")),
        }
        for number, result in results.items()
    ]
