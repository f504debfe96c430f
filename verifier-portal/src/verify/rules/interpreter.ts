/**
 * Evaluation of a typed expression, left to right, and the trace of every operation.
 *
 * One context: precision 40, half up, no rounding between operations beyond that precision. `if`, `and` and `or` evaluate
 * only what decides; the trace holds what was evaluated, nothing else.
 */
import { type Node, type Operator } from "./checker.js";
import {
  Decimal, DecimalSignal, absolute, add, compare, divide, minus, multiply, squareRoot, subtract,
} from "./decimal.js";
import { RuleError } from "./error.js";
import { exponential, logarithm } from "./exponential.js";
import { CONTEXT, ROUNDINGS, decimalText, roundTo } from "./numbers.js";
import { render } from "./render.js";
import { represented } from "./texts.js";
import { applyRatio } from "./units.js";

// exp beyond this leaves every physical scale and would take the number over its greatest length.
const MAX_EXPONENT = 400;
const EXPONENT_LIMIT = Decimal.of(BigInt(MAX_EXPONENT));

/** What to do about a list without items. */
export const NO_ITEMS = "give each item with its value; where there was none, a line with the value 0";
const SCALE = { hint: "check the values and their units" };

export type Scalar = Decimal | string | boolean;
export type Row = ReadonlyMap<string, Scalar>;
/** A scalar, an item with fields, or a list of either. */
export type Value = Scalar | Row | readonly (Scalar | Row)[];
export type Environment = ReadonlyMap<string, Value>;

/** One evaluated operation: its node, its value, and the steps it was made from. */
export interface Step {
  readonly node: Node;
  readonly value: Scalar;
  readonly steps: readonly Step[];
}

type Evaluator = (node: Node, environment: Environment) => Step;

/**
 * The value of an expression with its trace. `environment`: name → value in the unit the rule declares. Throws
 * division-by-zero, out-of-range, number-too-long, input-missing (an empty list where a value is needed).
 */
export function evaluate(node: Node, environment: Environment): Step {
  try {
    return EVALUATORS[node.operator](node, environment);
  } catch (error) {
    if (!(error instanceof DecimalSignal)) throw error;
    throw signalled(error, node);
  }
}

function signalled(signal: DecimalSignal, node: Node): RuleError {
  if (signal.kind === "overflow") {
    return new RuleError("number-too-long", "the result is beyond every physical scale");
  }
  const [, divisor] = node.operands;
  const zero = node.operator === "/" && divisor !== undefined ? `the denominator ${render(divisor)} is zero` : "a denominator is zero";
  return new RuleError("division-by-zero", signal.kind === "division-by-zero" ? zero : `${zero}, and so is what it divides`);
}

/** A value as documents carry it: canonical decimal, the text itself, "true" or "false". */
export function valueText(value: Scalar): string {
  if (value instanceof Decimal) return decimalText(value);
  return typeof value === "boolean" ? String(value) : value;
}

// The checker has settled which kind each value has; these say so to the compiler and hold it to it.
function decimal(value: Value | undefined): Decimal {
  if (!(value instanceof Decimal)) throw new TypeError("the checker let a value through that is no quantity");
  return value;
}

function scalar(value: Value | undefined): Scalar {
  if (value instanceof Decimal || typeof value === "string" || typeof value === "boolean") return value;
  throw new TypeError("the checker let a list through where one value stands");
}

function items(environment: Environment, name: string): readonly (Scalar | Row)[] {
  const value = environment.get(name);
  if (!Array.isArray(value)) throw new TypeError("the checker let a value through that is no list");
  return value as readonly (Scalar | Row)[];
}

function rows(environment: Environment, name: string): readonly Row[] {
  return items(environment, name).filter((item): item is Row => item instanceof Map);
}

function operand(node: Node, index: number, environment: Environment): Step {
  const child = node.operands[index];
  if (child === undefined) throw new TypeError("the checker let an operator through without its operands");
  return evaluate(child, environment);
}

const arithmetic = (operation: typeof add): Evaluator => (node, environment) => {
  const a = operand(node, 0, environment);
  const b = operand(node, 1, environment);
  return { node, value: operation(decimal(a.value), decimal(b.value), CONTEXT), steps: [a, b] };
};

const ordering = (test: (order: number) => boolean): Evaluator => (node, environment) => {
  const a = operand(node, 0, environment);
  const b = operand(node, 1, environment);
  return { node, value: test(compare(decimal(a.value), decimal(b.value))), steps: [a, b] };
};

