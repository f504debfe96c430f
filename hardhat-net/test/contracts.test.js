// The same contracts under another EVM implementation: Hardhat's own network must agree with the committed artifacts.
"use strict";
const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");
const { Interface, defaultAbiCoder } = require("@ethersproject/abi");
const { artifacts, network } = require("hardhat");

const sha256 = (...parts) => createHash("sha256").update(Buffer.concat(parts)).digest();
const leaf = (text) => sha256(Buffer.from([0]), Buffer.from(text));
const node = (left, right) => sha256(Buffer.from([1]), left, right);
const hex = (buffer) => `0x${buffer.toString("hex")}`;
const NAMES = ["ParticipantRegistry", "AnchorRegistry", "CertificateRegistry", "Rfc9162Probe"];

async function send(from, to, data) {
  const hash = await network.provider.send("eth_sendTransaction", [{ from, to, data, gas: hexNumber(15_000_000) }]);
  return network.provider.send("eth_getTransactionReceipt", [hash]);
}

function hexNumber(value) {
  return `0x${value.toString(16)}`;
}

async function deploy(from, name, types = [], values = []) {
  const { bytecode } = await artifacts.readArtifact(name);
  const receipt = await send(from, undefined, bytecode + defaultAbiCoder.encode(types, values).slice(2));
  return { address: receipt.contractAddress, abi: new Interface((await artifacts.readArtifact(name)).abi) };
}

async function call(contract, name, values) {
  const data = contract.abi.encodeFunctionData(name, values);
  const answer = await network.provider.send("eth_call", [{ to: contract.address, data }, "latest"]);
  return contract.abi.decodeFunctionResult(name, answer);
}

describe("the contracts under Hardhat", function () {
  this.timeout(120_000);
  let account;

  before(async () => {
    [account] = await network.provider.send("eth_accounts");
  });

  it("compile to the committed bytecode", async () => {
    for (const name of NAMES) {
      const committed = require(`../../contracts/artifacts/${name}.json`);
      const built = await artifacts.readArtifact(name);
      assert.equal(built.bytecode, committed.bytecode, name);
      assert.deepEqual(built.abi, committed.abi, name);
    }
  });

  it("verify an inclusion proof of three leaves and refuse it at another place", async () => {
    const probe = await deploy(account, "Rfc9162Probe");
    const [a, b, c] = ["a", "b", "c"].map(leaf);
    const root = node(node(a, b), c);
    const at = async (index, size, path) =>
      (await call(probe, "includes", [hex(c), index, size, path.map(hex), hex(root)]))[0];
    assert.equal(await at(2, 3, [node(a, b)]), true);
    assert.equal(await at(1, 3, [node(a, b)]), false);
    assert.equal(await at(2, 3, [node(a, b), a]), false);
    assert.equal(await at(2, 3, []), false);
  });

  it("refuse an anchor from an account that is no node's", async () => {
    const participants = await deploy(account, "ParticipantRegistry", ["address[]", "uint256"], [[account], 1]);
    const anchors = await deploy(account, "AnchorRegistry", ["address"], [participants.address]);
    const data = anchors.abi.encodeFunctionData("anchor", ["log.example/park", 0, 1, hex(leaf("a")), []]);
    await assert.rejects(
      network.provider.send("eth_call", [{ from: account, to: anchors.address, data }, "latest"]),
      /AnchorForbidden/,
    );
  });
});
