/** Exact ratios of integers, in lowest terms. */
import { gcd, powerOfTen } from "./integers.js";

export class Fraction {
  static readonly ONE = new Fraction(1n, 1n);

  private constructor(readonly numerator: bigint, readonly denominator: bigint) {}

  /** numerator / denominator for a denominator above zero. */
  static of(numerator: bigint, denominator = 1n): Fraction {
    const common = gcd(numerator < 0n ? -numerator : numerator, denominator);
    return common === 1n ? new Fraction(numerator, denominator) : new Fraction(numerator / common, denominator / common);
  }

  /** The ratio of a literal: "3600", "4186.8", "1e12", "1/1000". */
  static parse(text: string): Fraction {
    const [above = "", below = "1"] = text.split("/");
    const [number = "", power = "0"] = above.split("e");
    const [whole = "", fraction = ""] = number.split(".");
    return Fraction.of(BigInt(whole + fraction) * powerOfTen(Number(power)), BigInt(below) * powerOfTen(fraction.length));
  }

  times(other: Fraction): Fraction {
    return Fraction.of(this.numerator * other.numerator, this.denominator * other.denominator);
  }

  over(other: Fraction): Fraction {
    return Fraction.of(this.numerator * other.denominator, this.denominator * other.numerator);
  }

  equals(other: Fraction): boolean {
    return this.numerator === other.numerator && this.denominator === other.denominator;
  }

  /** "5" or "5/3". */
  toString(): string {
    return this.denominator === 1n ? String(this.numerator) : `${this.numerator}/${this.denominator}`;
  }
}
