"""The accounts: one for each login in each generation of the API, with a key that fits."""

from __future__ import annotations

from decimal import Decimal

from octoworker.sandbox.account import Account
from octoworker.sandbox.callbacks.correspondence import Correspondence
from octoworker.sandbox.callbacks.post import PostOffice
from octoworker.sandbox.settings import defaults
from octoworker.sandbox.world import World

APIS = ("legacy", "v1")


class Accounts:
    """Found by generation, login and key."""

    def __init__(self, world: World, post: PostOffice) -> None:
        self._world = world
        self._mail = Correspondence(world, post)
        self._accounts: dict[tuple[str, str], Account] = {}
        self._api_keys: dict[str, str] = {}

    def open(self, login: str, api_key: str, credit: Decimal) -> None:
        """Open an account of this login in both generations; the two share nothing. Known logins get the new key."""
        self._api_keys[login] = api_key
        for api in APIS:
            account = Account(self._world, self._mail, api, login, defaults(api, credit))
            self._accounts.setdefault((api, login), account)

    def find(self, api: str, login: str, api_key: str) -> Account | None:
        """The account that this pair opens, None for a wrong pair."""
        return self._accounts.get((api, login)) if self._api_keys.get(login) == api_key else None

    def of(self, api: str, login: str) -> Account:
        """The account of this login. ValueError when there is none."""
        if (api, login) not in self._accounts:
            raise ValueError("There is no such account.")
        return self._accounts[api, login]

    def some(self, api: str | None = None, login: str | None = None) -> list[Account]:
        """All accounts, or those of one generation or login. ValueError when there are none."""
        found = [
            account
            for (its_api, its_login), account in self._accounts.items()
            if api in {None, its_api} and login in {None, its_login}
        ]
        if not found:
            raise ValueError("There is no such account.")
        return found
