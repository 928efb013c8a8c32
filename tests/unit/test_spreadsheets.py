"""People in .xlsx and .ods. The files are made here, part by part, as Excel and LibreOffice make them."""

from __future__ import annotations

import subprocess
import sys
import zipfile

import pytest

from octoworker.client.campaigns import unpack
from octoworker.client.campaigns.table import Table
from octoworker.errors import PayloadError
from octoworker.sms import people, sizes
from octoworker.sms.policy import Policy

MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
REL = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OASIS = "urn:oasis:names:tc:opendocument:xmlns"
HEAD = '<?xml version="1.0" encoding="UTF-8"?>'


def cell(place, value):
    if isinstance(value, str):
        return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'
    return f'<c r="{place}"><v>{value}</v></c>'


def row(number, values):
    cells = (cell(f"{'ABCDEFG'[place]}{number}", value) for place, value in enumerate(values) if value is not None)
    return f'<row r="{number}">{"".join(cells)}</row>'


def xlsx(path, sheets, hidden=()):
    """`sheets`: name -> rows, or the XML of its rows."""
    ids = {name: number for number, name in enumerate(sheets, 1)}
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"{" state=" + chr(34) + "hidden" + chr(34) if name in hidden else ""}/>'
        for name, n in ids.items()
    )
    related = "".join(
        f'<Relationship Id="rId{n}" Type="{REL}/worksheet" Target="worksheets/sheet{n}.xml"/>' for n in ids.values()
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", f'{HEAD}<Types xmlns="{PACKAGE}/content-types"/>')
        book.writestr(
            "_rels/.rels",
            f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{REL}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr("xl/workbook.xml", f'{HEAD}<workbook {MAIN} xmlns:r="{REL}"><sheets>{listed}</sheets></workbook>')
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'{HEAD}<Relationships xmlns="{PACKAGE}/relationships">{related}</Relationships>',
        )
        for name, n in ids.items():
            rows = sheets[name]
            body = rows if isinstance(rows, str) else "".join(row(at, values) for at, values in enumerate(rows, 1))
            book.writestr(
                f"xl/worksheets/sheet{n}.xml", f"{HEAD}<worksheet {MAIN}><sheetData>{body}</sheetData></worksheet>"
            )
    return path


def ods(path, rows):
    def one(value):
        if isinstance(value, str):
            return f'<table:table-cell office:value-type="string"><text:p>{value}</text:p></table:table-cell>'
        if value is None:
            return "<table:table-cell/>"
        return f'<table:table-cell office:value-type="float" office:value="{value}"><text:p>{value}</text:p></table:table-cell>'

    body = (
        rows
        if isinstance(rows, str)
        else "".join(f"<table:table-row>{''.join(map(one, r))}</table:table-row>" for r in rows)
    )
    spaces = f'xmlns:office="{OASIS}:office:1.0" xmlns:table="{OASIS}:table:1.0" xmlns:text="{OASIS}:text:1.0"'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        kind = "application/vnd.oasis.opendocument.spreadsheet"
        book.writestr("mimetype", kind)
        book.writestr(
            "META-INF/manifest.xml",
            f'{HEAD}<manifest:manifest xmlns:manifest="{OASIS}:manifest:1.0">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
        book.writestr(
            "content.xml",
            f"{HEAD}<office:document-content {spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="Feuille1">{body}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


ROWS = [
    ["Téléphone", "Prénom", None],
    [33612345678.0, "Zoé", None],
    [612345679, "Ann", None],
    ["06 12 34 56 70", 4.5, None],
    [692123456, "x", None],
]


@pytest.fixture(params=["xlsx", "ods"])
def spreadsheet(request, tmp_path):
    path = tmp_path / f"people.{request.param}"
    return lambda rows: xlsx(path, {"Feuil1": rows}) if request.param == "xlsx" else ods(path, rows)


def test_people_are_read_from_both_kinds(spreadsheet):
    found = Table(spreadsheet(ROWS))
    column = found.recipient_column(None)
    assert found.columns == ("telephone", "prenom")
    assert [row.values["prenom"] for row in found] == ["Zoé", "Ann", "4.5", "x"]
    assert people.read([row.values[column] for row in found], Policy()).good == (
        *("+33612345678", "+33612345679", "+33612345670", "+262692123456"),
    )


def test_rows_are_named_as_the_spreadsheet_numbers_them(spreadsheet):
    found = Table(spreadsheet([[None, None], ["tel", "nom"], [None, None], [612345678, "x"]]))
    assert [(row.line, row.values) for row in found] == [(4, {"tel": "612345678", "nom": "x"})]


def test_a_value_beside_the_columns_is_refused_with_its_row(spreadsheet):
    with pytest.raises(PayloadError, match="line 3 has"):
        Table(spreadsheet([["tel", "nom"], ["061", "x"], ["062", "y", "z"]])).check()


def test_dates_are_written_as_people_write_them(tmp_path):
    body = (
        '<table:table-row><table:table-cell office:value-type="string"><text:p>tel</text:p></table:table-cell>'
        '<table:table-cell office:value-type="string"><text:p>jour</text:p></table:table-cell></table:table-row>'
        '<table:table-row><table:table-cell office:value-type="string"><text:p>061</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="2026-12-01"/></table:table-row>'
        '<table:table-row><table:table-cell office:value-type="string"><text:p>062</text:p></table:table-cell>'
        '<table:table-cell office:value-type="date" office:date-value="2026-12-01T14:30:00"/></table:table-row>'
    )
    assert [row.values["jour"] for row in Table(ods(tmp_path / "people.ods", body))] == [
        "01/12/2026",
        "01/12/2026 14:30",
    ]


def test_one_of_several_sheets_is_named(tmp_path):
    sheets = {"Clients": [["tel"], ["061"]], "Vide": [], "Fournisseurs": [["tel"], ["062"]], "Cache": [["x"]]}
    path = xlsx(tmp_path / "people.xlsx", sheets, hidden=("Cache",))
    with pytest.raises(PayloadError, match=r"--sheet \(Clients, Fournisseurs\)"):
        Table(path)
    assert [row.values for row in Table(path, sheet="Fournisseurs")] == [{"tel": "062"}]
    with pytest.raises(PayloadError, match="sheet: there is none of that name"):
        Table(path, sheet="Autre")


def test_a_hidden_sheet_beside_it_is_not_asked_about(tmp_path):
    path = xlsx(tmp_path / "people.xlsx", {"Clients": [["tel"], ["061"]], "Cache": [["x"]]}, hidden=("Cache",))
    assert [row.values for row in Table(path)] == [{"tel": "061"}]


def test_an_empty_spreadsheet_is_refused(spreadsheet):
    with pytest.raises(PayloadError, match="it is empty"):
        Table(spreadsheet([]))


@pytest.mark.parametrize("content", [b"PK\x03\x04" + b"junk" * 100, b"\xd0\xcf\x11\xe0" + b"\0" * 600])
def test_what_is_no_spreadsheet_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "people.xlsx"
    path.write_bytes(content)
    with pytest.raises(PayloadError, match="save it"):
        Table(path)


def test_another_zip_is_no_spreadsheet(tmp_path):
    path = tmp_path / "people.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("letter.txt", "hi")
    with pytest.raises(PayloadError, match="save it anew"):
        Table(path)


def test_a_lone_cell_far_away_does_not_take_the_memory_of_all_between(tmp_path):
    far = row(1, ["tel"]) + '<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    with pytest.raises(PayloadError, match="too large"):
        Table(xlsx(tmp_path / "people.xlsx", {"Feuil1": far}))


@pytest.mark.parametrize(
    "body",
    [
        row(1, ["tel"]) + '<row r="1048576"><c r="xfd1048576"><v>1</v></c></row>',
        row(1, ["tel"]) + '<row r="1048576">' + "<c><v>1</v></c>" * 20_000 + "</row>",
    ],
    ids=["in small letters", "by its row"],
)
def test_what_the_reader_takes_for_a_file_it_does_not_take_from_us(tmp_path, body):
    """The size of these is not looked for before: the reader's process is not given the memory."""
    with pytest.raises(PayloadError, match="too large or damaged"):
        Table(xlsx(tmp_path / "people.xlsx", {"Feuil1": body}))


def understated(path, size):
    """The same file, in which each part says that it unpacks to nothing."""
    path.write_bytes(path.read_bytes().replace(size.to_bytes(4, "little"), bytes(4)))
    return path


def test_a_part_is_measured_while_it_is_unpacked_and_not_by_what_it_says_of_itself(tmp_path):
    path = xlsx(tmp_path / "people.xlsx", {"Feuil1": [["tel"], ["061"]]})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as book:
        book.writestr("xl/media/bomb", bytes(5_000_011))
    unpack.measure(path)
    understated(path, 5_000_011)
    with zipfile.ZipFile(path) as book:
        assert book.getinfo("xl/media/bomb").file_size == 0
    unpack.measure(path)
    with pytest.raises(PayloadError, match="too large"):
        unpack.measure(path, 5_000_000)


def test_many_parts_are_measured_together(tmp_path):
    path = tmp_path / "people.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for n in range(10):
            book.writestr(f"part{n}", bytes(100_000))
    unpack.measure(path, 1_000_000)
    with pytest.raises(PayloadError, match="too large"):
        unpack.measure(path, 999_999)


def test_an_entity_is_not_expanded(tmp_path):
    path = xlsx(tmp_path / "people.xlsx", {"Feuil1": [["tel"], ["&a;"]]})
    with zipfile.ZipFile(path, "a") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    with zipfile.ZipFile(tmp_path / "entity.xlsx", "w") as other, zipfile.ZipFile(path) as book:
        for part in book.namelist():
            other.writestr(part, book.read(part))
        with pytest.warns(UserWarning, match="Duplicate name"):
            other.writestr(
                "xl/worksheets/sheet1.xml", sheet.replace(HEAD, f'{HEAD}<!DOCTYPE x [<!ENTITY a "{"b" * 1000}">]>')
            )
    with pytest.raises(PayloadError, match="cannot be read"):
        Table(tmp_path / "entity.xlsx")


def test_a_file_of_another_compression_or_with_a_password_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "people.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as book:
        book.writestr("xl/workbook.xml", "x")
    with pytest.raises(PayloadError, match="cannot be read"):
        Table(path)


def test_a_cell_has_the_size_that_a_spreadsheet_gives_it(spreadsheet):
    with pytest.raises(PayloadError, match="a cell of row 2 is too long"):
        Table(spreadsheet([["tel"], ["0" * (sizes.CSV_CELL + 1)]]))


def test_two_readers_of_one_file_do_not_disturb_each_other(spreadsheet):
    found = Table(spreadsheet([["tel"], *([f"06{n}"] for n in range(5))]))
    assert [(one.line, other.line) for one, other in zip(found, found, strict=True)] == [(n, n) for n in range(2, 7)]


def test_the_reader_takes_no_module_from_the_folder_that_somebody_stands_in(tmp_path, monkeypatch):
    (tmp_path / "json.py").write_text("raise SystemExit(5)")
    monkeypatch.chdir(tmp_path)
    assert Table(xlsx(tmp_path / "people.xlsx", {"Feuil1": [["tel"], ["061"]]})).columns == ("tel",)


def test_without_the_extra_it_says_what_to_install(tmp_path):
    """In a process of its own, where the library cannot be imported."""
    path = xlsx(tmp_path / "people.xlsx", {"Feuil1": [["tel"], ["061"]]})
    code = (
        "import sys; sys.modules['python_calamine'] = None; from pathlib import Path; "
        "from octoworker.client.campaigns.table import Table; Table(Path(sys.argv[1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "install octoworker[tables]" in done.stderr
