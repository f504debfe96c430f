/** An expression as text again, from its tree, so that what a person reads is what is evaluated. */
import type { Node, Operator } from "./checker.js";
import { decimalText } from "./numbers.js";

const PRECEDENCE: Readonly<Partial<Record<Operator, number>>> = {
  or: 1, and: 2, not: 3, "=": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4, "+": 5, "-": 5, "*": 6, "/": 6, negate: 7,
};
const COMPARISON = 4;
const ATOM = 8;

/** The expression in the language of docs/spec/rules.md, with the parentheses it needs. */
export function render(node: Node): string {
  const { operator, operands } = node;
  switch (operator) {
    case "number": return node.number === null ? "" : decimalText(node.number) + (node.name === "1" ? "" : `[${node.name}]`);
    case "text": return `"${node.name}"`;
    case "name":
    case "field": return [node.name, ...node.extra].join(".");
    case "negate": return `-${inside(operands[0], 7)}`;
    case "not": return `not ${inside(operands[0], 3)}`;
    default: return infix(node) ?? `${operator}(${argumentTexts(node)})`;
  }
}

function infix(node: Node): string | null {
  const level = PRECEDENCE[node.operator];
  if (level === undefined) return null;
  const left = level === COMPARISON ? level + 1 : level;
  return `${inside(node.operands[0], left)} ${node.operator} ${inside(node.operands[1], level + 1)}`;
}

function argumentTexts(node: Node): string {
  const inner = node.operands.map(render).join(", ");
  const [first = "", second = ""] = node.extra;
  switch (node.operator) {
    case "sum": case "mean": case "least": case "greatest": case "all": case "any":
      return `${node.name} in ${first}: ${inner}`;
    case "interpolate": case "lookup": return `${node.name}, ${first}, ${second}, ${inner}`;
    case "convert": return `${inner}, [${node.name}]`;
    case "round": case "floor": case "ceil": return `${inner}, ${node.name}`;
    case "count": return node.name;
    default: return inner;
  }
}

function inside(node: Node | undefined, level: number): string {
  if (node === undefined) return "";
  const text = render(node);
  return (PRECEDENCE[node.operator] ?? ATOM) >= level ? text : `(${text})`;
}
