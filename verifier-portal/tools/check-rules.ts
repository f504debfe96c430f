/**
 * Reads sets of rule documents, {path: document} a line from stdin, and writes {path: digest} or {"error"} for each set.
 *
 *     node dist/tools/check-rules.js < sets.jsonl
 */
import { RuleError } from "../src/verify/rules/error.js";
import { parseLenient } from "../src/verify/rules/json.js";
import { RuleSet } from "../src/verify/rules/ruleset.js";
import { answerText, type Answer } from "../src/verify/rules/service.js";
import { inputLines } from "./lines.js";

function checked(line: string): Answer {
  try {
    return RuleSet.fromDocuments(parseLenient(line)).digests();
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return { error: { ...error.document() } };
  }
}

for (const line of inputLines()) process.stdout.write(`${answerText(checked(line))}\n`);
