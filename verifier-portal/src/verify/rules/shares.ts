/** How the quantity of each input came to be: measured, estimated, manual, or substituted for a gap. */
import { Decimal, add, divide, multiply } from "./decimal.js";
import { SUBSTITUTION } from "./gaps.js";
import type { Inputs } from "./inputs.js";
import type { Item } from "./items.js";
import { CONTEXT, decimalText, roundTo } from "./numbers.js";
import type { Unit } from "./units.js";

/** One part in a million of an input is still seen. */
const SHARE_DIGITS = 4;
const HUNDRED = Decimal.of(100n);
/** From best to worst. */
const KINDS = ["measured", "estimated", "manual", "substituted"] as const;

/** Percentages of one input by quantity; `substitutions` counts its substituted gaps. */
export interface Shares {
  readonly percentages: ReadonlyMap<string, Decimal>;
  readonly substitutions: number;
}

/** The shares of every input given, by name. */
export function sharesOf(inputs: Inputs): ReadonlyMap<string, Shares> {
  return new Map(Array.from(inputs.items).flatMap(([name, items]) => {
    const unit = inputs.rules.get(name)?.unit;
    return unit === undefined ? [] : [[name, shares(items, unit)]];
  }));
}

function shares(items: readonly Item[], unit: Unit): Shares {
  const kinds = items.map((item) => (item.type === SUBSTITUTION ? "substituted" : item.method));
  let amounts = new Map<string, Decimal>(KINDS.map((kind) => [kind, Decimal.ZERO]));
  items.forEach((item, i) => {
    const kind = kinds[i] ?? "";
    amounts.set(kind, add(amounts.get(kind) ?? Decimal.ZERO, item.quantity.to(unit).value, CONTEXT));
  });
  let total = Array.from(amounts.values()).reduce((sum, amount) => add(sum, amount, CONTEXT), Decimal.ZERO);
  if (total.isZero) {
    // An input that is zero is wholly what its worst item is.
    amounts = new Map([[KINDS.filter((kind) => kinds.includes(kind)).at(-1) ?? "measured", Decimal.ONE]]);
    total = Decimal.ONE;
  }
  const share = (kind: string): Decimal => roundTo(
    divide(multiply(amounts.get(kind) ?? Decimal.ZERO, HUNDRED, CONTEXT), total, CONTEXT), "round", SHARE_DIGITS);
  return { percentages: new Map(KINDS.map((kind) => [kind, share(kind)])),
    substitutions: kinds.filter((kind) => kind === "substituted").length };
}

/** {"measured", "estimated", "manual", "substituted", "substitutions"}, percentages as text. */
export function sharesDocument({ percentages, substitutions }: Shares): ReadonlyMap<string, string> {
  return new Map([...Array.from(percentages, ([kind, share]) => [kind, decimalText(share)] as const),
    ["substitutions", String(substitutions)]]);
}
