// One directory of representations: {method}_{task}/step_N with a tensor file for each layer and
// metadata.json.
#pragma once

#include "daemon/checks/directory_report.h"

namespace redflag::checks {

/// Every layer of metadata.json present; files whole, loadable and not suspiciously small; no NaN, not all
/// zero, not constant; shapes and types as metadata.json has them; metadata.json itself valid and agreeing
/// with the directory's name (`input.place`; what it does not say is not compared). Extra tensors are looked
/// at for NaN only. While a file is being written, only contents are judged.
DirectoryReport check_step(const DirectoryInput& input);

}  // namespace redflag::checks
