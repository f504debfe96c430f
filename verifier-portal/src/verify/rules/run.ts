/**
 * Evaluates a methodology: inputs document → result, certificate amount, intervals and what explains them. Nothing is
 * guessed: no rule in force, a missing input, an unconfirmed parameter where none is allowed, are errors.
 */
import { Chain, type ReadParameter, type Reported, type StepResult } from "./chain.js";
import { coverageNotices, coverageOf, type Coverage } from "./coverage.js";
import type { Day } from "./dates.js";
import { Decimal, DecimalSignal, compare } from "./decimal.js";
import { Misuse } from "./document.js";
import { RuleError } from "./error.js";
import { readInputs, type Inputs } from "./inputs.js";
import { intervalsOf, type Interval } from "./intervals.js";
import type { Methodology } from "./methodology.js";
import { integerOf, roundTo } from "./numbers.js";
import { Period } from "./period.js";
import { Quantity } from "./quantity.js";
import type { RuleSet } from "./ruleset.js";
import { sharesOf, type Shares } from "./shares.js";
import { joined, percent } from "./spread.js";
import { byCodePoint, type JsonObject } from "./texts.js";

/** Four digits after the point show the 11.1803 % of the guidelines' own example. */
const UNCERTAINTY_DIGITS = 4;

/** One part of a period: its outputs, the calls that gave them, the parameters they read. */
export interface PartResult {
  readonly period: Period;
  readonly outputs: ReadonlyMap<string, Quantity>;
  readonly parameters: readonly ReadParameter[];
}

/** What a methodology gave. `amount` in whole certificate units; `carriedOut` null where nothing is carried. */
export interface RunResult {
  readonly methodology: Methodology;
  readonly at: Day;
  readonly inputs: Inputs;
  readonly outputs: ReadonlyMap<string, Quantity>;
  readonly result: Quantity;
  readonly amount: bigint;
  readonly carriedOut: Quantity | null;
  readonly intervals: readonly Interval[];
  readonly parameters: readonly ReadParameter[];
  readonly steps: readonly StepResult[];
  readonly notices: readonly string[];
  readonly parts: readonly PartResult[];
  readonly uncertainty: Decimal | null;
  readonly shares: ReadonlyMap<string, Shares>;
  readonly coverage: Coverage;
}

/** The methodology "id" or "id@version" on an inputs document for the statement date `at`. */
export function run(rules: RuleSet, name: string, version: string | null, document: JsonObject, at: Day): RunResult {
  try {
    return evaluated(rules, name, version, document, at);
  } catch (error) {
    if (error instanceof DecimalSignal) {
      throw new RuleError("number-too-long", "the result is beyond every physical scale");
    }
    if (!(error instanceof Misuse)) throw error;
    throw new RuleError("rule-malformed", `a methodology lacks or misuses ${error.member}`, { where: name });
  }
}

function evaluated(rules: RuleSet, name: string, version: string | null, document: JsonObject, at: Day): RunResult {
  const period = Period.fromJson(document.get("period"));
  const methodology = rules.methodology(name, version, ...period.days());
  checkPublished(methodology, at);
  const inputs = readInputs(methodology, document, period);
  checkPriorities(methodology, inputs);
  const coverage = coverageOf(methodology, inputs, at);
  const chains = inputs.spans.map((span, number) => new Chain(rules, methodology, at, span, number));
  const parts = chains.map((chain) => chain.outputs());
  const outputs = parts.length === 1 ? (parts[0] ?? new Map<string, Reported>()) : added(methodology, parts);
  const reported = outputs.get(methodology.result.output);
  if (reported === undefined) throw new RuleError("rule-malformed", "the result is not computed", { where: methodology.key });
  const exact = exactResult(methodology, reported.quantity, inputs);
  const { rounding, digits, unit, carry } = methodology.result;
  const result = new Quantity(roundTo(exact.value, rounding, digits), unit);
  const sign = compare(exact.value, Decimal.ZERO);
  const amount = !methodology.spends || sign > 0 ? integerOf(result.value) : 0n;
  const intervals = amount === 0n ? [] : intervalsOf(methodology, inputs);
  checkUnits(methodology, amount, intervals);
  const kept = carry && !(methodology.spends && sign < 0);
  return { methodology, at, inputs, outputs: quantities(outputs), result, amount,
    carriedOut: kept ? exact.minus(result) : null, intervals, parameters: parametersOf(chains),
    steps: chains.flatMap((chain) => chain.steps), notices: noticesOf(methodology, inputs, chains, reported, at, coverage),
    parts: chains.map((chain, i) => ({ period: chain.inputs.period, outputs: quantities(parts[i] ?? new Map()),
      parameters: chain.parameters })),
    uncertainty: uncertaintyOf(reported), shares: sharesOf(inputs), coverage };
}

function quantities(reported: ReadonlyMap<string, Reported>): ReadonlyMap<string, Quantity> {
  return new Map(Array.from(reported, ([name, { quantity }]) => [name, quantity]));
}

/** Each parameter value once, in order of first reading. */
function parametersOf(chains: readonly Chain[]): readonly ReadParameter[] {
  const read = new Map<string, ReadParameter>();
  for (const one of chains.flatMap((chain) => chain.parameters)) read.set(JSON.stringify([one.path, one.value.key]), one);
  return Array.from(read.values());
}

