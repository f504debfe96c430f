/** The inputs document of a run: who, where, when, the quantities with their sources, and the options chosen. */
import { checkPapers } from "./covers.js";
import { Decimal } from "./decimal.js";
import { RuleError } from "./error.js";
import { SUBSTITUTION, checkGaps, overlap } from "./gaps.js";
import { checkId } from "./ids.js";
import { hasExactly, readItems, type Item } from "./items.js";
import type { InputRule, Methodology } from "./methodology.js";
import { optionMissing, readCarried, readOptions, readPrevious } from "./options.js";
import { Period } from "./period.js";
import { Quantity } from "./quantity.js";
import { byCodePoint, isList, isObject, lengthOf, plainText, quoted, represented, type Json, type JsonObject } from "./texts.js";

/** With this begin boundary and titles of a printed example. */
const EXAMPLE = "示例 example";
const MAX_BOUNDARY_CHARS = 200;
/** Of all inputs and parts together. */
const MAX_ITEMS = 10_000;
/** A year cut at every day, with room. */
const MAX_PARTS = 400;
const TOP = ["allow_unconfirmed", "boundary", "inputs", "options", "period", "subject"] as const;
const OPTIONAL = ["carried", "parts", "previous"] as const;

/** What is said once, whatever the parts. `previous`: the priority of each input in the statement before. */
interface Head {
  readonly document: JsonObject;
  readonly subject: string;
  readonly boundary: string;
  readonly options: JsonObject;
  readonly carried: Quantity | null;
  readonly allowUnconfirmed: boolean;
  readonly previous: ReadonlyMap<string, bigint>;
}

type Rules = ReadonlyMap<string, InputRule>;
type Items = ReadonlyMap<string, readonly Item[]>;

/** A checked inputs document; `items` in the order of names. `parts`: the inputs of each part of a split period. */
export class Inputs {
  constructor(readonly head: Head, readonly period: Period, readonly rules: Rules, readonly items: Items,
    readonly place = "inputs", readonly parts: readonly Inputs[] = []) {}

  /** Where an input stands in the document: "inputs.fuel.diesel", "parts[1].inputs.fuel.diesel". */
  placeOf(name: string): string {
    return `${this.place}.${name}`;
  }

  /** What is evaluated on its own: the parts, or the whole. */
  get spans(): readonly Inputs[] {
    return this.parts.length > 0 ? this.parts : [this];
  }

  /** The sum of an input in the unit of its rule; an optional input not given is 0, a member or an intensive one missing. */
  total(name: string): Quantity {
    const rule = this.rules.get(name);
    const items = this.items.get(name);
    if (rule === undefined || (items === undefined && rule.single)) {
      throw new RuleError("input-missing", `the input ${represented(name)} is missing`,
        { where: this.place, hint: "a missing value is never taken as zero" });
    }
    return (items ?? []).reduce((total, item) => total.plus(item.quantity), new Quantity(Decimal.ZERO, rule.unit));
  }

  /** The suffixes given of a family "fuel.*", sorted. */
  members(family: string): readonly string[] {
    const prefix = family.slice(0, -1);
    return Array.from(this.items.keys()).filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
  }

  /** An option as an argument: a quantity where it is one, else its text. */
  option(name: string): Quantity | string {
    const value = this.head.options.get(name);
    if (value === undefined) throw optionMissing(name);
    return isObject(value) ? Quantity.fromJson(value, name) : plainText(value);
  }

  /** The options that are texts, for the paths of parameters. */
  texts(): ReadonlyMap<string, string> {
    return new Map(Array.from(this.head.options).flatMap(([name, value]) => (typeof value === "string" ? [[name, value]] : [])));
  }

  /** Codes for inputs that are not measured, and example-input for what is left of a printed example. */
  notices(): readonly string[] {
    const items = Array.from(this.items.values()).flat();
    const said = [this.head.boundary, ...items.map(({ source }) => source.get("title"))];
    const example = said.some((text) => typeof text === "string" && text.startsWith(EXAMPLE));
    return (example ? ["example-input"] : []).concat(items.flatMap((item) => [
      ...(item.method === "measured" ? [] : [`${item.method}-input`]),
      ...(item.type === "declared" ? ["declared-input"] : []),
      ...(item.type === SUBSTITUTION ? ["substituted-input"] : [])]));
  }

