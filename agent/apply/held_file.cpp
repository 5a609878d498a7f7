#include "agent/apply/held_file.h"

#include <unistd.h>

#include <charconv>
#include <vector>

#include "tuning/host/paths.h"

namespace bedplate::apply {
namespace {

constexpr std::string_view kHead = "bedplate held 1";
constexpr std::size_t kMaxText = 64 << 20;

// Tabs and newlines separate; a value of the kernel may hold any byte.
void putField(std::string& out, std::string_view field) {
  static constexpr char kDigits[] = "0123456789abcdef";
  for (const char c : field) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == '%' || byte == 0x7f) {
      out += '%';
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
}

template <class Number>
std::optional<Number> number(std::string_view text, int base) {
  Number value{};
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string> field(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    const auto byte = number<unsigned int>(text.substr(i + 1, 2), 16);
    if (!byte) return std::nullopt;
    out += static_cast<char>(*byte);
    i += 2;
  }
  return out;
}

std::vector<std::string_view> split(std::string_view line) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t tab = line.find('\t');
    parts.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return parts;
    line.remove_prefix(tab + 1);
  }
}

bool isHash(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool takeSysctl(const std::vector<std::string_view>& parts, plan::Held& held) {
  if (parts.size() != 4) return false;
  const auto key = field(parts[1]);
  auto boot = field(parts[2]);
  auto value = field(parts[3]);
  if (!key || key->empty() || !boot || !value) return false;
  return held.sysctls.emplace(*key, plan::SysctlOriginal{std::move(*value), std::move(*boot)}).second;
}

bool takeFile(const std::vector<std::string_view>& parts, plan::Held& held) {
  if (parts.size() < 4) return false;
  const auto path = field(parts[1]);
  if (!path || path->empty() || (parts[2] != "config" && parts[2] != "manifest")) return false;
  plan::FileOriginal original;
  original.area = parts[2] == "config" ? plan::Area::k3sConfig : plan::Area::manifest;
  if (parts.size() == 4) {
    if (parts[3] != "absent") return false;
  } else {
    if (parts.size() != 7 || !isHash(parts[6])) return false;
    const auto mode = number<mode_t>(parts[3], 8);
    const auto uid = number<uid_t>(parts[4], 10);
    const auto gid = number<gid_t>(parts[5], 10);
    if (!mode || *mode > 07777 || !uid || !gid) return false;
    original = {true, *mode, *uid, *gid, std::string(parts[6]), original.area};
  }
  return held.files.emplace(*path, std::move(original)).second;
}

std::string octal(mode_t mode) {
  char buffer[16];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, mode, 8).ptr;
  return {buffer, end};
}

void putFile(std::string& out, const std::string& path, const plan::FileOriginal& original) {
  out += "file\t";
  putField(out, path);
  out += original.area == plan::Area::k3sConfig ? "\tconfig\t" : "\tmanifest\t";
  if (original.existed) {
    out += octal(original.mode) + "\t" + std::to_string(original.uid) + "\t" + std::to_string(original.gid) + "\t";
    out += original.sha256;
  } else {
    out += "absent";
  }
  out += '\n';
}

host::Failure corrupt(std::size_t line, const std::string& why) {
  return host::fail("Corrupt", "held", "line " + std::to_string(line) + " " + why,
                    "the originals are in it: bring it back from a backup, or remove it to give them up");
}

}  // namespace

std::string heldText(const plan::Held& held) {
  std::string out(kHead);
  out += '\n';
  for (const auto& [key, original] : held.sysctls) {
    out += "sysctl\t";
    putField(out, key);
    out += '\t';
    putField(out, original.bootId);
    out += '\t';
    putField(out, original.value);
    out += '\n';
  }
  for (const auto& [path, original] : held.files) putFile(out, path, original);
  out += "end\n";
  return out;
}

host::Result<plan::Held> parseHeld(std::string_view text) {
  plan::Held held;
  bool ended = false;
  std::size_t number = 0;
  while (!text.empty()) {
    ++number;
    const std::size_t newline = text.find('\n');
    if (newline == std::string_view::npos) return corrupt(number, "does not end");
    const std::string_view line = text.substr(0, newline);
    text.remove_prefix(newline + 1);
    if (ended) return corrupt(number, "stands behind the end");
    if (number == 1) {
      if (line != kHead) return corrupt(number, "is not '" + std::string(kHead) + "'");
      continue;
    }
    ended = line == "end";
    if (ended) continue;
    const auto parts = split(line);
    const bool taken = parts[0] == "sysctl" ? takeSysctl(parts, held) : parts[0] == "file" && takeFile(parts, held);
    if (!taken) return corrupt(number, "cannot be understood");
  }
  if (!ended) return corrupt(number + 1, "is missing: the file is cut off");
  return held;
}

host::Result<plan::Held> readHeld(host::Files& files) {
  auto text = files.read(host::paths::held, kMaxText);
  if (!text && text.error().errnum == ENOENT) return plan::Held{};
  if (!text) return tl::make_unexpected(std::move(text).error());
  auto held = parseHeld(*text);
  if (!held) {
    host::Error error = std::move(held).error();
    error.thing = files.shown(host::paths::held);
    return tl::make_unexpected(std::move(error));
  }
  return held;
}

host::Status writeHeld(host::Files& files, const plan::Held& held) {
  const std::string text = heldText(held);
  return host::replaceFiles(files, host::paths::stateStage,
                            {{host::paths::held, text, 0600, ::geteuid(), ::getegid()}});
}

}  // namespace bedplate::apply
