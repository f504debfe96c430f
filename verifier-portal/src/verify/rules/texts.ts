/**
 * How values stand in messages: as the reference implementation (Python) prints them, so that an error is the same bytes
 * wherever it is found.
 */

/** A value of a JSON document; objects keep the order of their members. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export type JsonObject = ReadonlyMap<string, Json>;

/** A value that prints itself in its own way. */
export interface Printable {
  toString(): string;
  /** The form inside a list or object. */
  representation(): string;
}

export type Plain = null | undefined | boolean | number | bigint | string | readonly Plain[] | PlainObject | Printable;
export type PlainObject = ReadonlyMap<string, Plain>;

const UNPRINTABLE = /^[\p{C}\p{Z}]$/u;
const ESCAPES: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t" };

export function isObject<T>(value: T): value is Extract<T, ReadonlyMap<string, unknown>> {
  return value instanceof Map;
}

export function isList<T>(value: T): value is Extract<T, readonly unknown[]> {
  return Array.isArray(value);
}

/** At most `count` code points of a text. */
export function shortened(text: string, count: number): string {
  return text.length <= count ? text : Array.from(text).slice(0, count).join("");
}

/** The order of code points, in which names stand; JavaScript's own is that of UTF-16 code units. */
export function byCodePoint(a: string, b: string): number {
  const [left, right] = [Array.from(a), Array.from(b)];
  const at = left.findIndex((character, i) => character !== right[i]);
  if (at < 0) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}

/** The number of code points of a text. */
export function lengthOf(text: string): number {
  return Array.from(text).length;
}

/** The text of a value: a string as it is, all else as in `represented`. */
export function plainText(value: Plain): string {
  if (typeof value === "string") return value;
  return isPrintable(value) ? value.toString() : represented(value);
}

/** The first code points of a value's text in quotation marks, as messages show what was given; null and truth as in JSON. */
export function quoted(value: Plain, count = Infinity): string {
  if (value === null || value === undefined) return "null";
  if (typeof value === "boolean") return String(value);
  return represented(shortened(plainText(value), count));
}

/** The value as a literal: 'text', 5, True, None, ['a'], {'a': 1}. */
export function represented(value: Plain): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (typeof value === "string") return literal(value);
  if (isObject(value)) {
    const members = Array.from(value, ([name, item]) => `${literal(name)}: ${represented(item)}`);
    return `{${members.join(", ")}}`;
  }
  return isList(value) ? `[${value.map(represented).join(", ")}]` : value.representation();
}

function isPrintable(value: Plain): value is Printable {
  return typeof value === "object" && value !== null && "representation" in value;
}

function literal(text: string): string {
  const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
  return mark + Array.from(text, (character) => escaped(character, mark)).join("") + mark;
}

function escaped(character: string, mark: string): string {
  if (character === mark) return `\\${character}`;
  const known = ESCAPES[character];
  if (known !== undefined) return known;
  if (character === " " || !UNPRINTABLE.test(character)) return character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code < 0x10000 ? `\\u${code.toString(16).padStart(4, "0")}` : `\\U${code.toString(16).padStart(8, "0")}`;
}
