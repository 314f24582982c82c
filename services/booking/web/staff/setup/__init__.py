"""Setting an office up: edit, look at what changes and whom it concerns, save; history, export and import."""

import tomllib
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query, Request, Response

from services.booking.api.signed_in import OtherOffice
from services.booking.commands import InConflict
from services.booking.domain.actors import EVERYWHERE
from services.booking.domain.rules import OfficeData
from services.booking.offices import BrokenOffice, checked
from services.booking.toml import office_as_toml, plain
from services.booking.web.languages import NAMES
from services.booking.web.staff.faults import ANTICIPATED, NotReadable, told
from services.booking.web.staff.rendering import HEADERS, StaffPage
from services.booking.web.staff.setup import forms
from services.booking.web.staff.setup.fields import SECTIONS, Section, section_of
from services.booking.web.staff.work import Here, Work, at_work, see

SectionId = Annotated[str, Path(max_length=80)]
Version = Annotated[int, Form(ge=1)]
# As the API takes it.
_LONGEST = 512 * 1024


def router(work: Work) -> APIRouter:
    routes = APIRouter(include_in_schema=False, route_class=StaffPage)
    Planner = Annotated[Here, at_work(work, "schedule")]  # noqa: N806 (a type)
    _add_history(routes, work)
    _add_files(routes, work)

    @routes.get("/staff/setup")
    async def show(here: Planner, done: Annotated[str, Query(max_length=20)] = "") -> Response:
        return work.page(here, "setup.html", sections=SECTIONS.values(), done=done)

    @routes.get("/staff/setup/edit/{id}")
    async def edit(here: Planner, id: SectionId) -> Response:
        data = plain(here.office.data)
        return _edit(work, here, _section(id, data), data)

    @routes.post("/staff/setup/edit/{id}/preview")
    async def preview(request: Request, here: Planner, id: SectionId, version: Version) -> Response:
        before = plain(here.office.data)
        section, sent = _section(id, before), await request.form()
        try:
            after = forms.taken(section, before, sent)
        except NotReadable as error:
            return _edit(work, here, section, before, answer=422, fault=str(error))
        try:
            data = checked({**after, "id": here.office.id}, source=section.title)
            found = await work.planning.preview(data)
        except BrokenOffice as error:
            return _edit(work, here, section, after, answer=422, faults=str(error).splitlines())
        again = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
        save = f"/staff/setup/edit/{id}/save"
        return _preview(work, here, data, found, again=again, save=save, back=f"/staff/setup/edit/{id}")

    @routes.post("/staff/setup/edit/{id}/save")
    async def save(request: Request, here: Planner, id: SectionId, version: Version) -> Response:
        """Made anew from what was sent, over the version that was shown: of two who save the second is told."""
        before = plain(here.office.data)
        section = _section(id, before)
        try:
            after = forms.taken(section, before, await request.form())
            data = checked({**after, "id": here.office.id}, source=section.title)
            await _save(work, here, data, version=version)
        except ANTICIPATED as error:
            answer, fault = told(error)
            return _edit(work, here, section, before, answer=answer, fault=fault)
        return see("/staff/setup?done=saved")

    return routes


def _add_history(routes: APIRouter, work: Work) -> None:
    Planner = Annotated[Here, at_work(work, "schedule")]  # noqa: N806 (a type)

    async def of(here: Here, version: int) -> OfficeData:
        data = await work.planning.store.version(here.office.id, version)
        if data is None:
            raise OtherOffice
        return data

    @routes.get("/staff/setup/history")
    async def history(here: Planner) -> Response:
        found = await work.planning.store.history(here.office.id)
        everybody = here.somebody.office == EVERYWHERE
        accounts = await work.staff.accounts.listed(office=None if everybody else here.office.id)
        names = {account.id: account.name or account.login for account in accounts}
        return work.page(here, "history.html", found=found, names={"file": "aus der Datei", **names})

    @routes.get("/staff/setup/history/{version}")
    async def look(here: Planner, version: int) -> Response:
        """What would be different from now, and whom it would concern."""
        data = await of(here, version)
        found = await work.planning.preview(data)
        again = [("version", str(here.office.version))]
        save = f"/staff/setup/history/{version}"
        return _preview(work, here, data, found, again=again, save=save, back="/staff/setup/history", old=version)

    @routes.post("/staff/setup/history/{version}")
    async def restore(here: Planner, version: int, shown: Annotated[int, Form(alias="version", ge=1)]) -> Response:
        await _save(work, here, await of(here, version), version=shown, restored=version)
        return see("/staff/setup?done=restored")


