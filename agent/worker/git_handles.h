// libgit2's handles, each with its way to be freed; for the worker's own .cpp files.
#pragma once

#include <git2.h>

#include <memory>

namespace bedplate::worker {

struct FreeGit {
  void operator()(git_repository* p) const { git_repository_free(p); }
  void operator()(git_config* p) const { git_config_free(p); }
  void operator()(git_remote* p) const { git_remote_free(p); }
  void operator()(git_odb* p) const { git_odb_free(p); }
  void operator()(git_odb_object* p) const { git_odb_object_free(p); }
  void operator()(git_object* p) const { git_object_free(p); }
  void operator()(git_reference* p) const { git_reference_free(p); }
  void operator()(git_revwalk* p) const { git_revwalk_free(p); }
};

template <class T>
using Handle = std::unique_ptr<T, FreeGit>;

// For functions that give a handle through a pointer to a pointer. The handle has it once the full expression ends,
// so not yet behind an || in the same condition.
template <class T>
class Out {
 public:
  explicit Out(Handle<T>& handle) : handle_(handle) {}
  Out(const Out&) = delete;
  Out& operator=(const Out&) = delete;
  ~Out() { handle_.reset(raw_); }
  operator T**() { return &raw_; }  // NOLINT: what the C function takes

 private:
  Handle<T>& handle_;
  T* raw_ = nullptr;
};

}  // namespace bedplate::worker
