/**
 * Units with dimensions, and their exact conversion: products of powers of named symbols ("tCO2/MWh", "GJ/1e4Nm3").
 * Carbon, carbon dioxide, CO2 equivalent, standard coal and plain mass are different dimensions. "1" is a plain fraction.
 */
import { Decimal, divide, multiply, type Context } from "./decimal.js";
import { RuleError } from "./error.js";
import { Fraction } from "./fraction.js";
import { integerRoot, powerOfTen } from "./integers.js";
import { CONTEXT, EXACT } from "./numbers.js";
import { ALIASES, MEANT, SYMBOLS } from "./symbols.js";
import { quoted, represented, type Plain } from "./texts.js";

const MAX_UNIT_CHARS = 80;
const MAX_POWER = 18;
/** White space as Python's text methods know it. */
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const TOKEN = new RegExp(`[${SPACE}]*([()/*·]|[^()/*·]+)`, "g");
const EDGES = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
const POWER_OF_TEN = /^1e([0-9]{1,2}) ?(?=\S)/;

/** Mass of carbon in a mass of fuel or material. */
const CARBON_CONTENT = "carbon^1·mass^-1";
const LISTED = "`carbonseal mrv units` lists the symbols";
const DIFFERENT = "these are different dimensions; a rule with a factor is needed between them";
const SCALES = "celsius^1,temperature^1";
const OFFSET = "the two scales have other zeros, so nothing is converted here: °C = K − 273.15";

type Atoms = readonly (readonly [string, number])[];

/** A product of powers of symbols; `scale` is its size in base units of its `dimension`. */
export class Unit {
  /** The dimension as one text, equal for equal dimensions. */
  readonly dimensionKey: string;

  constructor(readonly atoms: Atoms, readonly scale: Fraction, readonly dimension: Atoms) {
    this.dimensionKey = dimension.map(([name, power]) => `${name}^${power}`).join("·");
  }

  /** "kWh·tCO2/MWh"; "1" for a plain fraction. */
  get text(): string {
    const above = this.atoms.filter(([, power]) => power > 0).map(([symbol, power]) => powerText(symbol, power));
    const below = this.atoms.filter(([, power]) => power < 0).map(([symbol, power]) => powerText(symbol, -power));
    const head = above.join("·") || "1";
    if (below.length === 0) return head;
    return below.length === 1 ? `${head}/${below[0]}` : `${head}/(${below.join("·")})`;
  }

  times(other: Unit): Unit {
    return new Unit(merged(this.atoms, other.atoms, 1), this.scale.times(other.scale),
      sorted(merged(this.dimension, other.dimension, 1)));
  }

  over(other: Unit): Unit {
    return new Unit(merged(this.atoms, other.atoms, -1), this.scale.over(other.scale),
      sorted(merged(this.dimension, other.dimension, -1)));
  }

  /** The unit whose square this is, or null. */
  root(): Unit | null {
    if (this.atoms.some(([, power]) => power % 2 !== 0)) return null;
    const numerator = integerRoot(this.scale.numerator);
    const denominator = integerRoot(this.scale.denominator);
    const scale = Fraction.of(numerator, denominator);
    return scale.times(scale).equals(this.scale) ? new Unit(halved(this.atoms), scale, halved(this.dimension)) : null;
  }

  sameDimension(other: Unit): boolean {
    return this.dimensionKey === other.dimensionKey;
  }

  /** Whether numbers in both units may be added as they stand. */
  sameAs(other: Unit): boolean {
    return this.sameDimension(other) && this.scale.equals(other.scale);
  }

  /**
   * How many `other` make one of this. Throws unit-mismatch for another dimension. A plain fraction is a carbon content
   * too: laboratories print carbon by mass in per cent.
   */
  ratioTo(other: Unit, where = ""): Fraction {
    if (!this.sameDimension(other) && !(this.dimensionKey === "" && other.dimensionKey === CARBON_CONTENT)) {
      throw new RuleError("unit-mismatch", `${this.text} cannot be expressed in ${other.text}`,
        { where, hint: this.otherScale(other) ? OFFSET : DIFFERENT });
    }
    return this.scale.over(other.scale);
  }

  private otherScale(other: Unit): boolean {
    return [this.dimensionKey, other.dimensionKey].sort().join() === SCALES;
  }

  /** The form inside a list, in messages. */
  representation(): string {
    return `Unit(atoms=${tuple(this.atoms)}, scale=Fraction(${this.scale.numerator}, ${this.scale.denominator}), `
      + `dimension=${tuple(this.dimension)})`;
  }
}

export const ONE = new Unit([], Fraction.ONE, []);

function powerText(symbol: string, power: number): string {
  return power === 1 ? symbol : `${symbol}^${power}`;
}

function tuple(atoms: Atoms): string {
  const items = atoms.map(([name, power]) => `(${represented(name)}, ${power})`);
  return items.length === 1 ? `(${items[0]},)` : `(${items.join(", ")})`;
}

