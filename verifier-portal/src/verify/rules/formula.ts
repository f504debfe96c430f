/** A formula: named inputs, expressions for outputs, validity and source; identified by the digest of its document. */
import { check, typeText, type ListType, type Node, type Type } from "./checker.js";
import { Misuse, asObject, identity, member, nameOf, objects, statusOf, text, title, versionOf } from "./document.js";
import { Decimal } from "./decimal.js";
import { RuleError } from "./error.js";
import { FOLDS, MAX_VALUES, TABLES, compared } from "./condition.js";
import { Validity } from "./dates.js";
import { checkNames, readInputs, type Given, type Input } from "./fields.js";
import { evaluate, type Environment, type Scalar, type Step, type Value } from "./interpreter.js";
import { digest } from "./json.js";
import { Quantity } from "./quantity.js";
import { render } from "./render.js";
import { isList, isObject, plainText, represented, type Json, type JsonObject } from "./texts.js";
import { Unit, parseUnit } from "./units.js";
import { checkWork } from "./work.js";

const SCHEMA = "carbonseal-formula/1";
/** Inputs that an error points at: more are no place. */
const MAX_PLACES = 4;
const CONDITION = "a condition under which the rule holds; check the values, their units and the option or basis chosen";

/**
 * A named expression: an intermediate value, an output (it has a `title`), or a condition that must hold, whose `title` are
 * the words that an error shows; null where it has none.
 */
export interface Definition {
  readonly name: string;
  readonly title: ReadonlyMap<string, string> | null;
  readonly node: Node;
  readonly required: boolean;
}

/** What a formula gave: outputs by name, the trace of every definition in order, and the inputs as they were bound. */
export interface Evaluation {
  readonly formula: Formula;
  readonly outputs: ReadonlyMap<string, Quantity | string>;
  readonly trace: readonly (readonly [Definition, Step])[];
  readonly given: Environment;
}

/** A formula as loaded and checked; `digest`: SHA-256 of its canonical document, hex. */
export class Formula {
  readonly id: string;
  readonly version: string;
  readonly title: ReadonlyMap<string, string>;
  readonly source: string;
  readonly status: string;
  readonly validity: Validity;
  readonly inputs: readonly Input[];
  readonly definitions: readonly Definition[];
  readonly digest: string;

  private constructor(readonly document: JsonObject) {
    if (member(document, "schema") !== SCHEMA) {
      throw new RuleError("rule-malformed", `${represented(member(document, "schema"))} is not ${SCHEMA}`);
    }
    this.inputs = readInputs(document);
    this.id = identity(document);
    this.version = versionOf(document);
    this.title = title(document);
    this.source = text(document, "source");
    this.status = statusOf(document);
    this.validity = Validity.fromDocument(asObject(member(document, "valid")));
    this.definitions = readDefinitions(this.inputs, objects(document, "definitions"));
    this.digest = digest(document);
  }

  /** The formula of its canonical document, units checked. Throws errors that name the formula. */
  static fromDocument(document: Json): Formula {
    const id = isObject(document) ? plainText(document.has("id") ? document.get("id") : "?") : "?";
    try {
      return new Formula(asObject(document));
    } catch (error) {
      if (error instanceof Misuse) {
        throw new RuleError("rule-malformed", `a formula lacks or misuses ${error.member}`, { where: id });
      }
      throw error instanceof RuleError ? error.at(`${id} ${error.where}`.trim()) : error;
    }
  }

  /** "id@version". */
  get key(): string {
    return `${this.id}@${this.version}`;
  }

  /** The outputs for these values by input name. Throws input-missing, unit-mismatch, out-of-range, … */
  evaluate(given: ReadonlyMap<string, Given>): Evaluation {
    checkNames(this.inputs.map((input) => input.name), given, this.key);
    const environment = new Map<string, Value>();
    for (const input of this.inputs) environment.set(input.name, input.bind(given.get(input.name)));
    const bound = new Map(environment);
    if ([...bound.values()].some(Array.isArray)) {
      checkWork(this.definitions.map((definition) => definition.node), bound, this.key);
    }
    const trace: (readonly [Definition, Step])[] = [];
    const outputs = new Map<string, Quantity | string>();
    for (const definition of this.definitions) {
      const step = this.step(definition, environment);
      if (definition.required && step.value !== true) {
        const found = compared(step);
        const values = found.slice(0, MAX_VALUES).map(([, value]) => value).join(", ");
        const where = this.places(found.map(([place]) => place)) || this.key;
        throw new RuleError("out-of-range", `a condition of the rule is not met: ${wordsOf(definition)}${render(definition.node)}`
          + (values === "" ? "" : `; given ${values}`), { where, hint: CONDITION });
      }
      environment.set(definition.name, step.value);
      trace.push([definition, step]);
      if (isOutput(definition)) outputs.set(definition.name, output(definition.node.type, step.value));
    }
    return { formula: this, outputs, trace, given: bound };
  }

