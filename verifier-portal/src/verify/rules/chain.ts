/** The steps of a methodology evaluated on the inputs of one period: formula calls with what their arguments bind to. */
import { joinedBounds, placesIn, spreadsOf, type Bound, type CallSpreads } from "./bounds.js";
import { asObject, list, member, text } from "./document.js";
import { compare } from "./decimal.js";
import { checkInForce, type Day } from "./dates.js";
import { RuleError } from "./error.js";
import type { Evaluation, Formula } from "./formula.js";
import type { Inputs } from "./inputs.js";
import type { Item } from "./items.js";
import { fill, keyName, type Methodology, type StepRule } from "./methodology.js";
import { DATA_YEAR, type ParameterValue } from "./parameter.js";
import { Quantity } from "./quantity.js";
import type { RuleSet } from "./ruleset.js";
import { EXACT, Spread, joined, ofInput } from "./spread.js";
import { byCodePoint, isList, isObject, plainText, represented, type JsonObject } from "./texts.js";

/** Names in a hint: more are no help. */
const MAX_NEAR = 8;

/** One formula call: step name, member of a family or "", its evaluation, and the part of the period it is of. */
export interface StepResult {
  readonly step: string;
  readonly member: string;
  readonly evaluation: Evaluation;
  readonly part: number;
}

/** A parameter value that was read, with the path it was found under. */
export interface ReadParameter {
  readonly path: string;
  readonly value: ParameterValue;
}

/** An output of a methodology; `spread` null where uncertainty could not be carried through a table. */
export interface Reported {
  readonly quantity: Quantity;
  readonly spread: Spread | null;
}

interface Call {
  readonly result: StepResult;
  readonly spreads: CallSpreads;
}

/** Evaluates every step in order; then `steps`, `parameters` and `outputs()` tell what was called, read and found. */
export class Chain {
  private readonly calls = new Map<string, Call[]>();
  private readonly read = new Map<string, ReadParameter>();
  private readonly called: StepResult[] = [];
  /** Every input that was looked for, given or not; and those that entered the calculation. */
  private readonly asked = new Set<string>();
  private readonly used = new Set<string>();

  constructor(private readonly rules: RuleSet, private readonly methodology: Methodology, private readonly at: Day,
    readonly inputs: Inputs, private readonly part = 0) {
    if (methodology.status === "unconfirmed") this.checkAllowed(methodology.key, methodology.source, methodology.key);
    for (const step of methodology.steps) this.run(step);
    this.checkUsed();
  }

  get steps(): readonly StepResult[] {
    return this.called;
  }

  /** The parameter values in order of first reading. */
  get parameters(): readonly ReadParameter[] {
    return Array.from(this.read.values());
  }

  /** The outputs by name; one of a repeated step gives an output for each member, "name.member". */
  outputs(): ReadonlyMap<string, Reported> {
    const found = new Map<string, Reported>();
    for (const { name, step, output } of this.methodology.outputs) {
      for (const { result, spreads } of this.calls.get(step) ?? []) {
        const quantity = result.evaluation.outputs.get(output);
        if (!(quantity instanceof Quantity)) {
          throw new RuleError("rule-malformed", `${step}.${output} is not a quantity`, { where: this.methodology.key });
        }
        const key = result.member === "" ? name : `${name}.${result.member}`;
        found.set(key, { quantity, spread: spreads === null ? null : (spreads.get(output) ?? EXACT) });
      }
    }
    return found;
  }

  private run(step: StepRule): void {
    const formula = this.rules.formula(step.formula);
    checkInForce(formula.key, formula.validity, ...this.inputs.period.days());
    if (formula.status === "unconfirmed") this.checkAllowed(formula.key, formula.source, formula.key);
    const calls: Call[] = [];
    this.calls.set(step.name, calls);
    for (const name of step.each === null ? [""] : this.inputs.members(step.each)) {
      const bound = new Map(step.bindings.map(([argument, binding]) => [argument, this.bind(binding, name)]));
      const evaluation = this.evaluated(formula, bound, name === "" ? step.name : `${step.name}.${name}`);
      const result: StepResult = { step: step.name, member: name, evaluation, part: this.part };
      this.called.push(result);
      calls.push({ result, spreads: spreadsOf(evaluation, bound) });
    }
  }

  /** The formula's evaluation; an error of an argument names what the argument was taken from, any other the step. */
  private evaluated(formula: Formula, bound: ReadonlyMap<string, Bound>, step: string): Evaluation {
    try {
      return formula.evaluate(new Map(Array.from(bound, ([argument, { value }]) => [argument, value])));
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      const place = placesIn(bound, error.where);
      const message = error.code === "out-of-range" ? this.asWritten(place) + withTables(bound, error.message) : error.message;
      throw new RuleError(error.code, message, { where: place || `${step}: ${error.where}`, hint: error.hint });
    }
  }