def _add_files(routes: APIRouter, work: Work) -> None:
    Planner = Annotated[Here, at_work(work, "schedule")]  # noqa: N806 (a type)

    @routes.get("/staff/setup/export.toml")
    async def export(here: Planner) -> Response:
        headers = {**HEADERS, "Content-Disposition": f'attachment; filename="{here.office.id}.toml"'}
        return Response(office_as_toml(here.office.data), media_type="application/toml", headers=headers)

    @routes.get("/staff/setup/import")
    async def ask(here: Planner) -> Response:
        return work.page(here, "import.html", text="", faults_found=[])

    @routes.post("/staff/setup/import/preview")
    async def preview(request: Request, here: Planner) -> Response:
        text = await _file(request)
        try:
            data = _from_toml(text, here.office.id)
            found = await work.planning.preview(data)
        except BrokenOffice as error:
            faults = str(error).splitlines()
            return work.page(here, "import.html", answer=422, text=text, faults_found=faults)
        again = [("text", text), ("version", str(here.office.version))]
        save, back = "/staff/setup/import/save", "/staff/setup/import"
        return _preview(work, here, data, found, again=again, save=save, back=back)

    @routes.post("/staff/setup/import/save")
    async def save(here: Planner, version: Version, text: Annotated[str, Form(max_length=_LONGEST)]) -> Response:
        await _save(work, here, _from_toml(text, here.office.id), version=version)
        return see("/staff/setup?done=saved")


async def _save(work: Work, here: Here, data: OfficeData, *, version: int, restored: int | None = None) -> None:
    """Raises BrokenOffice, ChangedMeanwhile."""
    saved = await work.planning.save(data, by=here.somebody.actor, expected_version=version)
    detail: dict[str, Any] = {"restored": restored} if restored else {}
    await work.record(here.somebody, "office.saved", here.office.id, version=saved, **detail)


async def _file(request: Request) -> str:
    """What was uploaded, else what was pasted."""
    form = await request.form(max_part_size=_LONGEST)
    upload, text = form.get("file"), form.get("text")
    if upload is not None and not isinstance(upload, str) and upload.size:
        return (await upload.read()).decode("utf-8", errors="replace")
    return text.replace("\r\n", "\n") if isinstance(text, str) else ""


def _from_toml(text: str, office: str) -> OfficeData:
    """Raises BrokenOffice, also for a file of another office."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BrokenOffice(f"Datei: kein gültiges TOML: {error}") from None
    if values.get("id") != office:
        raise BrokenOffice(f"Datei: id = {values.get('id')!r:.80}: Das ist die Datei eines anderen Amts.")
    return checked(values, source="Datei")


def _section(id: str, data: dict[str, Any]) -> Section:
    section = section_of(id, data)
    if section is None:
        raise OtherOffice
    return section


def _edit(
    work: Work,
    here: Here,
    section: Section,
    data: dict[str, Any],
    *,
    answer: int = 200,
    fault: str | None = None,
    faults: list[str] | None = None,
) -> Response:
    return work.page(
        here,
        "setup_edit.html",
        answer=answer,
        fault=fault,
        faults_found=faults or [],
        section=section,
        controls=forms.controls(section, data),
        rows=forms.rows(section, data),
        languages_by_tag=NAMES,
    )


def _preview(
    work: Work,
    here: Here,
    data: OfficeData,
    found: list[InConflict],
    *,
    again: list[tuple[str, str]],
    save: str,
    back: str,
    old: int | None = None,
) -> Response:
    changes = forms.differences(plain(here.office.data), plain(data))
    return work.page(
        here, "setup_preview.html", changes=changes, found=found, again=again, save=save, back=back, old=old
    )
