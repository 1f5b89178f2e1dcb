// libFuzzer target: any bytes as the body of each request to the local API, and as a request's target. Built
// and run by `./dev campaign fuzz`.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "daemon/api/bodies.h"
#include "daemon/api/target.h"
#include "daemon/net/url.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redflag;
  using namespace redflag::daemon;
  const std::string text(data, data + size);
  const Time now{Duration{1'795'402'599'000'000}};
  (void)api::parse_ack(text);
  const auto ids = api::parse_ids(text);
  // An empty list means all, and has to be asked for in so many words.
  if (ids && ids->ids.empty() && text.find("all") == std::string::npos &&
      text.find("\\u") == std::string::npos)
    std::abort();
  for (const bool preview : {false, true}) {
    const auto silence = api::parse_silence(text, now, preview);
    if (!silence) {
      if (silence.error().what.empty()) std::abort();
      continue;
    }
    if (silence->matchers.empty() || silence->ends <= now || silence->ends <= silence->starts) std::abort();
    if (!preview && silence->comment.empty()) std::abort();
    for (const alerts::Matcher& matcher : silence->matchers) {
      const auto again = alerts::parse_matcher(alerts::to_string(matcher));
      if (again && again->label != matcher.label) std::abort();
    }
  }
  const auto target = api::parse_target(text);
  if (!target) return 0;
  std::string path;
  for (const std::string& part : target->path) path += '/' + percent_encode(part);
  const auto again = api::parse_target(path.empty() ? "/" : path);
  // An empty part at the end is a trailing slash, which says nothing.
  std::vector<std::string> expected = target->path;
  if (!expected.empty() && expected.back().empty()) expected.pop_back();
  if (!again || again->path != expected) std::abort();
  const auto query = api::Query::of(*target, {"limit"}, {"state", "match"});
  if (!query) return 0;
  const auto limit = query->count("limit", 1000, 100'000);
  if (limit && (*limit < 1 || *limit > 100'000)) std::abort();
  (void)api::parse_matchers(query->all("match"));
  return 0;
}
