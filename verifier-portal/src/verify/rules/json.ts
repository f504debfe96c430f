/** JSON in one canonical form (RFC 8785, JCS), a strict reader, and the digest of a document. */
import { sha256 } from "@noble/hashes/sha2.js";
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js";
import { RuleError } from "./error.js";
import { isList, isObject, quoted, type Json, type JsonObject } from "./texts.js";

/** Deeper text would exhaust a recursive reader; a trace takes two levels for each of at most 100 operations. */
const MAX_DEPTH = 256;
const NESTING = /"(?:[^"\\]|\\[^\n])*"|[[\]{}]/g;
const NUMBER = /(-?(?:0|[1-9][0-9]*))(\.[0-9]+)?([eE][-+]?[0-9]+)?/y;
const CONSTANT = /NaN|-?Infinity/y;
const SPACE = /[ \t\n\r]*/y;
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/;
const HALVES = new RegExp(SURROGATE.source, "g");
/** Of what an error shows of keys. */
const MAX_KEY_CHARS = 40;
const MAX_PLACE_CHARS = 200;
const WORDS: ReadonlyMap<string, Json> = new Map<string, Json>([["true", true], ["false", false], ["null", null]]);
const ESCAPED: ReadonlyMap<string, string> = new Map([
  ['"', '"'], ["\\", "\\"], ["/", "/"], ["b", "\b"], ["f", "\f"], ["n", "\n"], ["r", "\r"], ["t", "\t"],
]);

