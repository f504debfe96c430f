/** A quantity: an exact decimal with its unit. In JSON {"value": decimal text, "unit": text}. */
import { add, multiply, subtract, type Decimal } from "./decimal.js";
import { RuleError } from "./error.js";
import { CONTEXT, decimalText, parseDecimal, printedDecimal } from "./numbers.js";
import type { Json, JsonObject } from "./texts.js";
import { convert, parseUnit, type Unit } from "./units.js";

export interface QuantityDocument {
  readonly value: string;
  readonly unit: string;
}

export class Quantity {
  constructor(readonly value: Decimal, readonly unit: Unit) {}

  /** The quantity of {"value", "unit"} with a canonical decimal. */
  static fromJson(document: Json | undefined, where = ""): Quantity {
    const [value, unit] = members(document, where);
    return new Quantity(parseDecimal(value, where), parseUnit(unit, unitPlace(where)));
  }

  /** As `fromJson`, but the decimal may be spelled as people do. */
  static fromPrinted(document: Json | undefined, where = ""): Quantity {
    const [value, unit] = members(document, where);
    return new Quantity(printedDecimal(value, where), parseUnit(unit, unitPlace(where)));
  }

  document(): QuantityDocument {
    return { value: decimalText(this.value), unit: this.unit.text };
  }

  /** The same quantity in another unit of its dimension. Throws unit-mismatch. */
  to(unit: Unit): Quantity {
    return new Quantity(convert(this.value, this.unit, unit), unit);
  }

  plus(other: Quantity): Quantity {
    return new Quantity(add(this.value, convert(other.value, other.unit, this.unit), CONTEXT), this.unit);
  }

  minus(other: Quantity): Quantity {
    return new Quantity(subtract(this.value, convert(other.value, other.unit, this.unit), CONTEXT), this.unit);
  }

  times(other: Quantity): Quantity {
    return new Quantity(multiply(this.value, other.value, CONTEXT), this.unit.times(other.unit));
  }

  toString(): string {
    return `${decimalText(this.value)} ${this.unit.text}`;
  }

  representation(): string {
    return `Quantity(value=Decimal('${this.value}'), unit=${this.unit.representation()})`;
  }
}

/** Where the unit of a quantity stands. */
export function unitPlace(where: string): string {
  return where === "" ? "" : `${where}.unit`;
}

/** Whether a value has exactly the members value and unit. */
export function isQuantityDocument(document: unknown): document is JsonObject {
  return document instanceof Map && document.size === 2 && document.has("value") && document.has("unit");
}

function members(document: Json | undefined, where: string): readonly [Json, Json] {
  if (!isQuantityDocument(document)) {
    throw new RuleError("quantity-malformed", "a quantity has exactly value and unit",
      { where, hint: '{"value": "1234.5", "unit": "kWh"}' });
  }
  return [document.get("value") ?? null, document.get("unit") ?? null];
}
