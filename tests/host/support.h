// Shared by the tests of the machine's source: a /proc to write, probes that say what they are told to, an
// intake that keeps what it is given.
#pragma once

#include <deque>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "daemon/base/event.h"
#include "daemon/base/simulated_clock.h"
#include "daemon/host/host_source.h"
#include "tests/support/catch.h"
#include "tests/support/temp_dir.h"

namespace redflag::test {

using namespace redflag::daemon;

inline const Time kStart = *parse_rfc3339("2026-11-23T00:00:00Z");

/// A tree that looks like /proc.
class FakeProc {
 public:
  FakeProc() {
    put("stat", "cpu 1 2 3\nbtime 1795391000\nprocesses 9\n");
    memory(32, 16);
  }
  const std::string& root() const { return dir_.path(); }

  struct Process {
    std::int64_t pid = 0;
    std::string command = "python3";
    std::vector<std::string> arguments = {"python3", "train.py"};
    std::vector<std::string> environment = {};
    std::int64_t parent = 1;
    std::uint64_t start = 1000;
    char state = 'S';
    std::uint64_t rss_pages = 1000;
    std::vector<std::string> files = {};
  };
  void add(const Process& p) {
    const std::string base = std::to_string(p.pid);
    put(base + "/stat", stat_line(p));
    put(base + "/cmdline", joined(p.arguments));
    put(base + "/environ", joined(p.environment));
    std::filesystem::create_directories(root() + "/" + base + "/fd");
    int fd = 3;
    for (const std::string& file : p.files) {
      const std::string link = root() + "/" + base + "/fd/" + std::to_string(fd++);
      std::filesystem::remove(link);
      std::filesystem::create_symlink(file, link);
    }
  }
  void remove(std::int64_t pid) { std::filesystem::remove_all(root() + "/" + std::to_string(pid)); }
  void memory(int total_gb, int available_gb) {
    put("meminfo",
        "MemTotal:       " + std::to_string(total_gb * 1'000'000) +
            " kB\nMemFree:        100 kB\nMemAvailable:   " + std::to_string(available_gb * 1'000'000) +
            " kB\nSwapTotal:      0 kB\nSwapFree:       0 kB\n");
  }
  void put(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root() + "/" + name).parent_path());
    std::ofstream(root() + "/" + name, std::ios::binary | std::ios::trunc) << text;
  }
  static std::string stat_line(const Process& p) {
    return std::to_string(p.pid) + " (" + p.command + ") " + p.state + " " + std::to_string(p.parent) +
           " 1 1 0 -1 4194304 1 0 0 0 5 6 0 0 20 0 7 0 " + std::to_string(p.start) + " 123456789 " +
           std::to_string(p.rss_pages) + " 18446744073709551615 1 1 0 0 0\n";
  }

 private:
  static std::string joined(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& word : words) all += word + '\0';
    return all;
  }
  TempDir dir_;
};

class FakeDisks final : public DiskProbe {
 public:
  std::map<std::string, DiskReading> readings;  // by path
  asio::awaitable<DiskReading> read(std::string path) override { co_return readings[path]; }
};

inline DiskReading disk(const std::string& mount, double used_percent) {
  DiskReading reading;
  reading.state = DiskReading::State::ok;
  reading.mount = mount;
  reading.type = "ext4";
  reading.total_bytes = 100'000'000'000;
  reading.free_bytes = static_cast<std::uint64_t>(1e9 * (100.0 - used_percent));
  reading.used_percent = used_percent;
  reading.inodes_total = 1000;
  reading.inodes_free = 900;
  return reading;
}

class FakeGpus final : public GpuProbe {
 public:
  GpuReadings readings;
  asio::awaitable<GpuReadings> read() override { co_return readings; }
};

/// The kernel's log as the world has it, over restarts of the daemon: lines by number.
struct KernelWorld {
  std::vector<KernelLine> lines;
};

class FakeKernelLog final : public KernelLog {
 public:
  FakeKernelLog(KernelWorld& world, Clock& clock) : world_(world), clock_(clock) {}
  std::string refusal;  ///< why it does not open; empty: it does

  asio::awaitable<Result<void>> open(std::string position) override {
    if (!refusal.empty()) co_return fail(ErrorCode::denied, "opening the log", refusal);
    at_ = position.empty() ? world_.lines.size() : static_cast<std::size_t>(std::stoul(position));
    co_return Result<void>{};
  }
  asio::awaitable<Result<KernelLines>> next() override {
    for (;;) {
      if (at_ < world_.lines.size()) break;
      co_await clock_.sleep(std::chrono::seconds{1});
    }
    KernelLines out;
    for (; at_ < world_.lines.size() && out.lines.size() < 256; ++at_) out.lines.push_back(world_.lines[at_]);
    co_return out;
  }
  std::string position() const override { return std::to_string(at_); }
  std::string_view name() const override { return "fake"; }

 private:
  KernelWorld& world_;
  Clock& clock_;
  std::size_t at_ = 0;
};

class KeepingIntake final : public Intake {
 public:
  std::vector<Observation> told;
  std::map<Subject, std::map<std::string, Attribute>> facts;
  std::map<std::string, std::string> gone;
  std::map<std::string, std::string> cursors;
  std::size_t batches = 0;

  asio::awaitable<Result<void>> submit(SourceBatch batch) override {
    ++batches;
    for (auto& input : batch.inputs) {
      if (auto* one = std::get_if<Observation>(&input)) {
        for (const auto& [name, value] : one->attributes) facts[one->subject][name] = value;
        told.push_back(std::move(*one));
      } else if (const auto* left = std::get_if<Gone>(&input)) {
        gone[left->subject.key] = left->reason;
      }
    }
    for (const CursorUpdate& update : batch.cursors) cursors[update.source + "|" + update.key] = update.value;
    co_return Result<void>{};
  }
  std::optional<std::string> cursor(const std::string& source, const std::string& key) const override {
    const auto found = cursors.find(source + "|" + key);
    return found == cursors.end() ? std::nullopt : std::optional(found->second);
  }
  const RunInfo* run(const std::string&) const override { return nullptr; }

  const Attribute* find(SubjectKind kind, const std::string& key, const std::string& name) const {
    const auto subject = facts.find({kind, key});
    if (subject == facts.end()) return nullptr;
    const auto found = subject->second.find(name);
    return found == subject->second.end() ? nullptr : &found->second;
  }
  std::string text(const std::string& key, const std::string& name,
                   SubjectKind kind = SubjectKind::host) const {
    const Attribute* value = find(kind, key, name);
    const auto* words = value == nullptr ? nullptr : std::get_if<std::string>(value);
    return words == nullptr ? "(not told)" : *words;
  }
  double number(const std::string& key, const std::string& name) const {
    const Attribute* value = find(SubjectKind::host, key, name);
    const auto* figure = value == nullptr ? nullptr : std::get_if<double>(value);
    return figure == nullptr ? -1.0 : *figure;
  }
  bool flag(const std::string& key, const std::string& name) const {
    const Attribute* value = find(SubjectKind::host, key, name);
    REQUIRE(value != nullptr);
    return std::get<bool>(*value);
  }
};

inline const Attribute* attribute(const Observation& of, const std::string& name) {
  for (const auto& [key, value] : of.attributes) {
    if (key == name) return &value;
  }
  return nullptr;
}

inline std::string word(const Observation& of, const std::string& name) {
  const Attribute* value = attribute(of, name);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  return text == nullptr ? "(not told)" : *text;
}

}  // namespace redflag::test
