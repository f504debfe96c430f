/** Decimal text in one canonical form, and the one arithmetic context (precision 40, half up). */
import { Decimal, DecimalSignal, quantize, type Context, type Rounding } from "./decimal.js";
import { RuleError } from "./error.js";
import { quoted, type Plain } from "./texts.js";

export const CONTEXT: Context = { precision: 40, rounding: "half-up" };
/** Where conversions and roundings are exact: wider than any number a document may hold. */
export const EXACT: Context = { precision: 600, rounding: "half-even" };
export const MAX_DIGITS = 200;

const CANONICAL = /^(-?)(0|[1-9][0-9]*)(?:\.([0-9]*[1-9]))?$/;
const PRINTED = /^([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?)([0-9]+))?$/;
const NOT_FINITE = /^[+-]?(?:s?nan[0-9]*|inf|infinity)$/i;
/** Far beyond every scale, and small enough for any machine's decimal library. */
const MAX_EXPONENT_CHARS = 4;
const NATURAL = /^(?:0|[1-9][0-9]*)$/;
const MAX_NATURAL = 2n ** 64n;

/** Plain notation: no exponent, no trailing zeros after the point, no −0. */
export function decimalText(value: Decimal): string {
  if (value.isZero) return "0";
  if (Math.abs(value.adjusted) > MAX_DIGITS) {
    throw new RuleError("number-too-long", `a number has more than ${MAX_DIGITS} digits`);
  }
  const text = value.plain();
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** The value of canonical decimal text; "1e2", "+5", "01", "1.0" and "-0" are refused. */
export function parseDecimal(text: Plain, where = ""): Decimal {
  const match = typeof text === "string" && text.length <= MAX_DIGITS && text !== "-0" ? CANONICAL.exec(text) : null;
  if (match === null) {
    throw new RuleError("number-not-canonical", `${quoted(text, 40)} is not a canonical decimal`,
      { where, hint: "plain digits as a string: no exponent, no trailing zeros, no plus sign" });
  }
  const [, sign = "", whole = "", fraction = ""] = match;
  return new Decimal(sign === "-", BigInt(whole + fraction), -fraction.length);
}

/**
 * The value of decimal text as people and sources print it: "0.5500", ".0274", "5.7e-07". Throws, one code for each
 * cause: json-number, number-not-finite, number-too-long, number-malformed.
 */
export function printedDecimal(text: Plain, where = ""): Decimal {
  if (typeof text === "number" || typeof text === "bigint") {
    throw new RuleError("json-number", `${String(text).slice(0, 40)} is a number of JSON, which may have lost digits`,
      { where, hint: 'write the digits as a string: "1234.5"' });
  }
  const match = typeof text === "string" ? PRINTED.exec(text) : null;
  if (match === null) throw noNumber(text, where);
  const [all, sign, whole = "", after = "", only = "", powerSign = "", power = "0"] = match;
  if (all.length <= MAX_DIGITS && power.length <= MAX_EXPONENT_CHARS) {
    const fraction = after + only;
    const value = new Decimal(sign === "-", BigInt(whole + fraction), Number(powerSign + power) - fraction.length);
    if (value.isZero || Math.abs(value.adjusted) <= MAX_DIGITS) return value;
  }
  throw new RuleError("number-too-long", `${all.slice(0, 40)} has more than ${MAX_DIGITS} digits`, { where });
}

function noNumber(text: Plain, where: string): RuleError {
  if (typeof text === "string" && NOT_FINITE.test(text)) {
    return new RuleError("number-not-finite", `${text} is not a number`, { where });
  }
  return new RuleError("number-malformed", `${quoted(text, 40)} is not a decimal number`,
    { where, hint: 'write the digits as a string, without spaces and separators: "1234.5"' });
}

/** A natural number below a limit (2^64) from canonical digits. */
export function parseNatural(text: Plain, where = "", limit = MAX_NATURAL): bigint {
  if (typeof text !== "string" || text.length > 20 || !NATURAL.test(text)) {
    throw new RuleError("number-not-canonical", `${quoted(text, 40)} is not a canonical natural number`, { where });
  }
  const value = BigInt(text);
  if (value >= limit) {
    throw new RuleError("number-out-of-range", `${text} is not below ${limit}`, { where });
  }
  return value;
}

export const ROUNDINGS = { round: "half-up", floor: "floor", ceil: "ceiling" } as const satisfies Record<string, Rounding>;

/**
 * The value with `digits` after the point; mode "round" (half up, 四舍五入), "floor" or "ceil". Throws number-too-long where
 * that takes more than 600 digits.
 */
export function roundTo(value: Decimal, mode: keyof typeof ROUNDINGS, digits: number): Decimal {
  try {
    return quantize(value, digits, ROUNDINGS[mode], EXACT);
  } catch (error) {
    if (!(error instanceof DecimalSignal)) throw error;
    throw new RuleError("number-too-long", "the result is beyond every physical scale");
  }
}

/** The integer of a decimal without digits after the point. */
export function integerOf(value: Decimal): bigint {
  const size = value.exponent >= 0 ? value.coefficient * 10n ** BigInt(value.exponent)
    : value.coefficient / 10n ** BigInt(-value.exponent);
  return value.negative ? -size : size;
}
