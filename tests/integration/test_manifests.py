#!/usr/bin/env python3
"""Manifests, from a commit to what K3s has deployed and back: against the stand-in and, with K3S_BIN (or k3s on PATH) and
root, against the real server. See tests/lib/k3s_server.py.
"""

import json
import pathlib
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
import agent as lib  # noqa: E402
import k3s_server  # noqa: E402
from deploy_contract import yaml_map, yaml_other  # noqa: E402
from k3s_standin import KUBECONFIG, K3sStandin  # noqa: E402
from manifest_node import BASE, MANIFESTS, MAPS, OURS, Node, namespace  # noqa: E402

class Common(Node):
    """For both kinds of K3s."""

    def test_a_manifest_is_accepted_changed_and_deleted(self):
        self.commit({"manifests/app.yaml": yaml_map("app", x=1)})
        self.await_state("app.yaml", "accepted")
        self.assertEqual(self.client.get(f"{MAPS}/app").json["data"], {"x": "1"})
        self.commit({"manifests/app.yaml": yaml_map("app", x=2)})
        self.await_state("app.yaml", "accepted")
        self.assertEqual(self.client.get(f"{MAPS}/app").json["data"], {"x": "2"})
        code, screen = self.cli("status")
        self.assertIn("7 accepted", screen)
        self.assertEqual(code, 0, screen)
        commit = self.commit({"manifests/app.yaml": None})
        self.await_gone("app.yaml", f"{MAPS}/app")
        self.assertIn(commit[:7], self.cli("history")[1])
        # And it may come back.
        self.commit({"manifests/app.yaml": yaml_map("app", x=3)})
        self.await_state("app.yaml", "accepted")
        self.assertEqual(self.client.get(f"{MAPS}/app").json["data"], {"x": "3"})

    def test_what_k3s_refuses_is_said_in_its_words(self):
        self.commit({"manifests/lost.yaml": yaml_map("lost", namespace="nowhere", x=1)})
        self.await_state("lost.yaml", "failing")
        one = self.manifests()["lost.yaml"]
        self.assertEqual(one["reason"], "ApplyManifestFailed")
        self.assertIn('namespaces "nowhere" not found', one["message"])
        code, screen = self.cli("status")
        self.assertEqual(code, 1, screen)
        self.assertIn("ApplyManifestFailed", screen)
        # It takes nothing back, and the next commit mends it.
        self.commit({"manifests/lost.yaml": yaml_map("lost", x=1)})
        self.await_state("lost.yaml", "accepted")

    def test_a_kind_that_is_not_there_yet_waits(self):
        self.commit({"manifests/other.yaml": yaml_other("early")})
        self.await_state("other.yaml", "waiting")
        self.assertEqual(self.cli("status")[0], 0)
        definition = ("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n"
                      "  name: others.other.bedplate.dev\nspec:\n  group: other.bedplate.dev\n  scope: Namespaced\n"
                      "  names: {kind: Other, plural: others, singular: other, listKind: OtherList}\n  versions:\n"
                      "  - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object,"
                      " x-kubernetes-preserve-unknown-fields: true}}}\n")
        self.commit({"manifests/definition.yaml": definition})
        self.await_states(lambda states: states.get("other.yaml") == states.get("definition.yaml") == "accepted")

    def test_a_namespace_moves_and_lives(self):
        # The tombstone of b.yaml sorts before z.yaml, and that of y.yaml after a.yaml.
        for old, new in (("b-team.yaml", "z-team.yaml"), ("y-crew.yaml", "a-crew.yaml")):
            name = old.removesuffix(".yaml")
            self.commit({f"manifests/{old}": namespace(name) + "---\n" + yaml_map("inner", namespace=name, x=1)})
            self.await_state(old, "accepted")
            before = self.uid(f"/api/v1/namespaces/{name}"), self.uid(f"/api/v1/namespaces/{name}/configmaps/inner")
            self.repository.run("mv", f"{self.repository.directory}/manifests/{old}",
                                f"{self.repository.directory}/manifests/{new}")
            self.commit({}, "renamed")
            self.await_gone(old)
            self.await_state(new, "accepted")
            after = self.uid(f"/api/v1/namespaces/{name}"), self.uid(f"/api/v1/namespaces/{name}/configmaps/inner")
            self.assertEqual(after, before)
            self.assertIsNotNone(after[1])

    def test_what_was_placed_by_hand_is_taken_over(self):
        file = self.tree / MANIFESTS / "by-hand.yaml"
        file.write_text(yaml_map("by-hand", x=1))
        self.addCleanup(file.unlink, missing_ok=True)
        self.wait("K3s to take it", lambda: self.addons().get("by-hand", {}).get("spec", {}).get("checksum"))
        before = self.uid(f"{MAPS}/by-hand")
        self.commit({"manifests/adopted.yaml": yaml_map("by-hand", x=1)})
        self.wait("the file to go", lambda: not file.exists())
        self.wait("its Addon to go", lambda: "by-hand" not in self.addons())
        self.await_state("adopted.yaml", "accepted")
        self.assertEqual(self.uid(f"{MAPS}/by-hand"), before)


