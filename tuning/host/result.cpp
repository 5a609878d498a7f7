#include "tuning/host/result.h"

#include <cerrno>
#include <cstring>

namespace bedplate::host {
namespace {

const char* reasonOf(int errnum) {
  switch (errnum) {
    case ENOENT:
    case ENOTDIR: return "NotFound";
    case EACCES:
    case EPERM: return "Denied";
    case ENOSPC:
    case EDQUOT: return "NoSpace";
    case EROFS: return "ReadOnly";
    case EEXIST: return "Exists";
    case EBUSY: return "Busy";
    case EINVAL:
    case ERANGE: return "Invalid";
    default: return "Io";
  }
}

}  // namespace

std::string Error::text() const {
  std::string all = thing;
  for (const std::string* part : {&why, &todo}) {
    if (part->empty()) continue;
    if (!all.empty()) all += ": ";
    all += *part;
  }
  return all;
}

Failure fail(std::string_view reason, std::string_view thing, std::string_view why, std::string_view todo) {
  return Failure(Error{std::string(reason), 0, std::string(thing), std::string(why), std::string(todo)});
}

Failure failErrno(int errnum, std::string_view thing, std::string_view doing, std::string_view todo) {
  char buffer[128];
  std::string why(doing);
  why += ": ";
  why += ::strerror_r(errnum, buffer, sizeof buffer);
  return Failure(Error{reasonOf(errnum), errnum, std::string(thing), std::move(why), std::string(todo)});
}

}  // namespace bedplate::host
