// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {IMarks} from "./interfaces/IMarks.sol";
import {IParticipantRegistry} from "./interfaces/IParticipantRegistry.sol";
import {Records} from "./Records.sol";
import {Roles} from "./Roles.sol";

/// @title Marks: see the interface for what each function promises.
abstract contract Marks is IMarks {
    uint8 internal constant REGISTER = 1;
    uint8 internal constant TIME = 2;
    uint256 private constant _MS_PER_HOUR = 3_600_000;

    IParticipantRegistry internal immutable _participants;

    // Storage proofs of these slots are evidence (docs/spec/chain.md).
    mapping(bytes32 mark => Mark) private _marks;
    mapping(bytes32 mark => mapping(uint64 start => uint64 end)) private _holes;
    mapping(bytes32 mark => mapping(uint8 kind => uint64 units)) private _debts;

    constructor(IParticipantRegistry participants) {
        _participants = participants;
    }

    /// @inheritdoc IMarks
    function openMark(
        bytes32 mark,
        bytes32 org,
        uint8 kind,
        uint64 opening,
        uint64 capacity,
        uint64 firstReading
    ) external {
        if (!_senderHolds(Roles.REGISTRAR)) revert MarkForbidden(msg.sender);
        if (_marks[mark].kind != 0) revert MarkExists(mark);
        bool register = kind == REGISTER && capacity != 0 && firstReading != 0 && firstReading <= _now();
        bool time = kind == TIME && capacity == 0 && firstReading == 0 && opening <= _now();
        if (org == 0 || !(register || time)) revert MarkMalformed();
        _marks[mark] = Mark(org, kind, opening, opening, capacity, firstReading, 0, 0, 0);
        emit MarkOpened(mark, org, kind, opening, capacity, firstReading);
    }

    /// @inheritdoc IMarks
    function skip(bytes32 mark, uint64 to, string calldata reason) external {
        if (!_senderHolds(Roles.REGISTRAR)) revert MarkForbidden(msg.sender);
        uint64 start = _existing(mark).position;
        if (to <= start) revert MarkEmpty(mark, start, to);
        _advance(mark, to, _now());
        _marks[mark].holes += to - start;
        _leaveHole(mark, start, to, reason);
    }

    /// @inheritdoc IMarks
    function markOf(bytes32 mark) external view returns (Mark memory) {
        return _marks[mark];
    }

    /// @inheritdoc IMarks
    function holeAt(bytes32 mark, uint64 start) external view returns (uint64 end) {
        return _holes[mark][start];
    }

    /// @inheritdoc IMarks
    function debtOf(bytes32 mark, uint8 kind) external view returns (uint64 units) {
        return _debts[mark][kind];
    }

    /// @inheritdoc IMarks
    function conserved(bytes32 mark) external view returns (bool) {
        Mark storage it = _marks[mark];
        return uint256(it.position) - it.opening == uint256(it.live) + it.retired + it.holes;
    }

    /// @dev Nothing → live, or hole → live. `until`: the end of the claim's period, which bounds how far a mark came.
    function _spend(Records.Interval calldata interval, bytes32 subject, bytes32 payloadDigest, uint64 until)
        internal
    {
        (bytes32 mark, uint64 start, uint64 end) = (interval.mark, interval.start, interval.end);
        Mark storage it = _existing(mark);
        if (it.org != subject) revert MarkForeign(mark, it.org);
        if (start >= end) revert MarkEmpty(mark, start, end);
        uint64 holeEnd = _holes[mark][start];
        if (holeEnd == 0) {
            if (start != it.position) revert MarkOverlap(mark, start, end, it.position);
            _advance(mark, end, until);
        } else {
            if (end > holeEnd) revert MarkOverlap(mark, start, end, it.position);
            delete _holes[mark][start];
            if (end < holeEnd) _holes[mark][end] = holeEnd;
            it.holes -= end - start;
        }
        it.live += end - start;
        emit IntervalSpent(mark, payloadDigest, start, end);
    }

    /// @dev Live → hole.
    function _release(bytes32 mark, uint64 start, uint64 end, string memory reason) internal {
        if (start == end) return;
        Mark storage it = _marks[mark];
        it.live -= end - start;
        it.holes += end - start;
        _leaveHole(mark, start, end, reason);
    }

    /// @dev Live → retired.
    function _withdraw(bytes32 mark, uint64 positions) internal {
        Mark storage it = _marks[mark];
        it.live -= positions;
        it.retired += positions;
    }

    function _owe(bytes32 mark, uint8 kind, uint64 units) internal {
        _debts[mark][kind] += units;
        emit DebtChanged(mark, kind, _debts[mark][kind]);
    }

    /// @dev Pays as much of the debt as `units` allow.
    function _settle(bytes32 mark, uint8 kind, uint64 units) internal returns (uint64 paid) {
        uint64 debt = _debts[mark][kind];
        if (debt == 0) return 0;
        paid = debt < units ? debt : units;
        _debts[mark][kind] = debt - paid;
        emit DebtChanged(mark, kind, debt - paid);
    }

    function _isRegister(bytes32 mark) internal view returns (bool) {
        return _marks[mark].kind == REGISTER;
    }

    function _senderHolds(uint32 role) internal view returns (bool) {
        return _participants.holdsRole(_participants.orgOf(msg.sender), role);
    }

    function _now() internal view returns (uint64) {
        return uint64(block.timestamp) * 1000;
    }

    function _advance(bytes32 mark, uint64 end, uint64 until) private {
        Mark storage it = _marks[mark];
        uint256 limit = until;
        if (it.kind == REGISTER) {
            uint256 elapsed = until > it.firstReading ? until - it.firstReading : 0;
            limit = uint256(it.opening) + uint256(it.capacity) * elapsed / _MS_PER_HOUR;
        }
        if (end > limit) revert MarkTooFar(mark, end, uint64(limit));
        it.position = end;
    }

    function _leaveHole(bytes32 mark, uint64 start, uint64 end, string memory reason) private {
        _holes[mark][start] = end;
        emit HoleLeft(mark, start, end, reason);
    }

    function _existing(bytes32 mark) private view returns (Mark storage it) {
        it = _marks[mark];
        if (it.kind == 0) revert MarkUnknown(mark);
    }
}