function sorted(atoms: Atoms): Atoms {
  return [...atoms].sort(([a], [b]) => (a < b ? -1 : 1));
}

function halved(atoms: Atoms): Atoms {
  return atoms.map(([name, power]) => [name, power / 2] as const);
}

function merged(left: Atoms, right: Atoms, sign: 1 | -1): Atoms {
  const powers = new Map(left);
  for (const [symbol, power] of right) powers.set(symbol, (powers.get(symbol) ?? 0) + sign * power);
  return Array.from(powers).filter(([, power]) => power !== 0);
}

const known = new Map<string, Unit>();
/** Texts of a rule set are few; what callers make up must not fill the memory. */
const MAX_KNOWN = 4096;

/** The unit of its text. Throws unit-unknown. */
export function parseUnit(text: Plain, where = ""): Unit {
  if (typeof text !== "string" || text.length === 0 || Array.from(text).length > MAX_UNIT_CHARS) {
    throw new RuleError("unit-unknown", `${quoted(text, 40)} is not a unit`, { where });
  }
  const found = known.get(text);
  if (found !== undefined) return found;
  const unit = readUnit(text, where);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(text, unit);
  return unit;
}

function readUnit(text: string, where: string): Unit {
  try {
    return new UnitReader(text).unit();
  } catch (error) {
    throw error instanceof RuleError && where !== "" ? error.at(where) : error;
  }
}

class UnitReader {
  private readonly tokens: readonly string[];
  private position = 0;

  constructor(private readonly text: string) {
    this.tokens = Array.from(text.matchAll(TOKEN), ([, token = ""]) => token.replace(EDGES, ""));
  }

  unit(): Unit {
    const unit = this.product();
    const rest = this.tokens[this.position];
    if (rest !== undefined) this.fail(`${represented(rest)} is not expected there`);
    return unit;
  }

  private product(): Unit {
    let unit = this.factor();
    for (;;) {
      const sign = this.tokens[this.position];
      if (sign === undefined || !["/", "*", "·", ""].includes(sign)) return unit;
      this.position += 1;
      const other = this.factor();
      unit = sign === "/" ? unit.over(other) : unit.times(other);
    }
  }

  private factor(): Unit {
    const token = this.tokens[this.position];
    if (token === undefined || ["/", "*", "·", ")", ""].includes(token)) this.fail("a symbol is missing");
    this.position += 1;
    if (token !== "(") return symbolUnit(token, this.text);
    const unit = this.product();
    if (this.tokens[this.position] !== ")") this.fail("a parenthesis is not closed");
    this.position += 1;
    return unit;
  }

  private fail(reason: string): never {
    throw new RuleError("unit-unknown", `${represented(this.text)} is not a unit: ${reason}`);
  }
}

function symbolUnit(symbol: string, text: string): Unit {
  if (symbol === "1") return ONE;
  const alias = ALIASES.get(symbol);
  if (alias !== undefined) return parseUnit(alias);
  const caret = symbol.indexOf("^");
  const exponent = caret < 0 ? "" : symbol.slice(caret + 1);
  if (exponent === "2" || exponent === "3") {
    const unit = symbolUnit(symbol.slice(0, caret), text);
    return exponent === "2" ? unit.times(unit) : unit.times(unit).times(unit);
  }
  const match = POWER_OF_TEN.exec(symbol);
  const power = Number(match?.[1] ?? "0");
  const name = symbol.slice(match?.[0].length ?? 0);
  const entry = SYMBOLS.get(name);
  if (entry === undefined || power > MAX_POWER) {
    throw new RuleError("unit-unknown", `${represented(symbol)} is not a known unit`,
      { where: text, hint: advice(name) });
  }
  const [numerator, denominator, dimension] = entry;
  const scale = Fraction.of(BigInt(numerator) * powerOfTen(power), BigInt(denominator));
  return new Unit([[power > 0 ? `1e${power}${name}` : name, 1]], scale, dimension);
}

/** Names the symbols that may be meant: of a word with several meanings, or those that differ in case alone. */
function advice(name: string): string {
  const several = MEANT.get(name);
  if (several !== undefined) return `write ${several}; ${LISTED}`;
  const meant = [...SYMBOLS.keys(), ...ALIASES.keys()].filter((symbol) => symbol.toLowerCase() === name.toLowerCase());
  return meant.length > 0 ? `write ${meant.join(" or ")}: the case of letters matters; ${LISTED}` : LISTED;
}

/** The number that stands for the same quantity in `target`. Throws unit-mismatch. */
export function convert(value: Decimal, source: Unit, target: Unit, where = ""): Decimal {
  return applyRatio(value, source.ratioTo(target, where));
}

/** value × numerator / denominator with one rounding, in the division; none where the denominator is 1. */
export function applyRatio(value: Decimal, ratio: Fraction, context: Context = CONTEXT): Decimal {
  const product = multiply(value, Decimal.of(ratio.numerator), EXACT);
  return ratio.denominator === 1n ? product : divide(product, Decimal.of(ratio.denominator), context);
}
