"""octoworker's adapters in real projects of the packages that they are for: a code goes by SMS, and opens the door.

The packages are no part of octoworker: `make check-hosts` installs them beside it and runs these tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from harness import NUMBER

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / ".venv" / "web"

pytestmark = pytest.mark.skipif(
    not (WEB / ".ready").is_file(), reason="the packages are not installed: make check-hosts"
)

SETTINGS = """
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="of a test", ALLOWED_HOSTS=["*"], USE_TZ=True, ROOT_URLCONF="shop_urls", LOGIN_REDIRECT_URL="/", LANGUAGE_CODE="en",
    SITE_ID=1, DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "shop.sqlite3"}},
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"] + MIDDLEWARE,
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.messages", "django.contrib.sessions",
                    "octoworker.contrib.django"] + APPS,
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request",
                                                   "django.contrib.auth.context_processors.auth",
                                                   "django.contrib.messages.context_processors.messages"]}}],
    **MORE)
django.setup()
from django.core.management import call_command
call_command("makemigrations", check=True, dry_run=True, verbosity=0) if "octoworker.contrib.django_otp" in APPS else None
call_command("migrate", verbosity=0)
import re, time
from django.contrib.auth import get_user_model
from django.test import Client
import octoworker

def code_in(text):
    return re.search(r"\\b\\d{6}\\b|[A-Z0-9]{3,5}-[A-Z0-9]{3,5}", text)[0]
"""

DJANGO_SMS = """
APPS, MIDDLEWARE, MORE = ["sms"], [], dict(SMS_BACKEND="octoworker.contrib.django_sms.SmsBackend", DEFAULT_FROM_SMS="Shop")
SETTINGS
from django.db import transaction
from sms import send_sms
from octoworker.testing import outbox
with outbox() as box:
    assert send_sms("Votre commande est prete", recipients=["NUMBER", "+33612345679"]) == 1
    sms = box.only()
    assert (sms.text, sms.sender, len(sms.recipients)) == ("Votre commande est prete", "Shop", 2), sms.record
    try:
        with transaction.atomic():
            send_sms("nothing", recipients=["NUMBER"])
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    assert len(box) == 1
    assert send_sms("x", "a sender that is far too long", ["NUMBER"]) == 1
    assert "sender" in box.rejected[0].reason
"""

TWO_FACTOR = """
APPS = ["django_otp", "django_otp.plugins.otp_static", "django_otp.plugins.otp_totp", "two_factor", "two_factor.plugins.phonenumber"]
MIDDLEWARE = ["django_otp.middleware.OTPMiddleware"]
MORE = dict(TWO_FACTOR_SMS_GATEWAY="octoworker.contrib.two_factor.Gateway", LOGIN_URL="two_factor:login")
open("shop_urls.py", "w").write(
    "from django.urls import include, path\\nfrom two_factor.urls import urlpatterns as two\\n"
    "from django.http import HttpResponse\\nurlpatterns = [path('', include(two)), path('', lambda r: HttpResponse('home'))]")
SETTINGS
from two_factor.plugins.phonenumber.models import PhoneDevice
from octoworker.testing import outbox
user = get_user_model().objects.create_user("anna", password="pw")
PhoneDevice.objects.create(user=user, name="default", number="NUMBER", method="sms", confirmed=True)
browser = Client()
with outbox() as box:
    browser.post("/account/login/", {"auth-username": "anna", "auth-password": "pw", "login_view-current_step": "auth"})
    sms = box.only()
    assert sms.recipients == ("NUMBER",) and sms.record["lane"] == "urgent", sms.record
    step = {"token-otp_token": code_in(sms.text), "login_view-current_step": "token"}
    answer = browser.post("/account/login/", step)
    assert answer.status_code == 302, answer.content
    assert "_auth_user_id" in browser.session
"""

ALLAUTH = """
APPS = ["allauth", "allauth.account"]
MIDDLEWARE = ["allauth.account.middleware.AccountMiddleware"]
MORE = dict(ACCOUNT_ADAPTER="shop_adapter.Adapter", ACCOUNT_LOGIN_METHODS={"phone"}, ACCOUNT_SIGNUP_FIELDS=["phone*", "password1*"],
            AUTHENTICATION_BACKENDS=["allauth.account.auth_backends.AuthenticationBackend"], ACCOUNT_RATE_LIMITS=False)
open("shop_urls.py", "w").write("from django.urls import include, path\\nurlpatterns = [path('accounts/', include('allauth.urls'))]")
open("shop_adapter.py", "w").write('''
from allauth.account.adapter import DefaultAccountAdapter
from octoworker.contrib.allauth import PhoneSmsMixin
KNOWN = {}
class Adapter(PhoneSmsMixin, DefaultAccountAdapter):
    def set_phone(self, user, phone, verified):
        KNOWN[user.pk] = (phone, verified)
    def get_phone(self, user):
        return KNOWN.get(user.pk)
    def set_phone_verified(self, user, phone):
        KNOWN[user.pk] = (phone, True)
    def get_user_by_phone(self, phone):
        from django.contrib.auth import get_user_model
        return next((get_user_model().objects.get(pk=pk) for pk, (known, _) in KNOWN.items() if known == phone), None)
''')
SETTINGS
import shop_adapter
from octoworker.testing import outbox
browser = Client()
with outbox() as box:
    answer = browser.post("/accounts/signup/", {"phone": "NUMBER", "password1": "correct horse battery"})
    assert answer.status_code == 302, answer.content
    sms = box.only()
    assert sms.recipients == ("NUMBER",), sms.record
    answer = browser.post(answer.url, {"code": code_in(sms.text)})
    assert answer.status_code == 302, answer.content
    assert list(shop_adapter.KNOWN.values()) == [("NUMBER", True)], shop_adapter.KNOWN
    assert "_auth_user_id" in browser.session
"""

DJANGO_OTP = """
APPS = ["django_otp", "octoworker.contrib.django_otp"]
MIDDLEWARE, MORE = ["django_otp.middleware.OTPMiddleware"], {}
SETTINGS
from django_otp import match_token, user_has_device
from octoworker.contrib.django_otp.models import SmsDevice
from octoworker.testing import outbox
user = get_user_model().objects.create_user("anna")
device = SmsDevice.objects.create(user=user, name="phone", number="06 12 34 56 78", confirmed=True)
assert user_has_device(user)
with outbox() as box:
    assert device.generate_challenge() == "sent by SMS"
    assert device.generate_challenge() == "sent by SMS"
    code = code_in(box.only().text)
    assert match_token(user, "000000" if code != "000000" else "111111") is None
    assert match_token(user, code) == device
    assert match_token(user, code) is None, "a code is right once"
"""

PROJECTS = {
    "django-sms": DJANGO_SMS,
    "django-two-factor-auth": TWO_FACTOR,
    "allauth": ALLAUTH,
    "django-otp": DJANGO_OTP,
}


@pytest.mark.parametrize("package", PROJECTS)
def test_a_code_of_the_package_goes_by_sms_and_is_taken(package, tmp_path):
    code = PROJECTS[package].replace("SETTINGS\n", SETTINGS, 1).replace("NUMBER", NUMBER)
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": f"{WEB}{os.pathsep}{tmp_path}",
        "OCTOWORKER_CODE_KEYS": "a secret of tests for codes that go nowhere",
        "OCTOWORKER_REDIS_URL": "redis://127.0.0.1:1/0",
    }
    (tmp_path / "project.py").write_text(code, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "project.py"],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:]
