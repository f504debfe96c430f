// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IAnchorRegistry} from "./interfaces/IAnchorRegistry.sol";
import {ICertificateRegistry} from "./interfaces/ICertificateRegistry.sol";
import {Marks} from "./Marks.sol";
import {Records} from "./Records.sol";
import {Rfc9162} from "./Rfc9162.sol";
import {Roles} from "./Roles.sol";

/// @title What must hold before a certificate is issued, in the order of docs/spec/chain.md. Nothing here writes.
abstract contract Review is ICertificateRegistry, Marks, EIP712 {
    using Records for Records.Claim;
    using Records for Records.Opinion;
    using Records for Records.Interval[];

    uint256 internal constant WH_PER_UNIT = 1_000_000;
    /// @dev Every retirement walks over the intervals of its certificate: their number must fit a block for ever.
    uint256 internal constant MAX_INTERVALS = 64;

    IAnchorRegistry private immutable _anchors;

    constructor(IAnchorRegistry anchors) EIP712("CarbonSeal", "1") {
        _anchors = anchors;
    }

    /// @return verifier The organisation whose account signed the opinion.
    function _review(Application calldata application) internal view returns (bytes32 verifier) {
        _checkForm(application);
        verifier = _checkSignatures(application);
        _checkInclusion(application);
    }

    /// @dev 1 The opinion speaks of the claim; the arrays are those signed; amount, unit and period can be certified.
    function _checkForm(Application calldata application) private view {
        Records.Opinion calldata opinion = application.opinion;
        if (!opinion.matches(application.claim)) revert CertificateMismatch();
        if (
            opinion.kind == 0 || opinion.kind > Records.CBAM || opinion.amount == 0
                || opinion.amount > type(uint64).max || opinion.periodStart >= opinion.periodEnd
                || opinion.periodEnd > _now()
                || keccak256(bytes(opinion.unit)) != keccak256(bytes(Records.unitOf(opinion.kind)))
        ) revert CertificateMalformed();
        if (application.intervals.length > MAX_INTERVALS || application.intervals.hash() != opinion.intervalsHash) {
            revert CertificateIntervals();
        }
        if (sha256(abi.encodePacked(application.references)) != opinion.externalRefsHash) {
            revert CertificateReferences();
        }
        _checkIntervals(application.intervals, opinion);
    }

    /// @dev 2 Attributes spend intervals, inventories none; a unit of green power is 1,000,000 Wh of a register.
    function _checkIntervals(Records.Interval[] calldata intervals, Records.Opinion calldata opinion) private view {
        if (Records.isAttribute(opinion.kind) != (intervals.length != 0)) revert CertificateIntervals();
        if (opinion.kind != Records.GREEN_POWER) return;
        uint256 positions = 0;
        for (uint256 i = 0; i < intervals.length; ++i) {
            if (!_isRegister(intervals[i].mark)) revert CertificateIntervals();
            if (intervals[i].end <= intervals[i].start) {
                revert MarkEmpty(intervals[i].mark, intervals[i].start, intervals[i].end);
            }
            positions += intervals[i].end - intervals[i].start;
        }
        if (opinion.amount * WH_PER_UNIT > positions) revert CertificateAmount(opinion.amount, positions);
    }

    /// @dev 3 Who signed, in which role, independent of one another; what the verifier concluded, and until when.
    function _checkSignatures(Application calldata application) private view returns (bytes32 verifier) {
        Records.Opinion calldata opinion = application.opinion;
        bytes32 subject = opinion.subjectOrg;
        bytes32 signer = _signerOf(opinion.claimHash, application.claimSignature);
        if (signer != subject || !_participants.holdsRole(subject, Roles.ENTERPRISE)) {
            revert CertificateClaimSignature();
        }
        verifier = _signerOf(opinion.hash(), application.opinionSignature);
        if (!_participants.holdsRole(verifier, Roles.VERIFIER)) revert CertificateOpinionSignature();
        if (_participants.tied(verifier, subject)) revert CertificateNotIndependent(verifier, subject);
        if (opinion.conclusion != Records.UNMODIFIED && opinion.conclusion != Records.MODIFIED) {
            revert CertificateConclusion(opinion.conclusion);
        }
        if (_now() >= opinion.validUntil) revert CertificateExpired(opinion.validUntil);
        if (!_isParticipant(opinion.holder)) revert CertificateReceiver(opinion.holder);
    }

    /// @dev 4 The statement stands in the log, under a root that the chain has seen.
    function _checkInclusion(Application calldata application) private view {
        bytes32 root = _anchors.anchored(application.opinion.origin, application.size).root;
        if (root == 0) revert CertificateNotAnchored(application.size);
        bytes32 leaf = application.opinion.leafHash;
        if (!Rfc9162.includes(leaf, application.index, application.size, application.path, root)) {
            revert CertificateNotIncluded(leaf);
        }
    }

    function _isParticipant(address account) internal view returns (bool) {
        return _participants.holdsRole(_participants.orgOf(account), 0);
    }

    /// @dev The organisation of who signed; 0 when the signature recovers to nobody we know.
    function _signerOf(bytes32 structHash, bytes calldata signature) private view returns (bytes32) {
        (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecover(_hashTypedDataV4(structHash), signature);
        return problem == ECDSA.RecoverError.NoError ? _participants.orgOf(signer) : bytes32(0);
    }
}
