/** A dated parameter: one quantity, its values over time, each with source, dates and status. */
import { optionalDay, Validity, type Day } from "./dates.js";
import { Misuse, STATUSES, asObject, identity, member, objects, text, title } from "./document.js";
import { RuleError } from "./error.js";
import { digest } from "./json.js";
import { printedDecimal } from "./numbers.js";
import { Quantity } from "./quantity.js";
import { isList, isObject, plainText, represented, type Json, type JsonObject } from "./texts.js";
import { parseUnit, type Unit } from "./units.js";

const SCHEMA = "carbonseal-parameter/1";
const SELECTIONS = ["latest-published", "in-force", "by-year", "fixed"] as const;

/** So many years or codes of a table stand in a hint. */
const MAX_NAMED = 12;
/** No selection of a parameter: a methodology may let an option choose by the year of use in place of it. */
export const DATA_YEAR = "data-year";
/** What such an option offers. */
export const CHOICES: readonly string[] = ["latest-published", DATA_YEAR];
const PRINTED = ["key", "value", "year", "source", "locator"] as const;

type Selection = (typeof SELECTIONS)[number];

/**
 * One printed value; `text` keeps the digits as printed; a date not known is null. `selection`: "data-year" where a run
 * chose it so, "" where the parameter's own selection did.
 */
export interface ParameterValue {
  readonly key: string;
  readonly text: string;
  readonly quantity: Quantity;
  readonly year: string;
  readonly validity: Validity;
  readonly published: Day | null;
  readonly source: string;
  readonly locator: string;
  readonly status: string;
  readonly dateStatus: string;
  readonly selection: string;
}

export interface ValueRecord {
  readonly [member: string]: string | null;
}

/** What a statement says of a value it read. */
export function valueRecord(value: ParameterValue): ValueRecord {
  return { key: value.key, value: value.text, unit: value.quantity.unit.text, year: value.year,
    published: value.published, from: value.validity.start, to: value.validity.end, source: value.source,
    locator: value.locator, status: value.status, date_status: value.dateStatus,
    ...(value.selection === "" ? {} : { selection: value.selection }) };
}

export class Parameter {
  readonly id: string;
  readonly title: ReadonlyMap<string, string>;
  readonly unit: Unit;
  readonly select: Selection;
  readonly region: string;
  readonly values: readonly ParameterValue[];
  readonly digest: string;

  private constructor(readonly document: JsonObject, where: string) {
    const select = SELECTIONS.find((one) => one === member(document, "select"));
    if (member(document, "schema") !== SCHEMA || select === undefined) {
      throw new RuleError("rule-malformed", `not a ${SCHEMA} with a known selection`, { where });
    }
    this.select = select;
    const unit = parseUnit(member(document, "unit"));
    this.unit = unit;
    this.values = objects(document, "values").map((item) => readValue(item, unit, where));
    this.id = identity(document);
    this.title = title(document);
    text(document, "printed_unit");
    this.region = text(document, "region");
    text(document, "gap");
    this.digest = digest(document);
  }

  /** The parameter of its canonical document. */
  static fromDocument(document: Json): Parameter {
    const where = isObject(document) ? plainText(document.has("id") ? document.get("id") : "?") : "?";
    let parameter: Parameter;
    try {
      parameter = new Parameter(asObject(document), where);
    } catch (error) {
      if (!(error instanceof Misuse)) throw error;
      throw new RuleError("rule-malformed", `a parameter lacks or misuses ${error.member}`, { where });
    }
    parameter.check();
    return parameter;
  }

  /**
   * The one value that applies on a statement date to a period of days; never the nearest, never zero. `key`: what `year`
   * is, where the values of a by-year parameter go by something else ("cn_code").
   */
  resolve(at: Day, first: Day, last: Day, year: string, key = "year"): ParameterValue {
    switch (this.select) {
      case "fixed": return this.values[0] ?? this.none("");
      case "latest-published": return this.latest(at) ?? this.none(`published by ${at}`);
      case "by-year":
        return this.values.find((value) => value.year === year) ?? this.none(`for the ${key} ${represented(year)}`, this.names(year));
      case "in-force": return this.inForce(first, last);
    }
  }

