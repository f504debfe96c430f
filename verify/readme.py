"""README.txt of every evidence file: fixed text of the format, so that it cannot be used to mislead a reader."""

from __future__ import annotations

README = """\
碳印 CarbonSeal 证据文件
========================

本文件是一个普通的 ZIP,可以直接打开查看;但请不要重新打包,任何一个字节的变化都会使校验失败。
离线校验(不联网,也不信任出具本文件的一方):

    carbonseal-verify FILE.cseal --trust trust.json

trust.json 是您自己的信任清单(日志公钥、见证方、链与合约、登记机构公钥),不应取自本文件。

能证明的:谁签署了什么、不晚于何时、此后未被改动、没有遗漏、按哪些规则计算得出。
不能证明的:传感器或接线是否如实、是否有排放源未登记、在其他登记系统中的申领情况。
本文件不是国家绿证或 CCER,不是官方申报材料,也不承诺任何法律效力。


CarbonSeal evidence file
========================

This file is an ordinary ZIP that you may open and look into; do not pack it again, since one changed byte makes the
check fail. To check it offline, without trusting whoever gave it to you:

    carbonseal-verify FILE.cseal --trust trust.json

trust.json is your own list of trusted keys (log, witnesses, chain and contracts, registrars). Never take it from here.

What it proves: who signed what, not later than when, unchanged since, nothing of it left out, computed by which rules.
What it does not: that a sensor or its wiring tells the truth, that a source was enrolled at all, or what is claimed in
registries outside. It is no national green certificate, no CCER, no official filing, and promises no legal effect.

Members: bundle.json lists them all. statement.cose, claim.cose, opinion.cose: the signed documents. checkpoint and
proofs/: the log. anchor.json, status.json: the chain. manifest/, histories/: who was registered when. details/: what
the statement was computed from. frames/, blocks/: signed readings. rules/: the rules as data.
""".encode()
