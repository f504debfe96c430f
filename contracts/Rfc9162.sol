// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Proofs of the Merkle tree of RFC 6962 / RFC 9162 over SHA-256.
/// @notice The same rules as core/merkle.py: exact path lengths, sizes from outside the proof, nothing left unread.
library Rfc9162 {
    /// @dev SHA-256(""), the root of the empty tree.
    bytes32 internal constant EMPTY_ROOT = 0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    /// @notice Whether `leaf` is number `index` of the tree of `size` leaves with this root (RFC 9162 §2.1.3.2).
    /// @param leaf SHA-256(0x00 ‖ data).
    function includes(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path, bytes32 root)
        internal
        pure
        returns (bool)
    {
        if (index >= size) return false;
        uint256 fn = index;
        uint256 sn = size - 1;
        bytes32 hash = leaf;
        for (uint256 i = 0; i < path.length; ++i) {
            if (sn == 0) return false; // longer than index and size allow
            if (fn & 1 == 1 || fn == sn) {
                hash = node(path[i], hash);
                (fn, sn) = _skipMissingSiblings(fn, sn);
            } else {
                hash = node(hash, path[i]);
            }
            fn >>= 1;
            sn >>= 1;
        }
        return sn == 0 && hash == root;
    }

    /// @notice Whether the tree (newSize, newRoot) extends the tree (oldSize, oldRoot) (RFC 9162 §2.1.4.2).
    /// @dev From size 0, and between equal sizes, only the empty proof is accepted.
    function extends(uint64 oldSize, uint64 newSize, bytes32 oldRoot, bytes32 newRoot, bytes32[] calldata proof)
        internal
        pure
        returns (bool)
    {
        if (oldSize > newSize) return false;
        if (oldSize == newSize) return proof.length == 0 && oldRoot == newRoot;
        if (oldSize == 0) return proof.length == 0 && oldRoot == EMPTY_ROOT;
        if (proof.length == 0) return false;
        return _foldConsistency(oldSize, newSize, oldRoot, newRoot, proof);
    }

    /// @notice SHA-256(0x01 ‖ left ‖ right).
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(bytes1(0x01), left, right));
    }

    function _foldConsistency(
        uint64 oldSize,
        uint64 newSize,
        bytes32 oldRoot,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) private pure returns (bool) {
        (uint256 fn, uint256 sn) = (uint256(oldSize) - 1, uint256(newSize) - 1);
        while (fn & 1 == 1) (fn, sn) = (fn >> 1, sn >> 1);
        // The old tree is one whole subtree when its size is a power of two: its root is not repeated in the proof.
        bool whole = oldSize & (oldSize - 1) == 0;
        bytes32 oldHash = whole ? oldRoot : proof[0];
        bytes32 newHash = oldHash;
        for (uint256 i = whole ? 0 : 1; i < proof.length; ++i) {
            if (sn == 0) return false;
            if (fn & 1 == 1 || fn == sn) {
                oldHash = node(proof[i], oldHash);
                newHash = node(proof[i], newHash);
                (fn, sn) = _skipMissingSiblings(fn, sn);
            } else {
                newHash = node(newHash, proof[i]);
            }
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return sn == 0 && oldHash == oldRoot && newHash == newRoot;
    }

    /// @dev Climbs past the levels at which the right border has no sibling.
    function _skipMissingSiblings(uint256 fn, uint256 sn) private pure returns (uint256, uint256) {
        while (fn & 1 == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
        return (fn, sn);
    }
}
