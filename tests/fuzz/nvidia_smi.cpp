// libFuzzer target: what nvidia-smi prints, and the small files of /proc. Built and run by `./dev campaign
// fuzz`.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "daemon/host/disk.h"
#include "daemon/host/host_facts.h"
#include "daemon/host/process_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace redflag;
  using namespace redflag::daemon;
  const std::string text(data, data + size);
  for (const GpuReading& gpu : parse_nvidia_smi(text)) {
    if (gpu.uuid.empty()) std::abort();
    for (const auto& [name, value] : gpu_facts(gpu, {})) {
      const auto* number = std::get_if<double>(&value);
      if (number != nullptr && !(*number >= 0.0)) {
        // A card whose total is 0 has no share.
        std::abort();
      }
    }
  }
  if (const auto memory = parse_meminfo(text)) {
    MemoryReading limited = *memory;
    limit_memory(limited, text, text, text);
    if (limited.available_bytes > limited.total_bytes) std::abort();
  }
  if (const auto share = parse_pressure(text); share && !(*share >= 0.0 && *share <= 100.0)) std::abort();
  const auto mounts = parse_mountinfo(text);
  (void)mount_of(mounts, text);
  ProcessStat stat;
  if (const auto read = parse_process_stat(text)) stat = *read;
  (void)wandb_service_of(stat, text);
  (void)may_train(stat.command, text);
  (void)run_id_of_file(text);
  (void)names_directory(text, std::string_view(text).substr(0, 12));
  (void)names_run(text, std::string_view(text).substr(0, 12));
  (void)environment_value(text, "WANDB_RUN_ID");
  (void)spoken_command_line(text);
  return 0;
}
