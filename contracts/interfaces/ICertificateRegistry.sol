// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Records} from "../Records.sol";

/// @title Certificates: issued once for a verified statement, split, transferred, retired; all of it in public.
/// @notice A certificate is named by the payload digest of its statement and cut into pieces over unit ordinals [from, to);
/// each piece is one ERC-1155 id with one owner. `issue` may be sent again and again: it writes once.
interface ICertificateRegistry {
    /// @notice All that issuing needs. `references`: SHA-256 of each reference to an outside registry.
    /// `size`, `index`, `path`: inclusion of the statement's leaf under the root anchored at that size.
    struct Application {
        Records.Claim claim;
        bytes claimSignature;
        Records.Opinion opinion;
        bytes opinionSignature;
        Records.Interval[] intervals;
        bytes32[] references;
        uint64 size;
        uint64 index;
        bytes32[] path;
    }

    /// @notice A certificate. `status`: 1 live, 2 superseded, 3 revoked. Unit ordinals below `first` were withheld for a
    /// debt or are already out under the certificate this one supersedes; `moved` of the others have left the first
    /// holder's hands; of those, `short` were not covered when it was superseded.
    struct Certificate {
        bytes32 claimHash;
        bytes32 exclusivityKey;
        bytes32 subject;
        bytes32 verifier;
        bytes32 supersededBy;
        address holder;
        uint8 kind;
        uint8 status;
        uint64 issuedAt;
        uint64 amount;
        uint64 first;
        uint64 moved;
        uint64 short;
    }

    /// @notice An interval of a certificate. `weight`: positions that its units stand for; `left`: those not yet moved.
    struct Spent {
        bytes32 mark;
        uint64 start;
        uint64 end;
        uint64 weight;
        uint64 left;
    }

    /// @notice A piece. `status`: 1 whole, 2 retired, 3 split. `retirement`: SHA-256 over SHA-256(purpose),
    /// SHA-256(beneficiary), start and end of the consumption period (8 bytes each).
    struct Piece {
        bytes32 payloadDigest;
        address owner;
        uint8 status;
        bool moved;
        uint64 from;
        uint64 to;
        address pledgee;
        bytes32 retirement;
    }

    /// @notice A certificate was issued; `id` is its first piece, 0 when all of it was withheld.
    event CertificateIssued(
        bytes32 indexed payloadDigest, bytes32 indexed subject, bytes32 indexed verifier, uint256 id, uint64 amount
    );
    /// @notice `by` replaced a certificate; `short` units already out are not covered and became a debt.
    event CertificateSuperseded(bytes32 indexed payloadDigest, bytes32 indexed by, uint64 short);
    /// @notice A certificate was revoked.
    event CertificateRevoked(bytes32 indexed payloadDigest, address indexed by, string reason);
    /// @notice A piece became two.
    event CertificateSplit(uint256 indexed id, uint256 lower, uint256 upper);
    /// @notice A piece was used for a beneficiary's consumption in [start, end) and left circulation.
    event CertificateRetired(
        uint256 indexed id, address indexed owner, string purpose, string beneficiary, uint64 start, uint64 end
    );
    /// @notice A piece was pledged; only the pledgee releases it.
    event CertificatePledged(uint256 indexed id, address indexed pledgee);
    /// @notice A pledged piece was released.
    event CertificateReleased(uint256 indexed id, address indexed pledgee);

