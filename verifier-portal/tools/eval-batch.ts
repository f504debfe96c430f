/**
 * Evaluates JSON lines {id, formula, inputs} from stdin with the formulas of a documents file and writes {id, outputs} or
 * {id, error}, byte for byte what `carbonseal mrv eval --batch` writes.
 *
 *     node dist/tools/eval-batch.js DOCUMENTS.json [--trace] < requests.jsonl
 */
import { asObject } from "../src/verify/rules/document.js";
import { parseLenient } from "../src/verify/rules/json.js";
import { RuleSet } from "../src/verify/rules/ruleset.js";
import { answerText, evaluateLine } from "../src/verify/rules/service.js";
import { inputLines, readText } from "./lines.js";

const [documentsPath, ...flags] = process.argv.slice(2);
if (documentsPath === undefined || flags.some((flag) => flag !== "--trace")) {
  process.stderr.write("usage: eval-batch DOCUMENTS.json [--trace] < requests.jsonl\n");
  process.exit(2);
}
const rules = RuleSet.fromDocuments(asObject(parseLenient(readText(documentsPath))));
const answers = inputLines().map((line) => `${answerText(evaluateLine(rules, line, flags.length > 0))}\n`);
process.stdout.write(answers.join(""));
