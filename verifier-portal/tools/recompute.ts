/**
 * Evaluates statements again, one a line from stdin: {"id", "documents", "listed", "release", "payload", "details"} as in an evidence
 * file; writes {"id", "payload": canonical text, "details": count, "different": [member, …]} or {"id", "error"}.
 *
 *     node dist/tools/recompute.js < statements.jsonl
 */
import { Misuse, asObject, list, member } from "../src/verify/rules/document.js";
import { RuleError } from "../src/verify/rules/error.js";
import { answered } from "../src/verify/rules/report.js";
import { answerText } from "../src/verify/rules/service.js";
import { recompute } from "../src/verify/rules/statement.js";
import type { JsonObject } from "../src/verify/rules/texts.js";
import { inputLines } from "./lines.js";

function recomputed(request: JsonObject): { payload: string; details: string; different: readonly string[] } {
  try {
    const { payload, details, different } = recompute(member(request, "documents"), asObject(member(request, "listed")),
      asObject(member(request, "release")), member(request, "payload"), list(request, "details"));
    return { payload, details: String(details), different };
  } catch (error) {
    if (error instanceof Misuse) throw new RuleError("inputs-malformed", `the request lacks ${error.member}`);
    throw error;
  }
}

for (const line of inputLines()) process.stdout.write(`${answerText(answered(line, recomputed))}\n`);
