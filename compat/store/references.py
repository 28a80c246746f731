"""What one document of a store says of another: whether that one is there, and what it says it is."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from compat.errors import StoreError
from compat.model import Evidence, Node, Plan, Promotion, Rehearsal, Ring, Verdict, Watch, digest
from compat.store.documents import Store
from compat.store.naming import SHORT, blob_name

__all__ = ["References"]

_PLANS = 16  # that are in memory at a time
_NAMES = 1 << 16  # that are remembered to be there
_Document = Evidence | Verdict | Watch | Rehearsal | Promotion


class References:
    """Looks up what documents name, in one store, and remembers what was found lately."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.has = functools.lru_cache(_NAMES)(store.objects.has)
        self._plan = functools.lru_cache(_PLANS)(self._read_plan)
        self._items = functools.lru_cache(_PLANS)(self._items_of)
        self._node = functools.lru_cache(1 << 12)(self._read_node)

    @functools.cached_property
    def plans(self) -> frozenset[str]:
        """The digests of the plans there are."""
        return frozenset(self._store.plan_digests())

    def lacking(self, document: _Document) -> Iterator[str]:
        """A sentence for each thing that the document names and that is not there, or is not as it says."""
        plan = self._plan(document.plan) if document.plan else None
        if document.plan and plan is None:
            yield f"names the plan {document.plan[:12]}, which is not here"
        if isinstance(document, Promotion):
            yield from self._of_promotion(document)
        elif isinstance(document, Verdict):
            yield from self._of_verdict(document, plan)
        elif not self.has(f"nodes/{document.node}.json"):
            yield f"names the node {document.node}, which is not here"
        if isinstance(document, Evidence):
            yield from self._of_evidence(document, plan)

    def rings_of(self, record: Evidence) -> list[str]:
        """The rings that the record is judged in, as the judge has it: by its item, and its node's labels and cards."""
        from compat.judge.ring import in_ring

        plan = self._plan(record.plan)
        if plan is None:
            return []
        node = self._node(record.node)
        return [
            ring.name
            for ring in plan.rings
            if record.item in self._items(record.plan)[ring.name] and in_ring(node, ring, plan)
        ]

    def _of_evidence(self, record: Evidence, plan: Plan | None) -> Iterator[str]:
        if plan is not None and record.item not in self._items(record.plan)[""]:
            yield f"is a run of {record.item}, which its plan does not have"
        if not self.has(f"identities/{record.identity}.json"):
            yield f"names the identity {record.identity[:12]}, which is not here"
        for output in record.outputs:
            if not self.has(blob_name(output.digest)):
                yield f"names the output {output.name} ({output.digest[:12]}), which is not here"

    def _of_verdict(self, verdict: Verdict, plan: Plan | None) -> Iterator[str]:
        if plan is None:
            return
        if verdict.ring not in {ring.name for ring in plan.rings}:
            yield f"is of the ring {verdict.ring}, which its plan does not have"
        if (verdict.matrix_digest, verdict.policy) != (plan.matrix_digest, plan.policy):
            yield "is of another matrix or policy than its plan"
        for node in verdict.nodes:
            if not self.has(f"nodes/{node}.json"):
                yield f"names the node {node}, which is not here"

    def _of_promotion(self, promotion: Promotion) -> Iterator[str]:
        if promotion.action != "promote":
            return
        verdict = self._verdict(promotion)
        if verdict is None:
            yield f"names the verdict {promotion.verdict[:12]}, which is not here"
        else:
            said = verdict.evidence, verdict.matrix_digest, digest(verdict.policy), verdict.candidate
            if said != (promotion.evidence, promotion.matrix_digest, promotion.policy, promotion.stack):
                yield f"says of the verdict {promotion.verdict[:12]} what is not in it"
        for name, own in promotion.nodes.items():
            node = self._node(name)
            if node is None or digest(node) != own:
                what = "is not here" if node is None else "was another one then"
                yield f"names the node {name}, which {what}"

    def _verdict(self, promotion: Promotion) -> Verdict | None:
        for name in self._store.objects.names(f"verdicts/{promotion.plan}/{promotion.ring}"):
            if name.endswith(f"-{promotion.verdict[:SHORT]}.json"):
                data = self._store.raw(name)
                if digest(data) == promotion.verdict:
                    return self._store.parsed(name, data, Verdict)
        return None

    def _read_plan(self, name: str) -> Plan | None:
        if name not in self.plans:
            return None
        try:
            return self._store.checked(f"plans/{name}.json", Plan)
        except StoreError:  # which is said where the plan itself is looked at
            return None

    def _items_of(self, name: str) -> dict[str, frozenset[str]]:
        """The items of each ring of a plan; under the empty name, of all."""
        plan = self._plan(name)
        rings: tuple[Ring, ...] = () if plan is None else plan.rings
        items = {} if plan is None else {"": frozenset(item.key for item in plan.items)}
        return items | {ring.name: frozenset(item.key for item in plan.for_ring(ring.name)) for ring in rings if plan}

    def _read_node(self, name: str) -> Node | None:
        try:
            return self._store.read(f"nodes/{name}.json", Node)
        except StoreError:
            return None
