// libFuzzer target: trainer_state.json, JSON lines, and the reader of rows beneath both, which has to agree
// with the parser that builds trees. Built and run by `./dev campaign fuzz`.
#include "daemon/local/trainer_json.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "daemon/runs/relaxed_json.h"
#include "tests/fuzz/local_files.h"

namespace {

using namespace redflag::daemon;

/// What both make of it: the same names, the same numbers. Where a name comes twice they may differ in what a
/// value that is none leaves behind.
void compare(std::string_view text) {
  LoggedRow quick;
  const RowJson::Outcome outcome = RowJson().parse(text, quick);
  const auto tree = parse_relaxed_json(text, "fuzzing");
  if (!tree) return;  // it is stricter: invalid UTF-8
  if (outcome == RowJson::Outcome::malformed) std::abort();
  if (tree->is_object() != (outcome == RowJson::Outcome::row)) std::abort();
  LoggedRow slow;
  append_json(*tree, slow);
  if (slow.size() >= LoggedRow::kMaxValues || quick.size() >= LoggedRow::kMaxValues) return;
  for (std::size_t i = 0; i < slow.size(); ++i) {
    if (!slow.is_number(i)) continue;
    bool found = false;
    for (std::size_t k = 0; k < quick.size(); ++k) {
      const bool same =
          quick.number(k) == slow.number(i) || (std::isnan(quick.number(k)) && std::isnan(slow.number(i)));
      found = found || (quick.name(k) == slow.name(i) && same);
    }
    if (!found) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redflag::daemon::local;
  if (size < 1) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  // A file's mark is taken off by its reader; the library passes over one by itself.
  std::string_view bare = text;
  while (bare.starts_with("\xef\xbb\xbf")) bare.remove_prefix(3);
  compare(bare);
  Told told;
  TrainerStateReader state(told.sink());
  state.read(text);
  state.read(text.substr(0, text.size() / 2));
  state.read(text);
  TrainerStateReader restored(told.sink());
  if (!restored.restore(state.serialize())) std::abort();
  restored.read(text);

  Told whole;
  Told pieces;
  JsonLinesReader at_once(whole.sink());
  at_once.feed(text);
  at_once.finish();
  JsonLinesReader by_and_by(pieces.sink());
  in_pieces(text, data[0], [&](std::string_view piece) { by_and_by.feed(piece); });
  by_and_by.finish();
  pieces.expect_same(whole);
  return 0;
}
