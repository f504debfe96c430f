import { readFileSync } from "node:fs";

/** A file, or stdin for 0, as text. Bytes that are not UTF-8 end the program: nothing is replaced silently. */
export function readText(source: string | 0): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(readFileSync(source));
  } catch (error) {
    process.stderr.write(`${source === 0 ? "stdin" : source} cannot be read as UTF-8: ${String(error)}\n`);
    process.exit(2);
  }
}

/** The lines of stdin that hold anything. */
export function inputLines(): string[] {
  return readText(0).split("\n").filter((line) => line.trim() !== "");
}
