"""Units with dimensions, and their exact conversion.

A unit is a product of powers of named symbols: "tCO2/MWh", "GJ/1e4Nm3", "kgCO2e/(t·km)". Carbon (tC), carbon dioxide
(tCO2), carbon dioxide equivalent (tCO2e), standard coal (tce) and plain mass (t) are five different dimensions: turning
one into another is a statement about chemistry, climate or convention and needs a factor. "1" is a plain fraction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import isqrt

from core.errors import FormError, InputError, quoted
from core.numbers import CONTEXT

MAX_UNIT_CHARS = 80
MAX_POWER = 18

Atoms = tuple[tuple[str, int], ...]

# Mass of carbon in a mass of fuel or material.
_CARBON_CONTENT: Atoms = (("carbon", 1), ("mass", -1))
_EXACT = Context(prec=600, Emin=-999_999, Emax=999_999)
_POWER_OF_TEN = re.compile(r"1e([0-9]{1,2}) ?(?=\S)")
_TOKEN = re.compile(r"\s*([()/*·]|[^()/*·]+)")


def _metric(names: dict[str, str], dimension: dict[str, int]) -> dict[str, tuple[Fraction, dict[str, int]]]:
    return {symbol: (Fraction(size), dimension) for symbol, size in names.items()}


# Exact by definition (NIST SP 811, appendix B): lb; the short ton is 2000 lb, the long ton 2240 lb; the US gallon is
# 231 cubic inches, the UK gallon 4.54609 L; atm 101325 Pa; psi is lb × 9.80665 m/s² over the square inch; cal, kcal,
# Btu, mmBtu and therm are of the International Table (4.1868 J, 1055.05585262 J).
_MASS = {"mg": "1/1000", "g": "1", "kg": "1000", "t": "1000000", "short ton": "907184.74", "lb": "453.59237",
         "long ton": "1016046.9088"}
_PRODUCTS = ("product", "clinker", "steel", "goods", "CF4", "C2F6", "CaO")
_SUBSTANCES = {"C": "carbon", "CO2": "co2", "CO2e": "co2e", "ce": "coal-equivalent", "oe": "oil-equivalent"}
_COUNTED = ("item", "person", "vehicle", "room", "night", "cell-day", "AE-min", "factor",
            "year", "month", "shirt", "CNY", "EUR", "USD")


def _symbols() -> dict[str, tuple[Fraction, dict[str, int]]]:
    table = _metric(_MASS, {"mass": 1})
    for suffix, dimension in _SUBSTANCES.items():
        prefixes = {"g": "1", "kg": "1000", "t": "1000000"}
        table |= _metric({prefix + suffix: size for prefix, size in prefixes.items()}, {dimension: 1})
    # A product or gas named after its mass is a label for the reader; the dimension stays mass.
    for product in _PRODUCTS:
        table |= _metric({f"{u} {product}": _MASS[u] for u in ("kg", "t")}, {"mass": 1})
    table |= _metric({"tAl": "1000000", "tCaO": "1000000", "kgCF4": "1000", "kgC2F6": "1000"}, {"mass": 1})
    table |= _metric({"J": "1", "kJ": "1e3", "MJ": "1e6", "GJ": "1e9", "TJ": "1e12", "Wh": "3600", "kWh": "3.6e6",
                      "MWh": "3.6e9", "GWh": "3.6e12", "TWh": "3.6e15", "kcal": "4186.8", "mmBtu": "1055055852.62",
                      "therm": "105505585.262", "Btu": "1055.05585262", "cal": "4.1868"}, {"energy": 1})
    table |= _metric({"W": "1", "kW": "1e3", "MW": "1e6"}, {"energy": 1, "time": -1})
    table |= _metric({"s": "1", "min": "60", "h": "3600", "day": "86400"}, {"time": 1})
    table |= _metric({"Nm3": "1"}, {"normal-volume": 1})
    table |= _metric({"m3": "1", "L": "1/1000", "US gallon": "0.003785411784", "UK gallon": "0.00454609"},
                     {"volume": 1})
    table |= _metric({"scf": "1", "dscf": "1", "scf CO2": "1"}, {"standard-cubic-foot": 1})
    table |= _metric({"m": "1", "km": "1000"}, {"length": 1})
    table |= _metric({"m2": "1"}, {"length": 2})
    table |= _metric({"Pa": "1", "kPa": "1e3", "MPa": "1e6", "atm": "101325",
                      "psi": "8896443230521/1290320000"}, {"pressure": 1})
    table |= _metric({"K": "1"}, {"temperature": 1})
    # Degrees above the freezing point: a scale with another zero, so no conversion to K is offered.
    table |= _metric({"°C": "1"}, {"celsius": 1})
    table |= _metric({"%": "1/100", "‰": "1/1000"}, {})
    # g/mol and kg/kmol are one unit; the US kg-mole is the kmol.
    table |= _metric({"mol": "1", "kmol": "1000", "kg-mole": "1000"}, {"amount": 1})
    for name in _COUNTED:
        table |= _metric({name: "1"}, {name: 1})
    return table


_SYMBOLS = _symbols()
_ALIASES = {"degC": "°C", "tkm": "t·km", "pkm": "person·km", "scfh": "scf/h", "t clinker content": "t clinker",
            "万Nm3": "1e4Nm3", "10^4Nm3": "1e4Nm3", "m³": "m3", "Nm³": "Nm3", "d": "day", "MUSD": "1e6 USD",
            "万m3": "1e4m3", "万t": "1e4t", "万tCO2": "1e4tCO2", "万tCO2e": "1e4tCO2e", "万kWh": "1e4kWh",
            "亿kWh": "1e8kWh", "kt": "1e3t", "Mt": "1e6t", "ktCO2e": "1e3tCO2e", "MtCO2e": "1e6tCO2e", "bar": "1e5Pa",
            "MMBtu": "mmBtu", "kg.km": "kg·km", "t.km": "t·km", "tonne-km": "t·km",
            "passenger-km": "person·km", "vehicle-km": "vehicle·km", "mole": "mol",
            "度": "kWh", "千瓦时": "kWh", "兆瓦时": "MWh", "万度": "1e4kWh", "万千瓦时": "1e4kWh", "亿千瓦时": "1e8kWh",
            "吉焦": "GJ", "兆焦": "MJ", "千焦": "kJ", "吨": "t", "万吨": "1e4t", "千克": "kg", "公斤": "kg", "克": "g",
            "毫克": "mg", "吨标准煤": "tce", "万吨标准煤": "1e4tce", "千克标准煤": "kgce", "万tce": "1e4tce",
            "立方米": "m3", "标准立方米": "Nm3", "万标准立方米": "1e4Nm3", "公里": "km", "吨公里": "t·km",
            "元": "CNY", "万元": "1e4CNY", "亿元": "1e8CNY", "RMB": "CNY", "欧元": "EUR", "美元": "USD",
            "tonne": "t", "tonnes": "t", "metric ton": "t", "metric tons": "t", "公吨": "t", "千吨": "1e3t",
            "lbs": "lb", "磅": "lb", "short tons": "short ton", "long tons": "long ton", "短吨": "short ton",
            "长吨": "long ton", "l": "L", "升": "L", "千升": "1e3L",
            "t-km": "t·km", "kg-km": "kg·km", "p-km": "person·km", "person-km": "person·km",
            "千度": "1e3kWh", "百万度": "1e6kWh", "亿度": "1e8kWh", "吉瓦时": "GWh", "太瓦时": "TWh",
            "大卡": "kcal", "千卡": "kcal", "万大卡": "1e4kcal", "百万大卡": "1e6kcal", "百万千卡": "1e6kcal",
            "Gcal": "1e6kcal", "万千焦": "1e4kJ", "百万千焦": "1e6kJ", "太焦": "TJ", "therms": "therm",
            "吨标煤": "tce", "万吨标煤": "1e4tce", "千克标煤": "kgce", "公斤标煤": "kgce", "兆帕": "MPa", "千帕": "kPa",
            "万立方米": "1e4m3", "标方": "Nm3", "万标方": "1e4Nm3", "标立方米": "Nm3", "万标立方米": "1e4Nm3",
            "℃": "°C", "件": "item", "人": "person", "天": "day", "日": "day", "小时": "h", "年": "year", "月": "month"}
# The subscript, the space and "eq" that reports print in the two gases' names.
_ALIASES |= {f"{size}{gap}{written}{suffix}": f"{size.replace('万', '1e4')}CO2{'e' if suffix else ''}"
             for size in ("g", "kg", "t", "万t") for gap in ("", " ") for written in ("CO2", "CO₂")
             for suffix in ("", "e", "eq", "-eq")
             if gap or written == "CO₂" or suffix in ("eq", "-eq")}
# What is said for several units; which one is meant, only who writes it knows.
_GAS = "m3 (万m3) as it was metered, or Nm3 (万Nm3) at 0 °C and 101.325 kPa"
_TONS = "t (1000 kg), short ton (907.18474 kg) or long ton (1016.0469088 kg)"
_GALLONS = "US gallon (3.785411784 L) or UK gallon (4.54609 L)"
_FAHRENHEIT = "°C: it is (°F − 32) / 1.8"
_MEANT = {"ton": _TONS, "tons": _TONS, "MT": "t (1000 kg) or Mt (1000000 t)", "gallon": _GALLONS, "gallons": _GALLONS,
          "gal": _GALLONS, "加仑": _GALLONS, "方": _GAS, "万方": _GAS, "立方": _GAS, "C": "°C", "F": _FAHRENHEIT,
          "°F": _FAHRENHEIT, "℉": _FAHRENHEIT, "斤": "kg: it is 0.5 kg",
          "ft3": "scf at standard state, or m3 as it was metered"}
LISTED = "`carbonseal mrv units` lists the symbols"
DIFFERENT = "these are different dimensions; a rule with a factor is needed between them"
_SCALES = {(("celsius", 1),), (("temperature", 1),)}
_OFFSET = "the two scales have other zeros, so nothing is converted here: °C = K − 273.15"


@dataclass(frozen=True)
class Unit:
    """A product of powers of symbols; `scale` is its size in base units of its `dimension`."""

    atoms: Atoms
    scale: Fraction
    dimension: Atoms

    @property
    def text(self) -> str:
        """"kWh·tCO2/MWh"; "1" for a plain fraction."""
        above = [_power(symbol, power) for symbol, power in self.atoms if power > 0]
        below = [_power(symbol, -power) for symbol, power in self.atoms if power < 0]
        head = "·".join(above) or "1"
        if not below:
            return head
        return f"{head}/{below[0]}" if len(below) == 1 else f"{head}/({'·'.join(below)})"

    def __mul__(self, other: Unit) -> Unit:
        return Unit(_merge(self.atoms, other.atoms, 1), self.scale * other.scale,
                    _sorted(_merge(self.dimension, other.dimension, 1)))

    def __truediv__(self, other: Unit) -> Unit:
        return Unit(_merge(self.atoms, other.atoms, -1), self.scale / other.scale,
                    _sorted(_merge(self.dimension, other.dimension, -1)))

    def root(self) -> Unit | None:
        """The unit whose square this is, or None."""
        if any(power % 2 for _, power in self.atoms):
            return None
        numerator, denominator = _isqrt(self.scale.numerator), _isqrt(self.scale.denominator)
        if numerator is None or denominator is None:
            return None
        return Unit(tuple((symbol, power // 2) for symbol, power in self.atoms), Fraction(numerator, denominator),
                    tuple((name, power // 2) for name, power in self.dimension))

    def same_as(self, other: Unit) -> bool:
        """Whether numbers in both units may be added as they stand."""
        return self.dimension == other.dimension and self.scale == other.scale

    def ratio_to(self, other: Unit, *, where: str = "") -> Fraction:
        """How many `other` make one of this. Raises InputError (unit-mismatch) for another dimension.

        A plain fraction is a carbon content too: laboratories print carbon by mass in per cent (58.8 % is 0.588 tC/t).
        """
        if self.dimension != other.dimension and not (self.dimension == () and other.dimension == _CARBON_CONTENT):
            raise InputError("unit-mismatch", f"{self.text} cannot be expressed in {other.text}", where=where,
                             hint=_OFFSET if {self.dimension, other.dimension} == _SCALES else DIFFERENT)
        return self.scale / other.scale


def _power(symbol: str, power: int) -> str:
    return symbol if power == 1 else f"{symbol}^{power}"


def _sorted(atoms: Atoms) -> Atoms:
    return tuple(sorted(atoms))


def _merge(left: Atoms, right: Atoms, sign: int) -> Atoms:
    powers = dict(left)
    for symbol, power in right:
        powers[symbol] = powers.get(symbol, 0) + sign * power
    return tuple((symbol, power) for symbol, power in powers.items() if power)


def _isqrt(number: int) -> int | None:
    root = isqrt(number)
    return root if root * root == number else None


ONE = Unit((), Fraction(1), ())


def parse_unit(text: object, *, where: str = "") -> Unit:
    """The unit of its text. Raises FormError (unit-unknown) for any other text, and for what is no text."""
    if not isinstance(text, str) or not 0 < len(text) <= MAX_UNIT_CHARS:
        raise FormError("unit-unknown", f"{quoted(text, 40)} is not a unit", where=where)
    try:
        return _unit_of(text)
    except FormError as error:
        error.where = where or error.where
        raise


@lru_cache(maxsize=4096)
def _unit_of(text: str) -> Unit:
    tokens = [match[1].strip() for match in _TOKEN.finditer(text)]
    unit, rest = _product(tokens, text)
    if rest:
        raise FormError("unit-unknown", f"{text!r} is not a unit: {rest[0]!r} is not expected there")
    return unit


def _product(tokens: list[str], text: str) -> tuple[Unit, list[str]]:
    unit, tokens = _factor(tokens, text)
    while tokens and tokens[0] in "/*·":
        other, rest = _factor(tokens[1:], text)
        unit = unit / other if tokens[0] == "/" else unit * other
        tokens = rest
    return unit, tokens


def _factor(tokens: list[str], text: str) -> tuple[Unit, list[str]]:
    if not tokens or tokens[0] in "/*·)":
        raise FormError("unit-unknown", f"{text!r} is not a unit: a symbol is missing")
    if tokens[0] != "(":
        return _symbol(tokens[0], text), tokens[1:]
    unit, rest = _product(tokens[1:], text)
    if not rest or rest[0] != ")":
        raise FormError("unit-unknown", f"{text!r} is not a unit: a parenthesis is not closed")
    return unit, rest[1:]


def _symbol(symbol: str, text: str) -> Unit:
    if symbol == "1":
        return ONE
    if symbol in _ALIASES:
        return parse_unit(_ALIASES[symbol])
    base, _, exponent = symbol.partition("^")
    if exponent in ("2", "3"):
        unit = _symbol(base, text)
        return unit * unit if exponent == "2" else unit * unit * unit
    match = _POWER_OF_TEN.match(symbol)
    name, power = (symbol[match.end():], int(match[1])) if match else (symbol, 0)
    if name not in _SYMBOLS or power > MAX_POWER:
        raise FormError("unit-unknown", f"{symbol!r} is not a known unit", where=text, hint=_advice(name))
    scale, dimension = _SYMBOLS[name]
    atom = f"1e{power}{name}" if power else name
    return Unit(((atom, 1),), scale * 10**power, _sorted(tuple(dimension.items())))


def _advice(name: str) -> str:
    """Names the symbols that may be meant: those of a word with several meanings, those that differ in case alone (mW,
    MW are two units, so none is taken for the other)."""
    if name in _MEANT:
        return f"write {_MEANT[name]}; {LISTED}"
    meant = [symbol for symbol in (*_SYMBOLS, *_ALIASES) if symbol.lower() == name.lower()]
    return f"write {' or '.join(meant)}: the case of letters matters; {LISTED}" if meant else LISTED


def convert(value: Decimal, source: Unit, target: Unit, *, where: str = "") -> Decimal:
    """The number that stands for the same quantity in `target`: exact, or correctly rounded to 40 digits where the
    ratio has no finite decimal (GJ to kWh). Raises InputError (unit-mismatch)."""
    if source == target:
        return value
    return apply_ratio(value, source.ratio_to(target, where=where))


def apply_ratio(value: Decimal, ratio: Fraction, context: Context = CONTEXT) -> Decimal:
    """value × numerator / denominator with one rounding, in the division; none where the denominator is 1."""
    product = _EXACT.multiply(value, Decimal(ratio.numerator))
    return product if ratio.denominator == 1 else context.divide(product, Decimal(ratio.denominator))


def known_symbols() -> dict[str, str]:
    """Every symbol with the name of its dimension, for the specification."""
    return {symbol: dimension_text(_sorted(tuple(dimension.items()))) for symbol, (_, dimension) in _SYMBOLS.items()}


def known_aliases() -> dict[str, str]:
    """Other spellings that are read, each with the unit it stands for."""
    return dict(_ALIASES)


def dimension_text(dimension: Atoms) -> str:
    """"energy·time^-1"; "1" for a plain fraction."""
    return "·".join(_power(name, power) for name, power in dimension) or "1"
