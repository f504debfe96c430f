import { describe, expect, test } from "vitest";
import { Validity, parseDay } from "../src/verify/rules/dates.js";
import { asObject } from "../src/verify/rules/document.js";
import { RuleError } from "../src/verify/rules/error.js";
import { Formula } from "../src/verify/rules/formula.js";
import { canonicalText, digest, parseCanonical, parseLenient } from "../src/verify/rules/json.js";
import { render } from "../src/verify/rules/render.js";
import { RuleSet } from "../src/verify/rules/ruleset.js";
import { answerText, evaluate, evaluateLine } from "../src/verify/rules/service.js";
import { parseUnit } from "../src/verify/rules/units.js";

function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof RuleError) return error.code;
    throw error;
  }
  return "none";
}

/** The canonical text of a formula with one input x and one output. */
function formulaText(tree: string, unit = "t", version = "1", input = '"unit":"t","min":"0"'): string {
  return `{"schema":"carbonseal-formula/1","id":"test","version":"${version}","title":{"zh":"测试","en":"test"},"source":"test",`
    + `"status":"published","valid":{"from":null,"to":null},"inputs":[{"name":"x","title":{"zh":"x","en":"x"},${input}}],`
    + `"definitions":[{"name":"result","unit":"${unit}","title":{"zh":"r","en":"r"},"tree":${tree}}]}`;
}

function rulesOf(...texts: readonly string[]): RuleSet {
  const documents = texts.map((text, i) => `"formulas/test@${i + 1}":${text}`);
  return RuleSet.fromDocuments(asObject(parseLenient(`{${documents.join(",")}}`)));
}

