"""CSV as people have it, and texts with fields."""

from __future__ import annotations

import csv
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.client.campaigns.table import Table
from octoworker.client.campaigns.template import Template
from octoworker.errors import PayloadError
from octoworker.sms import sizes


def table(tmp_path, content, encoding="utf-8"):
    path = tmp_path / "people.csv"
    path.write_bytes(content.encode(encoding))
    return Table(path)


def values(found):
    return [(row.line, dict(row.values)) for row in found]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_the_same_people_in_every_dialect(tmp_path, delimiter, encoding):
    content = delimiter.join(["Téléphone", "Prénom"]) + "\r\n" + delimiter.join(["0612345678", "Zoé"]) + "\r\n"
    found = table(tmp_path, content, encoding)
    assert found.recipient_column(None) == "telephone"
    assert values(found) == [(2, {"telephone": "0612345678", "prenom": "Zoé"})]


def test_a_quoted_field_may_hold_line_ends_and_delimiters_and_lines_are_counted_right(tmp_path):
    found = table(tmp_path, 'tel,nom\n"06 1","a\nb, c"\n062,d\n')
    assert values(found) == [(2, {"tel": "06 1", "nom": "a\nb, c"}), (4, {"tel": "062", "nom": "d"})]


def test_blank_lines_are_no_rows_and_short_rows_are_filled_up(tmp_path):
    found = table(tmp_path, "tel;nom\n\n;;\n061\n")
    assert values(found) == [(4, {"tel": "061", "nom": ""})]


def test_a_delimiter_inside_a_quoted_heading_does_not_count(tmp_path):
    assert table(tmp_path, '"nom, prenom, rue";tel\nx;061\n').columns == ("nom,_prenom,_rue", "tel")


def test_a_column_can_be_named(tmp_path):
    found = table(tmp_path, "a;b\n1;2\n")
    assert found.recipient_column("B") == "b"
    with pytest.raises(PayloadError, match="--column"):
        found.recipient_column(None)
    with pytest.raises(PayloadError, match="none of that name"):
        found.recipient_column("c")


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(PayloadError, match="same name"):
        table(tmp_path, "tel;Tel\n1;2\n")


@pytest.mark.parametrize(
    "first",
    [
        "0612345678",
        "Zoé;+33 6 12 34 56 78",
        "06.12.34.56.78;tel",
        "(06) 12-34-56-78;Zoé",
        "612345678;Zoé",
        "06/12/34/56/78;Zoé",
    ],
)
def test_a_file_without_names_leaves_its_first_person_out_for_nobody(tmp_path, first):
    found = table(tmp_path, f"{first}\n0612345679;Ann\n")
    for wanted in (None, found.columns[0], "tel"):
        with pytest.raises(PayloadError, match="a number stands in its first row") as caught:
            found.recipient_column(wanted)
        assert "12" not in str(caught.value)


def test_figures_in_a_name_are_no_number(tmp_path):
    assert (
        table(tmp_path, "tel;rdv 2026;tel 2;01/02/2026;01-03-2026;2026-01-31 12:00\n06;x;y;z;a;b\n").recipient_column(
            None
        )
        == "tel"
    )


@pytest.mark.timeout(60)
def test_a_pipe_is_refused_before_anything_is_read_of_it(tmp_path):
    os.mkfifo(tmp_path / "people.csv")
    with pytest.raises(PayloadError, match="no pipe"):
        Table(tmp_path / "people.csv")


def test_an_open_quote_is_named_with_its_line(tmp_path):
    found = table(tmp_path, 'tel\n061\n"062' + "x" * 200_000)
    with pytest.raises(PayloadError, match="line 3"):
        values(found)


def test_fields_are_found_whatever_their_case_and_accents():
    text = Template("Bonjour {Prénom}, {NOM}")
    assert text.fields == ("prenom", "nom")
    assert text.filled({"prenom": "Zoé", "nom": "{prenom}"}) == "Bonjour Zoé, {prenom}"


@pytest.mark.parametrize(
    "text", ["Bonjour {prenom votre rdv", "prenom}", "a {} b", "{{prenom}}", "{prenom}}", "{a\nb}", "{.}"]
)
def test_a_brace_that_is_no_part_of_a_field_is_refused(text):
    with pytest.raises(PayloadError, match=r"template: .* write {name}"):
        Template(text)


def test_a_brace_in_a_value_is_nothing_but_a_sign():
    assert Template("Code {code}").filled({"code": "{x"}) == "Code {x"


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Tel.", "tel"),
        ("N° de téléphone", "no_de_telephone"),
        ("Nº de téléphone", "no_de_telephone"),
        ("№ mobile", "no_mobile"),
        (" Tél. portable : ", "tel_portable"),
        ('"Numéro de\r\ntéléphone"', "numero_de_telephone"),
        ("GSM", "gsm"),
    ],
)
def test_the_column_of_the_numbers_is_found_however_it_is_named(tmp_path, heading, name):
    found = table(tmp_path, f"{heading};Nom\r\n0612345678;Zoé\r\n")
    assert found.recipient_column(None) == name
    assert [row.values["nom"] for row in found] == ["Zoé"]


def test_a_mobile_comes_before_another_telephone(tmp_path):
    assert table(tmp_path, "Téléphone;Portable\n01;06\n").recipient_column(None) == "portable"


