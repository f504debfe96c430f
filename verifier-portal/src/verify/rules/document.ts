/**
 * Reading members of canonical documents, strictly. A member that is absent or of another kind is a `Misuse`, which each
 * reader of a document turns into rule-malformed with its own place.
 */
import { RuleError } from "./error.js";
import { isList, isObject, represented, shortened, type Json, type JsonObject } from "./texts.js";

const ID = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,78}[A-Za-z0-9])?$/;
const NAME = /^[a-z][a-z0-9_]*$/;
const VERSION = /^[1-9][0-9]{0,5}$/;
export const STATUSES: readonly Json[] = ["published", "unconfirmed"];

/** What a document lacks or misuses. */
export class Misuse extends Error {
  constructor(readonly member: string) {
    super(member);
    this.name = "Misuse";
  }
}

export function asObject(value: Json | undefined): JsonObject {
  if (!isObject(value)) throw new Misuse(represented(value));
  return value;
}

export function asText(value: Json | undefined): string {
  if (typeof value !== "string") throw new Misuse(represented(value));
  return value;
}

export function asList(value: Json | undefined): readonly Json[] {
  if (!isList(value)) throw new Misuse(represented(value));
  return value;
}

export function member(document: JsonObject, name: string): Json {
  const value = document.get(name);
  if (value === undefined) throw new Misuse(represented(name));
  return value;
}

export function text(document: JsonObject, name: string): string {
  const value = member(document, name);
  if (typeof value !== "string") throw new Misuse(`${represented(name)}, which is a text`);
  return value;
}

/** A list of texts; empty where it is absent. */
export function texts(document: JsonObject, name: string): readonly string[] {
  const value = document.get(name) ?? (document.has(name) ? null : []);
  if (!isList(value)) throw new Misuse(`${represented(name)}, which is a list of texts`);
  return value.map((item) => {
    if (typeof item !== "string") throw new Misuse(`${represented(name)}, which is a list of texts`);
    return item;
  });
}

export function list(document: JsonObject, name: string): readonly Json[] {
  return asList(member(document, name));
}

/** A member that is a list of objects. */
export function objects(document: JsonObject, name: string): readonly JsonObject[] {
  const value = member(document, name);
  if (!isList(value)) throw new Misuse(`${represented(name)}, which is a list of objects`);
  return value.map((item) => {
    if (!isObject(item)) throw new Misuse(`${represented(name)}, which is a list of objects`);
    return item;
  });
}

/** The member `title`: texts by language, zh and en among them. */
export function title(document: JsonObject): ReadonlyMap<string, string> {
  const value = member(document, "title");
  if (!isObject(value)) throw new Misuse("'title', which is an object of texts");
  for (const language of ["zh", "en"]) text(value, language);
  return new Map(Array.from(value.keys(), (language) => [language, text(value, language)]));
}

/** The member `name` of an input or definition: what an expression can spell. */
export function nameOf(document: JsonObject): string {
  return matching(NAME, document, "name");
}

/** The member `id` of a rule. Throws id-malformed. */
export function identity(document: JsonObject): string {
  const value = text(document, "id");
  if (ID.test(value)) return value;
  throw new RuleError("id-malformed",
    `the id ${represented(shortened(value, 80))} of a rule has letters, digits, '.', '_' and '-'`);
}

/** The member `version`: a number from 1, as text. */
export function versionOf(document: JsonObject): string {
  return matching(VERSION, document, "version");
}

/** The member `status`: published | unconfirmed. */
export function statusOf(document: JsonObject): string {
  const value = text(document, "status");
  if (!STATUSES.includes(value)) throw new Misuse(`'status', which is one of ${STATUSES.join(", ")}`);
  return value;
}

function matching(form: RegExp, document: JsonObject, name: string): string {
  const value = text(document, name);
  if (!form.test(value)) throw new Misuse(`${represented(name)}, which ${represented(shortened(value, 40))} is not`);
  return value;
}

/** Throws rule-malformed for a name that occurs twice. */
export function checkUnique(names: readonly Json[], what: string): void {
  if (new Set(names).size !== names.length) throw new RuleError("rule-malformed", `the name of ${what} occurs twice`);
}
