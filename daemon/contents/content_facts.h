// Findings about contents as facts that rules read: a word for each kind of trouble, and its text.
#pragma once

#include <string_view>
#include <vector>

#include "daemon/tensors/report.h"
#include "rules/values/observation.h"

namespace redflag::daemon {

/// The kinds of trouble, as rules name them:
///   nan          NaN or infinite numbers in layers, weights or optimizer state
///   zero         tensors that are zero or constant throughout, or have no elements
///   mismatch     shapes, types or names that contradict metadata.json, config.json, the index of shards or
///   other steps identical    all tensors equal to another step's or checkpoint's resume       optimizer,
///   scheduler, RNG and trainer state are missing or disagree hostile      a pickle asks for something that
///   runs code output       a forward pass gives NaN, or not the same twice collapsed    a layer's
///   representations are all the same
/// What is missing altogether is told by the results source already (verdict), so it is none of them.
std::string_view trouble_of(std::string_view code);

/// For each kind: KIND = "none", "warning" or "critical", KIND_detail = its messages, worst first. `only`
/// limits them to some kinds; empty: all.
Attributes content_attributes(const std::vector<tensors::Finding>& findings,
                              const std::vector<std::string_view>& only = {});

}  // namespace redflag::daemon
