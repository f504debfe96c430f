/** A methodology: which inputs a reporting unit gives, how formulas and parameters chain, what is certified. */
import { Validity, optionalDay, type Day } from "./dates.js";
import { checkBinding } from "./binding.js";
import { MAX_ROUNDING_DIGITS } from "./checker.js";
import {
  Misuse, asObject, checkUnique, identity, member, objects, statusOf, text, texts, title, versionOf,
} from "./document.js";
import { RuleError } from "./error.js";
import { digest } from "./json.js";
import { parseNatural } from "./numbers.js";
import { isObject, plainText, quoted, represented, type Json, type JsonObject } from "./texts.js";
import { parseUnit, type Unit } from "./units.js";

const SCHEMA = "carbonseal-methodology/1";
const CALCULATION = "calculation";
const KINDS = ["emission", "reduction", "green-power", "product-footprint", "cbam"] as const;
const SOURCES = ["register", "claim-point", "document", "declared", "substitution"] as const;
const METHODS = ["measured", "estimated", "manual"] as const;
const SUBSTITUTIONS = ["capacity", "greatest-rate", "zero"] as const;
const INTERVAL_RULES = ["none", "register-whole-units", "register-span", "facility-time"] as const;
const INTERVAL_MEMBERS: Readonly<Record<(typeof INTERVAL_RULES)[number], readonly string[]>> = {
  none: [], "register-whole-units": ["input", "unit"], "register-span": ["input"], "facility-time": ["option"],
};
const RESULT_ROUNDINGS = ["round", "floor"] as const;
const DROPS = ["notice", "refused"] as const;
/** The parts of the calendar that an option may repeat. */
const CALENDAR = ["year", "month"] as const;
const PLACEHOLDER = /\{([a-z_]+)\}/g;

export type SourceType = (typeof SOURCES)[number];

/**
 * What a methodology asks of one input; a name ending in ".*" is a family. `sources`: best first. `gap`: the treatment of
 * missing data. `substitution`: the conservative rule for a gap, "" where a gap is refused. `single`: an intensive quantity, given once.
 */
export interface InputRule {
  readonly name: string;
  readonly unit: Unit;
  readonly required: boolean;
  readonly sources: readonly SourceType[];
  readonly methods: readonly string[];
  readonly gap: string;
  readonly substitution: "" | (typeof SUBSTITUTIONS)[number];
  readonly single: boolean;
}

/**
 * A choice the claim makes. `oneOf` empty: any text; `many`: a list of texts. `period`: the part of the calendar that the
 * option repeats and the whole period lies in, "" for none.
 */
export interface OptionRule {
  readonly name: string;
  readonly required: boolean;
  readonly oneOf: readonly string[];
  readonly many: boolean;
  readonly period: "" | (typeof CALENDAR)[number];
}

/** One formula call. `each`: the family for whose members it is called, or null. */
export interface StepRule {
  readonly name: string;
  readonly formula: string;
  readonly each: string | null;
  readonly bindings: readonly (readonly [string, JsonObject])[];
}

export interface OutputRule {
  readonly name: string;
  readonly step: string;
  readonly output: string;
}

/** Which output is reported and how it is rounded, once; `carry`: the remainder goes into the next statement. */
export interface ResultRule {
  readonly output: string;
  readonly unit: Unit;
  readonly rounding: (typeof RESULT_ROUNDINGS)[number];
  readonly digits: number;
  readonly carry: boolean;
}

export interface IntervalRule {
  readonly rule: (typeof INTERVAL_RULES)[number];
  readonly input: string;
  readonly unit: bigint;
  readonly option: string;
}

/** `label`: the kind of its statements. `certifies`: false for a calculation of which no statement is made. */
export class Methodology {
  readonly id: string;
  readonly version: string;
  readonly label: string;
  readonly title: ReadonlyMap<string, string>;
  readonly source: string;
  readonly status: string;
  readonly validity: Validity;
  readonly inputs: readonly InputRule[];
  readonly options: readonly OptionRule[];
  readonly steps: readonly StepRule[];
  readonly outputs: readonly OutputRule[];
  readonly result: ResultRule;
  readonly intervals: IntervalRule;
  readonly notices: readonly string[];
  readonly allowsUnconfirmed: boolean;
  readonly maxStalenessMs: bigint | null;
  readonly split: readonly string[];
  readonly priorityDrop: (typeof DROPS)[number];
  readonly digest: string;
  /** The day of what it rests on, where it is known and later than its validity begins. */
  readonly published: Day | null;

