"""One manifest applied as K3s applies it: rancher/wrangler's apply with the Addon as owner, against a Store."""

import base64
import copy
import gzip
import hashlib
import json

from kube_kinds import ApiError
from kube_store import merged

SET = "objectset.rio.cattle.io/"
OWNER_KIND = "k3s.cattle.io/v1, Kind=Addon"


class ApplyError(Exception):
    pass


def gvk(obj):
    """group/version, Kind=kind, as Go writes it: "/v1, Kind=ConfigMap" of the core."""
    version = obj.get("apiVersion", "")
    return f"{version if '/' in version else '/' + version}, Kind={obj.get('kind', '')}"


def kind_of(store, text):
    version, _, kind = text.partition(", Kind=")
    return store.kind_of(version.removeprefix("/"), kind)


def owner_marks(addon):
    """(labels, annotations) that every object of this Addon carries."""
    annotations = {SET + "id": "", SET + "owner-gvk": OWNER_KIND, SET + "owner-name": addon["metadata"]["name"],
                   SET + "owner-namespace": addon["metadata"]["namespace"]}
    return {SET + "hash": hashlib.sha1("".join(annotations.values()).encode()).hexdigest()}, annotations


def shortened(value, in_list=False):
    """What the annotation "applied" keeps of an object: long texts cut."""
    if isinstance(value, dict):
        return {k: shortened(v) for k, v in value.items()}
    if isinstance(value, list):
        return [shortened(v, True) for v in value]
    return value[:64] if isinstance(value, str) else value


def applied(obj):
    packed = gzip.compress(json.dumps(shortened(obj), separators=(",", ":")).encode(), mtime=0)
    return base64.b64encode(packed).decode().rstrip("=")


def applied_before(obj):
    text = (obj["metadata"].get("annotations") or {}).get(SET + "applied", "")
    try:
        return json.loads(gzip.decompress(base64.b64decode(text + "=" * (-len(text) % 4)))) if text else {}
    except (ValueError, OSError):
        return {}


def three_way(original, modified, current):
    """The merge patch that sets what `modified` has and removes what `original` had and `modified` has not."""
    patch = {}
    for key, value in modified.items():
        if isinstance(value, dict) and isinstance(current.get(key), dict):
            old = original.get(key)
            inner = three_way(old if isinstance(old, dict) else {}, value, current[key])
            if inner:
                patch[key] = inner
        elif key not in current or current[key] != value:
            patch[key] = copy.deepcopy(value)
    patch |= {key: None for key in original if key not in modified and key in current}
    return patch


class Set:
    """What an Addon's file holds, to be made so. `manager` is who K3s is in managedFields."""

    def __init__(self, store, addon, manager):
        self.store, self.manager = store, manager
        self.labels, self.annotations = owner_marks(addon)
        self.who = f" {addon['metadata']['namespace']}/{addon['metadata']['name']}"
        self.errors = []

    def apply(self, objects, known):
        """Kind after kind in the file's order, then those of `known` (as strings) that only earlier files had."""
        by_kind = {}
        for obj in objects:
            by_kind.setdefault(gvk(obj), []).append(obj)
        named = [(o.get("kind"), o.get("metadata") or {}) for o in objects]
        names = {(kind, meta.get("namespace", ""), meta.get("name", "")) for kind, meta in named}
        for one in [*by_kind, *sorted(set(known) - set(by_kind))]:
            try:
                self.process(one, by_kind.get(one, []), names)
            except ApiError as error:
                self.errors.append(error.message)
        if self.errors:
            raise ApplyError(", ".join(self.errors))

    def process(self, which, objects, names):
        kind = kind_of(self.store, which)
        if not kind:
            version = which.split(",")[0].removeprefix("/")
            known = any(k.api_version == version for k in self.store.kinds.values())
            self.errors.append(f"failed to discover client for {which}" if known else
                               "the server could not find the requested resource")
            return
        wanted = {}
        for obj in objects:
            obj = self.marked(kind, obj)
            wanted[(obj["metadata"].get("namespace", ""), obj["metadata"].get("name", ""))] = obj
        label = ",".join(f"{k}={v}" for k, v in self.labels.items())
        mine = {(o["metadata"].get("namespace", ""), o["metadata"]["name"]): o for o in self.store.list(kind, labels=label)}
        for key in sorted(set(wanted) - set(mine)):
            self.attempt("create", which, key, self.create, kind, wanted[key])
        for key in sorted(set(wanted) & set(mine)):
            self.attempt("update", which, key, self.update, kind, mine[key], wanted[key])
        for key in sorted(set(mine) - set(wanted)):
            kept = mine[key]["metadata"]["labels"].get(SET + "prune") == "false"
            elsewhere = (kind.kind, *key) in names or (key[0] == "default" and (kind.kind, "", key[1]) in names)
            if not kept and not elsewhere:
                self.attempt("delete", which, key, self.store.delete, kind, key[1], key[0])

    def attempt(self, what, which, key, action, *arguments):
        try:
            action(*arguments)
        except ApiError as error:
            named = "/".join(key) if key[0] else key[1]
            self.errors.append(f"failed to {what} {named} {which} for {self.who}: {error.message}")

    def marked(self, kind, obj):
        obj = copy.deepcopy(obj)
        meta = obj.setdefault("metadata", {})
        meta["labels"] = dict(meta.get("labels") or {}, **self.labels)
        meta["annotations"] = dict(meta.get("annotations") or {}, **self.annotations)
        meta["annotations"].pop(SET + "applied", None)
        if kind.namespaced:
            meta["namespace"] = meta.get("namespace") or "default"
        else:
            meta.pop("namespace", None)
        meta["annotations"][SET + "applied"] = applied(obj)
        return obj

    def create(self, kind, obj):
        try:
            self.store.create(kind, obj, self.manager)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            self.update(kind, self.store.get(kind, obj["metadata"]["name"], obj["metadata"].get("namespace", "")), obj)

    def update(self, kind, current, obj):
        patch = three_way(applied_before(current), obj, current)
        for field in ("status", "kind", "apiVersion"):
            patch.pop(field, None)
        if patch and merged(current, patch) != current:
            self.store.patch(kind, obj["metadata"]["name"], patch, obj["metadata"].get("namespace", ""), self.manager)
