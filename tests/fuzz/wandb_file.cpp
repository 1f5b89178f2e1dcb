// libFuzzer target: W&B's run files. The first byte says whether the rest is a file as it stands, or records
// that are put into sound blocks, since no fuzzer finds a checksum. Built and run by `./dev campaign fuzz`.
#include "daemon/local/wandb_file.h"

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
    WandbWriter writer;
    std::string_view rest = input;
    while (!rest.empty()) {
      // A record's length stands before it, or it is one of a kind with all that is left.
      const std::size_t length =
          std::min<std::size_t>(rest.size(), static_cast<unsigned char>(rest.front()) * 8U);
      writer.record(rest.substr(0, length));
      rest.remove_prefix(std::max<std::size_t>(length, 1));
    }
    file = writer.bytes();
  }
  Told whole;
  Told pieces;
  WandbFileReader at_once(whole.sink());
  at_once.feed(file);
  at_once.finish();
  WandbFileReader by_and_by(pieces.sink());
  in_pieces(file, data[1], [&](std::string_view piece) { by_and_by.feed(piece); });
  by_and_by.finish();
  pieces.expect_same(whole);
  // Resumed at any cursor it must not fall over.
  Told ignored;
  WandbFileReader resumed(ignored.sink(), data[1]);
  resumed.feed(std::string_view(file).substr(std::min<std::size_t>(data[1], file.size())));
  return 0;
}
