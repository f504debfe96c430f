/** Validity of rules: half-open spans of calendar days, [from, to), either end open. A day is its text "2026-07-01". */
import { member } from "./document.js";
import { RuleError } from "./error.js";
import { quoted, type Json, type JsonObject } from "./texts.js";

export type Day = string;

const DAY = /^(\d{4})-(\d\d)-(\d\d)$/;
const MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** The number of days of a month, 1 to 12; 0 for any other. */
export function daysInMonth(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && leap ? 29 : (MONTH_DAYS[month - 1] ?? 0);
}

/** The day of "2026-07-01". Throws date-malformed. */
export function parseDay(text: Json | undefined, where = ""): Day {
  const match = typeof text === "string" ? DAY.exec(text) : null;
  const [day = "", year, month, date] = match ?? [];
  if (Number(year) >= 1 && Number(date) >= 1 && Number(date) <= daysInMonth(Number(year), Number(month))) return day;
  throw new RuleError("date-malformed", `${quoted(text, 40)} is not a date`, { where, hint: 'write "2026-07-01"' });
}

/** As `parseDay`; null for null. */
export function optionalDay(text: Json, where = ""): Day | null {
  return text === null ? null : parseDay(text, where);
}

/** The days on which a rule holds: `start` ≤ day < `end`; null is open. */
export class Validity {
  constructor(readonly start: Day | null, readonly end: Day | null) {}

  /** The validity of {"from", "to"}. Throws validity-empty. */
  static fromDocument(document: JsonObject): Validity {
    const start = optionalDay(member(document, "from"));
    const end = optionalDay(member(document, "to"));
    if (start !== null && end !== null && start >= end) {
      throw new RuleError("validity-empty", `${start} is not before ${end}`);
    }
    return new Validity(start, end);
  }

  /** Whether the rule holds on a day. */
  holds(day: Day): boolean {
    return (this.start === null || this.start <= day) && (this.end === null || day < this.end);
  }

  /** Whether a day exists on which both hold. */
  overlaps(other: Validity): boolean {
    return (this.start === null || other.end === null || this.start < other.end)
      && (other.start === null || this.end === null || other.start < this.end);
  }
}

/** Throws rule-not-in-force when the rule holds on neither end of a period, period-crosses-change when on one. */
export function checkInForce(name: string, validity: Validity, first: Day, last: Day): void {
  if (validity.holds(first) && validity.holds(last)) return;
  const span = `${validity.start ?? "…"} to ${validity.end ?? "…"}`;
  if (validity.holds(first) || validity.holds(last)) {
    const change = validity.holds(first) ? validity.end : validity.start;
    throw new RuleError("period-crosses-change", `${name} holds from ${span}, the period runs ${first} to ${last}`,
      { where: name, hint: `make two statements, one that ends before ${change} and one from that day` });
  }
  throw new RuleError("rule-not-in-force", `${name} holds from ${span}, not on ${first} to ${last}`,
    { where: name, hint: "no other year's rule is taken in its place" });
}
