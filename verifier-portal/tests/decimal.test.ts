import { Decimal as Oracle } from "decimal.js";
import { describe, expect, test } from "vitest";
import {
  Decimal, DecimalSignal, add, compare, divide, minus, multiply, quantize, squareRoot, subtract,
} from "../src/verify/rules/decimal.js";
import { exponential, logarithm } from "../src/verify/rules/exponential.js";
import { CONTEXT, EXACT, decimalText, parseDecimal, printedDecimal, roundTo } from "../src/verify/rules/numbers.js";

Oracle.set({ precision: 40, rounding: Oracle.ROUND_HALF_UP, toExpNeg: -9e15, toExpPos: 9e15 });
const EVEN = Oracle.clone({ rounding: Oracle.ROUND_HALF_EVEN });

/** A seeded generator (mulberry32), so that a failure can be seen again. */
function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function numberText(next: () => number, sign = true): string {
  const length = 1 + Math.floor(next() * 44);
  let digits = String(1 + Math.floor(next() * 9));
  while (digits.length < length) digits += Math.floor(next() * 10);
  const exponent = Math.floor(next() * 40) - 30;
  return `${sign && next() < 0.5 ? "-" : ""}${digits}e${exponent}`;
}

function text(value: Decimal): string {
  return decimalText(value);
}

function oracle(value: Oracle): string {
  return value.isZero() ? "0" : value.toFixed();
}

const seeds = Array.from({ length: 20 }, (_, i) => i);

describe("the same digits as decimal.js", () => {
  test.each(seeds)("sums, differences, products, quotients, order (seed %i)", (seed) => {
    const next = random(seed);
    for (let i = 0; i < 200; i++) {
      const [a, b] = [numberText(next), numberText(next)];
      const [x, y] = [printedDecimal(a), printedDecimal(b)];
      expect(text(add(x, y, CONTEXT))).toBe(oracle(new Oracle(a).plus(b)));
      expect(text(subtract(x, y, CONTEXT))).toBe(oracle(new Oracle(a).minus(b)));
      expect(text(multiply(x, y, CONTEXT))).toBe(oracle(new Oracle(a).times(b)));
      expect(text(divide(x, y, CONTEXT))).toBe(oracle(new Oracle(a).div(b)));
      expect(compare(x, y)).toBe(new Oracle(a).cmp(b));
    }
  });

  test.each(seeds)("roots, powers of e, logarithms, roundings (seed %i)", (seed) => {
    const next = random(1000 + seed);
    for (let i = 0; i < 50; i++) {
      const a = numberText(next, false);
      const x = printedDecimal(a);
      expect(text(squareRoot(x, CONTEXT))).toBe(oracle(new EVEN(a).sqrt()));
      expect(text(logarithm(x, CONTEXT))).toBe(oracle(new EVEN(a).ln()));
      const power = `${next() < 0.5 ? "-" : ""}${Math.floor(next() * 400)}.${Math.floor(next() * 1e9)}`;
      expect(text(exponential(printedDecimal(power), CONTEXT))).toBe(oracle(new EVEN(power).exp()));
      const digits = Math.floor(next() * 21);
      expect(text(roundTo(x, "round", digits))).toBe(oracle(new Oracle(a).toDecimalPlaces(digits)));
      expect(text(roundTo(x, "floor", digits))).toBe(oracle(new Oracle(a).toDecimalPlaces(digits, Oracle.ROUND_FLOOR)));
      expect(text(roundTo(x, "ceil", digits))).toBe(oracle(new Oracle(a).toDecimalPlaces(digits, Oracle.ROUND_CEIL)));
    }
  });
});

