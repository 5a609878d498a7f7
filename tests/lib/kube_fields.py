"""metadata.managedFields: which client set which field, as the API server keeps it for PUT, POST and merge patches."""

import json

KEPT_OUT = {"name", "namespace", "uid", "resourceVersion", "creationTimestamp", "generation", "managedFields",
            "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generateName"}


def paths(value, at=()):
    """Path -> value of all that can have an owner. Lists of named things by their name, other lists whole."""
    if isinstance(value, dict) and value:
        found = {at + (".",): True} if at else {}
        for key, inner in value.items():
            if (not at and key in ("apiVersion", "kind")) or (at == ("f:metadata",) and key in KEPT_OUT):
                continue
            found |= paths(inner, at + (f"f:{key}",))
        found.pop(("f:metadata", "."), None)
        return found
    if isinstance(value, list) and value and all(isinstance(v, dict) and ("name" in v or "type" in v) for v in value):
        found = {at + (".",): True}
        for item in value:
            by = "name" if "name" in item else "type"
            found |= paths(item, at + ("k:" + json.dumps({by: item[by]}, separators=(",", ":")),))
        return found
    return {at: json.dumps(value, sort_keys=True)}


def nested(found):
    tree = {}
    for path in sorted(found):
        node = tree
        for part in path:
            node = node.setdefault(part, {})
    return tree


def flat(tree, at=()):
    found = set()
    for part, inner in tree.items():
        found |= flat(inner, at + (part,)) if inner else {at + (part,)}
    return found


def owned(new, old, manager, subresource, api_version, time):
    """The managedFields of `new`, which `manager` has made of `old` (None: it is new)."""
    now, before = paths(new), paths(old) if old else {}
    changed = {p for p, v in now.items() if before.get(p) != v}
    entries, mine = [], None
    for entry in (old or {}).get("metadata", {}).get("managedFields", []):
        is_mine = (entry["manager"], entry.get("subresource", "")) == (manager, subresource)
        left = flat(entry["fieldsV1"]) & set(now) - (set() if is_mine else {p for p in changed if p[-1] != "."})
        if is_mine:
            mine, left = entry, left | changed
        if left:
            entries.append(dict(entry, fieldsV1=nested(left), **({"time": time} if is_mine and changed else {})))
    if changed and not mine:
        entry = {"manager": manager, "operation": "Update", "apiVersion": api_version, "time": time, "fieldsType": "FieldsV1",
                 "fieldsV1": nested(changed)}
        entries.append(dict(entry, subresource=subresource) if subresource else entry)
    return entries
