"""An evidence file carries the rules that were read and no others; they stand without the rest."""

from datetime import date
from decimal import Decimal

from core.quantity import Quantity
from mrv.authoring.catalogue import shipped
from mrv.definitions.ruleset import RuleSet, check_released, listing, release

READ = ["c1.ncv.natural_gas", "c1.cc.natural_gas", "c1.of.natural_gas", "grid.average.jiangsu"]


def test_an_inventory_of_gas_alone_stands_without_the_factors_of_coal() -> None:
    whole = shipped()
    methodology = whole.methodology("inventory.enterprise", None, date(2026, 11, 1), date(2026, 11, 2))
    documents = whole.documents_for(methodology, READ)
    part = check_released(documents, listing(whole), release(whole, "test", 0))
    assert set(part.parameters) == set(READ)
    assert part.methodologies[methodology.key].digest == methodology.digest


def test_a_formula_of_a_part_computes_as_in_the_whole() -> None:
    whole = shipped()
    document = whole.formulas["electricity.location@1"].document
    part = RuleSet.from_documents({"formulas/electricity.location@1": document},
                                  complete=False)
    given = {"consumption": Quantity.of("10", "MWh"), "factor": Quantity.of("0.5", "tCO2/MWh")}
    assert part.formula("electricity.location").evaluate(given).outputs == \
        whole.formula("electricity.location").evaluate(given).outputs
    assert Decimal(5) in {item.value for item in part.formula("electricity.location").evaluate(given).outputs.values()}
