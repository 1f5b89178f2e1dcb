// What may stand in the body of a request, and what is said when something else does. Pure: bytes in, values
// or an error out; tests/fuzz/api_request.cpp feeds it anything.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "alerts/silence.h"
#include "rules/values/error.h"
#include "rules/values/time.h"

namespace redflag::daemon::api {

inline constexpr std::size_t kMaxBodyBytes = std::size_t{1} << 20;
inline constexpr std::size_t kMaxMatchers = 64;
inline constexpr std::size_t kMaxMatcherBytes = 1024;
inline constexpr std::size_t kMaxCommentBytes = 4096;
inline constexpr std::size_t kMaxNameBytes = 256;  ///< of an author
inline constexpr std::size_t kMaxIds = 10'000;
inline constexpr std::size_t kMaxIdBytes = 512;
inline constexpr Duration kMaxSilence = std::chrono::hours{24 * 3650};

struct AckBody {
  std::string by;  ///< empty: whoever asks
  std::string comment;
};

struct IdsBody {
  std::vector<std::string> ids;  ///< empty: all, which was asked for in so many words
};

/// {"by"?, "comment"?}; no body at all is an empty one.
Result<AckBody> parse_ack(std::string_view body);

/// {"matchers", "starts"?, "ends" | "duration", "comment", "author"?}. A silence without id and `created`;
/// `starts` is `now` when not given. `preview`: the comment may be missing.
Result<alerts::Silence> parse_silence(std::string_view body, Time now, bool preview);

/// {"ids": […]} with at least one, or {"all": true}.
Result<IdsBody> parse_ids(std::string_view body);

/// The matchers as written, each parsed. Errors: none, too many, too long, and those of parse_matcher.
Result<std::vector<alerts::Matcher>> parse_matchers(const std::vector<std::string>& written);

}  // namespace redflag::daemon::api
