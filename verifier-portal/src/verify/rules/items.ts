/** One quantity of an input with where it comes from, checked against what the methodology allows. */
import { COVERS, checkCovers } from "./covers.js";
import { Decimal, compare } from "./decimal.js";
import { RuleError } from "./error.js";
import { SUBSTITUTION, SUBSTITUTION_MEMBERS, checkSubstitution } from "./gaps.js";
import { unlike } from "./forms.js";
import { DIGEST_HINT, checkHex, checkId } from "./ids.js";
import type { InputRule, SourceType } from "./methodology.js";
import { parseDecimal, parseNatural } from "./numbers.js";
import { parseInstant, type Period } from "./period.js";
import { Quantity, unitPlace } from "./quantity.js";
import { isList, isObject, plainText, type Json, type JsonObject } from "./texts.js";
import { parseUnit, type Unit } from "./units.js";

const ITEM = ["method", "priority", "quantity", "source", "uncertainty"] as const;
const SOURCE_MEMBERS: Readonly<Record<SourceType, readonly string[]>> = {
  register: ["type", "meter", "quantity", "from", "to"],
  "claim-point": ["type", "mark", "meter", "quantity", "from", "to"],
  document: ["type", "digest", "title"],
  declared: ["type"],
  substitution: SUBSTITUTION_MEMBERS,
};
/** Of a claim point: where the certificate before ended. */
const OPENING = ["position"] as const;
/** A reading in the log. */
const POINT = ["position", "time", "gateway", "epoch", "seq", "block", "ordinal", "index"] as const;
const JOULES: readonly string[] = ["J", "kJ", "MJ", "GJ", "TJ"];

/** `document`: its JSON form as given; `span`: the positions [from, to) of a register or claim point in base units. */
export interface Item {
  readonly quantity: Quantity;
  readonly type: SourceType;
  readonly source: JsonObject;
  readonly document: JsonObject;
  readonly method: string;
  readonly priority: bigint;
  readonly uncertainty: Decimal | null;
  readonly span: readonly [bigint, bigint] | null;
}

/** Whether an object has exactly these members. */
export function hasExactly(value: Json | undefined, names: readonly string[]): value is JsonObject {
  return isObject(value) && value.size === names.length && names.every((name) => value.has(name));
}

/** The items of one input. Throws input-missing, input-repeated, and what a single item brings. */
export function readItems(rule: InputRule, given: Json, period: Period, where: string): readonly Item[] {
  if (!isList(given)) {
    throw new RuleError("inputs-malformed", "an input is a list of quantities with their sources",
      { where, hint: "write [ ] around what is given, even around a single one" });
  }
  if (given.length === 0) {
    throw new RuleError("input-missing", "a list of at least one quantity is needed",
      { where, hint: "leave the input out where there is none of it" });
  }
  if (rule.single && given.length > 1) {
    throw new RuleError("input-repeated", `${rule.name} is one value, ${given.length} are given`,
      { where, hint: "give the weighted mean with the document that derives it" });
  }
  return given.map((item, i) => readItem(rule, item, period, `${where}[${i}]`));
}

function readItem(rule: InputRule, given: Json, period: Period, where: string): Item {
  const wrong = unlike(given, ITEM);
  if (!isObject(given) || wrong !== null) {
    throw new RuleError("inputs-malformed", `an item has exactly ${ITEM.join(", ")}: ${wrong}`, { where });
  }
  const quantity = readQuantity(rule, given, where);
  const source = given.get("source");
  const type = typeOf(source);
  const missed = type === null ? "" : unlike(source, SOURCE_MEMBERS[type], type === "document" ? [COVERS] : []);
  if (!isObject(source) || type === null || missed !== null) {
    throw new RuleError("inputs-malformed",
      `the source has not the members of its type${missed === null || missed === "" ? "" : `: ${missed}`}`,
      { where: `${where}.source`, hint: sourceHint(source) });
  }
  const priority = checkAllowed(rule, given, type, where);
  const uncertainty = readUncertainty(given.get("uncertainty"), where);
  const span = checkSource(rule, { quantity, source }, type, period, where);
  return { quantity, type, source, document: given, method: plainText(given.get("method")), priority, uncertainty, span };
}

function sourceHint(source: Json | undefined): string {
  const type = typeOf(source);
  if (type === null) return `a source has a type: ${Object.keys(SOURCE_MEMBERS).join(", ")}`;
  return `a ${type} has ${Array.from(SOURCE_MEMBERS[type]).sort().join(", ")}`;
}

function typeOf(source: Json | undefined): SourceType | null {
  const name = isObject(source) ? source.get("type") : undefined;
  return typeof name === "string" && Object.hasOwn(SOURCE_MEMBERS, name) ? (name as SourceType) : null;
}

