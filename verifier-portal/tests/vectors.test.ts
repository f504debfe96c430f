import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { asObject, list, member, text } from "../src/verify/rules/document.js";
import { RuleError } from "../src/verify/rules/error.js";
import { readGiven, type Given } from "../src/verify/rules/fields.js";
import { Formula } from "../src/verify/rules/formula.js";
import { canonicalText, parseLenient } from "../src/verify/rules/json.js";
import { answerText, outputsDocument } from "../src/verify/rules/service.js";
import type { Json, JsonObject } from "../src/verify/rules/texts.js";

const FOLDER = new URL("../../tests/vectors/expressions/", import.meta.url);

function read(name: string): Json {
  return parseLenient(readFileSync(new URL(name, FOLDER), "utf8"));
}

/** The outputs as canonical JSON, or the code of the error. */
function outcome(formula: Formula, given: JsonObject): string {
  try {
    const values = new Map<string, Given>(Array.from(given, ([name, value]) => [name, readGiven(value, name)]));
    return canonicalText(parseLenient(answerText(outputsDocument(formula.evaluate(values)))));
  } catch (error) {
    if (error instanceof RuleError) return error.code;
    throw error;
  }
}

/** What a vector says comes out; a case may name only some outputs. */
function expected(vector: JsonObject): string {
  return vector.has("error") ? text(vector, "error") : canonicalText(member(vector, "outputs"));
}

function named(outputs: string, names: Iterable<string>): string {
  if (!outputs.startsWith("{")) return outputs;
  const all = asObject(parseLenient(outputs));
  return canonicalText(new Map(Array.from(names, (name) => [name, member(all, name)])));
}

const operators = (read("operators.json") as readonly Json[]).map(asObject);
const catalogue = asObject(read("formulas.json"));
const formulas = new Map(Array.from(asObject(member(catalogue, "formulas")), ([key, entry]) => [key, asObject(entry)]));

describe("vectors of the operators", () => {
  test.each(operators.map((vector) => [text(vector, "name"), vector] as const))("%s", (_name, vector) => {
    const formula = Formula.fromDocument(member(vector, "document"));
    expect(formula.digest).toBe(text(vector, "digest"));
    expect(outcome(formula, asObject(member(vector, "given")))).toBe(expected(vector));
  });
});

describe("formulas of the catalogue", () => {
  test.each(Array.from(formulas))("%s has the digest that statements name", (key, entry) => {
    const formula = Formula.fromDocument(member(entry, "document"));
    expect(formula.key).toBe(key);
    expect(formula.digest).toBe(text(entry, "digest"));
  });

  const cases = list(catalogue, "cases").map(asObject);
  test.each(cases.map((item) => [text(item, "formula"), text(item, "name"), item] as const))("%s: %s", (key, _name, item) => {
    const formula = Formula.fromDocument(member(formulas.get(key) ?? new Map(), "document"));
    const found = outcome(formula, asObject(member(item, "given")));
    const names = item.has("outputs") ? asObject(member(item, "outputs")).keys() : [];
    expect(named(found, names)).toBe(expected(item));
  });
});
