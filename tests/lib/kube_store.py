"""The objects of a Kubernetes API in memory, with the rules of the real one that a client can feel: names, uids, resource
versions, generations, conflicts, selectors, finalizers, namespaces that take their contents along, kinds that appear
with their CustomResourceDefinition. kube_api.py serves it.
"""

import base64
import copy
import datetime
import json
import pathlib
import random
import re
import string
import threading
import uuid

import kube_fields
from kube_kinds import BUILTIN, K3S_KINDS, ApiError, Kind, check_name, check_texts, kinds_of

EVENT_FIELDS = {"involvedObject." + f for f in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion",
                                                "fieldPath")} | {"reason", "reportingComponent", "source", "type"}
FIELDS = {"events": EVENT_FIELDS, "pods": {"spec.nodeName", "status.phase"}, "secrets": {"type"},
          "namespaces": {"status.phase"}, "nodes": {"spec.unschedulable"}}


def now():
    return datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def merged(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def dotted(obj, path):
    for part in path.split("."):
        obj = obj.get(part, "") if isinstance(obj, dict) else ""
    return str(obj)


def label_test(text):
    """labels -> whether they match: a=b, a==b, a!=b, a in (b,c), a notin (b,c), a, !a, with commas between."""
    tests = []
    for part in re.findall(r"(?:[^,(]|\([^)]*\))+", text):
        if found := re.fullmatch(r"\s*(\S+)\s+(in|notin)\s+\(([^)]*)\)\s*", part):
            key, operator, values = found[1], found[2], {v.strip() for v in found[3].split(",")}
            tests.append(lambda labels, k=key, v=values, want=operator == "in": (labels.get(k) in v) is want)
        elif found := re.fullmatch(r"\s*([^=!\s]+)\s*(!=|==|=)\s*(\S*)\s*", part):
            tests.append(lambda labels, k=found[1], v=found[3], want=found[2] != "!=": (labels.get(k) == v) is want)
        else:
            key = part.strip()
            tests.append(lambda labels, k=key.lstrip("!"), want=not key.startswith("!"): (k in labels) is want)
    return lambda labels: all(test(labels) for test in tests)


class Store:
    """Every method takes the lock, gives copies, and raises ApiError. `kind`: a Kind or its name: "addons.k3s.cattle.io"."""

    def __init__(self, journal=None):
        self.lock = threading.RLock()
        self.kinds = {(k.group, k.plural): k for k in [*kinds_of(BUILTIN, False), *kinds_of(K3S_KINDS, True)]}
        self.objects = {}  # (group, plural, namespace, name) -> object
        self.revision = 0
        self.journal = None
        if journal:
            self.replay(pathlib.Path(journal))
        for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            if ("", "namespaces", "", name) not in self.objects:
                self.create("namespaces", {"metadata": {"name": name}})

    # Kinds

    def kind(self, which):
        if isinstance(which, Kind):
            return which
        plural, _, group = which.partition(".")
        return self.kinds[(group, plural)]

    def kind_of(self, api_version, kind):
        """None where the API does not know it."""
        with self.lock:
            return next((k for k in self.kinds.values() if (k.api_version, k.kind) == (api_version, kind)), None)

    def define(self, definition):
        spec = definition["spec"]
        version = next(v for v in spec["versions"] if v.get("served", True))
        status = "status" in version.get("subresources", {})
        self.kinds[(spec["group"], spec["names"]["plural"])] = Kind(
            spec["group"], version["name"], spec["names"]["plural"], spec["names"]["kind"], spec["scope"] == "Namespaced",
            status, True, True, False, True)
        definition["status"] = {"acceptedNames": spec["names"], "storedVersions": [version["name"]], "conditions": [
            {"type": t, "status": "True", "lastTransitionTime": now()} for t in ("NamesAccepted", "Established")]}

    # Reading

    def get(self, kind, name, namespace=""):
        with self.lock:
            kind = self.kind(kind)
            found = self.objects.get(self.key(kind, namespace, name))
            if found is None:
                raise kind.missing(name)
            return copy.deepcopy(found)

    def has(self, kind, name, namespace=""):
        return self.key(self.kind(kind), namespace, name) in self.objects

    def list(self, kind, namespace="", labels="", fields=""):
        """Sorted by namespace and name; all namespaces where none is named."""
        with self.lock:
            kind = self.kind(kind)
            wanted = self.field_test(kind, fields)
            matches = label_test(labels)
            found = [(key, o) for key, o in self.objects.items() if key[:2] == (kind.group, kind.plural)
                     and namespace in ("", key[2]) and wanted(o) and matches(o["metadata"].get("labels") or {})]
            return [copy.deepcopy(o) for _, o in sorted(found, key=lambda pair: pair[0])]

    @staticmethod
    def field_test(kind, text):
        pairs = []
        for part in filter(None, text.split(",")):
            path, operator, value = re.fullmatch(r"([^=!]+)(!=|==|=)(.*)", part).groups()
            if path not in {"metadata.name", "metadata.namespace"} | FIELDS.get(kind.plural, set()):
                raise ApiError(400, "BadRequest", f'Unable to find "{kind.group}/{kind.version}, Resource={kind.plural}" that '
                               f'match label selector "", field selector "{text}": field label not supported: {path}')
            pairs.append(("source.component" if path == "source" else path, value, operator != "!="))
        return lambda o: all((dotted(o, path) == value) is want for path, value, want in pairs)

    # Writing

    def create(self, kind, obj, manager="test"):
        with self.lock:
            kind = self.kind(kind)
            obj = copy.deepcopy(obj)
            meta = obj.setdefault("metadata", {})
            if not meta.get("name") and meta.get("generateName"):
                meta["name"] = meta["generateName"] + "".join(random.choices(string.ascii_lowercase + string.digits, k=5))
            name, namespace = meta.get("name", ""), meta.get("namespace", "") if kind.namespaced else ""
            if not kind.namespaced:
                meta.pop("namespace", None)
            check_name(kind, name)
            if kind.namespaced and ("", "namespaces", "", namespace) not in self.objects:
                raise self.kind("namespaces").missing(namespace)
            key = self.key(kind, namespace, name)
            if key in self.objects:
                raise kind.error(409, "AlreadyExists", name, f'{kind.resource} "{name}" already exists')
            for field in ("resourceVersion", "generation", "deletionTimestamp", "managedFields"):
                meta.pop(field, None)
            if kind.status and kind.plural != "nodes":
                obj.pop("status", None)
            meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now()}
            if kind.generation:
                meta["generation"] = 1
            if kind.plural == "namespaces":
                meta.setdefault("labels", {})["kubernetes.io/metadata.name"] = name
                obj |= {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
            check_texts(kind, obj)
            if kind.plural == "secrets":
                self.encode_secret(obj)
            if kind.plural == "customresourcedefinitions":
                self.define(obj)
            return self.save(kind, key, obj, None, manager)

    def replace(self, kind, obj, manager="test", subresource=""):
        with self.lock:
            kind = self.kind(kind)
            meta = obj.get("metadata", {})
            name, namespace = meta.get("name", ""), meta.get("namespace", "")
            old = self.objects.get(self.key(kind, namespace, name))
            if old is None:
                if kind.created_by_put and not subresource:
                    return self.create(kind, obj, manager)
                raise kind.missing(name)
            if not meta.get("resourceVersion") and kind.versioned:
                raise kind.invalid(name, "metadata.resourceVersion", "Invalid value: 0: must be specified for an update",
                                   kind.plural)
            return self.change(kind, old, copy.deepcopy(obj), manager, subresource)

    def patch(self, kind, name, patch, namespace="", manager="test", subresource=""):
        with self.lock:
            kind = self.kind(kind)
            old = self.objects.get(self.key(kind, namespace, name))
            if old is None:
                raise kind.missing(name)
            new = merged(old, patch)
            if new["metadata"]["name"] != name:
                raise ApiError(400, "BadRequest", f"the name of the object ({new['metadata']['name']}) does not match the name "
                               f"on the URL ({name})")
            return self.change(kind, old, copy.deepcopy(new), manager, subresource)

    def delete(self, kind, name, namespace="", preconditions=None):
        """The object where a finalizer holds it, else None."""
        with self.lock:
            kind = self.kind(kind)
            key = self.key(kind, namespace, name)
            old = self.objects.get(key)
            if old is None:
                raise kind.missing(name)
            for field, what in (("uid", "UID"), ("resourceVersion", "ResourceVersion")):
                self.check_same(kind, old, field, what, (preconditions or {}).get(field))
            if old["metadata"].get("finalizers"):
                if "deletionTimestamp" in old["metadata"]:
                    return copy.deepcopy(old)
                new = merged(old, {"metadata": {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}})
                return self.save(kind, key, new, old)
            self.remove(kind, key)
            return None

    # Within

    @staticmethod
    def key(kind, namespace, name):
        return (kind.group, kind.plural, namespace if kind.namespaced else "", name)

    @staticmethod
    def check_same(kind, obj, field, what, wanted):
        name, there = obj["metadata"]["name"], obj["metadata"][field]
        if wanted and wanted != there:
            raise kind.conflict(name, f"Precondition failed: {what} in precondition: {wanted}, {what} in object meta: {there}")

    @staticmethod
    def encode_secret(obj):
        for key, value in obj.pop("stringData", {}).items():
            obj.setdefault("data", {})[key] = base64.b64encode(value.encode()).decode()

    def change(self, kind, old, new, manager, subresource):
        """`new` in place of `old`, with what a client cannot change taken from `old`."""
        meta, before = new["metadata"], old["metadata"]
        name = before["name"]
        self.check_same(kind, old, "uid", "UID", meta.get("uid"))
        if meta.get("resourceVersion") and meta["resourceVersion"] != before["resourceVersion"]:
            raise kind.conflict(name)
        check_texts(kind, new)
        if kind.plural == "secrets":
            self.encode_secret(new)
        if subresource == "status":
            new = dict(copy.deepcopy(old), status=new.get("status", {}))
        elif kind.status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = copy.deepcopy(old["status"])
        for field in ("uid", "creationTimestamp", "generation", "deletionTimestamp", "managedFields", "resourceVersion", "name",
                      "namespace", "deletionGracePeriodSeconds"):
            new["metadata"].pop(field, None)
            if field in before:
                new["metadata"][field] = copy.deepcopy(before[field])
        key = self.key(kind, before.get("namespace", ""), name)
        if "deletionTimestamp" in before and not new["metadata"].get("finalizers"):
            self.remove(kind, key)
            return new
        return self.save(kind, key, new, old, manager, subresource)

    def save(self, kind, key, new, old, manager=None, subresource=""):
        new = {**{"apiVersion": "", "kind": ""}, **new, "apiVersion": kind.api_version, "kind": kind.kind}  # these first
        if new == old:
            return copy.deepcopy(old)  # the real one writes nothing either
        if manager:
            new["metadata"]["managedFields"] = kube_fields.owned(new, old, manager, subresource, kind.api_version, now())
        if old and kind.generation and self.desired(kind, new) != self.desired(kind, old):
            new["metadata"]["generation"] = old["metadata"]["generation"] + 1
        self.revision += 1
        new["metadata"]["resourceVersion"] = str(self.revision)
        self.objects[key] = new
        self.record(key, new)
        return copy.deepcopy(new)

    @staticmethod
    def desired(kind, obj):
        """What counts as another generation."""
        found = {k: v for k, v in obj.items() if k != "metadata" and not (k == "status" and kind.status)}
        # A Deployment hands its annotations down.
        return found, obj["metadata"].get("annotations") if kind.plural == "deployments" else None

    def remove(self, kind, key):
        self.objects.pop(key)
        self.revision += 1
        self.record(key, None)
        if kind.plural == "namespaces":
            inside = [k for k in self.objects if k[2] == key[3]]
        elif kind.plural == "customresourcedefinitions":
            plural, _, group = key[3].partition(".")
            inside = [k for k in self.objects if k[:2] == (group, plural)]
        else:
            return
        for other in inside:
            self.objects.pop(other)
            self.record(other, None)
        if kind.plural == "customresourcedefinitions":
            self.kinds.pop((group, plural), None)

    # So that a program that is restarted finds what it had: a line of JSON for each change.

    def record(self, key, obj):
        if self.journal:
            self.journal.write(json.dumps([key, obj]) + "\n")
            self.journal.flush()

    def replay(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        for line in path.read_text().splitlines() if path.exists() else []:
            try:
                key, obj = json.loads(line)
            except ValueError:
                break  # the last line before the power went
            self.revision += 1
            self.objects.pop(tuple(key), None)
            if obj:
                self.objects[tuple(key)] = obj
                self.revision = max(self.revision, int(obj["metadata"]["resourceVersion"]))
        for key, obj in list(self.objects.items()):
            if key[1] == "customresourcedefinitions":
                self.define(obj)
        path.write_text("".join(json.dumps([k, o]) + "\n" for k, o in self.objects.items()))
        self.journal = path.open("a")
