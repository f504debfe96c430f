// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Marks: how far a register, or the time of a facility, has been claimed.
/// @notice Positions count watt-hours (or a carrier's base unit) of a register, or milliseconds UTC. What lies below the
/// position is live, retired or in a public hole, and each position at most once:
/// position − opening = live + retired + holes.
interface IMarks {
    /// @notice A mark. `kind`: 1 register, 2 time; `capacity`: greatest W of a register; times in ms UTC.
    /// `retired` counts what left circulation: retired, or withheld for a debt.
    struct Mark {
        bytes32 org;
        uint8 kind;
        uint64 opening;
        uint64 position;
        uint64 capacity;
        uint64 firstReading;
        uint64 live;
        uint64 retired;
        uint64 holes;
    }

    /// @notice A mark was opened.
    event MarkOpened(
        bytes32 indexed mark, bytes32 indexed org, uint8 kind, uint64 opening, uint64 capacity, uint64 firstReading
    );
    /// @notice [start, end) became a public hole: never issued, or issued and revoked before it went anywhere.
    event HoleLeft(bytes32 indexed mark, uint64 start, uint64 end, string reason);
    /// @notice [start, end) was claimed by the certificate.
    event IntervalSpent(bytes32 indexed mark, bytes32 indexed payloadDigest, uint64 start, uint64 end);
    /// @notice The debt of a mark in units of a kind of certificate is now `units`.
    event DebtChanged(bytes32 indexed mark, uint8 indexed kind, uint64 units);

    /// @notice Only an account of a valid registrar opens marks and skips.
    error MarkForbidden(address sender);
    /// @notice The mark was opened before.
    error MarkExists(bytes32 mark);
    /// @notice A mark needs an organisation, a kind, and a register its capacity and a first reading in the past.
    error MarkMalformed();
    /// @notice No such mark.
    error MarkUnknown(bytes32 mark);
    /// @notice The mark belongs to another organisation.
    error MarkForeign(bytes32 mark, bytes32 org);
    /// @notice The interval is empty.
    error MarkEmpty(bytes32 mark, uint64 start, uint64 end);
    /// @notice The interval neither starts at the mark's position nor lies at the start of a public hole.
    error MarkOverlap(bytes32 mark, uint64 start, uint64 end, uint64 position);
    /// @notice The mark cannot have come so far: capacity × elapsed time, or the present.
    error MarkTooFar(bytes32 mark, uint64 end, uint64 limit);

    /// @notice Opens a mark; by the registrar.
    /// @param opening First position that can be claimed. For time marks, ms UTC; capacity and firstReading are 0.
    function openMark(
        bytes32 mark,
        bytes32 org,
        uint8 kind,
        uint64 opening,
        uint64 capacity,
        uint64 firstReading
    ) external;

    /// @notice Moves the position to `to` and leaves a public hole behind; by the registrar.
    function skip(bytes32 mark, uint64 to, string calldata reason) external;

    /// @notice A mark; all zero when unknown.
    function markOf(bytes32 mark) external view returns (Mark memory);

    /// @notice End of the public hole that starts at `start`; 0 when none does.
    function holeAt(bytes32 mark, uint64 start) external view returns (uint64 end);

    /// @notice Units of a kind that the mark's next certificate withholds.
    function debtOf(bytes32 mark, uint8 kind) external view returns (uint64 units);

    /// @notice Whether position − opening = live + retired + holes.
    function conserved(bytes32 mark) external view returns (bool);
}
