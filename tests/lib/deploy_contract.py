"""What Bedplate relies on in K3s's deploy controller, as tests: for the stand-in and for the real one alike."""

import base64
import gzip
import hashlib
import json
import os
import time

import agent as lib
from kube_contract import ADDONS, DEFINITIONS, MAPS, config_map, definition

SET = "objectset.rio.cattle.io/"
GVKS = "addon.k3s.cattle.io/gvks"
EVENTS = "/api/v1/namespaces/kube-system/events"
OTHER = "/apis/other.bedplate.dev/v1/namespaces/default/others"


def yaml_map(name, labels="", namespace="default", **data):
    lines = "".join(f'  {k}: "{v}"\n' for k, v in data.items())
    return (f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: {namespace}\n"
            + (f"  labels: {{{labels}}}\n" if labels else "") + f"data:\n{lines}")


def yaml_other(name):
    return f"apiVersion: other.bedplate.dev/v1\nkind: Other\nmetadata:\n  name: {name}\n  namespace: default\n"


class DeployContract:
    """Needs `client`, `manifests` (the folder) and `scan` (seconds between two looks)."""

    def place(self, name, text):
        """Whole, by a rename, as Bedplate does it; goes with the test."""
        file, staged = self.manifests / name, self.manifests.parent / "staged"
        file.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(text)
        staged.rename(file)
        self.addCleanup(file.unlink, missing_ok=True)
        return file

    def addon(self, name):
        answer = self.client.get(f"{ADDONS}/{name}")
        return answer.json if answer.status == 200 else None

    def accepted(self, file):
        addon = self.addon(file.name.split(".")[0])
        return addon and addon["spec"].get("checksum") == hashlib.sha256(file.read_bytes()).hexdigest() and addon

    def await_accepted(self, *files):
        return [self.wait(f"{file.name} to be accepted", lambda f=file: self.accepted(f)) for file in files][-1]

    def wait(self, what, check):
        return lib.wait_for(what, check, seconds=8 * self.scan + 5, every=self.scan / 20)

    def settle(self):
        """A pass has begun and ended: this file is the last that it looks at."""
        for _ in range(2):
            self.await_accepted(self.place("zz-marker.yaml", f"# {time.time_ns()}\n"))

    def there(self, name, path=MAPS):
        answer = self.client.get(f"{path}/{name}")
        return answer.json if answer.status == 200 else None

    def data(self, name):
        return self.there(name)["data"]

    def events(self, addon, reason=None):
        """(type, reason, message) in the order of their first appearance."""
        query = f"fieldSelector=involvedObject.kind%3DAddon,involvedObject.name%3D{addon}"
        found = self.client.get(f"{EVENTS}?{query}").json["items"]
        found.sort(key=lambda e: (e["firstTimestamp"], e["metadata"]["name"]))
        return [(e["type"], e["reason"], e["message"]) for e in found if reason in (None, e["reason"])]

    def await_event(self, addon, reason):
        return self.wait(f"{reason} of {addon}", lambda: self.events(addon, reason))

    def test_an_accepted_manifest(self):
        file = self.place("deep/er/one.v2.yaml", "# a comment\n" + yaml_map("first", x="y" * 100) + "---\n" +
                          yaml_map("second", x=1) + "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: third\n")
        addon = self.await_accepted(file)
        self.assertEqual(addon["spec"], {"source": str(file), "checksum": hashlib.sha256(file.read_bytes()).hexdigest()})
        self.assertEqual(addon["metadata"]["annotations"], {GVKS: "/v1, Kind=ConfigMap;/v1, Kind=Namespace"})
        marks = {SET + "id": "", SET + "owner-gvk": "k3s.cattle.io/v1, Kind=Addon", SET + "owner-name": "one",
                 SET + "owner-namespace": "kube-system"}
        for found in (self.there("first"), self.there("second"), self.there("third", "/api/v1/namespaces")):
            notes = dict(found["metadata"]["annotations"])
            before = notes.pop(SET + "applied")
            self.assertEqual(notes, marks)
            mark = hashlib.sha1("".join(marks.values()).encode()).hexdigest()
            self.assertEqual(found["metadata"]["labels"][SET + "hash"], mark)
            self.assertNotIn("ownerReferences", found["metadata"])
            before = json.loads(gzip.decompress(base64.b64decode(before + "=" * (-len(before) % 4))))
            self.assertEqual(before["metadata"]["name"], found["metadata"]["name"])
        self.assertEqual(len(self.there("first")["data"]["x"]), 100)
        self.assertEqual(self.events("one"), [("Normal", "ApplyingManifest", f'Applying manifest at "{file}"'),
                                              ("Normal", "AppliedManifest", f'Applied manifest at "{file}"')])
        event = self.client.get(f"{EVENTS}?fieldSelector=involvedObject.name%3Done,reason%3DAppliedManifest").json["items"][0]
        involved = {k: event["involvedObject"][k] for k in ("kind", "namespace", "name", "uid", "apiVersion")}
        self.assertEqual(involved, {"kind": "Addon", "namespace": "kube-system", "name": "one", "uid": addon["metadata"]["uid"],
                                    "apiVersion": "k3s.cattle.io/v1"})
        self.assertEqual((event["source"]["component"], event["reportingComponent"], event["count"]), ("deploy", "deploy", 1))

    def test_what_a_file_lacks_is_pruned_unless_its_label_says_no(self):
        file = self.place("prune.yaml", yaml_map("goes", x=1) + "---\n" + yaml_map("stays", f'{SET}prune: "false"', x=1))
        self.await_accepted(file)
        self.place("prune.yaml", "# emptied by commit 1234\n---\n\n# and no more\n")
        addon = self.await_accepted(file)
        self.assertEqual(addon["metadata"]["annotations"], {GVKS: ""})
        self.assertIsNone(self.there("goes"))
        self.assertIn(SET + "hash", self.there("stays")["metadata"]["labels"])

    def test_neither_a_deleted_file_nor_a_deleted_addon_deletes(self):
        file = self.place("left.yaml", yaml_map("left", x=1))
        self.await_accepted(file)
        file.unlink()
        self.settle()
        self.assertTrue(self.addon("left") and self.there("left"))
        self.client.delete(f"{ADDONS}/left")
        self.settle()
        self.assertIsNone(self.addon("left"))
        self.assertTrue(self.there("left"))

    def test_a_moved_object_survives_the_tombstone(self):
        old = self.place("a-old.yaml", yaml_map("moved", x=1))
        self.await_accepted(old)
        uid = self.there("moved")["metadata"]["uid"]
        self.await_accepted(self.place("b-new.yaml", yaml_map("moved", x=2)))
        moved = self.there("moved")
        self.assertEqual(moved["metadata"]["annotations"][SET + "owner-name"], "b-new")
        self.await_accepted(self.place("a-old.yaml", "# moved\n"))
        self.assertEqual((self.there("moved")["metadata"]["uid"], self.data("moved")), (uid, {"x": "2"}))

    def test_a_tombstone_before_the_new_file_deletes_what_moves(self):
        self.await_accepted(self.place("d-old.yaml", yaml_map("rushed", x=1)))
        uid = self.there("rushed")["metadata"]["uid"]
        new = self.place("e-new.yaml", yaml_map("rushed", x=1))
        self.place("d-old.yaml", "# moved\n")
        self.await_accepted(new)
        self.assertNotEqual(self.there("rushed")["metadata"]["uid"], uid)

    def test_an_object_that_is_there_is_taken_over(self):
        self.client.post(MAPS, config_map("taken", own="1", x="0"))
        self.await_accepted(self.place("take.yaml", yaml_map("taken", x=1)))
        self.assertEqual(self.data("taken"), {"own": "1", "x": "1"})
        self.assertEqual(self.there("taken")["metadata"]["annotations"][SET + "owner-name"], "take")

    def test_an_edit_in_the_cluster_stays_until_the_content_changes(self):
        file = self.place("edited.yaml", yaml_map("edited", x="git", z="git"))
        self.await_accepted(file)
        self.client.patch(f"{MAPS}/edited", {"data": {"x": "hand", "y": "more"}, "metadata": {"labels": {"by": "hand"}}})
        os.utime(file)  # another mtime alone is not enough
        self.settle()
        self.assertEqual(self.data("edited"), {"x": "hand", "y": "more", "z": "git"})
        self.place("edited.yaml", "# again\n" + yaml_map("edited", x="git"))
        self.await_accepted(file)
        self.assertEqual(self.data("edited"), {"x": "git", "y": "more"})
        self.assertEqual(self.there("edited")["metadata"]["labels"]["by"], "hand")

    def test_what_is_the_same_is_not_written(self):
        file = self.place("same.yaml", yaml_map("same", x=1))
        self.await_accepted(file)
        version = self.there("same")["metadata"]["resourceVersion"]
        self.place("same.yaml", "# a comment\n" + yaml_map("same", x=1))
        self.await_accepted(file)
        self.assertEqual(self.there("same")["metadata"]["resourceVersion"], version)

    def test_a_change_under_the_same_mtime_is_not_seen(self):
        file = self.place("hidden.yaml", yaml_map("hidden", x=1))
        self.await_accepted(file)
        self.settle()  # past the first passes, which look at all
        before = file.stat().st_mtime_ns
        file.write_text(yaml_map("hidden", x=2))
        os.utime(file, ns=(before, before))
        self.settle()
        self.assertEqual(self.data("hidden"), {"x": "1"})
        os.utime(file, ns=(before - 10**9, before - 10**9))  # an older one will do
        self.await_accepted(file)
        self.assertEqual(self.data("hidden"), {"x": "2"})

    def test_a_file_that_is_no_yaml(self):
        file = self.place("broken.yaml", yaml_map("broken", x=1))
        good = self.await_accepted(file)
        self.place("broken.yaml", "apiVersion: v1\nkind: [ConfigMap\n")
        said = f'Parse manifest at "{file}" failed: yaml: line 2: did not find expected \',\' or \']\''
        self.assertEqual(self.await_event("broken", "ParseManifestFailed"), [("Warning", "ParseManifestFailed", said)])
        self.assertEqual(self.addon("broken")["spec"], good["spec"])
        self.assertTrue(self.there("broken"))
        self.place("broken.yaml", "apiVersion: v1\nmetadata: {name: x}\n")
        said = (f'Parse manifest at "{file}" failed: Object \'Kind\' is missing in '
                '\'{"apiVersion":"v1","metadata":{"name":"x"}}\'')
        self.wait("its event", lambda: said in [message for _, _, message in self.events("broken")])

    def test_what_is_said_of_bad_files(self):
        head = "apiVersion: v1\nkind: ConfigMap\n"
        said = {
            "bad-anchor": ("a: *nope\n", "Parse", "yaml: unknown anchor 'nope' referenced"),
            "bad-tab": ("a:\n\tb: c\n", "Parse", "yaml: line 2: found character that cannot start any token"),
            "bad-map": ("a: b: c\n", "Parse", "yaml: mapping values are not allowed in this context"),
            "bad-list": ("- a\n", "Parse", "json: cannot unmarshal array into Go value of type unstructured.detector"),
            "bad-text": ("hello\n", "Parse", "json: cannot unmarshal string into Go value of type unstructured.detector"),
            "bad-version": ("kind: ConfigMap\nmetadata: {name: x}\n", "Validate", "groupVersion shouldn't be empty"),
            "bad-kind": ("apiVersion: v1\nkind: NoSuch\nmetadata: {name: x}\n", "Apply",
                         "failed to discover client for /v1, Kind=NoSuch"),
            "bad-nameless": (head, "Apply",
                             "failed to create default/ /v1, Kind=ConfigMap for  kube-system/bad-nameless: "
                             'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'),
            "bad-number": (head + "metadata: {name: x-bad}\ndata: {a: 1}\n", "Apply",
                           "failed to create default/x-bad /v1, Kind=ConfigMap for  kube-system/bad-number: "
                           'ConfigMap in version "v1" cannot be handled as a ConfigMap: '
                           "json: cannot unmarshal number into Go struct field ConfigMap.data of type string"),
        }
        (self.manifests / "bad-folder.yaml").mkdir()
        self.addCleanup((self.manifests / "bad-folder.yaml").rmdir)
        files = {name: self.place(f"{name}.yaml", text) for name, (text, _, _) in said.items()}
        verbs = {"Parse": "Parse manifest", "Validate": "Validate GVKs for manifest", "Apply": "Applying manifest"}
        for name, (_, step, why) in said.items():
            with self.subTest(name):
                message = f'{verbs[step]} at "{files[name]}" failed: {why}'
                self.assertEqual(self.await_event(name, f"{step}ManifestFailed"), [("Warning", f"{step}ManifestFailed", message)])
        folder = self.manifests / "bad-folder.yaml"
        message = f'Read manifest at "{folder}" failed: read {folder}: is a directory'
        self.assertEqual(self.await_event("bad-folder", "ReadManifestFailed"), [("Warning", "ReadManifestFailed", message)])

    def test_a_kind_that_is_not_known_yet(self):
        file = self.place("early.yaml", yaml_other("early") + "---\n" + yaml_map("beside", x=1))
        said = f'Applying manifest at "{file}" failed: the server could not find the requested resource'
        self.assertEqual(self.await_event("early", "ApplyManifestFailed"), [("Warning", "ApplyManifestFailed", said)])
        self.assertEqual(self.addon("early")["spec"], {"source": str(file)})
        self.assertTrue(self.there("beside"))  # what can be applied is
        self.client.post(DEFINITIONS, definition("other.bedplate.dev", "others", "Other"))
        self.addCleanup(self.client.delete, f"{DEFINITIONS}/others.other.bedplate.dev")
        self.await_accepted(file)  # without a touch
        self.assertTrue(self.there("early", OTHER))

    def test_a_namespace_that_is_not_there(self):
        file = self.place("nowhere.yaml", yaml_map("lost", namespace="nowhere", x=1))
        said = (f'Applying manifest at "{file}" failed: failed to create nowhere/lost /v1, Kind=ConfigMap for  '
                'kube-system/nowhere: namespaces "nowhere" not found')
        self.assertEqual(self.await_event("nowhere", "ApplyManifestFailed"), [("Warning", "ApplyManifestFailed", said)])

    def test_files_that_are_not_looked_at(self):
        self.place("skipped.yaml.skip", "")
        texts = {".hidden.yaml": "x-hidden", "skipped.yaml": "x-skipped", "sub/skipped.yaml": "x-sub", "other.txt": "x-other",
                 "Under_score.yaml": "x-under"}
        for name, map_name in texts.items():
            self.place(name, yaml_map(map_name, x=1))
        self.await_accepted(self.place("also.YML", yaml_map("x-also", x=1)),
                            self.place(".dot/in-dot.json", json.dumps(config_map("x-dot", x="1"))))
        self.settle()
        self.assertEqual([n for n in texts.values() if self.there(n)], [])
        self.assertEqual([n for n in ("skipped", "other", "Under_score") if self.addon(n)], [])

    def test_what_is_disabled_is_removed(self):
        file = self.place("traefik.yaml", yaml_map("not-traefik", x=1))
        self.wait("the file's end", lambda: not file.exists())
        self.settle()
        self.assertIsNone(self.addon("traefik"))
        self.assertIsNone(self.there("not-traefik"))

    def test_the_same_content_in_another_folder_keeps_the_old_source(self):
        old = self.place("one/twin.yaml", yaml_map("twin", x=1))
        self.await_accepted(old)
        self.settle()
        self.place("two/twin.yaml", yaml_map("twin", x=1))
        old.unlink()
        self.settle()
        self.assertEqual(self.addon("twin")["spec"]["source"], str(old))

    def test_two_files_of_one_name_fight(self):
        self.await_accepted(self.place("x/fight.yaml", yaml_map("left-one", x=1)))
        self.await_accepted(self.place("y/fight.yaml", yaml_map("right-one", x=1)))
        self.assertIsNone(self.there("left-one"))
        self.assertTrue(self.there("right-one"))

    def test_a_dangling_link_stops_everything(self):
        link = self.manifests / "dangling"
        link.symlink_to("nothing")
        self.addCleanup(link.unlink, missing_ok=True)
        time.sleep(self.scan * 1.2)  # past a pass that had begun
        file = self.place("waits.yaml", yaml_map("waits", x=1))
        time.sleep(self.scan * 1.5)
        self.assertFalse(self.accepted(file))
        link.unlink()
        self.await_accepted(file)

    def test_zz_the_first_passes_after_a_start_apply_all(self):
        """While one file fails they go on doing so."""
        self.await_accepted(self.place("forced.yaml", yaml_map("forced", x="git")))
        broken = self.place("yy-broken.yaml", "a: [b\n")
        self.restart()
        for value in ("hand", "hand again"):
            self.client.patch(f"{MAPS}/forced", {"data": {"x": value}})
            self.wait("it to be put back", lambda: self.data("forced") == {"x": "git"})
        broken.unlink()
        self.settle()
        self.client.patch(f"{MAPS}/forced", {"data": {"x": "hand"}})
        self.settle()
        self.assertEqual(self.data("forced"), {"x": "hand"})
