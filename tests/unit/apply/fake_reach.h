// A network that is reached as long as a condition on the kernel's values holds.
#pragma once

#include <functional>
#include <utility>

#include "agent/apply/reach.h"

namespace bedplate::apply::testing_node {

class FakeReach final : public Reach {
 public:
  explicit FakeReach(std::function<bool()> reached) : reached_(std::move(reached)) {}

  std::vector<Check> before() override {
    ++looks;
    if (!network)
      return {{"IPv4 gateway", false, "192.0.2.1 on eth0 does not answer"}, {"Git remote", false, "silent"}};
    return look();
  }
  std::vector<Check> after(const std::vector<std::string>& names, std::int64_t) override {
    ++looks;
    asked = names;
    return look();
  }
  void answered() override {}
  void putRoutesBack() override { ++routesBack; }

  bool network = true;  // false: nothing answers, whatever the keys are
  int looks = 0, routesBack = 0;
  std::vector<std::string> asked;

 private:
  std::vector<Check> look() {
    const bool reached = reached_();
    return {{"IPv4 gateway", true, ""}, {"Git remote", reached, reached ? "" : "it is silent"}};
  }
  std::function<bool()> reached_;
};

}  // namespace bedplate::apply::testing_node
