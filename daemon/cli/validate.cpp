// Where the evidence comes from, and where the verdict goes.
#include "daemon/cli/validate.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>
#include <unistd.h>

#include "alerts/text/escape.h"
#include "daemon/cli/daemon_client.h"
#include "daemon/cli/look.h"
#include "daemon/cli/terminal.h"
#include "daemon/cli/validate_text.h"
#include "daemon/overview/overview_json.h"
#include "daemon/results/layout.h"
#include "daemon/validate/report/report_html.h"
#include "daemon/validate/report/report_json.h"

namespace redflag::daemon {
namespace {

constexpr int kNotChecked = 2;
constexpr int kUsage = 3;
/// Every byte of a results tree may have to be read.
constexpr Duration kLookLimit = std::chrono::minutes{30};

int usage(const std::string& what) {
  fmt::print(stderr, "redflag validate: {}\n", what);
  return kUsage;
}

Result<validate::ChecklistOptions> options_of(const Arguments& arguments) {
  validate::ChecklistOptions options;
  const Result<double> alpha = arguments.number("alpha", 0.05, 1e-6, 0.5);
  if (!alpha) return tl::unexpected<Error>(alpha.error());
  options.alpha = *alpha;
  const std::vector<std::string>& known = validate::required_tasks();
  for (const std::string& word : arguments.values("task")) {
    const std::string task = canonical_task(word);
    if (std::find(known.begin(), known.end(), task) == known.end())
      return fail(ErrorCode::invalid_input, "--task " + alerts::escape_terminal(word),
                  "no task of the checklist", "it knows mrpc, sst2, rte and squad_v2");
    options.tasks.push_back(task);
  }
  return options;
}

/// Written beside it first, so that an older report is never left half overwritten.
bool write_file(const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  std::FILE* file = std::fopen(fresh.c_str(), "wb");
  const auto complain = [&] {
    fmt::print(stderr, "redflag validate: writing {}: {}\n", alerts::escape_terminal(path),
               std::strerror(errno));
    if (file != nullptr) (void)std::remove(fresh.c_str());
    return false;
  };
  if (file == nullptr) return complain();
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !written) return complain();
  if (std::rename(fresh.c_str(), path.c_str()) != 0) return complain();
  return true;
}

int complain(const Error& error) {
  fmt::print(stderr, "redflag validate: {}\n  Nothing was checked.\n", alerts::escape_terminal(error.text()));
  return error.code == ErrorCode::invalid_input ? kUsage : kNotChecked;
}

/// Reads the sources itself; the evidence, else the exit code.
tl::expected<Evidence, int> look(const Arguments& arguments) {
  Result<OnceOptions> options = once_options(arguments, kLookLimit);
  if (!options) return tl::unexpected<int>(complain(options.error()));
  Result<Config> config = once_config(arguments);
  if (!config) return tl::unexpected<int>(complain(config.error()));
  options->evidence = true;
  options->contents = true;
  options->forward = true;
  Result<OnceLook> found = look_with_progress(std::move(*config), std::move(*options));
  if (!found) return tl::unexpected<int>(complain(found.error()));
  if (!found->unfinished.empty()) {
    fmt::print(
        stderr,
        "redflag validate: the time was up while waiting for {}; what it would have told is not checked\n"
        "  --time-limit SECONDS gives it more\n",
        alerts::escape_terminal(found->unfinished));
  }
  return std::move(found->evidence);
}

/// What the daemon knows; the evidence, else the exit code.
tl::expected<Evidence, int> ask(const Arguments& arguments) {
  DaemonClient daemon("redflag validate", arguments);
  const auto answer = daemon.ask("GET", "/v1/evidence");
  if (!answer) {
    if (answer.error() == kWrongUsage) return tl::unexpected<int>(kUsage);
    fmt::print(stderr, "  Nothing was checked. Without a daemon: redflag validate --once\n");
    return tl::unexpected<int>(kNotChecked);
  }
  Result<Evidence> evidence = evidence_from(*answer);
  if (!evidence) return tl::unexpected<int>(complain(evidence.error()));
  return std::move(*evidence);
}

int show(const Evidence& evidence, const validate::ChecklistOptions& options, const Arguments& arguments) {
  const validate::Checklist list = validate::judge(evidence, options);
  const std::string html = arguments.value("html");
  if (arguments.has("json")) {
    fmt::print("{}\n", validate::json_of(list).dump(2, ' ', true, nlohmann::json::error_handler_t::replace));
  } else {
    fmt::print("{}", checklist_text(list, Look::of_stdout()));
  }
  if (!html.empty()) {
    if (!write_file(html, validate::report_html(evidence, list))) return kUsage;
    if (!arguments.has("json")) fmt::print("\nReport: {}\n", alerts::escape_terminal(html));
  }
  return list.exit_code();
}

}  // namespace

const CommandSpec& validate_spec() {
  static const CommandSpec kSpec{
      "validate", "", "Goes through the checklist (V1 to V24): PASS, FAIL or NOT CHECKED, with evidence.",
      "PASS means that it was looked at and found so; what could not be looked at is\n"
      "NOT CHECKED, and never a PASS. docs/validate.md explains every line.\n\n"
      "exit codes: 0 all lines pass, 1 a line fails, 2 something was not checked (also:\n"
      "no daemon reached), 3 wrong usage\n\n"
      "examples:\n"
      "  redflag validate\n"
      "  redflag validate --html report.html\n"
      "  redflag validate --once --results /data/results     without a daemon\n"
      "  redflag validate --task sst2 --task rte\n"
      "  redflag validate --json | jq -r '.lines[] | select(.verdict != \"pass\") | .summary'",
      with_once_options(
          with_daemon_options({{"html", "FILE", "write the report with its charts, as one HTML file"},
                               {"task", "TASK", "only this task; may be given several times"},
                               {"alpha", "P", "how unlikely luck has to be for significance (0.05)"}}))};
  return kSpec;
}

int validate_command(const std::vector<std::string>& words) {
  const CommandSpec& spec = validate_spec();
  const Result<Arguments> arguments = Arguments::parse(spec, words);
  if (const std::optional<int> code = usage_answer("redflag", spec, arguments))
    return *code == 0 ? 0 : kUsage;
  if (!arguments->operands().empty()) return usage("it takes no operand; --html FILE writes the report");
  if (arguments->has("html") && arguments->value("html").empty())
    return usage("--html needs the name of a file");
  const Result<validate::ChecklistOptions> options = options_of(*arguments);
  if (!options) return usage(options.error().text());
  const auto evidence = arguments->has("once") ? look(*arguments) : ask(*arguments);
  if (!evidence) return evidence.error();
  return show(*evidence, *options, *arguments);
}

}  // namespace redflag::daemon
