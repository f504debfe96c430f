/** The rules of a set of canonical documents by path: "formulas/fuel.combustion.heat@1". */
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { checkInForce, type Day } from "./dates.js";
import { RuleError } from "./error.js";
import { Formula } from "./formula.js";
import { canonicalText } from "./json.js";
import { checkMethodology } from "./linking.js";
import { leafHash, merkleRoot } from "./merkle.js";
import { Methodology } from "./methodology.js";
import { Parameter } from "./parameter.js";
import { byCodePoint, isObject, represented, shortened, type Json, type JsonObject } from "./texts.js";

interface Versioned {
  readonly version: string;
}

export class RuleSet {
  private constructor(
    readonly parameters: ReadonlyMap<string, Parameter>,
    readonly formulas: ReadonlyMap<string, Formula>,
    readonly methodologies: ReadonlyMap<string, Methodology>,
  ) {}

  /**
   * Every document checked, every unit and reference. `complete`: false where only a part of the parameters is there, as
   * in an evidence file; then what a pattern of paths can bring is only checked where a value is bound.
   */
  static fromDocuments(documents: Json, complete = true): RuleSet {
    if (!isObject(documents)) throw new RuleError("rule-malformed", "rules are an object of documents by path");
    const parameters = new Map<string, Parameter>();
    const formulas = new Map<string, Formula>();
    const methodologies = new Map<string, Methodology>();
    for (const [path, document] of documents) {
      const [folder, name] = split(path);
      if (folder === "parameters") enter(parameters, name, Parameter.fromDocument(document), (one) => one.id);
      else if (folder === "formulas") enter(formulas, name, Formula.fromDocument(document), (one) => one.key);
      else if (folder === "methodologies") enter(methodologies, name, Methodology.fromDocument(document), (one) => one.key);
      else throw new RuleError("rule-malformed", `${represented(shortened(path, 80))} is not a path of a rule`);
    }
    for (const one of methodologies.values()) checkMethodology(one, formulas, complete ? parameters : null);
    return new RuleSet(parameters, formulas, methodologies);
  }

  /**
   * The rules of an evidence file, each with the digest that the list of its release names for it. Throws rules-not-listed
   * for another list than the release commits to, rule-not-released for a rule that differs.
   */
  static released(documents: Json, listed: JsonObject, release: JsonObject): RuleSet {
    if (release.get("count") !== String(listed.size) || release.get("root") !== listingRoot(listed)) {
      throw new RuleError("rules-not-listed", "the list of rules is not the one that was released",
        { where: "root", hint: "the list is kept with its release, whole and unchanged" });
    }
    const rules = RuleSet.fromDocuments(documents, false);
    for (const [path, digest] of rules.digests()) {
      if (listed.get(path) !== digest) {
        throw new RuleError("rule-not-released", `${path} is not the rule that was released`, { where: path });
      }
    }
    return rules;
  }

  /** SHA-256 of the canonical form of every document, by path, sorted. */
  digests(): ReadonlyMap<string, string> {
    const found: [string, string][] = [];
    for (const [name, item] of this.parameters) found.push([`parameters/${name}`, item.digest]);
    for (const [name, item] of this.formulas) found.push([`formulas/${name}`, item.digest]);
    for (const [name, item] of this.methodologies) found.push([`methodologies/${name}`, item.digest]);
    return new Map(found.sort(([a], [b]) => byCodePoint(a, b)));
  }

  /** The formula of "id@version", or the newest version of "id". Throws formula-unknown. */
  formula(name: string): Formula {
    const exact = this.formulas.get(name);
    if (exact !== undefined) return exact;
    const versions = Array.from(this.formulas.values()).filter((formula) => formula.id === name);
    const newest = newestOf(versions);
    if (newest !== undefined) return newest;
    throw new RuleError("formula-unknown", `there is no formula ${represented(shortened(name, 80))}`,
      { where: shortened(name, 80), hint: "see `carbonseal mrv formulas`" });
  }

  /** The parameter of a path. Throws parameter-missing. */
  parameter(path: string): Parameter {
    const found = this.parameters.get(path);
    if (found !== undefined) return found;
    throw new RuleError("parameter-missing", `there is no parameter ${represented(shortened(path, 80))}`,
      { where: shortened(path, 80), hint: "no parent region or other fuel is taken in its place" });
  }

  /**
   * The methodology of "id" or "id@version" in force on the days of a period. Throws methodology-unknown,
   * rule-not-in-force, period-crosses-change.
   */
  methodology(name: string, version: string | null, first: Day, last: Day): Methodology {
    const [id, pinned] = split(name, "@");
    const wanted = version !== null && version !== "" ? version : pinned;
    const known = Array.from(this.methodologies.values())
      .filter((one) => one.id === id && (wanted === "" || one.version === wanted));
    const touching = known.filter((one) => one.validity.holds(first) || one.validity.holds(last));
    const chosen = newestOf(touching.length > 0 ? touching : known);
    if (chosen === undefined) {
      const text = `there is no methodology ${represented(shortened(name, 80))} ${version ?? ""}`;
      throw new RuleError("methodology-unknown", text.trimEnd(),
        { where: "methodology", hint: "`carbonseal mrv methodologies` lists them" });
    }
    checkInForce(chosen.key, chosen.validity, first, last);
    return chosen;
  }
}

/** The RFC 6962 root over the canonical [path, digest] in the order of the paths, lower-case hex. */
export function listingRoot(listed: JsonObject): string {
  const paths = Array.from(listed).sort(([a], [b]) => byCodePoint(a, b));
  return bytesToHex(merkleRoot(paths.map((entry) => leafHash(utf8ToBytes(canonicalText(entry))))));
}

/** The greatest version as a number, the first of equal ones. */
function newestOf<T extends Versioned>(known: readonly T[]): T | undefined {
  const [first, ...others] = known;
  if (first === undefined || others.length === 0) return first;
  return others.reduce((best, one) => (Number(one.version) > Number(best.version) ? one : best), first);
}

function enter<T>(rules: Map<string, T>, name: string, rule: T, nameOf: (rule: T) => string): void {
  if (nameOf(rule) !== name) {
    throw new RuleError("rule-malformed",
      `the document under ${represented(name)} calls itself ${represented(nameOf(rule))}`);
  }
  rules.set(name, rule);
}

function split(path: string, mark = "/"): readonly [string, string] {
  const at = path.indexOf(mark);
  return at < 0 ? [path, ""] : [path.slice(0, at), path.slice(at + 1)];
}