@pytest.mark.parametrize("sign", [";", ",", "\t", "|"])
def test_the_first_line_that_excel_writes_for_itself_names_the_delimiter(tmp_path, sign):
    found = table(tmp_path, f"sep={sign}\r\ntel{sign}a;b,c\r\n061{sign}x\r\n".replace("a;b,c", "nom"))
    assert values(found) == [(3, {"tel": "061", "nom": "x"})]


def test_blank_lines_may_come_first(tmp_path):
    assert values(table(tmp_path, "\r\n;;\r\n \t\r\ntel;nom\r\n061;x\r\n")) == [(5, {"tel": "061", "nom": "x"})]


def test_columns_without_a_name_and_without_values_are_none(tmp_path):
    found = table(tmp_path, "telephone;prenom;;\n061;Zoé;;\n062;;;\n063;Ann\n064;Bob;;;;\n")
    assert found.columns == ("telephone", "prenom")
    assert [row.values["prenom"] for row in found] == ["Zoé", "", "Ann", "Bob"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "utf-8", "cp1252"])
def test_excels_unicode_text_is_read_like_the_others(tmp_path, encoding):
    assert values(table(tmp_path, "Tél\tNom\r\n061\tZoé\r\n", encoding)) == [(2, {"tel": "061", "nom": "Zoé"})]


@pytest.mark.parametrize("cell", ['="0612345678"', '"=""0612345678"""'])
def test_excels_trick_for_a_zero_in_front_is_read(tmp_path, cell):
    found = table(tmp_path, f"nom;tel;code\nZoé;{cell};x\n")
    assert values(found) == [(2, {"nom": "Zoé", "tel": "0612345678", "code": "x"})]


def test_a_quote_in_a_cell_is_written_twice(tmp_path):
    assert values(table(tmp_path, 'tel,nom\n"061","Zoé ""la"" Z"\n')) == [(2, {"tel": "061", "nom": 'Zoé "la" Z'})]


@pytest.mark.parametrize(
    ("rows", "line"),
    [
        ('061;5" de long\n062;x\n', 3),
        ('061;un "mot" cité\n', 3),
        ('061;"mot" cité\n', 3),
        ('061; "mot"\n', 3),
        ('061;"ouvert\n062;x\n063;y\n', 3),
        ('060;a\n061;5"\n062;"x"\n', 4),
        ("061;Zoé;06 2\n", 3),
        ("060;a\n061;Dupont; Zoé\n", 4),
    ],
)
def test_what_is_not_well_formed_is_refused_with_its_line_and_nobody_is_read_as_another(tmp_path, rows, line):
    found = table(tmp_path, "tel;nom\n069;avant\n" + rows)
    with pytest.raises(PayloadError, match=f"line {line} "):
        found.check()


def test_a_value_without_a_name_is_refused_with_its_line(tmp_path):
    with pytest.raises(PayloadError, match="line 3 has a value in a column without a name"):
        table(tmp_path, "tel;;nom\n061;;x\n062;?;y\n").check()


@pytest.mark.parametrize(
    "binary", [b"tel;nom\n061;a\0b\n", b"%PDF-1.7\n\0\0\0", b"\x89PNG\r\n\x1a\n\0\0", b"\xff\xfe\0\0t\0\0\0"]
)
def test_what_is_no_text_is_refused_in_one_sentence(tmp_path, binary):
    path = tmp_path / "people.csv"
    path.write_bytes(binary)
    with pytest.raises(PayloadError, match=r"no text|cannot be read as utf-16"):
        Table(path).check()


def test_a_template_has_the_size_of_a_text():
    assert Template("x" * sizes.TEXT).fields == ()
    with pytest.raises(PayloadError, match=f"^template: use at most {sizes.TEXT} characters"):
        Template("x" * (sizes.TEXT + 1))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "it is empty"),
        ("\n;;\n", "it is empty"),
        ("tel;" * 30_000, "too long"),
        (";".join(f"c{n}" for n in range(1001)), "more than 1000 columns"),
        ("tel\n" + "x" * 40_000, "cell of the row that begins in line 2 is too long"),
        ('tel\n061\n"' + "x;\n" * 200_000, "line 3 is too long"),
        ("x" * 3_000_000, "line 1 is longer|too long"),
    ],
)
def test_sizes_are_looked_at_first(tmp_path, content, sentence):
    with pytest.raises(PayloadError, match=sentence):
        table(tmp_path, content).check()


def test_what_a_stranger_named_a_column_does_nothing_to_a_terminal(tmp_path):
    with pytest.raises(PayloadError) as caught:
        table(tmp_path, "a\x1b[31m;b\n1;2\n").recipient_column(None)
    assert "\x1b" not in str(caught.value)


@given(st.text(st.sampled_from('06;,\t"\n\r= ab'), max_size=60))
def test_any_file_is_read_or_refused_and_what_is_read_is_what_python_reads(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "people.csv"
    path.write_text("tel;nom\n" + content, encoding="utf-8", newline="")
    try:
        rows = [list(row.values.values()) for row in Table(path)]
    except PayloadError:
        return
    with path.open(newline="") as file:
        python = [[cell.strip() for cell in cells][:2] for cells in csv.reader(file, delimiter=";", strict=True)][1:]
    if "=" not in content:
        assert rows == [cells if len(cells) == 2 else [*cells, ""] for cells in python if any(cells)]
