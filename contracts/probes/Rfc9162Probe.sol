// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

import {Rfc9162} from "../Rfc9162.sol";

/// @title Opens the library's functions to the tests; never deployed by a client.
contract Rfc9162Probe {
    /// @notice See Rfc9162.includes.
    function includes(bytes32 leaf, uint64 index, uint64 size, bytes32[] calldata path, bytes32 root)
        external
        pure
        returns (bool)
    {
        return Rfc9162.includes(leaf, index, size, path, root);
    }

    /// @notice See Rfc9162.extends.
    function extends(uint64 oldSize, uint64 newSize, bytes32 oldRoot, bytes32 newRoot, bytes32[] calldata proof)
        external
        pure
        returns (bool)
    {
        return Rfc9162.extends(oldSize, newSize, oldRoot, newRoot, proof);
    }
}
