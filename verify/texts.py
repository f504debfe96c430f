"""Words of the verdict, Chinese and English. Codes of `verify/` all have a sentence here; a test holds that."""

from __future__ import annotations

Texts = tuple[str, str]

STEP_NAMES = {1: "container", 2: "checkpoint", 3: "anchor", 4: "inclusion", 5: "signers", 6: "completeness",
              7: "inputs", 8: "rules", 9: "opinion", 10: "certificate"}

STEP_TITLES: dict[int, Texts] = {
    1: ("文件完整", "Container well formed"),
    2: ("日志检查点签名", "Checkpoint signed"),
    3: ("区块链锚定", "Anchored on the chain"),
    4: ("条目在日志中", "Entries in the log"),
    5: ("签名者当时有效,历史无遗漏", "Signers valid, histories whole"),
    6: ("数据帧连续完整", "Frames complete"),
    7: ("输入由原始数据重算一致", "Inputs recomputed"),
    8: ("按规则重算逐字节一致", "Rules re-run"),
    9: ("申报与核查意见", "Claim and opinion"),
    10: ("证书状态", "Certificate"),
}

ADVICE: dict[int, Texts] = {
    1: ("请向出具方重新索取原始导出文件，不要解压后重新打包。",
        "Ask for the file again as it was exported; do not unpack and pack it."),
    2: ("请核对信任清单中的日志公钥与见证方；仍不符则不要采信该日志。",
        "Compare log key and witnesses of your trust list; if they are right, do not rely on this log."),
    3: ("请核对信任清单中的链、合约与验证者，或索取锚定之后导出的文件。",
        "Compare chain, contracts and validators of your trust list, or ask for a file exported after the anchoring."),
    4: ("请重新索取文件；若仍不符，该条目不在此日志中。",
        "Ask for the file again; if it stays so, the entry is not in this log."),
    5: ("请核对信任清单中的登记机构；缺失或无效的登记须由出具方说明。",
        "Compare the registrars of your trust list; who issued the file accounts for what is missing or not valid."),
    6: ("请出具方补全数据帧；确已丢失的须由网关声明并在核算声明中列出。",
        "Have the frames completed; what is lost the gateway declares, and the statement counts."),
    7: ("请出具方更正核算声明；数值须由签名读数重算得出。",
        "Have the statement corrected; its figures must follow from signed readings."),
    8: ("请出具方按发布的规则重新核算。", "Have the statement computed again by the released rules."),
    9: ("请核查机构与申报方核对；更正后须重新签署。",
        "Ask claimant and verifier; whatever is corrected has to be signed again."),
    10: ("请向持有人索取最新文件，并以链上状态为准。",
         "Ask the holder for a current file; what the chain says decides."),
}

OUTCOMES: dict[str, Texts] = {"passed": ("通过", "passed"), "failed": ("未通过", "failed"),
                              "not-checked": ("未检查", "not checked")}

LABELS: dict[str, Texts] = {
    "valid": ("结论:有效", "Verdict: valid"),
    "invalid": ("结论:无效", "Verdict: not valid"),
    "level": ("级别", "level"),
    "purpose": ("用途", "purpose"),
    "optional": ("非必需", "not required"),
    "as_of": ("截至日志条目", "as of log entry"),
    "block": ("区块", "block"),
    "claims": ("证明的是签名、时间、完整性与计算;不证明传感器如实、排放源登记无遗漏或外部登记系统中的情况。",
               "Proven: signatures, time, completeness, computation. Not proven: that sensors tell the truth, that "
               "every source was enrolled, or what outside registries hold."),
}

