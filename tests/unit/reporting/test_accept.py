import pytest

from services.reporting.api.formats import Format, preferred


@pytest.mark.parametrize(
    "accept",
    [
        "text/csv",
        "text/csv, */*",
        "text/csv;q=0.9, application/json;q=0.8",
        "text/*",
        "TEXT/CSV;header=present",
    ],
)
def test_csv_where_client_prefers_it(accept: str) -> None:
    assert preferred(accept) is Format.CSV


@pytest.mark.parametrize(
    "accept",
    [
        "",
        "*/*",
        "application/json",
        "application/json, text/csv",
        "text/csv;q=0, */*",
        "text/csv;q=0.5, application/json",
        "text/csv;q=nonsense",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    ],
)
def test_json_where_client_leaves_it_open(accept: str) -> None:
    assert preferred(accept) is Format.JSON


def test_sheet_where_client_asks_for_it() -> None:
    assert preferred(f"{Format.XLSX.media_type}, text/csv;q=0.5") is Format.XLSX
