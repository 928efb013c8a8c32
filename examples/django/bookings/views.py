"""Login by a code, and the appointments of whoever is logged in."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

import octoworker
from bookings.forms import CodeForm, PhoneForm, TimeForm
from bookings.models import Appointment
from octoworker import otp

LATER = "Le service est indisponible : réessayez dans un instant."
WRONG = {
    "wrong": "Ce n’est pas le bon code.",
    "expired": "Ce code n’est plus valable : demandez-en un autre.",
    "locked": "Trop d’essais : demandez un autre code dans quelques minutes.",
}
OUT_OF_REACH = (octoworker.EnqueueError, octoworker.StoreError, octoworker.UnknownMessageError)


def phone(request: HttpRequest) -> HttpResponse:
    """Whose number is it? The same answer whether or not it has an account."""
    form = PhoneForm(request.POST or None)
    if form.is_valid():
        number = form.cleaned_data["phone"]
        try:
            started = otp.start(number, purpose="login", ip=request.META["REMOTE_ADDR"], domain=settings.SITE_DOMAIN)
        except octoworker.EnqueueError:
            messages.error(request, LATER)
        else:
            request.session["otp"], request.session["phone"] = started.id, number
            return redirect("code")
    return render(request, "bookings/login.html", {"form": form})


def code(request: HttpRequest) -> HttpResponse:
    """The code is right: whoever typed it has the telephone."""
    form = CodeForm(request.POST or None)
    if form.is_valid():
        try:
            checked = otp.check(request.session.get("otp", ""), form.cleaned_data["code"])
        except octoworker.EnqueueError:
            messages.error(request, LATER)
        else:
            if checked.ok:
                user, _ = User.objects.get_or_create(username=request.session["phone"])
                login(request, user)
                return redirect("appointments")
            messages.error(request, WRONG[checked.outcome])
    return render(request, "bookings/login.html", {"form": form, "fills_in": True})


def customer_of(request: HttpRequest) -> User:
    """Who is logged in."""
    assert isinstance(request.user, User)  # login_required has seen to it
    return request.user


@login_required
def appointments(request: HttpRequest) -> HttpResponse:
    """All of them, and a form for another one."""
    customer, form = customer_of(request), TimeForm(request.POST or None)
    if form.is_valid():
        Appointment(customer=customer, at=form.cleaned_data["at"]).book()
        return redirect("appointments")
    try:
        stopped = octoworker.opted_out(customer.get_username())
    except octoworker.OctoworkerError:
        stopped = False  # the superuser's name is no number, or Redis is away: the page does without
    mine = Appointment.objects.filter(customer=customer, cancelled=False)
    return render(request, "bookings/appointments.html", {"form": form, "appointments": mine, "stopped": stopped})


@login_required
@require_POST
def move(request: HttpRequest, pk: int) -> HttpResponse:
    appointment = get_object_or_404(Appointment, pk=pk, customer=customer_of(request), cancelled=False)
    form = TimeForm(request.POST)
    if form.is_valid():
        try:
            appointment.move(form.cleaned_data["at"])
        except OUT_OF_REACH:
            messages.error(request, LATER)
    else:
        messages.error(request, "Choisissez une heure à venir.")
    return redirect("appointments")


@login_required
@require_POST
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    appointment = get_object_or_404(Appointment, pk=pk, customer=customer_of(request), cancelled=False)
    try:
        appointment.cancel()
    except OUT_OF_REACH:
        messages.error(request, LATER)
    return redirect("appointments")
