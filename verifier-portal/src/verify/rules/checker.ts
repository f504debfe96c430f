/**
 * Units of an expression tree, worked out when a rule is loaded; a typed node for the interpreter.
 *
 * Numbers are never converted silently: adding kWh to MWh is an error that asks for `convert(…, [unit])`.
 */
import type { Decimal } from "./decimal.js";
import { Misuse, asText } from "./document.js";
import { RuleError } from "./error.js";
import type { Fraction } from "./fraction.js";
import { parseDecimal } from "./numbers.js";
import { isList, isObject, plainText, represented, type Json } from "./texts.js";
import { ONE, Unit, parseUnit } from "./units.js";

/** How many operations lie one inside the other: a chain is a tree as deep as it is long. */
const MAX_TREE_DEPTH = 100;
export const MAX_ROUNDING_DIGITS = 20;

export type Type = Unit | "text" | "boolean";

/** A list input: each item one quantity (`unit`) or named fields. */
export interface ListType {
  readonly unit: Type | null;
  readonly fields: ReadonlyMap<string, Type>;
}

export type Scope = ReadonlyMap<string, Type | ListType>;

/** One operation with its operands and the type of its value. `name`: input, field, unit or function argument. */
export interface Node {
  readonly operator: Operator;
  readonly operands: readonly Node[];
  readonly type: Type;
  readonly name: string;
  readonly extra: readonly string[];
  readonly number: Decimal | null;
  readonly ratio: Fraction | null;
}

type Rule = (parts: readonly Json[], scope: Scope, depth: number, operator: Operator) => Node;

/** A type as text: the unit, "text" or "boolean". */
export function typeText(type: Type): string {
  return type instanceof Unit ? type.text : type;
}

function isListType(type: Type | ListType | undefined): type is ListType {
  return typeof type === "object" && !(type instanceof Unit);
}

interface Details {
  readonly operands?: readonly Node[];
  readonly name?: string;
  readonly extra?: readonly string[];
  readonly number?: Decimal;
  readonly ratio?: Fraction;
}

function node(operator: Operator, type: Type, details: Details = {}): Node {
  const { operands = [], name = "", extra = [], number = null, ratio = null } = details;
  return { operator, operands, type, name, extra, number, ratio };
}

/** The typed node of a tree. Throws expression-malformed, -too-deep, -unit, -unknown-name, unit-unknown. */
export function check(tree: Json | undefined, scope: Scope, depth = 0): Node {
  if (depth > MAX_TREE_DEPTH) {
    throw new RuleError("expression-too-deep", `more than ${MAX_TREE_DEPTH} operations lie one inside the other`,
      { hint: "name a part of the expression and use the name" });
  }
  const [operator, ...parts] = isList(tree) ? tree : [];
  if (typeof operator !== "string") {
    throw new RuleError("expression-malformed", "an expression tree is a list that begins with its operator");
  }
  if (!isOperator(operator)) {
    throw new RuleError("expression-malformed", `${represented(operator)} is not an operator of the language`);
  }
  try {
    return RULES[operator](parts, scope, depth + 1, operator);
  } catch (error) {
    if (!(error instanceof Misuse)) throw error;
    throw new RuleError("expression-malformed", `${represented(operator)} is not used as the language defines it`);
  }
}

function isOperator(text: string): text is Operator {
  return Object.hasOwn(RULES, text);
}

function fail(message: string, hint = "write convert(…, [unit]) where a conversion is meant"): never {
  throw new RuleError("expression-unit", message, { hint });
}

function unknownName(message: string, hint = ""): never {
  throw new RuleError("expression-unknown-name", message, { hint });
}

/** Exactly so many parts. */
function exactly(parts: readonly Json[], count: number): void {
  if (parts.length !== count) throw new Misuse(`${parts.length} parts`);
}

function quantity(operand: Node): Unit {
  if (operand.type instanceof Unit) return operand.type;
  return fail(`a quantity is needed, not a ${operand.type}`, "compare texts with = and !=, use booleans in if()");
}

function fraction(operand: Node, operator: string): void {
  if (!quantity(operand).sameAs(ONE)) {
    fail(`${operator} needs a plain number, not ${typeText(operand.type)}`, "divide by a quantity of the same unit first");
  }
}

