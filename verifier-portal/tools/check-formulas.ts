/**
 * Reads one formula document a line from stdin and writes {"formula", "digest"} or {"error"} for each.
 *
 *     node dist/tools/check-formulas.js < documents.jsonl
 */
import { RuleError } from "../src/verify/rules/error.js";
import { Formula } from "../src/verify/rules/formula.js";
import { parseLenient } from "../src/verify/rules/json.js";
import { answerText, type Answer } from "../src/verify/rules/service.js";
import { inputLines } from "./lines.js";

function checked(line: string): Answer {
  try {
    const formula = Formula.fromDocument(parseLenient(line));
    return { formula: formula.key, digest: formula.digest };
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { error: { ...error.document() } };
  }
}

process.stdout.write(inputLines().map((line) => `${answerText(checked(line))}\n`).join(""));
