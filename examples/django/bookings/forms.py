from django import forms
from django.utils import timezone

import octoworker


class PhoneForm(forms.Form):
    phone = forms.CharField(
        label="Votre numéro de mobile",
        max_length=32,
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "tel", "autofocus": True}),
    )

    def clean_phone(self) -> str:
        """In one form (E.164), however it is written: the customer is known by it."""
        found = octoworker.check(recipients=self.cleaned_data["phone"], text="Bonjour", transactional=True)
        if not found.recipients:
            raise forms.ValidationError("Ce numéro ne peut pas recevoir de SMS.")
        return found.recipients[0]


class CodeForm(forms.Form):
    # By these two attributes a telephone offers the code as soon as its SMS is there.
    code = forms.CharField(
        label="Le code reçu par SMS",
        max_length=12,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "autofocus": True}),
    )


class TimeForm(forms.Form):
    at = forms.DateTimeField(
        label="Date et heure", widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1})
    )

    def clean_at(self) -> object:
        if self.cleaned_data["at"] < timezone.now():
            raise forms.ValidationError("Choisissez une heure à venir.")
        return self.cleaned_data["at"]
