// A disk that is slow, for tests: preloaded, it delays fdatasync(2) of files without a name, which is what a probe
// measures on; those of a database go through.
//   SLOW_SYNC_MS     each one takes so much longer
//   SLOW_SYNC_AT     the one of this number (from 1) takes SLOW_SYNC_AT_MS longer
#include <dlfcn.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <cstdlib>
#include <cstring>

namespace {

long number(const char* name) {
  const char* text = std::getenv(name);
  long value = 0;
  if (text != nullptr) std::from_chars(text, text + std::strlen(text), value);
  return value;
}

void sleepMs(long ms) {
  timespec left{ms / 1000, (ms % 1000) * 1'000'000};
  while (ms > 0 && ::nanosleep(&left, &left) != 0) {
  }
}

}  // namespace

extern "C" int fdatasync(int fd) {
  static std::atomic<long> calls{0};
  using Real = int (*)(int);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "fdatasync"));
  struct stat info{};
  if (::fstat(fd, &info) == 0 && info.st_nlink == 0) {
    sleepMs(number("SLOW_SYNC_MS"));
    if (++calls == number("SLOW_SYNC_AT")) sleepMs(number("SLOW_SYNC_AT_MS"));
  }
  return real(fd);
}
