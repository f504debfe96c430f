/** The calculation statement: its payload and its salted details, built so that evaluating again gives equal bytes. */
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import type { StepResult } from "./chain.js";
import { parseDay, type Day } from "./dates.js";
import { Decimal, compare } from "./decimal.js";
import { Misuse, asList, asObject, asText, list, member, text } from "./document.js";
import { RuleError } from "./error.js";
import { intervalDocument } from "./intervals.js";
import { canonicalText, digest } from "./json.js";
import { leafHash, merkleRoot } from "./merkle.js";
import { decimalText, parseNatural } from "./numbers.js";
import { valueRecord } from "./parameter.js";
import { qualityOutputs } from "./report.js";
import { RuleSet } from "./ruleset.js";
import { run, type RunResult } from "./run.js";
import { stepRecord } from "./service.js";
import type { Step } from "./interpreter.js";
import { byCodePoint, isObject, type Json, type JsonObject } from "./texts.js";

const SCHEMA = "carbonseal-statement/1";
const SALT = /^(?:[0-9a-f]{2}){16}$/;
/** As Python reads bytes from hex: letters of either case, white space between bytes. */
const HEX = /^(?:[ \t-\r]*[0-9a-fA-F]{2})*[ \t-\r]*$/;

/** What a statement says beyond the calculation. `notices`: codes to add. */
export interface Context {
  readonly origin: Json;
  readonly claim: Json;
  readonly rules: Json;
  readonly completeness: Json;
  readonly externalRefs: Json;
  readonly supersedes: Json;
  readonly notices: readonly string[];
}

export interface Statement {
  readonly payload: JsonObject;
  readonly details: readonly JsonObject[];
}

function object(members: Readonly<Record<string, Json>>): JsonObject {
  return new Map(Object.entries(members));
}

/** The detail records in their fixed order: the run, inputs by name, parameters as read, every trace node. */
export function recordsOf(result: RunResult): readonly JsonObject[] {
  const { inputs } = result;
  const marked = (number: number): readonly (readonly [string, Json])[] =>
    inputs.parts.length > 0 ? [["part", String(number)]] : [];
  return [runRecord(result),
    ...inputs.spans.flatMap((part) => Array.from(part.items).flatMap(([name, items]) =>
      items.map((item) => new Map<string, Json>([["kind", "input"], ["name", name], ...item.document])))),
    ...result.parts.flatMap(({ parameters }, number) => parameters.map(({ path, value }) =>
      new Map<string, Json>([["kind", "parameter"], ["path", path], ...Object.entries(valueRecord(value)), ...marked(number)]))),
    ...result.steps.flatMap((step) => nodeRecords(step, marked(step.part)))];
}

function runRecord({ at, inputs }: RunResult): JsonObject {
  const { document, allowUnconfirmed } = inputs.head;
  const previous = document.get("previous") ?? null;
  return new Map<string, Json>([
    ["kind", "run"], ["date", at], ["options", document.get("options") ?? null], ["allow_unconfirmed", allowUnconfirmed],
    ["carried", document.get("carried") ?? null],
    ...(previous === null ? [] : [["previous", previous] as const]),
    ...(inputs.parts.length === 0 ? [] : [["parts", partRecords(inputs.parts)] as const])]);
}

/** How the input records divide among the parts. */
function partRecords(parts: RunResult["inputs"]["parts"]): readonly Json[] {
  return parts.map(({ period, items }) => object({ period: object({ ...period.document }),
    inputs: new Map(Array.from(items, ([name, group]) => [name, String(group.length)])) }));
}

function nodeRecords({ step, member: name, evaluation }: StepResult,
  marked: readonly (readonly [string, Json])[]): readonly JsonObject[] {
  return evaluation.trace.flatMap(([definition, top]) => Array.from(walk(top), ([path, node]) =>
    new Map<string, Json>([["kind", "node"], ["step", step], ["member", name], ["formula", evaluation.formula.key],
      ["definition", definition.name], ["path", path], ...Object.entries(stepRecord(node)), ...marked])));
}

