#include "agent/apply/generations.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr std::size_t kMaxTarget = 64 << 20;
constexpr std::size_t kMaxContent = 16 << 20;

std::string directory(std::int64_t number) { return host::joinPath(host::paths::generations, std::to_string(number)); }

std::string blobPath(const std::string& sha256) { return host::joinPath(host::paths::generationBlobs, sha256); }

host::Replacement ours(std::string path, std::string_view content) {
  return {std::move(path), content, 0600, ::geteuid(), ::getegid()};
}

host::Result<std::vector<std::string>> listOrNothing(host::Files& files, const std::string& path) {
  auto names = files.list(path, 1'000'000);
  if (!names && names.error().errnum == ENOENT) return std::vector<std::string>{};
  return names;
}

// All that looks like a hash in a target.json. To tidy up 20 of them must not cost 20 parses; a word too many keeps a
// content too many.
void addHashes(std::string_view text, std::set<std::string>& hashes) {
  constexpr std::size_t kLength = 64;
  for (std::size_t quote = text.find('"'); quote != std::string_view::npos; quote = text.find('"', quote + 1)) {
    const std::string_view word = text.substr(quote + 1, kLength);
    if (word.size() == kLength && word.find_first_not_of("0123456789abcdef") == std::string_view::npos)
      hashes.emplace(word);
  }
}

}  // namespace

std::string Generations::targetPath(std::int64_t number) const {
  return host::joinPath(directory(number), "target.json");
}

host::Result<std::vector<std::int64_t>> Generations::numbers() const {
  BEDPLATE_TRY_LET(const auto names, listOrNothing(files_, host::paths::generations));
  std::vector<std::int64_t> numbers;
  for (const auto& name : names) {
    std::int64_t number = 0;
    const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
    if (code == std::errc() && end == name.data() + name.size() && number > 0) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

host::Result<plan::Target> Generations::read(std::int64_t number) const {
  BEDPLATE_TRY_LET(const std::string text, files_.read(targetPath(number), kMaxTarget));
  auto target = plan::targetFromJson(text);
  if (target) return target;
  host::Error error = std::move(target).error();
  error.thing = files_.shown(targetPath(number));
  error.todo = "bedplate sync writes it anew from Git";
  return tl::make_unexpected(std::move(error));
}

bool Generations::complete(const plan::Target& target) const {
  return std::all_of(target.files.begin(), target.files.end(),
                     [&](const auto& file) { return files_.info(blobPath(file.sha256)).has_value(); });
}

host::Result<std::shared_ptr<const std::string>> Generations::content(const std::string& sha256) const {
  BEDPLATE_TRY_LET(std::string bytes, files_.read(blobPath(sha256), kMaxContent));
  if (plan::sha256(bytes) != sha256)
    return host::fail("Corrupt", files_.shown(blobPath(sha256)), "is not what its name says",
                      "bedplate sync writes it anew from Git");
  return std::make_shared<const std::string>(std::move(bytes));
}

host::Status Generations::write(std::int64_t number, const plan::Target& target) {
  BEDPLATE_TRY(files_.makeDirectories(host::paths::stateDir, 0711));
  BEDPLATE_TRY(files_.makeDirectories(host::paths::generationBlobs, 0700));
  BEDPLATE_TRY_LET(const auto names, listOrNothing(files_, host::paths::generationBlobs));  // in order
  std::set<std::string_view> added;
  const std::string text = plan::toJson(target);
  std::vector<host::Replacement> wanted;
  for (const auto& file : target.files) {
    if (std::binary_search(names.begin(), names.end(), file.sha256) || !added.insert(file.sha256).second) continue;
    if (!file.content)
      return host::fail("Corrupt", files_.shown(blobPath(file.sha256)), "is missing",
                        "bedplate sync brings it from Git");
    wanted.push_back(ours(blobPath(file.sha256), *file.content));
  }
  // In this order: what target.json names is there before it.
  wanted.push_back(ours(targetPath(number), text));
  return host::replaceFiles(files_, host::paths::stateStage, wanted, 0700);
}

host::Status Generations::remove(std::int64_t number) {
  for (const auto& path : {targetPath(number), directory(number)}) {
    auto removed = files_.remove(path);
    if (!removed && removed.error().errnum != ENOENT) return removed;
  }
  return {};
}

void Generations::prune(const std::set<std::int64_t>& keep) {
  const auto all = numbers();
  if (!all) return;
  std::set<std::string> named;
  bool removedOne = false;
  for (const std::int64_t number : *all) {
    if (keep.count(number) == 0) {
      removedOne = remove(number).has_value() || removedOne;
      continue;
    }
    const auto text = files_.read(targetPath(number), kMaxTarget);
    if (!text) return;  // what it names is not known: nothing may go
    addHashes(*text, named);
  }
  if (!removedOne) return;
  const auto blobs = files_.list(host::paths::generationBlobs, 1'000'000);
  if (!blobs) return;
  for (const auto& name : *blobs)
    if (named.count(name) == 0) static_cast<void>(files_.remove(blobPath(name)));
}

}  // namespace bedplate::apply
