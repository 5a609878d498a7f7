// Which manifests have objects that somebody changed or deleted in the cluster (k3s.manifests.selfHeal: objects). Who
// changed what is in the objects' managedFields: K3s's own changes, those of controllers and autoscalers, and those
// through a status or a scale are left alone. One change is answered once.
// Thread-safety: used from one thread.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "agent/cluster/manifests.h"
#include "agent/kube/objects.h"
#include "agent/plan/succession.h"
#include "tuning/host/files.h"

namespace bedplate::daemon {

class ObjectWatch {
 public:
  // A change that K3s has not written over after this time is answered again.
  static constexpr std::int64_t kAgainUs = 3'600'000'000;

  explicit ObjectWatch(host::Files& files) : files_(files) {}

  // Paths of manifests that K3s has deployed and whose objects are no longer as it left them, with who did it. One list
  // for each kind of object.
  host::Result<std::map<std::string, std::string>> look(kube::Api& api, kube::Kinds& kinds, const plan::Target& target,
                                                        const plan::Deployed& deployed, std::int64_t nowUs);

 private:
  using Objects = std::shared_ptr<const std::vector<cluster::Object>>;
  host::Result<Objects> objectsOf(const plan::FileTarget& file);
  struct Answer {
    std::string change;  // when it was made, or what was deployed when the object was missing
    std::int64_t atUs = 0;
  };
  bool isNew(const std::string& id, std::string change, std::int64_t nowUs,
             std::map<std::string, Answer>& answered) const;

  host::Files& files_;
  std::map<std::string, Objects> read_;     // by sha256 of the content
  std::map<std::string, Answer> answered_;  // by object
};

}  // namespace bedplate::daemon
