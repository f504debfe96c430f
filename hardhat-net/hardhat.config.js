// Hardhat 2 over ../contracts: compile, test, node. The compiler is npm's solc, so nothing is downloaded.
"use strict";
const { subtask } = require("hardhat/config");
const { TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD } = require("hardhat/builtin-tasks/task-names");

subtask(TASK_COMPILE_SOLIDITY_GET_SOLC_BUILD, async (_arguments, _hre, _runSuper) => ({
  version: "0.8.28",
  longVersion: require("solc/package.json").version,
  compilerPath: require.resolve("solc/soljson.js"),
  isSolcJs: true,
}));

module.exports = {
  solidity: {
    version: "0.8.28",
    settings: {
      evmVersion: "berlin",
      viaIR: true,
      optimizer: { enabled: true, runs: 1 },
      metadata: { bytecodeHash: "none", appendCBOR: false },
    },
  },
  networks: { hardhat: { chainId: 31337, hardfork: "berlin", gasPrice: 0 } },
  // Hardhat 2 wants sources and libraries under one root: contracts/ here is a link to the folder beside this one.
  paths: { sources: "contracts", tests: "test", cache: "cache", artifacts: "artifacts" },
};