    /// @notice The sender's organisation may not do this, or is not valid now.
    error CertificateForbidden(address sender);
    /// @notice A certificate of this statement was issued before: the same payload gives the same pieces.
    error CertificateAlreadyIssued(bytes32 payloadDigest);
    /// @notice The opinion does not speak of this claim.
    error CertificateMismatch();
    /// @notice The kind, unit, amount or period is not one that can be certified.
    error CertificateMalformed();
    /// @notice The claim is not signed by an account of the subject, an enterprise valid now.
    error CertificateClaimSignature();
    /// @notice The opinion is not signed by an account of a verifier valid now.
    error CertificateOpinionSignature();
    /// @notice The verifier is the subject, or under one control with it.
    error CertificateNotIndependent(bytes32 verifier, bytes32 subject);
    /// @notice Only an unmodified or modified conclusion issues.
    error CertificateConclusion(uint8 conclusion);
    /// @notice The opinion was valid only until then.
    error CertificateExpired(uint64 validUntil);
    /// @notice No root is anchored for this size of the log.
    error CertificateNotAnchored(uint64 size);
    /// @notice The statement's leaf is not under the anchored root.
    error CertificateNotIncluded(bytes32 leafHash);
    /// @notice The intervals are not those signed, or not what this kind of claim spends.
    error CertificateIntervals();
    /// @notice The outside references are not those signed.
    error CertificateReferences();
    /// @notice The outside reference already stands behind another certificate.
    error CertificateReferenceTaken(bytes32 ref, bytes32 payloadDigest);
    /// @notice A live certificate holds the same subject, boundary, methodology and period.
    error CertificateExclusive(bytes32 payloadDigest);
    /// @notice The intervals do not carry the amount.
    error CertificateAmount(uint256 amount, uint256 positions);
    /// @notice Superseding keeps subject, kind and exclusivity key, and never enlarges an attribute's amount or intervals.
    error CertificateEnlarged();
    /// @notice No such certificate or piece.
    error CertificateUnknown();
    /// @notice The certificate or piece is revoked, superseded, retired or split.
    error CertificateNotLive();
    /// @notice The holder or receiver is not an account of a participant valid now.
    error CertificateReceiver(address account);
    /// @notice This kind of certificate is not transferred, pledged or retired.
    error CertificateNotTransferable();
    /// @notice The piece is pledged.
    error CertificatePledgedTo(address pledgee);
    /// @notice A piece is split inside its units.
    error CertificateSplitPoint(uint64 units);

    /// @notice Issues the certificate of a verified statement; by a node.
    function issue(Application calldata application) external returns (uint256 id);

    /// @notice Replaces a certificate by one of a corrected statement; by a node. What was still in the first holder's
    /// hands is void; what was already out stays with its owners and is counted against the new certificate's units.
    function supersede(bytes32 old, Application calldata application) external returns (uint256 id);

    /// @notice Revokes a live certificate; by a registrar or its verifier. Its intervals become public holes if nothing of
    /// it was ever transferred or retired.
    function revoke(bytes32 payloadDigest, string calldata reason) external;

    /// @notice Cuts the first `units` off a piece; by its owner.
    function split(uint256 id, uint64 units) external returns (uint256 lower, uint256 upper);

    /// @notice Gives a piece to a registered participant; by its owner.
    function transfer(uint256 id, address to) external;

    /// @notice Uses a piece for a beneficiary's consumption in [start, end); by its owner.
    function retire(uint256 id, string calldata purpose, string calldata beneficiary, uint64 start, uint64 end)
        external;

    /// @notice Pledges a piece to a registered participant; by its owner.
    function pledge(uint256 id, address pledgee) external;

    /// @notice Frees a pledged piece; by the pledgee.
    function release(uint256 id) external;

    /// @notice A certificate; all zero when unknown.
    function certificateOf(bytes32 payloadDigest) external view returns (Certificate memory);

    /// @notice The intervals of a certificate.
    function intervalsOf(bytes32 payloadDigest) external view returns (Spent[] memory);

    /// @notice A piece; all zero when unknown.
    function pieceOf(uint256 id) external view returns (Piece memory);

    /// @notice The live certificate of an exclusivity key; 0 when none.
    function liveOf(bytes32 exclusivityKey) external view returns (bytes32 payloadDigest);

    /// @notice The certificate an outside reference stands behind; 0 when none.
    function referenceOf(bytes32 ref) external view returns (bytes32 payloadDigest);
}
