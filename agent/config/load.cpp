#include <algorithm>

#include "agent/config/parse.h"

namespace bedplate::config {
namespace {

constexpr std::size_t kFileBytes = 256 << 10;
constexpr std::size_t kDropIns = 1000;
constexpr std::size_t kKeyFileBytes = 1 << 20;

class Loader {
 public:
  explicit Loader(host::Files& files) : files_(files) {}

  host::Result<Loaded> run(const std::string& path) {
    BEDPLATE_TRY(readOne(path, /*mayBeMissing=*/true));
    const std::string dropIns = path + ".d";
    auto names = files_.list(dropIns, kDropIns);
    if (!names && names.error().reason != "NotFound") return host::Failure(names.error());
    if (names)
      for (const auto& name : *names)
        if (name.ends_with(".conf") && name.front() != '.')
          BEDPLATE_TRY(readOne(host::joinPath(dropIns, name), /*mayBeMissing=*/false));
    loaded_.ofText = loaded_.problems.size();
    checkFiles();
    checkTogether();
    return std::move(loaded_);
  }

 private:
  host::Status readOne(const std::string& path, bool mayBeMissing) {
    auto text = files_.read(path, kFileBytes);
    if (!text) {
      const host::Error& error = text.error();
      if (error.reason == "NotFound" && mayBeMissing) return {};
      if (error.reason == "NotAFile" || error.reason == "TooLarge") {
        loaded_.problems.push_back({files_.shown(path), 0, error.why});
        return {};
      }
      return host::Failure(error);
    }
    loaded_.files.push_back(files_.shown(path));
    parseInto(*text, files_.shown(path), loaded_.config, loaded_.problems, origins_);
    return {};
  }

  void problem(const Where& where, const std::string& message) {
    loaded_.problems.push_back({where.file, where.line, message});
  }

  // Where a key was set, or the file as a whole.
  Where whereIs(std::string_view section, std::string_view name) const {
    for (const auto& [key, where] : origins_)
      if (key->section == section && key->name == name) return where;
    return {loaded_.files.empty() ? "" : loaded_.files.front(), 0};
  }
  bool isSet(std::string_view section, std::string_view name) const {
    return std::any_of(origins_.begin(), origins_.end(), [&](const auto& origin) {
      return origin.first->section == section && origin.first->name == name;
    });
  }

  void checkFiles() {
    for (const Key& key : keys()) {
      const auto origin = origins_.find(&key);
      if (key.file == FileKind::none || origin == origins_.end()) continue;
      const std::string& path = key.path(loaded_.config);
      if (path.empty()) continue;
      if (auto why = refusedFile(path, key.file)) problem(origin->second, std::string(key.name) + ": " + *why);
    }
  }

  std::optional<std::string> refusedFile(const std::string& path, FileKind kind) {
    const std::string shown = files_.shown(path);
    const auto info = files_.info(path);
    if (!info) return shown + ": " + info.error().why;
    if (info->kind == host::FileKind::symlink && kind == FileKind::secret)
      return shown + " is a symbolic link: name the file itself";
    if (info->kind == host::FileKind::regular && kind == FileKind::secret && (info->mode & 077) != 0)
      return shown + " may be read by others than its owner: chmod 600 " + shown;
    if (info->kind == host::FileKind::regular && (info->mode & 022) != 0)
      return shown + " may be written by others than its owner: chmod go-w " + shown;
    const auto content = files_.read(path, kKeyFileBytes);
    if (!content) return shown + ": " + content.error().why;
    if (content->empty()) return shown + " is empty";
    return std::nullopt;
  }

  // What no key alone can get wrong.
  void checkTogether() {
    auto& config = loaded_.config;
    const bool haveKeys = !config.trust.allowedSigners.empty() || !config.trust.gpgKeyring.empty();
    if (!isSet("trust", "signatures") && haveKeys) config.trust.signatures = "require";
    if (config.trust.signatures != "off" && !haveKeys)
      problem(whereIs("trust", "signatures"),
              "signatures: nothing says whose signatures count: set allowed-signers, or gpg-keyring");
    if (!config.configured()) return;
    if (!isSet("repository", "path"))
      problem(whereIs("repository", "url"), "path is not set: name the cluster directory in the repository, or '.'");
    checkAccess();
  }

  void checkAccess() {
    const auto& repository = loaded_.config.repository;
    const Where where = whereIs("repository", "url");
    const bool https = repository.url.starts_with("https://");
    const bool file = repository.url.starts_with("file://");
    if (!https && !file) {
      if (!isSet("repository", "ssh-key")) problem(where, "ssh needs ssh-key: the file of a deploy key");
      if (!isSet("repository", "known-hosts"))
        problem(where, "ssh needs known-hosts: a file with the server's host key (ssh-keyscan shows it; compare it)");
    }
    if (!https && isSet("repository", "token-file"))
      problem(whereIs("repository", "token-file"), "token-file is for https:// only");
  }

  host::Files& files_;
  Loaded loaded_;
  Origins origins_;
};

}  // namespace

host::Result<Loaded> load(host::Files& files, const std::string& path) { return Loader(files).run(path); }

std::string text(const Problem& problem) {
  if (problem.file.empty()) return problem.message;
  return problem.file + (problem.line > 0 ? ":" + std::to_string(problem.line) : "") + ": " + problem.message;
}

}  // namespace bedplate::config
