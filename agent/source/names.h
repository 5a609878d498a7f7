// What a cluster directory may hold, for Git and for the disk alike.
#pragma once

#include <string>
#include <string_view>

#include "agent/source/source.h"

namespace bedplate::source {

// Why an entry of this name must not be there; "" when it may.
std::string whyRefusedName(std::string_view name);
// The same for its kind.
std::string whyRefusedMode(std::uint32_t mode);

inline constexpr std::uint32_t kModeDirectory = 0040000;
inline constexpr std::uint32_t kModeLink = 0120000;
inline constexpr std::uint32_t kModeSubmodule = 0160000;

// "1 MiB", "65536 bytes".
std::string sizeText(std::size_t bytes);

// Counts what a snapshot holds; the first thing too much becomes a refusal and ends the reading.
class Budget {
 public:
  Budget(const Limits& limits, std::vector<Refusal>& refusals) : limits_(limits), refusals_(refusals) {}
  // A file or a directory; false when it is one too many.
  bool takeEntry(const std::string& path);
  bool takeBytes(const std::string& path, std::size_t bytes);
  // The listing of a directory. It is not kept; what is limited is the time that many large ones take.
  bool takeListing(const std::string& path, std::size_t bytes);
  [[nodiscard]] bool spent() const { return spent_; }

 private:
  bool end(const std::string& path, const std::string& why);

  const Limits& limits_;
  std::vector<Refusal>& refusals_;
  std::size_t entries_ = 0;
  std::size_t bytes_ = 0;
  std::size_t listings_ = 0;
  bool spent_ = false;
};

void sortByPath(std::vector<File>& files, std::vector<Refusal>& refusals);

}  // namespace bedplate::source
