/** What a formula asks for: named inputs with units and bounds, single or in lists; values are bound to them. */
import type { ListType, Type } from "./checker.js";
import { compare, type Decimal } from "./decimal.js";
import { checkUnique, member, nameOf, objects, texts, title } from "./document.js";
import { RuleError } from "./error.js";
import { NO_ITEMS, type Row, type Scalar, type Value } from "./interpreter.js";
import { decimalText, parseDecimal, parseNatural } from "./numbers.js";
import { Quantity, isQuantityDocument, unitPlace } from "./quantity.js";
import { isList, isObject, plainText, quoted, represented, type Json, type JsonObject } from "./texts.js";
import { Unit, convert, parseUnit } from "./units.js";

/** A year of quarter hours is 35,136 values. */
const MAX_QUANTITIES = 50_000;

/** A quantity, a text, or for a list input a list of them or of objects of them. */
export type Given = Quantity | string | readonly Given[] | ReadonlyMap<string, Given>;

/** A limit of a field; `holds` tells whether a value's order against it is allowed. */
interface Bound {
  readonly limit: Decimal;
  readonly word: string;
  readonly holds: (order: number) => boolean;
}

const BOUNDS: readonly (readonly [string, string, (order: number) => boolean])[] = [
  ["min", "at least", (order) => order >= 0], ["max", "at most", (order) => order <= 0],
  ["above", "above", (order) => order > 0], ["below", "below", (order) => order < 0],
];

/** One quantity or text: `min` and `max` may be reached, `above` and `below` may not. */
export class Field {
  private constructor(readonly name: string, readonly type: Unit | "text", private readonly bounds: readonly Bound[],
    readonly oneOf: readonly string[]) {}

  /** The field of its canonical JSON form. */
  static fromDocument(document: JsonObject): Field {
    const bounds: Bound[] = [];
    for (const [key, word, holds] of BOUNDS) {
      const limit = document.get(key);
      if (limit !== undefined) bounds.push({ limit: parseDecimal(limit), word, holds });
    }
    const unit = member(document, "unit");
    const type = unit === "text" ? unit : parseUnit(unit);
    const name = nameOf(document);
    title(document);
    return new Field(name, type, bounds, texts(document, "one_of"));
  }

  /** The value in the field's unit. Throws unit-mismatch, out-of-range, input-malformed. */
  bind(given: Given | undefined, where: string): Scalar {
    if (!(this.type instanceof Unit)) return this.bindText(given, where);
    const unit = this.type;
    if (!(given instanceof Quantity)) {
      throw new RuleError("input-malformed", `a quantity in ${unit.text} is needed`,
        { where, hint: `{"value": "1234.5", "unit": "${unit.text}"}` });
    }
    const value = convert(given.value, given.unit, unit, unitPlace(where));
    if (!this.bounds.every((bound) => bound.holds(compare(value, bound.limit)))) {
      const spelled = unit.text === "1" ? "" : ` ${unit.text}`;
      throw new RuleError("out-of-range", `${decimalText(value)}${spelled} is not ${this.words()}${spelled}`,
        { where, hint: "check the value and its unit" });
    }
    return value;
  }

  private bindText(given: Given | undefined, where: string): string {
    if (typeof given === "string" && (this.oneOf.length === 0 || this.oneOf.includes(given))) return given;
    throw new RuleError("out-of-range", `${quoted(given, 40)} is not one of ${this.oneOf.join(", ")}`,
      { where, hint: "give one of these texts, spelled so" });
  }

  /** The bounds in a sentence: "at least 0 and at most 1". */
  private words(): string {
    return this.bounds.map(({ word, limit }) => `${word} ${decimalText(limit)}`).join(" and ");
  }
}

/** A named input: one field; or a list whose items are one field or several named fields. */
export class Input {
  private constructor(readonly name: string, readonly single: Field | null, readonly fields: readonly Field[],
    private readonly least: number | null) {}

