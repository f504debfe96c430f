"""What to do about an error whose code alone says it; a place that knows better gives its own hint."""

from __future__ import annotations

_RESEND = "send the bytes again as they were written; something on the way changed or cut them"
_ENCODE = "write it with the encoder of this project, or one of the same profile (docs/spec/frames.md)"
_PROOF = "ask for the proof again, for the size and root of the checkpoint you hold"
_KEY = "sign with Ed25519 or P-256, the profile of docs/spec/frames.md, by a current library"
_NUMBER = "plain digits in quotes: no exponent, no sign but a minus, no zeros before or behind"
_ACCOUNT = "sign again with the account's own wallet: 65 bytes r, s, v over the digest shown"
_KEY_FILE = "give the path of a key file of yours, readable by you alone"

HINTS: dict[str, str] = {
    "address-malformed": "0x and 40 hex digits; in mixed case the EIP-55 spelling that wallets show",
    "cbor-malformed": _RESEND,
    "cbor-not-canonical": _ENCODE,
    "cbor-out-of-profile": "integers of 64 bits, byte strings, text, null, arrays and typed arrays 72 to 75 only",
    "cbor-too-deep": _ENCODE,
    "cbor-unencodable": "integers, byte strings, text, null and arrays only",
    "claim-carried-negative": "carry the carried_out of the statement before",
    "claim-input-name": "docs/methodologies.md lists the inputs of each methodology",
    "claim-uncertainty-negative": "half of the 95 % interval in % of the value; leave it out where none is stated",
    "claim-schema": "draft the claim with a version of this tool that knows the schema",
    "consistency-length": _PROOF,
    "consistency-root": "keep both checkpoints: if both are signed, the log shows two histories",
    "consistency-size": "name the smaller size first",
    "division-by-zero": "give a divisor other than zero",
    "eip712-signature-form": _ACCOUNT,
    "eip712-signature-invalid": _ACCOUNT,
    "eip712-value": "draft the document again; a member does not fit its Solidity type",
    "hash-length": "give SHA-256 hashes of 32 bytes",
    "hex-malformed": "two lower-case hex digits a byte, no 0x, exactly as long as asked",
    "inclusion-index": "take index and size from the same checkpoint",
    "inclusion-length": _PROOF,
    "inclusion-root": "ask for entry and proof again; if it stays so, the entry is not in this log",
    "instant-out-of-range": "give a time between 1970 and 9999",
    "interval-empty": "an interval holds its start and not its end: start < end",
    "json-duplicate-key": "name each member once",
    "json-malformed": _RESEND,
    "json-too-deep": "nest less deeply",
    "json-too-large": "send less at once; large content goes by its digest",
    "json-unencodable": "text, safe integers, true, false, null, arrays and objects only",
    "key-file-exists": "choose another path; a key is never overwritten",
    "key-file-missing": _KEY_FILE,
    "key-malformed": _KEY_FILE,
    "key-unsupported": _KEY,
    "number-not-canonical": _NUMBER,
    "number-not-finite": "give a number with finite digits",
    "number-out-of-range": "give a smaller number, or a larger unit",
    "number-too-long": "round the number, or choose a unit that fits it",
    "period-empty": "a period holds its start and not its end: start < end",
    "period-malformed": '{"start": instant, "end": instant, "zone": "Asia/Shanghai"}',
    "proof-length": _PROOF,
    "setting-invalid": "docs/guides/operate.md lists all settings with their bounds",
    "settings-malformed": "name = value, one a line, texts in quotes",
    "settings-unreadable": "let the account that runs the node read the file",
    "signature-algorithm": _KEY,
    "signature-invalid": "ask who signed to sign again: the content, the log or the key is another than was signed for",
    "signature-length": _KEY,
    "signature-not-canonical": _KEY,
    "unit-unknown": "`carbonseal mrv units` lists the symbols; join them with * or /, powers as in m3",
}
