// bedplated: keeps this node as Git says. `--once` does it once.
#include <fmt/format.h>
#include <getopt.h>
#include <malloc.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <variant>

#include "agent/apply/way.h"
#include "agent/apply/worker_setup.h"
#include "agent/config/config.h"
#include "agent/daemon/daemon.h"
#include "agent/source/landlock.h"
#include "tuning/host/paths.h"

namespace bedplate::daemon {
namespace {

constexpr int kUsage = 64;

struct Options {
  std::string root = "/";
  std::string config;
  bool once = false;
  bool check = false;
};

constexpr const char* kHelp =
    "Keeps this node the way Git says.\n"
    "Usage: bedplated [OPTIONS]\n"
    "\n"
    "  -h,--help        this\n"
    "  --version        which one it is\n"
    "  --root DIR       directory that stands for the host\n"
    "  --config FILE    bedplate.conf to read, with its .d folder\n"
    "  --once           reconcile once and say what came of it: 0, 1 failed, 4 rolled back\n"
    "  --check-config   say what is wrong with the configuration, and change nothing\n";

void complain(const std::string& text) { fmt::print(stderr, "bedplated: {}\n", text); }

// Below the root and without a leading slash. On the host itself a relative --config is the caller's.
std::string configPath(const Options& options) {
  std::string path = options.config.empty() ? host::paths::configFile : options.config;
  std::error_code ignored;
  if (!options.config.empty() && options.root == "/" && path.front() != '/')
    path = std::filesystem::absolute(path, ignored).lexically_normal().string();
  while (path.starts_with('/')) path.erase(0, 1);
  return path;
}

int checkConfig(host::HostFiles& files, const std::string& path) {
  const auto loaded = config::load(files, path);
  if (!loaded) {
    complain(loaded.error().text());
    return 1;
  }
  for (const auto& problem : loaded->problems) fmt::print(stderr, "{}\n", config::text(problem));
  if (!loaded->problems.empty()) return 1;
  if (const auto& config = loaded->config; config.trust.signatures != "off")
    if (const auto verifier = apply::makeVerifier(config, files, files); !verifier) {
      complain(verifier.error().text());
      return 1;
    }
  if (loaded->files.empty())
    fmt::print("{}: there is none, nothing is configured\n", files.shown(path));
  else
    fmt::print("{}: {}\n", loaded->files.front(),
               loaded->config.configured() ? "good" : "good, but names no repository");
  return 0;
}

// The options, or with what status to end.
std::variant<Options, int> parse(int argc, char** argv) {
  enum : int { root = 256, config, onceOnly, check, version };
  static constexpr std::array<option, 7> kOptions = {option{"root", required_argument, nullptr, root},
                                                     option{"config", required_argument, nullptr, config},
                                                     option{"once", no_argument, nullptr, onceOnly},
                                                     option{"check-config", no_argument, nullptr, check},
                                                     option{"version", no_argument, nullptr, version},
                                                     option{"help", no_argument, nullptr, 'h'},
                                                     option{}};
  const auto usage = [](const std::string& why) {
    complain("usage: " + why + ": see bedplated --help");
    return kUsage;
  };
  Options options;
  ::opterr = 0;
  for (;;) {
    const int at = ::optind;
    switch (::getopt_long(argc, argv, ":h", kOptions.data(), nullptr)) {
      case -1:
        if (::optind < argc) return usage(fmt::format("'{}' is not expected", argv[::optind]));
        if (options.once && options.check) return usage("--once and --check-config exclude each other");
        return options;
      case root: options.root = ::optarg; break;
      case config: options.config = ::optarg; break;
      case onceOnly: options.once = true; break;
      case check: options.check = true; break;
      case version: fmt::print("bedplated " BEDPLATE_VERSION "\n"); return 0;
      case 'h': fmt::print("{}", kHelp); return 0;
      case ':': return usage(fmt::format("{} needs a value", argv[at]));
      default: return usage(fmt::format("'{}' is not known", argv[at]));
    }
  }
}

int once(const EngineSetup& setup) {
  Engine engine(setup);
  for (const Act act : {Act::start, Act::sync}) {
    const Done done = engine.run({.act = act, .text = {}});
    if (done.fatal || (act == Act::sync && done.error)) {
      complain(done.error->text());
      return 1;
    }
    if (act == Act::sync) {
      if (!done.answer.text.empty()) fmt::print("{}\n", done.answer.text);
      return done.answer.exitStatus;
    }
  }
  return 1;
}

int run(const Options& options) {
  std::error_code error;
  const std::string root = std::filesystem::canonical(options.root, error).string();
  auto files = host::HostFiles::open(error ? options.root : root);
  if (!files) {
    complain(files.error().text());
    return 1;
  }
  if (options.check) return checkConfig(*files, configPath(options));

  host::SystemClock clock;
  SystemJournal journal;
  modules::SystemdLoader loader(*files);
  std::mt19937_64 random{std::random_device{}()};
  const EngineSetup setup{.files = *files,
                          .clock = clock,
                          .modules = loader,
                          .journal = journal,
                          .configPath = configPath(options),
                          .worker = apply::workerSetup(*files),
                          .chance = [&random] { return std::uniform_real_distribution<double>()(random); },
                          .ownKernel = root == "/"};
  if (options.once) return once(setup);
  // A tree is not this machine: its bus is only used when it was named.
  const bool useBus = root == "/" || std::getenv("DBUS_SYSTEM_BUS_ADDRESS") != nullptr;
  blockSignals();
  if (source::landlockVersion() == 0)
    journal.say(
        {.level = Level::notice,
         .message = "this kernel has no Landlock: where everybody may write, a worker is held by the unit alone"});
  return Daemon(setup, useBus).run();
}

}  // namespace
}  // namespace bedplate::daemon

int main(int argc, char** argv) {
  namespace daemon = bedplate::daemon;
  // One arena for all threads: a second would cost more memory than it saves time.
  ::mallopt(M_ARENA_MAX, 1);
  const auto parsed = daemon::parse(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  return daemon::run(std::get<daemon::Options>(parsed));
}
