"""DeployController: what K3s's deploy controller does with the manifests folder, as far as anybody can see it: which files
it takes and when, Addons and their checksums, what it prunes, and its events. After pkg/deploy/controller.go.
"""

import datetime
import hashlib
import json
import os
import pathlib
import re
import stat
import threading
import time

import yaml

from deploy_apply import ApplyError, Set, gvk, kind_of
from k3s_config import yaml_error
from kube_kinds import ApiError

NAMESPACE = "kube-system"
GVKS = "addon.k3s.cattle.io/gvks"
BURST, REFILL = 25, 20  # events of a type and an Addon before they are dropped, and passes for one more (5 min of 15 s)


class Loader(yaml.SafeLoader):
    """Dates stay texts, as in Go's YAML to JSON."""

    yaml_implicit_resolvers = {k: [r for r in v if r[0] != "tag:yaml.org,2002:timestamp"]
                               for k, v in yaml.SafeLoader.yaml_implicit_resolvers.items()}


class ParseError(Exception):
    pass


def parse(content):
    """The objects of a manifest; [] for one of comments only."""
    objects = []
    for document in re.split(r"(?m)^---.*\n?", content.decode("utf-8", "replace")):
        if all(not line.strip() or line.strip().startswith("#") for line in document.splitlines()):
            continue
        try:
            obj = yaml.load(document, Loader)  # noqa: S506 - a SafeLoader
        except yaml.YAMLError as error:
            raise ParseError(yaml_error(error)) from None
        if not isinstance(obj, dict):
            what = {list: "array", str: "string", bool: "bool"}.get(type(obj), "number")
            raise ParseError(f"json: cannot unmarshal {what} into Go value of type unstructured.detector")
        if not obj.get("kind"):
            raise ParseError(f"Object 'Kind' is missing in '{json.dumps(obj, separators=(',', ':'), sort_keys=True)}'")
        objects += obj["items"] if isinstance(obj.get("items"), list) and obj["kind"].endswith("List") else [obj]
    return objects


class Events:
    """client-go's recorder: the same event again is a count, and a spate of one type about one object is cut off."""

    def __init__(self, store, host, interval):
        self.store, self.host, self.refill = store, host, REFILL * interval
        self.manager = f"deploy@{host}"
        self.known, self.tokens = {}, {}

    def record(self, addon, kind, reason, message):
        meta = addon["metadata"]
        left, at = self.tokens.get((meta["uid"], kind), (BURST, time.monotonic()))
        left = min(BURST, left + (time.monotonic() - at) / self.refill)
        allowed = left >= 1
        self.tokens[(meta["uid"], kind)] = (left - 1 if allowed else left, time.monotonic())
        if not allowed:
            return
        stamp = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        name = self.known.get((meta["uid"], reason, message))
        try:
            if name:
                count = self.store.get("events", name, NAMESPACE)["count"] + 1
                self.store.patch("events", name, {"count": count, "lastTimestamp": stamp}, NAMESPACE, self.manager)
                return
        except ApiError:
            pass  # its time to live is over
        involved = {"kind": "Addon", "namespace": NAMESPACE, "name": meta["name"], "uid": meta["uid"],
                    "apiVersion": "k3s.cattle.io/v1", "resourceVersion": meta["resourceVersion"]}
        event = {"metadata": {"name": f"{meta['name']}.{time.time_ns():x}", "namespace": NAMESPACE}, "involvedObject": involved,
                 "reason": reason, "message": message, "source": {"component": "deploy", "host": self.host}, "type": kind,
                 "firstTimestamp": stamp, "lastTimestamp": stamp, "count": 1, "eventTime": None, "reportingComponent": "deploy",
                 "reportingInstance": self.host}
        self.known[(meta["uid"], reason, message)] = self.store.create("events", event, self.manager)["metadata"]["name"]


