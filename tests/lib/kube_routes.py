"""From a request's path, query and body to a Store's answer: (HTTP status, object or text[, content type])."""

import base64
import json
import typing
import urllib.parse

from kube_kinds import ApiError

MERGE, STRATEGIC = "application/merge-patch+json", "application/strategic-merge-patch+json"
VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
PLAIN = "text/plain; charset=utf-8"
VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.3+k3s1", "platform": "linux/amd64"}


class Call(typing.NamedTuple):
    method: str
    target: str
    body: bytes
    headers: typing.Mapping
    peer: dict  # the client certificate's subject


class Place(typing.NamedTuple):
    kind: object
    namespace: str
    name: str
    subresource: str


def respond(api, call):
    path, _, query = call.target.partition("?")
    query = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
    user = call.peer.get("commonName")
    if not user:
        raise ApiError(401, "Unauthorized", "Unauthorized")
    if path in ("/readyz", "/livez", "/healthz"):
        bad = path == "/readyz" and not api.ready
        return (500, "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n", PLAIN) if bad else (200, "ok", PLAIN)
    if path == "/version":
        return 200, VERSION
    parts = [urllib.parse.unquote(p) for p in path.strip("/").split("/")]
    if parts[0] not in ("api", "apis"):
        raise not_found(user, path, call)
    group, rest = ("", parts[1:]) if parts[0] == "api" else (parts[1] if len(parts) > 1 else None, parts[2:])
    found = discover(api.store, group, rest)
    if found is not None:
        return found
    place = find(api.store, group, rest[1:])
    if not place:
        raise unknown()
    authorize(call, user, place, query)
    return {"GET": read, "POST": create, "PUT": replace, "PATCH": patch, "DELETE": delete}[call.method](api, call, place, query)


def not_found(user, path, call):
    return ApiError(403, "Forbidden", f'forbidden: User "{user}" cannot {call.method.lower()} path "{path}"')


def unknown():
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def find(store, group, parts):
    """namespaces/NS/PLURAL/NAME/SUB, PLURAL/NAME/SUB; namespaces/NS[/status] is the namespace itself."""
    namespace = ""
    if len(parts) > 2 and parts[0] == "namespaces" and parts[2] not in ("status", "finalize"):
        namespace, parts = parts[1], parts[2:]
    plural, name, subresource = [*parts, "", "", ""][:3]
    kind = store.kinds.get((group, plural))
    if not kind or (subresource and not (subresource == "status" and kind.status)) or len(parts) > 3:
        return None
    if kind.namespaced and not namespace and name:
        return None
    return Place(kind, namespace, name, subresource)