/** A trace tree from the top: ["", root], ["0", first operand], ["0.1", …]. */
function* walk(step: Step, path = ""): Generator<readonly [string, Step]> {
  yield [path, step];
  for (const [i, child] of step.steps.entries()) yield* walk(child, path === "" ? String(i) : `${path}.${i}`);
}

/** Throws not-certifiable (a calculation, an inventory below zero), reduction-negative, amount-zero. */
function checkCertifiable({ methodology, amount, result, outputs }: RunResult): void {
  const { key: where, spends } = methodology;
  if (!methodology.certifies || amount < 0n) {
    throw new RuleError("not-certifiable", `no statement is made of ${where} with ${result}`, { where });
  }
  const figure = String(outputs.get(methodology.result.output) ?? result);
  if (spends && compare(result.value, Decimal.ZERO) < 0) {
    throw new RuleError("reduction-negative",
      `the result is ${figure}: the project emitted more than its baseline, and nothing is certified`,
      { where, hint: "see whether two inputs were exchanged; the run shows every figure" });
  }
  if (spends && amount === 0n) {
    throw new RuleError("amount-zero", `${figure} leaves nothing whole to certify`,
      { where, hint: "nothing of it is spent: claim a longer period that takes it in" });
  }
}

/** Payload and details of a statement; one salt of 16 bytes (hex) for each record. */
export function build(result: RunResult, context: Context, salts: readonly string[]): Statement {
  checkCertifiable(result);
  const records = recordsOf(result);
  if (salts.length !== records.length || !salts.every((salt) => SALT.test(salt))) {
    throw new RuleError("salts-mismatch", `${records.length} salts of 16 bytes are needed, not ${salts.length}`);
  }
  const details = records.map((record, i) => object({ salt: salts[i] ?? "", record }));
  return { payload: payloadOf(result, context, details), details };
}

/** The RFC 6962 root over the canonical bytes of each detail, lower-case hex. */
export function detailsRoot(details: readonly Json[]): string {
  return bytesToHex(merkleRoot(details.map((detail) => leafHash(utf8ToBytes(canonicalText(detail))))));
}

function payloadOf(result: RunResult, context: Context, details: readonly JsonObject[]): JsonObject {
  const { methodology, inputs } = result;
  const { document, subject, boundary } = inputs.head;
  const outputs = [...Array.from(result.outputs, ([name, quantity]) => [name, quantity.document()] as const),
    ...qualityOutputs(result)];
  return object({
    schema: SCHEMA, origin: context.origin, type: methodology.label, subject, boundary,
    period: object({ ...inputs.period.document }), date: result.at,
    methodology: object({ id: methodology.id, version: methodology.version, digest: methodology.digest }),
    rules: context.rules, result: object({ ...result.result.document() }),
    outputs: new Map(outputs.map(([name, quantity]) => [name, object({ ...quantity })])),
    certificate: object({ amount: decimalText(result.result.value), unit: methodology.result.unit.text }),
    carried_in: document.get("carried") ?? null,
    carried_out: result.carriedOut === null ? null : object({ ...result.carriedOut.document() }),
    intervals: result.intervals.map((interval) => object(intervalDocument(interval))),
    external_refs: context.externalRefs, completeness: context.completeness,
    notices: Array.from(new Set([...result.notices, ...context.notices])).sort(byCodePoint),
    claim: context.claim, exclusivity_key: exclusivityKey(result), supersedes: context.supersedes,
    details: object({ root: detailsRoot(details), count: String(details.length) }),
  });
}

/** At most one live statement for each: SHA-256 of the canonical subject, boundary, methodology, start and end. */
function exclusivityKey({ inputs, methodology }: RunResult): string {
  const { start, end } = inputs.period.document;
  return digest([inputs.head.subject, inputs.head.boundary, methodology.id, start, end]);
}

