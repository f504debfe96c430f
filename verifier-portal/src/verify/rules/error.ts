/** The closed set of codes that reading and evaluating rules can answer with; a user interface can translate each. */
export const RULE_CODES = [
  "date-malformed", "division-by-zero", "expression-malformed", "expression-unit", "expression-unknown-name",
  "formula-unknown", "input-malformed", "input-missing", "input-unknown", "inputs-malformed", "json-duplicate-key",
  "json-malformed", "json-number", "json-not-canonical", "json-too-deep", "json-unencodable", "number-malformed",
  "number-not-canonical", "number-too-long", "out-of-range", "quantity-malformed", "rule-malformed", "unit-mismatch",
  "unit-unknown", "validity-empty",
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
    this.hint = place.hint ?? "";
  }

  /** The same error named after a place further out. */
  at(where: string): RuleError {
    return new RuleError(this.code, this.message, { where, hint: this.hint });
  }

  document(): ErrorDocument {
    return { code: this.code, message: this.message, where: this.where, hint: this.hint };
  }
}