NOTICES: dict[str, Texts] = {
    "development-chain": ("开发链:区块没有验证者签名,链上部分仅供演示。",
                          "Development chain: blocks carry no validators' seals; for demonstration only."),
    "no-witnesses": ("信任清单未要求见证方联署。", "The trust list asks for no witness cosignatures."),
    "simulated-source": (
        "部分数据由模拟产生,不是真实计量。", "Some data are simulated, not from real meters."),
    "interpolated-source": (
        "部分数据由公开读数插值而来,不是逐点计量。",
        "Some data are interpolated between published readings, not metered point by point."),
    "unconfirmed-parameter": (
        "使用了尚未核对官方原文的参数。", "Parameters were used that are not confirmed at their source."),
    "gateway-signed": ("读数由网关签名,不是电表本身签名。", "Readings are signed by a gateway, not by the meters."),
    "declared-loss": ("数据帧链中有已声明的丢失。", "The frame chain has a declared loss."),
    "readings-passed-over": ("有读数被标记后未采用。", "Flagged readings were passed over at an end of the period."),
    "debt": ("声明点有尚未抵扣的欠量。", "The claim point owes units that its next certificate must settle."),
    "gaps": ("期间内有电表无读数的时段,已列出。", "Meters were silent for some time in the period; see step 6."),
    "piece-split": ("该份凭证已拆分注销，由拆出的各份代替，本身不再流通。",
                    "This piece was split and burnt; the parts cut from it stand in its place."),
    "piece-retired": ("该份凭证已注销使用，不能再转让或再次声明。",
                      "This piece is retired: its use was claimed, and it moves no more."),
    "piece-pledged": ("该份凭证已质押，质权人解除之前不能转让、拆分或注销。",
                      "This piece is pledged: until the pledgee releases it, it cannot move, be split or retired."),
    "piece-short": ("该证书经更正后存在欠量，已转出的部分没有足够电量或减排量支撑。",
                    "After a correction this certificate is short: what went out of it is not fully covered."),
    "piece-superseded": ("该份凭证所依据的声明已被更正取代。",
                         "The statement behind this piece was corrected by another."),
    "piece-revoked": ("该份凭证已被撤销。", "The certificate of this piece was revoked."),
    "not-a-certificate": ("本文件用于审核,不是证书。", "This file is for review; it is no certificate."),
}

