/** How much work an expression is, counted before any of it is done. */
import { type Node } from "./checker.js";
import { RuleError } from "./error.js";
import { type Environment } from "./interpreter.js";

// A list within a list is the square of its length; what reads a list once, the longest that is taken, is below a million.
const MAX_OPERATIONS = 5_000_000;
const FOLDS: ReadonlySet<string> = new Set(["sum", "mean", "least", "greatest", "all", "any"]);
const TABLES: ReadonlySet<string> = new Set(["lookup", "interpolate"]);

/**
 * Passes for expressions of at most 5,000,000 operations together. Throws evaluation-too-long. `environment`: the inputs by
 * name; every branch of an `if` counts, evaluated or not.
 */
export function checkWork(nodes: readonly Node[], environment: Environment, where: string): void {
  const count = nodes.reduce((sum, node) => sum + operations(node, environment), 0);
  if (count > MAX_OPERATIONS) {
    throw new RuleError("evaluation-too-long", `more than ${MAX_OPERATIONS} operations are needed at once`,
      { where, hint: "give fewer lines: a list is compared with itself, so half of them is a quarter of it" });
  }
}

function operations(node: Node, environment: Environment): number {
  const within = node.operands.reduce((sum, operand) => sum + operations(operand, environment), 0);
  if (FOLDS.has(node.operator)) return 1 + within * length(environment, node.extra[0] ?? "");
  return 1 + within + (TABLES.has(node.operator) ? length(environment, node.name) : 0);
}

function length(environment: Environment, name: string): number {
  const value = environment.get(name);
  return Array.isArray(value) ? value.length : 0;
}
