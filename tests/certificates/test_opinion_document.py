"""The opinion document: ISO 14064-3 fields in one strict form, and a signature over the whole of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from certificates_helpers import DOMAIN, FINDING, OTHER, PERIOD, VERIFIER, opinion, signed_opinion
from hypothesis import given
from hypothesis import strategies as st

from core import jcs
from core.documents import document_digest
from core.errors import CarbonSealError, FormError, VerificationFailed
from core.opinions import chain_opinion, opinion_payload, opinion_signer, parse_opinion
from core.period import Period
from core.records import Conclusion, Interval, Kind
from core.sampling import Sampling, sample


def altered(path: str, value: Any) -> bytes:
    """The payload of a good opinion with one member replaced."""
    document = signed_opinion(findings=(FINDING,)).as_json()
    target: Any = document
    *parents, last = path.split(".")
    for name in parents:
        target = target[int(name)] if isinstance(target, list) else target[name]
    target[last] = value
    return jcs.canonical(document)


def test_a_signed_opinion_survives_its_payload_byte_for_byte() -> None:
    drawn = Sampling("random", 40, sample(opinion().statement, b"\x01" * 32, b"\x02" * 32, 40, 5), b"\x01" * 32,
                     b"\x02" * 32)
    document = signed_opinion(findings=(FINDING, replace(FINDING, reference="E2", effect=None)), sampling=drawn,
                              external_refs=("ccer:1",), conclusion=Conclusion.MODIFIED)
    payload = opinion_payload(document)
    assert parse_opinion(payload) == document
    assert opinion_payload(parse_opinion(payload)) == payload


@pytest.mark.parametrize(("field", "value"), [
    ("statement", b"\x01" * 32), ("leaf", b"\x01" * 32), ("claim", b"\x01" * 32), ("exclusivity_key", b"\x01" * 32),
    ("manifest", b"\x01" * 32), ("manifest_confirmed", False), ("origin", "log.other.example/park"),
    ("kind", Kind.REDUCTION), ("subject", "org:lanhe-steel"), ("holder", OTHER.address), ("amount", 13),
    ("unit", "tCO2e"), ("period", Period(PERIOD.start, PERIOD.end + 1)),
    ("intervals", (Interval("cp:lanhe-pv", 5_000_000, 17_000_001),)), ("external_refs", ("gec:1",)),
    ("conclusion", Conclusion.MODIFIED), ("valid_until", PERIOD.end * 2), ("domain", replace(DOMAIN, chain_id=1)),
    ("addressee", "org:gov-zj"), ("boundary", "另一边界"), ("criteria", ("ISO 14064-3:2006",)),
    ("assurance", "limited"),
    ("materiality", Decimal(1)), ("materiality_source", "another"), ("visit", "in-person"),
    ("sampling", Sampling("all details", 3, (0, 1))), ("findings", (FINDING,)), ("reasons", "未见异常。"),
    ("verifier", "org:other"), ("accreditation", "CNAS V-0002"), ("notices", ()), ("date", PERIOD.end),
])
def test_changing_what_was_signed_gives_another_signer(field: str, value: Any) -> None:
    assert opinion_signer(signed_opinion()) == VERIFIER.address
    assert opinion_signer(replace(signed_opinion(), **{field: value})) != VERIFIER.address


def test_a_signature_covers_every_member_of_an_opinion_but_itself() -> None:
    document = signed_opinion(findings=(FINDING,)).as_json()
    whole = document_digest(document)
    assert chain_opinion(opinion(findings=(FINDING,))).documentDigest == whole
    for name in document.keys() - {"signature"}:
        assert document_digest(document | {name: "another"}) != whole, name


def test_the_digest_of_an_opinion_is_that_of_the_payload_as_received() -> None:
    payload = opinion_payload(signed_opinion(findings=(FINDING,)))
    assert document_digest(jcs.parse(payload)) == chain_opinion(parse_opinion(payload)).documentDigest


def test_a_verifier_signs_the_manifest_it_recomputed_and_zero_for_one_it_did_not() -> None:
    assert chain_opinion(signed_opinion()).manifestHash == opinion().manifest
    assert chain_opinion(signed_opinion(manifest_confirmed=False)).manifestHash == bytes(32)


def test_nobody_else_can_confirm_a_manifest_in_the_verifiers_name() -> None:
    silent = signed_opinion(manifest_confirmed=False)
    assert opinion_signer(silent) == VERIFIER.address
    assert opinion_signer(replace(silent, manifest_confirmed=True)) != VERIFIER.address


@pytest.mark.parametrize(("path", "value", "code"), [
    ("schema", "carbonseal-claim/1", "opinion-schema"),
    ("addressee", "省级主管部门", "id-malformed"),
    ("manifest.confirmed", 1, "document-flag"),
    ("manifest.confirmed", "true", "document-flag"),
    ("amount.value", "12.5", "number-not-canonical"),
    ("amount.value", 12, "number-not-canonical"),
    ("amount.value", "-1", "number-not-canonical"),
    ("amount.unit", "kWh", "opinion-unit"),
    ("amount.unit", "tCO2e", "opinion-unit"),
    ("criteria", [], "opinion-criteria"),
    ("assurance", "absolute", "document-choice"),
    ("materiality.percent", "5%", "number-not-canonical"),
    ("visit", "by-car", "document-choice"),
    ("sampling.population", "2", "number-out-of-range"),
    ("sampling.selected", ["1", "0"], "opinion-sample-order"),
    ("sampling.selected", ["1", "1"], "opinion-sample-order"),
    ("sampling.nonce", "00" * 32, "opinion-sample-seed"),
    ("findings.0.reference", "b1", "finding-reference"),
    ("findings.0.kind", "opinion", "document-choice"),
    ("findings.0.material", None, "document-flag"),
    ("findings.0.effect_tco2e", "0.20", "number-not-canonical"),
    ("findings.0.state", "open", "document-choice"),
    ("findings.0.state", "uncorrected", "opinion-findings"),
    ("conclusion", "UNMODIFIED", "document-choice"),
    ("conclusion", 1, "document-choice"),
    ("reasons", "", "document-text"),
    ("accreditation", None, "document-text"),
    ("notices", ["Demo"], "id-malformed"),
    ("valid_until", "2026-01-01T00:00:00.000Z", "opinion-validity"),
    ("signature", "", "hex-malformed"),
])
def test_an_opinion_out_of_form_is_refused_with_its_code(path: str, value: Any, code: str) -> None:
    with pytest.raises(FormError) as refusal:
        parse_opinion(altered(path, value))
    assert refusal.value.code == code


def test_an_uncorrected_material_finding_may_stand_in_an_adverse_opinion() -> None:
    document = signed_opinion(findings=(replace(FINDING, state="uncorrected"),), conclusion=Conclusion.ADVERSE)
    assert parse_opinion(opinion_payload(document)).conclusion is Conclusion.ADVERSE


def test_an_opinion_that_ends_the_moment_it_begins_is_refused() -> None:
    moment = opinion().date
    assert parse_opinion(opinion_payload(signed_opinion(valid_until=moment + 1))).valid_until == moment + 1
    with pytest.raises(FormError, match="opinion-validity"):
        opinion_payload(signed_opinion(valid_until=moment))


def test_a_sample_follows_from_its_seed_alone() -> None:
    drawn = sample(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, 1000, 20)
    assert drawn == sample(b"\x01" * 32, b"\x02" * 32, b"\x03" * 32, 1000, 20)
    assert drawn != sample(b"\x01" * 32, b"\x02" * 32, b"\x04" * 32, 1000, 20)
    assert drawn != sample(b"\x01" * 32, b"\x05" * 32, b"\x03" * 32, 1000, 20)


@given(st.binary(min_size=32, max_size=32), st.integers(1, 60), st.integers(0, 80))
def test_a_sample_holds_distinct_indices_of_the_population(nonce: bytes, population: int, count: int) -> None:
    drawn = sample(b"\x01" * 32, b"\x02" * 32, nonce, population, count)
    assert len(drawn) == min(count, population)
    assert list(drawn) == sorted(set(drawn))
    assert all(0 <= index < population for index in drawn)


def test_a_hand_picked_sample_under_a_seed_is_found() -> None:
    seed = (b"\x01" * 32, b"\x02" * 32)
    good = sample(opinion().statement, *seed, 40, 5)
    Sampling("random", 40, good, *seed).check(opinion().statement)
    picked = tuple(sorted({*good[1:], next(index for index in range(40) if index not in good)}))
    with pytest.raises(VerificationFailed, match="opinion-sample"):
        Sampling("random", 40, picked, *seed).check(opinion().statement)


def test_a_census_needs_no_seed() -> None:
    Sampling("all details", 3, (0, 1, 2)).check(opinion().statement)


@given(st.binary(max_size=200), st.integers(0, 3000), st.integers(0, 255))
def test_no_mutation_of_a_payload_escapes_as_a_foreign_exception(noise: bytes, position: int, byte: int) -> None:
    payload = bytearray(opinion_payload(signed_opinion(findings=(FINDING,))))
    payload[position % len(payload)] = byte
    for data in (bytes(payload), noise):
        try:
            document = parse_opinion(data)
        except CarbonSealError:
            continue
        assert opinion_payload(document) == data
