/** Objects of an inputs document that have not the members they should: which one is missing, which one too many. */
import { byCodePoint, isList, isObject, quoted, type Json } from "./texts.js";

/** What sets an object apart from one with the members `needed`, and maybe `optional`; null where nothing does. */
export function unlike(given: Json | undefined, needed: readonly string[], optional: readonly string[] = []): string | null {
  if (!isObject(given)) return `${isList(given) ? "a list" : quoted(given ?? null, 40)} is no object`;
  const lacking = needed.filter((name) => !given.has(name)).sort(byCodePoint);
  if (lacking.length > 0) return `${lacking.join(", ")} missing`;
  const [unknown] = Array.from(given.keys()).filter((name) => !needed.includes(name) && !optional.includes(name))
    .sort(byCodePoint);
  return unknown === undefined ? null : `it has no member ${quoted(unknown, 40)}`;
}
