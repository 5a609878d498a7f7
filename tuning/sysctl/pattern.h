// Patterns over keys in path form. Private to tuning/sysctl.
#pragma once

#include <string>
#include <string_view>

namespace bedplate::sysctl {

// Whether glob(7) would treat the text as a pattern.
inline bool hasGlob(std::string_view text) { return text.find_first_of("*?[") != std::string_view::npos; }

// Whether there is a key that both patterns match. `known` is ours: literal parts and "*" within a part; a last part
// "**" stands for anything below. `asked` is a key or a glob; its brackets count as any character, so that the answer
// errs on the side of yes.
bool overlaps(std::string_view known, std::string_view asked);

}  // namespace bedplate::sysctl
