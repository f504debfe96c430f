/**
 * What time of a period the inputs answer for: readings of registers at its ends, spans that documents cover. A boundary
 * reading is R(t), the last at or before an end. What is left open is refused where the methodology names a greatest
 * staleness or refuses a gap, else named and counted. Each meter and each account answers for its own time.
 */
import { COVERS, coveredSpan } from "./covers.js";
import type { Day } from "./dates.js";
import { Decimal, divide } from "./decimal.js";
import { RuleError } from "./error.js";
import { SUBSTITUTION, gapOf, type Span } from "./gaps.js";
import type { Inputs } from "./inputs.js";
import { baseUnit, type Item } from "./items.js";
import type { Methodology } from "./methodology.js";
import { CONTEXT, roundTo } from "./numbers.js";
import { instantText, parseInstant, type Period } from "./period.js";
import { Quantity } from "./quantity.js";
import type { Answer } from "./service.js";
import { byCodePoint, isObject, plainText } from "./texts.js";
import type { Unit } from "./units.js";

/** The treatment of missing data that admits none. */
const REFUSED = "refused";
/** What a methodology without a limit lets pass without a word: a quarter of an hour, the interval of most registers. */
const UNSAID_MS = 900_000;
/** After the point of a percentage: five minutes of a year are seen. */
const SHARE_DIGITS = 4;

/**
 * Time [start, end) of the period that a meter (`kind` register) or an account (document) leaves open. `missing`: what
 * the register moved meanwhile, where two spans show it.
 */
export interface Uncovered {
  readonly input: string;
  readonly kind: "register" | "document";
  readonly name: string | null;
  readonly start: number;
  readonly end: number;
  readonly missing: Quantity | null;
}

/** `shares`: the greatest share of one meter or account in % of time; `early`: a register begins early, and may. */
export interface Coverage {
  readonly uncovered: readonly Uncovered[];
  readonly shares: ReadonlyMap<string, Decimal>;
  readonly early: boolean;
}

/** A span of one register: times (`start` null: from the claim's own beginning), positions, unit. */
interface Reading {
  readonly start: number | null;
  readonly end: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly unit: Unit;
}

/** One register of one input with its spans in order of time, and the gaps that are substituted beside it. */
interface Register {
  readonly input: string;
  readonly meter: string;
  readonly spans: Reading[];
  readonly gaps: readonly Span[];
}

/** The codes that say what a period leaves open. */
export function coverageNotices({ uncovered, early }: Coverage): readonly string[] {
  return [...(uncovered.some(({ kind }) => kind === "register") ? ["gap-uncovered"] : []),
    ...(uncovered.some(({ kind }) => kind === "document") ? ["coverage-partial"] : []), ...(early ? ["reading-stale"] : [])];
}

/** As a run prints it: "missing" is a quantity or null. */
export function uncoveredDocument(hole: Uncovered): Answer {
  const missing = hole.missing === null ? null : { ...hole.missing.document() };
  return { input: hole.input, kind: hole.kind, name: hole.name, start: instantText(hole.start), end: instantText(hole.end),
    missing };
}

/**
 * What the inputs leave open of their period, for the statement date `at`. Throws period-outside, reading-after-statement,
 * inputs-overlap, source-mismatch (readings that cannot be), reading-stale, gap-uncovered.
 */
export function coverageOf(methodology: Methodology, inputs: Inputs, at: Day): Coverage {
  const limit = methodology.maxStalenessMs === null ? null : Number(methodology.maxStalenessMs);
  for (const part of inputs.spans) {
    checkTimes(part, at);
    if (limit !== null) checkStale(methodology, part, limit);
  }
  checkOrder(inputs);
  const tolerance = limit ?? UNSAID_MS;
  const [registers, period] = [registersOf(inputs), inputs.period];
  const uncovered = [...registers.flatMap((register) => leftOpen(register, period, tolerance)),
    ...Array.from(inputs.items.keys()).flatMap((name) => papersLeftOpen(inputs, name, tolerance))];
  checkRefused(inputs, uncovered, tolerance);
  const early = limit === null && registers.some((register) => opening(register) < period.start - UNSAID_MS);
  return { uncovered, shares: sharesOf(uncovered, period), early };
}

/** Each reading stands where R(t) can: in order, none after the end of the period or the day of the statement. */
function checkTimes(inputs: Inputs, at: Day): void {
  for (const [name, items] of inputs.items) {
    for (const [number, item] of items.entries()) {
      if (item.span === null) continue;
      checkReading(timesOf(item), inputs.period, at, `${inputs.placeOf(name)}[${number}].source.to.time`);
    }
  }
}

