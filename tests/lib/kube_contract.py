"""What a client relies on in a Kubernetes API, as tests: for the stand-in and for a real server alike."""

import agent as lib
from kube_client import MERGE, Client

BARE = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
BARE_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
MAPS = "/api/v1/namespaces/default/configmaps"
LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases"
ADDONS = "/apis/k3s.cattle.io/v1/namespaces/kube-system/addons"
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"


def config_map(name, **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}, "data": data}


def lease(name, **spec):
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name, "namespace": "kube-system"},
            "spec": spec}


def addon(name):
    return {"apiVersion": "k3s.cattle.io/v1", "kind": "Addon", "metadata": {"name": name, "namespace": "kube-system"},
            "spec": {"source": "/x", "checksum": "1"}}


def deployment(name):
    pod = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
            "spec": {"replicas": 0, "selector": {"matchLabels": {"app": name}}, "template": pod}}


def definition(group, plural, kind):
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"}
    versions = [{"name": "v1", "served": True, "storage": True, "schema": schema}]
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{plural}.{group}"},
            "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": versions}}


class ApiContract:
    """Needs `client` (a Client), `kubeconfig` and client_certificate(organization, name)."""

    def status(self, answer, code, reason, message=None, **details):
        self.assertEqual((answer.status, answer.type), (code, "application/json"), answer.text)
        body = answer.json
        said = [body[k] for k in ("kind", "status", "reason", "code")]
        self.assertEqual(said, ["Status", "Failure", reason, code], answer.text)
        if message:
            self.assertEqual(body["message"], message)
        if details:
            self.assertEqual({k: body["details"].get(k) for k in details}, details)

    def made(self, path, body):
        answer = self.client.post(path, body)
        self.assertEqual(answer.status, 201, answer.text)
        self.addCleanup(self.client.delete, f"{path}/{body['metadata']['name']}")
        return answer

    def test_a_client_without_a_certificate_is_unauthorized(self):
        nobody = Client(self.kubeconfig, anonymous=True)
        for path in ("/readyz", "/api/v1/namespaces"):
            self.status(nobody.get(path), 401, "Unauthorized", "Unauthorized")

    def test_health_and_version(self):
        self.assertEqual(self.client.get("/readyz")[::2], (200, "ok"))
        self.assertRegex(self.client.get("/version").json["gitVersion"], r"^v1\.\d+\.\d+")

    def test_discovery_names_kinds_and_their_scope(self):
        core = self.client.get("/api/v1").json
        self.assertEqual((core["kind"], core["groupVersion"]), ("APIResourceList", "v1"))
        scopes = {r["name"]: (r["kind"], r["namespaced"]) for r in core["resources"]}
        self.assertEqual((scopes["configmaps"], scopes["nodes"]), (("ConfigMap", True), ("Node", False)))
        self.assertIn("namespaces/status", scopes)
        self.assertIn("addons", {r["name"] for r in self.client.get("/apis/k3s.cattle.io/v1").json["resources"]})
        self.assertIn("k3s.cattle.io", {g["name"] for g in self.client.get("/apis").json["groups"]})
        unknown = self.client.get("/apis/argoproj.io/v1alpha1")
        self.assertEqual((unknown.status, unknown.type, unknown.text), (404, "text/plain", "404 page not found\n"))

    def test_what_is_not_there(self):
        self.status(self.client.get(f"{MAPS}/none"), 404, "NotFound", 'configmaps "none" not found', name="none",
                    kind="configmaps")
        self.status(self.client.get(f"{ADDONS}/none"), 404, "NotFound", 'addons.k3s.cattle.io "none" not found', name="none",
                    group="k3s.cattle.io", kind="addons")
        self.status(self.client.get("/api/v1/namespaces/default/nonsense"), 404, "NotFound",
                    "the server could not find the requested resource")
        lost = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
        self.status(self.client.post("/api/v1/namespaces/none/configmaps", lost), 404, "NotFound", 'namespaces "none" not found')

    def test_an_object_from_birth_to_death(self):
        made = self.made(MAPS, config_map("born", a="1"))
        meta = made.meta
        self.assertRegex(meta["uid"], r"^[0-9a-f-]{36}$")
        self.assertRegex(meta["creationTimestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.status(self.client.post(MAPS, config_map("born")), 409, "AlreadyExists", 'configmaps "born" already exists')
        # The same again is no change, and gets no version.
        same = self.client.put(f"{MAPS}/born", config_map("born", a="1"))
        self.assertEqual((same.status, same.meta["resourceVersion"]), (200, meta["resourceVersion"]))
        changed = self.client.put(f"{MAPS}/born", config_map("born", a="2"))
        self.assertEqual(changed.meta["uid"], meta["uid"])
        self.assertGreater(int(changed.meta["resourceVersion"]), int(meta["resourceVersion"]))
        stale = dict(config_map("born", a="3"), metadata=meta)
        self.status(self.client.put(f"{MAPS}/born", stale), 409, "Conflict",
                    'Operation cannot be fulfilled on configmaps "born": the object has been modified; please apply your '
                    "changes to the latest version and try again")
        stale = {"metadata": {"resourceVersion": meta["resourceVersion"]}, "data": {"a": "4"}}
        self.status(self.client.patch(f"{MAPS}/born", stale), 409, "Conflict")
        patched = self.client.patch(f"{MAPS}/born", {"data": {"a": None, "b": "5"}})
        self.assertEqual(patched.json["data"], {"b": "5"})
        self.status(self.client.delete(f"{MAPS}/born", {"preconditions": {"uid": "0"}}), 409, "Conflict")
        gone = self.client.delete(f"{MAPS}/born", {"preconditions": {"uid": meta["uid"]}})
        self.assertEqual((gone.status, gone.json["kind"], gone.json["status"]), (200, "Status", "Success"))
        self.assertEqual(gone.json["details"], {"name": "born", "kind": "configmaps", "uid": meta["uid"]})
        self.status(self.client.delete(f"{MAPS}/born"), 404, "NotFound")

    def test_only_some_kinds_count_their_generation(self):
        self.assertNotIn("generation", self.made(MAPS, config_map("plain", a="1")).meta)
        self.assertNotIn("generation", self.client.patch(f"{MAPS}/plain", {"data": {"a": "2"}}).meta)
        self.assertNotIn("generation", self.client.get("/api/v1/namespaces/default").meta)
        self.assertNotIn("generation", self.made(LEASES, lease("plain", holderIdentity="a")).meta)
        for path, body, change, counts_annotations in ((DEPLOYMENTS, deployment("counted"), {"spec": {"paused": True}}, True),
                                                       (ADDONS, addon("counted"), {"spec": {"checksum": "2"}}, False)):
            self.assertEqual(self.made(path, body).meta["generation"], 1)
            expected = 1
            for metadata, counts in (({"labels": {"a": "b"}}, False), ({"annotations": {"c": "d"}}, counts_annotations)):
                expected += counts
                self.assertEqual(self.client.patch(f"{path}/counted", {"metadata": metadata}).meta["generation"], expected)
            before = self.client.get(f"{path}/counted").meta
            changed = self.client.patch(f"{path}/counted", change).meta
            self.assertEqual(changed["generation"], expected + 1)
            self.assertNotEqual(changed["resourceVersion"], before["resourceVersion"])

    def test_lists(self):
        names = [f"listed-{i}" for i in range(5)]
        for name in names:
            body = config_map(name, a="1")
            body["metadata"]["labels"] = {"of": "list", "n": name}
            self.made(MAPS, body)
        found = self.client.get(f"{MAPS}?labelSelector=of%3Dlist").json
        self.assertEqual((found["kind"], found["apiVersion"]), ("ConfigMapList", "v1"))
        self.assertEqual([i["metadata"]["name"] for i in found["items"]], names)
        # A trap: the items of a list do not say what they are, but for those of a definition.
        self.assertEqual({"kind", "apiVersion"} & set(found["items"][0]), set())
        self.assertGreater(int(found["metadata"]["resourceVersion"]), 0)

        def named(query):
            return [i["metadata"]["name"] for i in self.client.get(f"/api/v1/configmaps?{query}").json["items"]]

        self.assertEqual(named("labelSelector=of=list,n!=listed-0,n%20in%20(listed-0,listed-1)"), ["listed-1"])
        self.assertEqual(named("labelSelector=of=list&fieldSelector=metadata.name%3Dlisted-3"), ["listed-3"])
        self.status(self.client.get(f"{MAPS}?fieldSelector=data.a%3D1"), 400, "BadRequest")
        pages, token = [], ""
        while True:
            page = self.client.get(f"{MAPS}?labelSelector=of=list&limit=2&continue={token}").json
            pages.append(len(page["items"]))
            token = page["metadata"].get("continue", "")
            if not token:
                break
        self.assertEqual(pages, [2, 2, 1])
        self.made(ADDONS, addon("listed"))
        custom = self.client.get(ADDONS).json
        self.assertEqual((custom["kind"], custom["items"][0]["kind"]), ("AddonList", "Addon"))

    def test_metadata_alone(self):
        self.made(MAPS, config_map("bare", a="1"))
        one = self.client.get(f"{MAPS}/bare", accept=BARE).json
        self.assertEqual((one["kind"], one["apiVersion"], "data" in one), ("PartialObjectMetadata", "meta.k8s.io/v1", False))
        many = self.client.get(f"{MAPS}?fieldSelector=metadata.name=bare", accept=BARE_LIST).json
        (item,) = many["items"]
        self.assertEqual((many["kind"], item["metadata"]["name"], "data" in item), ("PartialObjectMetadataList", "bare", False))

    def test_a_lease_is_taken_by_version(self):
        made = self.client.put(f"{LEASES}/brake", lease("brake", holderIdentity="a"))  # made by a PUT
        self.assertEqual(made.status, 201, made.text)
        self.addCleanup(self.client.delete, f"{LEASES}/brake")
        self.status(self.client.post(LEASES, lease("brake", holderIdentity="b")), 409, "AlreadyExists",
                    'leases.coordination.k8s.io "brake" already exists')
        self.status(self.client.put(f"{LEASES}/brake", lease("brake", holderIdentity="b")), 422, "Invalid",
                    'leases.coordination.k8s.io "brake" is invalid: metadata.resourceVersion: Invalid value: 0: must be '
                    "specified for an update")
        current = self.client.get(f"{LEASES}/brake").json
        current["spec"] = {"holderIdentity": "b", "leaseDurationSeconds": 30, "renewTime": "2026-01-02T03:04:05.000006Z"}
        self.assertEqual(self.client.put(f"{LEASES}/brake", current).status, 200)
        self.status(self.client.put(f"{LEASES}/brake", current), 409, "Conflict")
        self.assertEqual(self.client.get(f"{LEASES}/brake").json["spec"], current["spec"])

    def test_patches_that_are_taken(self):
        self.made(MAPS, config_map("patched", a="1"))
        self.made(ADDONS, addon("patched"))
        strategic = "application/strategic-merge-patch+json"
        for path, kind, expected in ((MAPS, MERGE, 200), (MAPS, strategic, 200), (MAPS, "application/json", 415),
                                     (ADDONS, MERGE, 200), (ADDONS, strategic, 415)):
            answer = self.client.patch(f"{path}/patched", {"metadata": {"labels": {"x": "y"}}}, kind)
            self.assertEqual(answer.status, expected, (path, kind))

    def test_a_finalizer_holds_what_is_deleted(self):
        body = config_map("held", a="1")
        body["metadata"]["finalizers"] = ["test.bedplate.dev/hold"]
        self.made(MAPS, body)
        held = self.client.delete(f"{MAPS}/held")
        self.assertEqual((held.status, held.json["kind"]), (200, "ConfigMap"))
        self.assertIn("deletionTimestamp", self.client.get(f"{MAPS}/held").meta)
        self.client.patch(f"{MAPS}/held", {"metadata": {"finalizers": None}})
        self.status(self.client.get(f"{MAPS}/held"), 404, "NotFound")

    def test_a_namespace_takes_its_contents_along(self):
        self.made("/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gone"}})
        inside = "/api/v1/namespaces/gone/configmaps"
        self.client.post(inside, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}})
        self.assertEqual(self.client.delete("/api/v1/namespaces/gone").status, 200)
        lib.wait_for("its end", lambda: self.client.get("/api/v1/namespaces/gone").status == 404, every=0.2)
        self.assertEqual(self.client.get(f"{inside}/x").status, 404)

    def test_a_definition_makes_a_kind(self):
        things = "/apis/test.bedplate.dev/v1/namespaces/default/things"
        self.made(DEFINITIONS, definition("test.bedplate.dev", "things", "Thing"))
        for path in ("/apis/test.bedplate.dev/v1", things):
            lib.wait_for(f"{path}", lambda path=path: self.client.get(path).status == 200)
        thing = {"apiVersion": "test.bedplate.dev/v1", "kind": "Thing", "metadata": {"name": "one", "namespace": "default"},
                 "spec": {"a": 1}}
        made = lib.wait_for("a Thing", lambda: (a := self.client.post(things, thing)).status == 201 and a)
        self.assertEqual(made.meta["generation"], 1)
        self.client.delete(f"{DEFINITIONS}/things.test.bedplate.dev")
        lib.wait_for("the kind's end", lambda: self.client.get("/apis/test.bedplate.dev/v1").status == 404)

    def test_who_set_which_field(self):
        self.made(MAPS, config_map("owned", a="1", b="1"))
        self.client.patch(f"{MAPS}/owned", {"data": {"b": "2", "c": "2"}}, agent="somebody/1.0 (linux)")
        fields = {m["manager"]: m for m in self.client.get(f"{MAPS}/owned").meta["managedFields"]}
        self.assertEqual({k: set(m["fieldsV1"].get("f:data", {})) - {"."} for k, m in fields.items()},
                         {"tests": {"f:a"}, "somebody": {"f:b", "f:c"}})
        self.assertEqual({m["operation"] for m in fields.values()}, {"Update"})

    def test_a_kubelet_sees_its_own_node_alone(self):
        kubelet = Client(self.kubeconfig, certificate=self.client_certificate("system:nodes", "system:node:agent-1"))
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "agent-1"}}
        self.made("/api/v1/nodes", node)
        self.assertEqual(kubelet.get("/api/v1/nodes/agent-1").status, 200)
        self.assertEqual(kubelet.get("/api/v1/nodes?fieldSelector=metadata.name=agent-1").status, 200)
        self.assertEqual(kubelet.get("/readyz").text, "ok")
        self.status(kubelet.get("/api/v1/nodes"), 403, "Forbidden",
                    'nodes is forbidden: User "system:node:agent-1" cannot list resource "nodes" in API group "" at the cluster '
                    "scope: node 'agent-1' cannot read all nodes, only its own Node object")
        self.status(kubelet.get("/api/v1/nodes/other"), 403, "Forbidden")
        self.status(kubelet.get(f"{ADDONS}/x"), 403, "Forbidden",
                    'addons.k3s.cattle.io "x" is forbidden: User "system:node:agent-1" cannot get resource "addons" in API group '
                    '"k3s.cattle.io" in the namespace "kube-system"')
        self.status(kubelet.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/brake"), 403, "Forbidden")
        self.status(kubelet.get(MAPS), 403, "Forbidden")

    def test_names_that_are_refused(self):
        answer = self.client.post(ADDONS, addon("x_y"))
        self.status(answer, 422, "Invalid")
        self.assertTrue(answer.json["message"].startswith(
            'Addon.k3s.cattle.io "x_y" is invalid: metadata.name: Invalid value: "x_y": a lowercase RFC 1123 subdomain must'),
            answer.text)
        self.status(self.client.post(MAPS, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}), 422, "Invalid")
