// The parts of the report page, each some HTML. Private to page.cpp.
// Thread-safety: free functions.
#pragma once

#include <string>

#include "agent/report/page.h"

namespace bedplate::report {

// Verdicts, the numbers that decided, how it was measured (page_host.cpp).
std::string diskVerdict(const Status& status);  // "fit", "marginal", "unfit", "unknown", and nothing else
std::string cpuVerdict(const Status& status);
std::string verdictTiles(const PageInput& input);
std::string numbersTable(const PageInput& input);
std::string method(const PageInput& input);
std::string hostPlots(const PageInput& input);
std::string headroomTable(const PageInput& input);

std::string cardTable(const PageInput& input);  // (page_card.cpp)

// What concerns the agent and its repository (page_agent.cpp).
std::string agentPlots(const PageInput& input);
std::string reconcilePlot(const PageInput& input);    // one figure, on the time axis of hostPlots()
std::string reconcilesTable(const PageInput& input);  // what the host did while reconciles were slow, and else
std::string conditionsTable(const PageInput& input);
std::string generationsTable(const PageInput& input);

std::string figure(std::string_view title, std::string_view more, const std::string& picture);
// "2026-11-23 14:02 UTC"; "-" for 0.
std::string utc(std::int64_t us);

}  // namespace bedplate::report
