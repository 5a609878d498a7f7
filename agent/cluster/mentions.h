// What some manifests tell K3s itself to reach: the charts of its Helm controller, and the S3 settings of its
// snapshots; and values of charts that look like credentials. Internal to readManifest().
// Thread-safety: free functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/cluster/manifests.h"

namespace bedplate::cluster {

// Fills in the mentions of those objects of this text that have any; most texts have none and are not read again.
void readMentions(std::string_view text, std::vector<Object>& objects);

// The registry that an image's reference names ("registry.example.com:5000/x/y:1"); "docker.io" when it names none.
std::string registryOf(std::string_view image);

}  // namespace bedplate::cluster
