// Foreign text made fit to be shown: what a commit says ends on terminals, in the journal and in JSON.
#pragma once

#include <string>
#include <string_view>

namespace bedplate::source {

// Two lower-case digits a byte.
std::string hexOf(std::string_view bytes);

// Valid UTF-8 of at most `limit` bytes. Control characters, bytes that are not UTF-8, and the characters that turn the
// direction of writing become '?'.
std::string shownText(std::string_view foreign, std::size_t limit);

// A path for messages: as shownText, with newlines and the like as \n, \t, \x07, so that two names never look alike.
std::string shownPath(std::string_view path);

}  // namespace bedplate::source
