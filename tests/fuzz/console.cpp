// libFuzzer target: console logs. Built and run by `./dev campaign fuzz`.
#include "daemon/local/console.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "tests/fuzz/local_files.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redflag::daemon::local;
  if (size < 1) return 0;
  const std::string_view file(reinterpret_cast<const char*>(data) + 1, size - 1);
  Told whole;
  Told pieces;
  ConsoleReader at_once(whole.sink());
  at_once.feed(file);
  at_once.finish();
  ConsoleReader by_and_by(pieces.sink());
  in_pieces(file, data[0], [&](std::string_view piece) { by_and_by.feed(piece); });
  by_and_by.finish();
  pieces.expect_same(whole);
  if (at_once.lines() != by_and_by.lines() || at_once.rows() != by_and_by.rows()) std::abort();
  const LastWords words = at_once.last_words(1);
  if (words.cause && !words.last_error) std::abort();
  return 0;
}
