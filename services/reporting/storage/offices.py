"""The newest published version of each office: its names, and whose figures may be shown."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.mongo import Database, Document, DuplicateKeyError


@dataclass(frozen=True, slots=True)
class OfficeData:
    """Names by language. `staff` is how many serve in each team, 0 where the office does not tell."""

    id: str
    name: Mapping[str, str]
    public: bool
    staff: Mapping[str, int]
    teams: Mapping[str, Mapping[str, str]]
    services: Mapping[str, Mapping[str, str]]
    municipalities: Mapping[str, str]
    service_teams: Mapping[str, str]


_SHOWN = {
    f"office.{path}": 1
    for path in (
        "name",
        "public_figures",
        "teams.id",
        "teams.name",
        "teams.staff",
        "services.id",
        "services.name",
        "services.team",
        "municipalities.ags",
        "municipalities.name",
    )
}


class Offices:
    def __init__(self, database: Database) -> None:
        self._offices = database["offices"]

    async def apply(self, office: Document, *, id: str, sequence: int) -> bool:
        """Stores the published office if it is newer than what is known; says whether it was."""
        older = {"_id": id, "sequence": {"$lt": sequence}}
        update = {"$set": {"sequence": sequence, "office": office}}
        try:
            await self._offices.update_one(older, update, upsert=True)
        except DuplicateKeyError:
            # The stored one is as new; or two came first at once, and the older of them won.
            return bool((await self._offices.update_one(older, update)).matched_count)
        return True

    async def all(self) -> list[OfficeData]:
        return [_office(d["_id"], d["office"]) async for d in self._offices.find({}, _SHOWN, sort=[("_id", 1)])]


def _office(id: str, office: Document) -> OfficeData:
    teams, services = office.get("teams", []), office.get("services", [])
    return OfficeData(
        id=id,
        name=office["name"],
        public=office.get("public_figures", False),
        staff={team["id"]: team.get("staff", 0) for team in teams},
        teams={team["id"]: team["name"] for team in teams},
        services={service["id"]: service["name"] for service in services},
        municipalities={place["ags"]: place["name"] for place in office.get("municipalities", [])},
        service_teams={service["id"]: service["team"] for service in services},
    )
