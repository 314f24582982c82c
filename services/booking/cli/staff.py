"""`amtstermin staff`: accounts by hand; how the first administrator comes in."""

import argparse
import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from pydantic import ValidationError

from services.booking.domain.actors import EVERYWHERE, ROLES, BadPlace
from services.booking.offices import BrokenOffice, load_offices
from services.booking.settings import Settings
from services.booking.staff import Staff, ensure_staff_indexes, make_staff
from services.booking.staff.accounts import Account, Link, LoginTaken, UnknownAccount
from services.booking.staff.administration import Changes, NoSuchOffice, RolesFromProvider
from services.booking.staff.signin import normal_login
from services.booking.storage.offices import OfficeStore
from services.booking.tokens import Keys
from shared.mongo import DATABASE_DOWN, DatabaseClock, connect, database
from shared.setup import Trouble

Do = Callable[[Staff, argparse.Namespace], Awaitable[None]]


def register(commands: Any) -> None:
    """Adds `amtstermin staff`."""
    top = commands.add_parser("staff", help="accounts of the staff: add, list, disable, enable, new link")
    actions = top.add_subparsers(metavar="ACTION", required=True)

    add = _action(actions, "add", _add, "a new account; prints the link that sets its password")
    add.add_argument("login", metavar="LOGIN")
    add.add_argument(
        "--role", dest="roles", action="append", required=True, choices=ROLES, help="may be given several times"
    )
    add.add_argument("--office", metavar="ID", help="default: * for an admin, else the only office there is")
    add.add_argument("--name", help="shown to colleagues")

    shown = _action(actions, "list", _list, "all accounts, or those of one office")
    shown.add_argument("--office", metavar="ID")
    for name, do, help in (
        ("disable", _disable, "sign out and refuse from now on"),
        ("enable", _enable, "let in again"),
        ("link", _link, "print a new link to set the password; ends a pause after wrong attempts when it is used"),
    ):
        _action(actions, name, do, help).add_argument("login", metavar="LOGIN")


def _action(actions: Any, name: str, do: Do, help: str) -> Any:
    parser = actions.add_parser(name, help=help)
    parser.set_defaults(run=lambda arguments: asyncio.run(_run(do, arguments)))
    return parser


async def _run(do: Do, arguments: argparse.Namespace) -> None:
    try:
        async with _staff() as staff:
            await do(staff, arguments)
    except DATABASE_DOWN as error:
        raise Trouble(f"MongoDB does not answer ({type(error).__name__}); nothing was changed.") from error
    except LoginTaken as error:
        raise Trouble(f"There is an account {arguments.login!r} already: `amtstermin staff list`.") from error
    except RolesFromProvider as error:
        raise Trouble("The identity provider says what this account may do; it has no password here.") from error
    except NoSuchOffice as error:
        raise Trouble(
            f"There is no office {error.office!r}: `amtstermin office list` shows those that are there."
        ) from error
    except BadPlace as error:
        raise Trouble("Only administrators belong to all offices: give --office, or --role admin.") from error


@asynccontextmanager
async def _staff() -> AsyncIterator[Staff]:
    """As the service makes it; the service itself need not run."""
    try:
        settings = Settings()
        offices = load_offices(settings.offices, key=Keys.read(settings.signing_keys).release_key())
    except (ValidationError, BrokenOffice) as error:
        raise Trouble(f"The settings of booking are missing or wrong: {error}") from error
    client = connect(settings)
    clock = DatabaseClock(client)
    try:
        await clock.start()
        db = database(client, settings)
        await ensure_staff_indexes(db)
        yield make_staff(
            db,
            clock=clock,
            keys=Keys.read(settings.signing_keys),
            offices={*offices, *await OfficeStore(db).versions()},
            public_url=str(settings.staff_url or settings.public_url),
        )
    finally:
        await clock.stop()
        client.close()


async def _add(staff: Staff, arguments: argparse.Namespace) -> None:
    login = normal_login(arguments.login)
    if not 2 <= len(login) <= 100 or not login.isprintable() or " " in login:
        raise Trouble("A login has 2 to 100 signs and no spaces.")
    roles = sorted(set(arguments.roles))
    office = arguments.office or _usual_office(staff, roles)
    account, link = await staff.administration.add(login=login, name=arguments.name, roles=roles, office=office)
    print(f"{account.login}: {', '.join(account.roles)} at {_place(account)}.")
    _print_link(staff, link)


def _usual_office(staff: Staff, roles: list[str]) -> str:
    if "admin" in roles:
        return EVERYWHERE
    offices = list(staff.administration.offices)
    if len(offices) != 1:
        raise Trouble(f"There are several offices, so say --office: {', '.join(sorted(offices))}.")
    return offices[0]


async def _list(staff: Staff, arguments: argparse.Namespace) -> None:
    accounts = await staff.accounts.listed(office=arguments.office)
    for account in accounts:
        print(f"{account.login:<24}  {_place(account):<20}  {', '.join(account.roles)}  ({_state(account)})")
    if not accounts:
        print("No accounts yet: `amtstermin staff add LOGIN --role admin` makes the first one.")


async def _disable(staff: Staff, arguments: argparse.Namespace) -> None:
    account = await _of(staff, arguments.login)
    await staff.administration.change(account, Changes(disabled=True))
    print(f"{account.login} is signed out everywhere and cannot sign in any more.")


async def _enable(staff: Staff, arguments: argparse.Namespace) -> None:
    account = await _of(staff, arguments.login)
    await staff.administration.change(account, Changes(disabled=False))
    print(f"{account.login} can sign in again.")


async def _link(staff: Staff, arguments: argparse.Namespace) -> None:
    account = await _of(staff, arguments.login)
    try:
        link = await staff.administration.new_link(account)
    except UnknownAccount as error:
        raise Trouble(f"{account.login} is disabled: `amtstermin staff enable {account.login}` first.") from error
    _print_link(staff, link)


async def _of(staff: Staff, login: str) -> Account:
    account = await staff.accounts.by_login(normal_login(login))
    if account is None:
        raise Trouble(f"There is no account {login!r}: `amtstermin staff list`.")
    return account


def _print_link(staff: Staff, link: Link) -> None:
    print(f"Valid once, until {link.expires_at:%Y-%m-%d %H:%M} UTC:\n{staff.link_url(link.secret)}")


def _place(account: Account) -> str:
    return "all offices" if account.office == EVERYWHERE else account.office


def _state(account: Account) -> str:
    if account.disabled_at:
        return "disabled"
    if account.roles_from_provider:
        return "identity provider"
    return "password" if account.password else "no password yet"