function equal(a: Scalar, b: Scalar): boolean {
  return a instanceof Decimal && b instanceof Decimal ? compare(a, b) === 0 : a === b;
}

const equality = (wanted: boolean): Evaluator => (node, environment) => {
  const a = operand(node, 0, environment);
  const b = operand(node, 1, environment);
  return { node, value: equal(a.value, b.value) === wanted, steps: [a, b] };
};

const logic: Evaluator = (node, environment) => {
  const decisive = node.operator === "or";
  const steps: Step[] = [];
  for (const child of node.operands) {
    const step = evaluate(child, environment);
    steps.push(step);
    if (step.value === decisive) return { node, value: decisive, steps };
  }
  return { node, value: !decisive, steps };
};

const unary = (operation: (value: Scalar) => Scalar): Evaluator => (node, environment) => {
  const step = operand(node, 0, environment);
  return { node, value: operation(step.value), steps: [step] };
};

function root(value: Decimal): Decimal {
  if (compare(value, Decimal.ZERO) < 0) throw new RuleError("out-of-range", `${decimalText(value)} has no square root`, SCALE);
  return squareRoot(value, CONTEXT);
}

function exp(value: Decimal): Decimal {
  if (compare(new Decimal(false, value.coefficient, value.exponent), EXPONENT_LIMIT) > 0) {
    throw new RuleError("out-of-range", `exp of ${decimalText(value)} is beyond ±${MAX_EXPONENT}`, SCALE);
  }
  return exponential(value, CONTEXT);
}

function ln(value: Decimal): Decimal {
  if (compare(value, Decimal.ZERO) <= 0) throw new RuleError("out-of-range", `${decimalText(value)} has no logarithm`, SCALE);
  return logarithm(value, CONTEXT);
}

const condition: Evaluator = (node, environment) => {
  const decided = operand(node, 0, environment);
  const chosen = operand(node, decided.value === true ? 1 : 2, environment);
  return { node, value: chosen.value, steps: [decided, chosen] };
};

/** The first of the least (`side` −1) or greatest (1) of values. */
function outermost(values: readonly Decimal[], side: -1 | 1): Decimal {
  return values.reduce((best, value) => (compare(value, best) === side ? value : best));
}

const extreme = (side: -1 | 1): Evaluator => (node, environment) => {
  const steps = node.operands.map((child) => evaluate(child, environment));
  return { node, value: outermost(steps.map((step) => decimal(step.value)), side), steps };
};

const rounding = (mode: keyof typeof ROUNDINGS): Evaluator => (node, environment) => {
  const step = operand(node, 0, environment);
  return { node, value: roundTo(decimal(step.value), mode, Number(node.name)), steps: [step] };
};

const conversion: Evaluator = (node, environment) => {
  const step = operand(node, 0, environment);
  if (node.ratio === null) throw new TypeError("the checker let a conversion through without its ratio");
  return { node, value: applyRatio(decimal(step.value), node.ratio), steps: [step] };
};

const fold = (combine: (values: readonly Scalar[], source: string) => Scalar): Evaluator => (node, environment) => {
  const source = node.extra[0] ?? "";
  const inner = new Map(environment);
  const steps: Step[] = [];
  for (const element of items(environment, source)) {
    inner.set(node.name, element);
    steps.push(operand(node, 0, inner));
  }
  return { node, value: combine(steps.map((step) => step.value), source), steps };
};

function total(values: readonly Scalar[]): Decimal {
  return values.reduce<Decimal>((sum, value) => add(sum, decimal(value), CONTEXT), Decimal.ZERO);
}

function some(values: readonly Scalar[], source: string): readonly Scalar[] {
  if (values.length > 0) return values;
  throw new RuleError("input-missing", `the list ${represented(source)} is empty`, { where: source, hint: NO_ITEMS });
}

function mean(values: readonly Scalar[], source: string): Decimal {
  return divide(total(some(values, source)), Decimal.of(BigInt(values.length)), CONTEXT);
}

const count: Evaluator = (node, environment) => {
  return { node, value: Decimal.of(BigInt(items(environment, node.name).length)), steps: [] };
};

