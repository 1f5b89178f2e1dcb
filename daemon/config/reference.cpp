// The reference and the example, written from the schema.
#include <algorithm>

#include <fmt/format.h>

#include "daemon/config/config_loader.h"
#include "daemon/config/roff.h"
#include "daemon/config/schema.h"
#include "daemon/config/suggest.h"

namespace redflag::daemon {
namespace {

using settings::Key;
using settings::Kind;
using settings::Section;

std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|' || c == '<') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string type_of(const Key& key) {
  if (key.kind == Kind::choice) return settings::one_of(key.choices);
  std::string text(settings::describe_kind(key.kind));
  if (key.kind == Kind::text_list && !key.choices.empty())
    text = "a list of words: " + settings::one_of(key.choices);
  if ((key.kind == Kind::path || key.kind == Kind::url) && !key.choices.empty())
    text += " or " + settings::one_of(key.choices);
  if (!key.minimum.empty()) text += fmt::format(", {} to {}", key.minimum, key.maximum);
  return text;
}

std::string default_of(const Key& key) {
  if (key.required) return "required";
  std::string text;
  if (!key.fallback.empty() && key.fallback != "\"\"") text = fmt::format("`{}`", key.fallback);
  if (!key.variable.empty() && key.dynamic.empty()) text = fmt::format("`{}`, else {}", key.variable, text);
  if (!key.dynamic.empty()) text = std::string(key.dynamic);
  return text.empty() ? "none" : text;
}

void table_rows(const Section& section, const std::string& prefix, std::string& out) {
  for (const Key& key : section.keys) {
    const std::string path = prefix + std::string(key.name);
    if (key.kind == Kind::section) {
      out += fmt::format("| `{}` | a section | | {} |\n", path, cell(key.doc));
      table_rows(*key.section, path + ".", out);
      continue;
    }
    std::string doc(key.doc);
    if (!key.only_for.empty()) doc += fmt::format(" Type {} only.", settings::one_of(key.only_for));
    if (key.kind == Kind::section_list) {
      out += fmt::format("| `{}` | a list | {} | {} |\n", path, cell(default_of(key)), cell(doc));
      table_rows(*key.section, path + "[].", out);
      continue;
    }
    out +=
        fmt::format("| `{}` | {} | {} | {} |\n", path, cell(type_of(key)), cell(default_of(key)), cell(doc));
  }
}

void wrap(std::string_view text, const std::string& lead, std::string& out) {
  std::string line = lead;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (line.size() + end + 1 > 100 && line != lead) {
      out += line + "\n";
      line = lead;
    }
    line += " ";
    line += text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  out += line + "\n";
}

void example_keys(const Section& section, std::size_t depth, std::string& out) {
  const std::string indent(depth * 2, ' ');
  for (const Key& key : section.keys) {
    if (key.advanced) continue;
    std::string note(key.doc);
    const bool list = key.kind == Kind::section_list;
    if (key.kind == Kind::section) {
      out += "\n";
      wrap(note, indent + "#", out);
      out += fmt::format("{}{}:\n", indent, key.name);
      example_keys(*key.section, depth + 1, out);
      continue;
    }
    if (!list && key.kind != Kind::text && key.kind != Kind::path) note += fmt::format(" ({})", type_of(key));
    const std::string fallback = default_of(key);
    if (!key.example.empty() || list || !key.dynamic.empty()) note += fmt::format(" Default: {}.", fallback);
    std::erase(note, '`');
    wrap(note, indent + "#", out);
    const std::string_view shown = key.example.empty() ? key.fallback : key.example;
    out += fmt::format("{}#{}: {}\n", indent, key.name, shown);
  }
}

std::string plain(std::string text) {
  std::erase(text, '`');
  return text;
}

void manual_keys(const Section& section, const std::string& prefix, RoffPage& page) {
  for (const Key& key : section.keys) {
    const std::string path = prefix + std::string(key.name);
    if (key.kind == Kind::section) {
      page.tagged(roff_bold(path), key.doc);
      manual_keys(*key.section, path + ".", page);
      continue;
    }
    std::string doc(key.doc);
    if (!key.only_for.empty()) doc += fmt::format(" Type {} only.", settings::one_of(key.only_for));
    const bool list = key.kind == Kind::section_list;
    page.tagged(
        roff_bold(path) + " (" + roff_text(list ? "a list" : type_of(key)) + ")",
        fmt::format("{} {}", doc,
                    key.required ? "Required." : fmt::format("Default: {}.", plain(default_of(key)))));
    if (list) manual_keys(*key.section, path + "[].", page);
  }
}

}  // namespace

