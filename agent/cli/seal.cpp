// bedplate seal FILE: for a node's certificate, anywhere. The secret comes from a file or from standard input, never
// from the command line, which everyone on the machine may read.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "agent/apply/reconcile.h"
#include "agent/cli/arguments.h"
#include "agent/report/json.h"
#include "agent/report/text.h"
#include "agent/trust/trust.h"
#include "tuning/host/clock.h"

namespace bedplate::cli {
namespace {

namespace fs = std::filesystem;
using report::Json;

// So that the sealed file is within what a cluster directory may hold.
constexpr std::size_t kMostContent = 700'000;
constexpr std::size_t kMostCertificate = 1 << 20;

struct Asked {
  std::string file, certificate, cluster, name;
  [[nodiscard]] bool fromInput() const { return file == "-"; }
};

// A file of the caller's, wherever it lies.
struct Place {
  host::HostFiles directory;
  std::string name;
};
host::Result<Place> placeOf(const std::string& file) {
  std::error_code ignored;
  const fs::path path = fs::absolute(file, ignored).lexically_normal();
  BEDPLATE_TRY_LET(auto directory, host::HostFiles::open(path.parent_path().string()));
  return Place{std::move(directory), path.filename().string()};
}

host::Failure tooLarge(const std::string& file) {
  return host::fail("TooLarge", file, fmt::format("holds more than {} bytes", kMostContent),
                    "seal what is secret alone");
}

host::Result<trust::Secret> readInput() {
  trust::Secret secret(kMostContent + 1);
  std::size_t size = 0;
  while (size < secret.size()) {
    const ssize_t n = ::read(STDIN_FILENO, secret.data() + size, secret.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return host::failErrno(errno, "standard input", "cannot read");
    if (n == 0) break;
    size += static_cast<std::size_t>(n);
  }
  if (size > kMostContent) return tooLarge("standard input");
  secret.shrink(size);
  return secret;
}

host::Result<trust::Secret> readContent(const Asked& asked) {
  if (asked.fromInput()) return readInput();
  BEDPLATE_TRY_LET(auto place, placeOf(asked.file));
  auto text = place.directory.read(place.name, kMostContent);
  if (!text) return text.error().reason == "TooLarge" ? tooLarge(asked.file) : host::Failure(text.error());
  return trust::Secret::takenFrom(*text);
}

host::Result<trust::Certificate> certificateFor(Context& context, const Asked& asked) {
  if (asked.certificate.empty()) {
    auto own = trust::sealingCertificate(context.files());
    if (own || own.error().reason != "NotFound") return own;
    return host::fail("NotFound", "--cert", "is not given, and this machine has no certificate of its own",
                      "bedplate seal --cert node.pem, with what bedplate cert printed on the node");
  }
  BEDPLATE_TRY_LET(auto place, placeOf(asked.certificate));
  BEDPLATE_TRY_LET(const auto pem, place.directory.read(place.name, kMostCertificate));
  auto certificate = trust::readCertificate(pem);
  if (certificate) return certificate;
  host::Error error = std::move(certificate).error();
  error.thing = asked.certificate;
  return host::Failure(std::move(error));
}

// As it is said, else the folder below clusters/ that the file lies in, else this node's.
host::Result<std::string> clusterFor(Context& context, const Asked& asked) {
  if (!asked.cluster.empty()) return asked.cluster;
  if (!asked.fromInput()) {
    std::error_code ignored;
    if (auto found = apply::folderBelowClusters(fs::absolute(asked.file, ignored).lexically_normal().string()))
      return *found;
  }
  const auto config = context.configAsFarAsReadable();
  if (config.configured()) return apply::clusterOf(config);
  return host::fail("Unknown", "--cluster", "is not given, and the file does not lie below clusters/NAME/",
                    "say for which cluster it is; nodes take it from their bedplate.conf (bedplate status shows it)");
}

struct Sealed {
  trust::Certificate certificate;
  trust::SealedFor whom;
  std::string text;  // with its newline
};

host::Result<Sealed> sealIt(Context& context, const Asked& asked) {
  Sealed sealed;
  BEDPLATE_TRY_LET(sealed.certificate, certificateFor(context, asked));
  BEDPLATE_TRY_LET(sealed.whom.cluster, clusterFor(context, asked));
  if (asked.fromInput() && asked.name.empty())
    return host::fail("Unknown", "--name", "is not given", "say which file it is for, as registries.yaml");
  sealed.whom = trust::sealedFor(sealed.whom.cluster, asked.name.empty() ? asked.file : asked.name);
  BEDPLATE_TRY_LET(const auto secret, readContent(asked));
  if (secret.size() == 0) return host::fail("Invalid", asked.file, "is empty", "there is nothing to seal");
  if (trust::looksSealed(secret.view())) return host::fail("Invalid", asked.file, "is sealed already");
  BEDPLATE_TRY_LET(sealed.text, trust::seal(sealed.certificate, sealed.whom, secret.view(), context.clock().wallUs()));
  sealed.text += "\n";
  return sealed;
}

host::Status write(const std::string& file, const std::string& text) {
  BEDPLATE_TRY_LET(auto place, placeOf(file));
  return host::replaceFile(place.directory, {place.name, text, 0644, ::geteuid(), ::getegid()});
}

int run(Context& context, const Asked& asked) {
  const auto sealed = sealIt(context, asked);
  if (!sealed) return context.fail("seal", sealed.error());
  const std::string file = asked.fromInput() ? "" : asked.file + ".sealed";
  if (!file.empty())
    if (const auto written = write(file, sealed->text); !written) return context.fail("seal", written.error());
  const auto& certificate = sealed->certificate;
  if (context.json())
    context.out() << report::print(Json{{"file", file},
                                        {"cluster", sealed->whom.cluster},
                                        {"name", sealed->whom.name},
                                        {"certificate", certificate.fingerprint},
                                        {"notAfter", host::isoTime(certificate.notAfterUs)},
                                        {"sealed", sealed->text}});
  else if (file.empty())
    context.out() << sealed->text;
  else
    context.out() << report::clean(fmt::format("{}: for {} of cluster {}, certificate {} ({}); {} stays out of Git\n",
                                               file, sealed->whom.name, sealed->whom.cluster,
                                               certificate.fingerprint.substr(0, 12), certificate.subject, asked.file));
  return 0;
}

}  // namespace

void addSeal(CLI::App& app, Run& chosen) {
  auto asked = std::make_shared<Asked>();
  const Verb verb(app, "seal", "Seal a file, so that it can be in Git and only the node can read it");
  verb.option("FILE", asked->file, "What to seal: writes FILE.sealed; - is standard input, to standard output")
      .required();
  verb.option("--cert", asked->certificate,
              "The node's certificate, as bedplate cert prints it; this node's without it")
      .named("PEM");
  verb.option("--cluster", asked->cluster, "The cluster's name; the folder below clusters/, or this node's, without it")
      .named("NAME");
  verb.option("--name", asked->name, "The name that the file has in Git, without .sealed; FILE's without it")
      .named("NAME");
  verb.runs(chosen, [asked](Context& context) { return run(context, *asked); });
}

}  // namespace bedplate::cli
