"""What becomes of values on their way to ActiveCampaign."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.activecampaign.emails import fails_in_processing, is_email
from shared.plan.domains import ascii_domain
from tests.plan.planning import export, plan, table


@pytest.mark.parametrize(
    ("written", "email"),
    [
        ("a@example.com", "a@example.com"),
        ("  Ada.Lovelace@Example.COM  ", "ada.lovelace@example.com"),
        ("\u00a0ada@example.com\u200b", "ada@example.com"),
        ("\tada@example.com\ufeff", "ada@example.com"),
        *((f"{edge}Ada@Example.COM{edge}", "ada@example.com") for edge in "\u00a0\u200b\u3000\ufeff\u202a\u202e\u2066"),
        ("\u00a0Ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("INFO@EXAMPLE.COM", "info@example.com"),
        ("ada+news/x=y@example.com", "ada+news/x=y@example.com"),
        ("!#$%&*+-/=?^_`{|}~@example.com", "!#$%&*+-/=?^_`{|}~@example.com"),
        ("ada@bücher.example", "ada@xn--bcher-kva.example"),
        ("ada@BÜCHER.example", "ada@xn--bcher-kva.example"),
        ("ada@пример.рф", "ada@xn--e1afmkfd.xn--p1ai"),
        ("ada@例え。テスト", "ada@xn--r8jz45g.xn--zckzah"),
        ("ada@\uff45xample.com", "ada@example.com"),
        (f"{'a' * 64}@example.com", f"{'a' * 64}@example.com"),
        (f"a@{'b' * 63}.example.com", f"a@{'b' * 63}.example.com"),
    ],
)
def test_an_email_is_brought_into_its_one_form(tmp_path: Path, written: str, email: str) -> None:
    """White space around it goes, letters become small, and a foreign domain takes its ASCII form."""
    planned = plan(tmp_path, table("Id;EMail", f"1;{written}"))
    assert list(planned.contacts) == [email]
    assert is_email(email)
    assert not fails_in_processing(email)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("", "email_missing"),
        ("   ", "email_missing"),
        ("\u00a0", "email_missing"),
        ("ada", "email_invalid"),
        ("@example.com", "email_invalid"),
        ("ada@", "email_invalid"),
        ("ada@@example.com", "email_invalid"),
        ("ada@example", "email_invalid"),
        ("ada@example.c", "email_invalid"),
        ("ada@example.c0m", "email_invalid"),
        ("ada@example..com", "email_invalid"),
        ("ada@.example.com", "email_invalid"),
        ("ada@-example.com", "email_invalid"),
        ("ada@example-.com", "email_invalid"),
        ("ada@exa_mple.com", "email_invalid"),
        ("ada@example.com.", "email_invalid"),
        ("ada@127.0.0.1", "email_invalid"),
        (".ada@example.com", "email_invalid"),
        ("ada.@example.com", "email_invalid"),
        ("a..da@example.com", "email_invalid"),
        ("a da@example.com", "email_invalid"),
        ("a\u0007da@example.com", "email_invalid"),
        ("a\u0000da@example.com", "email_invalid"),
        ("o'hara@example.com", "email_invalid"),
        ("Ada <ada@example.com>", "email_invalid"),
        ("mailto:ada@example.com", "email_invalid"),
        ("ada@example.com,bob@example.com", "email_invalid"),
        ("åsa@example.com", "email_invalid"),
        ("\u0130nfo@example.com", "email_invalid"),
        ("\u0131nfo@example.com", "email_invalid"),
        ("info@Kelvin\u212a.", "email_invalid"),
        ("\u212aelvin@example.com", "email_invalid"),
        ("ada\uff20example.com", "email_invalid"),
        ("ada@exämple", "email_invalid"),
        ("ada@ex\u200eämple.com\u0378", "email_invalid"),
        (f"{'a' * 65}@example.com", "email_invalid"),
        (f"a@{'b' * 64}.example.com", "email_invalid"),
        (f"a@{'.'.join(['b' * 60] * 4)}.example.com", "email_invalid"),
        *((f"a{mark}b@example.com", "email_invalid") for mark in '"(),:;<>[]\\'),
    ],
)
def test_a_row_without_a_usable_email_is_rejected(tmp_path: Path, written: str, code: str) -> None:
    """What ActiveCampaign would refuse, or what could become another mailbox, never travels."""
    planned = plan(tmp_path, table("Id|EMail", f"1|{written}"))
    assert planned.codes == [(2, code)]
    assert planned.rejects[0]["customer_id"] == "1"
    assert planned.rejects[0]["detail"]
    assert not planned.contacts


def test_a_domain_without_an_ascii_form_has_none() -> None:
    """Characters that no domain can have give no domain."""
    assert ascii_domain("ex\u0378.com") is None
    assert ascii_domain("bücher.example") == "xn--bcher-kva.example"


@pytest.mark.parametrize(
    ("kind", "written", "value"),
    [
        ("text", "  Gold  ", "Gold"),
        ("text", "a\tb\x07", "a b"),
        ("text", "O'Hara \\ {ü}", "O'Hara \\ {ü}"),
        ("text", " \u2003 ", None),
        ("textarea", "a\x0bb", "a\nb"),
        ("hidden", "x", "x"),
        ("dropdown", " Gold ", "Gold"),
        ("radio", "Gold", "Gold"),
        ("date", "2026-02-03", "2026-02-03"),
        ("date", "2026/2/3", "2026-02-03"),
        ("date", "2026.02.03", "2026-02-03"),
        ("date", "3.2.2026", "2026-02-03"),
        ("date", "2026-02-03T23:59:59+02:00", "2026-02-03"),
        ("date", "2026-02-03 00:00:00.0000000", "2026-02-03"),
        ("datetime", "2026-02-03T04:05:06Z", "2026-02-03T04:05:06+00:00"),
        ("datetime", "2026-02-03 04:05", "2026-02-03T04:05:00+00:00"),
        ("datetime", "2026-02-03T04:05:06.1234567+02:30", "2026-02-03T01:35:06+00:00"),
        ("datetime", "2026-02-03T04:05:06-0100", "2026-02-03T05:05:06+00:00"),
        ("datetime", "2026-02-03", "2026-02-03T00:00:00+00:00"),
        ("number", " 12 ", "12"),
        ("number", "+1.50", "1.50"),
        ("number", "-.5", "-.5"),
        ("number", "1.5E+03", "1500"),
        ("number", "2.5e-3", "0.0025"),
        ("number", "1E+16", "10000000000000000"),
        ("number", "123456789.123456789e0", "123456789.123456789"),
        ("number", "-1.5e-12", "-0.000000000002"),
        ("number", "0e0", "0"),
        ("number", "-0.0E-99", "0"),
        ("date", "0001-01-01", "0001-01-01"),
        ("listbox", "||a||b||", "||a||b||"),
        ("listbox", "a; b ;a;;", "||a||b||"),
        ("checkbox", "a|b c", "||a||b c||"),
        ("checkbox", "a, b", "||a, b||"),
        ("checkbox", " ; ", None),
    ],
)
def test_a_value_takes_the_form_of_its_field(tmp_path: Path, kind: str, written: str, value: str | None) -> None:
    """Each type of custom field gets values as ActiveCampaign writes them; an empty one is left out."""
    document = export({"email": "EMail", "fields": {"Field": "Value"}})
    planned = plan(tmp_path, table("EMail\tValue", f'a@example.com\t"{written}"'), document, types={"Field": kind})
    fields = [{"id": 1, "value": value}] if value is not None else None
    assert planned.contacts["a@example.com"].get("fields") == fields
    assert not planned.outcome.warnings


@pytest.mark.parametrize(
    ("kind", "written"),
    [
        ("date", "01/02/2026"),
        ("date", "2026-02-30"),
        ("date", "31.02.2026"),
        ("date", "20260203"),
        ("date", "yesterday"),
        ("datetime", "2026-02-03T25:00:00Z"),
        ("datetime", "3.2.2026 04:05"),
        ("datetime", "soon"),
        ("number", "1,5"),
        ("number", "1 000"),
        ("number", "12 kg"),
        ("number", "NaN"),
        ("number", "1e99"),
        ("number", "1e-13"),
        ("date", "0000-01-01"),
        ("date", "1.1.0000"),
        ("datetime", "0000-12-31T00:00:00Z"),
        ("datetime", "0001-01-01T00:00:00+01:00"),
        ("number", "."),
    ],
)
def test_a_value_that_does_not_fit_is_left_out_with_a_warning(tmp_path: Path, kind: str, written: str) -> None:
    """The contact travels without the value, and the run says how many values of which column were left out."""
    document = export({"email": "EMail", "fields": {"Field": "Value"}})
    planned = plan(tmp_path, table("EMail|Value", f"a@example.com|{written}"), document, types={"Field": kind})
    assert "fields" not in planned.contacts["a@example.com"]
    (warning,) = planned.outcome.warnings
    assert warning.startswith("1 values of column Value")


def test_empty_values_are_left_out(tmp_path: Path) -> None:
    """An empty text would overwrite what ActiveCampaign has, so it is not sent."""
    mapping = {
        "email": "EMail",
        "first_name": "First",
        "last_name": "Last",
        "phone": "Phone",
        "fields": {"Tier": "Tier"},
    }
    planned = plan(
        tmp_path,
        table("EMail,First,Last,Phone,Tier", 'a@example.com,," ","",'),
        export(mapping),
        types={"Tier": "text"},
    )
    assert planned.contacts == {
        "a@example.com": {"email": "a@example.com", "subscribe": [{"listid": 3}], "exclude_automations": True}
    }


def test_names_and_phones_are_trimmed(tmp_path: Path) -> None:
    """White space around and control characters within go; everything else stays as it is."""
    mapping = {"email": "EMail", "first_name": "First", "last_name": "Last", "phone": "Phone"}
    planned = plan(
        tmp_path,
        table("EMail;First;Last;Phone", "a@example.com; Ada\x01 ;\u2003van  Dam;\t+46 (0)70-1 23"),
        export(mapping),
    )
    contact = planned.contacts["a@example.com"]
    assert (contact["first_name"], contact["last_name"], contact["phone"]) == ("Ada", "van  Dam", "+46 (0)70-1 23")


def test_a_contact_larger_than_an_import_is_rejected(tmp_path: Path) -> None:
    """Nothing is cut: a contact that alone exceeds the limit does not travel, one just below it does."""
    document = export({"email": "EMail", "first_name": "First"})
    planned = plan(
        tmp_path, table("EMail,First", f"a@example.com,{'x' * 399_999}", f"b@example.com,{'x' * 399_000}"), document
    )
    assert planned.codes == [(2, "value_too_long")]
    assert list(planned.contacts) == ["b@example.com"]


values = st.text(st.sampled_from('ab`^|;\\" \t\u00a0\u200b\u2028\u0007\ufeffé'), max_size=6)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=st.lists(st.tuples(values, values), min_size=1, max_size=30))
def test_a_value_becomes_the_same_whatever_stands_beside_it(tmp_path: Path, pairs: list[tuple[str, str]]) -> None:
    """A row in which nothing has to be cleaned takes a shorter way; no value takes it that must not."""
    rows = [
        row
        for number, (first, last) in enumerate(pairs)
        for row in (
            (f"{number}@a.example", first, last),
            (f"{number}@b.example", first, "\a"),
            (f"{number}@c.example", "\a", last),
        )
    ]
    drop = table("EMail,First,Last", *(",".join('"' + value.replace('"', '""') + '"' for value in row) for row in rows))
    mapping = {"email": "EMail", "first_name": "First", "last_name": "Last"}
    sent = plan(tmp_path, drop, export(mapping)).contacts
    for number in range(len(pairs)):
        a, b, c = (sent[f"{number}@{domain}.example"] for domain in "abc")
        assert (a.get("first_name"), a.get("last_name")) == (b.get("first_name"), c.get("last_name"))
