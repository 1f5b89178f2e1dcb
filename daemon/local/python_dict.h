// Rows as Python prints them: HF's "{'loss': 0.5, 'grad_norm': nan, 'epoch': 1.0}".
#pragma once

#include <string_view>

#include "daemon/runs/logged_row.h"

namespace redflag::daemon::local {

/// `text` is one dict and nothing else but white space. Numbers, nan and inf, numbers in quotes (HF from
/// version 5 on) and calls around one number ("tensor(0.5)", "np.float64(0.5)") become values; nested dicts
/// are flattened with '.'; other values are passed over. False: it is no such dict, and `row` is to be thrown
/// away.
bool parse_python_dict(std::string_view text, LoggedRow& row);

}  // namespace redflag::daemon::local