  /**
   * The value whose data year is the calendar year in which the days lie, unless published after `at`; of several of one
   * year the one published last. Throws period-crosses-change, rule-not-in-force.
   */
  ofDataYear(at: Day, first: Day, last: Day): ParameterValue {
    const [year, end] = [Number(first.slice(0, 4)), Number(last.slice(0, 4))];
    if (year !== end) {
      const cuts = Array.from({ length: Math.min(end - year, MAX_NAMED) }, (_, i) => `${year + i + 1}-01-01`).join(", ");
      throw new RuleError("period-crosses-change", `${this.id} is chosen by the year of use, and the period runs `
        + `${first} to ${last}`, { where: this.id, hint: `split the period at ${cuts}` });
    }
    let found: ParameterValue | undefined;
    for (const value of this.values) {
      const known = value.year === String(year) && (value.published === null || value.published <= at);
      if (known && (found === undefined || (found.published ?? "") < (value.published ?? ""))) found = value;
    }
    return found === undefined ? this.none(`of the data year ${year} on ${at}`, this.names())
      : { ...found, selection: DATA_YEAR };
  }

  /** The values as the rows of a table, each under its year. Throws rule-malformed: not by year. */
  rows(): readonly ParameterValue[] {
    if (this.select === "by-year") return this.values;
    throw new RuleError("rule-malformed", `${this.id} is no table: its values are not named by year`, { where: this.id });
  }

  private latest(at: Day): ParameterValue | undefined {
    let found: ParameterValue | undefined;
    for (const value of this.values) {
      const known = value.published !== null && value.published <= at;
      if (known && (found?.published ?? "") < (value.published ?? "")) found = value;
    }
    return found;
  }

  private inForce(first: Day, last: Day): ParameterValue {
    const dated = this.values.filter((value) => value.dateStatus === "known");
    const holding = dated.find((value) => value.validity.holds(first));
    if (holding?.validity.holds(last) === true) return holding;
    if (holding !== undefined || dated.some((value) => value.validity.holds(last))) {
      throw new RuleError("period-crosses-change", `${this.id} changes between ${first} and ${last}`,
        { where: this.id, hint: "split the period at the day of the change" });
    }
    return this.none(`in force on ${first}`);
  }

  /** The years or codes there are, first those that begin as the one asked for: 72193410 is under 7219. */
  private names(asked = ""): string {
    const names = this.values.map((value) => value.year).sort((a, b) => shared(b, asked) - shared(a, asked));
    return names.slice(0, MAX_NAMED).join(", ") + (names.length > MAX_NAMED ? ", …" : "");
  }

  private none(what: string, known = ""): never {
    const hint = "no other year, region or zero is taken in its place";
    throw new RuleError("rule-not-in-force", `${this.id} has no value ${what}`,
      { where: this.id, hint: known === "" ? hint : `${hint}; it has ${known}` });
  }

  private check(): void {
    const fail = (message: string): never => {
      throw new RuleError("parameter-overlap", message, { where: this.id });
    };
    if (this.values.length === 0 || (this.select === "fixed" && this.values.length !== 1)) {
      throw new RuleError("rule-malformed", "a fixed parameter has exactly one value, others at least one",
        { where: this.id });
    }
    if (repeats(this.values.map((value) => value.key))) fail("two values have one key");
    const days = this.values.flatMap((value) => value.published ?? []);
    if (this.select === "latest-published" && repeats(days)) fail("two values were published on one day");
    if (this.select === "by-year" && repeats(this.values.map((value) => value.year))) fail("two values have one year");
    if (this.select === "in-force") this.checkOverlap(fail);
  }

  private checkOverlap(fail: (message: string) => never): void {
    const dated = this.values.filter((value) => value.dateStatus === "known").map((value) => value.validity);
    dated.forEach((one, i) => {
      if (dated.slice(i + 1).some((other) => one.overlaps(other))) {
        fail(`two values hold on one day from ${one.start ?? "None"}`);
      }
    });
  }
}

function repeats(texts: readonly string[]): boolean {
  return new Set(texts).size !== texts.length;
}

function isEmpty(value: Json): boolean {
  return !value || (isList(value) && value.length === 0) || (isObject(value) && value.size === 0);
}

function readValue(document: JsonObject, unit: Unit, where: string): ParameterValue {
  if (isEmpty(member(document, "source"))) throw new RuleError("parameter-unsourced", "a value has no source", { where });
  const dateStatus = member(document, "date_status");
  if (!STATUSES.includes(member(document, "status")) || (dateStatus !== "known" && dateStatus !== "unknown")) {
    throw new RuleError("rule-malformed", "status and date_status are fixed words", { where });
  }
  const [key, printed, year, source, locator] = PRINTED.map((name) => text(document, name)) as [string, string, string,
    string, string];
  const quantity = new Quantity(printedDecimal(printed, where), unit);
  const validity = Validity.fromDocument(document);
  return { quantity, validity, key, text: printed, year, published: optionalDay(member(document, "published"), where),
    source, locator, status: text(document, "status"), dateStatus, selection: "" };
}

/** How many characters two texts begin with alike. */
function shared(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}
