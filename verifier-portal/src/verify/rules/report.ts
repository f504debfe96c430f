/** A run of a methodology as a JSON document, member for member what `carbonseal mrv run --json` prints. */
import type { ReadParameter, StepResult } from "./chain.js";
import { uncoveredDocument } from "./coverage.js";
import { parseDay, type Day } from "./dates.js";
import { RuleError, type ErrorDocument } from "./error.js";
import { intervalDocument } from "./intervals.js";
import { parseLenient } from "./json.js";
import { decimalText } from "./numbers.js";
import { valueRecord, type Parameter, type ParameterValue } from "./parameter.js";
import type { Quantity, QuantityDocument } from "./quantity.js";
import type { RuleSet } from "./ruleset.js";
import { run, type PartResult, type RunResult } from "./run.js";
import { outputsDocument, traceDocument, type Answer } from "./service.js";
import { sharesDocument } from "./shares.js";
import { byCodePoint, isObject, plainText, type Json } from "./texts.js";

const SOURCE_YEAR = /^(?:19|20)[0-9]{2}(?![0-9])/;

/** Result, outputs, certificate, intervals, notices, parameters, quality and trace of a run. */
export function runDocument(result: RunResult): Answer {
  const { methodology } = result;
  return {
    methodology: { id: methodology.id, version: methodology.version, title: methodology.title, status: methodology.status,
      digest: methodology.digest },
    type: methodology.label, date: result.at, period: { ...result.inputs.period.document },
    result: { ...result.result.document() }, outputs: quantitiesDocument(result.outputs),
    certificate: { amount: String(result.amount), unit: methodology.result.unit.text },
    carried_out: result.carriedOut === null ? null : { ...result.carriedOut.document() },
    intervals: result.intervals.map(intervalDocument), notices: result.notices,
    parameters: result.parameters.map(parameterDocument), quality: qualityDocument(result),
    parts: result.parts.map(partDocument), trace: result.steps.map(callDocument),
  };
}

function quantitiesDocument(quantities: ReadonlyMap<string, Quantity>): ReadonlyMap<string, Answer> {
  return new Map(Array.from(quantities, ([name, quantity]) => [name, { ...quantity.document() }]));
}

function parameterDocument({ path, value }: ReadParameter): { readonly [member: string]: string | null } {
  return { path, ...valueRecord(value) };
}

function qualityDocument(result: RunResult): Answer {
  const stated = Array.from(qualityOutputs(result), ([name, quantity]) => [name, { ...quantity }] as const);
  return { shares: new Map(Array.from(result.shares, ([name, shares]) => [name, sharesDocument(shares)])),
    stated: new Map<string, Answer>(stated), priority_drops: result.inputs.priorityDrops(),
    uncovered: result.coverage.uncovered.map(uncoveredDocument) };
}

/** What a statement says of its data beside the outputs: the result's uncertainty, each substituted share, what is left open. */
export function qualityOutputs({ uncertainty, shares, coverage }: RunResult): ReadonlyMap<string, QuantityDocument> {
  const found = new Map<string, QuantityDocument>();
  if (uncertainty !== null) found.set("quality.uncertainty", { value: decimalText(uncertainty), unit: "%" });
  for (const [name, { percentages, substitutions }] of Array.from(shares).sort(([a], [b]) => byCodePoint(a, b))) {
    const share = percentages.get("substituted");
    if (substitutions > 0 && share !== undefined) {
      found.set(`quality.substituted.${name}`, { value: decimalText(share), unit: "%" });
    }
  }
  for (const [name, share] of coverage.shares) found.set(`quality.uncovered.${name}`, { value: decimalText(share), unit: "%" });
  return found;
}

function partDocument({ period, outputs, parameters }: PartResult): Answer {
  return { period: { ...period.document }, outputs: quantitiesDocument(outputs),
    parameters: parameters.map(({ path, value }) => ({ path, key: value.key })) };
}

function callDocument({ step, member, evaluation }: StepResult): Answer {
  return { step, member, formula: evaluation.formula.key, outputs: outputsDocument(evaluation),
    trace: traceDocument(evaluation) };
}

/** A whole methodology on an inputs document. */
export function runMethodology(rules: RuleSet, name: string, inputs: Json | undefined, at: Day): Answer {
  if (isObject(inputs)) return runDocument(run(rules, name, null, inputs, at));
  throw new RuleError("inputs-malformed", "an inputs document is an object");
}

/** For a JSON line {id, methodology, at, inputs} {id, run} or {id, error}. */
export function runLine(rules: RuleSet, line: string): Answer {
  return answered(line, (request) =>
    ({ run: runMethodology(rules, plainText(request.get("methodology")), request.get("inputs"), parseDay(request.get("at"))) }));
}

/** For a JSON line {id, parameter, at} {id, value} or {id, error}. */
export function parameterLine(rules: RuleSet, line: string): Answer {
  return answered(line, (request) =>
    ({ value: parameterAt(rules, plainText(request.get("parameter")), parseDay(request.get("at"))) }));
}

/** The answer to a request with its id; of an error its document. */
export function answered(line: string,
  answer: (request: ReadonlyMap<string, Json>) => { readonly [member: string]: Answer }): Answer {
  let id: Json = null;
  try {
    const request = parseLenient(line);
    if (!isObject(request)) throw new RuleError("inputs-malformed", "a request is an object");
    id = request.get("id") ?? null;
    return { id, ...answer(request) };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { id, error: { ...error.document() } satisfies ErrorDocument };
  }
}

/** The value of a parameter in force at a date; `path`: a parameter or one value's key ("grid.cn.2023"). */
export function parameterAt(rules: RuleSet, path: string, at: Day): Answer {
  for (const parameter of rules.parameters.values()) {
    const named = path !== parameter.id || parameter.select === "fixed";
    const value = parameter.values.find(({ key }) => key === path);
    if (!named || value === undefined) continue;
    if (value.published !== null && value.published > at) {
      throw new RuleError("rule-not-in-force", `${path} was published on ${value.published}`,
        { where: path, hint: "ask for a date on or after its publication" });
    }
    return describe(parameter, value, at);
  }
  const found = rules.parameter(path);
  return describe(found, found.resolve(at, at, at, found.select === "by-year" ? String(Number(at.slice(0, 4))) : ""), at);
}

function describe(parameter: Parameter, value: ParameterValue, at: Day): Answer {
  const year = parameter.select === "fixed" ? SOURCE_YEAR.exec(value.year)?.[0] : undefined;
  const unknown = value.dateStatus === "unknown";
  if (year !== undefined && unknown && Number(year) > Number(at.slice(0, 4))) {
    throw new RuleError("rule-not-in-force", `${parameter.id} is of ${value.year} (${value.source}), not of ${at}`,
      { where: parameter.id, hint: `ask for a date in or after ${year}; no earlier value is here` });
  }
  return { path: parameter.id, title: parameter.title, region: parameter.region, selection: parameter.select,
    ...valueRecord(value), notices: unknown ? ["date-unknown"] : [] };
}
