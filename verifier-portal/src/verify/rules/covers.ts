/**
 * What a document stands for: the whole of its input, or a span of time and an account that it names in `covers`:
 * {"start", "end", "account"}. So one paper may stand for several shares of a period, and two bills of one account for
 * one time are seen.
 */
import { RuleError } from "./error.js";
import { overlap, type Span } from "./gaps.js";
import type { Item } from "./items.js";
import type { InputRule } from "./methodology.js";
import { parseInstant, type Period } from "./period.js";
import { isObject, represented, type Json, type JsonObject } from "./texts.js";

export const COVERS = "covers";
/** One spelling: a space, a full-width digit or a sign that is not seen would make two accounts of one. */
const ACCOUNT = /^[0-9A-Za-z\u4e00-\u9fff][-0-9A-Za-z\u4e00-\u9fff._:/#]{0,79}$/;
const MEMBERS = ["start", "end", "account"] as const;

/** Passes for a span of the period; an intensive quantity may come from a longer time than it is used for. */
export function checkCovers(rule: InputRule, given: Json | undefined, period: Period, where: string): void {
  if (!isObject(given) || given.size !== MEMBERS.length || !MEMBERS.every((name) => given.has(name))) {
    throw new RuleError("inputs-malformed", "what a document covers has exactly start, end and account",
      { where, hint: '{"start": instant, "end": instant, "account": "0512-0017" or null}' });
  }
  const account = given.get("account");
  if (account !== null && (typeof account !== "string" || !ACCOUNT.test(account))) {
    throw new RuleError("inputs-malformed", "an account is the number of a supplier or meter in one spelling, or null",
      { where: `${where}.account`, hint: "letters, digits, 汉字 and . _ - : / # without spaces, as in 0512-0017" });
  }
  const [start, end] = spanOf(given, where);
  if (start >= end || !(rule.single || (period.start <= start && end <= period.end))) {
    throw new RuleError("period-outside", "what the document covers is empty or not within the period",
      { where, hint: "give the share that falls within the period, with start and end of that share" });
  }
}

/** [start, end) of what a document says that it covers. */
export function coveredSpan(covers: JsonObject): Span {
  return spanOf(covers, COVERS);
}

function spanOf(given: JsonObject, where: string): Span {
  return [parseInstant(given.get("start"), `${where}.start`), parseInstant(given.get("end"), `${where}.end`)];
}

/**
 * The documents of one input, all its parts together. Throws inputs-overlap: a document given twice names what each share
 * covers, and no two of one account share time. An intensive quantity is no amount and may be used in each part.
 */
export function checkPapers(rule: InputRule, items: readonly Item[], where: string): void {
  if (rule.single) return;
  const papers = items.filter((item) => item.type === "document").map((item) => item.source);
  const given = new Map<unknown, number>();
  for (const paper of papers) given.set(paper.get("digest"), (given.get(paper.get("digest")) ?? 0) + 1);
  if (papers.some((paper) => !paper.has(COVERS) && (given.get(paper.get("digest")) ?? 0) > 1)) {
    throw new RuleError("inputs-overlap", "one document is given twice",
      { where, hint: "give it once, or say with covers (start, end, account) which share each is of" });
  }
  checkAccounts(papers.flatMap((paper) => paper.get(COVERS) ?? []).filter(isObject), where);
}

function checkAccounts(covered: readonly JsonObject[], where: string): void {
  const spans = new Map<string, Span[]>();
  for (const one of covered) {
    const account = one.get("account");
    const name = typeof account === "string" ? account : "";
    const known = spans.get(name);
    if (known === undefined) spans.set(name, [spanOf(one, where)]);
    else known.push(spanOf(one, where));
  }
  for (const [account, ranges] of spans) {
    if (overlap(ranges)) {
      throw new RuleError("inputs-overlap",
        `two documents${account === "" ? "" : ` of the account ${represented(account)}`} cover the same time`,
        { where, hint: "name the account of each, or leave out what another document counts already" });
    }
  }
}
