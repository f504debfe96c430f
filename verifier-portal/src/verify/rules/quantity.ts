/** A quantity: an exact decimal with its unit. In JSON {"value": decimal text, "unit": text}. */
import type { Decimal } from "./decimal.js";
import { RuleError } from "./error.js";
import { decimalText, printedDecimal } from "./numbers.js";
import { isObject, type Json, type JsonObject } from "./texts.js";
import { parseUnit, type Unit } from "./units.js";

export interface QuantityDocument {
  readonly value: string;
  readonly unit: string;
}

export class Quantity {
  constructor(readonly value: Decimal, readonly unit: Unit) {}

  /** The quantity of {"value", "unit"}; the decimal may be spelled as people do. */
  static fromPrinted(document: Json | undefined, where = ""): Quantity {
    const [value, unit] = members(document, where);
    return new Quantity(printedDecimal(value, where), parseUnit(unit));
  }

  document(): QuantityDocument {
    return { value: decimalText(this.value), unit: this.unit.text };
  }

  toString(): string {
    return `${decimalText(this.value)} ${this.unit.text}`;
  }

  representation(): string {
    return `Quantity(value=Decimal('${this.value}'), unit=${this.unit.representation()})`;
  }
}

/** Whether a value has exactly the members value and unit. */
export function isQuantityDocument(document: Json | undefined): document is JsonObject {
  return isObject(document) && document.size === 2 && document.has("value") && document.has("unit");
}

function members(document: Json | undefined, where: string): readonly [Json, Json] {
  if (!isQuantityDocument(document)) {
    throw new RuleError("quantity-malformed", "a quantity has exactly value and unit",
      { where, hint: '{"value": "1234.5", "unit": "kWh"}' });
  }
  return [document.get("value") ?? null, document.get("unit") ?? null];
}