  static fromDocument(document: JsonObject): Input {
    const name = nameOf(document);
    const titles = title(document);
    if (!document.has("list")) return new Input(name, Field.fromDocument(document), [], null);
    const least = Number(parseNatural(member(document, "least")));
    const items = member(document, "list");
    if (isObject(items)) {
      const single = new Map<string, Json>([["name", name], ["title", titles], ...items]);
      return new Input(name, Field.fromDocument(single), [], least);
    }
    const fields = objects(document, "list");
    checkUnique(fields.map((field) => member(field, "name")), "a field");
    return new Input(name, null, fields.map((field) => Field.fromDocument(field)), least);
  }

  /** What the checker sees. */
  get type(): Type | ListType {
    if (this.least === null && this.single !== null) return this.single.type;
    return { unit: this.single?.type ?? null, fields: new Map(this.fields.map((field) => [field.name, field.type])) };
  }

  /** The value or list of values in the declared units. */
  bind(given: Given | undefined): Value {
    if (this.least === null && this.single !== null) return this.single.bind(given, this.name);
    if (!isList(given)) throw new RuleError("input-malformed", "a list is needed",
      { where: this.name, hint: "write [ ] around the values, also of one" });
    checkAmount(new Map([[this.name, given]]));
    const least = this.least ?? 0;
    if (given.length < least) {
      throw new RuleError("input-missing", `${given.length} items, at least ${least} are needed`,
        { where: this.name, hint: NO_ITEMS });
    }
    return given.map((item, i) => this.bindItem(item, `${this.name}[${i}]`));
  }

  private bindItem(given: Given, where: string): Scalar | Row {
    if (this.single !== null) return this.single.bind(given, where);
    if (!isObject(given)) {
      throw new RuleError("input-malformed", "an object with named fields is needed",
        { where, hint: `the fields are ${this.fields.map((field) => field.name).join(", ")}` });
    }
    return this.bindRow(given, where);
  }

  private bindRow(given: ReadonlyMap<string, Given>, where: string): Row {
    checkNames(this.fields.map((field) => field.name), given, where);
    return new Map(this.fields.map((field) => [field.name, field.bind(given.get(field.name), `${where}.${field.name}`)]));
  }
}

/** Throws input-missing or input-unknown unless exactly these names are given. */
export function checkNames(names: readonly string[], given: ReadonlyMap<string, Given>, where: string): void {
  for (const name of names) {
    if (!given.has(name)) {
      throw new RuleError("input-missing", `the input ${represented(name)} is missing`,
        { where, hint: "a missing value is never taken as zero" });
    }
  }
  for (const name of given.keys()) {
    if (!names.includes(name)) {
      throw new RuleError("input-unknown", `there is no input ${represented(name)}`,
        { where, hint: `the inputs are ${names.join(", ")}` });
    }
  }
}

/** Passes for at most 50,000 quantities, read or still in JSON. Throws inputs-too-many. */
export function checkAmount(inputs: ReadonlyMap<string, Given | Json>): void {
  let left = MAX_QUANTITIES;
  const pending: (Given | Json)[] = Array.from(inputs.values());
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (isList(value)) for (const item of value.slice(0, left + 1)) pending.push(item);
    else if (isObject(value) && !isQuantityDocument(value)) for (const item of value.values()) pending.push(item);
    else left -= 1;
    if (pending.length > left) {
      throw new RuleError("inputs-too-many", `more than ${MAX_QUANTITIES} quantities are given at once`,
        { where: inputs.keys().next().value ?? "", hint: "add them up in several evaluations" });
    }
  }
}

/** Values from JSON: {"value", "unit"} → Quantity (or the text when unit is "text"), lists and objects alike. */
export function readGiven(document: Json, where: string): Given {
  if (isList(document)) return document.map((item, i) => readGiven(item, `${where}[${i}]`));
  if (isQuantityDocument(document)) {
    if (document.get("unit") === "text") return plainText(document.get("value"));
    return Quantity.fromPrinted(document, where);
  }
  if (isObject(document)) {
    return new Map(Array.from(document, ([name, value]) => [name, readGiven(value, `${where}.${name}`)]));
  }
  throw new RuleError("quantity-malformed", "a quantity has exactly value and unit",
    { where, hint: '{"value": "1234.5", "unit": "kWh"}' });
}

/** The members of a canonical list document, each read. */
export function readInputs(document: JsonObject): readonly Input[] {
  return objects(document, "inputs").map((item) => Input.fromDocument(item));
}
