#include "agent/cluster/node_keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "agent/cluster/names.h"
#include "agent/cluster/values.h"
#include "tuning/profiles/profiles.h"

namespace bedplate::cluster {
namespace {

constexpr std::string_view kNotActiveYet[] = {
