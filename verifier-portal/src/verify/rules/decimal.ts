/**
 * Decimal arithmetic after IBM's General Decimal Arithmetic Specification, which Python's `decimal` follows too: a sign,
 * a coefficient of any length and an exponent, so that every digit, and the text of every number, is the same in both.
 * Square root, exp and ln round half to even whatever the context says, as that specification demands.
 */
import { digitCount, integerRoot, powerOfTen } from "./integers.js";

export type Rounding = "half-up" | "half-even" | "floor" | "ceiling";

export interface Context {
  readonly precision: number;
  readonly rounding: Rounding;
}

/** The least and greatest exponent of a normal number, in scientific notation. */
export const MIN_EXPONENT = -999_999;
export const MAX_EXPONENT = 999_999;

/** A condition that ends a calculation; callers turn it into their own error. */
export class DecimalSignal extends Error {
  constructor(readonly kind: "division-by-zero" | "invalid-operation" | "overflow") {
    super(kind);
    this.name = "DecimalSignal";
  }
}

/** (−1)^negative × coefficient × 10^exponent; the coefficient is never negative. */
export class Decimal {
  static readonly ZERO = new Decimal(false, 0n, 0);
  static readonly ONE = new Decimal(false, 1n, 0);

  constructor(readonly negative: boolean, readonly coefficient: bigint, readonly exponent: number) {}

  /** The decimal of an integer. */
  static of(value: bigint): Decimal {
    return new Decimal(value < 0n, value < 0n ? -value : value, 0);
  }

  get isZero(): boolean {
    return this.coefficient === 0n;
  }

  /** The exponent in scientific notation. */
  get adjusted(): number {
    return this.exponent + digitCount(this.coefficient) - 1;
  }

  /** The text of the specification's to-scientific-string: trailing zeros stay, far numbers get an exponent. */
  toString(): string {
    const digits = this.coefficient.toString();
    const left = this.exponent + digits.length;
    const sign = this.negative ? "-" : "";
    if (this.exponent <= 0 && left > -6) return sign + pointed(digits, left);
    const power = left - 1;
    return `${sign}${pointed(digits, 1)}E${power < 0 ? "-" : "+"}${Math.abs(power)}`;
  }

  /** Plain notation, all digits, no exponent. */
  plain(): string {
    const sign = this.negative ? "-" : "";
    if (this.exponent >= 0) return sign + this.coefficient.toString() + "0".repeat(this.isZero ? 0 : this.exponent);
    const digits = this.coefficient.toString();
    return sign + pointed(digits, digits.length + this.exponent);
  }
}

function pointed(digits: string, left: number): string {
  if (left <= 0) return `0.${"0".repeat(-left)}${digits}`;
  return left >= digits.length ? digits : `${digits.slice(0, left)}.${digits.slice(left)}`;
}

/** coefficient / 10^n rounded to an integer. */
function shiftRight(coefficient: bigint, n: number, rounding: Rounding, negative: boolean): bigint {
  if (n > digitCount(coefficient) + 1) return roundsUp(0, rounding, negative, false) && coefficient !== 0n ? 1n : 0n;
  const unit = powerOfTen(n);
  const quotient = coefficient / unit;
  const rest = coefficient % unit;
  if (rest === 0n) return quotient;
  const half = rest * 2n;
  const side = half > unit ? 1 : half === unit ? 0.5 : 0;
  return roundsUp(side, rounding, negative, quotient % 2n === 1n) ? quotient + 1n : quotient;
}

/** Whether an inexact quotient is raised; `side`: 0 below the middle, 0.5 on it, 1 above. */
function roundsUp(side: number, rounding: Rounding, negative: boolean, odd: boolean): boolean {
  if (rounding === "half-up") return side >= 0.5;
  if (rounding === "half-even") return side > 0.5 || (side === 0.5 && odd);
  return (rounding === "floor") === negative;
}

/** The number rounded into a context: at most `precision` digits, exponents in range, tiny numbers subnormal. */
export function finish(negative: boolean, coefficient: bigint, exponent: number, context: Context): Decimal {
  const least = MIN_EXPONENT - context.precision + 1;
  const greatest = MAX_EXPONENT - context.precision + 1;
  if (coefficient === 0n) return new Decimal(negative, 0n, Math.min(Math.max(exponent, least), MAX_EXPONENT));
  let target = exponent + digitCount(coefficient) - context.precision;
  if (target > greatest) throw new DecimalSignal("overflow");
  target = Math.max(target, least);
  if (exponent >= target) return new Decimal(negative, coefficient, exponent);
  let rounded = shiftRight(coefficient, target - exponent, context.rounding, negative);
  if (digitCount(rounded) > context.precision) {
    rounded /= 10n;
    target += 1;
    if (target > greatest) throw new DecimalSignal("overflow");
  }
  return new Decimal(negative, rounded, target);
}

/** The number with exactly this exponent. */
function rescale(value: Decimal, exponent: number, rounding: Rounding): Decimal {
  const coefficient = value.exponent >= exponent
    ? value.coefficient * powerOfTen(value.exponent - exponent)
    : shiftRight(value.coefficient, exponent - value.exponent, rounding, value.negative);
  return new Decimal(value.negative, coefficient, exponent);
}

/** −1, 0 or 1. */
export function compare(a: Decimal, b: Decimal): number {
  const left = a.isZero ? 0 : a.negative ? -1 : 1;
  const right = b.isZero ? 0 : b.negative ? -1 : 1;
  if (left !== right || left === 0) return Math.sign(left - right);
  if (a.adjusted !== b.adjusted) return a.adjusted < b.adjusted ? -left : left;
  const exponent = Math.min(a.exponent, b.exponent);
  const difference = rescale(a, exponent, "floor").coefficient - rescale(b, exponent, "floor").coefficient;
  return difference === 0n ? 0 : difference < 0n ? -left : left;
}