function readQuantity(rule: InputRule, given: JsonObject, where: string): Quantity {
  const place = `${where}.quantity`;
  const quantity = Quantity.fromJson(given.get("quantity"), place);
  quantity.unit.ratioTo(rule.unit, unitPlace(place));
  if (compare(quantity.value, Decimal.ZERO) < 0) {
    throw new RuleError("out-of-range", `${quantity} is negative`,
      { where, hint: "what flows the other way is an input of its own" });
  }
  return quantity;
}

/** The priority of an item whose source and method the rule allows. */
function checkAllowed(rule: InputRule, given: JsonObject, type: SourceType, where: string): bigint {
  if (!rule.sources.includes(type)) {
    throw new RuleError("source-not-allowed", `${rule.name} may not come from a ${type}`,
      { where, hint: `allowed, best first: ${rule.sources.join(", ")}` });
  }
  const methods = type === SUBSTITUTION ? ["estimated"] : rule.methods;
  const method = given.get("method");
  if (typeof method !== "string" || !methods.includes(method)) {
    throw new RuleError("source-not-allowed", `${rule.name} may not be ${plainText(method)}`,
      { where, hint: `allowed: ${methods.join(", ")}` });
  }
  const priority = String(rule.sources.indexOf(type) + 1);
  if (given.get("priority") !== priority) {
    throw new RuleError("priority-mismatch", `a ${type} has priority ${priority} for ${rule.name}`,
      { where: `${where}.priority`, hint: `write "${priority}": the place of ${type} among ${rule.sources.join(", ")}` });
  }
  return BigInt(priority);
}

function readUncertainty(given: Json | undefined, where: string): Decimal | null {
  if (given === null) return null;
  const uncertainty = parseDecimal(given);
  if (compare(uncertainty, Decimal.ZERO) >= 0) return uncertainty;
  throw new RuleError("out-of-range", "an uncertainty in % is not negative",
    { where: `${where}.uncertainty`, hint: "half of the 95 % interval over the mean, in %; null if unknown" });
}

function checkSource(rule: InputRule, sourced: { quantity: Quantity; source: JsonObject }, type: SourceType, period: Period,
  where: string): Item["span"] {
  switch (type) {
    case "document": checkPaper(rule, sourced.source, period, `${where}.source`); return null;
    case "substitution": checkSubstitution(rule, sourced, period, where); return null;
    case "declared": return null;
    case "register": case "claim-point": return checkSpan(sourced.quantity, sourced.source, type, where);
  }
}

function checkPaper(rule: InputRule, source: JsonObject, period: Period, where: string): void {
  checkHex(source.get("digest"), `${where}.digest`, DIGEST_HINT);
  if (source.has(COVERS)) checkCovers(rule, source.get(COVERS), period, `${where}.covers`);
}

/** The positions of a source whose quantity is their difference. */
function checkSpan(quantity: Quantity, source: JsonObject, type: SourceType, where: string): readonly [bigint, bigint] {
  const from = readPoint(source.get("from"), type === "claim-point" ? OPENING : POINT, `${where}.source.from`);
  const to = readPoint(source.get("to"), POINT, `${where}.source.to`);
  for (const name of type === "claim-point" ? ["meter", "mark"] : ["meter"]) checkId(source.get(name), where);
  const [start, end] = [from, to].map((point) => parseNatural(point.get("position"), "position")) as [bigint, bigint];
  const base = baseUnit(quantity.unit, where);
  if (compare(quantity.to(base).value, Decimal.of(end - start)) !== 0) {
    throw new RuleError("source-mismatch", `${quantity} is not the register difference ${end - start} ${base.text}`,
      { where, hint: "give to.position − from.position as the quantity, or correct the positions" });
  }
  return [start, end];
}

function readPoint(point: Json | undefined, members: readonly string[], where: string): JsonObject {
  const wrong = unlike(point, members);
  if (!isObject(point) || wrong !== null || !Array.from(point.values()).every((value) => typeof value === "string")) {
    throw new RuleError("inputs-malformed", `a register source has readings from and to: ${wrong ?? "texts alone"}`,
      { where, hint: `a reading has ${[...members].sort().join(", ")}` });
  }
  if (members.includes("time")) parseInstant(point.get("time"), `${where}.time`);
  return point;
}

/** What one serial number of a register counts: Wh, J for a meter that counts joules, g, L. */
export function baseUnit(unit: Unit, where = ""): Unit {
  for (const base of ["Wh", "g", "L"]) {
    if (unit.sameDimension(parseUnit(base))) return parseUnit(base === "Wh" && JOULES.includes(unit.text) ? "J" : base);
  }
  throw new RuleError("unit-mismatch", `no register counts ${unit.text}`, { where, hint: "Wh, J, g or L and their multiples" });
}