  /** The inputs whose worst source stands lower than in the statement before; a substituted gap does not count. */
  priorityDrops(): readonly string[] {
    const sunk = ([name, before]: readonly [string, bigint]): boolean => (this.items.get(name) ?? [])
      .some((item) => item.type !== SUBSTITUTION && item.priority > before);
    return Array.from(this.head.previous).filter(sunk).map(([name]) => name).sort(byCodePoint);
  }
}

/** The inputs of a document, each allowed by the methodology. Throws the codes of docs/spec/rules.md. */
export function readInputs(methodology: Methodology, document: JsonObject, period: Period): Inputs {
  const head = readHead(methodology, document, period);
  const parts = readParts(methodology, document, period)
    .map(([given, span], i) => {
      const place = `parts[${i}].inputs`;
      return new Inputs(head, span, ...readAll(methodology, given, span, place), place);
    });
  const inputs = parts.length > 0 ? new Inputs(head, period, ...merged(parts), "inputs", parts)
    : new Inputs(head, period, ...readAll(methodology, document.get("inputs"), period, "inputs"));
  for (const part of inputs.spans) for (const [name, group] of part.items) checkGaps(part.placeOf(name), group);
  for (const [name, group] of inputs.items) {
    const rule = inputs.rules.get(name);
    if (rule !== undefined) checkPapers(rule, group, inputs.placeOf(name));
  }
  checkSpans(inputs.items);
  return inputs;
}

function readHead(methodology: Methodology, document: JsonObject, period: Period): Head {
  const known: readonly string[] = [...TOP, ...OPTIONAL];
  const missing = TOP.filter((name) => !document.has(name));
  const [unknown] = Array.from(document.keys()).filter((name) => !known.includes(name)).sort(byCodePoint);
  if (missing.length > 0 || unknown !== undefined) {
    const wrong = missing.length > 0 ? `lacks ${missing.join(", ")}` : `has no member ${quoted(unknown ?? "", 40)}`;
    throw new RuleError("inputs-malformed", `an inputs document ${wrong}`,
      { hint: `it has ${TOP.join(", ")}, and optionally ${OPTIONAL.join(", ")}` });
  }
  const allowUnconfirmed = document.get("allow_unconfirmed");
  if (typeof allowUnconfirmed !== "boolean") {
    throw new RuleError("inputs-malformed", "allow_unconfirmed is true or false", { where: "allow_unconfirmed",
      hint: "without quotes; true accepts rules and values not yet compared with their official text" });
  }
  const boundary = document.get("boundary");
  if (typeof boundary !== "string" || boundary === "" || lengthOf(boundary) > MAX_BOUNDARY_CHARS) {
    throw new RuleError("inputs-malformed", "a boundary is a short text", { where: "boundary" });
  }
  const subject = checkId(document.get("subject"), "subject");
  const options = readOptions(methodology, document.get("options"), period);
  const carried = readCarried(document.get("carried"));
  checkAmount(document);
  return { document, subject, boundary, allowUnconfirmed, options, carried,
    previous: readPrevious(methodology, document.get("previous")) };
}

function checkAmount(document: JsonObject): void {
  const parts = document.get("parts");
  const given = [document, ...(isList(parts) ? parts : [])].map((whole) => (isObject(whole) ? whole.get("inputs") : null));
  const lists = given.flatMap((inputs) => (isObject(inputs) ? Array.from(inputs.values()) : []));
  const count = lists.reduce<number>((total, items) => total + (isList(items) ? items.length : 0), 0);
  if (count > MAX_ITEMS) {
    throw new RuleError("inputs-too-many", `${count} quantities are more than ${MAX_ITEMS}`,
      { where: "inputs", hint: "add up what comes from one source, or make statements of shorter periods" });
  }
}