  private constructor(readonly document: JsonObject) {
    if (member(document, "schema") !== SCHEMA) {
      throw new RuleError("rule-malformed", `${represented(member(document, "schema"))} is not ${SCHEMA}`);
    }
    this.id = identity(document);
    this.version = versionOf(document);
    this.label = readLabel(member(document, "kind"));
    this.title = title(document);
    this.source = text(document, "source");
    this.status = statusOf(document);
    this.validity = Validity.fromDocument(asObject(member(document, "valid")));
    this.inputs = named(document, "inputs").map(readInput);
    this.options = named(document, "options").map(readOption);
    this.steps = named(document, "steps").map(readStep);
    this.outputs = named(document, "outputs").map(readOutput);
    this.result = readResult(asObject(member(document, "result")));
    this.intervals = readIntervals(asObject(member(document, "intervals")));
    this.notices = texts(document, "notices");
    this.allowsUnconfirmed = member(document, "allows_unconfirmed") === true;
    this.maxStalenessMs = readStaleness(member(document, "max_staleness_ms"));
    this.digest = digest(document);
    this.split = readSplit(document, this.result, this.intervals);
    const drop = document.has("priority_drop") ? member(document, "priority_drop") : "notice";
    this.priorityDrop = oneOf(drop, DROPS, "treatment of a drop");
    this.published = document.has("published") ? optionalDay(member(document, "published")) : null;
  }

  /** The methodology of its canonical document. Throws errors that name it. */
  static fromDocument(document: Json): Methodology {
    const where = isObject(document) ? plainText(document.has("id") ? document.get("id") : "?") : "?";
    try {
      return new Methodology(asObject(document));
    } catch (error) {
      if (error instanceof Misuse) {
        throw new RuleError("rule-malformed", `a methodology lacks or misuses ${error.member}`, { where });
      }
      throw error instanceof RuleError && error.where === "" ? error.at(where) : error;
    }
  }

  /** "id@version". */
  get key(): string {
    return `${this.id}@${this.version}`;
  }

  /** Whether its certificates stand for serials of a register or time of a facility, which are used up. */
  get spends(): boolean {
    return this.intervals.rule !== "none";
  }

  get certifies(): boolean {
    return this.label !== CALCULATION;
  }

  /** The rule for a given input, families included. */
  ruleOf(name: string): InputRule | undefined {
    return this.inputs.find((rule) => {
      const prefix = prefixOf(rule);
      return rule.name === name || (prefix !== null && name.startsWith(prefix) && name.length > prefix.length);
    });
  }
}

/** "fuel." of the family "fuel.*", else null. */
export function prefixOf(rule: InputRule): string | null {
  return rule.name.endsWith(".*") ? rule.name.slice(0, -1) : null;
}

/** The paths of parameters that can come out of a pattern with placeholders. */
export function patternOf(pattern: string): RegExp {
  const parts = pattern.split(PLACEHOLDER).map((part, i) => (i % 2 === 1 ? "[^{}]+" : part.replace(/[^A-Za-z0-9]/g, "\\$&")));
  return new RegExp(`^${parts.join("")}$`);
}

/** The pattern with its placeholders replaced. Throws option-missing. */
export function fill(pattern: string, names: ReadonlyMap<string, string>): string {
  return pattern.replace(PLACEHOLDER, (_all, name: string) => {
    const value = names.get(name);
    if (value !== undefined) return value;
    throw new RuleError("option-missing", `the option ${represented(name)} is needed for ${represented(pattern)}`,
      { where: "options" });
  });
}

/** What names the value of a parameter: the option in the pattern ("cn_code" of "{cn_code}"), else "year". */
export function keyName(pattern: string): string {
  return /\{([a-z_]+)\}/.exec(pattern)?.[1] ?? "year";
}

function named(document: JsonObject, name: string): readonly JsonObject[] {
  const items = objects(document, name);
  checkUnique(items.map((item) => text(item, "name")), `one of the ${name}`);
  return items;
}

