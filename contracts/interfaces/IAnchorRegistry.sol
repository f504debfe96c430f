// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title The roots of transparent logs, each proven on the chain to extend the one before.
/// @notice A log is named by its origin, as in its checkpoints. Nothing here rewrites, removes or goes back.
interface IAnchorRegistry {
    /// @notice A root held at one size. `time`: milliseconds UTC of the block that took it.
    struct Anchored {
        bytes32 root;
        uint64 time;
    }

    /// @notice The log `origin` (SHA-256: `log`) had this root at this size.
    event RootAnchored(bytes32 indexed log, uint64 indexed size, bytes32 root, string origin);
    /// @notice From now on `threshold` of these organisations must sign each anchor.
    event WitnessesChanged(bytes32 indexed log, bytes32[] orgs, uint256 threshold);
    /// @notice The log ended at (size, root); `successor` goes on.
    event LogClosed(bytes32 indexed log, uint64 size, bytes32 root, string successor);

    /// @notice Only a valid node organisation's account anchors.
    error AnchorForbidden(address sender);
    /// @notice The log stands at another size.
    error AnchorStale(uint64 size);
    /// @notice The new size is not greater than the old one.
    error AnchorNotGrowing(uint64 oldSize, uint64 newSize);
    /// @notice The proof does not show that the new root extends the last one.
    error AnchorInconsistent(uint64 oldSize, uint64 newSize);
    /// @notice The log was closed.
    error AnchorClosed();
    /// @notice Fewer witnesses signed than must.
    error AnchorQuorum(uint256 signatures, uint256 threshold);
    /// @notice A signature is no independent witness's, or signatures are not in ascending order of organisations.
    error AnchorSignature(uint256 position);
    /// @notice Witnesses must be distinct and ascending, and the threshold not above their number.
    error AnchorWitnesses();
    /// @notice A root is not zero; a log is closed at its last size and root, and names a successor.
    error AnchorMalformed();

    /// @notice Takes the next root of a log that needs no witnesses.
    /// @param proof RFC 9162 consistency proof from oldSize (the last size; 0 at first, with an empty proof).
    function anchor(string calldata origin, uint64 oldSize, uint64 newSize, bytes32 root, bytes32[] calldata proof)
        external;

    /// @notice Takes the next root with the witnesses' EIP-712 Anchor(origin, size, root) signatures.
    /// @param signatures In ascending order of the signers' organisations; an organisation counts once.
    function anchorWitnessed(
        string calldata origin,
        uint64 oldSize,
        uint64 newSize,
        bytes32 root,
        bytes32[] calldata proof,
        bytes[] calldata signatures
    ) external;

    /// @notice Sets whose signatures anchors need, by k of n governors; threshold 0 asks for none.
    function setWitnesses(
        string calldata origin,
        bytes32[] calldata orgs,
        uint256 threshold,
        bytes[] calldata signatures
    ) external;

    /// @notice Ends a log at its last size and root and names its successor, by k of n governors.
    function close(
        string calldata origin,
        uint64 size,
        bytes32 root,
        string calldata successor,
        bytes[] calldata signatures
    ) external;

    /// @notice What is held for a size; root 0 when nothing is.
    function anchored(string calldata origin, uint64 size) external view returns (Anchored memory);

    /// @notice The last size of a log (0 before the first anchor) and what is held for it.
    function latest(string calldata origin) external view returns (uint64 size, Anchored memory);

    /// @notice The successor of a closed log; empty while it is open.
    function successorOf(string calldata origin) external view returns (string memory);

    /// @notice The witnesses of a log, ascending, and how many must sign.
    function witnesses(string calldata origin) external view returns (bytes32[] memory orgs, uint256 threshold);

    /// @notice The nonce that the next change of witnesses must be signed with.
    function nonce() external view returns (uint256);
}
