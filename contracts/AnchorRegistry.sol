// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IAnchorRegistry} from "./interfaces/IAnchorRegistry.sol";
import {IParticipantRegistry} from "./interfaces/IParticipantRegistry.sol";
import {Rfc9162} from "./Rfc9162.sol";
import {Roles} from "./Roles.sol";

/// @title AnchorRegistry: see the interface for what each function promises.
contract AnchorRegistry is IAnchorRegistry, EIP712 {
    bytes32 private constant _ANCHOR = keccak256("Anchor(string origin,uint64 size,bytes32 root)");
    bytes32 private constant _CLOSE = keccak256("Close(string origin,uint64 size,bytes32 root,string successor)");
    bytes32 private constant _SET_WITNESSES =
        keccak256("SetWitnesses(string origin,bytes32 orgsHash,uint256 threshold,uint256 nonce)");

    IParticipantRegistry private immutable _participants;

    // Keyed by SHA-256(origin): storage proofs of these slots are evidence (docs/spec/chain.md).
    mapping(bytes32 log => mapping(uint64 size => Anchored)) private _anchors;
    mapping(bytes32 log => uint64 size) private _sizes;
    mapping(bytes32 log => string origin) private _successors;
    mapping(bytes32 log => bytes32[] orgs) private _witnesses;
    mapping(bytes32 log => uint256 threshold) private _thresholds;
    uint256 private _nonce;

    constructor(IParticipantRegistry participants) EIP712("CarbonSeal", "1") {
        _participants = participants;
    }

    /// @inheritdoc IAnchorRegistry
    function anchor(string calldata origin, uint64 oldSize, uint64 newSize, bytes32 root, bytes32[] calldata proof)
        external
    {
        bytes32 log = _logOf(origin);
        if (_thresholds[log] != 0) revert AnchorQuorum(0, _thresholds[log]);
        _checkExtension(log, oldSize, newSize, root, proof);
        _record(log, origin, newSize, root);
    }

    /// @inheritdoc IAnchorRegistry
    function anchorWitnessed(
        string calldata origin,
        uint64 oldSize,
        uint64 newSize,
        bytes32 root,
        bytes32[] calldata proof,
        bytes[] calldata signatures
    ) external {
        bytes32 log = _logOf(origin);
        _checkWitnesses(log, keccak256(abi.encode(_ANCHOR, keccak256(bytes(origin)), newSize, root)), signatures);
        _checkExtension(log, oldSize, newSize, root, proof);
        _record(log, origin, newSize, root);
    }

    /// @inheritdoc IAnchorRegistry
    function setWitnesses(
        string calldata origin,
        bytes32[] calldata orgs,
        uint256 threshold,
        bytes[] calldata signatures
    ) external {
        if (threshold > orgs.length) revert AnchorWitnesses();
        for (uint256 i = 1; i < orgs.length; ++i) if (orgs[i] <= orgs[i - 1]) revert AnchorWitnesses();
        bytes32 change = keccak256(
            abi.encode(_SET_WITNESSES, keccak256(bytes(origin)), sha256(abi.encodePacked(orgs)), threshold, _nonce++)
        );
        _participants.requireQuorum(_hashTypedDataV4(change), signatures);
        bytes32 log = _logOf(origin);
        (_witnesses[log], _thresholds[log]) = (orgs, threshold);
        emit WitnessesChanged(log, orgs, threshold);
    }

    /// @inheritdoc IAnchorRegistry
    function close(
        string calldata origin,
        uint64 size,
        bytes32 root,
        string calldata successor,
        bytes[] calldata signatures
    ) external {
        bytes32 log = _logOf(origin);
        _requireOpen(log);
        if (size != _sizes[log] || _anchors[log][size].root != root || bytes(successor).length == 0) {
            revert AnchorMalformed();
        }
        bytes32 change =
            keccak256(abi.encode(_CLOSE, keccak256(bytes(origin)), size, root, keccak256(bytes(successor))));
        _participants.requireQuorum(_hashTypedDataV4(change), signatures);
        _successors[log] = successor;
        emit LogClosed(log, size, root, successor);
    }

    /// @inheritdoc IAnchorRegistry
    function anchored(string calldata origin, uint64 size) external view returns (Anchored memory) {
        return _anchors[_logOf(origin)][size];
    }

    /// @inheritdoc IAnchorRegistry
    function latest(string calldata origin) external view returns (uint64 size, Anchored memory) {
        bytes32 log = _logOf(origin);
        size = _sizes[log];
        return (size, _anchors[log][size]);
    }

    /// @inheritdoc IAnchorRegistry
    function successorOf(string calldata origin) external view returns (string memory) {
        return _successors[_logOf(origin)];
    }

    /// @inheritdoc IAnchorRegistry
    function witnesses(string calldata origin) external view returns (bytes32[] memory orgs, uint256 threshold) {
        bytes32 log = _logOf(origin);
        return (_witnesses[log], _thresholds[log]);
    }

    /// @inheritdoc IAnchorRegistry
    function nonce() external view returns (uint256) {
        return _nonce;
    }

    function _checkExtension(bytes32 log, uint64 oldSize, uint64 newSize, bytes32 root, bytes32[] calldata proof)
        private
        view
    {
        if (!_participants.holdsRole(_participants.orgOf(msg.sender), Roles.NODE)) revert AnchorForbidden(msg.sender);
        _requireOpen(log);
        if (oldSize != _sizes[log]) revert AnchorStale(_sizes[log]);
        if (newSize <= oldSize) revert AnchorNotGrowing(oldSize, newSize);
        if (root == 0) revert AnchorMalformed();
        bytes32 oldRoot = oldSize == 0 ? Rfc9162.EMPTY_ROOT : _anchors[log][oldSize].root;
        if (!Rfc9162.extends(oldSize, newSize, oldRoot, root, proof)) revert AnchorInconsistent(oldSize, newSize);
    }

    /// @dev One organisation counts once, and the organisation that anchors is no witness of itself.
    function _checkWitnesses(bytes32 log, bytes32 structHash, bytes[] calldata signatures) private view {
        if (signatures.length < _thresholds[log]) revert AnchorQuorum(signatures.length, _thresholds[log]);
        bytes32 digest = _hashTypedDataV4(structHash);
        bytes32 last = 0;
        for (uint256 i = 0; i < signatures.length; ++i) {
            (address signer, ECDSA.RecoverError problem,) = ECDSA.tryRecover(digest, signatures[i]);
            bytes32 org = _participants.orgOf(signer);
            if (problem != ECDSA.RecoverError.NoError || org <= last || !_isWitness(log, org)) {
                revert AnchorSignature(i);
            }
            last = org;
        }
    }

    function _isWitness(bytes32 log, bytes32 org) private view returns (bool) {
        bytes32[] storage orgs = _witnesses[log];
        for (uint256 i = 0; i < orgs.length; ++i) {
            if (orgs[i] == org) {
                return _participants.holdsRole(org, 0) && !_participants.tied(org, _participants.orgOf(msg.sender));
            }
        }
        return false;
    }

    function _requireOpen(bytes32 log) private view {
        if (bytes(_successors[log]).length != 0) revert AnchorClosed();
    }

    /// @dev The only place that writes a root.
    function _record(bytes32 log, string calldata origin, uint64 size, bytes32 root) private {
        _anchors[log][size] = Anchored(root, uint64(block.timestamp) * 1000);
        _sizes[log] = size;
        emit RootAnchored(log, size, root, origin);
    }

    function _logOf(string calldata origin) private pure returns (bytes32) {
        return sha256(bytes(origin));
    }
}