function readLabel(label: Json): string {
  const kind = [CALCULATION, ...KINDS].find((one) => one === label);
  if (kind !== undefined) return kind;
  throw new RuleError("kind-unknown", `${quoted(label, 40)} is not a kind of statement`, { hint: `one of ${KINDS.join(", ")}` });
}

function oneOf<T extends string>(value: Json, allowed: readonly T[], what: string): T {
  const found = allowed.find((one) => one === value);
  if (found !== undefined) return found;
  throw new RuleError("rule-malformed", `${quoted(value, 40)} is no ${what}`, { hint: `one of ${allowed.join(", ")}` });
}

function readInput(item: JsonObject): InputRule {
  const sources = words(item, "sources", SOURCES, "source");
  const substitution = readSubstitution(item, sources);
  title(item);
  const rule = { name: text(item, "name"), unit: parseUnit(member(item, "unit")), required: member(item, "required") === true,
    sources, methods: words(item, "methods", METHODS, "method"), substitution,
    single: item.get("single") === true };
  return { ...rule, gap: text(item, "gap") };
}

function words<T extends string>(item: JsonObject, name: string, allowed: readonly T[], what: string): readonly T[] {
  member(item, name);
  return texts(item, name).map((word) => oneOf(word, allowed, what));
}

function readSubstitution(item: JsonObject, sources: readonly SourceType[]): InputRule["substitution"] {
  const given = item.has("substitution") ? member(item, "substitution") : "";
  if (sources.includes("substitution") !== (given !== "")) {
    throw new RuleError("rule-malformed", "a source 'substitution' and its rule go together", { where: text(item, "name") });
  }
  return given === "" ? "" : oneOf(given, SUBSTITUTIONS, "substitution");
}

function readOption(item: JsonObject): OptionRule {
  const given = item.has("period") ? member(item, "period") : "";
  const period = given === "" ? "" : oneOf(given, CALENDAR, "part of the calendar");
  title(item);
  return { name: text(item, "name"), required: member(item, "required") === true, oneOf: texts(item, "one_of"),
    many: member(item, "many") === true, period };
}

function readStep(item: JsonObject): StepRule {
  const given = objects(item, "arguments");
  checkUnique(given.map((argument) => text(argument, "name")), "an argument");
  const bindings = given.map((argument) => [text(argument, "name"), checkBinding(member(argument, "binding"))] as const);
  const formula = text(item, "formula");
  return { name: text(item, "name"), formula, each: member(item, "each") === null ? null : text(item, "each"), bindings };
}

function readOutput(item: JsonObject): OutputRule {
  return { name: text(item, "name"), step: text(item, "step"), output: text(item, "output") };
}

function readResult(item: JsonObject): ResultRule {
  const digits = Number(parseNatural(member(item, "digits"), "", BigInt(MAX_ROUNDING_DIGITS) + 1n));
  return { output: text(item, "output"), unit: parseUnit(member(item, "unit")),
    rounding: oneOf(member(item, "rounding"), RESULT_ROUNDINGS, "rounding"), digits, carry: member(item, "carry") === true };
}

function readIntervals(item: JsonObject): IntervalRule {
  const rule = oneOf(member(item, "rule"), INTERVAL_RULES, "interval rule");
  const expected = INTERVAL_MEMBERS[rule];
  if (item.size !== expected.length + 1 || !expected.every((name) => typeof item.get(name) === "string")) {
    throw new RuleError("rule-malformed", `the interval rule ${rule} has ${expected.join(", ") || "no members"}`);
  }
  const [input, option] = ["input", "option"].map((name) => (item.has(name) ? text(item, name) : ""));
  const unit = item.has("unit") ? parseNatural(item.get("unit")) : 1n;
  if (unit === 0n) throw new RuleError("rule-malformed", "a whole unit of a register is not 0");
  return { rule, input: input ?? "", unit, option: option ?? "" };
}

function readStaleness(value: Json): bigint | null {
  return value === null ? null : parseNatural(value);
}

function readSplit(document: JsonObject, result: ResultRule, intervals: IntervalRule): readonly string[] {
  const names = texts(document, "split");
  if (names.length > 0 && !names.includes(result.output)) {
    throw new RuleError("rule-malformed", "the result is not among the outputs that add up over parts");
  }
  if (names.length > 0 && intervals.rule !== "none") {
    throw new RuleError("rule-malformed", "a methodology that spends intervals is not split");
  }
  return names;
}
