// The table: every key of the configuration, once (those of `alerts` in schema_alerts.cpp). Defaults, ranges,
// checks, suggestions, `redflagd
// --check-config`, the example file and docs/configuration.md come from here.
#include <cstdlib>

#include "daemon/config/schema_alerts.h"
#include "daemon/config/schema_builder.h"

namespace redflag::daemon::settings {
namespace {

std::vector<std::pair<std::string_view, std::string>> split_project(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return {{"project", std::string(text)}};
  return {{"entity", std::string(text.substr(0, slash))}, {"project", std::string(text.substr(slash + 1))}};
}

std::vector<std::pair<std::string_view, std::string>> only_path(std::string_view text) {
  return {{"path", std::string(text)}};
}

const Section& run_filter() {
  static const Section table({
      value<&RunFilterConfig::tags>("tags", "Runs that have at least one of these tags.")
          .fallback_is("[]")
          .for_example("[full_finetune]"),
      value<&RunFilterConfig::names>("names", "Runs whose display name matches one of these globs (* and ?).")
          .fallback_is("[]")
          .for_example("[\"full_ft_*\"]"),
      value<&RunFilterConfig::groups>("groups", "Runs of one of these groups.").fallback_is("[]"),
      value<&RunFilterConfig::states>("states", "Runs in one of these states.")
          .fallback_is("[]")
          .one_of(
              {"running", "finished", "failed", "crashed", "killed", "pending", "preempting", "preempted"}),
      value<&RunFilterConfig::max_age>("max_age", "Runs created at most so long ago; 0s is no limit.")
          .fallback_is("0s")
          .range("0s", "5000d")
          .for_example("30d"),
      value<&RunFilterConfig::config>("config", "Runs whose config has these values.")
          .fallback_is("{}")
          .for_example("{task_name: sst2}"),
  });
  return table;
}

const Section& project() {
  static const Section table({
      value<&ProjectConfig::entity>("entity", "Team or user that the project belongs to.")
          .fallback_is("\"\"")
          .else_from("`WANDB_ENTITY`")
          .from_variable("WANDB_ENTITY"),
      value<&ProjectConfig::project>("project", "The project's name.").is_required(),
      section<&ProjectConfig::runs>("runs", "Which of its runs are followed; takes the place of wandb.runs.",
                                    run_filter()),
  });
  return table;
}

const Section& wandb() {
  static const Section table({
      value<&WandbConfig::enabled>("enabled", "Follow runs through the W&B API.").fallback_is("true"),
      value<&WandbConfig::base_url>("base_url",
                                    "Address of the W&B server, with its path prefix if it has one.")
          .of_kind(Kind::url)
          .fallback_is("https://api.wandb.ai")
          .from_variable("WANDB_BASE_URL"),
      list<&WandbConfig::projects>(
          "projects", "Projects to follow: \"entity/project\", or {entity, project, runs}.", project())
          .short_form(split_project, "entity/project")
          .else_from("`WANDB_ENTITY` and `WANDB_PROJECT`, if set")
          .for_example("[my-team/my-project]"),
      section<&WandbConfig::runs>(
          "runs", "Which runs are followed. All criteria that are given have to hold; none given: all runs.",
          run_filter()),
      value<&WandbConfig::poll_interval>("poll_interval", "How often running runs are asked for new points.")
          .fallback_is("15s")
          .range("1s", "1h"),
      value<&WandbConfig::timeout>("timeout", "Longest wait for one answer.")
          .fallback_is("30s")
          .range("1s", "10m"),
      value<&WandbConfig::api_key_file>(
          "api_key_file",
          "File with the API key. Before it comes the systemd credential wandb_api_key; after it "
          "WANDB_API_KEY and netrc.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .is_secret_path()
          .for_example("/etc/redflag/wandb_api_key"),
      value<&WandbConfig::ca_file>("ca_file",
                                   "PEM file with further certificate authorities to trust (a private CA).")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .for_example("/etc/ssl/certs/my-ca.pem"),
      value<&WandbConfig::max_requests_per_second>("max_requests_per_second",
                                                   "Requests per second, all projects together.")
          .fallback_is("1")
          .range("0.01", "20"),
      value<&WandbConfig::run_page_size>("run_page_size", "Runs in one page of a listing.")
          .fallback_is("50")
          .range("1", "500")
          .is_advanced(),
      value<&WandbConfig::history_page_steps>("history_page_steps",
                                              "Steps asked for in one page of a history.")
          .fallback_is("1000")
          .range("10", "100000")
          .is_advanced(),
      value<&WandbConfig::max_response_size>("max_response_size", "Answers beyond this size are refused.")
          .fallback_is("64MiB")
          .range("1MiB", "1GiB")
          .is_advanced(),
  });
  return table;
}

const Section& results() {
  static const Section root({
      value<&ResultsRoot::path>("path", "The directory. It need not exist yet.")
          .of_kind(Kind::path)
          .is_required(),
  });
  static const Section table({
      list<&ResultsConfig::roots>("roots", "Results directories to watch: a path, or {path}.", root)
          .short_form(only_path, "/path")
          .for_example("[/data/results]"),
      value<&ResultsConfig::settle>("settle", "A file is checked once its size has been still for so long.")
          .fallback_is("500ms")
          .range("100ms", "10m"),
      value<&ResultsConfig::incomplete_after>(
          "incomplete_after",
          "A file that is still incomplete after so long without a write is damaged, not in progress.")
          .fallback_is("2m")
          .range("1s", "1d"),
      value<&ResultsConfig::step_settle>(
          "step_settle", "A step directory counts as written once nothing in it changed for so long.")
          .fallback_is("30s")
          .range("1s", "1h"),
      value<&ResultsConfig::rescan_interval>(
          "rescan_interval",
          "How often everything is looked at again, for what inotify does not tell (network file systems).")
          .fallback_is("5m")
          .range("10s", "1d"),
      value<&ResultsConfig::inspect>(
          "inspect",
          "Look into tensor files (checksums, NaN, shapes, fitness to resume), through redflag-inspect.")
          .fallback_is("true"),
      value<&ResultsConfig::inspect_cpu_share>("inspect_cpu_share",
                                               "How much of one core looking into files may take, averaged "
                                               "over a minute; a newest checkpoint may take it whole.")
          .fallback_is("0.5")
          .range("0.01", "16"),
      value<&ResultsConfig::inspect_pace>(
          "inspect_pace",
          "How many bytes a second are read at most, so that a training keeps its memory bandwidth.")
          .fallback_is("256MiB")
          .range("1MiB", "1024GiB"),
      value<&ResultsConfig::inspect_memory>("inspect_memory", "Address space that redflag-inspect may use.")
          .fallback_is("512MiB")
          .range("128MiB", "64GiB")
          .is_advanced(),
      value<&ResultsConfig::forward>(
          "forward",
          "Run checkpoints on a fixed input and measure the drift of representations, through "
          "redflag-forward, where it is installed.")
          .fallback_is("true"),
      value<&ResultsConfig::forward_memory>(
          "forward_memory",
          "Memory that redflag-forward may use; what needs more is not checked, and said to be so.")
          .fallback_is("4GiB")
          .range("512MiB", "1024GiB"),
      value<&ResultsConfig::forward_timeout>("forward_timeout",
                                             "A forward pass that takes longer is given up.")
          .fallback_is("10m")
          .range("10s", "1d")
          .is_advanced(),
  });
  return table;
}

const Section& local() {
  static const Section directory({
      value<&LocalPath::path>("path", "The directory. It need not exist yet.")
          .of_kind(Kind::path)
          .is_required(),
  });
  static const Section log({
      value<&LocalPath::path>("path", "A path, or a glob over whole paths: `*` also stands for `/`.")
          .of_kind(Kind::path)
          .is_required(),
  });
  static const Section patterns({
      value<&LocalPath::path>("path", "A file of patterns, as docs/logs.md has it.")
          .of_kind(Kind::path)
          .is_required(),
  });
  static const Section table({
      value<&LocalConfig::enabled>(
          "enabled",
          "Follow W&B run directories, trainer logs, TensorBoard files and console logs on this machine.")
          .fallback_is("true"),
      list<&LocalConfig::directories>(
          "directories",
          "Directories below which training writes, besides results.roots: where `wandb/` lies, for one.",
          directory)
          .short_form(only_path, "/path")
          .for_example("[/home/me/finetune]"),
      list<&LocalConfig::logs>("logs", "Console logs to read: paths or globs.", log)
          .short_form(only_path, "/path")
          .for_example("[\"/var/log/slurm/*.out\"]"),
      list<&LocalConfig::patterns>(
          "patterns",
          "Files with texts of your own that a log is searched for, before those that ship: docs/logs.md.",
          patterns)
          .short_form(only_path, "/path")
          .for_example("[/etc/redflag/log_patterns.yaml]"),
      value<&LocalConfig::old_after>(
          "old_after",
          "Runs whose files were not written for so long are read for how they ended, and page nobody.")
          .fallback_is("1d")
          .range("1m", "365d")
          .is_advanced(),
  });
  return table;
}

const Section& metrics() {
  static const Section table({
      value<&MetricsConfig::aliases>(
          "aliases",
          "Further names that metrics are logged under: canonical name → names, each a text or {name, "
          "scale}; "
          "value = logged value × scale. The names of HF Trainer and Lightning are built in.")
          .fallback_is("{}")
          .for_example("{train_loss: [my/loss, {name: my/loss_percent, scale: 0.01}]}"),
  });
  return table;
}

const Section& rules() {
  static const Section table({
      value<&RulesConfig::packs>("packs", "Rule packs that ship with redflag.").fallback_is("[step3]"),
      value<&RulesConfig::directory>("directory", "Directory with rule packs of your own (*.yaml).")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .for_example("/etc/redflag/rules.d"),
  });
  return table;
}

const Section& store() {
  static const Section table({
      value<&StoreConfig::state_directory>("state_directory",
                                           "Where points, alerts and unsent messages are kept.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .else_from(
              "`$STATE_DIRECTORY` (systemd), else `$XDG_STATE_HOME/redflag`, else `~/.local/state/redflag`; "
              "`/var/lib/redflag` for root under systemd"),
      value<&StoreConfig::retention>("retention", "How long points and ended alerts are kept.")
          .fallback_is("30d")
          .range("1h", "3650d"),
  });
  return table;
}

const Section& log() {
  static const Section table({
      value<&LogConfig::level>("level", "The least important messages to write.").fallback_is("info"),
      value<&LogConfig::format>("format", "One line per event, as text or as a JSON object.")
          .fallback_is("text"),
      value<&LogConfig::file>("file", "Where to write: a path, stderr or journal.")
          .of_kind(Kind::path)
          .fallback_is("stderr")
          .one_of({"stderr", "journal"}),
      value<&LogConfig::progress_interval>("progress_interval",
                                           "How often a run's newest step and numbers are logged.")
          .fallback_is("30s")
          .range("1s", "1d"),
  });
  return table;
}

const Section& network() {
  static const Section table({
      value<&NetworkConfig::proxy>(
          "proxy",
          "Proxy for http and https: http://host:port, or none. One with a password goes into HTTPS_PROXY.")
          .of_kind(Kind::url)
          .fallback_is("\"\"")
          .one_of({"none"})
          .else_from("`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`")
          .for_example("http://proxy.example:3128"),
      value<&NetworkConfig::no_proxy>(
          "no_proxy", "Hosts and domains that are reached directly, besides those in NO_PROXY.")
          .fallback_is("[]")
          .for_example("[.example.com, 10.0.0.5]"),
  });
  return table;
}

const Section& api() {
  static const Section table({
      value<&ApiConfig::socket>("socket", "Its socket, or none.")
          .of_kind(Kind::path)
          .fallback_is("\"\"")
          .one_of({"none"})
          .else_from(
              "`redflag.sock` in `$RUNTIME_DIRECTORY` (systemd), else in `$XDG_RUNTIME_DIR/redflag`, else "
              "in the state directory"),
      value<&ApiConfig::mode>("mode", "Permissions of the socket, octal: who may ask, silence and drop.")
          .fallback_is("\"\"")
          .else_from("\"0660\" when there is a group, else \"0600\""),
      value<&ApiConfig::group>(
          "group", "Group that the socket is given to; redflagd has to be in it (systemd: Group=).")
          .fallback_is("\"\"")
          .for_example("redflag"),
  });
  return table;
}

const Section& page() {
  static const Section table({
      value<&PageConfig::listen>(
          "listen", "Address and port on this machine where the page is, or none. Loopback only.")
          .fallback_is("none")
          .for_example("127.0.0.1:8765"),
  });
  return table;
}

const Section& prometheus() {
  static const Section table({
      value<&PrometheusConfig::listen>(
          "listen",
          "Address of this machine, with port, where GET /metrics, /healthz and /readyz are answered to "
          "whoever is on it, without a token: numbers and names, nothing can be changed. none: only the "
          "API's "
          "socket answers them.")
          .fallback_is("none")
          .for_example("127.0.0.1:9736"),
  });
  return table;
}

const Section& host() {
  static const Section table({
      value<&HostConfig::enabled>("enabled", "Watch the machine that redflagd runs on.").fallback_is("true"),
      value<&HostConfig::disk_paths>("disk_paths",
                                     "Further paths whose file systems are watched for space and inodes, "
                                     "besides the results, the state and the log.")
          .fallback_is("[]")
          .for_example("[/scratch, /home]"),
      value<&HostConfig::gpu>("gpu", "Ask NVIDIA's GPUs, where their driver is installed.")
          .fallback_is("true"),
      value<&HostConfig::kernel_log>(
          "kernel_log", "Follow the kernel's log for OOM kills and GPU errors, where it may be read.")
          .fallback_is("true"),
      value<&HostConfig::interval>("interval", "How often the machine is looked at.")
          .fallback_is("15s")
          .range("1s", "10m"),
      value<&HostConfig::processes>(
          "processes",
          "Command lines (globs) of trainings that cannot be told by WANDB_RUN_ID, their open files or "
          "their output directory.")
          .fallback_is("[]")
          .for_example("[\"*/train.py *\"]"),
  });
  return table;
}

}  // namespace

const Section& schema() {
  static const Section table({
      section<&Config::wandb>("wandb", "Weights & Biases: which runs to follow, and how.", wandb()),
      section<&Config::results>("results", "Results directories: checkpoints and representations.",
                                results()),
      section<&Config::host>("host", "The machine: disks, memory, GPUs, kernel log, processes.", host()),
      section<&Config::local>("local", "What training writes on this machine, read as it is written.",
                              local()),
      section<&Config::metrics>("metrics", "Names of metrics.", metrics()),
      section<&Config::rules>("rules", "What counts as a red flag.", rules()),
      section<&Config::alerts>("alerts", "Where red flags are announced.", alerts_section()),
      section<&Config::store>("store", "What redflagd remembers.", store()),
      section<&Config::log>("log", "The daemon's own log.", log()),
      section<&Config::network>("network", "The way to the outside.", network()),
      section<&Config::api>("api", "The local API, for the command `redflag` and for scripts.", api()),
      section<&Config::page>("page", "The live page; `redflag page` prints the way in (docs/page.md).",
                             page()),
      section<&Config::prometheus>(
          "prometheus", "Metrics of redflagd and of what it watches, for Prometheus.", prometheus()),
  });
  return table;
}

}  // namespace redflag::daemon::settings

namespace redflag::daemon {

std::string_view to_string(TextFormat format) {
  return format == TextFormat::json ? "json" : "text";
}

std::string_view to_string(ReceiverType type) {
  switch (type) {
    case ReceiverType::slack:
      return "slack";
    case ReceiverType::slack_bot:
      return "slack_bot";
    case ReceiverType::webhook:
      return "webhook";
    case ReceiverType::alertmanager:
      return "alertmanager";
    case ReceiverType::mail:
      return "mail";
    case ReceiverType::log:
      break;
  }
  return "log";
}

unsigned api_mode(const ApiConfig& api) {
  // Checked when the configuration was read (completion.cpp).
  return static_cast<unsigned>(std::strtoul(api.mode.c_str(), nullptr, 8)) & 0777U;
}

std::string_view to_string(LogThreshold level) {
  switch (level) {
    case LogThreshold::debug:
      return "debug";
    case LogThreshold::info:
      return "info";
    case LogThreshold::warning:
      return "warning";
    case LogThreshold::error:
      return "error";
  }
  return "info";
}

}  // namespace redflag::daemon
