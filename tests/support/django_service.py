"""A Django site with mozilla-django-oidc, as its manual has it: `python -m tests.support.django_service SETTINGS.json`.

Serves until it is ended. `/` says who is signed in, `/oidc/authenticate/` begins. The settings are the file's, and what
every Django site needs.
"""

import json
import sys
from pathlib import Path
from typing import Any
from wsgiref.simple_server import make_server

import django
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.core.management import call_command
from django.http import HttpRequest, JsonResponse
from django.urls import include, path


def front(request: HttpRequest) -> JsonResponse:
    user: Any = request.user
    return JsonResponse({"user": user.get_username(), "email": getattr(user, "email", "")})


urlpatterns: list[Any] = []
"""Filled once the settings are there, which the library's own addresses read."""


def main(file: Path) -> None:
    settings.configure(
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["localhost"],
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "mozilla_django_oidc",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        AUTHENTICATION_BACKENDS=["mozilla_django_oidc.auth.OIDCAuthenticationBackend"],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(file.with_suffix(".sqlite3"))}
        },
        USE_TZ=True,
        LOGIN_REDIRECT_URL="/",
        LOGIN_REDIRECT_URL_FAILURE="/?failed",
        **json.loads(file.read_text()),
    )
    django.setup()
    urlpatterns.extend([path("", front), path("oidc/", include("mozilla_django_oidc.urls"))])
    call_command("migrate", verbosity=0)
    port = int(sys.argv[2])
    make_server("127.0.0.1", port, WSGIHandler()).serve_forever()


if __name__ == "__main__":
    sys.modules["tests.support.django_service"] = sys.modules["__main__"]
    main(Path(sys.argv[1]))