  /** The quantities of an input as they were given, where they were given in another unit than the rule's. */
  private asWritten(place: string): string {
    for (const [name, items] of this.inputs.items) {
      const unit = this.inputs.rules.get(name)?.unit.text;
      if (place === this.inputs.placeOf(name) && items.some((item) => item.quantity.unit.text !== unit)) {
        return `${items.slice(0, MAX_NEAR).map((item) => item.quantity.toString()).join(" + ")} is given: `;
      }
    }
    return "";
  }

  /** Throws input-unused: a measured value set aside in silence would leave a default in its place. */
  private checkUsed(): void {
    for (const name of this.inputs.items.keys()) {
      if (this.used.has(name) || name === this.methodology.intervals.input) continue;
      const family = `${name.split(".")[0] ?? ""}.`;
      const near = Array.from(this.asked).filter((other) => other.startsWith(family) && !this.inputs.items.has(other));
      throw new RuleError("input-unused", `${name} is given, and nothing in this calculation reads it`, {
        where: this.inputs.placeOf(name), hint: near.length > 0
          ? `it would read ${near.sort(byCodePoint).slice(0, MAX_NEAR).join(", ")}`
          : "leave it out, or give the input that it belongs to under the same name after the point" });
    }
  }

  private bind(binding: JsonObject, name: string): Bound {
    if (binding.has("first")) return this.bind(this.firstAvailable(binding, name), name);
    if (binding.has("list")) return joinedBounds(list(binding, "list").map((item) => this.bind(asObject(item), name)));
    if (binding.has("rows")) return this.rows(binding);
    if (binding.has("table")) return this.table(binding, name);
    if (binding.has("among")) {
      return { value: this.neighbour(binding, name).quantity, spread: EXACT, place: text(binding, "among") };
    }
    if (binding.has("input")) return this.total(memberName(text(binding, "input"), name));
    if (binding.has("items")) return this.items(memberName(text(binding, "items"), name));
    if (binding.has("step")) return this.stepOutput(text(binding, "step"), text(binding, "output"));
    if (binding.has("parameter")) return this.parameter(binding, name);
    if (binding.has("option")) {
      const option = text(binding, "option");
      return { value: this.inputs.option(option), spread: EXACT, place: `options.${option}` };
    }
    if (binding.get("unit") === "text") return { value: text(binding, "value"), spread: EXACT, place: "" };
    const literal = new Map([["value", member(binding, "value")], ["unit", member(binding, "unit")]]);
    return { value: Quantity.fromPrinted(literal), spread: EXACT, place: "" };
  }

  private firstAvailable(binding: JsonObject, name: string): JsonObject {
    const sources = list(binding, "first").map(asObject);
    const names = sources.map((source) => (source.has("input") ? memberName(text(source, "input"), name) : null));
    const found = sources.find((_source, i) => {
      const given = names[i] ?? null;
      if (given !== null) this.asked.add(given);
      return given === null || this.inputs.items.has(given);
    });
    if (found !== undefined) return found;
    throw new RuleError("input-missing", `none of ${names.join(", ")} is given`,
      { where: "inputs", hint: "a missing value is never taken as zero" });
  }

  /** One row for each member of a family, its fields bound for this member. */
  private rows(binding: JsonObject): Bound {
    const fields = Array.from(asObject(member(binding, "fields")));
    const rows = this.inputs.members(text(binding, "rows")).map((name) =>
      fields.map(([field, inner]) => [field, this.bind(asObject(inner), name)] as const));
    return { value: rows.map((row) => new Map(row.map(([field, { value }]) => [field, value]))),
      spread: rows.map((row) => new Map(row.map(([field, { spread }]) => [field, spread]))),
      place: rows.map((row) => new Map(row.map(([field, { place }]) => [field, place]))) };
  }

  /** The rows of a parameter: each value under `value`, the number that names it under `key`. */
  private table(binding: JsonObject, name: string): Bound {
    const names = new Map(this.inputs.texts()).set("member", name);
    if (binding.has("among")) names.set("neighbour", this.neighbour(binding, name).text);
    const path = fill(text(binding, "table"), names);
    const values = this.rules.parameter(path).rows().map((value) => this.note(path, value));
    const [key, column, unit] = [text(binding, "key"), text(binding, "value"), text(binding, "unit")];
    const rows = values.map(({ year, quantity }) => new Map([
      [key, Quantity.fromPrinted(new Map([["value", year], ["unit", unit]]), path)], [column, quantity]]));
    return { value: rows, spread: rows.map((row) => new Map(Array.from(row.keys(), (field) => [field, EXACT]))),
      place: rows.map((row) => new Map(Array.from(row.keys(), (field) => [field, path]))) };
  }