class Many(Common):
    """What takes too many of K3s's fifteen seconds for the real one."""

    def test_an_object_moves_between_files_that_stay(self):
        self.commit({"manifests/m1.yaml": yaml_map("m-a") + "---\n" + yaml_map("m-b"), "manifests/m2.yaml": yaml_map("m-c")})
        self.await_states(lambda states: states.get("m1.yaml") == states.get("m2.yaml") == "accepted")
        before = self.uid(f"{MAPS}/m-b")
        self.commit({"manifests/m1.yaml": yaml_map("m-a"), "manifests/m2.yaml": yaml_map("m-c") + "---\n" + yaml_map("m-b")})
        self.await_states(lambda states: states.get("m1.yaml") == states.get("m2.yaml") == "accepted")
        self.wait("m1.yaml as Git has it", lambda: self.file_of("m1.yaml").read_text() == yaml_map("m-a"))
        self.await_states(lambda states: states.get("m1.yaml") == "accepted")
        self.assertEqual(self.uid(f"{MAPS}/m-b"), before)

    def test_a_namespace_does_not_go_without_a_word(self):
        self.commit({"manifests/ns.yaml": namespace("team") + "---\n" + yaml_map("in-team", namespace="team")})
        self.await_state("ns.yaml", "accepted")
        before = self.uid("/api/v1/namespaces/team")
        self.commit({"manifests/ns.yaml": None, "manifests/new.yaml": yaml_map("new")})
        self.await_state("ns.yaml", "held")
        self.await_state("new.yaml", "accepted")  # the rest of the commit applies
        code, screen = self.cli("status")
        self.assertEqual(code, 1)
        self.assertIn("without it Namespace team would be removed", screen)
        self.assertIn("bedplate sync --allow-prune", screen)
        self.cli("sync")
        self.assertEqual(self.states()["ns.yaml"], "held")
        self.assertEqual(self.uid("/api/v1/namespaces/team"), before)
        self.assertEqual(self.cli("sync", "--allow-prune")[0], 0)
        self.await_gone("ns.yaml", "/api/v1/namespaces/team")

    def test_a_namespace_that_is_taken_out_of_a_file_is_held_too(self):
        both = namespace("kept-in") + "---\n" + yaml_map("beside")
        self.commit({"manifests/both.yaml": both})
        self.await_state("both.yaml", "accepted")
        self.commit({"manifests/both.yaml": yaml_map("beside", x=2)})
        self.await_state("both.yaml", "held")
        self.assertEqual(self.file_of("both.yaml").read_text(), both)
        # Git may say so as well.
        node = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\nk3s:\n  manifests: {allowPrune: [manifests/both.yaml]}\n"
        self.commit({"node.yaml": node})
        self.await_state("both.yaml", "accepted")
        self.wait("the namespace to go", lambda: self.client.get("/api/v1/namespaces/kept-in").status == 404)
        self.assertEqual(self.client.get(f"{MAPS}/beside").json["data"], {"x": "2"})

    def test_most_of_them_do_not_go_at_once(self):
        self.commit(dict.fromkeys(list(BASE)[:4]))
        self.await_states(lambda states: list(states.values()).count("held") == 4)
        self.assertIn("4 of 6 manifests would go", self.cli("status")[1])
        self.commit({name: BASE[name] for name in list(BASE)[:4]}, "back")
        self.await_states(lambda states: set(states.values()) == {"accepted"})
        self.commit(dict.fromkeys(BASE), "an empty folder")
        self.await_states(lambda states: list(states.values()).count("held") == 6)
        self.assertEqual(len([1 for i in range(6) if self.uid(f"{MAPS}/base-{i}")]), 6)

    def test_what_is_not_to_be_pruned_stays(self):
        keep = yaml_map("labelled", labels='objectset.rio.cattle.io/prune: "false"')
        self.commit({"manifests/kept.yaml": keep + "---\n" + yaml_map("unlabelled"), "manifests/stays.yaml": yaml_map("stays")})
        self.await_states(lambda states: states.get("kept.yaml") == states.get("stays.yaml") == "accepted")
        self.commit({"manifests/kept.yaml": None})
        self.await_gone("kept.yaml", f"{MAPS}/unlabelled")
        self.assertIsNotNone(self.uid(f"{MAPS}/labelled"))
        off = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\nk3s:\n  manifests: {prune: false}\n"
        self.commit({"node.yaml": off, "manifests/stays.yaml": None})
        self.await_states(lambda states: "stays.yaml" not in states)
        self.assertEqual([f for f in self.tree.files(OURS) if f.startswith("stays")], [])
        self.assertIsNotNone(self.uid(f"{MAPS}/stays"))

    def test_without_k3s_it_waits_and_says_so(self):
        self.commit({"manifests/gone.yaml": yaml_map("gone")})
        self.await_state("gone.yaml", "accepted")
        self.server.stop()
        self.commit({"manifests/gone.yaml": None})
        self.await_state("gone.yaml", "deleting")
        self.wait("the status to say that K3s is not there", lambda: "K3s's API" in self.cli("status")[1])
        self.server.start()
        self.await_gone("gone.yaml", f"{MAPS}/gone")

    def test_a_rollback_removes_what_came_with_the_commit(self):
        self.commit({"manifests/late.yaml": yaml_map("late")})
        self.await_state("late.yaml", "accepted")
        self.assertEqual(self.cli("rollback")[0], 0)
        self.await_gone("late.yaml", f"{MAPS}/late")

    def test_kill_at_every_step_of_a_removal(self):
        for step in range(4):
            name = f"killed-{step}"
            self.commit({f"manifests/{name}.yaml": yaml_map(name)})
            self.await_state(f"{name}.yaml", "accepted")
            self.repository.commit({f"manifests/{name}.yaml": None}, "removed")
            sync = self.sync_beside()
            if step == 1:
                self.await_state(f"{name}.yaml", "deleting")
            if step == 2:
                self.wait("the objects to go", lambda n=name: self.uid(f"{MAPS}/{n}") is None)
            if step == 3:
                self.wait("the file to go", lambda n=name: not [f for f in self.tree.files(OURS) if f.startswith(n)])
            self.kill(sync)
            self.await_gone(f"{name}.yaml", f"{MAPS}/{name}")

    def test_kill_at_every_step_of_a_move(self):
        """A Namespace with what is in it, to a name that K3s comes to later: it must never be gone."""
        path, there = f"{self.repository.directory}/manifests", "/api/v1/namespaces/mover"
        inside = f"{there}/configmaps/inner"
        names = [f"{letter}-mover.yaml" for letter in "bcdefghi"]
        self.commit({f"manifests/{names[0]}": namespace("mover") + "---\n" + yaml_map("inner", namespace="mover", x=1)})
        self.await_state(names[0], "accepted")
        before = self.uid(there), self.uid(inside)
        reached = []
        for step, (old, new) in enumerate(zip(names, names[1:])):
            self.repository.run("mv", f"{path}/{old}", f"{path}/{new}")
            self.repository.commit({}, "renamed")
            sync = self.sync_beside()
            if step:
                self.wait("the new file", lambda n=new: [f for f in self.tree.files(OURS) if f.startswith(n[:7])])
                time.sleep(0.15 * (step - 1))
            reached.append((self.states().get(old), self.states().get(new)))
            self.kill(sync)
            self.await_gone(old)
            self.await_state(new, "accepted")
            self.assertEqual((self.uid(there), self.uid(inside)), before, (step, reached))
        print(f"killed at {reached}", file=sys.stderr)
        self.assertGreater(len(set(reached)), 1, "all of them at one step")

    def sync_beside(self):
        return subprocess.Popen([str(lib.CLI), "--root", str(self.tree.path), "sync"], env=self.agent.environment(),
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def kill(self, sync):
        self.agent.stop(signal.SIGKILL)
        sync.wait(20)
        self.agent.start()

    def test_files_that_are_edited(self):
        self.commit({"manifests/edited.yaml": yaml_map("edited", x="git")})
        self.await_state("edited.yaml", "accepted")
        file = self.file_of("edited.yaml")
        file.write_text(yaml_map("edited", x="hand"))
        self.wait("it to be put back", lambda: file.read_text() == yaml_map("edited", x="git"))
        off = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\nk3s:\n  manifests: {selfHeal: \"off\"}\n"
        self.commit({"node.yaml": off})
        file.write_text(yaml_map("edited", x="hand"))
        self.wait("it to be reported", lambda: "edited" in json.dumps(self.agent.status()["drift"]["unrepaired"]))
        self.assertEqual(file.read_text(), yaml_map("edited", x="hand"))

    def test_objects_that_are_edited(self):
        heal = "apiVersion: bedplate.dev/v1alpha1\nkind: NodeConfig\nk3s:\n  manifests: {selfHeal: objects}\n"
        self.commit({"node.yaml": heal, "manifests/held.yaml": yaml_map("held", x="git")})
        self.await_state("held.yaml", "accepted")
        self.client.patch(f"{MAPS}/held", {"data": {"x": "hand"}}, agent="kubectl-edit")
        self.wait("it to be put back", lambda: self.client.get(f"{MAPS}/held").json["data"]["x"] == "git", seconds=100)
        self.assertIn("ConfigMap default/held was changed by", self.cli("history")[1] + self.agent.log.read_text())
        self.client.delete(f"{MAPS}/held")
        self.wait("it to be there again", lambda: self.uid(f"{MAPS}/held"), seconds=100)

    def test_what_is_skipped_is_said(self):
        self.commit({"manifests/skipped.yaml": yaml_map("skipped")})
        self.await_state("skipped.yaml", "accepted")
        file = self.file_of("skipped.yaml")
        file.with_name(file.name + ".skip").write_text("")
        self.addCleanup(file.with_name(file.name + ".skip").unlink)
        self.commit({"manifests/skipped.yaml": yaml_map("skipped", x=2)})
        self.await_state("skipped.yaml", "skipped")


class WithStandIn(Many, unittest.TestCase):
    scan = 0.2

    def setUp(self):
        self.tree = lib.Tree()
        self.addCleanup(self.tree.remove)
        self.server = K3sStandin(self.tree.path, interval=self.scan).start()
        self.addCleanup(self.server.stop)
        self.kubeconfig = self.tree / KUBECONFIG
        self.begin()


class WithK3s(Common, unittest.TestCase):
    scan = k3s_server.SCAN
    base = "/run"

    @classmethod
    def setUpClass(cls):
        cls.tree = lib.Tree("/run")
        cls.server = k3s_server.Server(cls.tree)
        cls.addClassCleanup(cls.server.stop)
        cls.kubeconfig = cls.server.kubeconfig
        cls.tree.write(KUBECONFIG, cls.kubeconfig.read_text(), 0o600)

    def setUp(self):
        # One K3s for all, and each test begins with nothing of ours.
        for name in self.tree.files(OURS):
            (self.tree / OURS / name).unlink()
        for name in self.tree.files("var/lib/bedplate"):
            (self.tree / "var/lib/bedplate" / name).unlink()
        self.begin()


def main():
    if not any(name.startswith("WithK3s") for name in sys.argv[1:]):
        return unittest.main(argv=[sys.argv[0], *(sys.argv[1:] or ["WithStandIn"])], verbosity=2)
    if k3s_server.inside():
        k3s_server.prepare()
        return unittest.main(verbosity=2)
    why = k3s_server.missing()
    if why:
        print(f"SKIPPED: manifests with a real K3s: {why}", flush=True)
        return 77
    return k3s_server.go_inside()


if __name__ == "__main__":
    sys.exit(main())
