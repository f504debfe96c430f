/** The Merkle tree of RFC 6962: leaf SHA-256(0x00 ‖ data), node SHA-256(0x01 ‖ left ‖ right), empty tree SHA-256(""). */
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes } from "@noble/hashes/utils.js";

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);

/** SHA-256(0x00 ‖ data). */
export function leafHash(data: Uint8Array): Uint8Array {
  return sha256(concatBytes(LEAF, data));
}

/** The root over leaf hashes in order; one without a neighbour rises as it is. */
export function merkleRoot(leaves: readonly Uint8Array[]): Uint8Array {
  let level = leaves;
  while (level.length > 1) level = parents(level);
  return level[0] ?? sha256(new Uint8Array());
}

function parents(level: readonly Uint8Array[]): readonly Uint8Array[] {
  return level.flatMap((left, i) => {
    if (i % 2 === 1) return [];
    const right = level[i + 1];
    return [right === undefined ? left : sha256(concatBytes(NODE, left, right))];
  });
}
