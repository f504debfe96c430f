// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title Who takes part: organisations, their roles and accounts, and the governors who decide that.
/// @notice Organisations are SHA-256 of their id ("org:lanhe-steel"). Times are milliseconds UTC.
/// Every change carries EIP-712 signatures of k of n governors, collected off the chain; anyone may submit it.
interface IParticipantRegistry {
    /// @notice An organisation. `group` ties organisations under one control (0: none); valid in [from, until).
    struct Organisation {
        bytes32 group;
        uint32 roles;
        uint64 validFrom;
        uint64 validUntil;
    }

    /// @notice An organisation was entered or changed.
    event OrganisationRegistered(
        bytes32 indexed org, bytes32 indexed group, uint32 roles, uint64 validFrom, uint64 validUntil
    );
    /// @notice An account now belongs to `org` (0: to nobody).
    event AccountAssigned(address indexed account, bytes32 indexed org);
    /// @notice The governors are now these, and `threshold` of them decide.
    event GovernorsChanged(address[] governors, uint256 threshold);

    /// @notice Fewer governors signed than must.
    error ParticipantQuorum(uint256 signatures, uint256 threshold);
    /// @notice A signature is no governor's, or the signatures are not in ascending order of their signers.
    error ParticipantSignature(uint256 position);
    /// @notice Governors must be distinct and ascending, not zero, and the threshold between 1 and their number.
    error ParticipantGovernors();
    /// @notice An organisation needs an id, a known role and a period of validity.
    error ParticipantMalformed();
    /// @notice The account belongs to another organisation; move it with `assign`.
    error ParticipantAccountTaken(address account, bytes32 org);
    /// @notice The organisation is not registered.
    error ParticipantUnknown(bytes32 org);

    /// @notice Enters an organisation or replaces its record, and gives it accounts.
    function register(
        bytes32 org,
        Organisation calldata record,
        address[] calldata accounts,
        bytes[] calldata signatures
    ) external;

    /// @notice Moves an account to an organisation, or to none (0).
    function assign(address account, bytes32 org, bytes[] calldata signatures) external;

    /// @notice Replaces the governors.
    function setGovernors(address[] calldata governors_, uint256 threshold_, bytes[] calldata signatures) external;

    /// @notice Reverts unless k distinct governors signed the digest, signatures in ascending order of signers.
    function requireQuorum(bytes32 digest, bytes[] calldata signatures) external view;

    /// @notice The organisation of an account; 0 when it has none.
    function orgOf(address account) external view returns (bytes32);

    /// @notice The record of an organisation; all zero when unknown.
    function organisation(bytes32 org) external view returns (Organisation memory);

    /// @notice Whether the organisation is valid now and has every role of the mask.
    function holdsRole(bytes32 org, uint32 roles) external view returns (bool);

    /// @notice Whether two organisations are one, or under one control.
    function tied(bytes32 one, bytes32 other) external view returns (bool);

    /// @notice The governors, ascending, and how many of them decide.
    function governors() external view returns (address[] memory, uint256 threshold);

    /// @notice The nonce that the next change must be signed with.
    function nonce() external view returns (uint256);
}
