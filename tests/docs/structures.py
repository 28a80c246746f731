"""What a custom resource has to look like, as far as our manifests use it: schemas of our own, from documentation.

They are not the projects' schemas, which no package registry has (for Argo Rollouts one has: the tests ask it too).
They know only the keys that we use, and refuse every other, so that a key that is misspelt is found. Sources, of
November 2026: argo-rollouts.readthedocs.io (Analysis, Web Metrics, Job Metrics), docs.flagger.app (Webhooks, How it
works) and the fields of its Canary, the fields of a Plan in pkg/apis/upgrade.cattle.io/v1/types.go of
system-upgrade-controller, prometheus.io (Alerting rules).
"""

from __future__ import annotations

from typing import Any

__all__ = ["STRUCTURES"]

TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
TRUTH = {"type": "boolean"}
COUNT = {"type": "integer", "minimum": 0}
LABELS = {"type": "object", "additionalProperties": {"type": "string"}, "minProperties": 1}
SPAN = {"type": "string", "pattern": "^[0-9]+(m|s)$"}


def has(needed: dict[str, Any], **more: Any) -> dict[str, Any]:
    """An object with these keys, and perhaps those."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(needed),
        "properties": {**needed, **more},
    }


def resource(version: str, kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    metadata = has({"name": TEXT}, namespace=TEXT, labels=LABELS, annotations=LABELS)
    return has({"apiVersion": {"const": version}, "kind": {"const": kind}, "metadata": metadata, "spec": spec})


def many(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "minItems": 1, "items": item}


_SECRET = has({"secretKeyRef": has({"name": TEXT, "key": TEXT})})
_WEB = has(
    {"url": {"type": "string", "pattern": "^https?://"}, "jsonPath": {"type": "string", "pattern": r"^\{\$.*\}$"}},
    headers=many(has({"key": TEXT, "value": TEXT})),
    timeoutSeconds={"type": "integer", "minimum": 1},
)
_METRIC = has(
    {"name": TEXT, "provider": {"oneOf": [has({"web": _WEB}), has({"job": has({"spec": {"type": "object"}})})]}},
    count=COUNT,
    failureLimit=COUNT,
    inconclusiveLimit=COUNT,
    consecutiveErrorLimit=COUNT,
    successCondition=TEXT,
    failureCondition=TEXT,
)
_HOOKS = ["confirm-rollout", "pre-rollout", "rollout", "confirm-promotion", "post-rollout", "rollback"]
_WEBHOOK = has(
    {"name": TEXT, "type": {"enum": _HOOKS}, "url": {"type": "string", "format": "uri", "pattern": "^https?://"}},
    timeout=SPAN,
    metadata=LABELS,
)
_CONTAINER = has(
    {"image": TEXT},
    command=many(TEXT),
    args=many(TEXT),
    volumes=many(has({"name": TEXT, "source": TEXT, "destination": TEXT})),
)

STRUCTURES: dict[tuple[str, str], dict[str, Any]] = {
    ("argoproj.io/v1alpha1", "AnalysisTemplate"): resource(
        "argoproj.io/v1alpha1",
        "AnalysisTemplate",
        has({"metrics": many(_METRIC)}, args=many(has({"name": TEXT}, value=TEXT, valueFrom=_SECRET))),
    ),
    ("flagger.app/v1beta1", "Canary"): resource(
        "flagger.app/v1beta1",
        "Canary",
        has(
            {
                "targetRef": has({"apiVersion": TEXT, "kind": TEXT, "name": TEXT}),
                "service": has({"port": {"type": "integer", "minimum": 1, "maximum": 65535}}),
                "analysis": has(
                    {"interval": SPAN, "threshold": COUNT, "iterations": COUNT, "webhooks": many(_WEBHOOK)}
                ),
            }
        ),
    ),
    ("upgrade.cattle.io/v1", "Plan"): resource(
        "upgrade.cattle.io/v1",
        "Plan",
        has(
            {"upgrade": _CONTAINER, "prepare": _CONTAINER, "nodeSelector": has({"matchLabels": LABELS})},
            concurrency=COUNT,
            version=TEXT,
            serviceAccountName=TEXT,
            jobActiveDeadlineSecs=COUNT,
            cordon=TRUTH,
            drain=has({}, force=TRUTH, ignoreDaemonSets=TRUTH),
        ),
    ),
    ("", "rules"): has(
        {
            "groups": many(
                has(
                    {
                        "name": TEXT,
                        "rules": many(has({"alert": TEXT, "expr": TEXT}, annotations=LABELS, labels=LABELS)),
                    },
                    interval=SPAN,
                )
            )
        }
    ),
}