/** The inputs document and statement date of a statement, read back from its payload and full details. */
export function inputsDocument(payload: JsonObject, details: readonly Json[]): readonly [JsonObject, Day] {
  const records = details.map((detail) => asObject(member(asObject(detail), "record")));
  const top = asObject(records[0]);
  const given = records.filter((record) => member(record, "kind") === "input");
  const parts = top.get("parts");
  const previous = top.get("previous");
  const document = new Map<string, Json>([
    ...["subject", "boundary", "period"].map((name) => [name, member(payload, name)] as const),
    ["inputs", parts === undefined ? grouped(given) : new Map()],
    ...["options", "allow_unconfirmed", "carried"].map((name) => [name, member(top, name)] as const),
    ...(previous === undefined ? [] : [["previous", previous] as const]),
    ...(parts === undefined ? [] : [["parts", partsOf(asList(parts), given)] as const])]);
  return [document, parseDay(member(top, "date"))];
}

function grouped(records: readonly JsonObject[]): JsonObject {
  const inputs = new Map<string, Json[]>();
  for (const record of records) {
    const item = new Map(Array.from(record).filter(([name]) => name !== "kind" && name !== "name"));
    const known = inputs.get(text(record, "name"));
    if (known === undefined) inputs.set(text(record, "name"), [item]);
    else known.push(item);
  }
  return inputs;
}

/** The parts with their inputs, which stand part after part in the order of the records. */
function partsOf(parts: readonly Json[], records: readonly JsonObject[]): readonly Json[] {
  let start = 0n;
  return parts.map((given) => {
    const part = asObject(given);
    const counts = Array.from(asObject(member(part, "inputs")).values(), (count) => parseNatural(count));
    const end = start + counts.reduce((total, count) => total + count, 0n);
    const inputs = grouped(records.slice(Number(start), Number(end)));
    start = end;
    return object({ period: member(part, "period"), inputs });
  });
}

/** Payload and details computed again from the inputs a statement names, with its own salts. */
export function rebuild(rules: RuleSet, payload: Json, details: readonly Json[]): Statement {
  try {
    return rebuilt(rules, asObject(payload), details);
  } catch (error) {
    if (!(error instanceof Misuse)) throw error;
    throw new RuleError("statement-malformed", "the payload or its details lack a member");
  }
}

function rebuilt(rules: RuleSet, payload: JsonObject, details: readonly Json[]): Statement {
  const [document, at] = inputsDocument(payload, details);
  const methodology = asObject(member(payload, "methodology"));
  const result = run(rules, text(methodology, "id"), text(methodology, "version"), document, at);
  const context: Context = { origin: member(payload, "origin"), claim: member(payload, "claim"),
    rules: member(payload, "rules"), completeness: asObject(member(payload, "completeness")),
    externalRefs: asList(member(payload, "external_refs")), supersedes: member(payload, "supersedes"),
    notices: list(payload, "notices").map(asText).filter((code) => !result.notices.includes(code)) };
  const salts = details.map((detail) => readSalt(member(asObject(detail), "salt")));
  if (salts.length !== recordsOf(result).length) {
    throw new RuleError("statement-differs", "the calculation has another number of details than the statement");
  }
  return build(result, context, salts);
}

function readSalt(value: Json): string {
  if (!HEX.test(asText(value))) throw new Misuse("'salt'");
  return asText(value).replace(/[ \t-\r]/g, "").toLowerCase();
}

/** What evaluating a statement again gave: its canonical payload, and the members that differ from the one stated. */
export interface Recomputation {
  readonly payload: string;
  readonly details: number;
  readonly different: readonly string[];
}

/**
 * Evaluates a statement again from an evidence file: rule documents by path, the list of released rules, the payload of
 * the release, the payload of the statement and its full details. Nothing but these is read. `different` is empty when the bytes are the same.
 */
export function recompute(documents: Json, listed: JsonObject, release: JsonObject, payload: Json,
  details: readonly Json[]): Recomputation {
  const rules = RuleSet.released(documents, listed, release);
  const again = rebuild(rules, payload, details);
  const stated = isObject(payload) ? payload : new Map<string, Json>();
  const names = new Set([...again.payload.keys(), ...stated.keys()]);
  const differs = (name: string): boolean => shown(again.payload.get(name)) !== shown(stated.get(name));
  return { payload: canonicalText(again.payload), details: again.details.length,
    different: Array.from(names).filter(differs).sort(byCodePoint) };
}

function shown(value: Json | undefined): string | null {
  return value === undefined ? null : canonicalText(value);
}
