/** Powers, lengths and roots of big integers. */

const powers: bigint[] = [1n];

/** 10^n for n ≥ 0. */
export function powerOfTen(n: number): bigint {
  if (n > 4096) return 10n ** BigInt(n);
  let power = powers[n];
  if (power === undefined) {
    power = 10n ** BigInt(n);
    powers[n] = power;
  }
  return power;
}

/** The number of decimal digits of n ≥ 0; one for zero. */
export function digitCount(n: bigint): number {
  return n.toString().length;
}

/** The greatest integer whose square is at most n ≥ 0 (Newton's method from above). */
export function integerRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let guess = 1n << BigInt(n.toString(16).length * 2 + 1);
  for (;;) {
    const next = (guess + n / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

/** The greatest common divisor of two numbers ≥ 0. */
export function gcd(a: bigint, b: bigint): bigint {
  while (b !== 0n) [a, b] = [b, a % b];
  return a;
}