export function add(a: Decimal, b: Decimal, context: Context): Decimal {
  const exponent = Math.min(a.exponent, b.exponent);
  if (a.isZero && b.isZero) return finish(a.negative && b.negative, 0n, exponent, context);
  if (a.isZero) return addZero(b, a.exponent, context);
  if (b.isZero) return addZero(a, b.exponent, context);
  const [x, y] = aligned(a, b, context.precision);
  const sum = signed(x) + signed(y);
  return finish(sum < 0n, sum < 0n ? -sum : sum, x.exponent, context);
}

function addZero(value: Decimal, exponent: number, context: Context): Decimal {
  const least = Math.max(exponent, value.exponent - context.precision - 1);
  const padded = least < value.exponent ? rescale(value, least, context.rounding) : value;
  return finish(padded.negative, padded.coefficient, padded.exponent, context);
}

function signed(value: Decimal): bigint {
  return value.negative ? -value.coefficient : value.coefficient;
}

/** Both with one exponent; an addend too small to matter becomes a 1 beyond the last digit, so the cost stays bounded. */
function aligned(a: Decimal, b: Decimal, precision: number): readonly [Decimal, Decimal] {
  const upper = a.exponent < b.exponent ? b : a;
  let lower = a.exponent < b.exponent ? a : b;
  const edge = upper.exponent + Math.min(-1, digitCount(upper.coefficient) - precision - 2);
  if (lower.adjusted < edge) lower = new Decimal(lower.negative, 1n, edge);
  const exponent = Math.min(upper.exponent, lower.exponent);
  return [rescale(upper, exponent, "floor"), rescale(lower, exponent, "floor")];
}

export function subtract(a: Decimal, b: Decimal, context: Context): Decimal {
  return add(a, new Decimal(!b.negative, b.coefficient, b.exponent), context);
}

export function multiply(a: Decimal, b: Decimal, context: Context): Decimal {
  return finish(a.negative !== b.negative, a.coefficient * b.coefficient, a.exponent + b.exponent, context);
}

/** Signals division-by-zero, or invalid-operation for zero by zero. */
export function divide(a: Decimal, b: Decimal, context: Context): Decimal {
  if (b.isZero) throw new DecimalSignal(a.isZero ? "invalid-operation" : "division-by-zero");
  const negative = a.negative !== b.negative;
  const ideal = a.exponent - b.exponent;
  if (a.isZero) return finish(negative, 0n, ideal, context);
  const shift = digitCount(b.coefficient) - digitCount(a.coefficient) + context.precision + 1;
  const numerator = shift >= 0 ? a.coefficient * powerOfTen(shift) : a.coefficient;
  const denominator = shift >= 0 ? b.coefficient : b.coefficient * powerOfTen(-shift);
  const quotient = numerator / denominator;
  if (numerator % denominator !== 0n) {
    // A 1 after the last digit stands for all digits that follow; it keeps a middle from looking exact.
    return finish(negative, quotient % 5n === 0n ? quotient + 1n : quotient, ideal - shift, context);
  }
  const [coefficient, exponent] = stripped(quotient, ideal - shift, ideal);
  return finish(negative, coefficient, exponent, context);
}

/** Trailing zeros taken off until the exponent is the ideal one. */
function stripped(coefficient: bigint, exponent: number, ideal: number): readonly [bigint, number] {
  while (exponent < ideal && coefficient % 10n === 0n) {
    coefficient /= 10n;
    exponent += 1;
  }
  return [coefficient, exponent];
}

/** 0 − a, rounded; no negative zero comes of it. */
export function minus(a: Decimal, context: Context): Decimal {
  return finish(!a.negative && !a.isZero, a.coefficient, a.exponent, context);
}

export function absolute(a: Decimal, context: Context): Decimal {
  return finish(false, a.coefficient, a.exponent, context);
}

/** The root of a number that is not negative, correctly rounded. */
export function squareRoot(a: Decimal, context: Context): Decimal {
  if (a.isZero) return finish(a.negative, 0n, Math.floor(a.exponent / 2), context);
  const odd = a.exponent % 2 !== 0;
  const radicand = odd ? a.coefficient * 10n : a.coefficient;
  const shift = context.precision + 1 - Math.ceil(digitCount(radicand) / 2);
  const ideal = Math.floor(a.exponent / 2);
  const scaled = shift >= 0 ? radicand * powerOfTen(2 * shift) : radicand / powerOfTen(-2 * shift);
  const root = integerRoot(scaled);
  const exact = shift >= 0 ? root * root === scaled : root * root * powerOfTen(-2 * shift) === radicand;
  const even: Context = { precision: context.precision, rounding: "half-even" };
  if (!exact) return finish(false, root % 5n === 0n ? root + 1n : root, ideal - shift, even);
  const whole = shift >= 0 ? root / powerOfTen(shift) : root * powerOfTen(-shift);
  return finish(false, whole, ideal, even);
}

/** The number with `digits` after the point. Signals invalid-operation where the context has not that many digits. */
export function quantize(value: Decimal, digits: number, rounding: Rounding, context: Context): Decimal {
  if (value.isZero) return finish(value.negative, 0n, -digits, context);
  if (value.adjusted + digits + 1 > context.precision) throw new DecimalSignal("invalid-operation");
  const result = rescale(value, -digits, rounding);
  if (digitCount(result.coefficient) > context.precision) throw new DecimalSignal("invalid-operation");
  return finish(result.negative, result.coefficient, result.exponent, context);
}
