/** Reading members of canonical documents. A member that is absent or of another kind is a `Misuse`, named by its reader. */
import { isList, isObject, represented, type Json, type JsonObject } from "./texts.js";

/** A document that lacks or misuses a member; each reader turns it into rule-malformed with its own place. */
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

export function member(document: JsonObject, name: string): Json {
  const value = document.get(name);
  if (value === undefined) throw new Misuse(represented(name));
  return value;
}

export function asText(value: Json | undefined): string {
  if (typeof value !== "string") throw new Misuse(represented(value));
  return value;
}

export function text(document: JsonObject, name: string): string {
  return asText(member(document, name));
}

export function asList(value: Json | undefined): readonly Json[] {
  if (!isList(value)) throw new Misuse(represented(value));
  return value;
}

export function list(document: JsonObject, name: string): readonly Json[] {
  return asList(member(document, name));
}

/** A title: texts by language. */
export function titles(value: Json | undefined): ReadonlyMap<string, string> {
  return new Map(Array.from(asObject(value), ([language, title]) => [language, asText(title)]));
}
