// The verbs. Each file adds its own to the command line; parsing chooses one, and main() runs it.
#pragma once

#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

#include "agent/cli/context.h"

namespace CLI {
class App;
}

namespace bedplate::cli {

// The chosen verb with its arguments. Gives the exit status.
using Run = std::function<int(Context&)>;

void addStatus(CLI::App& app, Run& chosen);
void addSync(CLI::App& app, Run& chosen);
void addDiff(CLI::App& app, Run& chosen);
void addExplain(CLI::App& app, Run& chosen);
void addCheck(CLI::App& app, Run& chosen);
void addBench(CLI::App& app, Run& chosen);
void addReport(CLI::App& app, Run& chosen);
void addHistory(CLI::App& app, Run& chosen);
void addShow(CLI::App& app, Run& chosen);
void addRollback(CLI::App& app, Run& chosen);
void addSuspend(CLI::App& app, Run& chosen);
void addResume(CLI::App& app, Run& chosen);
void addEnforce(CLI::App& app, Run& chosen);
void addTrust(CLI::App& app, Run& chosen);
void addCert(CLI::App& app, Run& chosen);
void addSeal(CLI::App& app, Run& chosen);
void addRelease(CLI::App& app, Run& chosen);

// The whole program: `arguments` without the program's name.
int runProgram(const std::vector<std::string>& arguments, const Terminal& terminal, std::ostream& out,
               std::ostream& err);

}  // namespace bedplate::cli