function boolean(operand: Node): Node {
  if (operand.type !== "boolean") fail(`a condition is needed, not ${typeText(operand.type)}`, "write a comparison");
  return operand;
}

function same(left: Type, right: Type, operator: string): void {
  if (left instanceof Unit && right instanceof Unit) {
    if (!left.sameAs(right)) fail(`${left.text} ${operator} ${right.text}: the units differ`);
  } else if (left !== right) {
    fail(`${typeText(left)} ${operator} ${typeText(right)} has no meaning`);
  }
}

const number: Rule = (parts, _scope, _depth, operator) => {
  exactly(parts, 2);
  const unit = asText(parts[1]);
  return node(operator, parseUnit(unit), { name: unit, number: parseDecimal(parts[0]) });
};

const text: Rule = (parts, _scope, _depth, operator) => {
  exactly(parts, 1);
  return node(operator, "text", { name: asText(parts[0]) });
};

const name: Rule = (parts, scope, _depth, operator) => {
  exactly(parts, 1);
  const found = single(parts[0]);
  const type = typeof found === "string" ? scope.get(found) : undefined;
  if (type === undefined || isListType(type)) {
    return unknownName(`${represented(found)} is not a quantity here`, "inputs, let-names defined above, the item of a sum");
  }
  return node(operator, type, { name: plainText(found) });
};

const field: Rule = (parts, scope, _depth, operator) => {
  exactly(parts, 2);
  const [item, member] = [plainText(parts[0]), plainText(parts[1])];
  const type = scope.get(`${item}.${member}`);
  if (type === undefined || isListType(type)) return unknownName(`${item}.${member} is not a field here`);
  return node(operator, type, { name: item, extra: [member] });
};

/** A part that stands where one text does: no list, no object. */
function single(part: Json | undefined): Json {
  if (part === undefined || isList(part) || isObject(part)) throw new Misuse(represented(part));
  return part;
}

function pair(parts: readonly Json[], scope: Scope, depth: number): readonly [Node, Node] {
  exactly(parts, 2);
  return [check(parts[0], scope, depth), check(parts[1], scope, depth)];
}

const sum: Rule = (parts, scope, depth, operator) => {
  const [a, b] = pair(parts, scope, depth);
  quantity(a);
  same(a.type, b.type, operator);
  return node(operator, a.type, { operands: [a, b] });
};

const product: Rule = (parts, scope, depth, operator) => {
  const [a, b] = pair(parts, scope, depth);
  const unit = operator === "*" ? quantity(a).times(quantity(b)) : quantity(a).over(quantity(b));
  return node(operator, unit, { operands: [a, b] });
};

const comparison: Rule = (parts, scope, depth, operator) => {
  const [a, b] = pair(parts, scope, depth);
  same(a.type, b.type, operator);
  if (operator !== "=" && operator !== "!=") quantity(a);
  return node(operator, "boolean", { operands: [a, b] });
};

const logic: Rule = (parts, scope, depth, operator) => {
  exactly(parts, operator === "not" ? 1 : 2);
  return node(operator, "boolean", { operands: parts.map((part) => boolean(check(part, scope, depth))) });
};

const unary: Rule = (parts, scope, depth, operator) => {
  exactly(parts, 1);
  const operand = check(parts[0], scope, depth);
  const unit = quantity(operand);
  if (operator === "exp" || operator === "ln") fraction(operand, operator);
  const root = operator === "sqrt" ? unit.root() : unit;
  return node(operator, root ?? fail(`the square root of ${unit.text} has no unit`), { operands: [operand] });
};

const condition: Rule = (parts, scope, depth, operator) => {
  exactly(parts, 3);
  const [a, b] = pair(parts.slice(1), scope, depth);
  same(a.type, b.type, "or");
  return node(operator, a.type, { operands: [boolean(check(parts[0], scope, depth)), a, b] });
};

const extreme: Rule = (parts, scope, depth, operator) => {
  if (parts.length === 0) throw new Misuse("no parts");
  const first = check(parts[0], scope, depth);
  quantity(first);
  const others = parts.slice(1).map((part) => check(part, scope, depth));
  for (const other of others) same(first.type, other.type, operator);
  return node(operator, first.type, { operands: [first, ...others] });
};

