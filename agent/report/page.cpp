#include "agent/report/page.h"

#include <fmt/format.h>

#include "agent/report/page_parts.h"
#include "agent/report/page_style.h"
#include "agent/report/svg.h"
#include "agent/report/text.h"

namespace bedplate::report {
namespace {

std::string section(std::string_view title, const std::string& content) {
  if (content.empty()) return {};
  return fmt::format("<section>\n<h2>{}</h2>\n{}</section>\n", title, content);
}

std::string header(const PageInput& input) {
  const auto& node = input.status.node;
  std::string who;
  if (!input.hostOnly)
    for (const std::string* part : {&node.cluster, &node.role})
      if (!part->empty()) who += (who.empty() ? "" : ", ") + *part;
  const auto& measured = input.measurements;
  return fmt::format(
      "<header>\n<h1>{}: disk {}, CPU {}</h1>\n"
      "<p class=\"soft\">{}Fitness for etcd and Kubernetes, measured on the host itself by Bedplate {} from {} to {}; "
      "written {}.</p>\n"
      "<p>Disk: how long a small write takes until it is flushed, as etcd's log needs it for each change in the "
      "cluster. "
      "CPU: how much of its time the host below gives to others.</p>\n</header>\n",
      markup(node.name), diskVerdict(input.status), cpuVerdict(input.status), who.empty() ? "" : markup(who) + ". ",
      markup(input.status.version), utc(measured.fromUs), utc(measured.toUs), utc(input.nowUs));
}

}  // namespace

std::string utc(std::int64_t us) {
  if (us <= 0) return "-";
  constexpr std::size_t kToMinutes = 16;
  return dateTime(us, 0).substr(0, kToMinutes) + " UTC";
}

std::string figure(std::string_view title, std::string_view more, const std::string& picture) {
  return fmt::format("<figure>\n<figcaption>{} <span>{}</span></figcaption>\n{}</figure>\n", markup(title),
                     markup(more), picture);
}

std::string page(const PageInput& input) {
  std::string body = header(input) + verdictTiles(input);
  body += section("The numbers that decided", numbersTable(input));
  body += section("Over time", hostPlots(input));
  if (!input.hostOnly) body += section("Reconciles of Argo CD and Flux", reconcilesTable(input));
  body += section("How it was measured", method(input));
  body += section("The machine", cardTable(input));
  body += section("Limits of the kernel", headroomTable(input));
  if (!input.hostOnly) {
    body += section("Commits and drift", agentPlots(input));
    body += section("Conditions", conditionsTable(input));
    body += section("Last generations", generationsTable(input));
  }
  // A browser that is told so fetches nothing and runs nothing, whatever might have slipped in.
  return "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n"
         "<meta charset=\"utf-8\"/>\n"
         "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
         "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>" +
         markup(input.status.node.name) + ": disk and CPU</title>\n<style>" + kPageStyle +
         "</style>\n</head>\n<body>\n" + body + "</body>\n</html>\n";
}

}  // namespace bedplate::report