function checkReading([start, end]: readonly [number | null, number], period: Period, at: Day, where: string): void {
  if (start !== null && start > end) {
    throw new RuleError("period-outside", "the reading that ends the span is earlier than the one that begins it",
      { where, hint: "from is the earlier reading, to the later one" });
  }
  if (end > period.end) {
    throw new RuleError("period-outside", `the reading that ends the span is of ${instantText(end)}, after the period`,
      { where, hint: "take the last reading at or before the end of the period" });
  }
  if (start !== null && start < end && end <= period.start) {
    throw new RuleError("period-outside", "the span ends before the period begins",
      { where, hint: "take the last readings at or before both ends of the period" });
  }
  if (period.dayOf(Math.max(end - 1, 0)) > at) {
    throw new RuleError("reading-after-statement", `a reading of ${instantText(end)} is later than the statement of ${at}`,
      { where, hint: "date the statement after its readings" });
  }
}

/** No boundary reading of a part is older than the methodology admits, and no hole in it longer. */
function checkStale({ key }: Methodology, inputs: Inputs, limit: number): void {
  for (const register of registersOf(inputs)) {
    const [where, start, first] = [inputs.placeOf(register.input), inputs.period.start, opening(register)];
    if (first < start - limit) {
      throw new RuleError("reading-stale", `the first reading of ${register.meter} is of ${instantText(first)}, ${
        start - first} ms before the period; ${key} allows ${limit} ms`,
      { where, hint: "take the last reading at or before the start of the period" });
    }
    const hole = leftOpen(register, inputs.period, limit).find((one) => one.end - one.start > limit);
    if (hole !== undefined) {
      throw new RuleError("reading-stale", `no reading of ${register.meter} answers for ${instantText(hole.start)} to ${
        instantText(hole.end)}${hole.missing === null ? "" : `, when it moved ${hole.missing}`}; ${key} allows ${limit} ms`,
      { where, hint: "give the readings at both ends, what is substituted for the gap by the methodology's rule, or parts "
        + "of the period cut where a meter begins or ends" });
    }
  }
}

/** The spans of one register follow one another, in time as in position. */
function checkOrder(inputs: Inputs): void {
  for (const { input, meter, spans } of registersOf(inputs)) {
    const where = `${input}/${meter}`;
    for (const [before, after] of pairs(spans)) {
      if (after.start === null) continue;
      if (after.start < before.end) {
        throw new RuleError("inputs-overlap", "two spans of one register share time",
          { where, hint: "let each span begin with the reading that ended the one before" });
      }
      if (after.first < before.last || (after.start === before.end && after.first !== before.last)) {
        throw new RuleError("source-mismatch",
          `the register ends a span at ${before.last} and begins the next at ${after.first}`,
          { where, hint: "a register goes on counting: correct the positions or the times" });
      }
    }
  }
}

function pairs(spans: readonly Reading[]): readonly (readonly [Reading, Reading])[] {
  return spans.slice(1).map((after, i) => [spans[i] ?? after, after]);
}

