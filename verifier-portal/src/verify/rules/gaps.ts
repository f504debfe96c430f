/**
 * Conservative substitution of a gap: rate × duration by the rule that the methodology names. `capacity`, `greatest-rate`:
 * the rate may not lie below one measured in the same period; `zero`: nothing is counted.
 */
import { Decimal, compare, divide } from "./decimal.js";
import { RuleError } from "./error.js";
import { DIGEST_HINT, checkHex, checkId } from "./ids.js";
import type { InputRule } from "./methodology.js";
import { CONTEXT } from "./numbers.js";
import { parseInstant, type Period } from "./period.js";
import { Quantity } from "./quantity.js";
import { isObject, lengthOf, plainText, type Json, type JsonObject } from "./texts.js";
import { parseUnit } from "./units.js";

export const SUBSTITUTION = "substitution";
export const SUBSTITUTION_MEMBERS = ["type", "rule", "meter", "start", "end", "rate", "reason", "digest"] as const;
const MAX_REASON_CHARS = 200;
const THOUSAND = Decimal.of(1000n);

/** A quantity and the source it comes from. */
export interface Sourced {
  readonly quantity: Quantity;
  readonly source: JsonObject;
}

/** [start, end) in milliseconds UTC. */
export type Span = readonly [number, number];

/** The source of a substituted quantity, alone. Throws source-not-allowed, period-outside, source-mismatch, … */
export function checkSubstitution(rule: InputRule, { quantity, source }: Sourced, period: Period, where: string): void {
  if (source.get("rule") !== rule.substitution) {
    throw new RuleError("source-not-allowed", `${rule.name} is substituted by ${rule.substitution}`,
      { where, hint: `"rule": "${rule.substitution}"` });
  }
  const reason = source.get("reason");
  if (typeof reason !== "string" || reason === "" || lengthOf(reason) > MAX_REASON_CHARS) {
    throw new RuleError("inputs-malformed", "a substitution says why data are missing",
      { where, hint: `a reason of 1 to ${MAX_REASON_CHARS} characters` });
  }
  if (source.get("meter") !== null) checkId(source.get("meter"), where);
  const gap = gapOf(source, where);
  if (period.start > gap[0] || gap[0] >= gap[1] || gap[1] > period.end) {
    throw new RuleError("period-outside", "the gap is empty or not within the period",
      { where, hint: "start and end of the gap lie within the period, start before end" });
  }
  if (rule.substitution === "zero") checkZero(quantity, source, where);
  else checkRate(quantity, source, gap, where);
}

function checkZero(quantity: Quantity, source: JsonObject, where: string): void {
  if (!quantity.value.isZero || source.get("rate") !== null || source.get("digest") !== null) {
    throw new RuleError("source-mismatch", "a gap counted as zero has no quantity, rate or document",
      { where, hint: 'the value is "0", rate and digest are null' });
  }
}

function checkRate(quantity: Quantity, source: JsonObject, gap: Span, where: string): void {
  checkHex(source.get("digest"), where, DIGEST_HINT);
  const rate = Quantity.fromJson(source.get("rate"), where);
  const negative = compare(rate.value, Decimal.ZERO) < 0;
  if (negative || compare(quantity.value, over(rate, gap).to(quantity.unit).value) !== 0) {
    throw new RuleError("source-mismatch", `${quantity} is not ${rate} over the gap`,
      { where, hint: "the quantity is the rate times the duration of the gap" });
  }
}

/** [start, end) of a substituted gap. */
export function gapOf(source: JsonObject, where = ""): Span {
  return [parseInstant(source.get("start"), where), parseInstant(source.get("end"), where)];
}

/** The substitutions of an input beside its other sources; `place`: where it stands. Throws inputs-overlap, not-conservative. */
export function checkGaps(place: string, items: readonly Sourced[]): void {
  const gaps = items.filter(({ source }) => source.get("type") === SUBSTITUTION);
  const registers = items.filter(({ source }) => source.get("type") === "register");
  for (const meter of new Set(gaps.map(({ source }) => source.get("meter")))) {
    const spans = [...gaps.filter(({ source }) => source.get("meter") === meter).map(({ source }) => gapOf(source)),
      ...registers.filter(({ source }) => source.get("meter") === meter).map(({ source }) => spanOf(source))];
    if (overlap(spans)) {
      throw new RuleError("inputs-overlap", "a substituted gap shares time with other data",
        { where: place, hint: "cut the gap where the readings begin again, and give each gap once" });
    }
  }
  for (const { source } of gaps) {
    if (source.get("rate") !== null) checkConservative(place, Quantity.fromJson(source.get("rate")), registers);
  }
}

function checkConservative(place: string, rate: Quantity, registers: readonly Sourced[]): void {
  for (const { quantity, source } of registers) {
    if (compare(over(rate, spanOf(source)).to(quantity.unit).value, quantity.value) < 0) {
      throw new RuleError("not-conservative", `${rate} is below the rate of ${plainText(source.get("meter"))}`,
        { where: place, hint: "a gap is filled with the greatest rate, never a lower one" });
    }
  }
}

function spanOf(source: JsonObject): Span {
  return [instantOf(source.get("from")), instantOf(source.get("to"))];
}

function instantOf(place: Json | undefined): number {
  return parseInstant(isObject(place) ? place.get("time") : undefined, "time");
}

/** Whether two of the spans [start, end) share anything. */
export function overlap<T extends number | bigint>(spans: readonly (readonly [T, T])[]): boolean {
  const ordered = [...spans].sort(([a, b], [c, d]) => (a < c || (a === c && b < d) ? -1 : 1));
  return ordered.some(([start], i) => i > 0 && (ordered[i - 1]?.[1] ?? start) > start);
}

function over(rate: Quantity, [start, end]: Span): Quantity {
  const seconds = divide(Decimal.of(BigInt(end - start)), THOUSAND, CONTEXT);
  return rate.times(new Quantity(seconds, parseUnit("s")));
}