const rounding: Rule = (parts, scope, depth, operator) => {
  exactly(parts, 2);
  const digits = asText(parts[1]);
  if (!/^(?:0|[1-9][0-9]?)$/.test(digits) || Number(digits) > MAX_ROUNDING_DIGITS) throw new Misuse(digits);
  const operand = check(parts[0], scope, depth);
  return node(operator, quantity(operand), { operands: [operand], name: digits });
};

const conversion: Rule = (parts, scope, depth, operator) => {
  if (parts.length < 2) throw new Misuse("no unit");
  const operand = check(parts[0], scope, depth);
  const target = asText(parts[1]);
  const unit = parseUnit(target);
  const source = quantity(operand);
  if (!source.sameDimension(unit)) {
    fail(`${source.text} cannot be converted to ${target}`, "these are different dimensions: multiply by a factor");
  }
  const ratio = source.scale.over(unit.scale);
  const stated = parts.slice(2);
  if (stated.length > 0 && (stated.length !== 2 || stated[0] !== String(ratio.numerator)
    || stated[1] !== String(ratio.denominator))) {
    throw new RuleError("expression-malformed", `the ratio of ${source.text} to ${target} is ${ratio}`);
  }
  return node(operator, unit, { operands: [operand], name: target, ratio });
};

function listOf(scope: Scope, source: Json): ListType {
  const type = typeof source === "string" ? scope.get(source) : undefined;
  return isListType(type) ? type : unknownName(`${represented(source)} is not a list input`);
}

const fold: Rule = (parts, scope, depth, operator) => {
  exactly(parts, 3);
  const source = plainText(single(parts[1]));
  const list = listOf(scope, single(parts[1]));
  const item = asText(parts[0]);
  if (scope.has(item)) unknownName(`${represented(item)} already means something else`);
  const inner = new Map(scope);
  for (const [member, type] of list.fields) inner.set(`${item}.${member}`, type);
  if (list.unit !== null) inner.set(item, list.unit);
  const body = check(parts[2], inner, depth);
  if (operator === "all" || operator === "any") boolean(body);
  else quantity(body);
  return node(operator, body.type, { operands: [body], name: item, extra: [source] });
};

const count: Rule = (parts, scope, _depth, operator) => {
  exactly(parts, 1);
  listOf(scope, single(parts[0]));
  return node(operator, ONE, { name: plainText(parts[0]) });
};

const table: Rule = (parts, scope, depth, operator) => {
  exactly(parts, 4);
  const list = listOf(scope, single(parts[0]));
  const at = check(parts[3], scope, depth);
  const [source, key, value] = parts.slice(0, 3).map((part) => plainText(single(part))) as [string, string, string];
  const keyType = list.fields.get(key);
  const valueType = list.fields.get(value);
  if (keyType === undefined || valueType === undefined) {
    return unknownName(`${represented(source)} has no column ${represented(parts[1])} or ${represented(parts[2])}`);
  }
  same(keyType, at.type, operator);
  if (operator === "interpolate" && !(keyType instanceof Unit && valueType instanceof Unit)) {
    fail("only quantities can be interpolated", "use lookup");
  }
  return node(operator, valueType, { operands: [at], name: source, extra: [key, value] });
};

export type Operator =
  | "number" | "text" | "name" | "field" | "+" | "-" | "*" | "/" | "=" | "!=" | "<" | "<=" | ">" | ">=" | "and" | "or"
  | "not" | "negate" | "abs" | "sqrt" | "exp" | "ln" | "if" | "min" | "max" | "round" | "floor" | "ceil" | "convert"
  | "sum" | "mean" | "least" | "greatest" | "all" | "any" | "count" | "interpolate" | "lookup";

const RULES: Readonly<Record<Operator, Rule>> = {
  number, text, name, field, "+": sum, "-": sum, "*": product, "/": product, "=": comparison, "!=": comparison,
  "<": comparison, "<=": comparison, ">": comparison, ">=": comparison, and: logic, or: logic, not: logic,
  negate: unary, abs: unary, sqrt: unary, exp: unary, ln: unary, if: condition, min: extreme, max: extreme,
  round: rounding, floor: rounding, ceil: rounding, convert: conversion, sum: fold, mean: fold, least: fold,
  greatest: fold, all: fold, any: fold, count, interpolate: table, lookup: table,
};
