/** UTC instants in milliseconds, reporting periods [start, end), and the calendar days they cover in their own zone. */
import { daysInMonth, type Day } from "./dates.js";
import { RuleError } from "./error.js";
import { isObject, quoted, type Json } from "./texts.js";

const INSTANT = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\.(\d{3})Z$/;
const ZONE = /^[A-Za-z][A-Za-z0-9_+-]{0,31}(?:\/[A-Za-z0-9][A-Za-z0-9_+-]{0,31}){0,2}$/;
const DAY_MS = 86_400_000;

/** Days from 1970-01-01 to a day of the proleptic Gregorian calendar. */
function dayNumber(year: number, month: number, day: number): number {
  const shifted = month > 2 ? year : year - 1;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468;
}

/** Milliseconds of canonical instant text, 1970 or later. Throws instant-malformed. */
export function parseInstant(text: Json | undefined, where = ""): number {
  const match = typeof text === "string" ? INSTANT.exec(text) : null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, milli = 0] = (match ?? []).slice(1).map(Number);
  if (year >= 1970 && day >= 1 && day <= daysInMonth(year, month) && hour < 24 && minute < 60 && second < 60) {
    return dayNumber(year, month, day) * DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + milli;
  }
  throw new RuleError("instant-malformed", `${quoted(text, 40)} is not an instant`,
    { where, hint: 'UTC with milliseconds: "2026-11-15T16:00:00.000Z"' });
}

/** "2026-11-15T16:00:00.000Z". */
export function instantText(instant: number): string {
  const [year, month, day] = civil(Math.floor(instant / DAY_MS));
  const milli = instant % DAY_MS;
  const [hour, minute, second] = [Math.floor(milli / 3_600_000), Math.floor(milli / 60_000) % 60, Math.floor(milli / 1000) % 60];
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${String(year).padStart(4, "0")}-${two(month)}-${two(day)}T${two(hour)}:${two(minute)}:${two(second)}.${
    String(milli % 1000).padStart(3, "0")}Z`;
}

/** Year, month and day of the proleptic Gregorian calendar, of the days since 1970-01-01. */
function civil(days: number): readonly [number, number, number] {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1];
}

export interface PeriodDocument {
  readonly start: string;
  readonly end: string;
  readonly zone: string;
}

/** A half-open period in milliseconds UTC, with the zone whose calendar it follows. */
export class Period {
  private calendarDays: readonly [Day, Day] | null = null;

  private constructor(readonly start: number, readonly end: number, readonly document: PeriodDocument) {}

  get zone(): string {
    return this.document.zone;
  }

  /** The period of its JSON form. Throws period-malformed, period-empty, instant-malformed, zone-unknown. */
  static fromJson(value: Json | undefined, where = "period"): Period {
    const [start, end, zone] = isObject(value) ? ["start", "end", "zone"].map((name) => value.get(name)) : [];
    if (!isObject(value) || value.size !== 3 || start === undefined || end === undefined || typeof zone !== "string") {
      throw new RuleError("period-malformed", "a period has exactly start, end and zone", { where });
    }
    const [from, to] = [parseInstant(start, `${where}.start`), parseInstant(end, `${where}.end`)];
    if (from >= to) {
      throw new RuleError("period-empty", `the period from ${String(start)} to ${String(end)} is empty`, { where });
    }
    if (!ZONE.test(zone)) throw unknownZone(zone);
    return new Period(from, to, { start: String(start), end: String(end), zone });
  }

  /** Its first and last calendar day in its own zone. Throws zone-unknown, period-malformed. */
  days(): readonly [Day, Day] {
    if (this.calendarDays === null) {
      const calendar = calendarOf(this.zone);
      this.calendarDays = [dayOf(this.start, calendar), dayOf(this.end - 1, calendar)];
    }
    return this.calendarDays;
  }

  /** The calendar day of an instant in its zone. Throws zone-unknown. */
  dayOf(instant: number): Day {
    return dayOf(instant, calendarOf(this.zone));
  }

  /** Whether it is none of whole calendar days of its zone, or longer than a year. */
  isUnusual(): boolean {
    const calendar = calendarOf(this.zone);
    const [first, last] = this.days();
    const limit = `${String(Number(first.slice(0, 4)) + 1).padStart(4, "0")}${first.slice(4)}`;
    const within = limit.length > last.length || last < limit;
    return !(within && beginsDay(this.start, calendar) && beginsDay(this.end, calendar));
  }
}

function unknownZone(zone: string): RuleError {
  return new RuleError("zone-unknown", `${quoted(zone, 40)} is not a time zone`,
    { where: "period", hint: 'an IANA name ("Asia/Shanghai"); on a machine without such a database, install tzdata' });
}

const calendars = new Map<string, Intl.DateTimeFormat>();
/** A calendar is dear to make; documents name a handful of zones, and what callers make up must not fill the memory. */
const MAX_CALENDARS = 64;

function calendarOf(zone: string): Intl.DateTimeFormat {
  const known = calendars.get(zone);
  if (known !== undefined) return known;
  const calendar = newCalendar(zone);
  if (calendars.size >= MAX_CALENDARS) calendars.clear();
  calendars.set(zone, calendar);
  return calendar;
}

function newCalendar(zone: string): Intl.DateTimeFormat {
  let calendar: Intl.DateTimeFormat;
  try {
    calendar = new Intl.DateTimeFormat("en-u-ca-iso8601-nu-latn",
      { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });
  } catch {
    throw unknownZone(zone);
  }
  // Browsers read names without regard to case; the spelling of a signed document is exact.
  const resolved = calendar.resolvedOptions().timeZone;
  if (resolved !== zone && resolved.toLowerCase() === zone.toLowerCase()) throw unknownZone(zone);
  return calendar;
}

function beginsDay(instant: number, calendar: Intl.DateTimeFormat): boolean {
  const before = dayOf(instant - 1, calendar);
  try {
    return dayOf(instant, calendar) !== before;
  } catch (error) {
    if (error instanceof RuleError) return true; // what follows the last day of the calendar
    throw error;
  }
}

function dayOf(instant: number, calendar: Intl.DateTimeFormat): Day {
  const parts = new Map(calendar.formatToParts(instant).map(({ type, value }) => [type, value]));
  const year = parts.get("year") ?? "";
  if (year.length <= 4) return `${year.padStart(4, "0")}-${parts.get("month") ?? ""}-${parts.get("day") ?? ""}`;
  throw new RuleError("period-malformed", "the period ends after the year 9999 in its own zone", { where: "period" });
}