def discover(store, group, rest):
    """The answer to a path that names no objects, else None."""
    kinds = [k for k in store.kinds.values() if k.group == group]
    groups = {}
    for kind in store.kinds.values():
        if kind.group:
            groups.setdefault(kind.group, kind.version)

    def described(name):
        version = {"groupVersion": f"{name}/{groups[name]}", "version": groups[name]}
        return {"name": name, "versions": [version], "preferredVersion": version}

    if group is None:
        return 200, {"kind": "APIGroupList", "apiVersion": "v1", "groups": [described(g) for g in groups]}
    if group == "" and not rest:
        return 200, {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
    if not kinds or (rest and rest[0] != kinds[0].version):
        return 404, "404 page not found\n", PLAIN
    if not rest:
        return 200, {"kind": "APIGroup", "apiVersion": "v1", **described(group)}
    if len(rest) > 1:
        return None
    resources = []
    for kind in kinds:
        entry = {"name": kind.plural, "singularName": kind.kind.lower(), "namespaced": kind.namespaced, "kind": kind.kind,
                 "verbs": ["create", "delete", "deletecollection", "get", "list", "patch", "update"]}
        resources.append(entry)
        if kind.status:
            resources.append(dict(entry, name=f"{kind.plural}/status", singularName="", verbs=["get", "patch", "update"]))
    return 200, {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": kinds[0].api_version, "resources": resources}


def authorize(call, user, place, query):
    """A kubelet's certificate is for its own Node and Lease, services and events, as the Node authorizer has it."""
    if call.peer.get("organizationName") != "system:nodes":
        return
    node, verb, kind = user.removeprefix("system:node:"), VERBS[call.method], place.kind
    if verb == "get" and not place.name:
        verb = "list"
    selected = dict(p.split("=", 1) for p in query.get("fieldSelector", "").split(",") if "=" in p)
    name = place.name or selected.get("metadata.name", "")
    why = ""
    match kind.resource:
        case "nodes":
            allowed = verb == "create" or (name == node and verb != "delete")
            if not allowed:
                why = f": node '{node}' cannot read {repr(name) if name else 'all nodes'}, only its own Node object"
        case "leases.coordination.k8s.io":
            allowed = place.namespace == "kube-node-lease" and (verb == "create" or name == node) and verb != "list"
        case "services":
            allowed = verb in ("get", "list")
        case "events":
            allowed = verb in ("create", "update", "patch")
        case _:
            allowed = False
    if not allowed:
        scope = f' in the namespace "{place.namespace}"' if place.namespace else " at the cluster scope"
        what = f'{kind.resource} "{place.name}"' if place.name else kind.resource
        raise kind.error(403, "Forbidden", place.name, f'{what} is forbidden: User "{user}" cannot {verb} resource '
                         f'"{kind.plural}" in API group "{kind.group}"{scope}{why}')


def read(api, call, place, query):
    kind, bare = place.kind, "as=PartialObjectMetadata" in call.headers.get("Accept", "")

    def shown(obj, listed=False):
        if bare:
            return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": obj["metadata"]}
        # The items of a list have no kind of their own, but for those of a definition.
        return {k: v for k, v in obj.items() if k not in ("kind", "apiVersion")} if listed and not kind.custom else obj

    if place.name:
        return 200, shown(api.store.get(kind, place.name, place.namespace))
    if query.get("watch") in ("1", "true"):
        raise ApiError(400, "BadRequest", "this stand-in does not watch")
    with api.store.lock:
        revision = str(api.store.revision)
        items = api.store.list(kind, place.namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    meta = {"resourceVersion": revision}
    if query.get("continue"):
        token = json.loads(base64.urlsafe_b64decode(query["continue"]))
        if token["rv"] < api.compacted:
            raise ApiError(410, "Expired", "The provided continue parameter is too old to display a consistent list result.")
        items = [o for o in items if [o["metadata"].get("namespace", ""), o["metadata"]["name"]] > token["start"]]
    limit = int(query.get("limit") or 0)
    if limit and len(items) > limit:
        last = items[limit - 1]["metadata"]
        token = {"v": "meta.k8s.io/v1", "rv": int(revision), "start": [last.get("namespace", ""), last["name"]]}
        meta["continue"] = base64.urlsafe_b64encode(json.dumps(token).encode()).decode()
        if not query.get("labelSelector") and not query.get("fieldSelector"):
            meta["remainingItemCount"] = len(items) - limit
        items = items[:limit]
    head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"} if bare else {
        "kind": f"{kind.kind}List", "apiVersion": kind.api_version}
    return 200, {**head, "metadata": meta, "items": [shown(o, True) for o in items]}


def body_of(call, place):
    try:
        obj = json.loads(call.body)
    except ValueError as error:
        raise ApiError(400, "BadRequest", f"error decoding JSON: {error}") from None
    if not isinstance(obj, dict) or (obj.get("apiVersion"), obj.get("kind")) != (place.kind.api_version, place.kind.kind):
        raise ApiError(400, "BadRequest", f"the object provided is unrecognized (must be of type {place.kind.kind})")
    meta = obj.setdefault("metadata", {})
    if place.kind.namespaced and meta.setdefault("namespace", place.namespace) != place.namespace:
        raise ApiError(400, "BadRequest",
                       "the namespace of the provided object does not match the namespace sent on the request")
    if place.name and meta.setdefault("name", place.name) != place.name:
        raise ApiError(400, "BadRequest",
                       f"the name of the object ({meta['name']}) does not match the name on the URL ({place.name})")
    return obj


def manager(call, query):
    return query.get("fieldManager") or call.headers.get("User-Agent", "").split("/")[0] or "unknown"


def create(api, call, place, query):
    if place.name:
        raise ApiError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
    return 201, api.store.create(place.kind, body_of(call, place), manager(call, query))


def replace(api, call, place, query):
    obj = body_of(call, place)
    with api.store.lock:
        there = api.store.has(place.kind, obj["metadata"]["name"], place.namespace)
        return 200 if there else 201, api.store.replace(place.kind, obj, manager(call, query), place.subresource)


def patch(api, call, place, query):
    accepted = [MERGE] if place.kind.custom else [MERGE, STRATEGIC]
    if call.headers.get("Content-Type", "").split(";")[0] not in accepted:
        raise ApiError(415, "UnsupportedMediaType", "the body of the request was in an unknown format - accepted media types "
                       "include: " + ", ".join(accepted))
    changes = json.loads(call.body)
    return 200, api.store.patch(place.kind, place.name, changes, place.namespace, manager(call, query), place.subresource)


def delete(api, call, place, query):
    options = json.loads(call.body) if call.body else {}
    if not place.name:
        gone = api.store.list(place.kind, place.namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        for obj in gone:
            api.store.delete(place.kind, obj["metadata"]["name"], obj["metadata"].get("namespace", ""))
        return 200, {"kind": f"{place.kind.kind}List", "apiVersion": place.kind.api_version, "metadata": {}, "items": gone}
    uid = api.store.get(place.kind, place.name, place.namespace)["metadata"]["uid"]
    held = api.store.delete(place.kind, place.name, place.namespace, options.get("preconditions"))
    details = {"name": place.name, "group": place.kind.group, "kind": place.kind.plural, "uid": uid}
    return 200, held or {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success",
                         "details": {k: v for k, v in details.items() if v}}
