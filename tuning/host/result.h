// Errors as values: what every function of the project returns when it can fail.
//
// Result<T> holds a T or an Error. Library code returns it, never logs, never exits and never throws past its own
// edge; the program that called it decides what to say, once. An Error names the thing, the reason and the way out,
// so that text() can be shown to an operator as it is.
//
// Thread-safety: plain values.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace bedplate::host {

struct Error {
  // One CamelCase word for machines ("NotFound", "NoSpace", "HostKeyRefused"): the reason of a condition, stable.
  std::string reason;
  // errno where the kernel said no, else 0.
  int errnum = 0;
  // The thing that failed: a path, a key, a URL.
  std::string thing;
  // Why it failed, in words.
  std::string why;
  // What the operator can do about it; may be empty where nothing can be done.
  std::string todo;

  // "<thing>: <why>: <todo>", parts that are empty left out.
  [[nodiscard]] std::string text() const;
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;
using Failure = tl::unexpected<Error>;

// An Error without errno.
[[nodiscard]] Failure fail(std::string_view reason, std::string_view thing, std::string_view why,
                           std::string_view todo = {});

// An Error from errno: `reason` follows from errnum (NotFound, Denied, NoSpace, ReadOnly, Exists, Busy, Invalid, Io),
// `why` is "<doing>: <strerror>", e.g. "cannot write: No space left on device".
[[nodiscard]] Failure failErrno(int errnum, std::string_view thing, std::string_view doing, std::string_view todo = {});

}  // namespace bedplate::host

// Leaves the function with the error of EXPR if it has one.
#define BEDPLATE_TRY(EXPR)                                                  \
  do {                                                                      \
    if (auto bedplate_try_status = (EXPR); !bedplate_try_status)            \
      return ::tl::make_unexpected(std::move(bedplate_try_status).error()); \
  } while (false)

#define BEDPLATE_TRY_CAT2(A, B) A##B
#define BEDPLATE_TRY_CAT(A, B) BEDPLATE_TRY_CAT2(A, B)
#define BEDPLATE_TRY_LET_AT(TMP, DECL, EXPR)                      \
  auto TMP = (EXPR);                                              \
  if (!TMP) return ::tl::make_unexpected(std::move(TMP).error()); \
  DECL = std::move(TMP).value()

// BEDPLATE_TRY_LET(auto text, files.read(...)): declares `text`, or leaves with the error.
#define BEDPLATE_TRY_LET(DECL, EXPR) BEDPLATE_TRY_LET_AT(BEDPLATE_TRY_CAT(bedplate_try_, __LINE__), DECL, EXPR)
