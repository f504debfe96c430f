/**
 * Answers JSON lines from stdin with the rules of a documents file:
 *
 *     node dist/tools/answer.js run DOCUMENTS.json < requests.jsonl         # {id, methodology, at, inputs} → {id, run}
 *     node dist/tools/answer.js parameter DOCUMENTS.json < requests.jsonl   # {id, parameter, at} → {id, value}
 */
import { asObject } from "../src/verify/rules/document.js";
import { parseLenient } from "../src/verify/rules/json.js";
import { parameterLine, runLine } from "../src/verify/rules/report.js";
import { RuleSet } from "../src/verify/rules/ruleset.js";
import { answerText } from "../src/verify/rules/service.js";
import { inputLines, readText } from "./lines.js";

const [question, documentsPath] = process.argv.slice(2);
const answer = question === "run" ? runLine : question === "parameter" ? parameterLine : null;
if (answer === null || documentsPath === undefined) {
  process.stderr.write("usage: answer (run | parameter) DOCUMENTS.json < requests.jsonl\n");
  process.exit(2);
}
const rules = RuleSet.fromDocuments(asObject(parseLenient(readText(documentsPath))));
for (const line of inputLines()) process.stdout.write(`${answerText(answer(rules, line))}\n`);
