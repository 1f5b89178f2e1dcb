// A project in which everything is well and everything was looked at: every line of the checklist passes on
// it. Tests break one thing, or take one thing away.
#pragma once

#include <functional>
#include <string>

#include "daemon/validate/checklist.h"

namespace redflag::daemon::test {

Evidence healthy_evidence();
/// The same with a diverged run, a low task, a damaged file, a missing step and things not looked at.
Evidence troubled_evidence();

// To find one's way in it.
inline const std::string kRoot = "/data/results";
std::string run_key(const std::string& name);  ///< of "full_ft_mrpc_seed42"
RunView& run_named(Evidence& evidence, const std::string& name);
RunEvidence& curves_of(Evidence& evidence, const std::string& name);
Curve& curve_of(Evidence& evidence, const std::string& name, const std::string& metric);
void drop_curve(Evidence& evidence, const std::string& name, const std::string& metric);
/// By the path below kRoot.
SubjectFacts& facts_of(Evidence& evidence, const std::string& path);
void drop_facts(Evidence& evidence, const std::string& path);
void set_fact(Evidence& evidence, const std::string& path, const std::string& name, Attribute value);
void drop_fact(Evidence& evidence, const std::string& path, const std::string& name);
/// Fires on a run (by name; empty: on none).
AlertLine& fire(Evidence& evidence, const std::string& rule, const std::string& run_name,
                Severity severity = Severity::critical);
/// Ended with its run ("closed"), or mended itself ("resolved").
void end_alert(Evidence& evidence, const std::string& rule, const std::string& run_name,
               const std::string& state);

}  // namespace redflag::daemon::test
