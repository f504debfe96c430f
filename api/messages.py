"""Titles of problems in Chinese and English: one for each branch of the error tree, closer ones for frequent codes."""

from __future__ import annotations

from core.errors import (
    CarbonSealError,
    Forbidden,
    FormError,
    InputError,
    NotFound,
    Refused,
    Unavailable,
    VerificationFailed,
)

LANGUAGES = ("zh", "en")

BY_BRANCH: dict[type[CarbonSealError], tuple[str, str]] = {
    NotFound: ("未找到", "Not found"),
    FormError: ("格式错误", "Not well formed"),
    InputError: ("输入无法使用", "The input cannot be used"),
    Forbidden: ("无权操作", "Not allowed"),
    Refused: ("已拒绝", "Refused"),
    VerificationFailed: ("核验未通过", "A check failed"),
    Unavailable: ("服务暂不可用", "Temporarily unavailable"),
    CarbonSealError: ("错误", "Error"),
}

BY_CODE: dict[str, tuple[str, str]] = {
    "token-missing": ("需要组织令牌", "An organisation's token is needed"),
    "token-unknown": ("令牌无效或已吊销", "The token is unknown or revoked"),
    "role-missing": ("角色无此权限", "The role does not allow this"),
    "body-too-large": ("请求体过大", "The body is too large"),
    "content-encoding": ("不接收压缩的请求体", "Compressed bodies are not taken"),
    "media-type": ("媒体类型不支持", "Media type not supported"),
    "idempotency-key-reused": ("幂等键已用于其他请求", "The idempotency key was used for another request"),
    "idempotency-in-progress": ("相同请求正在处理", "The same request is in progress"),
    "idempotency-key-malformed": ("幂等键格式错误", "The idempotency key is malformed"),
    "cursor-malformed": ("分页游标无效", "The page cursor is invalid"),
    "parameter-invalid": ("请求参数无效", "A request parameter is invalid"),
    "route-unknown": ("没有此资源", "No such resource"),
    "method-not-allowed": ("不允许此方法", "Method not allowed"),
    "internal-error": ("内部错误，已记录", "Internal error, recorded"),
    "database-unavailable": ("数据库未接受写入", "The database did not take the write"),
    "calculations-busy": ("等待的计算过多，请稍后重发", "Many calculations wait, send again in a moment"),
    "writer-busy": ("节点繁忙，请保留数据稍后重发", "The node is busy, keep the data and send again"),
    "writer-stopped": ("节点正在停止", "The node is stopping"),
    "deployment-locked": ("另一个节点正在使用该部署目录", "Another node uses this deployment directory"),
    "writer-superseded": ("已有更新的节点接管写入", "A newer node has taken over writing"),
    "chain-unavailable": ("区块链不可达", "The chain cannot be reached"),
    "job-unknown": ("没有此任务", "No such job"),
    "claim-unknown": ("没有此声明", "No such claim"),
    "certificate-unknown": ("没有此证书", "No such certificate"),
    "meter-unknown": ("没有此计量表", "No such meter"),
}


def title(error: CarbonSealError, language: str) -> str:
    """The short title of an error for a person; `language` is "zh" or "en"."""
    pair = BY_CODE.get(error.code)
    if pair is None:
        pair = next(BY_BRANCH[branch] for branch in type(error).__mro__ if branch in BY_BRANCH)
    return pair[LANGUAGES.index(language)]


def preferred(accept_language: str) -> str:
    """"zh" or "en", whichever an Accept-Language header ranks higher; Chinese when it names neither."""
    ranked: list[tuple[float, int, str]] = []
    for position, part in enumerate(accept_language[:1_000].split(",")):
        tag, _, quality = part.strip().partition(";q=")
        language = tag.strip().lower()[:2]
        if language in LANGUAGES:
            ranked.append((-_quality(quality), position, language))
    return min(ranked)[2] if ranked and min(ranked)[0] < 0 else "zh"


def _quality(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0) if text else 1.0
    except ValueError:
        return 0.0
