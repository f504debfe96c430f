/**
 * Uncertainty carried from inputs to results, beside the values and never rounded into them: a value carries the absolute
 * contribution of each input, and a result's uncertainty is the root of the sum of their squares (IPCC 2006 Vol. 1 Ch. 3).
 */
import type { Operator } from "./checker.js";
import { Decimal, absolute, add, compare, divide, minus, multiply, squareRoot, subtract } from "./decimal.js";
import type { Field, Input } from "./fields.js";
import type { Evaluation } from "./formula.js";
import type { Step, Value } from "./interpreter.js";
import { CONTEXT } from "./numbers.js";
import { Quantity } from "./quantity.js";
import { isList, isObject } from "./texts.js";
import { ONE, Unit, applyRatio } from "./units.js";

/** Input → half width of its 95 % interval in the unit of the value it contributes to, in the order met. */
export type Parts = ReadonlyMap<string, Decimal>;

const NOTHING: Parts = new Map();
const HUNDRED = Decimal.of(100n);
const TWO = Decimal.of(2n);
const MINUS_ONE = Decimal.of(-1n);

/** An operator through which uncertainty is not carried; never leaves the package. */
export class Untraceable extends Error {}

/** The contributions to one value, in its unit. */
export class Spread {
  constructor(readonly unit: Unit, readonly parts: Parts) {}

  /** The contributions in another unit of the dimension. */
  to(unit: Unit): Parts {
    if (this.parts.size === 0) return this.parts;
    const ratio = this.unit.ratioTo(unit);
    return new Map(Array.from(this.parts, ([name, part]) => [name, applyRatio(part, ratio)]));
  }
}

export const EXACT = new Spread(ONE, NOTHING);

/** The spread of what an argument binds to, in its shape; null where it could not be carried. */
export type GivenSpread = Spread | null | readonly GivenSpread[] | ReadonlyMap<string, GivenSpread>;

/** The fields of one item of a list; a class of its own, since contributions are maps too. */
class Row {
  constructor(readonly fields: ReadonlyMap<string, Parts>) {}
}

/** A list: its values as bound, and in the same order what each contributes. */
class Rows {
  constructor(readonly values: readonly Value[], readonly parts: readonly (Parts | Row)[]) {}
}

type Entry = Parts | Row | Rows;
type Environment = ReadonlyMap<string, Entry>;

/** The uncertainty of a value in %; null where the value is 0. */
export function percent(value: Decimal, parts: Parts): Decimal | null {
  if (value.isZero) return null;
  const squares = Array.from(parts.values(), (part) => multiply(part, part, CONTEXT));
  const sum = squares.reduce((total, square) => add(total, square, CONTEXT), Decimal.ZERO);
  return divide(multiply(squareRoot(sum, CONTEXT), HUNDRED, CONTEXT), absolute(value, CONTEXT), CONTEXT);
}

/** The contribution of one input: `uncertainty` % of its value. */
export function ofInput(name: string, value: Decimal, uncertainty: Decimal, unit: Unit): Spread {
  return new Spread(unit, new Map([[name, divide(multiply(value, uncertainty, CONTEXT), HUNDRED, CONTEXT)]]));
}

/** The contributions to a sum. */
export function joined(spreads: readonly Spread[], unit: Unit): Spread {
  return new Spread(unit, combine(spreads.map((spread) => [Decimal.ONE, spread.to(unit)])));
}

/**
 * The spread of each output that is a quantity. Throws Untraceable at the root of 0, and in a table where nothing tells a
 * slope: an uncertain key that is looked up, a table of one row.
 */
export function propagate(evaluation: Evaluation, given: ReadonlyMap<string, GivenSpread>): ReadonlyMap<string, Spread> {
  const environment = new Map<string, Entry>();
  for (const input of evaluation.formula.inputs) environment.set(input.name, enter(input, given.get(input.name) ?? null, evaluation.given.get(input.name)));
  const found = new Map<string, Spread>();
  for (const [definition, step] of evaluation.trace) {
    const parts = partsOf(step, environment);
    environment.set(definition.name, parts);
    const output = evaluation.outputs.get(definition.name);
    if (output instanceof Quantity) found.set(definition.name, new Spread(output.unit, parts));
  }
  return found;
}

/** Contributions converted to the declared units, as the values were. */
function enter(input: Input, given: GivenSpread, values: Value | undefined): Entry {
  return isList(given) ? new Rows(isList(values) ? values : [], given.map((item) => enterItem(input, item)))
    : inUnit(input.single, given);
}

