"""CSV as people have it, and texts with fields."""

from __future__ import annotations

import pytest

from octoworker.client.campaigns.table import Table
from octoworker.client.campaigns.template import Template
from octoworker.errors import PayloadError


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


def test_an_open_quote_is_named_with_its_line(tmp_path):
    found = table(tmp_path, 'tel\n061\n"062' + "x" * 200_000)
    with pytest.raises(PayloadError, match="line 3"):
        values(found)


def test_fields_are_found_whatever_their_case_and_accents():
    text = Template("Bonjour {Prénom}, {NOM}")
    assert text.fields == ("prenom", "nom")
    assert text.filled({"prenom": "Zoé", "nom": "{prenom}"}) == "Bonjour Zoé, {prenom}"


def test_braces_that_hold_no_name_stay():
    assert Template("a {} b {").filled({}) == "a {} b {"
