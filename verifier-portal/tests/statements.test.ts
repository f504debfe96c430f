import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { utf8ToBytes, bytesToHex } from "@noble/hashes/utils.js";
import { asObject, list, member, text } from "../src/verify/rules/document.js";
import { RuleError } from "../src/verify/rules/error.js";
import { canonicalText, parseLenient } from "../src/verify/rules/json.js";
import { leafHash, merkleRoot } from "../src/verify/rules/merkle.js";
import { detailsRoot, recompute } from "../src/verify/rules/statement.js";
import type { Json, JsonObject } from "../src/verify/rules/texts.js";

const FILE = new URL("../../tests/portal/vectors/statements.json", import.meta.url);
const evidence = asObject(parseLenient(readFileSync(FILE, "utf8")));
const documents = member(evidence, "documents");
const [listed, release] = [asObject(member(evidence, "listed")), asObject(member(evidence, "release"))];
const statements = list(evidence, "statements").map(asObject);
const first = statements[0] ?? new Map<string, Json>();

function outcome(payload: Json, details: readonly Json[]): string {
  try {
    const { different } = recompute(documents, listed, release, payload, details);
    return different.join(" ") || "same";
  } catch (error) {
    if (error instanceof RuleError) return error.code;
    throw error;
  }
}

/** The details with one member of a record replaced; `undefined` takes it away. */
function withRecord(details: readonly Json[], index: number, name: string, value: Json | undefined): readonly Json[] {
  return details.map((detail, i) => {
    if (i !== index) return detail;
    const record = new Map(asObject(member(asObject(detail), "record")));
    if (value === undefined) record.delete(name);
    else record.set(name, value);
    return new Map(asObject(detail)).set("record", record);
  });
}

function withMember(payload: Json, name: string, value: Json): JsonObject {
  return new Map(asObject(payload)).set(name, value);
}

describe("a statement is evaluated again", () => {
  test.each(statements.map((item, i) => [i, item] as const))("number %i has the bytes that were signed", (_i, item) => {
    const again = recompute(documents, listed, release, member(item, "payload"), list(item, "details"));
    expect(again.payload).toBe(canonicalText(member(item, "payload")));
    expect(again.different).toEqual([]);
    expect(again.details).toBe(list(item, "details").length);
  });

  test("there are whole and split periods among them", () => {
    const kinds = statements.map((item) => asObject(member(asObject(list(item, "details")[0]), "record")).has("parts"));
    expect(new Set(kinds)).toEqual(new Set([true, false]));
  });
});

describe("what was tampered with is found", () => {
  const [payload, details] = [asObject(member(first, "payload")), list(first, "details")];
  const ofKind = (kind: string): number => details.findIndex((one) => text(asObject(member(asObject(one), "record")), "kind") === kind);

  test("a result that is not what the inputs give", () => {
    expect(outcome(withMember(payload, "result", new Map([["value", "1"], ["unit", "kgCO2e"]])), details)).toBe("result");
  });

  test("an input, a parameter, a step of the trace", () => {
    const quantity = new Map([["value", "99"], ["unit", "t"]]);
    expect(outcome(payload, withRecord(details, ofKind("input"), "quantity", quantity))).toContain("details");
    expect(outcome(withMember(payload, "details", new Map([["root", "00"], ["count", "1"]])), details)).toBe("details");
  });

  test("a trace that says other than the calculation does not count: only the inputs and salts are read from it", () => {
    expect(outcome(payload, withRecord(details, ofKind("node"), "value", "1"))).toBe("same");
    expect(detailsRoot(withRecord(details, ofKind("node"), "value", "1"))).not.toBe(detailsRoot(details));
  });

  test.each<readonly [string, () => string, string]>([
    ["a detail less", () => outcome(payload, details.slice(0, -1)), "statement-differs"],
    ["no details", () => outcome(payload, []), "statement-malformed"],
    ["a detail without record", () => outcome(payload, [...details.slice(0, -1), new Map()]), "statement-malformed"],
    ["no date", () => outcome(payload, withRecord(details, 0, "date", undefined)), "statement-malformed"],
    ["a date that is none", () => outcome(payload, withRecord(details, 0, "date", "2026-02-30")), "date-malformed"],
    ["another methodology", () => outcome(withMember(payload, "methodology", new Map([["id", "x"], ["version", "1"]])), details),
      "methodology-unknown"],
    ["no payload", () => outcome(null, details), "statement-malformed"],
    ["notices that are no texts", () => outcome(withMember(payload, "notices", [5]), details), "statement-malformed"],
    ["a salt that is no hex", () => outcome(payload, details.map((one) => new Map(asObject(one)).set("salt", "xy"))),
      "statement-malformed"],
    ["a salt of fifteen bytes", () => outcome(payload, details.map((one) => new Map(asObject(one)).set("salt", "ab".repeat(15)))),
      "salts-mismatch"],
  ])("%s", (_title, action, code) => {
    expect(action()).toBe(code);
  });

  test("a notice that the node added stays, one of the calculation cannot be left out", () => {
    const notices = list(payload, "notices");
    expect(outcome(withMember(payload, "notices", [...notices, "zz-added"]), details)).toBe("same");
    const split = statements.find((item) => list(asObject(member(item, "payload")), "notices").includes("period-split"));
    const silent = withMember(member(split ?? first, "payload"), "notices", []);
    expect(outcome(silent, list(split ?? first, "details"))).toBe("notices");
  });

  test("rules that are not those released", () => {
    const other = new Map(release).set("root", "00".repeat(32));
    expect(() => recompute(documents, listed, other, payload, details)).toThrow("is not the one that was released");
    const longer = new Map(listed).set("formulas/other@1", "00".repeat(32));
    expect(() => recompute(documents, longer, release, payload, details)).toThrow("is not the one that was released");
  });
});

describe("the tree of RFC 6962", () => {
  const leaves = ["", "00", "10", "2021", "3031", "40414243"].map((hex) => leafHash(Uint8Array.from(hex.match(/../g) ?? [],
    (pair) => parseInt(pair, 16))));

  test.each([[0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"],
    [1, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
    [2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    [3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"],
    [4, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"],
    [5, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4"]])("of %i leaves", (count, root) => {
    expect(bytesToHex(merkleRoot(leaves.slice(0, count)))).toBe(root);
  });

  test("a leaf is not a node", () => {
    expect(bytesToHex(leafHash(utf8ToBytes("")))).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  });
});
