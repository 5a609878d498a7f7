"""The kinds that a Kubernetes API has from the start, and the errors it answers with: a Status each."""

import dataclasses
import re

# group/version, plural, kind and what it is: n in a namespace, s with a status of its own, g counts its generation,
# v a PUT must name the resource version, c a PUT of what is not there makes it.
BUILTIN = """
v1 namespaces Namespace s
v1 nodes Node s
v1 persistentvolumes PersistentVolume s
v1 persistentvolumeclaims PersistentVolumeClaim ns
v1 configmaps ConfigMap n
v1 secrets Secret n
v1 serviceaccounts ServiceAccount n
v1 services Service ns
v1 events Event nc
v1 pods Pod nsg
apps/v1 deployments Deployment nsg
apps/v1 statefulsets StatefulSet nsg
apps/v1 daemonsets DaemonSet nsg
batch/v1 jobs Job nsg
batch/v1 cronjobs CronJob nsg
networking.k8s.io/v1 ingresses Ingress nsg
networking.k8s.io/v1 networkpolicies NetworkPolicy ng
rbac.authorization.k8s.io/v1 roles Role n
rbac.authorization.k8s.io/v1 rolebindings RoleBinding n
rbac.authorization.k8s.io/v1 clusterroles ClusterRole -
rbac.authorization.k8s.io/v1 clusterrolebindings ClusterRoleBinding -
storage.k8s.io/v1 storageclasses StorageClass -
coordination.k8s.io/v1 leases Lease nvc
apiextensions.k8s.io/v1 customresourcedefinitions CustomResourceDefinition sgv
"""
# Those that K3s brings along as definitions.
K3S_KINDS = """
k3s.cattle.io/v1 addons Addon ngv
helm.cattle.io/v1 helmcharts HelmChart nsgv
helm.cattle.io/v1 helmchartconfigs HelmChartConfig ngv
"""
LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
SUBDOMAIN = rf"{LABEL}(\.{LABEL})*"


class ApiError(Exception):
    """What the API answers instead of an object: a Status."""

    def __init__(self, code, reason, message, **details):
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details

    def body(self):
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message,
                  "reason": self.reason, "details": self.details, "code": self.code}
        return {k: v for k, v in status.items() if v or k == "metadata"}


@dataclasses.dataclass
class Kind:
    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool
    status: bool
    generation: bool
    versioned: bool
    created_by_put: bool
    custom: bool = False

    @property
    def resource(self):
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self):
        return f"{self.group}/{self.version}" if self.group else self.version

    def error(self, code, reason, name, text):
        details = {"name": name, "group": self.group, "kind": self.plural}
        return ApiError(code, reason, text, **{k: v for k, v in details.items() if v})

    def missing(self, name):
        return self.error(404, "NotFound", name, f'{self.resource} "{name}" not found')

    def conflict(self, name, why="the object has been modified; please apply your changes to the latest version and try again"):
        return self.error(409, "Conflict", name, f'Operation cannot be fulfilled on {self.resource} "{name}": {why}')

    def invalid(self, name, field, text, kind=None):
        kind = kind or self.kind
        named = f"{kind}.{self.group}" if self.group else kind
        error = self.error(422, "Invalid", name, f'{named} "{name}" is invalid: {field}: {text}')
        error.details |= {"kind": kind, "causes": [{"reason": "FieldValueInvalid", "message": text, "field": field}]}
        return error


def kinds_of(table, custom):
    for line in table.strip().splitlines():
        version, plural, kind, traits = line.split()
        group, _, version = version.rpartition("/")
        yield Kind(group, version, plural, kind, *(letter in traits for letter in "nsgvc"), custom)


def check_name(kind, name):
    """Raises the ApiError for a name that this kind cannot have."""
    if not name:
        raise kind.invalid("", "metadata.name", "Required value: name or generateName is required")
    if kind.group == "rbac.authorization.k8s.io":
        return  # any path segment
    label = kind.plural in ("namespaces", "services")
    pattern, most = (LABEL, 63) if label else (SUBDOMAIN, 253)
    if not re.fullmatch(pattern, name):
        form = ("label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric "
                "character (e.g. 'my-name',  or '123-abc'" if label else
                "subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
                "alphanumeric character (e.g. 'example.com'")
        raise kind.invalid(name, "metadata.name",
                           f'Invalid value: "{name}": a lowercase RFC 1123 {form}, regex used for validation is \'{pattern}\')')
    if len(name) > most:
        raise kind.invalid(name, "metadata.name", f'Invalid value: "{name}": must be no more than {most} characters')


def check_texts(kind, obj):
    """Raises the ApiError for numbers and booleans where only texts may be: what YAML makes of `a: 1`."""
    maps = [(f"ObjectMeta.metadata.{name}", obj["metadata"].get(name)) for name in ("labels", "annotations")]
    if kind.plural in ("configmaps", "secrets"):
        maps += [(f"{kind.kind}.data", obj.get("data")), (f"{kind.kind}.stringData", obj.get("stringData"))]
    for field, values in maps:
        for value in (values or {}).values():
            if not isinstance(value, str):
                what = "bool" if isinstance(value, bool) else "number" if isinstance(value, (int, float)) else "object"
                raise ApiError(400, "BadRequest", f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
                               f"json: cannot unmarshal {what} into Go struct field {field} of type string")
