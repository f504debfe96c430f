import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { asObject, list, member, text } from "../src/verify/rules/document.js";
import { RuleError } from "../src/verify/rules/error.js";
import { canonicalText, parseLenient } from "../src/verify/rules/json.js";
import { runLine, runMethodology } from "../src/verify/rules/report.js";
import { RuleSet, listingRoot } from "../src/verify/rules/ruleset.js";
import { answerText } from "../src/verify/rules/service.js";
import type { Json, JsonObject } from "../src/verify/rules/texts.js";

const vectors = asObject(parseLenient(readFileSync(new URL("../../tests/vectors/runs/runs.json", import.meta.url), "utf8")));
const documents = asObject(member(vectors, "rules"));
const rules = RuleSet.fromDocuments(documents);
const cases = list(vectors, "cases").map(asObject);
const whole = cases.find((item) => text(item, "name") === "the day before the change") ?? new Map<string, Json>();

function printed(inputs: Json, at = "2026-12-05", set = rules): JsonObject {
  return asObject(parseLenient(answerText(runMethodology(set, "inventory.glass", inputs, at))));
}

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof RuleError) return error.code;
    throw error;
  }
  return "none";
}

/** A document with the value at a path replaced; `undefined` takes it away. */
function changed(document: Json, path: readonly (string | number)[], value: Json | undefined): Json {
  const [step, ...rest] = path;
  if (step === undefined) return value ?? null;
  if (typeof step === "number") return (document as readonly Json[]).map((item, i) => (i === step ? changed(item, rest, value) : item));
  const members = new Map(asObject(document));
  if (rest.length === 0 && value === undefined) members.delete(step);
  else members.set(step, changed(members.get(step) ?? null, rest, value));
  return members;
}

function json(value: string): Json {
  return parseLenient(value);
}

describe("vectors of runs", () => {
  test.each(cases.map((item) => [text(item, "name"), item] as const))("%s", (_name, item) => {
    const inputs = member(item, "inputs");
    if (item.has("error")) {
      expect(codeOf(() => printed(inputs, text(item, "at")))).toBe(text(item, "error"));
      return;
    }
    const found = printed(inputs, text(item, "at"));
    for (const name of ["result", "outputs", "notices", "quality", "parts"]) {
      expect(canonicalText(member(found, name))).toBe(canonicalText(member(item, name)));
    }
  });
});

describe("vectors of data years", () => {
  const given = asObject(parseLenient(readFileSync(new URL("../../tests/vectors/runs/data-year.json", import.meta.url), "utf8")));
  const corporate = RuleSet.fromDocuments(member(given, "rules"), false);
  const found = (item: JsonObject): JsonObject => asObject(parseLenient(answerText(
    runMethodology(corporate, "inventory.corporate", member(item, "inputs"), text(item, "at")))));
  test.each(list(given, "cases").map(asObject).map((item) => [text(item, "name"), item] as const))("%s", (_name, item) => {
    if (item.has("error")) {
      expect(codeOf(() => found(item))).toBe(text(item, "error"));
      return;
    }
    for (const name of ["result", "outputs", "notices", "quality", "parts", "parameters"]) {
      expect(canonicalText(member(found(item), name))).toBe(canonicalText(member(item, name)));
    }
  });
});

describe("what an inputs document may not be", () => {
  const inputs = member(whole, "inputs");
  const ash = ["inputs", "soda_ash", 0] as const;

  test.each<readonly [string, readonly (string | number)[], Json | undefined, string]>([
    ["a member more", ["weather"], "rain", "inputs-malformed"],
    ["a member less", ["options"], undefined, "inputs-malformed"],
    ["no truth value", ["allow_unconfirmed"], "true", "inputs-malformed"],
    ["a boundary without text", ["boundary"], "", "inputs-malformed"],
    ["a boundary of 201 characters", ["boundary"], "界".repeat(201), "inputs-malformed"],
    ["a boundary of 200 characters", ["boundary"], "😀".repeat(200), "none"],
    ["a subject with a space", ["subject"], "org:a b", "id-malformed"],
    ["an option that the methodology has not", ["options", "region"], "jiangsu", "option-unknown"],
    ["an input that it has not", ["inputs", "sand"], json("[]"), "input-unknown"],
    ["no item", ["inputs", "soda_ash"], json("[]"), "input-missing"],
    ["a required input not given", ["inputs", "soda_ash"], undefined, "input-missing"],
    ["a number in JSON", [...ash, "quantity", "value"], 100, "number-not-canonical"],
    ["a trailing zero", [...ash, "quantity", "value"], "100.0", "number-not-canonical"],
    ["a negative quantity", [...ash, "quantity", "value"], "-1", "out-of-range"],
    ["nothing", [...ash, "quantity", "value"], "0", "none"],
    ["another dimension", [...ash, "quantity", "unit"], "kWh", "unit-mismatch"],
    ["no unit", [...ash, "quantity", "unit"], "bushel", "unit-unknown"],
    ["another priority", [...ash, "priority"], "1", "priority-mismatch"],
    ["a method not allowed", [...ash, "method"], "estimated", "source-not-allowed"],
    ["a source without type", [...ash, "source"], json("{}"), "inputs-malformed"],
    ["a source with a member of every object", [...ash, "source"], json('{"type":"constructor"}'), "inputs-malformed"],
    ["a source of another kind", [...ash, "source"], json('{"type":"document","digest":"ab","title":"x"}'), "hex-malformed"],
    ["an uncertainty below nothing", [...ash, "uncertainty"], "-1", "out-of-range"],
    ["an uncertainty of nothing", [...ash, "uncertainty"], "0", "none"],
    ["a remainder where none is carried", ["carried"],
      json(`{"statement":"${"ab".repeat(32)}","value":"1","unit":"kgCO2e"}`), "carry-not-allowed"],
    ["a priority before that is no number", ["previous"],
      json(`{"statement":"${"ab".repeat(32)}","priorities":{"soda_ash":"01"}}`), "number-not-canonical"],
    ["a period backwards", ["period", "end"], "2026-05-31T16:00:00.000Z", "period-empty"],
    ["a period of one millisecond", ["period", "end"], "2026-05-31T16:00:00.001Z", "none"],
    ["an instant that is none", ["period", "start"], "2026-02-30T16:00:00.000Z", "instant-malformed"],
    ["a zone that is none", ["period", "zone"], "Mars/Olympus", "zone-unknown"],
    ["a zone in small letters", ["period", "zone"], "asia/shanghai", "zone-unknown"],
    ["the millisecond before the change", ["period", "end"], "2026-06-30T16:00:00.000Z", "none"],
    ["the first millisecond after it", ["period", "end"], "2026-06-30T16:00:00.001Z", "period-crosses-change"],
    ["parts where there are inputs", ["parts"], json("[{},{}]"), "parts-malformed"],
  ])("%s: %s", (_title, path, value, code) => {
    expect(codeOf(() => printed(changed(inputs, path, value)))).toBe(code);
  });
});

