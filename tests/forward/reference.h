// The models, adapters and representations that reference.py makes, once for all tests of a process.
#pragma once

#include <memory>
#include <string>

#include "tests/forward/run.h"
#include "tests/support/catch.h"

namespace redflag::test {

class Reference {
 public:
  /// Null where /usr/bin/python3 has no torch and numpy; says so once.
  static const Reference* get() {
    static const std::unique_ptr<Reference> made = make();
    if (!made)
      WARN("skipped: /usr/bin/python3 has no torch and numpy (Debian: python3-torch, python3-numpy)");
    return made.get();
  }
  std::string operator/(const std::string& name) const { return dir_ / name; }
  const nlohmann::json& expected() const { return expected_; }

 private:
  static std::unique_ptr<Reference> make() {
    if (run_command("/usr/bin/python3 -c 'import torch, numpy' 2>/dev/null").code != 0) return nullptr;
    std::unique_ptr<Reference> made(new Reference);
    const Answer ran = run_command("/usr/bin/python3 " REDFLAG_SOURCE_DIR "/tests/forward/reference.py " +
                                   made->dir_.path());
    if (ran.code != 0) throw std::runtime_error("tests/forward/reference.py failed");
    made->expected_ = nlohmann::json::parse(read_file(*made / "expected.json"));
    return made;
  }
  TempDir dir_;
  nlohmann::json expected_;
};

}  // namespace redflag::test
