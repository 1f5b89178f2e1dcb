#include "daemon/local/file_change.h"

#include <string>

#include "tests/support/catch.h"

namespace redflag::daemon::local {

TEST_CASE("a file that grows is the same, one that is cut or replaced is told", "[local][files]") {
  const std::string text(3000, 'a');
  const FileMark before = mark_file(7, 500, text.substr(0, 500));
  const auto now = [&](std::uint64_t inode, const std::string& bytes) {
    return compare(before, mark_file(inode, bytes.size(), bytes), std::string_view(bytes).substr(0, 1024));
  };
  CHECK(now(7, text.substr(0, 500)) == FileChange::none);
  CHECK(now(7, text) == FileChange::grown);
  CHECK(now(8, text) == FileChange::grown);  // copied, with more in it
  CHECK(now(7, "b" + text) == FileChange::replaced);
  CHECK(now(7, text.substr(0, 100)) == FileChange::replaced);
  CHECK(now(7, "") == FileChange::shrunk);
  const FileMark large = mark_file(7, 3000, text.substr(0, 1024));
  CHECK(compare(large, mark_file(7, 2000, text), std::string_view(text).substr(0, 1024)) ==
        FileChange::shrunk);
}

TEST_CASE("a file that was empty may become anything", "[local][files]") {
  CHECK(compare(mark_file(7, 0, ""), mark_file(7, 3, "abc"), "abc") == FileChange::grown);
}

}  // namespace redflag::daemon::local
