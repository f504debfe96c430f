/**
 * exp and ln, correctly rounded (half to even): computed in fixed point between two bounds with more and more digits until
 * both bounds round to the same number (Ziv's method). The loops end, since no such value lies exactly in a middle.
 */
import { Decimal, finish, type Context } from "./decimal.js";
import { digitCount, integerRoot, powerOfTen } from "./integers.js";

/** What the fixed-point sums below can be off by, in units of their last digit; the true errors are far smaller. */
const SLACK = 10n ** 8n;
const GUARD_DIGITS = 20;
const HALVINGS = 8;

/** |value| × 10^−digits between `low` and `high`, times 10^power. */
interface Bounds {
  readonly negative: boolean;
  readonly low: bigint;
  readonly high: bigint;
  readonly power: number;
}

/** e to the power of a number of ordinary size (the language limits it to ±400). */
export function exponential(value: Decimal, context: Context): Decimal {
  if (value.isZero) return Decimal.ONE;
  // Nearer to 1 than half a unit of its last digit.
  if (value.adjusted < -context.precision - 1) return padded(1n, 0, context, false);
  return refine((digits) => exponentialBounds(value, digits), context);
}

/** The natural logarithm of a number above zero. */
export function logarithm(value: Decimal, context: Context): Decimal {
  const power = -value.exponent;
  if (power >= 0 && value.coefficient === powerOfTen(power)) return Decimal.ZERO;
  return refine((digits) => logarithmBounds(value, digits), context);
}

function refine(bounds: (digits: number) => Bounds, context: Context): Decimal {
  for (let digits = context.precision + GUARD_DIGITS; ; digits *= 2) {
    const found = bounds(digits);
    if (found.low <= 0n) continue;
    const low = padded(found.low, found.power - digits, context, found.negative);
    const high = padded(found.high, found.power - digits, context, found.negative);
    if (low.coefficient === high.coefficient && low.exponent === high.exponent) return low;
  }
}

/** A bound rounded to exactly as many digits as the context has. */
function padded(coefficient: bigint, exponent: number, context: Context, negative: boolean): Decimal {
  const missing = Math.max(0, context.precision - digitCount(coefficient));
  return finish(negative, coefficient * powerOfTen(missing), exponent - missing,
    { precision: context.precision, rounding: "half-even" });
}

function exponentialBounds(value: Decimal, digits: number): Bounds {
  const one = powerOfTen(digits);
  const ten = logarithmOfTen(digits);
  const x = fixedPoint(value, digits);
  let power = x / ten;
  if (x < 0n) power -= 1n;
  const small = (x - power * ten) >> BigInt(HALVINGS);
  let result = series(small, one);
  for (let i = 0; i < HALVINGS; i++) result = (result * result) / one;
  return { negative: false, low: result - SLACK, high: result + SLACK, power: Number(power) };
}

/** 1 + x + x²/2! + … in fixed point. */
function series(x: bigint, one: bigint): bigint {
  let term = one;
  let sum = one;
  for (let n = 1n; term !== 0n; n++) {
    term = (term * x) / (one * n);
    sum += term;
  }
  return sum;
}

function fixedPoint(value: Decimal, digits: number): bigint {
  const shift = value.exponent + digits;
  const size = shift >= 0 ? value.coefficient * powerOfTen(shift) : value.coefficient / powerOfTen(-shift);
  return value.negative ? -size : size;
}

function logarithmBounds(value: Decimal, digits: number): Bounds {
  const one = powerOfTen(digits);
  const power = value.adjusted;
  let root = fixedPoint(new Decimal(false, value.coefficient, value.exponent - power), digits);
  for (let i = 0; i < HALVINGS; i++) root = integerRoot(root * one);
  const mantissa = inverseTangent(((root - one) * one) / (root + one), one) << BigInt(HALVINGS + 1);
  const result = mantissa + BigInt(power) * logarithmOfTen(digits);
  const size = result < 0n ? -result : result;
  return { negative: result < 0n, low: size - SLACK, high: size + SLACK, power: 0 };
}

/** artanh x = x + x³/3 + x⁵/5 + … in fixed point. */
function inverseTangent(x: bigint, one: bigint): bigint {
  const square = (x * x) / one;
  let power = x;
  let sum = 0n;
  for (let n = 1n; power !== 0n; n += 2n) {
    sum += power / n;
    power = (power * square) / one;
  }
  return sum;
}

/** ln 10 = 3 ln 2 + ln 1.25 = 6 artanh(1/3) + 2 artanh(1/9), good to the last digit or two. */
function logarithmOfTen(digits: number): bigint {
  const one = powerOfTen(digits + 6);
  return (6n * inverseTangent(one / 3n, one) + 2n * inverseTangent(one / 9n, one)) / powerOfTen(6);
}
