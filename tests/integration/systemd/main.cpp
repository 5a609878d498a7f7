// A systemd with one unit, for tests on a tree: see tests/lib/fake_systemd.h.
//
//   fake-systemd [--stop-after SECONDS] SOCKET UNIT NOTIFY_SOCKET LOG COMMAND [ARGUMENT...]
//
// Ends at SIGTERM, with the command; writes each call to its standard output.
#include <unistd.h>

#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string_view>
#include <thread>

#include "tests/lib/fake_systemd.h"

int main(int argc, char** argv) {
  std::uint64_t stopUs = 90'000'000;
  if (argc > 2 && std::string_view(argv[1]) == "--stop-after") {
    unsigned seconds = 0;
    const std::string_view text = argv[2];
    if (std::from_chars(text.data(), text.data() + text.size(), seconds).ec != std::errc()) return 64;
    stopUs = seconds * std::uint64_t{1'000'000};
    argc -= 2;
    argv += 2;
  }
  if (argc < 6) return 64;
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int number : {SIGTERM, SIGINT, SIGCHLD}) ::sigaddset(&signals, number);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  bedplate::testlib::FakeSystemd systemd({.socket = argv[1],
                                          .unit = argv[2],
                                          .command = {argv + 5, argv + argc},
                                          .log = argv[4],
                                          .notify = argv[3],
                                          .stopUs = stopUs});
  std::thread waiter([&] {
    sigset_t ends;
    ::sigemptyset(&ends);
    for (const int number : {SIGTERM, SIGINT}) ::sigaddset(&ends, number);
    int number = 0;
    ::sigwait(&ends, &number);
    systemd.stop();
  });
  systemd.run();
  waiter.join();
  for (const auto& call : systemd.calls())
    if (!call.starts_with("LoadUnit")) std::printf("%s\n", call.c_str());
  return 0;
}
