/** Which serials a certificate spends: whole units of a claim point's register, or the facilities' time. */
import { RuleError } from "./error.js";
import { checkId } from "./ids.js";
import type { Inputs } from "./inputs.js";
import type { Methodology } from "./methodology.js";
import { byCodePoint, isList, represented } from "./texts.js";

/** [start, end) on one mark: serial numbers of a register, or ms UTC of a facility. */
export interface Interval {
  readonly mark: string;
  readonly start: bigint;
  readonly end: bigint;
}

/** {"mark", "start", "end"} with positions as decimal text. */
export function intervalDocument({ mark, start, end }: Interval): { readonly [member: string]: string } {
  return { mark, start: String(start), end: String(end) };
}

/** The intervals by the methodology's rule, sorted. */
export function intervalsOf(methodology: Methodology, inputs: Inputs): readonly Interval[] {
  const { rule, option } = methodology.intervals;
  if (rule === "none") return [];
  const found = rule === "facility-time" ? facilities(inputs, option) : wholeUnits(methodology, inputs);
  return found.sort((a, b) => byCodePoint(a.mark, b.mark) || order(a.start, b.start) || order(a.end, b.end));
}

function order(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function facilities(inputs: Inputs, option: string): Interval[] {
  const marks = inputs.head.options.get(option);
  if (!isList(marks)) {
    throw new RuleError("option-missing", `the option ${represented(option)} lists the facilities`, { where: "options" });
  }
  const [start, end] = [BigInt(inputs.period.start), BigInt(inputs.period.end)];
  return marks.map((mark) => ({ mark: checkId(mark, "options"), start, end }));
}

/** From each claim point's position n whole units; the rest stays on the register. */
function wholeUnits(methodology: Methodology, inputs: Inputs): Interval[] {
  const { input, unit } = methodology.intervals;
  return (inputs.items.get(input) ?? []).flatMap(({ source, span }) => {
    const [start, end] = span ?? [0n, 0n];
    const whole = (end - start) / unit;
    return whole > 0n ? [{ mark: checkId(source.get("mark"), input), start, end: start + whole * unit }] : [];
  });
}
