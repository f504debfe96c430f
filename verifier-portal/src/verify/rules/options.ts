/** What an inputs document says beside quantities: the options chosen, a remainder carried, the statement before. */
import { Decimal, compare } from "./decimal.js";
import { RuleError } from "./error.js";
import { checkHex } from "./ids.js";
import { hasExactly } from "./items.js";
import type { Methodology, OptionRule } from "./methodology.js";
import { parseNatural } from "./numbers.js";
import type { Period } from "./period.js";
import { Quantity } from "./quantity.js";
import { isList, isObject, lengthOf, plainText, quoted, represented, type Json, type JsonObject } from "./texts.js";

const MAX_NAMED = 40;
const MAX_OPTION_CHARS = 200;
/** "2026" and "2026-11" of the day "2026-11-22". */
const CALENDAR_CHARS = { year: 4, month: 7 } as const;

/** The options, each known and of its form. Throws option-unknown, option-missing, option-malformed, option-not-of-period. */
export function readOptions(methodology: Methodology, given: Json | undefined, period: Period): JsonObject {
  if (!isObject(given)) throw new RuleError("inputs-malformed", "options are an object", { where: "options" });
  const names = methodology.options.map((rule) => rule.name);
  for (const name of given.keys()) {
    if (!names.includes(name)) {
      throw new RuleError("option-unknown", `${methodology.key} has no option ${represented(name)}`,
        { where: "options", hint: `the options are ${names.join(", ")}` });
    }
  }
  for (const rule of methodology.options) {
    const value = given.get(rule.name);
    if (value !== undefined) {
      checkOption(rule, value);
      checkCalendar(rule, value, period);
    } else if (rule.required) throw optionMissing(rule.name);
  }
  return given;
}

/** A factor is chosen by this option: it may not be another year's than the one the quantities are of. */
function checkCalendar(rule: OptionRule, value: Json, period: Period): void {
  if (rule.period === "") return;
  const length = CALENDAR_CHARS[rule.period];
  const [first, last] = period.days().map((day) => day.slice(0, length)) as [string, string];
  if (first === last && value === first) return;
  const span = first === last ? first : `${first} to ${last}`;
  throw new RuleError("option-not-of-period", `the ${rule.period} of the period is ${span}, `
    + `the option ${represented(rule.name)} says ${quoted(value, MAX_NAMED)}`,
    { where: "options", hint: `the period lies in one ${rule.period}, and the option names it` });
}

export function optionMissing(name: string): RuleError {
  return new RuleError("option-missing", `the option ${represented(name)} is needed`, { where: "options" });
}

function checkOption(rule: OptionRule, value: Json): void {
  const texts = rule.many ? value : [value];
  if (!isList(texts) || texts.length === 0 || (rule.many && new Set(texts.map(plainText)).size !== texts.length)) {
    throw new RuleError("option-malformed", `the option ${represented(rule.name)} is a list without repetition`,
      { where: "options" });
  }
  if (isObject(value)) Quantity.fromJson(value, `options.${rule.name}`);
  else if (!texts.every((text) => typeof text === "string" && lengthOf(text) <= MAX_OPTION_CHARS)) {
    throw new RuleError("option-malformed", `the option ${represented(rule.name)} is a short text or a quantity`,
      { where: "options" });
  }
  for (const text of texts) {
    if (rule.oneOf.length > 0 && !(typeof text === "string" && rule.oneOf.includes(text))) {
      throw new RuleError("option-malformed", `${quoted(text, 40)} is not allowed for ${represented(rule.name)}`,
        { where: "options", hint: `one of ${rule.oneOf.slice(0, MAX_NAMED).join(", ")}` });
    }
  }
}

/** The remainder that an earlier statement left, or null. */
export function readCarried(given: Json | undefined): Quantity | null {
  if (given === undefined || given === null) return null;
  if (!hasExactly(given, ["statement", "value", "unit"])) {
    throw new RuleError("inputs-malformed", "carried has exactly statement, value and unit", { where: "carried" });
  }
  checkHex(given.get("statement"), "carried");
  const members = new Map(Array.from(given).filter(([name]) => name !== "statement"));
  const quantity = Quantity.fromJson(members, "carried");
  if (compare(quantity.value, Decimal.ZERO) >= 0) return quantity;
  throw new RuleError("out-of-range", "a carried remainder is not negative",
    { where: "carried", hint: "carry the carried_out of the statement before" });
}

/** The priority of each input in the statement before. */
export function readPrevious(methodology: Methodology, given: Json | undefined): ReadonlyMap<string, bigint> {
  if (given === undefined || given === null) return new Map();
  const priorities = isObject(given) ? given.get("priorities") : undefined;
  if (!hasExactly(given, ["statement", "priorities"]) || !isObject(priorities)) {
    throw new RuleError("inputs-malformed", "previous has exactly statement and priorities", { where: "previous" });
  }
  checkHex(given.get("statement"), "previous");
  for (const name of priorities.keys()) {
    if (methodology.ruleOf(name) === undefined) {
      throw new RuleError("input-unknown", `${methodology.key} has no input ${represented(name)}`, { where: "previous" });
    }
  }
  return new Map(Array.from(priorities, ([name, text]) => [name, parseNatural(text, "previous")]));
}