std::string config_reference() {
  std::string out =
      "# Configuration\n\n"
      "`redflagd` reads one YAML file: the one given with `--config`, else `/etc/redflag/redflag.yaml`, "
      "else\n"
      "`$XDG_CONFIG_HOME/redflag/redflag.yaml` (`~/.config/redflag/redflag.yaml`). Every key has a default "
      "that works, so the file\n"
      "can be empty or absent. `redflagd --check-config` shows what is in effect and where each value comes "
      "from.\n"
      "The file comes first, then the environment, then the default. This page is generated from the "
      "program's own table of keys.\n\n"
      "Durations are written with units (`250ms`, `15s`, `5m`, `1h30m`, `2d`, `1w`), and so are sizes "
      "(`64MiB`, `1GB`). Paths may begin\n"
      "with `~/`; relative ones are relative to the file. Text that begins with `*` or has `: ` in it needs "
      "quotes.\n\n"
      "## Secrets\n\n"
      "Secrets are never written into this file; a file that has one is refused. The W&B API key is taken "
      "from the first of: systemd\n"
      "credential `wandb_api_key`, the file in `wandb.api_key_file`, `WANDB_API_KEY`, the netrc entry for "
      "the server's host (`NETRC`,\n"
      "else `~/.netrc`). The Slack webhook: the file in the receiver's `webhook_file`, systemd credential "
      "`slack_webhook`,\n"
      "`REDFLAG_SLACK_WEBHOOK`. What other receivers need (`token`, `secret`, `url`): the file in "
      "`token_file`, `secret_file` or\n"
      "`url_file`, the systemd credential `NAME_token` (`NAME_secret`, `NAME_url`) with the receiver's name, "
      "the variable\n"
      "`REDFLAG_NAME_TOKEN` (in capitals, other characters than letters and digits as `_`). A proxy with a "
      "password goes into\n"
      "`HTTPS_PROXY`.\n";
  for (const Key& key : settings::schema().keys) {
    out += fmt::format("\n## {}\n\n{}\n\n| key | type | default | meaning |\n|---|---|---|---|\n", key.name,
                       key.doc);
    table_rows(*key.section, std::string(key.name) + ".", out);
  }
  return out;
}

std::string config_manual() {
  RoffPage page("redflag.yaml", 5, "configuration of redflagd");
  page.heading("DESCRIPTION");
  page.paragraph(
      "`redflagd` reads one YAML file: the one given with `--config`, else `/etc/redflag/redflag.yaml`, else "
      "`$XDG_CONFIG_HOME/redflag/redflag.yaml` (`~/.config/redflag/redflag.yaml`). Every key has a default "
      "that works, so the file can be empty or absent. `redflagd --check-config` shows what is in effect and "
      "where each value comes from; `redflag setup` writes a first file by asking.");
  page.paragraph(
      "Durations are written with units (250ms, 15s, 5m, 1h30m, 2d, 1w), and so are sizes (64MiB, 1GB). "
      "Paths may begin with ~/; relative ones are relative to the file. Text that begins with * or has a "
      "colon and a space in it needs quotes.");
  page.paragraph(
      "Secrets are never written into this file; a file that has one is refused. The W&B API key is taken "
      "from the first of: systemd credential wandb_api_key, the file in wandb.api_key_file, WANDB_API_KEY, "
      "the "
      "netrc entry for the server's host. The Slack webhook: the file in the receiver's webhook_file, "
      "systemd "
      "credential slack_webhook, REDFLAG_SLACK_WEBHOOK. A proxy with a password goes into HTTPS_PROXY.");
  page.heading("KEYS");
  for (const Key& key : settings::schema().keys) {
    page.subheading(key.name);
    page.paragraph(key.doc);
    manual_keys(*key.section, std::string(key.name) + ".", page);
  }
  page.heading("EXAMPLE");
  page.verbatim({"wandb:", "  projects: [my-team/my-project]", "results:", "  roots: [/data/results]",
                 "alerts:", "  receivers:", "    - {type: slack, webhook_file: /etc/redflag/slack_webhook}",
                 "    - {type: log}"});
  page.see_also({"redflag(1)", "redflagd(8)"});
  return page.text();
}

std::string config_example() {
  std::string out =
      "# redflagd's configuration. Every key is shown, commented out; what redflagd does without it is its "
      "default.\n"
      "# Check the file with: redflagd --check-config\n";
  example_keys(settings::schema(), 0, out);
  return out;
}

}  // namespace redflag::daemon
