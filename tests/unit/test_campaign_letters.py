"""How the letters of a file are read: rightly, or not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from octoworker.client.campaigns.table import Table
from octoworker.errors import PayloadError

FRENCH = [
    "Zoé",
    "Hélène",
    "François",
    "Noël",
    "Benoît",
    "Anaïs",
    "Jérôme",
    "Maël",
    "Chloé",
    "Éric",
    "D’Artagnan",
    "Gaëlle",
]
SHOUTED = ["HÉLÈNE", "FRANÇOIS", "ÉLODIE", "JÉRÔME", "NOËL"]
WORDS = [
    "12 rue de l’Église",
    "Sœur Thérèse",
    "“Au café”",
    "Crêperie – Le Goût",
    "5 € la pièce",
    "N° 5 bis, été",
    "100 m² à côté",
]
SPANISH = ["María García", "Díaz Núñez", "José Peña", "Ángel"]
GERMAN = ["Müller", "Jürgen Groß", "Käthe Schröder", "Öztürk"]
POLISH = ["Łukasz Wałęsa", "Małgorzata Żak", "Świętosława"]
RUSSIAN = ["Иван Петров", "Ольга"]
OTHERS = ["mac-roman", "cp850", "cp1250", "cp1251", "iso-8859-15"]


def table(tmp_path, lines, encoding, wanted=None):
    path = tmp_path / "people.csv"
    path.write_bytes("\r\n".join(["tel;nom", *(f"061;{line}" for line in lines)]).encode(encoding))
    return Table(path, encoding=wanted)


def names(found):
    return [row.values["nom"] for row in found]


@pytest.mark.parametrize(
    "lines", [FRENCH, SHOUTED, WORDS, SPANISH, GERMAN, *([name] for name in FRENCH if "’" not in name)]
)
def test_western_names_in_cp1252_are_read(tmp_path, lines):
    assert names(table(tmp_path, lines, "cp1252")) == lines


@pytest.mark.parametrize("encoding", OTHERS)
@pytest.mark.parametrize("lines", [FRENCH, SHOUTED, WORDS, SPANISH, GERMAN, POLISH, RUSSIAN])
def test_another_encoding_is_read_rightly_or_asked_for_and_never_garbled(tmp_path, lines, encoding):
    lines = [line for line in lines if line.encode(encoding, "ignore").decode(encoding) == line]
    if not lines:
        pytest.skip("no such letters in it")
    try:
        assert names(table(tmp_path, lines, encoding)) == lines
    except PayloadError as error:
        assert "--encoding" in str(error) or "no text" in str(error)  # noqa: PT017 - either of the two


@pytest.mark.parametrize(
    "name", ["Zoé", "Hélène", "François", "Noël", "Jérôme", "Müller", "María", "Peña", "Łukasz", "Иван"]
)
@pytest.mark.parametrize("encoding", OTHERS)
def test_one_name_is_enough_to_ask(tmp_path, name, encoding):
    if name.encode(encoding, "ignore").decode(encoding) != name:
        pytest.skip("no such letters in it")
    try:
        assert names(table(tmp_path, [name], encoding)) == [name]
    except PayloadError as error:
        assert "line 2" in str(error)  # noqa: PT017 - either of the two


@pytest.mark.parametrize("encoding", [*OTHERS, "cp1252", "utf-8", "utf-16"])
def test_what_is_named_is_used(tmp_path, encoding):
    lines = [line for line in (*FRENCH, *POLISH) if line.encode(encoding, "ignore").decode(encoding) == line]
    assert names(table(tmp_path, lines, encoding, wanted=encoding)) == lines


def test_the_wrong_name_is_refused_with_the_line(tmp_path):
    with pytest.raises(PayloadError, match="from line 2 on it cannot be read as utf-8"):
        table(tmp_path, ["Zoé"], "cp1252", wanted="utf-8")


@pytest.mark.parametrize("wanted", ["klingon", "rot13", "idna", "unicode_escape", "\0"])
def test_an_encoding_that_nobody_writes_files_in_is_refused(tmp_path, wanted):
    with pytest.raises(PayloadError, match="encoding: use one of utf-8"):
        table(tmp_path, ["Zoé"], "utf-8", wanted=wanted)


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_a_file_of_several_encodings_is_refused_with_a_line_of_each(tmp_path, mark):
    path = tmp_path / "people.csv"
    path.write_bytes(mark + b"tel;nom\n061;Ann\n" + "062;Zoé\n".encode() + "063;Zoé\n".encode("cp1252"))
    with pytest.raises(PayloadError, match=r"several encodings \(line [13] is in UTF-8, line 4 is not\)"):
        Table(path)


def test_a_file_that_was_garbled_before_is_refused_with_the_line(tmp_path):
    with pytest.raises(PayloadError, match="line 2 was garbled before"):
        table(tmp_path, ["Zo\ufffd"], "utf-8")


def test_lines_are_counted_over_the_edges_of_what_is_read_at_once(tmp_path):
    path = tmp_path / "people.csv"
    path.write_bytes(b"tel;nom\r\n" + b"0612345678;Ann\r\n" * 200_000 + "061;Zoé\r\n".encode("mac-roman"))
    with pytest.raises(PayloadError, match="line 200002 "):
        Table(path)


@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("any") / "people.csv"
    path.write_bytes(b"tel;nom\n" + content)
    try:
        Table(path).check()
    except PayloadError as error:
        assert error.problems  # noqa: PT017 - or it could be read
