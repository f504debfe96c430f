import { expect, test } from "vitest";
import { instantText, parseInstant } from "../src/verify/rules/period.js";

const DAY_MS = 86_400_000;
/** The last instant that canonical text can spell. */
const LAST = 253_402_300_799_999;

test.each([0, 1, 951_782_399_999, 951_782_400_000, 1_709_164_800_000, 4_107_542_399_999, LAST])("%i is spelled as ISO 8601", (at) => {
  expect(instantText(at)).toBe(new Date(at).toISOString());
});

test("every day until 9999 is spelled and read back alike", () => {
  for (let at = 12_345_678; at <= LAST; at += 37 * DAY_MS) {
    const text = instantText(at);
    expect(text).toBe(new Date(at).toISOString());
    expect(parseInstant(text)).toBe(at);
  }
});