describe("canonical JSON", () => {
  test("members are sorted by UTF-16 code units and nothing else is written", () => {
    expect(canonicalText(parseLenient('{ "é":1,"😀":2,"\ufb33":3,"a":[ true,null ,"\\u20ac\\u000f"] }')))
      .toBe('{"a":[true,null,"€\\u000f"],"é":1,"😀":2,"\ufb33":3}');
  });

  test("the digest is SHA-256 of the canonical bytes", () => {
    expect(digest(parseLenient("{}"))).toBe("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    expect(digest(parseLenient('{"b":1,"a":"甲"}'))).toBe(digest(parseLenient('{ "a":"\\u7532", "b":1 }')));
  });

  test("a document that is read as canonical is so byte for byte", () => {
    expect(canonicalText(parseCanonical('{"a":1,"b":[]}'))).toBe('{"a":1,"b":[]}');
    expect(codeOf(() => parseCanonical('{"b":[],"a":1}'))).toBe("json-not-canonical");
    expect(codeOf(() => parseCanonical('{"a":1 }'))).toBe("json-not-canonical");
  });

  test.each([['{"a":1,"a":2}', "json-duplicate-key"], ["1.0", "json-number"], ["1e2", "json-number"], ["-0", "json-number"],
    ["9007199254740992", "json-number"], ["9007199254740991", "none"], ["NaN", "json-number"], ["\ufeff{}", "json-malformed"],
    ['"\\x"', "json-malformed"], ["[1,]", "json-malformed"], [`${"[".repeat(257)}${"]".repeat(257)}`, "json-too-deep"],
    [`${"[".repeat(256)}${"]".repeat(256)}`, "none"]])("%s: %s", (text, code) => {
    expect(codeOf(() => parseLenient(text))).toBe(code);
  });

  test("half of a surrogate pair is no text", () => {
    expect(codeOf(() => canonicalText("a\ud800"))).toBe("json-unencodable");
    expect(codeOf(() => parseLenient('{"\\udc00":1}'))).toBe("json-malformed");
    expect(canonicalText(parseLenient('"\\ud83d\\ude00"'))).toBe('"😀"');
  });
});

describe("documents of rules", () => {
  const doubled = '["*",["name","x"],["number","2","1"]]';

  test("a document under another name than its own is refused", () => {
    expect(codeOf(() => rulesOf(formulaText(doubled, "t", "2")))).toBe("rule-malformed");
    expect(codeOf(() => RuleSet.fromDocuments(asObject(parseLenient('{"elsewhere/x":{}}'))))).toBe("rule-malformed");
  });

  test("a name without version means the newest, compared as numbers", () => {
    const versions = Array.from({ length: 10 }, (_, i) => formulaText(doubled, "t", String(i + 1)));
    const rules = rulesOf(...versions);
    expect(rules.formula("test").key).toBe("test@10");
    expect(rules.formula("test@9").key).toBe("test@9");
    expect(codeOf(() => rules.formula("test@11"))).toBe("formula-unknown");
  });

  test.each([
    ["kWh is not added to t", '["+",["name","x"],["number","1","kWh"]]', "t", "expression-unit"],
    ["kg is not added to t without convert", '["+",["name","x"],["number","1","kg"]]', "t", "expression-unit"],
    ["the declared unit is the one that comes out", '["name","x"]', "kg", "expression-unit"],
    ["convert without its ratio", '["convert",["name","x"],"kg"]', "kg", "expression-not-canonical"],
    ["convert states the true ratio", '["convert",["name","x"],"kg","1000","1"]', "kg", "none"],
    ["convert states another ratio", '["convert",["name","x"],"kg","1","1000"]', "kg", "expression-malformed"],
    ["a fraction has an exponential", '["exp",["name","x"]]', "1", "expression-unit"],
    ["a name that is nothing", '["name","y"]', "t", "expression-unknown-name"],
    ["an operator that is none", '["power",["name","x"]]', "t", "expression-malformed"],
    ["an operator with too little", '["*",["name","x"]]', "t", "expression-malformed"],
    ["what every object inherits is no operator", '["constructor",["name","x"]]', "t", "expression-malformed"],
  ])("%s", (_title, tree, unit, code) => {
    expect(codeOf(() => Formula.fromDocument(parseLenient(formulaText(tree, unit))))).toBe(code);
  });

  test("a hundred operations lie one inside the other and no more", () => {
    const nested = (depth: number): string => '["negate",'.repeat(depth) + '["name","x"]' + "]".repeat(depth);
    expect(codeOf(() => Formula.fromDocument(parseLenient(formulaText(nested(100)))))).toBe("none");
    expect(codeOf(() => Formula.fromDocument(parseLenient(formulaText(nested(101)))))).toBe("expression-too-deep");
  });

  test("an expression reads as text again with the parentheses it needs", () => {
    const tree = '["*",["-",["name","x"],["-",["name","x"],["number","1.5","t"]]],["negate",["number","2","1"]]]';
    const [definition] = Formula.fromDocument(parseLenient(formulaText(tree))).definitions;
    expect(definition && render(definition.node)).toBe("(x - (x - 1.5[t])) * -2");
  });
});

describe("validity", () => {
  test("a rule holds from its first day to the day before its end", () => {
    const validity = Validity.fromDocument(asObject(parseLenient('{"from":"2025-03-01","to":"2026-01-01"}')));
    const days = ["2025-02-28", "2025-03-01", "2025-12-31", "2026-01-01"];
    expect(days.map((day) => validity.holds(day))).toEqual([false, true, true, false]);
    expect(Validity.fromDocument(asObject(parseLenient('{"from":null,"to":null}'))).holds("1900-01-01")).toBe(true);
  });

  test.each([["2024-02-29", "none"], ["2025-02-29", "date-malformed"], ["2000-02-29", "none"], ["1900-02-29", "date-malformed"],
    ["2025-04-31", "date-malformed"], ["2025-13-01", "date-malformed"], ["2025-00-10", "date-malformed"],
    ["2025-01-00", "date-malformed"], ["0000-01-01", "date-malformed"], ["2025-1-01", "date-malformed"],
    ["2025-W01-1", "date-malformed"]])("%s: %s", (day, code) => {
    expect(codeOf(() => parseDay(day))).toBe(code);
  });

  test("a validity that ends before it begins is refused", () => {
    expect(codeOf(() => Validity.fromDocument(asObject(parseLenient('{"from":"2026-01-01","to":"2026-01-01"}')))))
      .toBe("validity-empty");
  });
});

describe("evaluation", () => {
  const rules = rulesOf(formulaText('["if",["<",["name","x"],["number","10","t"]],["*",["name","x"],["number","2","1"]],["name","x"]]'));
  const line = (inputs: string): string => answerText(evaluateLine(rules, `{"id":7,"formula":"test@1","inputs":${inputs}}`));

  test("a line gives outputs in canonical text", () => {
    expect(line('{"x":{"value":"1.50","unit":"t"}}')).toBe('{"id":7,"outputs":{"result":{"value":"3","unit":"t"}}}');
    expect(line('{"x":{"value":"1500","unit":"kg"}}')).toBe('{"id":7,"outputs":{"result":{"value":"3","unit":"t"}}}');
  });

  test.each([["{}", "input-missing"], ['{"x":{"value":"-0.1","unit":"t"}}', "out-of-range"],
    ['{"x":{"value":"1","unit":"kWh"}}', "unit-mismatch"], ['{"x":{"value":"1","unit":"tCO2"}}', "unit-mismatch"],
    ['{"x":{"value":1,"unit":"t"}}', "json-number"], ['{"x":5}', "quantity-malformed"], ["5", "inputs-malformed"],
    ['{"x":{"value":"1","unit":"t"},"y":{"value":"1","unit":"t"}}', "input-unknown"],
    ['{"x":{"value":"1","unit":[]}}', "unit-unknown"]])("%s is %s", (inputs, code) => {
    expect(line(inputs)).toContain(`"code":"${code}"`);
  });

  test("the trace holds what was evaluated and nothing else", () => {
    const answer = answerText(evaluate(rules, "test", parseLenient('{"x":{"value":"10","unit":"t"}}')));
    expect(answer).toContain('"expression":"if(x < 10[t], x * 2, x)"');
    expect(answer.match(/"operator":"[^"]+"/g)).toEqual(
      ["if", "<", "name", "number", "name"].map((operator) => `"operator":"${operator}"`));
  });
});

describe("units", () => {
  test.each([["tCO2/MWh", "tCO2/MWh"], ["kg/(t·km)", "kg/(t·km)"], ["tkm", "t·km"], ["万Nm3", "1e4Nm3"], ["MW·h/h", "MW"],
    ["t^2", "t^2"], ["1/(1/t)", "t"], ["1", "1"], ["kWh ", "kWh"]])("%s is %s", (text, shown) => {
    expect(parseUnit(text).text).toBe(shown);
  });

  test.each(["", " ", "t/", "/t", "(t", "t)", "t t", "bushel", "1e19t", "t^4", "T", "constructor", "__proto__", "t".repeat(81)])(
    "%j is no unit", (text) => {
      expect(codeOf(() => parseUnit(text))).toBe("unit-unknown");
    });

  test("carbon, carbon dioxide, its equivalent, coal and mass are five dimensions", () => {
    const dimensions = ["tC", "tCO2", "tCO2e", "tce", "t"].map((unit) => parseUnit(unit).dimensionKey);
    expect(new Set(dimensions).size).toBe(5);
    expect(String(parseUnit("GJ").ratioTo(parseUnit("kWh")))).toBe("2500/9");
  });
});
