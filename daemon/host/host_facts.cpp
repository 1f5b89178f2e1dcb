#include "daemon/host/host_facts.h"

#include <fmt/format.h>

#include "daemon/results/printable.h"

namespace redflag::daemon {
namespace {

double number(std::uint64_t value) {
  return static_cast<double>(value);
}

void add(Attributes& out, const char* name, const std::optional<double>& value) {
  if (value) out.emplace_back(name, *value);
}

}  // namespace

std::string host_text(std::string_view raw, std::size_t most) {
  return printable_path(std::string(raw.substr(0, most)));
}

Attributes memory_facts(const MemoryReading& reading, std::size_t live_runs) {
  const double swap = reading.swap_total_bytes == 0
                          ? 100.0
                          : 100.0 * number(reading.swap_free_bytes) / number(reading.swap_total_bytes);
  Attributes out{{"what", std::string("machine")},
                 {"in_container", reading.contained},
                 {"live_runs", number(live_runs)},
                 {"memory_total_bytes", number(reading.total_bytes)},
                 {"memory_available_bytes", number(reading.available_bytes)},
                 {"memory_available_percent", reading.available_percent()},
                 {"swap_total_bytes", number(reading.swap_total_bytes)},
                 {"swap_free_bytes", number(reading.swap_free_bytes)},
                 {"swap_free_percent", swap}};
  add(out, "memory_stalled_percent", reading.stalled_percent);
  return out;
}

Attributes disk_facts(const DiskReading& reading, const DiskDemand& demand) {
  Attributes out{{"what", std::string("disk")}, {"name", host_text(reading.mount)}};
  const bool answers = reading.state == DiskReading::State::ok;
  out.emplace_back("disk_answers", answers);
  out.emplace_back("disk_problem", reading.problem);
  if (!answers) return out;
  out.emplace_back("file_system", host_text(reading.type, 64));
  out.emplace_back("read_only", reading.read_only);
  out.emplace_back("quota", std::string("not known"));
  // Before the figures, for rules read them when those come.
  out.emplace_back("disk_horizon", std::chrono::duration<double>(demand.horizon).count());
  if (demand.next_checkpoint > 0)
    out.emplace_back("disk_next_checkpoint_bytes", number(demand.next_checkpoint));
  out.emplace_back("disk_fits_checkpoint", reading.free_bytes >= demand.next_checkpoint);
  out.emplace_back("disk_used_percent", reading.used_percent);
  out.emplace_back("disk_free_bytes", number(reading.free_bytes));
  out.emplace_back("disk_total_bytes", number(reading.total_bytes));
  if (reading.inodes_total > 0) {
    out.emplace_back("inodes_used_percent", reading.inodes_used_percent());
    out.emplace_back("inodes_free", number(reading.inodes_free));
  }
  return out;
}

Attributes gpu_facts(const GpuReading& reading, const std::string& users) {
  Attributes out{{"what", std::string("gpu")},
                 {"name", fmt::format("GPU {}{}{}", reading.index, reading.name.empty() ? "" : " ",
                                      host_text(reading.name, 96))},
                 {"pci", host_text(reading.pci, 32)},
                 {"gpu_lost", reading.lost},
                 {"gpu_answers", !reading.lost}};
  if (reading.lost) return out;
  out.emplace_back("gpu_processes", users);
  if (reading.throttle) out.emplace_back("gpu_throttle", throttle_words(*reading.throttle));
  add(out, "gpu_slowdown_c", reading.slowdown_c);
  add(out, "gpu_temperature_c", reading.temperature_c);
  if (reading.memory_used_bytes)
    out.emplace_back("gpu_memory_used_bytes", number(*reading.memory_used_bytes));
  if (reading.memory_used_bytes && reading.memory_total_bytes.value_or(0) > 0)
    out.emplace_back("gpu_memory_percent",
                     100.0 * number(*reading.memory_used_bytes) / number(*reading.memory_total_bytes));
  add(out, "gpu_utilisation_percent", reading.utilisation_percent);
  add(out, "gpu_power_watts", reading.power_watts);
  if (reading.ecc_uncorrected) out.emplace_back("gpu_ecc_uncorrected", number(*reading.ecc_uncorrected));
  return out;
}

Attributes trainer_facts(const Trainer& trainer, const std::string& name) {
  Attributes out{{"what", std::string("trainer")},
                 {"name", name},
                 {"trainer_state", std::string(to_string(trainer.state))},
                 {"evidence", std::string(to_string(trainer.evidence))},
                 {"trainer_command", host_text(trainer.command, 64)},
                 {"trainer_pid", static_cast<double>(trainer.main_pid)}};
  out.emplace_back("trainer_processes", number(trainer.processes.size()));
  if (trainer.state == Trainer::State::exited) return out;
  out.emplace_back("trainer_rss_mb", number(trainer.rss_bytes) / 1e6);
  out.emplace_back("trainer_threads", number(trainer.threads));
  return out;
}

Attributes run_trainer_facts(const Trainer& trainer, const std::string& host, const std::string& exit) {
  const bool exited = trainer.state == Trainer::State::exited;
  return {{"trainer_host", host},
          {"trainer_pid", static_cast<double>(trainer.main_pid)},
          {"trainer_evidence", std::string(to_string(trainer.evidence))},
          {"trainer_exit", exited ? exit : std::string()},
          {"trainer", std::string(exited ? "exited" : "alive")}};
}

}  // namespace redflag::daemon