describe("rounding", () => {
  test.each([["0.5", "1"], ["-0.5", "-1"], ["1.5", "2"], ["2.5", "3"], ["0.4999999999999999999999999999999999999999999", "0"]])(
    "%s rounds half up to %s", (given, expected) => {
      expect(text(roundTo(printedDecimal(given), "round", 0))).toBe(expected);
    });

  test.each([["-0.1", "-1", "0"], ["0.1", "0", "1"], ["-1", "-1", "-1"]])("%s has floor %s and ceiling %s", (given, low, high) => {
    expect(text(roundTo(printedDecimal(given), "floor", 0))).toBe(low);
    expect(text(roundTo(printedDecimal(given), "ceil", 0))).toBe(high);
  });

  test("a sum is rounded once, at the fortieth digit, half up", () => {
    const one = parseDecimal("1");
    expect(text(add(one, printedDecimal("5e-40"), CONTEXT))).toBe(`1.${"0".repeat(38)}1`);
    expect(text(add(one, printedDecimal("4.99e-40"), CONTEXT))).toBe("1");
    expect(text(subtract(one, printedDecimal("1e-90"), CONTEXT))).toBe("1");
  });

  test("the root of a square of 41 digits ends even, as exp and ln do", () => {
    const root = 10n ** 40n + 5n;
    expect(text(squareRoot(Decimal.of(root * root), CONTEXT))).toBe(String(10n ** 40n));
    expect(text(squareRoot(Decimal.of((root + 10n) * (root + 10n)), CONTEXT))).toBe(String(10n ** 40n + 20n));
  });
});

describe("what ends a calculation", () => {
  test("zero divisors and numbers out of range signal", () => {
    const kind = (action: () => unknown): string => {
      try {
        action();
      } catch (error) {
        if (error instanceof DecimalSignal) return error.kind;
      }
      return "none";
    };
    const huge = new Decimal(false, 1n, 999_999);
    expect(kind(() => divide(Decimal.ONE, Decimal.ZERO, CONTEXT))).toBe("division-by-zero");
    expect(kind(() => divide(Decimal.ZERO, Decimal.ZERO, CONTEXT))).toBe("invalid-operation");
    expect(kind(() => multiply(huge, Decimal.of(10n), CONTEXT))).toBe("overflow");
    expect(kind(() => multiply(huge, Decimal.of(9n), CONTEXT))).toBe("none");
    expect(kind(() => quantize(new Decimal(false, 1n, 580), 20, "half-up", EXACT))).toBe("invalid-operation");
    expect(kind(() => quantize(new Decimal(false, 1n, 579), 20, "half-up", EXACT))).toBe("none");
  });

  test("what is too small to write becomes subnormal, then nothing", () => {
    expect(multiply(new Decimal(false, 15n, -1_000_038), Decimal.ONE, CONTEXT).coefficient).toBe(15n);
    expect(multiply(new Decimal(false, 15n, -1_000_039), Decimal.ONE, CONTEXT).coefficient).toBe(2n);
    expect(multiply(new Decimal(false, 4n, -1_000_039), Decimal.ONE, CONTEXT).isZero).toBe(true);
  });
});

describe("texts", () => {
  test.each([["1.500", "1.500", "1.5"], ["1e3", "1E+3", "1000"], ["-0.0", "-0.0", "0"], ["0.0000001", "1E-7", "0.0000001"],
    ["123e-9", "1.23E-7", "0.000000123"], ["0e5", "0E+5", "0"], ["+.5", "0.5", "0.5"], ["12.", "12", "12"]])(
    "%s is %s in messages and %s in documents", (given, message, document) => {
      expect(String(printedDecimal(given))).toBe(message);
      expect(text(printedDecimal(given))).toBe(document);
    });

  test.each(["1e2", "+5", "01", "1.0", "-0", "", " 1", "1 ", ".5", "5.", "NaN", "１"])("%j is not canonical", (given) => {
    expect(() => parseDecimal(given)).toThrow("is not a canonical decimal");
  });

  test("a number has at most 200 digits", () => {
    expect(text(printedDecimal("1e200"))).toBe(`1${"0".repeat(200)}`);
    expect(() => printedDecimal("1e201")).toThrow("more than 200 digits");
    expect(() => text(multiply(printedDecimal("1e200"), Decimal.of(10n), CONTEXT))).toThrow("more than 200 digits");
  });

  test("the negative of nothing has no sign", () => {
    expect(minus(Decimal.ZERO, CONTEXT).negative).toBe(false);
    expect(minus(new Decimal(true, 0n, 0), CONTEXT).negative).toBe(false);
  });
});
