/**
 * Reads one formula document a line from stdin and writes {"formula", "digest"} or {"error"} for each.
 *
 *     node dist/tools/check-formulas.js < documents.jsonl
 */
import { readFileSync } from "node:fs";
import { RuleError } from "../src/verify/rules/error.js";
import { Formula } from "../src/verify/rules/formula.js";
import { parseLenient } from "../src/verify/rules/json.js";
import { answerText, type Answer } from "../src/verify/rules/service.js";

function checked(line: string): Answer {
  try {
    const formula = Formula.fromDocument(parseLenient(line));
    return { formula: formula.key, digest: formula.digest };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { error: { ...error.document() } };
  }
}

const lines = readFileSync(0, "utf8").split("\n").filter((line) => line.trim() !== "");
process.stdout.write(lines.map((line) => `${answerText(checked(line))}\n`).join(""));
