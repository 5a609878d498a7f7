#include "agent/trust/key_line.h"

#include <algorithm>
#include <array>

#include "agent/trust/armor.h"
#include "agent/trust/ssh_reader.h"

namespace bedplate::trust {
namespace {

constexpr std::size_t kMaxFile = 1 << 20;
constexpr std::string_view kBlanks = " \t\r";
// ssh-dss is a key, if one that verifies nothing here.
constexpr std::array<std::string_view, 8> kTypes = {"ssh-ed25519",
                                                    "ssh-rsa",
                                                    "ssh-dss",
                                                    "ecdsa-sha2-nistp256",
                                                    "ecdsa-sha2-nistp384",
                                                    "ecdsa-sha2-nistp521",
                                                    "sk-ssh-ed25519@openssh.com",
                                                    "sk-ecdsa-sha2-nistp256@openssh.com"};

std::string_view trim(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  text.remove_suffix(text.size() - std::min(text.find_last_not_of(kBlanks) + 1, text.size()));
  return text;
}

host::Failure invalid(const std::string& thing, const host::Error& error) {
  return host::fail("InvalidKeyFile", thing, error.why, error.todo);
}

}  // namespace

host::Failure badLine(std::string_view why, std::string_view todo) {
  return host::fail("InvalidKeyFile", "", why, todo.empty() ? "mend the line; nothing is verified until then" : todo);
}

host::Status eachLine(const KeyFile& file, const std::function<host::Status(int number, std::string_view line)>& take) {
  std::string_view rest = file.text;
  if (rest.size() > kMaxFile) return invalid(file.name, badLine("is larger than 1 MiB").value());
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = trim(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const auto place = [&] { return file.name + ":" + std::to_string(number); };
    if (line.find('\0') != std::string_view::npos) return invalid(place(), badLine("holds a NUL byte").value());
    if (line.empty() || line.front() == '#') continue;
    if (auto taken = take(number, line); !taken) return invalid(place(), taken.error());
  }
  return {};
}

std::string_view takeWord(std::string_view& line) {
  const std::size_t end = std::min(line.find_first_of(kBlanks), line.size());
  const std::string_view word = line.substr(0, end);
  line.remove_prefix(end);
  line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  return word;
}

host::Result<std::optional<std::string>> takeKey(std::string_view line) {
  const std::string_view type = takeWord(line);
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) return std::nullopt;
  auto blob = decodeBase64(takeWord(line));
  if (!blob || SshReader(*blob).text() != type)
    return badLine("holds no " + std::string(type) + " key where one must be");
  return blob;
}

}  // namespace bedplate::trust
