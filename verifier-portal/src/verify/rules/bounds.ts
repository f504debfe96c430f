/** What an argument of a formula call is bound to: its value, what it errs by, and where a reader finds it. */
import { DecimalSignal } from "./decimal.js";
import type { Given } from "./fields.js";
import type { Evaluation } from "./formula.js";
import { EXACT, Spread, Untraceable, propagate, type GivenSpread } from "./spread.js";
import { isList, isObject } from "./texts.js";

/** One step of a place within a formula's arguments: "leaks", "[0]", ".mass". */
const PLACE_STEP = /\[([0-9]+)\]|\.?([a-z][a-z0-9_]*)/y;

/** Where a reader finds a value, in the shape of the value: "inputs.fuel.diesel", "options.region", a parameter's path. */
export type GivenPlace = string | readonly GivenPlace[] | ReadonlyMap<string, GivenPlace>;

export interface Bound {
  readonly value: Given;
  readonly spread: GivenSpread;
  readonly place: GivenPlace;
}

/** The spreads of one call's outputs; null where they could not be carried. */
export type CallSpreads = ReadonlyMap<string, Spread> | null;

export function joinedBounds(bounds: readonly Bound[]): Bound {
  return { value: bounds.flatMap(({ value }): readonly Given[] => (isList(value) ? value : [value])),
    spread: bounds.flatMap(({ spread }): readonly GivenSpread[] => (isList(spread) ? spread : [spread])),
    place: bounds.flatMap(({ place }): readonly GivenPlace[] => (isList(place) ? place : [place])) };
}

/** What stands behind a place within a formula's arguments; null where it is none. */
export function placeIn(bound: ReadonlyMap<string, Bound>, where: string): string | null {
  let found: GivenPlace | undefined = new Map(Array.from(bound, ([name, { place }]) => [name, place]));
  let at = 0;
  while (typeof found !== "string") {
    PLACE_STEP.lastIndex = at;
    const step: RegExpExecArray | null = PLACE_STEP.exec(where);
    if (step === null || found === undefined) return null;
    if (isObject(found)) found = step[2] === undefined ? undefined : found.get(step[2]);
    else found = isList(found) && step[1] !== undefined ? found[Number(step[1])] : undefined;
    at = PLACE_STEP.lastIndex;
  }
  const rest = where.slice(at);
  return found === "" || (rest !== "" && rest !== ".unit") ? null : found + rest;
}

/** As `placeIn` of each of several places, "x, lines[2].share"; "" where nothing stands behind them. */
export function placesIn(bound: ReadonlyMap<string, Bound>, where: string): string {
  const found = where.split(", ").map((place) => placeIn(bound, place)).filter((place) => place !== null);
  return Array.from(new Set(found)).join(", ");
}

/** The spreads of the outputs; null where an argument has none, or it could not be carried. */
export function spreadsOf(evaluation: Evaluation, bound: ReadonlyMap<string, Bound>): CallSpreads {
  const given = new Map(Array.from(bound, ([name, { spread }]) => [name, spread]));
  const leaves = Array.from(given.values()).flatMap(leavesOf);
  if (leaves.includes(null)) return null;
  if (leaves.every((leaf) => leaf?.parts.size === 0)) {
    return new Map(Array.from(evaluation.outputs.keys(), (name) => [name, EXACT]));
  }
  try {
    return propagate(evaluation, given);
  } catch (error) {
    // A contribution beyond every scale (a denominator near 0) is not carried either.
    if (error instanceof Untraceable || error instanceof DecimalSignal) return null;
    throw error;
  }
}

function leavesOf(given: GivenSpread): readonly (Spread | null)[] {
  if (isObject(given)) return Array.from(given.values()).flatMap(leavesOf);
  return isList(given) ? given.flatMap(leavesOf) : [given];
}
