"""A rule is found by what a practitioner types: synonyms, both languages, the old and new spellings of standards."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrv_helpers import code_of

from mrv.authoring.catalogue import shipped
from mrv.authoring.vocabulary import vocabulary
from mrv.definitions.vocabulary import PLAIN, Vocabulary, holds
from mrv.presentation import listing
from mrv.presentation.search import near_words, ranked

RULES, WORDS = shipped(), vocabulary()
SMALL = Vocabulary.from_document({"same": [["石灰石", "Limestone", "carbonate rock"], ["绿证", "GEC"]],
                                  "leads": [{"words": ["Kiln"], "rules": ["b"]}]})


def formulas(words: str) -> list[str]:
    return [item["id"] for item in listing.formulas(RULES, words, WORDS)]


def found(words: str, **texts: str) -> list[str]:
    return ranked(sorted(texts), words, SMALL, lambda name: (name, ((name,), (texts[name],))))


@pytest.mark.parametrize(("words", "first"), [
    ("石灰石", "process.carbonate-factor"), ("limestone", "process.carbonate-factor"), ("CaCO3", "process."),
    ("柴油", "fuel.combustion."), ("diesel", "fuel.combustion."), ("电解铝", "aluminium."), ("铝冶炼", "aluminium."),
    ("碳素材料", "carbon-materials."), ("炭素材料", "carbon-materials."), ("差旅", "scope3.business-travel"),
    ("flights", "scope3.business-travel"), ("business travel", "scope3.business-travel"),
    ("市场法", "electricity.dual"),
    ("market-based", "electricity."), ("等价", "energy.comprehensive"), ("对标", "benchmark.level"),
    ("benchmark", "benchmark.level"), ("高炉", "benchmark.level"), ("碳关税", "cbam."), ("烟感实测", "cems."),
    ("烟气", "cems."), ("光伏", "green-power."), ("PV", "green-power."), ("供热", "heat.purchased"),
    ("热力", "heat.purchased"), ("tce", "benchmark.level"), ("therm", "unit.energy"), ("carry", "allocation."),
    ("biomass", "green-power.gec-class"), ("外购电力", "electricity.location"), ("天然气", "fuel.heat.scf"),
    ("OM", "reduction.grid.operating-margin")])
def test_the_word_of_a_practitioner_finds_the_formula_first(words: str, first: str) -> None:
    assert formulas(words)[0].startswith(first)


@pytest.mark.parametrize(("words", "formula"), [
    ("绿证核发", "green-power.gec-issue"), ("tce", "energy.comprehensive"), ("tce", "unit.standard-coal"),
    ("当量", "energy.comprehensive"), ("柴油", "fuel.combustion.heat"), ("柴油", "energy.comprehensive"),
    ("光伏", "reduction.grid.baseline"), ("carry", "green-power.gec-issue"), ("市场法", "electricity.market"),
    ("江苏", "electricity.location"), ("高炉 对标", "benchmark.level")])
def test_a_formula_is_among_those_found(words: str, formula: str) -> None:
    assert formula in formulas(words)


@pytest.mark.parametrize(("words", "methodology"), [
    ("电解铝", "inventory.aluminium"), ("炭素", "inventory.carbon-materials"), ("差旅", "inventory.corporate"),
    ("柴油", "inventory.enterprise"), ("碳关税", "cbam.simple-goods"), ("对标", "cbam.simple-goods"),
    ("PV", "green-power.pv"), ("火电", "inventory.power")])
def test_a_methodology_is_found_by_the_same_words(words: str, methodology: str) -> None:
    assert methodology in [item["id"] for item in listing.methodologies(RULES, words, WORDS)]


@pytest.mark.parametrize(("words", "path"), [
    ("limestone", "carb.CaCO3"), ("高炉", "bench.blast_furnace.advanced"), ("tce", "tce.coke"), ("PV", "el_cfp.PV"),
    ("电网因子 江苏", "grid.average.jiangsu"), ("柴油", "c1.ncv.diesel")])
def test_a_parameter_is_found_by_the_same_words(words: str, path: str) -> None:
    assert path in [item["path"] for item in listing.parameters(RULES, "", words, WORDS)]


def test_a_short_word_is_no_part_of_others() -> None:
    assert len(formulas("OM")) < 5
    assert holds("simple om, margin", "om")
    assert not holds("emission from combustion", "om")
    assert holds("tco2 · co2.mass", "co2")
    assert not holds("tco2", "co2")


def test_a_longer_word_is_found_where_a_word_begins() -> None:
    assert holds("anodes", "anode")
    assert not holds("cathanode", "anode")
    assert holds("电力anode因子", "anode")
    assert holds("外购电力排放", "电力")


def test_the_id_counts_more_than_the_title_and_the_title_more_than_a_synonym_in_it() -> None:
    assert found("limestone", a="石灰石", b="limestone", limestone="x", c="else") == ["limestone", "b", "a"]


def test_equally_good_hits_keep_their_order_and_no_word_keeps_all() -> None:
    assert found("limestone", c="limestone", b="limestone") == ["b", "c"]
    assert found("", c="x", b="y") == ["b", "c"]


def test_every_word_must_be_found() -> None:
    assert found("limestone kiln", a="limestone", b="limestone") == ["b"]
    assert found("limestone else", a="limestone") == []


def test_a_compound_is_cut_where_the_table_has_words() -> None:
    assert found("绿证核发", a="绿证月度核发", b="绿证", c="GEC 核发办法") == ["a", "c"]
    assert found("核发绿证", a="绿证月度核发") == ["a"]
    assert found("月度核发", a="绿证月度的核发") == []


def test_a_phrase_of_the_table_is_one_word_and_its_words_may_stand_apart() -> None:
    assert found("carbonate rock", a="石灰石", b="rock of carbonate", c="rock") == ["a", "b"]


def test_words_like_those_asked_for_are_told() -> None:
    assert near_words("limestne", SMALL, ()) == ["limestone"]
    assert near_words("stean", PLAIN, ["Saturated steam"]) == ["steam"]
    assert near_words("limestone", SMALL, ()) == []
    assert "差旅" not in near_words("差旅", WORDS, ())


def test_a_search_without_hits_tells_where_the_words_are() -> None:
    other = listing.elsewhere(RULES, "差旅", WORDS)
    assert (other["formulas"] > 0, other["methodologies"] > 0, other["parameters"]) == (True, True, 0)
    assert "steam" in listing.elsewhere(RULES, "stem", WORDS)["near"]
    assert listing.elsewhere(RULES, "kWh", WORDS)["units"] > 0


def test_every_rule_that_a_word_leads_to_is_there() -> None:
    ids = {item.id for item in RULES.formulas.values()} | {item.id for item in RULES.methodologies.values()}
    assert {rule for rules in WORDS.leads.values() for rule in rules} <= ids


@pytest.mark.parametrize("group", sorted({frozenset(group) for group in WORDS.same.values()}, key=sorted),
                         ids=lambda group: min(group))
def test_every_group_of_words_finds_something(group: frozenset[str]) -> None:
    word = min(group)
    other = listing.elsewhere(RULES, word, WORDS)
    assert other["formulas"] + other["methodologies"] + other["parameters"] > 0


@given(st.text(max_size=30))
def test_any_text_may_be_asked_for(words: str) -> None:
    terms = WORDS.terms(words)
    assert bool(terms) is bool(words.split())


@pytest.mark.parametrize("text", ["same: []", "same: [a]\nleads: []", "same: [[a]]\nleads: [{words: [a]}]",
                                  "same: [[a]]\nleads: [{words: a, rules: [b]}]", "same: [[[a]]]\nleads: []"])
def test_a_table_of_words_out_of_form_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "words.yaml"
    path.write_text(text, encoding="utf-8")
    assert code_of(lambda: vocabulary(path)) == "rule-malformed"
