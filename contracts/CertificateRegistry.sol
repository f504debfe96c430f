// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {IAnchorRegistry} from "./interfaces/IAnchorRegistry.sol";
import {ICertificateRegistry} from "./interfaces/ICertificateRegistry.sol";
import {IParticipantRegistry} from "./interfaces/IParticipantRegistry.sol";
import {Marks} from "./Marks.sol";
import {Pieces} from "./Pieces.sol";
import {Records} from "./Records.sol";
import {Review} from "./Review.sol";
import {Roles} from "./Roles.sol";

/// @title CertificateRegistry: issue, supersede and revoke; see the interface for what each function promises.
contract CertificateRegistry is Pieces {
    mapping(bytes32 exclusivityKey => bytes32 payloadDigest) private _live;
    mapping(bytes32 ref => bytes32 payloadDigest) private _references;

    constructor(IParticipantRegistry participants, IAnchorRegistry anchors)
        ERC1155("")
        Marks(participants)
        Review(anchors)
    {}

    /// @inheritdoc ICertificateRegistry
    function issue(Application calldata application) external returns (uint256 id) {
        bytes32 digest = _open(application);
        Certificate storage it = _certificates[digest];
        bytes32 other = _live[it.exclusivityKey];
        if (other != 0) revert CertificateExclusive(other);
        _live[it.exclusivityKey] = digest;
        _takeReferences(application.references, digest, 0);
        it.first = _spendIntervals(application.intervals, it, digest, application.opinion.periodEnd);
        return _mintFirst(digest);
    }

    /// @inheritdoc ICertificateRegistry
    function supersede(bytes32 old, Application calldata application) external returns (uint256 id) {
        bytes32 digest = _open(application);
        Certificate storage was = _certificates[old];
        Certificate storage it = _certificates[digest];
        if (was.status != LIVE) revert CertificateNotLive();
        // The key is signed by both parties: it binds the new certificate to the one it replaces.
        bool same =
            it.exclusivityKey == was.exclusivityKey && it.subject == was.subject && it.kind == was.kind;
        if (!same || (Records.isAttribute(it.kind) && it.amount > was.amount)) revert CertificateEnlarged();
        _live[it.exclusivityKey] = digest;
        _takeReferences(application.references, digest, old);
        _replace(old, was, digest, it);
        _reuseIntervals(application.intervals, old, digest);
        return _mintFirst(digest);
    }

    /// @inheritdoc ICertificateRegistry
    function revoke(bytes32 payloadDigest, string calldata reason) external {
        Certificate storage it = _certificates[payloadDigest];
        if (it.status == 0) revert CertificateUnknown();
        if (it.status != LIVE) revert CertificateNotLive();
        bool verifier = _participants.orgOf(msg.sender) == it.verifier;
        if (!verifier && !_senderHolds(Roles.REGISTRAR)) revert CertificateForbidden(msg.sender);
        it.status = REVOKED;
        delete _live[it.exclusivityKey];
        emit CertificateRevoked(payloadDigest, msg.sender, reason);
        if (it.first + it.moved != 0) return;
        Spent[] storage spent = _spent[payloadDigest];
        for (uint256 i = 0; i < spent.length; ++i) _release(spent[i].mark, spent[i].start, spent[i].end, reason);
    }

    /// @inheritdoc ICertificateRegistry
    function liveOf(bytes32 exclusivityKey) external view returns (bytes32 payloadDigest) {
        return _live[exclusivityKey];
    }

    /// @inheritdoc ICertificateRegistry
    function referenceOf(bytes32 ref) external view returns (bytes32 payloadDigest) {
        return _references[ref];
    }

    /// @dev Checks everything that issuing and superseding share and writes the record, still without pieces.
    function _open(Application calldata application) private returns (bytes32 digest) {
        if (!_senderHolds(Roles.NODE)) revert CertificateForbidden(msg.sender);
        Records.Opinion calldata opinion = application.opinion;
        digest = opinion.payloadDigest;
        Certificate storage it = _certificates[digest];
        if (it.status != 0) revert CertificateAlreadyIssued(digest);
        bytes32 verifier = _review(application);
        it.claimHash = opinion.claimHash;
        it.exclusivityKey = opinion.exclusivityKey;
        it.subject = opinion.subjectOrg;
        it.verifier = verifier;
        it.holder = opinion.holder;
        it.kind = opinion.kind;
        it.status = LIVE;
        it.issuedAt = _now();
        it.amount = uint64(opinion.amount);
    }

    /// @dev An outside reference stands behind one certificate; it is free again only if that one is superseded by this
    /// one, or was revoked before anything of it went anywhere.
    function _takeReferences(bytes32[] calldata references, bytes32 digest, bytes32 old) private {
        for (uint256 i = 0; i < references.length; ++i) {
            bytes32 owner = _references[references[i]];
            Certificate storage it = _certificates[owner];
            bool free = owner == 0 || (owner == old && old != 0) || (it.status == REVOKED && it.first + it.moved == 0);
            if (!free) revert CertificateReferenceTaken(references[i], owner);
            _references[references[i]] = digest;
        }
    }

    /// @dev Spends each interval, first settling what its mark owes. Returns the units withheld for debts.
    function _spendIntervals(
        Records.Interval[] calldata intervals,
        Certificate storage it,
        bytes32 digest,
        uint64 until
    ) private returns (uint64 withheld) {
        for (uint256 i = 0; i < intervals.length; ++i) {
            _spend(intervals[i], it.subject, digest, until);
            withheld += _settle(intervals[i].mark, it.kind, it.amount - withheld);
        }
        for (uint256 i = 0; i < intervals.length; ++i) {
            uint64 length = intervals[i].end - intervals[i].start;
            uint64 paid = uint64(uint256(length) * withheld / it.amount);
            _withdraw(intervals[i].mark, paid);
            _spent[digest].push(
                Spent(intervals[i].mark, intervals[i].start, intervals[i].end, length - paid, length - paid)
            );
        }
    }

    /// @dev Units already out count against the new certificate; those it does not cover become a debt of the first mark.
    function _replace(bytes32 old, Certificate storage was, bytes32 digest, Certificate storage it) private {
        uint64 out = was.first + was.moved;
        (it.first, was.short) = out > it.amount ? (it.amount, out - it.amount) : (out, 0);
        (was.status, was.supersededBy) = (SUPERSEDED, digest);
        emit CertificateSuperseded(old, digest, was.short);
        if (was.short != 0) _owe(_spent[old][0].mark, was.kind, was.short);
    }

    /// @dev Each new interval lies within the next old one of its mark. While nothing of the old certificate is out, what
    /// the new one leaves becomes a hole; afterwards nothing is released and it inherits what has not moved.
    function _reuseIntervals(Records.Interval[] calldata intervals, bytes32 old, bytes32 digest) private {
        bool out = _certificates[digest].first != 0;
        bool minted = _certificates[digest].first < _certificates[digest].amount;
        Spent[] storage spent = _spent[old];
        uint256 next = 0;
        for (uint256 i = 0; i < spent.length; ++i) {
            Spent memory was = spent[i];
            bool used = next < intervals.length && _within(intervals[next], was);
            if (!used || !minted) {
                if (out) _withdraw(was.mark, was.left);
                else _release(was.mark, was.start, was.end, "superseded");
            } else if (!out) {
                _release(was.mark, was.start, intervals[next].start, "superseded");
                _release(was.mark, intervals[next].end, was.end, "superseded");
            }
            if (!used) continue;
            (uint64 start, uint64 end) = (intervals[next].start, intervals[next].end);
            uint64 weight = out ? (minted ? was.left : 0) : end - start;
            _spent[digest].push(Spent(was.mark, start, end, weight, weight));
            emit IntervalSpent(was.mark, digest, start, end);
            ++next;
        }
        if (next != intervals.length) revert CertificateEnlarged();
    }

    function _within(Records.Interval calldata interval, Spent memory was) private pure returns (bool) {
        return interval.mark == was.mark && was.start <= interval.start && interval.start < interval.end
            && interval.end <= was.end;
    }
}
