/** Exact ratios of integers, in lowest terms. */
import { gcd } from "./integers.js";

export class Fraction {
  static readonly ONE = new Fraction(1n, 1n);

  private constructor(readonly numerator: bigint, readonly denominator: bigint) {}

  /** numerator / denominator for a denominator above zero. */
  static of(numerator: bigint, denominator = 1n): Fraction {
    const common = gcd(numerator < 0n ? -numerator : numerator, denominator);
    return common === 1n ? new Fraction(numerator, denominator) : new Fraction(numerator / common, denominator / common);
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