function enterItem(input: Input, given: GivenSpread): Parts | Row {
  if (!isObject(given)) return inUnit(input.single, given);
  return new Row(new Map(input.fields.map((field) => [field.name, inUnit(field, given.get(field.name) ?? null)])));
}

function inUnit(field: Field | null, given: GivenSpread): Parts {
  return given instanceof Spread && field?.type instanceof Unit ? given.to(field.type) : NOTHING;
}

function combine(terms: readonly (readonly [Decimal, Parts])[]): Parts {
  const total = new Map<string, Decimal>();
  for (const [factor, parts] of terms) {
    for (const [name, part] of parts) {
      total.set(name, add(total.get(name) ?? Decimal.ZERO, multiply(factor, part, CONTEXT), CONTEXT));
    }
  }
  return total;
}

function partsOf(step: Step, environment: Environment): Parts {
  const { operator, name, extra } = step.node;
  switch (operator) {
    case "name": return contributions(environment.get(name));
    case "field": return fieldOf(environment.get(name), extra[0] ?? "");
    case "sum": case "mean": case "least": case "greatest": return fold(step, environment);
    case "lookup": case "interpolate": return table(step, environment);
    default: return operation(step, environment);
  }
}

function contributions(entry: Entry | undefined): Parts {
  if (isObject(entry)) return entry;
  throw new TypeError("the checker let a list through where one value stands");
}

function fieldOf(entry: Entry | undefined, name: string): Parts {
  return entry instanceof Row ? (entry.fields.get(name) ?? NOTHING) : NOTHING;
}

function rowsOf(entry: Entry | undefined): Rows {
  if (entry instanceof Rows) return entry;
  throw new TypeError("the checker let a value through where a list stands");
}

function operation(step: Step, environment: Environment): Parts {
  const rule = OPERATIONS[step.node.operator];
  if (rule === undefined) return NOTHING;
  const inner = step.steps.map((operand) => partsOf(operand, environment));
  return inner.some((parts) => parts.size > 0) ? rule(step, inner) : NOTHING;
}

function fold(step: Step, environment: Environment): Parts {
  const { operator, name, extra } = step.node;
  const elements = rowsOf(environment.get(extra[0] ?? "")).parts;
  const inner = step.steps.map((body, i) => partsOf(body, new Map(environment).set(name, elements[i] ?? NOTHING)));
  if (operator === "least" || operator === "greatest") return chosen(step, inner);
  const share = operator === "mean" ? divide(Decimal.ONE, Decimal.of(BigInt(inner.length)), CONTEXT) : Decimal.ONE;
  return combine(inner.map((parts) => [share, parts]));
}

/** One row of a table: the values of a key and of what is sought, and what each contributes. */
interface Point {
  readonly key: Value;
  readonly value: Value;
  readonly keyParts: Parts;
  readonly valueParts: Parts;
}

function pointsOf(step: Step, environment: Environment): readonly Point[] {
  const { values, parts } = rowsOf(environment.get(step.node.name));
  const [key = "", value = ""] = step.node.extra;
  const cell = (row: Value | undefined, name: string): Value => (isObject(row) ? row.get(name) : undefined) ?? "";
  return parts.map((row, i) => ({ key: cell(values[i], key), value: cell(values[i], value),
    keyParts: fieldOf(row, key), valueParts: fieldOf(row, value) }));
}

function table(step: Step, environment: Environment): Parts {
  const at = operandParts(step, environment);
  const points = pointsOf(step, environment);
  if (step.node.operator === "interpolate") {
    const uncertain = at.size > 0 || rowsOf(environment.get(step.node.name)).parts.some((row) => row instanceof Row
      && Array.from(row.fields.values()).some((parts) => parts.size > 0));
    return uncertain ? interpolated(step, points, at) : NOTHING;
  }
  if (at.size > 0 || points.some(({ keyParts }) => keyParts.size > 0)) throw new Untraceable();
  const sought = step.steps[0]?.value;
  return points.find(({ key }) => sameValue(key, sought))?.valueParts ?? NOTHING;
}

function operandParts(step: Step, environment: Environment): Parts {
  const [operand] = step.steps;
  return operand === undefined ? NOTHING : partsOf(operand, environment);
}

function sameValue(a: Value, b: Value | undefined): boolean {
  return a instanceof Decimal && b instanceof Decimal ? compare(a, b) === 0 : a === b;
}

