import { HINTS } from "./hints.js";

/** The closed set of codes that reading and evaluating rules can answer with; a user interface can translate each. */
export const RULE_CODES = [
  "amount-zero", "carry-not-allowed", "date-malformed", "division-by-zero", "evaluation-too-long", "expression-malformed",
  "expression-not-canonical", "expression-too-deep", "expression-unit", "expression-unknown-name", "formula-unknown", "gap-uncovered",
  "hex-malformed", "id-malformed", "input-malformed", "input-missing", "input-repeated", "input-unknown", "input-unused",
  "inputs-malformed", "inputs-overlap", "inputs-too-many", "instant-malformed", "json-duplicate-key", "json-malformed",
  "json-not-canonical", "json-number", "json-too-deep", "json-unencodable", "kind-unknown", "methodology-unknown",
  "not-certifiable", "not-conservative", "number-malformed", "number-not-canonical", "number-not-finite",
  "number-out-of-range", "number-too-long", "option-malformed", "option-missing", "option-not-of-period", "option-unknown", "out-of-range", "parameter-missing",
  "parameter-overlap", "parameter-unconfirmed", "parameter-unsourced", "parts-malformed", "period-crosses-change",
  "period-empty", "period-malformed", "period-outside", "priority-mismatch", "quantity-malformed", "reading-after-statement",
  "reading-stale", "reduction-negative", "rule-malformed",
  "rule-not-in-force", "rule-not-released", "rules-not-listed", "salts-mismatch", "source-mismatch", "source-not-allowed",
  "source-priority-dropped", "split-not-allowed", "statement-differs", "statement-malformed", "unit-mismatch",
  "unit-unknown", "validity-empty", "zone-unknown",
] as const;

export type RuleCode = (typeof RULE_CODES)[number];

export interface Place {
  readonly where?: string;
  readonly hint?: string;
}

/** What an error says wherever it is printed; the member order is part of the form. */
export interface ErrorDocument {
  readonly code: RuleCode;
  readonly message: string;
  readonly where: string;
  readonly hint: string;
}

/** The only error that leaves this package. `where`: field or rule; `hint`: what to do. */
export class RuleError extends Error {
  readonly code: RuleCode;
  readonly where: string;
  readonly hint: string;

  constructor(code: RuleCode, message: string, place: Place = {}) {
    super(message);
    this.name = "RuleError";
    this.code = code;
    this.where = place.where ?? "";
    this.hint = place.hint || (HINTS.get(code) ?? "");
  }

  /** The same error named after a place further out. */
  at(where: string): RuleError {
    return new RuleError(this.code, this.message, { where, hint: this.hint });
  }

  document(): ErrorDocument {
    return { code: this.code, message: this.message, where: this.where, hint: this.hint };
  }
}