function registersOf(inputs: Inputs): readonly Register[] {
  const found = new Map<string, Register>();
  for (const [name, items] of inputs.items) {
    const gaps = gapsOf(items);
    for (const item of items) {
      if (item.span === null) continue;
      const meter = plainText(item.source.get("meter"));
      const key = JSON.stringify([name, meter, plainText(item.source.get("quantity"))]);
      const register = found.get(key)
        ?? { input: name, meter, spans: [], gaps: [...(gaps.get(meter) ?? []), ...(gaps.get(null) ?? [])] };
      found.set(key, register);
      const [[start, end], [first, last]] = [timesOf(item), item.span];
      register.spans.push({ start, end, first, last, unit: item.quantity.unit });
    }
  }
  for (const { spans } of found.values()) spans.sort((a, b) => begin(a) - begin(b) || a.end - b.end || order(a.first, b.first));
  return Array.from(found.values());
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function timesOf({ source }: Item): readonly [number | null, number] {
  const [from, to] = [source.get("from"), source.get("to")];
  const begins = isObject(from) ? from.get("time") : undefined;
  return [begins === undefined ? null : parseInstant(begins), parseInstant(isObject(to) ? to.get("time") : undefined)];
}

/** The time of the first reading a span names: a claim point's names its last alone. */
function begin({ start, end }: Reading): number {
  return start ?? end;
}

function opening({ spans }: Register): number {
  return spans.reduce((least, span) => Math.min(least, begin(span)), Infinity);
}

/** The substituted gaps of an input by the meter that each names; one that names none stands for every meter. */
function gapsOf(items: readonly Item[]): ReadonlyMap<string | null, readonly Span[]> {
  const found = new Map<string | null, Span[]>();
  for (const { source, type } of items) {
    if (type !== SUBSTITUTION) continue;
    const meter = source.get("meter");
    const name = typeof meter === "string" ? meter : null;
    const known = found.get(name);
    if (known === undefined) found.set(name, [gapOf(source)]);
    else known.push(gapOf(source));
  }
  return found;
}

/** What a register answers for: its spans, the time between two in which it stood still, what is substituted. */
function coveredBy({ spans, gaps }: Register, period: Period): readonly Span[] {
  const still = pairs(spans).flatMap(([a, b]): readonly Span[] => (
    b.start !== null && a.last === b.first ? [[a.end, b.start]] : []));
  return [...spans.map(({ start, end }): Span => [start ?? period.start, end]), ...still, ...gaps];
}

/** The holes longer than the tolerance, and each between two spans in which the register moved. */
function leftOpen(register: Register, period: Period, tolerance: number): readonly Uncovered[] {
  const moved = new Map<string, Quantity>();
  for (const [a, b] of pairs(register.spans)) {
    if (b.start === null || b.first <= a.last) continue;
    moved.set(`${Math.max(a.end, period.start)}/${Math.min(b.start, period.end)}`,
      new Quantity(Decimal.of(b.first - a.last), baseUnit(b.unit)));
  }
  return holes(coveredBy(register, period), period).flatMap(([start, end]): readonly Uncovered[] => {
    const missing = moved.get(`${start}/${end}`) ?? null;
    if (missing === null && end - start <= tolerance) return [];
    return [{ input: register.input, kind: "register", name: register.meter, start, end, missing }];
  });
}

/** The holes that the documents of each account leave; one that does not say what it covers stands for the whole. */
function papersLeftOpen(inputs: Inputs, name: string, tolerance: number): readonly Uncovered[] {
  if (inputs.rules.get(name)?.single === true) return [];
  const items = inputs.items.get(name) ?? [];
  const gaps = gapsOf(items);
  const accounts = new Map<string | null, Span[]>();
  for (const { source } of items) {
    const covers = source.get(COVERS);
    if (!isObject(covers)) continue;
    const account = covers.get("account");
    const key = typeof account === "string" ? account : null;
    const known = accounts.get(key);
    if (known === undefined) accounts.set(key, [coveredSpan(covers)]);
    else known.push(coveredSpan(covers));
  }
  return Array.from(accounts).flatMap(([account, spans]) => {
    const beside = [...(gaps.get(null) ?? []), ...(account === null ? [] : gaps.get(account) ?? [])];
    return holes([...spans, ...beside], inputs.period).filter(([start, end]) => end - start > tolerance)
      .map(([start, end]): Uncovered => ({ input: name, kind: "document", name: account, start, end, missing: null }));
  });
}

/** The parts of the period that none of the spans covers, in order. */
function holes(spans: readonly Span[], period: Period): readonly Span[] {
  const found: Span[] = [];
  let at = period.start;
  for (const [start, end] of [...spans].sort(([a, b], [c, d]) => a - c || b - d)) {
    if (at < start && start < period.end) found.push([at, start]);
    at = Math.max(at, end);
  }
  if (at < period.end) found.push([at, period.end]);
  return found;
}

/** An input whose missing data are refused is answered for by something at every time of the period. */
function checkRefused(inputs: Inputs, found: readonly Uncovered[], tolerance: number): void {
  for (const name of new Set(found.map(({ input }) => input))) {
    const items = inputs.items.get(name) ?? [];
    const whole = items.some(({ type, source }) => type === "declared" || (type === "document" && !source.has(COVERS)));
    if (inputs.rules.get(name)?.gap !== REFUSED || whole) continue;
    const covered = items.map(({ source }) => source.get(COVERS)).filter(isObject).map(coveredSpan);
    const registers = registersOf(inputs).filter(({ input }) => input === name);
    const hole = holes([...covered, ...registers.flatMap((register) => coveredBy(register, inputs.period))], inputs.period)
      .find(([start, end]) => end - start > tolerance);
    if (hole === undefined) continue;
    throw new RuleError("gap-uncovered", `nothing that is given of ${name} answers for ${instantText(hole[0])} to ${
      instantText(hole[1])}, and a gap of it is refused`, { where: inputs.placeOf(name),
      hint: "give what is missing, with 0 where there was nothing, or leave covers out of a document that stands for the "
        + "whole period" });
  }
}

function sharesOf(found: readonly Uncovered[], period: Period): ReadonlyMap<string, Decimal> {
  const times = new Map<string, readonly [string, number]>();
  for (const { input, kind, name, start, end } of found) {
    const key = JSON.stringify([input, kind, name]);
    times.set(key, [input, (times.get(key)?.[1] ?? 0) + end - start]);
  }
  const greatest = new Map<string, number>();
  for (const [name, time] of times.values()) greatest.set(name, Math.max(greatest.get(name) ?? 0, time));
  const whole = Decimal.of(BigInt(period.end - period.start));
  return new Map(Array.from(greatest).sort(([a], [b]) => byCodePoint(a, b)).map(([name, time]) => [name,
    roundTo(divide(Decimal.of(BigInt(100 * time)), whole, CONTEXT), "round", SHARE_DIGITS)]));
}
