import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { RULE_CODES } from "../src/verify/rules/error.js";

const FOLDER = new URL("../src/verify/", import.meta.url);
const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
const sources = new Map(files.map((name) => [name, readFileSync(new URL(name, FOLDER), "utf8")]));

describe("the verification modules are pure", () => {
  test.each(Array.from(sources))("%s imports its neighbours and hashing, nothing else", (_name, source) => {
    const imported = Array.from(source.matchAll(/from "([^"]+)"/g), ([, path]) => path ?? "");
    expect(imported.filter((path) => !/^(\.\.?\/|@noble\/)/.test(path))).toEqual([]);
  });

  test.each(Array.from(sources))("%s knows no clock, chance, network, machine or untyped value", (_name, source) => {
    const code = source.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
    expect(code).not.toMatch(/\bDate\b|Math\.random|\bfetch\b|\bprocess\b|\bconsole\b|: any\b|<any>|\bas any\b|@ts-/);
  });

  test("files stay readable", () => {
    const long = Array.from(sources).filter(([, source]) => source.split("\n").length > 320).map(([name]) => name);
    expect(long).toEqual([]);
  });
});

test("every code of the closed set is given somewhere, once in the list", () => {
  const all = Array.from(sources).filter(([name]) => !name.endsWith("error.ts")).map(([, source]) => source).join("");
  expect(RULE_CODES.filter((code) => !all.includes(`"${code}"`))).toEqual([]);
  expect(new Set(RULE_CODES).size).toBe(RULE_CODES.length);
});
