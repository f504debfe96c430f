// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IParticipantRegistry} from "./interfaces/IParticipantRegistry.sol";
import {Roles} from "./Roles.sol";

/// @title ParticipantRegistry: see the interface for what each function promises.
contract ParticipantRegistry is IParticipantRegistry, EIP712 {
    bytes32 private constant _REGISTER = keccak256(
        "Register(bytes32 org,bytes32 group,uint32 roles,uint64 validFrom,uint64 validUntil,bytes32 accountsHash,uint256 nonce)"
    );
    bytes32 private constant _ASSIGN = keccak256("Assign(address account,bytes32 org,uint256 nonce)");
    bytes32 private constant _SET_GOVERNORS =
        keccak256("SetGovernors(bytes32 governorsHash,uint256 threshold,uint256 nonce)");

    mapping(bytes32 org => Organisation) private _organisations;
    mapping(address account => bytes32 org) private _orgs;
    mapping(address account => bool) private _isGovernor;
    address[] private _governors;
    uint256 private _threshold;
    uint256 private _nonce;

    constructor(address[] memory governors_, uint256 threshold_) EIP712("CarbonSeal", "1") {
        _replaceGovernors(governors_, threshold_);
    }

    /// @inheritdoc IParticipantRegistry
    function register(
        bytes32 org,
        Organisation calldata record,
        address[] calldata accounts,
        bytes[] calldata signatures
    ) external {
        if (org == 0 || record.roles == 0 || record.roles > Roles.ALL || record.validFrom >= record.validUntil) {
            revert ParticipantMalformed();
        }
        bytes32 change = keccak256(
            abi.encode(
                _REGISTER,
                org,
                record.group,
                record.roles,
                record.validFrom,
                record.validUntil,
                _hashAccounts(accounts),
                _nonce
            )
        );
        _spendQuorum(change, signatures);
        _organisations[org] = record;
        emit OrganisationRegistered(org, record.group, record.roles, record.validFrom, record.validUntil);
        for (uint256 i = 0; i < accounts.length; ++i) {
            bytes32 owner = _orgs[accounts[i]];
            if (owner != 0 && owner != org) revert ParticipantAccountTaken(accounts[i], owner);
            _assign(accounts[i], org);
        }
    }

    /// @inheritdoc IParticipantRegistry
    function assign(address account, bytes32 org, bytes[] calldata signatures) external {
        if (org != 0 && _organisations[org].roles == 0) revert ParticipantUnknown(org);
        _spendQuorum(keccak256(abi.encode(_ASSIGN, account, org, _nonce)), signatures);
        _assign(account, org);
    }

    /// @inheritdoc IParticipantRegistry
    function setGovernors(address[] calldata governors_, uint256 threshold_, bytes[] calldata signatures) external {
        bytes32 change = keccak256(abi.encode(_SET_GOVERNORS, _hashAccounts(governors_), threshold_, _nonce));
        _spendQuorum(change, signatures);
        _replaceGovernors(governors_, threshold_);
    }

    /// @inheritdoc IParticipantRegistry
    function requireQuorum(bytes32 digest, bytes[] calldata signatures) public view {
        if (signatures.length < _threshold) revert ParticipantQuorum(signatures.length, _threshold);
        address last = address(0);
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, signatures[i]);
            if (problem != ECDSA.RecoverError.NoError || signer <= last || !_isGovernor[signer]) {
                revert ParticipantSignature(i);
            }
            last = signer;
        }
    }

    /// @inheritdoc IParticipantRegistry
    function orgOf(address account) external view returns (bytes32) {
        return _orgs[account];
    }

    /// @inheritdoc IParticipantRegistry
    function organisation(bytes32 org) external view returns (Organisation memory) {
        return _organisations[org];
    }

    /// @inheritdoc IParticipantRegistry
    function holdsRole(bytes32 org, uint32 roles) external view returns (bool) {
        Organisation storage record = _organisations[org];
        uint256 time = block.timestamp * 1000;
        return record.roles & roles == roles && record.validFrom <= time && time < record.validUntil;
    }

    /// @inheritdoc IParticipantRegistry
    function tied(bytes32 one, bytes32 other) external view returns (bool) {
        bytes32 group = _organisations[one].group;
        return one == other || (group != 0 && group == _organisations[other].group);
    }

    /// @inheritdoc IParticipantRegistry
    function governors() external view returns (address[] memory, uint256 threshold) {
        return (_governors, _threshold);
    }

    /// @inheritdoc IParticipantRegistry
    function nonce() external view returns (uint256) {
        return _nonce;
    }

    function _spendQuorum(bytes32 change, bytes[] calldata signatures) private {
        requireQuorum(_hashTypedDataV4(change), signatures);
        ++_nonce;
    }

    function _assign(address account, bytes32 org) private {
        _orgs[account] = org;
        emit AccountAssigned(account, org);
    }

    function _replaceGovernors(address[] memory governors_, uint256 threshold_) private {
        if (threshold_ == 0 || threshold_ > governors_.length) revert ParticipantGovernors();
        for (uint256 i = 0; i < _governors.length; ++i) delete _isGovernor[_governors[i]];
        address last = address(0);
        for (uint256 i = 0; i < governors_.length; ++i) {
            if (governors_[i] <= last) revert ParticipantGovernors();
            last = governors_[i];
            _isGovernor[last] = true;
        }
        (_governors, _threshold) = (governors_, threshold_);
        emit GovernorsChanged(governors_, threshold_);
    }

    /// @dev SHA-256 over the 20-byte addresses in the order given.
    function _hashAccounts(address[] calldata accounts) private pure returns (bytes32) {
        bytes memory packed;
        for (uint256 i = 0; i < accounts.length; ++i) packed = bytes.concat(packed, bytes20(accounts[i]));
        return sha256(packed);
    }
}
