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

constexpr int kLabel = 14;

// In lines of what is left of the screen beside the labels; a word that is longer stays whole. Columns of a table,
// which begin with blanks, stay as they are.
std::string wrapped(Context& context, const std::string& text, int begun = 0) {
  if (text.starts_with(' ')) return text;
  const int width = std::clamp(context.terminal().columns, 40, 120) - kLabel;
  std::string result;
  int column = begun;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::string word = text.substr(at, end - at);
    const int columns = report::columns(word);
    if (column > 0 && column + 1 + columns > width) {
      result += "\n" + std::string(kLabel, ' ');
      column = 0;
    } else if (at > 0) {
      result += ' ';
      ++column;
    }
    result += word;
    column += columns;
    at = end + 1;
  }
  return result;
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
                << wrapped(context, report::clean(text)) << "\n";
}

void verdictRow(Context& context, bench::Verdict verdict, const std::string& reason, std::string_view label) {
  const bool colour = context.terminal().colour;
  const std::string word = bench::name(verdict);
  context.out() << report::paint(fmt::format("  {:<12}", label), report::Colour::faint, colour)
                << report::paint(word, colourOf(verdict), colour)
                << (reason.empty() ? "" : ": " + wrapped(context, report::clean(reason), report::columns(word) + 2))
                << "\n";
}

}  // namespace bedplate::cli
