/** What a methodology names exists, and each argument of a step can have the unit that its formula asks for. */
import { typeText, type ListType, type Type } from "./checker.js";
import { Misuse, asObject, list, member, text } from "./document.js";
import { RuleError } from "./error.js";
import { isOutput, type Formula } from "./formula.js";
import { patternOf, prefixOf, type Methodology, type StepRule } from "./methodology.js";
import { CHOICES, type Parameter } from "./parameter.js";
import { represented, type JsonObject } from "./texts.js";
import { Unit, parseUnit } from "./units.js";

/** What stands above a step: each step by name with its formula and whether it is repeated. */
type Seen = Map<string, { readonly formula: Formula; readonly repeated: boolean }>;

/** `parameters`: null where not every parameter is at hand. */
interface Scene {
  readonly methodology: Methodology;
  readonly parameters: ReadonlyMap<string, Parameter> | null;
  readonly seen: Seen;
}

function malformed(message: string, where: string): never {
  throw new RuleError("rule-malformed", message, { where });
}

/** Throws rule-malformed, unit-mismatch. */
export function checkMethodology(methodology: Methodology, formulas: ReadonlyMap<string, Formula>,
  parameters: ReadonlyMap<string, Parameter> | null): void {
  try {
    checkScene({ methodology, parameters, seen: new Map() }, formulas);
  } catch (error) {
    if (!(error instanceof Misuse)) throw error;
    malformed(`a methodology lacks or misuses ${error.member}`, methodology.key);
  }
}

function checkScene(scene: Scene, formulas: ReadonlyMap<string, Formula>): void {
  const { methodology } = scene;
  for (const step of methodology.steps) {
    const formula = formulas.get(step.formula) ?? malformed(`${represented(step.formula)} is no formula here`, methodology.key);
    checkStep(scene, step, formula);
    scene.seen.set(step.name, { formula, repeated: step.each !== null });
  }
  checkIntervals(methodology);
  checkOutputs(scene);
}

function checkOutputs({ methodology, seen }: Scene): void {
  for (const { name, step, output } of methodology.outputs) outputType(seen, step, output, `${methodology.key} ${name}`);
  const single = methodology.outputs.filter(({ step }) => seen.get(step)?.repeated === false).map(({ name }) => name);
  if (!single.includes(methodology.result.output)) {
    malformed("the result is not among the single outputs", methodology.key);
  }
  const names = methodology.outputs.map(({ name }) => name);
  if (!methodology.split.every((name) => names.includes(name))) {
    malformed("what adds up over parts is not among the outputs", methodology.key);
  }
}

function sameNames(one: Iterable<string>, other: Iterable<string>): boolean {
  const [left, right] = [new Set(one), new Set(other)];
  return left.size === right.size && Array.from(left).every((name) => right.has(name));
}

function checkStep(scene: Scene, step: StepRule, formula: Formula): void {
  const where = `${scene.methodology.key} ${step.name}`;
  const types = new Map(formula.inputs.map((input) => [input.name, input.type]));
  if (step.each !== null && !families(scene.methodology).includes(step.each)) {
    malformed(`${represented(step.each)} is no family of inputs`, where);
  }
  if (!sameNames(types.keys(), step.bindings.map(([name]) => name))) {
    malformed(`${step.formula} needs exactly ${Array.from(types.keys()).join(", ")}`, where);
  }
  for (const [name, binding] of step.bindings) {
    const wanted = types.get(name) ?? null;
    if (binding.has("rows") || binding.has("table")) {
      (binding.has("rows") ? checkRows : checkTable)(scene, binding, wanted, `${where} ${name}`);
      continue;
    }
    const needed = isListType(wanted) ? wanted.unit : wanted;
    for (const units of unitsOf(scene, binding, where)) checkUnits(needed, units, `${where} ${name}`);
  }
}

function isListType(type: Type | ListType | null): type is ListType {
  return typeof type === "object" && type !== null && !(type instanceof Unit);
}

function checkRows(scene: Scene, binding: JsonObject, wanted: Type | ListType | null, where: string): void {
  const needed = isListType(wanted) ? wanted.fields : new Map<string, Type>();
  const fields = asObject(member(binding, "fields"));
  const known = families(scene.methodology).includes(text(binding, "rows"));
  if (!known || needed.size === 0 || !sameNames(needed.keys(), fields.keys())) {
    malformed("rows need a family and exactly the fields of the list", where);
  }
  for (const [field, inner] of fields) {
    for (const units of unitsOf(scene, asObject(inner), where)) {
      checkUnits(needed.get(field) ?? null, units, `${where}.${field}`);
    }
  }
}

