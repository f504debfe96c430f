// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {ERC1155} from "@openzeppelin/contracts/token/ERC1155/ERC1155.sol";
import {ICertificateRegistry} from "./interfaces/ICertificateRegistry.sol";
import {Records} from "./Records.sol";
import {Review} from "./Review.sol";

/// @title Pieces of certificates: split, transfer, retire, pledge. One owner each; every way to move one ends in `_update`.
abstract contract Pieces is Review, ERC1155 {
    // Status of a certificate.
    uint8 internal constant LIVE = 1;
    uint8 internal constant SUPERSEDED = 2;
    uint8 internal constant REVOKED = 3;
    // Status of a piece.
    uint8 internal constant WHOLE = 1;
    uint8 internal constant RETIRED = 2;
    uint8 internal constant SPLIT = 3;

    // Storage proofs of these slots are evidence (docs/spec/chain.md).
    mapping(bytes32 payloadDigest => Certificate) internal _certificates;
    mapping(bytes32 payloadDigest => Spent[]) internal _spent;
    mapping(uint256 id => Piece) private _pieces;

    /// @inheritdoc ICertificateRegistry
    function split(uint256 id, uint64 units) external returns (uint256 lower, uint256 upper) {
        Piece memory parent = _requireOwned(id);
        if (units == 0 || units >= parent.to - parent.from) revert CertificateSplitPoint(units);
        _pieces[id].status = SPLIT;
        _burn(parent.owner, id, 1);
        uint64 at = parent.from + units;
        lower = _mintPiece(parent.payloadDigest, parent.from, at, parent.owner, parent.moved);
        upper = _mintPiece(parent.payloadDigest, at, parent.to, parent.owner, parent.moved);
        emit CertificateSplit(id, lower, upper);
    }

    /// @inheritdoc ICertificateRegistry
    function transfer(uint256 id, address to) external {
        _requireOwned(id);
        safeTransferFrom(msg.sender, to, id, 1, "");
    }

    /// @inheritdoc ICertificateRegistry
    function retire(uint256 id, string calldata purpose, string calldata beneficiary, uint64 start, uint64 end)
        external
    {
        Piece memory piece = _requireOwned(id);
        Certificate storage it = _certificates[piece.payloadDigest];
        if (!Records.isAttribute(it.kind)) revert CertificateNotTransferable();
        if (bytes(purpose).length == 0 || bytes(beneficiary).length == 0 || start >= end) {
            revert CertificateMalformed();
        }
        Spent[] storage spent = _spent[piece.payloadDigest];
        for (uint256 i = 0; i < spent.length; ++i) _withdraw(spent[i].mark, _share(spent[i].weight, it, piece));
        _leaveFirstHolder(id);
        _pieces[id].status = RETIRED;
        _pieces[id].retirement =
            sha256(abi.encodePacked(sha256(bytes(purpose)), sha256(bytes(beneficiary)), start, end));
        _burn(piece.owner, id, 1);
        emit CertificateRetired(id, piece.owner, purpose, beneficiary, start, end);
    }

    /// @inheritdoc ICertificateRegistry
    function pledge(uint256 id, address pledgee) external {
        Piece memory piece = _requireOwned(id);
        if (!Records.isAttribute(_certificates[piece.payloadDigest].kind)) revert CertificateNotTransferable();
        if (!_isParticipant(pledgee)) revert CertificateReceiver(pledgee);
        _pieces[id].pledgee = pledgee;
        emit CertificatePledged(id, pledgee);
    }

    /// @inheritdoc ICertificateRegistry
    function release(uint256 id) external {
        if (_pieces[id].pledgee == address(0)) revert CertificateUnknown();
        if (_pieces[id].pledgee != msg.sender) revert CertificateForbidden(msg.sender);
        delete _pieces[id].pledgee;
        emit CertificateReleased(id, msg.sender);
    }

    /// @inheritdoc ICertificateRegistry
    function certificateOf(bytes32 payloadDigest) external view returns (Certificate memory) {
        return _certificates[payloadDigest];
    }

    /// @inheritdoc ICertificateRegistry
    function intervalsOf(bytes32 payloadDigest) external view returns (Spent[] memory) {
        return _spent[payloadDigest];
    }

    /// @inheritdoc ICertificateRegistry
    function pieceOf(uint256 id) external view returns (Piece memory) {
        return _pieces[id];
    }

    /// @dev Mints the one piece of a new certificate; none when all of it was withheld.
    function _mintFirst(bytes32 digest) internal returns (uint256 id) {
        Certificate storage it = _certificates[digest];
        if (it.first < it.amount) id = _mintPiece(digest, it.first, it.amount, it.holder, false);
        emit CertificateIssued(digest, it.subject, it.verifier, id, it.amount);
    }

    /// @dev Transfers of every kind pass here, single and batch, by owner or operator; mints and burns do too.
    function _update(address from, address to, uint256[] memory ids, uint256[] memory values) internal override {
        if (from != address(0) && to != address(0)) {
            if (!_isParticipant(to)) revert CertificateReceiver(to);
            for (uint256 i = 0; i < ids.length; ++i) {
                // Of nothing there is nothing to transfer: a value of 0 would pass the balance check.
                if (values[i] != 1 || _pieces[ids[i]].owner != from) revert CertificateUnknown();
                _requireUsable(ids[i]);
                if (!Records.isAttribute(_certificates[_pieces[ids[i]].payloadDigest].kind)) {
                    revert CertificateNotTransferable();
                }
                _leaveFirstHolder(ids[i]);
                _pieces[ids[i]].owner = to;
            }
        }
        super._update(from, to, ids, values);
    }

    /// @dev No receiver hook: nothing of a stranger runs while a certificate is being issued or split.
    function _mintPiece(bytes32 digest, uint64 from, uint64 to, address owner, bool moved)
        private
        returns (uint256 id)
    {
        id = Records.pieceId(digest, from, to);
        _pieces[id] = Piece(digest, owner, WHOLE, moved, from, to, address(0), 0);
        (uint256[] memory ids, uint256[] memory values) = (new uint256[](1), new uint256[](1));
        (ids[0], values[0]) = (id, 1);
        _update(address(0), owner, ids, values);
    }

    /// @dev Counts a piece's units and positions as out when it first leaves the hands it was issued into.
    function _leaveFirstHolder(uint256 id) private {
        Piece memory piece = _pieces[id];
        if (piece.moved) return;
        _pieces[id].moved = true;
        Certificate storage it = _certificates[piece.payloadDigest];
        it.moved += piece.to - piece.from;
        Spent[] storage spent = _spent[piece.payloadDigest];
        for (uint256 i = 0; i < spent.length; ++i) spent[i].left -= _share(spent[i].weight, it, piece);
    }

    function _requireOwned(uint256 id) private view returns (Piece memory piece) {
        piece = _pieces[id];
        if (piece.status == 0) revert CertificateUnknown();
        if (piece.owner != msg.sender) revert CertificateForbidden(msg.sender);
        _requireUsable(id);
    }

    /// @dev What left the first holder before its certificate was superseded stays usable.
    function _requireUsable(uint256 id) private view {
        Piece storage piece = _pieces[id];
        uint8 status = _certificates[piece.payloadDigest].status;
        if (piece.status != WHOLE || !(status == LIVE || (status == SUPERSEDED && piece.moved))) {
            revert CertificateNotLive();
        }
        if (piece.pledgee != address(0)) revert CertificatePledgedTo(piece.pledgee);
    }

    /// @dev Positions of a weight that a piece stands for; over all pieces they add up to the weight exactly.
    function _share(uint64 weight, Certificate storage it, Piece memory piece) private view returns (uint64) {
        uint256 units = it.amount - it.first;
        uint256 below = uint256(weight) * (piece.from - it.first) / units;
        return uint64(uint256(weight) * (piece.to - it.first) / units - below);
    }
}