const lookup: Evaluator = (node, environment) => {
  const at = operand(node, 0, environment);
  const [key = "", value = ""] = node.extra;
  const found = rows(environment, node.name).filter((row) => equal(scalar(row.get(key)), at.value));
  if (found.length !== 1) {
    throw new RuleError("out-of-range",
      `${key} ${valueText(at.value)} stands ${found.length} times in ${represented(node.name)}, not once`,
      { where: found.length > 0 ? node.name : takenFrom(node), hint: `give each ${key} in one line and no more` });
  }
  return { node, value: scalar(found[0]?.get(value)), steps: [at] };
};

const interpolate: Evaluator = (node, environment) => {
  const at = operand(node, 0, environment);
  const [key = "", value = ""] = node.extra;
  const x = decimal(at.value);
  const points = rows(environment, node.name).map((row) => [decimal(row.get(key)), decimal(row.get(value))] as const);
  const [below, above] = bracket(points, x, node, key);
  if (below === above) return { node, value: below[1], steps: [at] };
  const rise = multiply(subtract(above[1], below[1], CONTEXT), subtract(x, below[0], CONTEXT), CONTEXT);
  const step = divide(rise, subtract(above[0], below[0], CONTEXT), CONTEXT);
  return { node, value: add(below[1], step, CONTEXT), steps: [at] };
};

/** What the value that is looked up is taken from: a name, else the list. */
function takenFrom({ name, operands: [at] }: Node): string {
  return at?.operator === "name" ? at.name : name;
}

type Point = readonly [Decimal, Decimal];

/** The two points around x, or one point twice where x is its key. Throws out-of-range. */
function bracket(points: readonly Point[], x: Decimal, node: Node, key: string): readonly [Point, Point] {
  const { name } = node;
  const ordered = [...points].sort(([a], [b]) => compare(a, b));
  const twice = ordered.find(([a], i) => i + 1 < ordered.length && compare(ordered[i + 1]?.[0] ?? a, a) === 0);
  if (twice !== undefined) {
    throw new RuleError("out-of-range", `the table ${represented(name)} has the ${key} ${decimalText(twice[0])} twice`,
      { where: name, hint: `give each ${key} in one row and no more` });
  }
  const below = ordered.filter(([at]) => compare(at, x) <= 0).at(-1);
  const above = ordered.find(([at]) => compare(at, x) >= 0);
  if (below === undefined || above === undefined) {
    const [low, high] = [ordered[0]?.[0], ordered.at(-1)?.[0]];
    const span = low !== undefined && high !== undefined ? `${decimalText(low)} to ${decimalText(high)}` : "empty";
    throw new RuleError("out-of-range", `${key} ${decimalText(x)} is outside the table ${represented(name)} (${span})`,
      { where: takenFrom(node), hint: "a table is never extrapolated" });
  }
  return [below, above];
}

const EVALUATORS: Readonly<Record<Operator, Evaluator>> = {
  number: (node) => ({ node, value: decimal(node.number ?? undefined), steps: [] }),
  text: (node) => ({ node, value: node.name, steps: [] }),
  name: (node, environment) => ({ node, value: scalar(environment.get(node.name)), steps: [] }),
  field: (node, environment) => {
    const row = environment.get(node.name);
    return { node, value: scalar(row instanceof Map ? (row as Row).get(node.extra[0] ?? "") : undefined), steps: [] };
  },
  "+": arithmetic(add), "-": arithmetic(subtract), "*": arithmetic(multiply), "/": arithmetic(divide),
  "=": equality(true), "!=": equality(false),
  "<": ordering((order) => order < 0), "<=": ordering((order) => order <= 0),
  ">": ordering((order) => order > 0), ">=": ordering((order) => order >= 0),
  and: logic, or: logic, not: unary((value) => value !== true),
  negate: unary((value) => minus(decimal(value), CONTEXT)), abs: unary((value) => absolute(decimal(value), CONTEXT)),
  sqrt: unary((value) => root(decimal(value))), exp: unary((value) => exp(decimal(value))),
  ln: unary((value) => ln(decimal(value))),
  if: condition, min: extreme(-1), max: extreme(1),
  round: rounding("round"), floor: rounding("floor"), ceil: rounding("ceil"), convert: conversion,
  sum: fold(total), mean: fold(mean),
  least: fold((values, source) => outermost(some(values, source).map(decimal), -1)),
  greatest: fold((values, source) => outermost(some(values, source).map(decimal), 1)),
  all: fold((values) => values.every((value) => value === true)),
  any: fold((values) => values.some((value) => value === true)), count, lookup, interpolate,
};
