// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title What enterprises and verifiers sign, and its hashes.
/// @notice Organisations and marks are SHA-256 of their ids; times are milliseconds UTC. `documentDigest`: SHA-256 of
/// the whole document without its signature; nothing here reads it, so that the signature covers what no rule needs.
library Records {
    uint8 internal constant EMISSION = 1;
    uint8 internal constant REDUCTION = 2;
    uint8 internal constant GREEN_POWER = 3;
    uint8 internal constant PRODUCT_FOOTPRINT = 4;
    uint8 internal constant CBAM = 5;

    uint8 internal constant UNMODIFIED = 1;
    uint8 internal constant MODIFIED = 2;

    /// @dev Signed by an account of the enterprise.
    struct Claim {
        string origin;
        uint8 kind;
        bytes32 subjectOrg;
        address holder;
        bytes32 methodologyDigest;
        bytes32 exclusivityKey;
        uint64 periodStart;
        uint64 periodEnd;
        bytes32 intervalsHash;
        bytes32 externalRefsHash;
        bytes32 documentDigest;
    }

    /// @dev Signed by an account of the verifier. `amount` in whole `unit`.
    struct Opinion {
        bytes32 payloadDigest;
        bytes32 leafHash;
        bytes32 claimHash;
        bytes32 exclusivityKey;
        bytes32 manifestHash;
        string origin;
        uint8 kind;
        bytes32 subjectOrg;
        address holder;
        uint256 amount;
        string unit;
        uint64 periodStart;
        uint64 periodEnd;
        bytes32 intervalsHash;
        bytes32 externalRefsHash;
        uint8 conclusion;
        uint64 validUntil;
        bytes32 documentDigest;
    }

    /// @dev [start, end) on one mark.
    struct Interval {
        bytes32 mark;
        uint64 start;
        uint64 end;
    }

    bytes32 internal constant CLAIM_TYPE = keccak256(
        "Claim(string origin,uint8 kind,bytes32 subjectOrg,address holder,bytes32 methodologyDigest,"
        "bytes32 exclusivityKey,uint64 periodStart,uint64 periodEnd,bytes32 intervalsHash,bytes32 externalRefsHash,"
        "bytes32 documentDigest)"
    );
    bytes32 internal constant OPINION_TYPE = keccak256(
        "Opinion(bytes32 payloadDigest,bytes32 leafHash,bytes32 claimHash,bytes32 exclusivityKey,bytes32 manifestHash,"
        "string origin,uint8 kind,bytes32 subjectOrg,address holder,uint256 amount,string unit,uint64 periodStart,"
        "uint64 periodEnd,bytes32 intervalsHash,bytes32 externalRefsHash,uint8 conclusion,uint64 validUntil,"
        "bytes32 documentDigest)"
    );

    /// @notice hashStruct(Claim) of EIP-712.
    function hash(Claim calldata claim) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                CLAIM_TYPE,
                keccak256(bytes(claim.origin)),
                claim.kind,
                claim.subjectOrg,
                claim.holder,
                claim.methodologyDigest,
                claim.exclusivityKey,
                claim.periodStart,
                claim.periodEnd,
                claim.intervalsHash,
                claim.externalRefsHash,
                claim.documentDigest
            )
        );
    }

    /// @notice hashStruct(Opinion) of EIP-712.
    function hash(Opinion calldata opinion) internal pure returns (bytes32) {
        bytes memory front = abi.encode(
            OPINION_TYPE,
            opinion.payloadDigest,
            opinion.leafHash,
            opinion.claimHash,
            opinion.exclusivityKey,
            opinion.manifestHash,
            keccak256(bytes(opinion.origin)),
            opinion.kind
        );
        bytes memory back = abi.encode(
            opinion.subjectOrg,
            opinion.holder,
            opinion.amount,
            keccak256(bytes(opinion.unit)),
            opinion.periodStart,
            opinion.periodEnd,
            opinion.intervalsHash,
            opinion.externalRefsHash,
            opinion.conclusion,
            opinion.validUntil,
            opinion.documentDigest
        );
        return keccak256(bytes.concat(front, back));
    }

    /// @notice SHA-256 over mark ‖ start ‖ end (48 bytes) of each interval in order.
    function hash(Interval[] calldata intervals) internal pure returns (bytes32) {
        bytes memory packed;
        for (uint256 i = 0; i < intervals.length; ++i) {
            packed = bytes.concat(packed, abi.encodePacked(intervals[i].mark, intervals[i].start, intervals[i].end));
        }
        return sha256(packed);
    }

    /// @notice Whether the opinion speaks of this claim, field by field.
    function matches(Opinion calldata opinion, Claim calldata claim) internal pure returns (bool) {
        return opinion.claimHash == hash(claim) && opinion.exclusivityKey == claim.exclusivityKey
            && keccak256(bytes(opinion.origin)) == keccak256(bytes(claim.origin)) && opinion.kind == claim.kind
            && opinion.subjectOrg == claim.subjectOrg && opinion.holder == claim.holder
            && opinion.periodStart == claim.periodStart && opinion.periodEnd == claim.periodEnd
            && opinion.intervalsHash == claim.intervalsHash && opinion.externalRefsHash == claim.externalRefsHash;
    }

    /// @notice Whether claims of this kind spend intervals and may change hands. Inventories and footprints do not.
    function isAttribute(uint8 kind) internal pure returns (bool) {
        return kind == REDUCTION || kind == GREEN_POWER;
    }

    /// @notice The unit that certificates of a kind count.
    function unitOf(uint8 kind) internal pure returns (string memory) {
        if (kind == GREEN_POWER) return "MWh";
        return kind == REDUCTION ? "tCO2e" : "kgCO2e";
    }

    /// @notice Id of the piece over unit ordinals [from, to): SHA-256("carbonseal-certificate/1" ‖ digest ‖ from ‖ to).
    function pieceId(bytes32 payloadDigest, uint64 from, uint64 to) internal pure returns (uint256) {
        return uint256(sha256(abi.encodePacked("carbonseal-certificate/1", payloadDigest, from, to)));
    }
}
