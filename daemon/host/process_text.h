// What the texts of /proc/PID tell of a training: command lines, environments, names of open files. Pure.
#pragma once

#include <string>
#include <string_view>

#include "daemon/host/processes.h"

namespace redflag::daemon {

/// The value of a variable in /proc/PID/environ; empty when it is not there.
std::string environment_value(std::string_view environ, std::string_view name);

/// A Python, or what starts one for training (torchrun, accelerate, deepspeed), by its name or its program.
/// Shells, editors and what shows files are none, whatever their arguments.
bool may_train(std::string_view command, std::string_view command_line);

/// The process that a W&B service works for: wandb-core's --pid, the 2nd part of "wandb-service(2-PID-s-…)",
/// else its parent. 0: it is no W&B service.
std::int64_t wandb_service_of(const ProcessStat& stat, std::string_view command_line);

/// "x" for ".../run-20260101_120000-x/run-x.wandb" and ".../offline-run-…-x/files/output.log"; else empty.
std::string run_id_of_file(std::string_view path);

/// Is any argument, or the value of a --key=value, this directory, or below it?
bool names_directory(std::string_view command_line, std::string_view directory);
/// Is any argument, its value or the last part of its path the run's name? Names under 6 letters say too
/// little.
bool names_run(std::string_view command_line, std::string_view name);

/// Arguments with spaces between, as people write them.
std::string spoken_command_line(std::string_view command_line);

}  // namespace redflag::daemon
