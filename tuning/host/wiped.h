// Texts that held a secret for a moment.
// Thread-safety: free functions and plain values.
#pragma once

#include <cstring>
#include <string>
#include <vector>

namespace bedplate::host {

// Overwrites all that the text has room for, in a way that no compiler leaves out, and empties it.
inline void wipe(std::string& text) {
  text.resize(text.capacity());  // within its room: nothing moves
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

// Wipes a text, or several, where the block ends.
class Wiped {
 public:
  explicit Wiped(std::string& text) : one_(&text) {}
  explicit Wiped(std::vector<std::string>& texts) : all_(&texts) {}
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() {
    if (one_ != nullptr) wipe(*one_);
    if (all_ != nullptr)
      for (auto& text : *all_) wipe(text);
  }

 private:
  std::string* one_ = nullptr;
  std::vector<std::string>* all_ = nullptr;
};

}  // namespace bedplate::host