/** By the slope of the segment: (1 − t)·Δv₀ + t·Δv₁ + s·(Δa − (1 − t)·Δk₀ − t·Δk₁); at a row by the steeper one. */
function interpolated(step: Step, points: readonly Point[], at: Parts): Parts {
  const place = numberOf(step.steps[0]);
  const ordered = [...points].sort((a, b) => compare(decimalOf(a.key), decimalOf(b.key)));
  let steepest: { readonly slope: Decimal; readonly below: Point; readonly above: Point } | null = null;
  for (const [i, above] of ordered.entries()) {
    const below = ordered[i - 1];
    if (below === undefined || compare(decimalOf(below.key), place) > 0 || compare(place, decimalOf(above.key)) > 0) continue;
    const slope = divide(difference(above.value, below.value), difference(above.key, below.key), CONTEXT);
    if (steepest === null || compare(absolute(slope, CONTEXT), absolute(steepest.slope, CONTEXT)) > 0) {
      steepest = { slope, below, above };
    }
  }
  if (steepest === null) throw new Untraceable();
  const { slope, below, above } = steepest;
  const share = divide(difference(place, below.key), difference(above.key, below.key), CONTEXT);
  const rest = subtract(Decimal.ONE, share, CONTEXT);
  const fall = minus(slope, CONTEXT);
  return combine([[slope, at], [rest, below.valueParts], [share, above.valueParts],
    [multiply(fall, rest, CONTEXT), below.keyParts], [multiply(fall, share, CONTEXT), above.keyParts]]);
}

function difference(a: Value, b: Value): Decimal {
  return subtract(decimalOf(a), decimalOf(b), CONTEXT);
}

function decimalOf(value: Value): Decimal {
  if (value instanceof Decimal) return value;
  throw new TypeError("the checker let a table through whose column is no quantity");
}

type Rule = (step: Step, inner: readonly Parts[]) => Parts;

function part(inner: readonly Parts[], index: number): Parts {
  return inner[index] ?? NOTHING;
}

function numberOf(step: Step | undefined): Decimal {
  if (step?.value instanceof Decimal) return step.value;
  throw new TypeError("the checker let a value through that is no quantity");
}

/** Those of the first operand that has the value of the whole. */
const chosen: Rule = (step, inner) => {
  const value = numberOf(step);
  return part(inner, step.steps.findIndex((operand) => compare(numberOf(operand), value) === 0));
};

const weighted = (...factors: readonly Decimal[]): Rule => (_step, inner) =>
  combine(factors.map((factor, i) => [factor, part(inner, i)]));

const scaled = (factor: (step: Step) => Decimal): Rule => (step, inner) => combine([[factor(step), part(inner, 0)]]);

const product: Rule = (step, inner) => {
  const [a, b] = [numberOf(step.steps[0]), numberOf(step.steps[1])];
  return combine([[b, part(inner, 0)], [a, part(inner, 1)]]);
};

const quotient: Rule = (step, inner) => {
  const [a, b] = [numberOf(step.steps[0]), numberOf(step.steps[1])];
  const slope = divide(minus(a, CONTEXT), multiply(b, b, CONTEXT), CONTEXT);
  return combine([[divide(Decimal.ONE, b, CONTEXT), part(inner, 0)], [slope, part(inner, 1)]]);
};

function rootSlope(step: Step): Decimal {
  const value = numberOf(step);
  if (value.isZero) throw new Untraceable();
  return divide(Decimal.ONE, multiply(TWO, value, CONTEXT), CONTEXT);
}

function ratioOf(step: Step): Decimal {
  const ratio = step.node.ratio;
  if (ratio === null) throw new TypeError("the checker let a conversion through without its ratio");
  return divide(Decimal.of(ratio.numerator), Decimal.of(ratio.denominator), CONTEXT);
}

function signOf(step: Step): Decimal {
  return compare(numberOf(step.steps[0]), Decimal.ZERO) >= 0 ? Decimal.ONE : MINUS_ONE;
}

const first: Rule = (_step, inner) => part(inner, 0);

/** Literals, comparisons and counts stand in no row: they contribute nothing. */
const OPERATIONS: Readonly<Partial<Record<Operator, Rule>>> = {
  "+": weighted(Decimal.ONE, Decimal.ONE), "-": weighted(Decimal.ONE, MINUS_ONE), "*": product, "/": quotient,
  negate: scaled(() => MINUS_ONE), abs: scaled(signOf), sqrt: scaled(rootSlope), exp: scaled(numberOf),
  ln: scaled((step) => divide(Decimal.ONE, numberOf(step.steps[0]), CONTEXT)), convert: scaled(ratioOf),
  if: (_step, inner) => part(inner, 1), min: chosen, max: chosen, round: first, floor: first, ceil: first,
};