class DeployController:
    """Walks `folder` each `interval` seconds from start() to stop(). step() is one pass by hand. `shown_as`: how the folder is
    called in Addons and messages (of a K3s that lives below another root, its own path)."""

    def __init__(self, store, folder, host="server-1", interval=15.0, disables=(), shown_as=None, log=None):
        self.store, self.folder, self.interval = store, pathlib.Path(folder), interval
        self.shown_as = str(shown_as or folder)
        self.disables, self.manager, self.say = set(disables), f"deploy@{host}", log or (lambda level, text: None)
        self.events = Events(store, host, interval)
        self.times = {}  # path -> mtime of what has been applied
        self.force = True  # until a pass without an error
        self.passes = 0
        self.thread, self.ending = None, threading.Event()

    def start(self):
        self.ending.clear()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        return self

    def stop(self):
        self.ending.set()
        if self.thread:
            self.thread.join()
            self.thread = None

    def run(self):
        while not self.ending.is_set():
            self.step()
            self.ending.wait(self.interval)

    def step(self):
        """One pass; the errors' text, None without one."""
        errors = []
        try:
            files = self.walk()
            skips = {path.name.removesuffix(".skip") for path in files if path.name.endswith(".skip")}
            for path in sorted(files, key=str):
                try:
                    self.take(path, files[path], skips)
                except (ApiError, ApplyError, ParseError, OSError) as error:
                    errors.append(str(error))
        except OSError as error:  # one dangling link, one file that vanished: no file is looked at
            errors.append(f"{error.strerror.lower()}: {error.filename}")
        if errors:
            self.say("error", "Failed to process config: " + ", ".join(errors))
        else:
            self.force = False
        self.passes += 1
        return ", ".join(errors) or None

    def walk(self):
        """Path -> lstat of all below the folder. Of links to directories the first level is followed."""
        files = {}

        def visit(path, follow):
            info = path.lstat()
            if stat.S_ISLNK(info.st_mode) and follow and path.stat() and path.is_dir():
                visit(path.resolve(), False)
            files[path] = info
            if stat.S_ISDIR(info.st_mode):
                for name in sorted(os.listdir(path)):
                    visit(path / name, follow)

        visit(self.folder, True)
        return files

    def take(self, path, info, skips):
        name = path.name
        if self.disabled(path):
            return self.delete(path)
        if name.startswith(".") or name in skips or not name.lower().endswith((".yaml", ".yml", ".json")):
            return None
        if not self.force and self.times.get(path) == info.st_mtime_ns:
            return None
        try:
            self.deploy(path, not self.force)
        except (ApiError, ApplyError, ParseError, OSError) as error:
            raise ApplyError(f"failed to process {self.shown(path)}: {error}") from None
        self.times[path] = info.st_mtime_ns
        return None

    def shown(self, path):
        return self.shown_as + str(path).removeprefix(str(self.folder))

    def disabled(self, path):
        parts = str(path).removeprefix(str(self.folder)).strip("/").split("/")
        if any("/".join(parts[:i]) in self.disables for i in range(1, len(parts))):
            return True
        return path.name.lower().endswith((".yaml", ".yml", ".json")) and path.stem in self.disables

    def addon(self, path):
        name = path.name.split(".")[0]
        try:
            return self.store.get("addons.k3s.cattle.io", name, NAMESPACE)
        except ApiError:
            return {"metadata": {"name": name, "namespace": NAMESPACE}, "spec": {}}

    def known(self, addon, objects):
        """The kinds to look for: of the file and of what was applied before, those that the API has."""
        before = (addon["metadata"].get("annotations") or {}).get(GVKS, "").split(";")
        both = {gvk(o) for o in objects} | {g for g in before if ", Kind=" in g}
        return [g for g in both if kind_of(self.store, g)]

    def deploy(self, path, compare):
        addon = self.addon(path)
        addon["spec"]["source"] = shown = self.shown(path)
        if "uid" not in addon["metadata"]:
            addon = self.store.create("addons.k3s.cattle.io", addon, self.manager)
        try:
            content = path.read_bytes()
        except OSError as error:
            text = f"read {shown}: {error.strerror.lower()}"
            self.events.record(addon, "Warning", "ReadManifestFailed", f'Read manifest at "{shown}" failed: {text}')
            raise ApplyError(text) from None
        checksum = hashlib.sha256(content).hexdigest()
        if compare and addon["spec"].get("checksum") == checksum:
            return
        try:
            objects = parse(content)
        except ParseError as error:
            self.events.record(addon, "Warning", "ParseManifestFailed", f'Parse manifest at "{shown}" failed: {error}')
            raise
        if not all(o.get("apiVersion") for o in objects):
            text = "groupVersion shouldn't be empty"
            self.events.record(addon, "Warning", "ValidateManifestFailed",
                               f'Validate GVKs for manifest at "{shown}" failed: {text}')
            raise ApplyError(text)
        self.events.record(addon, "Normal", "ApplyingManifest", f'Applying manifest at "{shown}"')
        try:
            Set(self.store, addon, self.manager).apply(objects, self.known(addon, objects))
        except ApplyError as error:
            self.events.record(addon, "Warning", "ApplyManifestFailed", f'Applying manifest at "{shown}" failed: {error}')
            raise
        self.events.record(addon, "Normal", "AppliedManifest", f'Applied manifest at "{shown}"')
        addon["spec"]["checksum"] = checksum
        addon["metadata"].setdefault("annotations", {})[GVKS] = ";".join(dict.fromkeys(gvk(o) for o in objects))
        self.store.replace("addons.k3s.cattle.io", addon, self.manager)

    def delete(self, path):
        """Of a manifest that is disabled: its objects, the file, the Addon."""
        addon = self.addon(path)
        try:
            objects = parse(path.read_bytes())
        except (OSError, ParseError):
            objects = []
        if "uid" not in addon["metadata"]:
            addon["metadata"] |= {"uid": "", "resourceVersion": ""}
        Set(self.store, addon, self.manager).apply([], self.known(addon, objects))
        path.unlink()
        self.events.record(addon, "Normal", "DeletingManifest", f'Deleting manifest at "{self.shown(path)}"')
        try:
            self.store.delete("addons.k3s.cattle.io", addon["metadata"]["name"], NAMESPACE)
        except ApiError:
            pass
