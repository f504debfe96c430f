// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.28;

/// @title The roles of organisations, as bits of a mask.
library Roles {
    uint32 internal constant ENTERPRISE = 1;
    uint32 internal constant VERIFIER = 2;
    uint32 internal constant TRADER = 4;
    uint32 internal constant GOVERNMENT = 8;
    uint32 internal constant REGISTRAR = 16;
    uint32 internal constant NODE = 32;
    uint32 internal constant RULE_PUBLISHER = 64;
    uint32 internal constant ALL = 127;
}
