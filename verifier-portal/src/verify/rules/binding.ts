/** The form of a binding: what an argument of a formula call is taken from. `chain.ts` evaluates it. */
import { RuleError } from "./error.js";
import { isList, isObject, represented, type Json, type JsonObject } from "./texts.js";

/** The members of each form, sorted. */
const FORMS = [["input"], ["items"], ["parameter"], ["parameter", "year"], ["parameter", "selected_by"],
  ["output", "step"], ["option"],
  ["unit", "value"], ["first"], ["list"], ["fields", "rows"], ["key", "table", "unit", "value"],
  ["among", "at", "key", "neighbour", "table", "unit", "value"], ["among", "at", "neighbour"]] as const;
export const NEIGHBOURS: readonly string[] = ["below", "above"];
const KEYS: ReadonlySet<string> = new Set(FORMS.map((form) => form.join(" ")));

/** The binding, if it has exactly one of the forms of docs/spec/rules.md §3. Throws rule-malformed. */
export function checkBinding(binding: Json): JsonObject {
  if (!isObject(binding) || !KEYS.has(Array.from(binding.keys()).sort().join(" "))) {
    throw new RuleError("rule-malformed", "an argument is not bound in one of the forms of the specification",
      { hint: FORMS.map((form) => form.join(" and ")).join("; ") });
  }
  for (const [name, value] of binding) checkMember(name, value);
  const first = binding.get("first");
  if (isList(first) && first.length === 0) {
    throw new RuleError("rule-malformed", "the first of no bindings binds nothing");
  }
  const neighbour = binding.get("neighbour") ?? "below";
  if (typeof neighbour !== "string" || !NEIGHBOURS.includes(neighbour)) {
    throw new RuleError("rule-malformed", "a neighbour is the value below or the value above");
  }
  return binding;
}

function checkMember(name: string, value: Json): void {
  if (name === "fields" && isObject(value)) {
    for (const inner of value.values()) checkBinding(inner);
  } else if ((name === "first" || name === "list") && isList(value)) {
    for (const inner of value) checkBinding(inner);
  } else if (name === "at" && isObject(value)) {
    checkBinding(value);
  } else if (name === "fields" || name === "first" || name === "list" || name === "at" || typeof value !== "string") {
    throw new RuleError("rule-malformed", `the member ${represented(name)} of a binding has another kind`);
  }
}
