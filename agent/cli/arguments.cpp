#include "agent/cli/arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <utility>

namespace bedplate::cli {

const Option& Option::required() const {
  option_->required();
  return *this;
}

const Option& Option::named(const std::string& type) const {
  option_->type_name(type);
  return *this;
}

const Option& Option::showsDefault() const {
  option_->capture_default_str();
  return *this;
}

const Option& Option::oneOf(std::vector<std::string> words) const {
  option_->check(CLI::IsMember(std::move(words)));
  return *this;
}

const Option& Option::between(double least, double most) const {
  // CLI11's own says its numbers with all their digits.
  const auto wrong = [least, most](const std::string& text) {
    double value = 0;
    const bool good = CLI::detail::lexical_cast(text, value) && value >= least && value <= most;
    return good ? std::string() : fmt::format("'{}' is not from {} to {}", text, least, most);
  };
  option_->check(CLI::Validator(wrong, fmt::format("{} to {}", least, most)));
  return *this;
}

const Option& Option::positive() const {
  const auto wrong = [](const std::string& text) {
    double value = 0;
    return CLI::detail::lexical_cast(text, value) && value > 0 ? std::string() : "'" + text + "' is not above 0";
  };
  option_->check(CLI::Validator(wrong, "above 0"));
  return *this;
}

const Option& Option::check(std::function<std::string(const std::string&)> wrong) const {
  option_->check(std::move(wrong));
  return *this;
}

Verb::Verb(CLI::App& app, const std::string& name, const std::string& help) : app_(app.add_subcommand(name, help)) {}

Verb Verb::verb(const std::string& name, const std::string& help) const {
  app_->require_subcommand(1);
  return {*app_, name, help};
}

Option Verb::option(const std::string& name, std::string& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Verb::option(const std::string& name, std::int64_t& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Verb::option(const std::string& name, std::size_t& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

Option Verb::option(const std::string& name, double& into, const std::string& help) const {
  return Option(app_->add_option(name, into, help));
}

void Verb::flag(const std::string& name, bool& into, const std::string& help) const {
  app_->add_flag(name, into, help);
}

void Verb::runs(Run& chosen, Run run) const {
  app_->callback([&chosen, run = std::move(run)] { chosen = run; });
}

}  // namespace bedplate::cli
