/** Answers of single and batch evaluation as JSON documents, member for member what `carbonseal mrv eval` prints. */
import { typeText } from "./checker.js";
import { RuleError, type ErrorDocument } from "./error.js";
import { checkAmount, readGiven, type Given } from "./fields.js";
import type { Definition, Evaluation } from "./formula.js";
import { valueText, type Step } from "./interpreter.js";
import { parseLenient } from "./json.js";
import { Quantity, type QuantityDocument } from "./quantity.js";
import { render } from "./render.js";
import type { RuleSet } from "./ruleset.js";
import { byCodePoint, isObject, plainText, quoted, type Json } from "./texts.js";

const LEADING_ID = /^[ \t]*\{[ \t]*"id"[ \t]*:[ \t]*"([ !#-\[\]-~]{1,200})"/;

/** A JSON value to be printed: members stand in insertion order. */
export type Answer = Json | readonly Answer[] | ReadonlyMap<string, Answer> | { readonly [member: string]: Answer };

export interface StepRecord {
  readonly [member: string]: string;
  readonly operator: string;
  readonly name: string;
  readonly value: string;
  readonly unit: string;
}

/** {"formula", "outputs": {name: {"value", "unit"}}, "notices", "trace"} for "id" or "id@version" and inputs from JSON. */
export function evaluate(rules: RuleSet, formula: string, inputs: Json): Answer {
  const evaluation = evaluated(rules, formula, inputs);
  const notices = evaluation.formula.status === "unconfirmed" ? ["unconfirmed-formula"] : [];
  return { formula: evaluation.formula.key, outputs: outputsDocument(evaluation), notices, trace: traceDocument(evaluation) };
}

function evaluated(rules: RuleSet, formula: string, inputs: Json): Evaluation {
  if (!isObject(inputs)) {
    throw new RuleError("inputs-malformed", "inputs are an object of quantities by name",
      { hint: '{"name": {"value": "1234.5", "unit": "kWh"}}' });
  }
  checkAmount(inputs);
  const chosen = rules.formula(formula);
  const given = new Map<string, Given>();
  for (const [name, value] of inputs) given.set(name, readGiven(value, name));
  return chosen.evaluate(given);
}

/** For a JSON line {id, formula, inputs} {id, outputs} (and its trace where asked) or {id, error}. */
export function evaluateLine(rules: RuleSet, line: string, withTrace = false): Answer {
  // The id a line begins with, so that a line which cannot be read is still answered by its name.
  let identity: Json = LEADING_ID.exec(line)?.[1] ?? null;
  try {
    const request = parseLenient(line);
    const [id, formula, inputs] = requestMembers(request);
    identity = id;
    checkLine(request);
    const evaluation = evaluated(rules, plainText(formula), inputs);
    const outputs = outputsDocument(evaluation);
    return withTrace ? { id, outputs, trace: traceDocument(evaluation) } : { id, outputs };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { id: identity, error: { ...error.document() } satisfies ErrorDocument };
  }
}

const LINE = ["id", "formula", "inputs"];
const LINE_HINT = '{"id": "1", "formula": "electricity.location", "inputs": {"consumption": {"value": "1", "unit": "kWh"}}}';

function checkLine(request: Json): void {
  const names = isObject(request) ? Array.from(request.keys()) : [];
  const [unknown] = names.filter((name) => !LINE.includes(name)).sort(byCodePoint);
  if (unknown === undefined) return;
  throw new RuleError("inputs-malformed", `a line has no member ${quoted(unknown, 40)}`, { hint: LINE_HINT });
}

function requestMembers(request: Json): readonly [Json, Json, Json] {
  if (isObject(request)) {
    const [id, formula, inputs] = [request.get("id"), request.get("formula"), request.get("inputs")];
    if (id !== undefined && formula !== undefined && inputs !== undefined) return [id, formula, inputs];
  }
  throw new RuleError("inputs-malformed", "a line has id, formula and inputs", { hint: LINE_HINT });
}

/** {name: {"value", "unit"}}; a text output has the unit "text". */
export function outputsDocument(evaluation: Evaluation): ReadonlyMap<string, Answer> {
  return new Map(Array.from(evaluation.outputs, ([name, value]) => [name, { ...outputDocument(value) }]));
}

function outputDocument(value: Quantity | string): QuantityDocument {
  return value instanceof Quantity ? value.document() : { value, unit: "text" };
}

/** One tree for each definition: {"definition", "expression", "operator", "name", "value", "unit", "operands"}. */
export function traceDocument(evaluation: Evaluation): readonly Answer[] {
  return evaluation.trace.map(([definition, step]) => definitionDocument(definition, step));
}

function definitionDocument(definition: Definition, step: Step): Answer {
  return { definition: definition.name, expression: render(definition.node), ...stepDocument(step) };
}

function stepDocument(step: Step): { readonly [member: string]: Answer } {
  return { ...stepRecord(step), operands: step.steps.map(stepDocument) };
}

/** {"operator", "name", "value", "unit"} of one evaluated operation, as details of a statement name it. */
export function stepRecord(step: Step): StepRecord {
  const { operator, name, extra, type } = step.node;
  return { operator, name: operator === "field" ? [name, ...extra].join(".") : name, value: valueText(step.value),
    unit: typeText(type) };
}

/** The answer as one line of JSON. */
export function answerText(answer: Answer): string {
  if (answer instanceof Map) {
    const members = Array.from(answer as ReadonlyMap<string, Answer>);
    return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${answerText(value)}`).join(",")}}`;
  }
  if (Array.isArray(answer)) return `[${(answer as readonly Answer[]).map(answerText).join(",")}]`;
  if (typeof answer !== "object" || answer === null) return JSON.stringify(answer);
  const members = Object.entries(answer as { readonly [member: string]: Answer });
  return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${answerText(value)}`).join(",")}}`;
}
