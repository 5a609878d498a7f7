// bedplate: the command line.
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>

#include "agent/cli/verbs.h"

namespace {

bedplate::cli::Terminal terminal() {
  bedplate::cli::Terminal found;
  found.tty = ::isatty(STDOUT_FILENO) == 1;
  const auto given = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string_view(value == nullptr ? "" : value);
  };
  found.colour = found.tty && given("NO_COLOR").empty() && given("TERM") != "dumb";
  std::string locale;  // the first that is set decides, as for setlocale(3)
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (locale.empty()) locale = given(name);
  for (char& c : locale) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  found.unicode = locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos;
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) found.columns = size.ws_col;
  return found;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const int status = bedplate::cli::runProgram({argv + 1, argv + argc}, terminal(), std::cout, std::cerr);
    std::cout.flush();
    if (!std::cout) {
      std::cerr << "bedplate: stdout: cannot write: the output is not complete\n";
      return status == 0 ? 1 : status;
    }
    return status;
  } catch (const std::exception& exception) {  // of a library; nothing of ours throws
    std::cerr << "bedplate: internal error: " << exception.what() << ": please report this\n";
    return 70;
  }
}