function checkTable(scene: Scene, binding: JsonObject, wanted: Type | ListType | null, where: string): void {
  const needed = isListType(wanted) ? wanted.fields : new Map<string, Type>();
  const [key, value] = [text(binding, "key"), text(binding, "value")];
  if (needed.size !== 2 || !sameNames(needed.keys(), [key, value])) {
    malformed("a table needs a list of exactly its key and its value", where);
  }
  checkUnits(needed.get(key) ?? null, [parseUnit(member(binding, "unit"))], `${where}.${key}`);
  checkUnits(needed.get(value) ?? null, unitsUnder(scene, text(binding, "table")), `${where}.${value}`);
  if (binding.has("among")) checkNeighbour(scene, binding, where);
}

/** What is sought can have the unit of the values among which its neighbours are. */
function checkNeighbour(scene: Scene, binding: JsonObject, where: string): void {
  for (const unit of unitsUnder(scene, text(binding, "among"))) {
    for (const units of unitsOf(scene, asObject(member(binding, "at")), where)) checkUnits(unit, units, `${where} at`);
  }
}

/** The units of the parameters that a path can name; none known where not every parameter is at hand. */
function unitsUnder(scene: Scene, path: string): readonly Unit[] {
  const pattern = patternOf(path);
  return Array.from(scene.parameters ?? []).filter(([name]) => pattern.test(name)).map(([, { unit }]) => unit);
}

/** For each source of a binding the units it can bring; a pattern of parameter paths can bring several. */
function* unitsOf(scene: Scene, binding: JsonObject, where: string): Generator<readonly Type[]> {
  if (binding.has("first") || binding.has("list")) {
    const sources = list(binding, binding.has("first") ? "first" : "list");
    for (const source of sources) yield* unitsOf(scene, asObject(source), where);
  } else if (binding.has("parameter")) {
    if (binding.has("selected_by")) checkSelection(scene.methodology, text(binding, "selected_by"), where);
    yield unitsUnder(scene, text(binding, "parameter"));
  } else if (binding.has("among") && !binding.has("table")) {
    checkNeighbour(scene, binding, where);
    yield unitsUnder(scene, text(binding, "among"));
  } else if (binding.has("step")) {
    yield [outputType(scene.seen, text(binding, "step"), text(binding, "output"), where)];
  } else if (binding.has("input") || binding.has("items")) {
    const name = text(binding, binding.has("input") ? "input" : "items");
    const rule = scene.methodology.inputs.find((one) => one.name === name);
    yield [(rule ?? malformed(`${represented(name)} is no input of the methodology`, where)).unit];
  } else if (binding.has("rows") || binding.has("table")) {
    malformed("rows stand alone, not among other bindings", where);
  }
}

/** An option that chooses a parameter's value offers the two ways of doing so. */
function checkSelection(methodology: Methodology, name: string, where: string): void {
  const offered = methodology.options.find((rule) => rule.name === name)?.oneOf ?? [];
  if (offered.length !== CHOICES.length || !CHOICES.every((choice, i) => offered[i] === choice)) {
    malformed(`${represented(name)} is no option of ${CHOICES.join(" and ")}`, where);
  }
}

function families(methodology: Methodology): readonly string[] {
  return methodology.inputs.filter((rule) => prefixOf(rule) !== null).map((rule) => rule.name);
}

/** What spends serials of a register is given by claim points and nothing else. */
function checkIntervals(methodology: Methodology): void {
  const { rule, input } = methodology.intervals;
  if (rule !== "register-whole-units" && rule !== "register-span") return;
  const found = methodology.inputs.find((one) => one.name === input && prefixOf(one) === null);
  if (found?.sources.length !== 1 || found.sources[0] !== "claim-point") {
    malformed(`${represented(input)} is no input that comes from claim points alone`, methodology.key);
  }
}

function outputType(seen: Seen, step: string, output: string, where: string): Type {
  const found = seen.get(step)?.formula.definitions.find((one) => isOutput(one) && one.name === output);
  return found?.node.type ?? malformed(`${step}.${output} is not computed before it is used`, where);
}

/** A pattern also matches values for other formulas (gas beside coal); each value is checked again when it is bound. */
function checkUnits(needed: Type | null, given: readonly Type[], where: string): void {
  const [first] = given;
  if (first === undefined || needed === null || given.some((unit) => fits(needed, unit))) return;
  throw new RuleError("unit-mismatch", `${typeText(first)} is given where ${typeText(needed)} is needed`, { where });
}

function fits(needed: Type, given: Type): boolean {
  return needed instanceof Unit && given instanceof Unit ? needed.sameDimension(given) : needed === given;
}