/** The canonical text of a value: members sorted by UTF-16 code units, no white space. */
export function canonicalText(value: Json): string {
  if (isObject(value)) {
    const members = Array.from(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${members.map(([name, item]) => `${canonicalText(name)}:${canonicalText(item)}`).join(",")}}`;
  }
  if (isList(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value === "string" && SURROGATE.test(value)) {
    throw new RuleError("json-unencodable", "the value has no canonical JSON form: a lone surrogate");
  }
  return JSON.stringify(value);
}

/** SHA-256 of the canonical bytes, lower-case hex. */
export function digest(value: Json): string {
  return bytesToHex(sha256(utf8ToBytes(canonicalText(value))));
}

/** The value of a canonical document; anything that is not byte for byte canonical is refused. */
export function parseCanonical(text: string): Json {
  const value = parseLenient(text);
  if (canonicalText(value) !== text) {
    throw new RuleError("json-not-canonical", "the document is not in canonical form (RFC 8785)",
      { hint: "no white space, members sorted, the shortest escapes; as the tools write it" });
  }
  return value;
}

/** The value of a document a person may have written: white space and member order are free, all else is strict. */
export function parseLenient(text: string): Json {
  checkDepth(text);
  return new Reader(text).document();
}

function checkDepth(text: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(NESTING)) {
    if (token === "{" || token === "[") depth += 1;
    else if (token === "}" || token === "]") depth -= 1;
    if (depth > MAX_DEPTH) throw new RuleError("json-too-deep", `nested deeper than ${MAX_DEPTH}`);
  }
}

function repeatedKey(place: string, key: string): RuleError {
  const where = Array.from(inside(place, key)).slice(0, MAX_PLACE_CHARS).join("");
  return new RuleError("json-duplicate-key",
    where === "" ? "a key occurs twice in one object" : `the key ${quoted(whole(key), MAX_KEY_CHARS)} occurs twice in one object`,
    { where });
}

function inside(place: string, name: string): string {
  const cut = Array.from(whole(name)).slice(0, MAX_KEY_CHARS).join("");
  return place === "" ? cut : `${place}.${cut}`;
}

/** Without halves of surrogate pairs, which no message can carry. */
function whole(name: string): string {
  return name.replace(HALVES, "\ufffd");
}

class Reader {
  private position = 0;
  private half = false;
  private place = "";

  constructor(private readonly text: string) {}

  document(): Json {
    this.take(SPACE);
    const value = this.value();
    this.take(SPACE);
    if (this.position < this.text.length) this.fail("Extra data");
    if (this.half) throw new RuleError("json-malformed", "not JSON: half of a surrogate pair stands alone");
    return value;
  }

  private take(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.position;
    const match = pattern.exec(this.text);
    if (match !== null) this.position = pattern.lastIndex;
    return match;
  }

  private fail(reason: string, position = this.position): never {
    const before = this.text.slice(0, position);
    const lines = before.split("\n");
    const column = Array.from(lines[lines.length - 1] ?? "").length + 1;
    throw new RuleError("json-malformed",
      `not JSON: ${reason}: line ${lines.length} column ${column} (char ${Array.from(before).length})`);
  }

  private value(): Json {
    const character = this.text[this.position];
    if (character === '"') return this.string();
    if (character === "{") return this.object();
    if (character === "[") return this.list();
    for (const [word, value] of WORDS) {
      if (this.text.startsWith(word, this.position)) {
        this.position += word.length;
        return value;
      }
    }
    return this.number();
  }

  private number(): number {
    const match = this.take(NUMBER);
    const constant = match === null ? this.take(CONSTANT) : null;
    if (constant !== null) throw unsafe(constant[0]);
    if (match === null) this.fail("Expecting value");
    const [all, digits = "", fraction, power] = match;
    if (fraction !== undefined || power !== undefined) throw unsafe(all);
    if (digits.length > 17 || !Number.isSafeInteger(Number(digits)) || digits.startsWith("-0")) {
      throw unsafe(digits);
    }
    return Number(digits);
  }

  private object(): JsonObject {
    const members = new Map<string, Json>();
    let again: string | null = null;
    const outside = this.place;
    this.position += 1;
    this.take(SPACE);
    if (this.text[this.position] !== "}") {
      do {
        this.take(SPACE);
        if (this.text[this.position] !== '"') this.fail("Expecting property name enclosed in double quotes");
        const name = this.string();
        this.take(SPACE);
        if (this.text[this.position] !== ":") this.fail("Expecting ':' delimiter");
        this.position += 1;
        this.take(SPACE);
        this.place = inside(outside, name);
        const value = this.value();
        if (members.has(name)) again ??= name;
        members.set(name, value);
      } while (this.another("}"));
    }
    this.place = outside;
    this.position += 1;
    if (again !== null) throw repeatedKey(outside, again);
    return members;
  }

  private list(): readonly Json[] {
    const items: Json[] = [];
    const outside = this.place;
    this.position += 1;
    this.take(SPACE);
    if (this.text[this.position] !== "]") {
      do {
        this.take(SPACE);
        this.place = `${outside}[${items.length}]`;
        items.push(this.value());
      } while (this.another("]"));
    }
    this.place = outside;
    this.position += 1;
    return items;
  }

  /** Whether a comma follows; otherwise the end must. */
  private another(end: string): boolean {
    this.take(SPACE);
    const character = this.text[this.position];
    if (character === end) return false;
    if (character !== ",") this.fail("Expecting ',' delimiter");
    this.position += 1;
    return true;
  }

  private string(): string {
    const start = this.position;
    let result = "";
    this.position += 1;
    for (;;) {
      result += this.take(PLAIN)?.[0] ?? "";
      const character = this.text[this.position];
      if (character === undefined) this.fail("Unterminated string starting at", start);
      if (character === '"') break;
      if (character !== "\\") this.fail("Invalid control character at");
      result += this.escape(start);
    }
    this.position += 1;
    this.half ||= SURROGATE.test(result);
    return result;
  }

  private escape(start: number): string {
    const letter = this.text[this.position + 1];
    if (letter === undefined) this.fail("Unterminated string starting at", start);
    const known = ESCAPED.get(letter);
    if (known === undefined && letter !== "u") this.fail("Invalid \\escape");
    if (known !== undefined) {
      this.position += 2;
      return known;
    }
    const hex = this.text.slice(this.position + 2, this.position + 6);
    if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.fail("Invalid \\uXXXX escape", this.position + 1);
    this.position += 6;
    return String.fromCharCode(parseInt(hex, 16));
  }
}

function unsafe(text: string): RuleError {
  const shown = text.slice(0, 40);
  return new RuleError("json-number", `${shown} is not a safe integer`, { hint: `write numbers as text, in quotes: "${shown}"` });
}
