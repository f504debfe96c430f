/** Why a condition is not met: the values that were compared, the first line of a list that fails, and their places. */
import { valueText, type Step } from "./interpreter.js";
import { render } from "./render.js";
import { typeText } from "./checker.js";

/** So many values are read in one sentence. */
export const MAX_VALUES = 8;
export const FOLDS = ["sum", "mean", "least", "greatest", "all", "any"];
export const TABLES = ["count", "lookup", "interpolate"];

type Compared = readonly [place: string, value: string];

/** (place, value) of what decided, in order, each once. */
export function compared(step: Step): readonly Compared[] {
  const found = new Map(walk(step, new Map()).map((item) => [item.join("\n"), item]));
  return Array.from(found.values());
}

/** `lines`: where the items stand that folds have named. */
function walk(step: Step, lines: ReadonlyMap<string, string>): readonly Compared[] {
  const { node: { operator, name, extra }, value, steps } = step;
  if (operator === "name" || operator === "field") {
    const place = [lines.get(name) ?? name, ...extra].join(".");
    return [[place, `${place} = ${shown(step)}`]];
  }
  if (operator === "all" && value === false) {
    const number = steps.findIndex((inner) => inner.value === false);
    const failing = steps[number];
    return failing === undefined ? [] : walk(failing, new Map([...lines, [name, `${extra[0] ?? ""}[${number}]`]]));
  }
  if (FOLDS.includes(operator)) return [[extra[0] ?? "", `${render(step.node)} = ${shown(step)}`]];
  if (TABLES.includes(operator)) return [[name, `${render(step.node)} = ${shown(step)}`]];
  const last = steps.at(-1);
  if (operator === "and" && value === false && last !== undefined) return walk(last, lines);
  return steps.flatMap((inner) => walk(inner, lines));
}

function shown({ node, value }: Step): string {
  const unit = typeText(node.type);
  return valueText(value) + (["1", "text", "boolean"].includes(unit) ? "" : ` ${unit}`);
}
