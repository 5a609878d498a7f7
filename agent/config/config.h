// bedplate.conf: the only configuration that is not in Git. INI, read by inih, with drop-ins (design section 6).
//
// Unknown sections and keys, values that are not of their kind, and key files that cannot be read are problems with
// file and line; all are reported. A configuration with problems is not used.
// Thread-safety: plain values and free functions.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tuning/host/files.h"

namespace bedplate::config {

enum class Mode { observe, enforce };

struct Config {
  struct {
    std::string url;
    std::string branch = "main";
    std::string path;  // within the repository; no leading or trailing slash
    std::int64_t intervalMs = 60000;
    std::int64_t timeoutMs = 60000;
    // Paths below the root, without a leading slash; empty: none.
    std::string sshKey, knownHosts, caFile, tokenFile;
  } repository;
  struct {
    std::string name;           // empty: K3s's node name, else the short hostname
    std::string role = "auto";  // auto | server | agent
    std::string cluster;        // empty: the first folder of the path below "clusters/", else the path's last
    Mode mode = Mode::observe;
  } node;
  struct {
    std::string signatures = "off";  // require | warn | off; anything but off is a problem until it can be kept
    std::string allowedSigners, revokedKeys, gpgKeyring;
    std::string minimumCommit;      // full hex id
    std::int64_t maximumAgeMs = 0;  // 0: no limit
  } trust;
  struct {
    std::string rawSecrets;  // empty or "deny"
    std::vector<std::string> endpoints;
  } policy;
  struct {
    std::string metricsFile;  // below the root; empty: none
    std::string statusFile = "run/bedplate/status.json";
  } report;

  // Nothing works without a repository: an installed package waits for it.
  [[nodiscard]] bool configured() const { return !repository.url.empty(); }
};

struct Problem {
  std::string file;  // as the operator knows it
  int line = 0;      // 1-based; 0: the file as a whole
  std::string message;
};

// "file:line: message"
std::string text(const Problem& problem);

struct Loaded {
  Config config;
  std::vector<std::string> files;  // read, in order, as the operator knows them
  std::vector<Problem> problems;
  std::size_t ofText = 0;  // so many of them, the first, are of the text itself and not of the files that it names
};

// Reads `path` (paths::configFile unless --config) and PATH.d/*.conf in byte order over it. A missing main file is an
// empty one. "Io"/"Denied" when a file cannot be read at all.
host::Result<Loaded> load(host::Files& files, const std::string& path);

// Parses one file's text over `config`; the entry for tests and the fuzz target.
void parse(std::string_view text, const std::string& file, Config& config, std::vector<Problem>& problems);

// "60s", "5m", "2h", "1d", "250ms", or a plain number of seconds; nullopt for anything else, negative or over 10 years.
std::optional<std::int64_t> parseDurationMs(std::string_view text);

// Whether the worker may be given this URL, and why not: schemes file, ssh, https, and user@host:path; no control
// characters, no option-like host or path, no user:password in it.
std::optional<std::string> refusedUrl(std::string_view url);

}  // namespace bedplate::config