  /**
   * Of two values next to one another with `at` between them (its own value included) the one asked for. Throws
   * out-of-range: nothing stands on one of its sides.
   */
  private neighbour(binding: JsonObject, name: string): ParameterValue {
    const path = text(binding, "among");
    const parameter = this.rules.parameter(path);
    const found = this.bind(asObject(member(binding, "at")), name);
    const sought = found.value;
    if (!(sought instanceof Quantity)) {
      throw new RuleError("rule-malformed", `a neighbour among ${path} is sought by a quantity`, { where: path });
    }
    const at = sought.to(parameter.unit).value;
    const values = Array.from(parameter.rows()).sort((a, b) => compare(a.quantity.value, b.quantity.value));
    for (const [i, above] of values.entries()) {
      const below = values[i - 1];
      if (below !== undefined && compare(below.quantity.value, at) <= 0 && compare(at, above.quantity.value) <= 0) {
        return this.note(path, text(binding, "neighbour") === "below" ? below : above);
      }
    }
    throw new RuleError("out-of-range", `${sought.toString()} is outside the values of ${path}`,
      { where: typeof found.place === "string" && found.place !== "" ? found.place : path, hint: "a table is never extended; give a measured value" });
  }

  private total(name: string): Bound {
    const value = this.inputs.total(name);
    this.enter(name);
    return { value, spread: joined(this.spreads(name), value.unit), place: this.inputs.placeOf(name) };
  }

  private items(name: string): Bound {
    this.enter(name);
    const items = this.inputs.items.get(name) ?? [];
    return { value: items.map((item) => item.quantity), spread: this.spreads(name),
      place: items.map((_item, i) => `${this.inputs.placeOf(name)}[${i}]`) };
  }

  private enter(name: string): void {
    this.asked.add(name);
    this.used.add(name);
  }

  private spreads(name: string): readonly Spread[] {
    return (this.inputs.items.get(name) ?? []).map((item, i) => (item.uncertainty === null ? EXACT
      : ofInput(this.origin(name, i, item), item.quantity.value, item.uncertainty, item.quantity.unit)));
  }

  /** What errs together: a register errs alike in every input and part that reads it, any other item by itself. */
  private origin(name: string, number: number, { type, source }: Item): string {
    return type === "register" || type === "claim-point"
      ? `${plainText(source.get("meter"))}/${plainText(source.get("quantity"))}`
      : `${this.inputs.period.start}/${name}/${number}`;
  }

  private stepOutput(step: string, output: string): Bound {
    const bounds = (this.calls.get(step) ?? []).map(({ result, spreads }) => {
      const value = result.evaluation.outputs.get(output) ?? "";
      return { value, spread: spreads === null ? null : (spreads.get(output) ?? EXACT), place: `${step}.${output}` };
    });
    const repeated = this.methodology.steps.some((rule) => rule.name === step && rule.each !== null);
    const [single] = bounds;
    return repeated || single === undefined
      ? { value: bounds.map(({ value }) => value), spread: bounds.map(({ spread }) => spread),
        place: bounds.map(({ place }) => place) } : single;
  }

  private parameter(binding: JsonObject, name: string): Bound {
    const names = new Map(this.inputs.texts()).set("member", name);
    const path = fill(text(binding, "parameter"), names);
    const pattern = binding.has("year") ? text(binding, "year") : "";
    const [first, last] = this.inputs.period.days();
    const parameter = this.rules.parameter(path);
    const chosen = binding.has("selected_by") ? names.get(text(binding, "selected_by")) : undefined;
    const value = chosen === DATA_YEAR ? parameter.ofDataYear(this.at, first, last)
      : parameter.resolve(this.at, first, last, fill(pattern, names), keyName(pattern));
    return { value: this.note(path, value).quantity, spread: EXACT, place: path };
  }

  /** A value that is read: allowed, and in the list of what was read. Throws parameter-unconfirmed. */
  private note(path: string, value: ParameterValue): ParameterValue {
    if (value.status === "unconfirmed") this.checkAllowed(value.key, value.source, path);
    this.read.set(JSON.stringify([path, value.key]), { path, value });
    return value;
  }

  /** Throws parameter-unconfirmed unless both methodology and inputs allow what is unconfirmed. */
  private checkAllowed(name: string, source: string, where: string): void {
    if (this.inputs.head.allowUnconfirmed && this.methodology.allowsUnconfirmed) return;
    throw new RuleError("parameter-unconfirmed", `${name} is not confirmed (${source})`,
      { where, hint: '"allow_unconfirmed": true accepts it where the methodology does; the result says so' });
  }
}

function memberName(name: string, suffix: string): string {
  return name.endsWith(".*") ? name.slice(0, -1) + suffix : name;
}

/** A table by the path of the parameter that is bound to it. */
function withTables(bound: ReadonlyMap<string, Bound>, message: string): string {
  return Array.from(bound).reduce((said, [name, { place }]) => {
    const row = isList(place) ? place[0] : undefined;
    const path = isObject(row) ? Array.from(row.values())[0] : undefined;
    return typeof path === "string" ? said.replaceAll(`the table ${represented(name)}`, `the table ${path}`) : said;
  }, message);
}
