// The forms of a Scorecard: tables for people, one JSON object for scripts.
#pragma once

#include <string>
#include <vector>

#include "daemon/cli/score.h"

namespace redflag::daemon {

/// `unlabelled`: logs in the directory that no label names.
std::string score_text(const Scorecard& score, const std::vector<std::string>& unlabelled);

/// Keys, always all of them: runs (array of file, label, counted, repository, onset, unreadable, log_rows,
/// found_by_kind, alarmed, critical, first, alerts), classes (array of class, runs, found_by_kind,
/// found_by_any, critical), healthy and unclear (runs, critical, warning; runs, alarmed), rules (array of
/// rule, kinds, nan, diverged, overfit, stalled, unclear, healthy_critical, healthy_warning), repositories
/// (array of repository, runs, false_alarms, missed), median (delay_rows, share_ahead), unlabelled. `first`
/// is the first alert of a rule of the label's kind or null; it and each of `alerts` have rule, severity,
/// step, log_row, delay_rows and share_ahead. What is not known is null.
std::string score_json(const Scorecard& score, const std::vector<std::string>& unlabelled);

}  // namespace redflag::daemon
