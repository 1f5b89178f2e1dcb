// What LibTorch throws, in one line for a report.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "rules/values/error.h"

namespace redflag::forward {

/// Threads of LibTorch and of the BLAS behind it.
void set_threads(int count);

/// Runs `work`; an error says what it threw: `too_large` when memory was short, else `unavailable`.
Result<void> guarded(const std::string& doing, const std::function<void()>& work);

}  // namespace redflag::forward
