// Words and names as an operator typed them: shown safely, judged, and put beside what was probably meant.
// Thread-safety: free functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bedplate::cluster {

// 'text' in quotes, control characters and bytes outside ASCII as \xNN, cut after 60 bytes.
std::string inQuotes(std::string_view text);
// The same without quotes and uncut, for paths.
std::string printable(std::string_view text);

// Edits (insert, delete, replace, swap of neighbours; case does not count) that turn one word into the other.
std::size_t editDistance(std::string_view a, std::string_view b);
// The candidate with the fewest edits, if it is near enough to be a typo (a third of its length, at least one).
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);
// ", did you mean 'x'?", or "; valid here: a, b, c" when nothing is near.
std::string suggestion(std::string_view word, const std::vector<std::string>& candidates);

// RFC 1123 subdomain: what Kubernetes takes for the name of a Node, and of most objects.
bool isDnsSubdomain(std::string_view name);
// Lower case, ASCII only: no locale.
std::string lower(std::string_view text);

}  // namespace bedplate::cluster