describe("rules that hang together", () => {
  const path = "methodologies/inventory.glass@1";
  const binding = (name: string): readonly (string | number)[] => [path, "steps", 0, "arguments",
    list(asObject(list(asObject(member(documents, path)), "steps")[0]), "arguments")
      .findIndex((item) => text(asObject(item), "name") === name), "binding"];

  test.each<readonly [string, readonly (string | number)[], Json | undefined, string]>([
    ["a formula that is not there", [path, "steps", 0, "formula"], "no.such@1", "rule-malformed"],
    ["an argument less", [path, "steps", 0, "arguments"], json("[]"), "rule-malformed"],
    ["a binding of no form", binding("factor"), json('{"input":"soda_ash","unit":"t"}'), "rule-malformed"],
    ["an input of another dimension", binding("factor"), json('{"input":"soda_ash"}'), "unit-mismatch"],
    ["a parameter of another dimension", binding("consumption"), json('{"parameter":"glass.soda-ash"}'), "unit-mismatch"],
    ["a step that comes later", binding("factor"), json('{"step":"total","output":"total"}'), "rule-malformed"],
    ["a result that is no output", [path, "result", "output"], "intensity_", "rule-malformed"],
    ["a result that does not add up over parts", [path, "result", "output"], "intensity", "rule-malformed"],
    ["a kind that is none", [path, "kind"], "joy", "kind-unknown"],
    ["a version that is no number", [path, "version"], "1.0", "rule-malformed"],
    ["a substitution without its source", [path, "inputs", 1, "substitution"], "zero", "rule-malformed"],
    ["two steps of one name", [path, "steps", 1, "name"], "process", "rule-malformed"],
    ["digits beyond twenty", [path, "result", "digits"], "21", "number-out-of-range"],
    ["twenty digits", [path, "result", "digits"], "20", "none"],
    ["a parameter without source", ["parameters/glass.soda-ash", "values", 0, "source"], "", "parameter-unsourced"],
    ["two values on one day", ["parameters/glass.soda-ash", "values", 0, "to"], "2026-07-02", "parameter-overlap"],
    ["a day between two values", ["parameters/glass.soda-ash", "values", 0, "to"], "2026-06-30", "none"],
  ])("%s: %s", (_title, at, value, code) => {
    expect(codeOf(() => RuleSet.fromDocuments(changed(documents, at, value)))).toBe(code);
  });

  test("what is released is what its digest says", () => {
    const listed = rules.digests();
    const release = new Map<string, Json>([["count", String(listed.size)], ["root", listingRoot(listed)]]);
    expect(codeOf(() => RuleSet.released(documents, listed, release))).toBe("none");
    const other = changed(documents, [path, "source"], "another table");
    expect(codeOf(() => RuleSet.released(other, listed, release))).toBe("rule-not-released");
    expect(codeOf(() => RuleSet.released(documents, new Map(), release))).toBe("rules-not-listed");
  });

  test("what is not confirmed is used only where both the methodology and the claim allow it", () => {
    const unconfirmed = changed(documents, ["parameters/glass.soda-ash", "values", 0, "status"], "unconfirmed");
    const allowing = changed(unconfirmed, [path, "allows_unconfirmed"], true);
    const inputs = member(whole, "inputs");
    const asked = changed(inputs, ["allow_unconfirmed"], true);
    expect(codeOf(() => printed(asked, "2026-12-05", RuleSet.fromDocuments(unconfirmed)))).toBe("parameter-unconfirmed");
    expect(codeOf(() => printed(inputs, "2026-12-05", RuleSet.fromDocuments(allowing)))).toBe("parameter-unconfirmed");
    expect(list(printed(asked, "2026-12-05", RuleSet.fromDocuments(allowing)), "notices")).toContain("unconfirmed-parameter");
  });
});

describe("a request in a line", () => {
  test.each([["{}", "date-malformed"], ["[]", "inputs-malformed"], ['{"id":1,"at":"2026-12-05"}', "inputs-malformed"],
    ['{"id":1,"at":"2026-12-05","inputs":{}}', "period-malformed"], ["{", "json-malformed"]])("%s: %s", (line, code) => {
    expect(answerText(runLine(rules, line))).toContain(`"code":"${code}"`);
  });

  test("the trace names each call with its outputs", () => {
    const found = list(printed(member(whole, "inputs")), "trace").map(asObject);
    expect(found.map((call) => text(call, "step"))).toEqual(["process", "total", "intensity"]);
  });
});
