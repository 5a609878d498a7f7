// K3s's Addons: what its deploy controller has made of the files in its manifests directory, and its events about them.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/kube/kube.h"

namespace bedplate::kube {

struct Addon {
  std::string name, uid, resourceVersion;
  std::string source;    // the file, as K3s sees it
  std::string checksum;  // hex SHA-256 of the content that was applied last; "" before the first time
};

struct AddonEvent {
  std::string addon;    // its name
  std::string reason;   // "ParseManifestFailed", "ApplyManifestFailed", ...; "AppliedManifest" when all is well
  std::string message;  // fit to be shown
  std::int64_t lastUs = 0;
};

// "Malformed" when it is no list. Addons without a name are left out; their number is bounded by the answer's.
host::Result<std::vector<Addon>> parseAddons(std::string_view text);
host::Result<std::vector<AddonEvent>> parseAddonEvents(std::string_view text);

// All of kube-system. "NotFound" where K3s has not made the kind yet.
host::Result<std::vector<Addon>> listAddons(Api& api);
// One of them; nullopt when there is none of this name.
host::Result<std::optional<Addon>> getAddon(Api& api, const std::string& name);
// By K3s's deploy controller, as many as the API still has (an hour's); of one Addon where a name is given.
host::Result<std::vector<AddonEvent>> listAddonEvents(Api& api, const std::string& name = {});
// Only this one as it was seen: "Conflict" when it is another by now. It is no error when it is gone.
host::Status removeAddon(Api& api, const Addon& addon);

}  // namespace bedplate::kube
