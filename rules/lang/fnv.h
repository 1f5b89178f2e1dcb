// FNV-1a, 64 bit: a stable hash for ids that have to be the same after a restart and on another machine. Not
// for secrets.
#pragma once

#include <cstdint>
#include <string_view>

namespace redflag {

class Fnv {
 public:
  explicit Fnv(std::uint64_t basis = 0xcbf29ce484222325ULL) : state_(basis) {}

  Fnv& add(std::string_view text) {
    for (const char c : text) byte(static_cast<unsigned char>(c));
    byte(0);  // "ab" + "c" is not "a" + "bc"
    return *this;
  }
  Fnv& add(std::int64_t number) {
    for (int i = 0; i < 8; ++i)
      byte(static_cast<unsigned char>(static_cast<std::uint64_t>(number) >> (8 * i)));
    return *this;
  }
  std::uint64_t value() const { return state_; }

 private:
  void byte(unsigned char c) { state_ = (state_ ^ c) * 0x100000001b3ULL; }
  std::uint64_t state_;
};

}  // namespace redflag