/** The outputs that add up, summed over the parts; a ratio is reported for each part alone. */
function added(methodology: Methodology, parts: readonly ReadonlyMap<string, Reported>[]): ReadonlyMap<string, Reported> {
  const found = new Map<string, Reported>();
  for (const [name, item] of parts.flatMap((part) => Array.from(part))) {
    if (!methodology.split.includes(name.split(".")[0] ?? "")) continue;
    const before = found.get(name);
    found.set(name, before === undefined ? item : sum(before, item));
  }
  return found;
}

function sum(one: Reported, other: Reported): Reported {
  const quantity = one.quantity.plus(other.quantity);
  const traced = one.spread !== null && other.spread !== null;
  return { quantity, spread: traced ? joined([one.spread, other.spread], quantity.unit) : null };
}

/** The result before its one rounding, the remainder carried in included. */
function exactResult(methodology: Methodology, output: Quantity, inputs: Inputs): Quantity {
  const { unit, carry, digits } = methodology.result;
  const exact = output.to(unit);
  const carried = inputs.head.carried;
  if (carried === null) return exact;
  if (!carry) throw new RuleError("carry-not-allowed", "this methodology carries no remainder", { where: "carried" });
  const remainder = carried.to(unit);
  if (compare(remainder.value, new Decimal(false, 1n, -digits)) >= 0) {
    throw new RuleError("out-of-range", `a remainder is less than what is rounded to, ${remainder} is not`,
      { where: "carried", hint: "carry the carried_out of the statement before" });
  }
  return exact.plus(remainder);
}

function checkPublished({ key, published }: Methodology, at: Day): void {
  if (published === null || at >= published) return;
  throw new RuleError("rule-not-in-force", `${key} rests on what was published on ${published}, after the statement of ${at}`,
    { where: key, hint: "date the statement on or after that day" });
}

function checkUnits(methodology: Methodology, amount: bigint, intervals: readonly Interval[]): void {
  const { rule, unit } = methodology.intervals;
  const units = intervals.reduce((total, { start, end }) => total + end - start, 0n) / unit;
  if (rule === "register-whole-units" && units !== amount) {
    throw new RuleError("rule-malformed", `${units} units of the register are not ${amount}`, { where: methodology.key });
  }
}

function checkPriorities(methodology: Methodology, inputs: Inputs): void {
  const drops = inputs.priorityDrops();
  const [first = ""] = drops;
  if (drops.length > 0 && methodology.priorityDrop === "refused") {
    throw new RuleError("source-priority-dropped",
      `${drops.join(", ")} comes from a lower source than in the statement before`,
      { where: (inputs.parts.find((part) => part.items.has(first)) ?? inputs).placeOf(first),
        hint: "the priority of a source may not sink from year to year" });
  }
}

function uncertaintyOf({ quantity, spread }: Reported): Decimal | null {
  if (spread === null || spread.parts.size === 0) return null;
  const exact = percent(quantity.value, spread.parts);
  return exact === null ? null : roundTo(exact, "round", UNCERTAINTY_DIGITS);
}

function noticesOf(methodology: Methodology, inputs: Inputs, chains: readonly Chain[], result: Reported,
  at: Day, coverage: Coverage): readonly string[] {
  const read = chains.flatMap((chain) => chain.parameters);
  const called = chains.flatMap((chain) => chain.steps);
  const said: readonly (readonly [boolean, string])[] = [
    [methodology.status === "unconfirmed", "unconfirmed-methodology"],
    [read.some(({ value }) => value.status === "unconfirmed"), "unconfirmed-parameter"],
    [called.some(({ evaluation }) => evaluation.formula.status === "unconfirmed"), "unconfirmed-formula"],
    // A forecast may be dated so, with the factors known on that day; a claim may not.
    [inputs.parts.length > 0, "period-split"], [at < inputs.period.days()[1], "statement-before-period-end"],
    // More given away than used: right for a plant that only generates, else a sign that two inputs were exchanged.
    [compare(result.quantity.value, Decimal.ZERO) < 0, methodology.spends ? "reduction-negative" : "result-below-zero"],
    // What spends a register's serials may end at any reading; an inventory is of calendar days, a year at most.
    [methodology.intervals.rule === "none" && inputs.period.isUnusual(), "period-unusual"],
    [inputs.priorityDrops().length > 0, "source-priority-dropped"],
  ];
  const codes = said.filter(([holds]) => holds).map(([, code]) => code);
  const all = new Set([...methodology.notices, ...codes, ...inputs.notices(), ...coverageNotices(coverage),
    ...uncertaintyNotices(inputs, result)]);
  return Array.from(all).sort(byCodePoint);
}

function uncertaintyNotices(inputs: Inputs, { spread }: Reported): readonly string[] {
  const stated = Array.from(inputs.items.values()).flat().map((item) => item.uncertainty !== null);
  if (!stated.includes(true)) return [];
  if (spread === null) return ["uncertainty-not-carried"];
  return stated.includes(false) ? ["uncertainty-partial"] : [];
}
