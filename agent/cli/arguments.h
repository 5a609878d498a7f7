// The command line as the verbs describe it. CLI11 is all in headers, and each file that includes it takes ten seconds
// to compile: arguments.cpp and program.cpp do, no other.
// Thread-safety: used from one thread. What is described must outlive the parsing.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "agent/cli/verbs.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace bedplate::cli {

class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  const Option& required() const;
  const Option& named(const std::string& type) const;  // what --help calls its value
  const Option& showsDefault() const;                  // in --help; to be called once it holds it
  const Option& oneOf(std::vector<std::string> words) const;
  const Option& between(double least, double most) const;
  const Option& positive() const;
  // `wrong` says what is wrong with a value; "" when nothing is.
  const Option& check(std::function<std::string(const std::string&)> wrong) const;

 private:
  CLI::Option* option_;
};

class Verb {
 public:
  Verb(CLI::App& app, const std::string& name, const std::string& help);
  // A verb within it, of which one has to be given.
  [[nodiscard]] Verb verb(const std::string& name, const std::string& help) const;

  // An argument (NAME) or an option with a value (--name).
  Option option(const std::string& name, std::string& into, const std::string& help) const;
  Option option(const std::string& name, std::int64_t& into, const std::string& help) const;
  Option option(const std::string& name, std::size_t& into, const std::string& help) const;
  Option option(const std::string& name, double& into, const std::string& help) const;
  void flag(const std::string& name, bool& into, const std::string& help) const;

  // `run` is what is chosen when the command line names this verb.
  void runs(Run& chosen, Run run) const;

 private:
  CLI::App* app_;
};

}  // namespace bedplate::cli
