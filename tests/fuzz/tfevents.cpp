// libFuzzer target: TensorBoard's event files, as they stand or as events in sound records. Built and run by
// `./dev campaign fuzz`.
#include "daemon/local/tfevents.h"

#include <cstddef>
#include <cstdint>

#include "tests/fuzz/local_files.h"
#include "tests/local/log_writers.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redflag::daemon::local;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string file;
  if (data[0] % 2 == 0) {
    file.assign(input);
  } else {
    file = tf_begin();
    std::string_view rest = input;
    while (!rest.empty()) {
      const std::size_t length = std::min<std::size_t>(rest.size(), static_cast<unsigned char>(rest.front()));
      file += tf_record(rest.substr(std::min<std::size_t>(1, length), length));
      rest.remove_prefix(std::min(rest.size(), length + 1));
    }
  }
  Told whole;
  Told pieces;
  TfeventsReader at_once(whole.sink(), data[1] % 4 == 0 ? "validation" : "");
  at_once.feed(file);
  at_once.finish();
  TfeventsReader by_and_by(pieces.sink(), data[1] % 4 == 0 ? "validation" : "");
  in_pieces(file, data[1], [&](std::string_view piece) { by_and_by.feed(piece); });
  by_and_by.finish();
  pieces.expect_same(whole);
  return 0;
}