CODES: dict[str, Texts] = {
    # 1
    "container-not-zip": ("不是证据文件。", "This is not an evidence file."),
    "container-too-large": ("文件超出大小上限。", "The file exceeds the size limit."),
    "container-not-canonical": ("文件被改动或重新打包过。", "The file was altered or packed again."),
    "container-member-name": ("成员名称不合规。", "A member has an inadmissible name."),
    "container-member-unknown": ("含有不应存在的成员。", "There is a member that does not belong here."),
    "container-member-missing": ("缺少必需的成员。", "A member that is needed is missing."),
    "container-member-digest": ("成员内容与清单摘要不符。", "A member's content is not the one listed."),
    "bundle-schema": ("格式版本不受支持。", "This format version is not known here."),
    "readme-altered": ("README.txt 被改动。", "README.txt was altered."),
    "member-malformed": ("成员格式错误。", "A member is not well formed."),
    # 2
    "checkpoint-origin": ("检查点属于另一个日志。", "The checkpoint is of another log."),
    "checkpoint-unsigned": ("检查点没有可信日志密钥的签名。", "The trusted log key has not signed the checkpoint."),
    "checkpoint-not-witnessed": ("见证方联署不足。", "Too few trusted witnesses co-signed."),
    "checkpoint-stale": ("见证时间过旧。", "The witnesses saw it too long ago."),
    # 3
    "anchor-root": ("链上记录的根与检查点不符。", "The chain holds another root for this size, or none."),
    "validators-unpinned": ("信任清单没有该区块的验证者集合。", "The trust list pins no validators for this block."),
    "anchor-absent": ("链上没有记录该规模的根。", "The chain holds no root for this size."),
    "chain-foreign": ("来自另一条链。", "The proof is of another chain than the trusted one."),
    "contract-foreign": ("来自另一个合约。", "The proof is of another contract than the trusted one."),
    "qbft-quorum": ("可信验证者签名不足。", "Too few trusted validators sealed the block."),
    "anchor-not-given": ("文件没有锚定证明。", "The file holds no anchor."),
    "development-chain": ("开发链,区块无人签名。", "A development chain: nobody seals its blocks."),
    # 4
    "proof-missing": ("缺少包含证明。", "An inclusion proof is missing."),
    "proof-surplus": ("有不属于任何条目的证明。", "A proof belongs to no entry."),
    "proof-checkpoint": ("证明针对另一个检查点。", "A proof is against another checkpoint."),
    "proof-index": ("证明的序号不符。", "A proof is for another index."),
    "index-duplicate": ("两个不同条目使用同一序号。", "Two different entries claim one index."),
    "frame-head-unproven": ("帧链末端没有包含证明。", "The last frame of a chain or epoch is not proven."),
    "inclusion-root": ("条目不在该日志中。", "The entry is not in this log."),
    # 5
    "signer-unknown": ("签名密钥未登记。", "The signing key was not registered."),
    "signer-not-valid": ("签名密钥当时无效。", "The signing key was not valid at that index."),
    "registrar-untrusted": ("登记条目不是由可信登记机构签署。", "A registration is not by a trusted registrar."),
    "publisher-untrusted": ("规则不是由可信发布者签署。", "The rules are not by a trusted publisher."),
    "entry-type": ("条目类型不符。", "An entry is of another type than its place asks for."),
    "history-missing": ("缺少某个主体的登记历史。", "The history of a subject is missing."),
    "history-incomplete": ("登记历史有遗漏。", "A history leaves out entries that the manifest counts."),
    "manifest-origin": ("清单属于另一个日志。", "The manifest is of another log."),
    "manifest-root": ("清单行不在清单之下。", "A row does not stand under the manifest's root."),
    "manifest-row-missing": (
        "清单缺少某个主体的证明。", "The manifest row of a subject, or proof of its absence, is missing."),
    "manifest-mismatch": ("清单不是核查意见所确认的那一份。", "The manifest is not the one the opinion names."),
    "manifest-too-early": ("清单早于核算声明。", "The manifest does not cover the statement."),
    "statement-superseded": ("声明已被更新的声明取代。", "A newer statement supersedes this one."),
    "history-surplus": ("含有与声明无关的登记历史。", "A history that nothing in the file rests on."),
    "manifest-row-surplus": ("清单行中有与声明无关的主体。", "A manifest row that nothing in the file rests on."),
    "manifest-unconfirmed": ("除节点外无人确认清单。", "Nobody but the node vouches for the manifest."),
    # 6
    "frame-missing": ("帧链中缺帧。", "A frame is missing from the chain."),
    "frame-chain-broken": ("帧链断裂。", "The chain of frames is broken."),
    "period-not-covered": ("帧链未覆盖报告期。", "The frames do not cover the period."),
    "block-missing": ("缺少电表数据块。", "A meter's block is missing from a frame."),
    "block-inclusion": ("数据块不在帧中。", "A block is not in its frame."),
    "meter-not-carried": ("该网关当时不负责此电表。", "The gateway did not carry this meter then."),
    "frames-surplus": ("含有与声明输入无关的网关数据帧。", "Frames of a gateway that carried no input's meter."),
    "block-surplus": ("含有与声明输入无关的数据块。", "A block that no input or no frame of the file asks for."),
    "body-missing": ("完整级文件缺少数据块正文。", "A file of level full lacks the body of a block."),
    "frames-disputed": (
        "帧存在争议(网关签署了两个版本)。", "The gateway signed two payloads for one frame in the span."),
    "completeness-mismatch": ("完整性统计与声明不符。", "The completeness counts are not the statement's."),
    "frames-absent": ("文件不含数据帧。", "The file holds no frames."),
    # 7
    "details-root": ("明细不在声明之下。", "The details do not stand under the statement's root."),
    "details-count": ("明细数量不符。", "The number of details is not the statement's."),
    "body-mismatch": ("数据块内容与其头不符。", "A block's body is not the one its header names."),
    "reading-not-found": ("引用的读数不存在。", "A reading the details name is not there."),
    "reading-not-last": ("期末(初)之前还有更晚的读数。", "A later reading at or before the instant was passed over."),
    "reading-implausible": ("引用的读数与前后读数不符(突变)，不能作为期末(初)。",
                            "A boundary reading is a spike: it does not fit the readings before or after it."),
    "reading-quality": ("引用的读数质量标记不允许。", "A boundary reading is not of measured quality."),
    "input-mismatch": ("重算的输入与明细不符。", "A recomputed input is not the one in the details."),
    "meter-foreign": ("电表登记在其他单位名下。", "A meter is registered for another organisation."),
    "serial-mismatch": (
        "序列号(累计量)推算不符。", "A serial number does not follow from the register and its history."),
    "details-absent": ("文件不含明细。", "The file holds no details."),
    "blocks-absent": ("文件不含数据块。", "The file holds no blocks."),
    "notice-left-out": ("声明未载明登记与边界读数所示的情况。",
                        "The statement does not say what registrations and boundary readings show of a meter."),
    # 8
    "rules-digest": ("规则文件与发布摘要不符。", "A rule document is not the one released."),
    "rules-release": ("规则发布不是声明所用的那一份。", "The release is not the one the statement names."),
    "methodology-digest": ("方法学摘要不符。", "The methodology is not the one the statement names."),
    "staleness-exceeded": ("期末(初)读数过旧。", "A reading taken for an end of the period is too old."),
    "rules-outcome": ("按规则无法重算。", "The rules could not be re-run on these inputs."),
    "statement-mismatch": ("重算结果与声明不一致。", "Re-running the rules gives another statement."),
    "rules-surplus": ("含有方法学不使用的规则。", "A rule that the methodology does not use."),
    "rules-absent": ("文件不含规则。", "The file holds no rules."),
    # 9
    "claim-signer": ("申报不是由主体的登记账户签署。", "The claim is not signed by an account of its subject."),
    "claim-fields": ("申报与声明不一致。", "The claim's fields are not the statement's."),
    "claim-inputs": ("核算所用输入不是申报所列。", "The statement used other inputs than the claim names."),
    "claim-options": ("核算所用选项不是申报所选。", "The statement used other options than the claim chose."),
    "exclusivity-key": ("唯一性键不符。", "The exclusivity key does not follow from the statement."),
    "opinion-signer": (
        "意见不是由核查机构的登记账户签署。", "The opinion is not signed by an account of its verifier."),
    "opinion-fields": ("意见与声明不一致。", "The opinion's fields are not the statement's."),
    "opinion-conclusion": ("意见结论不允许签发。", "The conclusion does not permit issuing."),
    "verifier-not-accredited": ("核查机构当时没有资质。", "The verifier was not accredited then."),
    "verifier-not-independent": ("核查机构与主体有关联。", "The verifier is tied to the subject."),
    "opinion-absent": ("文件没有核查意见。", "The file holds no opinion."),
    # 10
    "certificate-id": ("证书编号不符。", "The id is not that of these units of this statement."),
    "certificate-units": ("证书单位区间超出签发量。", "The units are not among those issued."),
    "certificate-not-issued": ("链上没有签发该证书。", "The chain has not issued this certificate."),
    "certificate-fields": ("链上证书内容与声明不一致。", "The chain holds other fields than statement and opinion."),
    "certificate-owner": ("持有人与链上不符。", "The owner on the chain is another."),
    "certificate-status": ("状态与链上不符。", "The status on the chain is another."),
    "certificate-retirement": ("注销信息与链上不符。", "The chain holds another retirement than the file states."),
    "certificate-revoked": ("证书已撤销。", "The certificate was revoked."),
    "certificate-superseded": ("证书已被取代。", "The certificate was superseded."),
    "mark-mismatch": ("链上序列水位未覆盖证书区间。", "The chain's mark has not passed the certificate's intervals."),
    "status-before-anchor": ("状态早于锚定。", "The status block comes before the anchor's."),
    "status-stale": ("状态证明过旧。", "The status is older than the trust list admits."),
    "certificate-absent": ("文件没有证书。", "The file holds no certificate."),
    "clock-absent": ("未给出当前时间,无法判断新旧。", "No clock was given, so age could not be judged."),
    "earlier-step-failed": ("前面的步骤未通过,无法继续。", "An earlier step on which this one rests did not pass."),
}
