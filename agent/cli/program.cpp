#include <stdlib.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>
#include <ostream>

#include "agent/cli/verbs.h"
#include "tuning/host/paths.h"

namespace bedplate::cli {
namespace {

struct Globals {
  std::string root = "/";
  std::string config;
  std::string format = "text";
};

void describe(CLI::App& app, Globals& globals) {
  app.description("Keeps this node the way Git says it should be.");
  app.set_version_flag("--version", "bedplate " BEDPLATE_VERSION);
  app.add_option("-o", globals.format, "How to print: text or json")->check(CLI::IsMember({"text", "json"}));
  app.add_option("--root", globals.root, "A directory that stands for the host")->type_name("DIR");
  app.add_option("--config", globals.config, "Instead of /etc/bedplate/bedplate.conf, below the root")
      ->type_name("FILE");
  app.require_subcommand(1);
  app.fallthrough();  // global options may stand behind the verb
}

// The verbs of the tree that were chosen, "trust accept".
int usage(std::ostream& err, const std::string& why) {
  err << "bedplate: usage: " << why << ": see bedplate --help\n";
  return kUsage;
}

std::string withoutRoot(const Globals& globals) {
  if (globals.config.empty()) return host::paths::configFile;
  // On the host itself a relative path is one from here; on a tree it is one of the tree.
  std::filesystem::path path = globals.config;
  if (globals.root == "/") path = std::filesystem::absolute(path);
  return path.relative_path().lexically_normal().string();
}

}  // namespace

int runProgram(const std::vector<std::string>& arguments, const Terminal& terminal, std::ostream& out,
               std::ostream& err) {
  CLI::App app;
  app.name("bedplate");
  Globals globals;
  Run chosen;
  describe(app, globals);
  for (const auto add : {addStatus, addSync, addDiff, addExplain, addCheck, addBench, addReport, addHistory, addShow,
                         addRollback, addSuspend, addResume, addEnforce, addTrust, addCert, addSeal, addRelease})
    add(app, chosen);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::Success& asked) {  // --help, --version
    return app.exit(asked, out, err) == 0 ? 0 : kUsage;
  } catch (const CLI::ParseError& wrong) {
    return usage(err, wrong.what());
  }
  const std::unique_ptr<char, void (*)(void*)> resolved(::realpath(globals.root.c_str(), nullptr), ::free);
  const std::string root = resolved ? resolved.get() : globals.root;
  auto files = host::HostFiles::open(root);
  if (!files) {
    err << "bedplate: --root: " << files.error().text() << "\n";
    return kUsage;
  }
  globals.root = root;
  Context context(std::move(*files), root, withoutRoot(globals), globals.format == "json", terminal, out, err);
  return chosen(context);
}

}  // namespace bedplate::cli
