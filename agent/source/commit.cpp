// gitformat-commit, strictly: what git itself would not write is refused.
#include <charconv>

#include "agent/source/source.h"
#include "agent/source/text.h"

namespace bedplate::source {
namespace {

constexpr std::size_t kMaxParents = 64;
constexpr std::size_t kMaxCommitBytes = 1 << 20;
constexpr std::size_t kMaxAuthorBytes = 256;
constexpr std::size_t kMaxSubjectBytes = 200;

host::Failure refused(const ObjectId& id, std::string_view why) {
  return host::fail("ObjectRefused", "commit " + id.hex(), why,
                    "nothing was changed; find out who made this commit, and how");
}

// Takes "<key> <value>\n" off the front of the headers.
std::optional<std::string_view> takeHeader(std::string_view& rest, std::string_view key) {
  if (rest.size() <= key.size() || rest.substr(0, key.size()) != key || rest[key.size()] != ' ') return std::nullopt;
  const std::size_t end = rest.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view value = rest.substr(key.size() + 1, end - key.size() - 1);
  rest.remove_prefix(end + 1);
  return value;
}

std::optional<ObjectId> takeId(std::string_view& rest, std::string_view key, std::size_t idSize) {
  const auto value = takeHeader(rest, key);
  if (!value || value->size() != idSize * 2) return std::nullopt;
  return ObjectId::fromHex(*value);
}

struct Person {
  std::string name;  // "Name <mail>"
  std::int64_t time = 0;
};

// "Name <mail> 1790000000 +0200"
std::optional<Person> parsePerson(std::string_view line) {
  const std::size_t end = line.rfind('>');
  if (end == std::string_view::npos || end + 2 > line.size() || line[end + 1] != ' ') return std::nullopt;
  Person person;
  person.name = shownText(line.substr(0, end + 1), kMaxAuthorBytes);
  const std::string_view time = line.substr(end + 2);
  const auto parsed = std::from_chars(time.data(), time.data() + time.size(), person.time);
  if (parsed.ec != std::errc{} || parsed.ptr == time.data() + time.size() || *parsed.ptr != ' ') return std::nullopt;
  return person;
}

// The headers after the committer (encoding, gpgsig, mergetag and what may come): none of the first four again.
bool takeOtherHeaders(std::string_view& rest) {
  while (!rest.empty() && rest.front() != '\n') {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) return false;
    const std::string_view line = rest.substr(0, end);
    const std::string_view key = line.substr(0, line.find(' '));
    if (key == "tree" || key == "parent" || key == "author" || key == "committer") return false;
    rest.remove_prefix(end + 1);
  }
  return true;
}

std::string_view subjectOf(std::string_view message) {
  while (!message.empty() && message.front() == '\n') message.remove_prefix(1);
  return message.substr(0, message.find('\n'));
}

}  // namespace

host::Result<Commit> parseCommit(const ObjectId& id, std::string_view raw) {
  if (raw.size() > kMaxCommitBytes) return refused(id, "is larger than 1 MiB");
  if (raw.find('\0') != std::string_view::npos) return refused(id, "holds a NUL byte");
  std::string_view rest = raw;
  Commit commit;
  commit.id = id;
  const auto tree = takeId(rest, "tree", id.size());
  if (!tree) return refused(id, "does not begin with its tree");
  commit.tree = *tree;
  while (rest.substr(0, 7) == "parent ") {
    const auto parent = takeId(rest, "parent", id.size());
    if (!parent) return refused(id, "has a parent line that names no commit");
    if (commit.parents.size() == kMaxParents) return refused(id, "has more than 64 parents");
    commit.parents.push_back(*parent);
  }
  const auto authorLine = takeHeader(rest, "author");
  const auto author = authorLine ? parsePerson(*authorLine) : std::nullopt;
  if (!author) return refused(id, "has no author line where it must be");
  const auto committerLine = takeHeader(rest, "committer");
  const auto committer = committerLine ? parsePerson(*committerLine) : std::nullopt;
  if (!committer) return refused(id, "has no committer line where it must be");
  if (!takeOtherHeaders(rest)) return refused(id, "has headers out of order");
  commit.author = author->name;
  commit.committed = committer->time;
  commit.subject = shownText(subjectOf(rest), kMaxSubjectBytes);
  commit.raw = raw;
  return commit;
}

host::Result<Commit> readCommit(Objects& objects, const ObjectId& id) {
  BEDPLATE_TRY_LET(const auto got, objects.get(ObjectType::commit, {id}, kMaxCommitBytes));
  if (got.empty() || !got.front()) return refused(id, "is larger than 1 MiB");
  return parseCommit(id, *got.front());
}

}  // namespace bedplate::source
