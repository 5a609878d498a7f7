"""How K3s reads its configuration, and what makes it end at its start: after pkg/configfilearg, pkg/nodeconfig and the checks
of pkg/cli/server."""

import base64
import hashlib
import ipaddress
import json
import os
import pathlib
import re

import yaml

COMMON = {
    "string": "config c vmodule log l token t token-file node-name image-credential-provider-bin-dir "
              "image-credential-provider-config container-runtime-endpoint default-runtime image-service-endpoint "
              "pause-image snapshotter private-registry bind-address resolv-conf flannel-iface flannel-conf "
              "flannel-cni-conf vpn-auth vpn-auth-file server s data-dir d",
    "bool": "debug alsologtostderr with-node-id selinux protect-kernel-defaults "
            "disable-default-registry-endpoint nonroot-devices enable-pprof prefer-bundled-bin docker rootless",
    "int": "v lb-server-port",
    "list": "node-label node-taint airgap-extra-registry node-ip i node-external-ip node-internal-dns "
            "node-external-dns kubelet-arg kube-proxy-arg",
}
AGENT = {"bool": "disable-apiserver-lb"}
SERVER = {
    "string": "apiserver-bind-address advertise-address service-node-port-range cluster-domain flannel-backend "
              "egress-selector-mode servicelb-namespace write-kubeconfig o write-kubeconfig-mode "
              "write-kubeconfig-group helm-job-image agent-token agent-token-file cluster-reset-restore-path "
              "datastore-endpoint datastore-cafile datastore-certfile datastore-keyfile etcd-snapshot-name "
              "etcd-snapshot-schedule-cron etcd-snapshot-dir etcd-s3-endpoint etcd-s3-endpoint-ca "
              "etcd-s3-access-key etcd-s3-secret-key etcd-s3-session-token etcd-s3-bucket "
              "etcd-s3-bucket-lookup-type etcd-s3-region etcd-s3-folder etcd-s3-proxy etcd-s3-config-secret "
              "default-local-storage-path system-default-registry secrets-encryption-provider",
    "bool": "tls-san-security flannel-ipv6-masq flannel-external-ip cluster-init cluster-reset kine-tls "
            "etcd-expose-metrics etcd-disable-snapshots etcd-snapshot-compress etcd-s3 etcd-s3-skip-ssl-verify "
            "etcd-s3-insecure disable-scheduler disable-cloud-controller disable-kube-proxy "
            "disable-network-policy disable-helm-controller disable-apiserver disable-controller-manager "
            "disable-etcd embedded-registry supervisor-metrics secrets-encryption disable-agent",
    "int": "https-listen-port supervisor-port apiserver-port advertise-port etcd-snapshot-retention "
           "etcd-s3-retention",
    "list": "tls-san cluster-cidr service-cidr cluster-dns kube-apiserver-arg etcd-arg "
            "kube-controller-manager-arg kube-scheduler-arg kube-cloud-controller-manager-arg disable kube-controller-arg "
            "kube-cloud-controller-arg",
    "duration": "etcd-snapshot-reconcile-interval etcd-s3-timeout",
}
# Not all of the kubelet's, those that people set.
KUBELET = set("""
address allowed-unsafe-sysctls anonymous-auth authentication-token-webhook authorization-mode cgroup-driver
cgroup-root cluster-dns cluster-domain config config-dir container-log-max-files container-log-max-size cpu-cfs-quota
cpu-cfs-quota-period cpu-manager-policy cpu-manager-policy-options enforce-node-allocatable event-burst event-qps
eviction-hard eviction-max-pod-grace-period eviction-minimum-reclaim eviction-soft eviction-soft-grace-period
fail-swap-on feature-gates file-check-frequency healthz-port image-gc-high-threshold image-gc-low-threshold
kube-api-burst kube-api-qps kube-reserved kube-reserved-cgroup make-iptables-util-chains max-open-files max-pods
maximum-dead-containers minimum-container-ttl-duration node-ip node-labels node-status-update-frequency pod-max-pids
pods-per-core protect-kernel-defaults read-only-port register-with-taints registry-burst registry-qps resolv-conf
root-dir runtime-request-timeout seccomp-default serialize-image-pulls shutdown-grace-period
streaming-connection-idle-timeout sync-frequency system-reserved system-reserved-cgroup tls-cert-file
tls-cipher-suites tls-min-version topology-manager-policy v volume-stats-agg-period
""".split())
SECRETS = {"--token", "-t", "--agent-token", "--datastore-endpoint", "--etcd-s3-access-key", "--etcd-s3-secret-key",
           "--vpn-auth"}


class Fatal(Exception):
    """K3s ends with status 1, and this is its last line."""


class Shutdown(Exception):
    """One of K3s's parts ends with this error: K3s logs it and ends with status 0, after it was `ready` or before."""

    def __init__(self, text, ready):
        super().__init__(text)
        self.ready = ready


