// Every place on the machine that Bedplate knows, relative to the root that is handed in. No other file holds one.
#pragma once

namespace bedplate::host::paths {

inline constexpr const char* proc = "proc";
inline constexpr const char* procSys = "proc/sys";
inline constexpr const char* procStat = "proc/stat";
inline constexpr const char* memInfo = "proc/meminfo";
inline constexpr const char* cpusOnline = "sys/devices/system/cpu/online";
inline constexpr const char* procMounts = "proc/self/mountinfo";
inline constexpr const char* selfProgram = "proc/self/exe";
inline constexpr const char* selfDescriptors = "proc/self/fd";
inline constexpr const char* selfCgroups = "proc/self/cgroup";
inline constexpr const char* threadSchedStat = "proc/thread-self/schedstat";
inline constexpr const char* pressure = "proc/pressure";
inline constexpr const char* cgroups = "sys/fs/cgroup";
inline constexpr const char* cpuInfo = "proc/cpuinfo";
inline constexpr const char* bootIdFile = "proc/sys/kernel/random/boot_id";
inline constexpr const char* sysModule = "sys/module";
inline constexpr const char* conntrackCount = "proc/sys/net/netfilter/nf_conntrack_count";
inline constexpr const char* conntrackMax = "proc/sys/net/netfilter/nf_conntrack_max";
inline constexpr const char* conntrackCounters = "proc/net/stat/nf_conntrack";
// Only of what is a module, not built in; and only while that one is loaded.
inline constexpr const char* conntrackInitState = "sys/module/nf_conntrack/initstate";
inline constexpr const char* conntrackNetlinkModule = "sys/module/nf_conntrack_netlink";
inline constexpr const char* inotifyInstances = "proc/sys/fs/inotify/max_user_instances";
inline constexpr const char* inotifyWatches = "proc/sys/fs/inotify/max_user_watches";
inline constexpr const char* fileHandles = "proc/sys/fs/file-nr";
inline constexpr const char* osRelease = "proc/sys/kernel/osrelease";
inline constexpr const char* kernelModules = "lib/modules";
inline constexpr const char* hypervisorType = "sys/hypervisor/type";
inline constexpr const char* dmiVendor = "sys/class/dmi/id/sys_vendor";
inline constexpr const char* dmiProduct = "sys/class/dmi/id/product_name";
inline constexpr const char* clockSource = "sys/devices/system/clocksource/clocksource0";
inline constexpr const char* highestFrequency = "sys/devices/system/cpu/cpu0/cpufreq/cpuinfo_max_freq";
inline constexpr const char* blockDevices = "sys/dev/block";
inline constexpr const char* blockClass = "sys/class/block";
inline constexpr const char* systemBus = "run/dbus/system_bus_socket";
inline constexpr const char* journal = "var/log/journal";
inline constexpr const char* zoneInfo = "usr/share/zoneinfo";

inline constexpr const char* configFile = "etc/bedplate/bedplate.conf";
inline constexpr const char* configDropIns = "etc/bedplate/bedplate.conf.d";
inline constexpr const char* hostname = "etc/hostname";
inline constexpr const char* bootSysctl = "etc/sysctl.d/99-zz-bedplate.conf";
inline constexpr const char* bootModules = "etc/modules-load.d/bedplate.conf";

inline constexpr const char* stateDir = "var/lib/bedplate";
inline constexpr const char* stateDb = "var/lib/bedplate/state.db";
inline constexpr const char* stateLock = "var/lib/bedplate/lock";
inline constexpr const char* stateStage = "var/lib/bedplate/stage";
// The mirror has a directory of its own, which belongs to the unprivileged user: it is rebuilt beside itself, and that
// user must not be able to put anything into the state directory.
inline constexpr const char* mirrorDir = "var/lib/bedplate/git";
inline constexpr const char* mirror = "var/lib/bedplate/git/mirror.git";
inline constexpr const char* generations = "var/lib/bedplate/generations";
inline constexpr const char* generationBlobs = "var/lib/bedplate/generations/blobs";
// The index of originals; their contents, where they are files, lie in the directory.
inline constexpr const char* held = "var/lib/bedplate/held";
inline constexpr const char* originals = "var/lib/bedplate/originals";
inline constexpr const char* accepted = "var/lib/bedplate/accepted";
inline constexpr const char* sealing = "var/lib/bedplate/sealing";
// Outside of it, for who may not read keys.
inline constexpr const char* sealingCertificate = "var/lib/bedplate/sealing.crt";
inline constexpr const char* fingerprintKey = "var/lib/bedplate/fingerprint.key";
inline constexpr const char* httpProgram = "usr/libexec/bedplate/bedplate-http";
inline constexpr const char* workerProgram = "usr/libexec/bedplate/bedplate-worker";
inline constexpr const char* gpgvProgram = "usr/bin/gpgv";
inline constexpr const char* statusFile = "run/bedplate/status.json";

inline constexpr const char* k3sConfigDir = "etc/rancher/k3s";
inline constexpr const char* k3sServerDir = "var/lib/rancher/k3s/server";
// K3s writes it at each start of a server.
inline constexpr const char* k3sKubeconfig = "etc/rancher/k3s/k3s.yaml";
// And this one, below its data directory, at each start of either role.
inline constexpr const char* k3sKubeletKubeconfig = "agent/kubelet.kubeconfig";
inline constexpr const char* k3sManifests = "var/lib/rancher/k3s/server/manifests/bedplate";
// Same mount as the manifests and as the configuration, outside the directories that K3s walks.
inline constexpr const char* k3sManifestStage = "var/lib/rancher/k3s/server/bedplate-stage";
inline constexpr const char* k3sConfigStage = "etc/rancher/bedplate-stage";
inline constexpr const char* k3sServerProcesses = "sys/fs/cgroup/system.slice/k3s.service/cgroup.procs";
inline constexpr const char* k3sAgentProcesses = "sys/fs/cgroup/system.slice/k3s-agent.service/cgroup.procs";
inline constexpr const char* k3sServerUnit = "etc/systemd/system/k3s.service";
inline constexpr const char* k3sAgentUnit = "etc/systemd/system/k3s-agent.service";

// Where others keep kernel keys, in the order of systemd-sysctl, and what shows that they are installed.
inline constexpr const char* sysctlDirectories[] = {"etc/sysctl.d", "run/sysctl.d", "usr/local/lib/sysctl.d",
                                                    "usr/lib/sysctl.d"};
inline constexpr const char* sysctlConf = "etc/sysctl.conf";
inline constexpr const char* ufwState = "etc/ufw/ufw.conf";
inline constexpr const char* ufwDefaults = "etc/default/ufw";
inline constexpr const char* ufwSysctl = "etc/ufw/sysctl.conf";
inline constexpr const char* tunedActive = "etc/tuned/active_profile";
inline constexpr const char* tunedSettings = "etc/tuned/tuned-main.conf";
inline constexpr const char* tunedProfiles[] = {"etc/tuned/profiles", "etc/tuned", "usr/lib/tuned/profiles",
                                                "usr/lib/tuned"};
inline constexpr const char* ciliumState = "run/cilium";
inline constexpr const char* ciliumNetwork = "etc/cni/net.d/05-cilium.conflist";
inline constexpr const char* calicoState = "var/lib/calico";
inline constexpr const char* calicoNetwork = "etc/cni/net.d/10-calico.conflist";
inline constexpr const char* networkdState = "run/systemd/netif";
inline constexpr const char* networkManagerState = "run/NetworkManager";
inline constexpr const char* dockerSocket = "run/docker.sock";
inline constexpr const char* cloudInitState = "var/lib/cloud";

}  // namespace bedplate::host::paths
