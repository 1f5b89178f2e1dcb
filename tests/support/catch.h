// Catch2 as both Debian 12 (2.13) and Debian 13 (3.7) have it.
#pragma once

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
namespace redflag_test_detail {
inline auto contains(const std::string& text) {
  return Catch::Matchers::Contains(text);
}
}  // namespace redflag_test_detail
inline auto ContainsSubstring(const std::string& text) {
  return redflag_test_detail::contains(text);
}
#endif