def yaml_error(error):
    """As Go's parser says what Python's has found."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None) or str(error)
    problem = re.sub("are not allowed here$", "are not allowed in this context", problem)
    problem = re.sub("^found undefined alias ('.*')$", r"unknown anchor \1 referenced", problem)
    problem = re.sub("^found character '.*' that cannot", "found character that cannot", problem)
    problem = re.sub("^expected (.*), but .*", r"did not find expected \1", problem)
    # Its lines begin at 0 but where a token is at fault, and 0 is not said.
    known = mark and mark.line and not isinstance(error, yaml.composer.ComposerError)
    line = mark.line + isinstance(error, yaml.scanner.ScannerError) if known else 0
    return f"yaml: line {line}: {problem}" if line else f"yaml: {problem}"


def flags(role):
    """Name -> type"""
    found = {}
    for table in (COMMON, SERVER if role == "server" else AGENT):
        for kind, names in table.items():
            found |= dict.fromkeys(names.split(), kind)
    return found


def text(value):
    return {True: "true", False: "false", None: ""}[value] if value is None or isinstance(value, bool) else str(value)


def listed(value):
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, str) or text(value).strip() else []


def read(file):
    """The arguments that config.yaml and the files of config.yaml.d come to; [] where there are none."""
    folder = pathlib.Path(f"{file}.d")
    drop_ins = sorted(folder.iterdir()) if folder.is_dir() else []
    drop_ins = [p for p in drop_ins if not p.is_dir() and p.name.lower().endswith((".yaml", ".yml"))]
    values = {}
    for path in [*([pathlib.Path(file)] if os.path.exists(file) else []), *drop_ins]:
        try:
            data = yaml.safe_load(path.read_text())
        except yaml.YAMLError as error:
            raise Fatal(yaml_error(error)) from None
        if data is not None and not isinstance(data, dict):
            raise Fatal("yaml: unmarshal errors:\n  line 1: cannot unmarshal !!str into yaml.MapSlice")
        for key, value in (data or {}).items():
            key = text(key)
            name = key.removesuffix("+")
            values[name] = listed(values[name]) + listed(value) if key != name and name in values else value
    arguments = []
    for name, value in values.items():
        dashes = "-" if len(name) == 1 else "--"
        arguments += [f"{dashes}{name}={text(v)}" for v in (value if isinstance(value, list) else [value])]
    return arguments


def strip(role, arguments):
    """(those that a server knows, the names of the others). An agent keeps all, and ends with the first unknown one."""
    if role != "server":
        return arguments, []
    known = flags(role)
    names = [re.match(r"-+([^=]*)", a)[1] for a in arguments]
    return ([a for a, n in zip(arguments, names) if n in known],
            [a.split("=")[0] for a, n in zip(arguments, names) if n not in known])


def check(role, arguments):
    """(name -> its values, the Shutdown to come or None). Raises what K3s would end with at once."""
    known, values, rest = flags(role), {}, list(arguments)
    while rest:
        name, equals, value = rest.pop(0).lstrip("-").partition("=")
        kind = known.get(name)
        if not equals and kind != "bool" and rest:
            value = rest.pop(0)
        if not kind:
            raise Fatal(f"Error: flag provided but not defined: -{name}")
        if kind == "int" and not re.fullmatch(r"[-+]?\d+", value):
            raise Fatal(f'Error: invalid value "{value}" for flag -{name}: parse error')
        if kind == "bool" and not re.fullmatch("|[10tfTF]|true|false|TRUE|FALSE|True|False", value):
            raise Fatal(f'Error: invalid boolean value "{value}" for -{name}: parse error')
        if kind == "duration" and not re.fullmatch(r"(\d+(\.\d+)?(ns|us|ms|s|m|h))+|0", value):
            raise Fatal(f'Error: invalid value "{value}" for flag -{name}: parse error')
        values.setdefault(name, []).append(value)
    for name in ("cluster-cidr", "service-cidr"):
        for cidr in ",".join(values.get(name, [])).split(",") if values.get(name) else []:
            try:
                assert "/" in cidr
                ipaddress.ip_network(cidr, strict=False)
            except (ValueError, AssertionError):
                raise Fatal(f"Error: invalid {name} {cidr}: invalid CIDR address: {cidr}") from None
    for address in ",".join(values.get("cluster-dns", [])).split(",") if values.get("cluster-dns") else []:
        try:
            ipaddress.ip_address(address)
        except ValueError:
            raise Fatal(f"Error: invalid cluster-dns address {address}") from None
    if values.get("egress-selector-mode", ["agent"])[-1] not in ("disabled", "agent", "pod", "cluster"):
        raise Fatal(f"Error: invalid egress-selector-mode {values['egress-selector-mode'][-1]}")
    return values, failing_part(values)


def failing_part(values):
    """The kubelet knows KUBELET; a flag that the others do not know is called no-such-something."""
    for part, error, ready in (("kube-apiserver", "apiserver exited: ", False),
                               ("kube-controller-manager", "controller-manager exited: ", True),
                               ("kubelet", "kubelet exited: failed to parse kubelet flag: ", True)):
        for argument in values.get(f"{part}-arg", []):
            name = argument.lstrip("-").partition("=")[0]
            if name.startswith("no-such") or (part == "kubelet" and name not in KUBELET):
                return Shutdown(f"{error}unknown flag: --{name}", ready)
    return None


def node_annotations(arguments, environment=()):
    """What K3s writes to its Node of how it was started. arguments: of the whole command line, "server" first."""
    split = []
    for argument in arguments:
        split += argument.split("=", 1) if argument.startswith("--") and "=" in argument else [argument]
    for i, argument in enumerate(split[:-1]):
        if argument in SECRETS:
            split[i + 1] = "********"
    hidden = {"K3S_TOKEN", "K3S_DATASTORE_ENDPOINT", "K3S_AGENT_TOKEN", "K3S_CLUSTER_SECRET", "K3S_VPN_AUTH"}
    node_args = json.dumps(split, separators=(",", ":"))
    ours = {k: "********" if k in hidden else v for k, v in sorted(dict(environment).items()) if k.startswith("K3S_")}
    node_env = json.dumps(ours, separators=(",", ":"))
    return {"k3s.io/node-args": node_args, "k3s.io/node-env": node_env,
            "k3s.io/node-config-hash": base64.b32encode(hashlib.sha256((node_args + node_env).encode()).digest()).decode()}
