// Brings the rules together: the packs that ship, by name, and the user's own files.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/runs/metric_names.h"
#include "rules/lang/rule_set.h"
#include "rules/values/error.h"

namespace redflag::daemon {

struct RuleFiles {
  std::vector<std::string> packs{"step3"};  ///< names of shipped packs
  std::string
      directory;  ///< every *.yaml and *.yml in it but tests, in the order of their names; empty = none
  std::vector<std::string> files;  ///< further files
};

/// Files named *_test.yaml hold tests of rules (rules/testing/test_file.h) and stand beside them; a
/// directory's are passed over.
bool is_rule_test_file(const std::string& path);

/// Reads a whole file of at most 256 KiB; `what` it is ("rule file") stands in errors.
Result<std::string> read_yaml_file(const std::string& path, std::string_view what);

/// Reads one file; its pack is called by the file's name unless it says otherwise.
Result<RuleSource> read_rule_file(const std::string& path);

/// What to compile, in order: packs, the directory's files, further files.
Result<std::vector<RuleSource>> rule_sources(const RuleFiles& wanted);

/// `names` has to outlive what is returned.
LoadOptions rule_options(const MetricNames& names);

/// Names of the packs that ship.
std::vector<std::string> shipped_pack_names();

/// The error's text holds every mistake found, each with file:line:column and a caret. Metric names in the
/// rules are made canonical, so that `grad_norm` means what the rows call gradient_norm_total.
Result<std::shared_ptr<const RuleSet>> load_rules(const RuleFiles& wanted, const MetricNames& names);

}  // namespace redflag::daemon
