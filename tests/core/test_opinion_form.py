"""What an opinion may say: ISO 14064-3 fields in one form, findings in their final state, whole units of its kind."""

from __future__ import annotations

from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from core_helpers import FINDING, PERIOD, signed_opinion

from core import jcs
from core.documents import UNITS
from core.errors import FormError
from core.opinions import (
    ASSURANCE_LEVELS,
    FINDING_KINDS,
    FINDING_STATES,
    MAX_CRITERIA,
    MAX_FINDINGS,
    MAX_NOTICES,
    VISITS,
    Judgement,
    OpinionDocument,
    opinion_payload,
    parse_opinion,
)
from core.records import Conclusion, Kind


def read(**members: Any) -> OpinionDocument:
    return parse_opinion(jcs.canonical(signed_opinion().as_json() | members))


def code_of(**members: Any) -> str:
    with pytest.raises(FormError) as refusal:
        read(**members)
    return refusal.value.code


def finding(**members: Any) -> dict[str, Any]:
    return FINDING.as_json() | members


def test_an_opinion_is_a_judgement_and_what_it_is_about() -> None:
    own = {field.name for field in fields(Judgement)}
    assert len(own) == 15
    assert own < {field.name for field in fields(OpinionDocument)}
    with pytest.raises(TypeError):
        Judgement("org:suzheng")  # type: ignore[call-arg,misc]  fields go by name: none is taken for its neighbour


@pytest.mark.parametrize("kind", list(Kind))
def test_an_opinion_counts_whole_units_of_its_kind(kind: Kind) -> None:
    members: dict[str, Any] = {"kind": kind.label, "intervals": []}
    assert read(**members, amount={"value": "7", "unit": UNITS[kind]}).amount == 7
    for unit in {"MWh", "tCO2e", "kgCO2e", "kWh"} - {UNITS[kind]}:
        assert code_of(**members, amount={"value": "7", "unit": unit}) == "opinion-unit"
    assert code_of(**members, amount={"value": "7.5", "unit": UNITS[kind]}) == "number-not-canonical"


def test_a_validity_begins_on_its_date_and_ends_after_it() -> None:
    document = signed_opinion(date=PERIOD.end, valid_until=PERIOD.end + 1)
    assert parse_opinion(opinion_payload(document)) == document
    for until in (PERIOD.end, PERIOD.end - 1):
        with pytest.raises(FormError, match="opinion-validity"):
            opinion_payload(replace(document, valid_until=until))


@pytest.mark.parametrize(("name", "words"), [
    ("assurance", ASSURANCE_LEVELS), ("visit", VISITS),
    ("conclusion", [conclusion.name.lower() for conclusion in Conclusion])])
def test_words_of_the_standard_are_the_only_ones(name: str, words: list[str]) -> None:
    for word in words:
        assert read(**{name: word, "findings": []}).as_json()[name] == word
    for word in ("", "other", words[0].upper(), None, 1):
        assert code_of(**{name: word}) == "document-choice"


@pytest.mark.parametrize("reference", ["A1", "P9999", "B12"])
def test_a_finding_is_named_by_a_letter_and_a_number(reference: str) -> None:
    assert read(findings=[finding(reference=reference)]).findings[0].reference == reference


@pytest.mark.parametrize("reference", ["", "1", "b1", "B", "B12345", "BB1", "B1 ", None, 1])
def test_any_other_name_of_a_finding_is_refused(reference: object) -> None:
    assert code_of(findings=[finding(reference=reference)]) == "finding-reference"


def test_a_finding_has_a_kind_and_a_final_state() -> None:
    for kind in FINDING_KINDS:
        assert read(findings=[finding(kind=kind)]).findings[0].kind == kind
    for state in FINDING_STATES:
        assert read(findings=[finding(state=state, material=False)]).findings[0].state == state
    assert code_of(findings=[finding(kind="typo")]) == "document-choice"
    assert code_of(findings=[finding(state="open")]) == "document-choice"
    assert code_of(findings=[finding(material="yes")]) == "document-flag"
    assert code_of(findings=[{"reference": "B1"}]) == "document-members"


@pytest.mark.parametrize(("text", "effect"), [(None, None), ("-0.4", Decimal("-0.4")), ("12", Decimal(12))])
def test_a_finding_s_effect_has_a_sign_or_is_unknown(text: str | None, effect: Decimal | None) -> None:
    assert read(findings=[finding(effect_tco2e=text)]).findings[0].effect == effect


def test_lists_are_bounded() -> None:
    several = [finding(reference=f"C{n}") for n in range(MAX_FINDINGS)]
    assert len(read(findings=several).findings) == MAX_FINDINGS
    assert code_of(findings=[*several, finding()]) == "document-array"
    assert code_of(criteria=["ISO 14064-3:2019"] * (MAX_CRITERIA + 1)) == "document-array"
    assert code_of(notices=["demonstration"] * (MAX_NOTICES + 1)) == "document-array"
    assert code_of(criteria=[]) == "opinion-criteria"


def test_reasons_and_explanations_may_be_long_and_other_texts_not() -> None:
    assert len(read(reasons="长" * 4_000).reasons) == 4_000
    assert code_of(reasons="长" * 4_001) == "document-text"
    assert len(read(findings=[finding(explanation="长" * 4_000)]).findings[0].explanation) == 4_000
    assert code_of(boundary="长" * 501) == "document-text"


@pytest.mark.parametrize("value", ["true", 1, 0, None, {}])
def test_whether_the_manifest_was_recomputed_is_yes_or_no(value: object) -> None:
    assert code_of(manifest={"digest": "00" * 32, "confirmed": value}) == "document-flag"


def test_an_opinion_of_another_schema_is_another_document() -> None:
    assert code_of(schema="carbonseal-opinion/2") == "opinion-schema"
    assert code_of(schema="carbonseal-claim/1") == "opinion-schema"
