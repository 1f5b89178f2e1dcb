// Writes reports to look at, in a browser and a terminal: `redflag_look_at_report DIRECTORY`. Not a test.
#include <cmath>
#include <fstream>
#include <string>

#include "daemon/cli/validate_text.h"
#include "daemon/validate/checklist.h"
#include "daemon/validate/report/report_html.h"
#include "tests/validate/healthy.h"

using namespace redflag::daemon;

int main(int count, char** words) {
  if (count != 2) return 2;
  const std::string directory = words[1];
  const auto write = [&](const char* name, const Evidence& evidence) {
    std::ofstream(directory + "/" + name) << validate::report_html(evidence, validate::judge(evidence));
  };
  const auto say = [&](const char* name, const Evidence& evidence, std::size_t width) {
    Look look;
    look.width = width;
    std::ofstream(directory + "/" + name) << checklist_text(validate::judge(evidence), look);
  };
  say("healthy_80.txt", test::healthy_evidence(), 80);
  say("troubled_80.txt", test::troubled_evidence(), 80);
  say("troubled_40.txt", test::troubled_evidence(), 40);
  write("healthy.html", test::healthy_evidence());
  write("troubled.html", test::troubled_evidence());
  return 0;
}
