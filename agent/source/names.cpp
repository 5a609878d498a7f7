#include "agent/source/names.h"

#include <algorithm>
#include <tuple>

#include "agent/source/text.h"

namespace bedplate::source {
namespace {

constexpr std::size_t kMaxName = 255;
constexpr std::size_t kListings = 32 << 20;
constexpr std::string_view kTaken = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

}  // namespace

std::string whyRefusedName(std::string_view name) {
  if (name.find_first_not_of(kTaken) != std::string_view::npos)
    return "its name has characters other than letters, digits, '.', '_' and '-'";
  if (name.empty() || name == "." || name == "..") return "it has no name of its own";
  if (name.size() > kMaxName) return "its name is longer than 255 bytes";
  return {};
}

std::string whyRefusedMode(std::uint32_t mode) {
  if (mode == kModeLink) return "it is a symbolic link; put the file itself there";
  if (mode == kModeSubmodule) return "it is a submodule; put the files themselves there";
  return {};
}

std::string sizeText(std::size_t bytes) {
  constexpr std::size_t kMiB = 1 << 20;
  return bytes >= kMiB && bytes % kMiB == 0 ? std::to_string(bytes / kMiB) + " MiB" : std::to_string(bytes) + " bytes";
}

bool Budget::end(const std::string& path, const std::string& why) {
  if (!spent_) refusals_.push_back({shownPath(path), why});
  spent_ = true;
  return false;
}

bool Budget::takeEntry(const std::string& path) {
  if (++entries_ <= limits_.totalFiles) return !spent_;
  return end(path, "with it there are more than " + std::to_string(limits_.totalFiles) + " files and directories");
}

bool Budget::takeBytes(const std::string& path, std::size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= limits_.totalBytes) return !spent_;
  return end(path, "with it there are more than " + sizeText(limits_.totalBytes) + " in all");
}

bool Budget::takeListing(const std::string& path, std::size_t bytes) {
  listings_ += bytes;
  if (listings_ <= kListings) return !spent_;
  return end(path, "with it the directories alone are more than " + sizeText(kListings));
}

void sortByPath(std::vector<File>& files, std::vector<Refusal>& refusals) {
  std::sort(files.begin(), files.end(), [](const File& a, const File& b) { return a.path < b.path; });
  std::sort(refusals.begin(), refusals.end(),
            [](const Refusal& a, const Refusal& b) { return std::tie(a.path, a.why) < std::tie(b.path, b.why); });
}

}  // namespace bedplate::source
