/** Ids of organisations, meters and marks, and digests in hex, as documents spell them. */
import { RuleError } from "./error.js";
import { quoted, type Json } from "./texts.js";

const ID = /^[a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?(?:[:/][a-z0-9](?:[a-z0-9._-]{0,62}[a-z0-9])?){0,3}$/;
const MAX_ID_BYTES = 128;
export const DIGEST_HINT = "the SHA-256 of the document as 64 lower-case hex digits: `carbonseal document digest FILE` prints it";
const HEX = /^[0-9a-f]{64}$/;

/** The id, if it is one. Throws id-malformed. */
export function checkId(text: Json | undefined, where: string): string {
  if (typeof text === "string" && text.length <= MAX_ID_BYTES && ID.test(text)) return text;
  throw new RuleError("id-malformed", `${quoted(text, 60)} is not an id`,
    { where, hint: "lower-case letters, digits, '.', '_', '-', parts joined by ':' or '/'" });
}

/** The text of 32 bytes of lower-case hex. Throws hex-malformed. */
export function checkHex(text: Json | undefined, where: string, hint = ""): string {
  if (typeof text === "string" && HEX.test(text)) return text;
  throw new RuleError("hex-malformed", `${quoted(text, 70)} is not 32 bytes of lower-case hex`, { where, hint });
}
