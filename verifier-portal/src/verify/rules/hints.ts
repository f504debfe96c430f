/** What to do about an error whose code alone says it (make_hints.py); a place that knows better gives its own hint. */
export const HINTS: ReadonlyMap<string, string> = new Map([
  ["division-by-zero", "give a divisor other than zero"],
  ["hex-malformed", "two lower-case hex digits a byte, no 0x, exactly as long as asked"],
  ["json-duplicate-key", "name each member once"],
  ["json-malformed", "send the bytes again as they were written; something on the way changed or cut them"],
  ["json-too-deep", "nest less deeply"],
  ["json-unencodable", "text, safe integers, true, false, null, arrays and objects only"],
  ["number-not-canonical", "plain digits in quotes: no exponent, no sign but a minus, no zeros before or behind"],
  ["number-not-finite", "give a number with finite digits"],
  ["number-out-of-range", "give a smaller number, or a larger unit"],
  ["number-too-long", "round the number, or choose a unit that fits it"],
  ["period-empty", "a period holds its start and not its end: start < end"],
  ["period-malformed", "{\"start\": instant, \"end\": instant, \"zone\": \"Asia/Shanghai\"}"],
  ["unit-unknown", "`carbonseal mrv units` lists the symbols; join them with * or /, powers as in m3"],
]);
