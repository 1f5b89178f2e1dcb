// The page's files, as they were when redflag was built; made from daemon/page/assets by embed.cmake.
#pragma once

#include <span>
#include <string_view>

namespace redflag::daemon::page {

struct Asset {
  std::string_view path;  ///< "index.html"
  std::string_view type;  ///< "text/html; charset=utf-8"
  std::string_view etag;  ///< with its quotes
  std::string_view gzipped;
};

std::span<const Asset> assets();
/// nullptr when there is none of that name.
const Asset* find_asset(std::string_view path);

}  // namespace redflag::daemon::page