  private step(definition: Definition, environment: Environment): Step {
    try {
      return evaluate(definition.node, environment);
    } catch (error) {
      throw error instanceof RuleError ? error.at(this.places([error.where]) || `${this.key} ${definition.name}`) : error;
    }
  }

  /** Inputs, or places in them, then those that derived values come from; "" where none is behind. */
  private places(named: readonly string[]): string {
    const inputs = this.inputNames();
    const given = named.filter((name) => inputs.has(name.split(/[.[]/)[0] ?? ""));
    const behind = named.filter((name) => !given.includes(name)).flatMap((name) => this.inputsBehind(name));
    return Array.from(new Set([...given, ...behind])).slice(0, MAX_PLACES).join(", ");
  }

  private inputsBehind(name: string): readonly string[] {
    const inputs = this.inputNames();
    return this.definitions.filter((definition) => definition.name === name)
      .flatMap((definition) => namesIn(definition.node))
      .flatMap((inner) => (inputs.has(inner) ? [inner] : this.inputsBehind(inner)));
  }

  private inputNames(): ReadonlySet<string> {
    return new Set(this.inputs.map((input) => input.name));
  }
}

/** Whether the formula reports it. */
export function isOutput({ title: titles, required }: Definition): boolean {
  return titles !== null && !required;
}

function wordsOf({ title: titles }: Definition): string {
  return titles === null ? "" : `${titles.get("zh") ?? ""} ${titles.get("en") ?? ""}: `;
}

function namesIn(node: Node): readonly string[] {
  return [...(node.operator === "name" || TABLES.includes(node.operator) ? [node.name] : []),
    ...(FOLDS.includes(node.operator) ? [node.extra[0] ?? ""] : []), ...node.operands.flatMap(namesIn)];
}

function output(type: Type, value: Scalar): Quantity | string {
  return type instanceof Unit && value instanceof Decimal ? new Quantity(value, type) : String(value);
}

function readDefinitions(inputs: readonly Input[], documents: readonly JsonObject[]): readonly Definition[] {
  const scope = new Map<string, Type | ListType>(inputs.map((input) => [input.name, input.type]));
  if (scope.size !== inputs.length) throw new RuleError("rule-malformed", "an input name occurs twice");
  const definitions: Definition[] = [];
  for (const document of documents) {
    const definition = readDefinition(document, scope);
    scope.set(definition.name, definition.node.type);
    definitions.push(definition);
  }
  if (!definitions.some(isOutput)) {
    throw new RuleError("rule-malformed", "a formula has at least one output");
  }
  return definitions;
}

function readDefinition(document: JsonObject, scope: ReadonlyMap<string, Type | ListType>): Definition {
  const name = nameOf(document);
  if (scope.has(name)) throw new RuleError("rule-malformed", `the name ${represented(name)} has two meanings`);
  const tree = member(document, "tree");
  const node = check(tree, scope);
  if (spelledOtherwise(tree)) {
    throw new RuleError("expression-not-canonical", `the tree of ${represented(name)} is not in its canonical form`,
      { hint: "a conversion carries its numerator and denominator" });
  }
  const unit = member(document, "unit");
  const declared: Type = unit === "text" || unit === "boolean" ? unit : parseUnit(unit);
  if (!agrees(node.type, declared)) {
    throw new RuleError("expression-unit", `${represented(name)} comes out in ${typeText(node.type)}, not in ${plainText(unit)}`,
      { hint: "write convert(…, [unit]) or correct the expression" });
  }
  const required = document.get("require") === true;
  if (required && node.type !== "boolean") {
    throw new RuleError("expression-unit", `${represented(name)} is required but no condition`);
  }
  const titled = (document.get("title") ?? null) !== null;
  return { name, title: titled ? title(document) : null, required, node: { ...node, type: declared } };
}

/** Whether a checked tree could be written in another way: only a conversion without its ratio can. */
function spelledOtherwise(tree: Json): boolean {
  return isList(tree) && ((tree[0] === "convert" && tree.length === 3) || tree.some(spelledOtherwise));
}

function agrees(found: Type, declared: Type): boolean {
  return found instanceof Unit && declared instanceof Unit ? found.sameAs(declared) : found === declared;
}
