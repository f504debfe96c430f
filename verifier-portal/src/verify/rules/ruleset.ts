/** The formulas of a set of canonical documents by path: "formulas/fuel.combustion.heat@1". */
import { RuleError } from "./error.js";
import { Formula } from "./formula.js";
import { represented, shortened, type JsonObject } from "./texts.js";

export class RuleSet {
  private constructor(readonly formulas: ReadonlyMap<string, Formula>) {}

  static fromDocuments(documents: JsonObject): RuleSet {
    const formulas = new Map<string, Formula>();
    for (const [path, document] of documents) {
      const [folder, name] = split(path);
      if (folder === "formulas") formulas.set(name, Formula.fromDocument(document));
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

function split(path: string): readonly [string, string] {
  const slash = path.indexOf("/");
  return slash < 0 ? [path, ""] : [path.slice(0, slash), path.slice(slash + 1)];
}
