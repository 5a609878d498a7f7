// What the parts of `bedplate bench` print alike.
#include <fmt/format.h>

#include <algorithm>
#include <ostream>

#include "agent/cli/bench.h"
#include "agent/report/text.h"

namespace bedplate::cli {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "set from a signal handler");

report::Colour colourOf(bench::Verdict verdict) {
  switch (verdict) {
    case bench::Verdict::fit: return report::Colour::green;
    case bench::Verdict::unfit: return report::Colour::red;
    case bench::Verdict::marginal:
    case bench::Verdict::unknown: break;
  }
  return report::Colour::yellow;
}

}  // namespace

StopOnInterrupt::StopOnInterrupt() {
  interrupted = false;
  struct sigaction action{};
  action.sa_handler = [](int) { interrupted = true; };
  ::sigaction(SIGINT, &action, &before_);
}

StopOnInterrupt::~StopOnInterrupt() { ::sigaction(SIGINT, &before_, nullptr); }

const std::atomic<bool>& StopOnInterrupt::flag() { return interrupted; }

Bar::~Bar() {
  if (shown_ >= 0) context_.err() << "\r\x1b[K" << std::flush;
}

void Bar::operator()(double share) {
  constexpr int kCells = 40;
  if (!context_.terminal().tty || context_.json()) return;
  const int percent = std::clamp(static_cast<int>(share * 100), 0, 100);
  if (percent == shown_) return;
  shown_ = percent;
  const auto full = static_cast<std::size_t>(percent * kCells / 100);
  context_.err() << fmt::format("\r{} [{}{}] {:3}%", label_, std::string(full, '#'), std::string(kCells - full, '.'),
                                percent)
                 << std::flush;
}

void benchRow(Context& context, std::string_view label, const std::string& text) {
  context.out() << report::paint(fmt::format("  {:<12}", label), report::Colour::faint, context.terminal().colour)
                << report::clean(text) << "\n";
}

void verdictRow(Context& context, bench::Verdict verdict, const std::string& reason, std::string_view label) {
  const bool colour = context.terminal().colour;
  context.out() << report::paint(fmt::format("  {:<12}", label), report::Colour::faint, colour)
                << report::paint(bench::name(verdict), colourOf(verdict), colour)
                << (reason.empty() ? "" : ": " + report::clean(reason)) << "\n";
}

}  // namespace bedplate::cli
