/** The formulas of a set of canonical documents by path: "formulas/fuel.combustion.heat@1". */
import { RuleError } from "./error.js";
import { Formula } from "./formula.js";
import { represented, shortened, type JsonObject } from "./texts.js";

const FOLDERS: readonly string[] = ["parameters", "formulas", "methodologies"];

export class RuleSet {
  private constructor(readonly formulas: ReadonlyMap<string, Formula>) {}

  /** Every formula checked; parameters and methodologies are left to the reader of statements. */
  static fromDocuments(documents: JsonObject): RuleSet {
    const formulas = new Map<string, Formula>();
    for (const [path, document] of documents) {
      const [folder, name] = split(path);
      if (!FOLDERS.includes(folder)) {
        throw new RuleError("rule-malformed", `${represented(shortened(path, 80))} is not a path of a rule`);
      }
      if (folder === "formulas") formulas.set(name, named(name, Formula.fromDocument(document)));
    }
    return new RuleSet(formulas);
  }

  /** The formula of "id@version", or the newest version of "id". Throws formula-unknown. */
  formula(name: string): Formula {
    const exact = this.formulas.get(name);
    if (exact !== undefined) return exact;
    const versions = Array.from(this.formulas.values()).filter((formula) => formula.id === name);
    const [first, ...others] = versions;
    if (first === undefined) {
      throw new RuleError("formula-unknown", `there is no formula ${represented(shortened(name, 80))}`,
        { hint: "see `carbonseal mrv formulas`" });
    }
    return others.reduce((best, one) => (BigInt(one.version) > BigInt(best.version) ? one : best), first);
  }
}

function named(name: string, formula: Formula): Formula {
  if (formula.key === name) return formula;
  throw new RuleError("rule-malformed",
    `the document under ${represented(name)} calls itself ${represented(formula.key)}`);
}

function split(path: string): readonly [string, string] {
  const slash = path.indexOf("/");
  return slash < 0 ? [path, ""] : [path.slice(0, slash), path.slice(slash + 1)];
}