/** The inputs and period of each part. Throws parts-malformed, split-not-allowed. */
function readParts(methodology: Methodology, document: JsonObject, period: Period): readonly (readonly [Json, Period])[] {
  const parts = document.get("parts") ?? null;
  if (parts === null) return [];
  if (methodology.split.length === 0) {
    throw new RuleError("split-not-allowed", `${methodology.key} does not split a period`,
      { where: "parts", hint: "make one statement for each side of the change" });
  }
  const beside = document.get("inputs");
  if (!isList(parts) || parts.length < 2 || parts.length > MAX_PARTS || !isObject(beside) || beside.size > 0) {
    throw partsMalformed("parts are a list of at least two, and inputs are then empty",
      '"inputs": {} beside "parts": [{"period", "inputs"}, …]');
  }
  const read = parts.map((part, number) => {
    if (!hasExactly(part, ["period", "inputs"])) {
      throw partsMalformed("a part has exactly period and inputs", '{"period": {"start", "end", "zone"}, "inputs": {…}}',
        `parts[${number}]`);
    }
    return [part.get("inputs") ?? null, Period.fromJson(part.get("period"), `parts[${number}].period`)] as const;
  });
  if (!tiles(read.map(([, span]) => span), period)) {
    throw partsMalformed("the parts do not make up the period, cut at midnights",
      "the first begins with the period, each where the one before ends, the last ends with it; all in its zone");
  }
  return read;
}

function partsMalformed(message: string, hint: string, where = "parts"): RuleError {
  return new RuleError("parts-malformed", message, { where, hint });
}

/** Whether spans make up a period end to end, each cut between two calendar days of one zone. */
function tiles(spans: readonly Period[], period: Period): boolean {
  if (spans[0]?.start !== period.start || spans.at(-1)?.end !== period.end) return false;
  const meets = (span: Period, before: Period): boolean => before.end === span.start && before.days()[1] < span.days()[0];
  return spans.slice(1).every((span, i) => meets(span, spans[i] ?? span)) && spans.every((span) => span.zone === period.zone);
}

function merged(parts: readonly Inputs[]): readonly [Rules, Items] {
  const names = new Set(parts.flatMap((part) => Array.from(part.items.keys())));
  const all = (name: string): readonly Item[] => parts.flatMap((part) => part.items.get(name) ?? []);
  return [new Map(parts.flatMap((part) => Array.from(part.rules))),
    new Map(Array.from(names).sort(byCodePoint).map((name) => [name, all(name)]))];
}

function readAll(methodology: Methodology, given: Json | undefined, period: Period,
  place: string): readonly [Rules, Items] {
  if (!isObject(given)) throw new RuleError("inputs-malformed", "inputs are an object of lists", { where: place });
  const rules = new Map(methodology.inputs.map((rule) => [rule.name, rule]));
  const items = new Map<string, readonly Item[]>();
  for (const name of Array.from(given.keys()).sort(byCodePoint)) {
    const rule = methodology.ruleOf(name);
    if (rule === undefined || name.endsWith("*")) {
      throw new RuleError("input-unknown", `${methodology.key} has no input ${represented(name)}`,
        { where: `${place}.${name}`, hint: `the inputs are ${methodology.inputs.map(({ name: one }) => one).join(", ")}` });
    }
    rules.set(name, rule);
    items.set(name, readItems(rule, given.get(name) ?? null, period, `${place}.${name}`));
  }
  checkRequired(methodology, items, place);
  return [rules, items];
}

function checkRequired(methodology: Methodology, items: Items, where: string): void {
  const given = new Set(Array.from(items.keys(), (name) => methodology.ruleOf(name)));
  for (const rule of methodology.inputs) {
    if (rule.required && !given.has(rule)) {
      throw new RuleError("input-missing", `the input ${represented(rule.name)} is missing`,
        { where, hint: "a missing value is never taken as zero" });
    }
  }
}

function checkSpans(items: Items): void {
  const spans = new Map<string, (readonly [bigint, bigint])[]>();
  for (const [name, group] of items) {
    for (const { source, span } of group) {
      if (span === null) continue;
      const where = `${name}/${plainText(source.get("meter"))}/${plainText(source.get("quantity"))}`;
      const known = spans.get(where);
      if (known === undefined) spans.set(where, [span]);
      else known.push(span);
    }
  }
  for (const [where, ranges] of spans) {
    if (overlap(ranges)) throw new RuleError("inputs-overlap", "two spans of one register overlap",
      { where, hint: "let each span begin where the one before ended, and name none twice" });
  }
}
