// The filter of system calls as the kernel takes it. Its text is made at build time by filter_maker.cpp.
#pragma once

#include <linux/filter.h>

namespace bedplate::worker {

extern const sock_filter kFilter[];
extern const unsigned short kFilterLength;

}  // namespace bedplate::worker
